//! `headgate run`: records go the whole way, into a lake or into a deployment's own bucket.

use super::arrival::Arrival;
use super::env::CATALOG_ADDRESS;
use super::inputs::{Inputs, open, standard_input};
use super::progress::ReadingBar;
use super::report::{Begun, Report};
use super::{Console, Deployed, Failure, print};
use crate::assumptions::ACTIVE_PARTITIONS;
use crate::athena::{LocalCatalog, SharedCatalog};
use crate::aws::Aws;
use crate::catalog::Catalog;
use crate::deployment::{BUCKET, Deployment};
use crate::firehose::Arrivals;
use crate::functions::{InProcess, idle_runtime};
use crate::interrupt::interrupted;
use crate::invoke::{InvokeAddress, Invoked, LONGEST_INVOCATION};
use crate::lake::{Lake, LakeDestination};
use crate::pipeline::{Destination, Functions, Pipeline, Watcher};
use crate::services::Services;
use crate::services::server::Server;
use crate::summary::{Summary, grouped, printable_line};
use clap::Args;
use registrar::config::{Config, RegistrationBy};
use registrar::table_name::TableName;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The arguments of `headgate run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    deployed: Deployed,
    /// Records, one a line; `-` is standard input. Without any, the environment's sample data, into a fresh lake.
    files: Vec<PathBuf>,
    /// The lake: a folder that gets the bucket, catalog.json and statements.sql.
    #[arg(long, value_name = "DIR", default_value = "lake", conflicts_with = "to_aws")]
    out: PathBuf,
    /// Start with an empty lake instead of adding to the one that is there.
    #[arg(long, conflicts_with = "to_aws")]
    fresh: bool,
    #[command(flatten)]
    arrival: Arrival,
    /// The partitions that can be active at once with dynamic partitioning: the quota of the delivery stream.
    #[arg(long, value_name = "N", default_value_t = ACTIVE_PARTITIONS)]
    active_partitions: usize,
    #[command(flatten)]
    report: Report,
    /// Invoke the functions at this URL instead of running their code: those of `cargo lambda watch`, for example, which listens
    /// at `http://127.0.0.1:9000`. It needs the variables that `headgate env --catalog-address` prints.
    #[arg(long, value_name = "URL", conflicts_with = "to_aws")]
    invoke: Option<InvokeAddress>,
    /// Where Glue and Athena are answered for, over the lake's catalog, while functions are invoked.
    #[arg(long, value_name = "ADDRESS", default_value = CATALOG_ADDRESS, requires = "invoke")]
    catalog_address: SocketAddr,
    /// Write the objects to the bucket of the deployed stack, in S3, and register their partitions in its table, instead of into a
    /// lake. Region and credentials are those that all tools of AWS use. Nothing that is there is replaced or deleted.
    #[arg(long)]
    to_aws: bool,
    /// Another bucket than the stack's.
    #[arg(long, value_name = "NAME", requires = "to_aws")]
    bucket: Option<String>,
    /// Another table than the stack's, as `DATABASE.TABLE`; its partition columns have to be those of the layout.
    #[arg(long, value_name = "TABLE", requires = "to_aws", value_parser = table_name)]
    table: Option<TableName>,
    /// A server to call instead of AWS, such as moto's.
    #[arg(long, value_name = "URL", requires = "to_aws")]
    endpoint_url: Option<String>,
}

/// What a run begins with, whatever it writes to.
struct Beginning<'c> {
    inputs: Inputs<'c>,
    /// The names of the inputs.
    files: Vec<PathBuf>,
    deployment: Deployment,
    arrivals: Arrivals,
    report: Option<Begun>,
}

impl Run {
    /// Runs the pipeline, and shows what became of the records.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        if self.to_aws { self.run_to_aws(console) } else { self.run_to_lake(console) }
    }

    fn run_to_lake(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let of_sample = self.files.is_empty();
        let fresh = of_sample || self.fresh;
        let mut faults = Vec::new();
        let files = if of_sample { self.deployed.sample().map(|file| vec![file]) } else { Ok(self.files.clone()) };
        let beginning = self.begin(files, console, &mut faults);
        let lake = Lake::open(&self.out).map_err(|fault| faults.push(fault)).ok();
        let invoked = self.invoke.clone().map(|address| Invoked::connect(address, LONGEST_INVOCATION)).transpose();
        let invoked = invoked.map_err(|fault| faults.push(fault)).ok();
        let (Some(beginning), Some((lake, kept)), Some(invoked)) = (beginning, lake, invoked) else {
            return Err(Failure::Wrong(faults));
        };
        let Beginning { inputs, files, deployment, arrivals, report } = beginning;
        let pipeline = Pipeline::new(deployment);
        let kept = if fresh { Catalog::default() } else { kept };
        let catalog = SharedCatalog::new(pipeline.prepare(&lake, kept).map_err(wrong)?);
        let (functions, _services): (Box<dyn Functions>, _) = match invoked {
            Some(invoked) => {
                (Box::new(invoked), Some(self.serve(pipeline.deployment(), catalog.clone()).map_err(wrong)?))
            }
            None => (Box::new(in_process(pipeline.deployment(), catalog.clone())), None),
        };
        if fresh {
            lake.clear(pipeline.bucket()).map_err(|error| broken(&error))?;
        }
        let destination = LakeDestination { lake: &lake, bucket: pipeline.bucket(), catalog };
        let mut summary = send(&pipeline, inputs, arrivals, &*functions, &destination)?;
        if self.invoke.is_some() {
            summary.look_for_partitions(pipeline.deployment(), &destination.catalog);
        }
        let folder = lake.folder().display();
        let place = format!("The lake is `{folder}`: objects, catalog.json and statements.sql.");
        print(console, &format!("{summary}\n{place}\n"))?;
        if let Some(report) = report {
            let facts = [("lake", folder.to_string())].into_iter().chain(self.arrival.facts()).collect();
            report.end(&self.deployed, pipeline.deployment(), &files, facts, &summary, console)?;
        }
        verdict(&summary)
    }

    fn run_to_aws(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut faults = Vec::new();
        let beginning = self.begin(Ok(self.files.clone()), console, &mut faults);
        if self.files.is_empty() {
            faults.push(
                "`--to-aws` is without a file, expected records: sample data is written there only if it is named"
                    .to_owned(),
            );
        }
        let aws = Aws::connect("`--to-aws`", self.endpoint_url.as_deref()).map_err(|fault| faults.push(fault)).ok();
        let (Some(beginning), Some(aws), true) = (beginning, aws, faults.is_empty()) else {
            return Err(Failure::Wrong(faults));
        };
        let Beginning { inputs, files, deployment, arrivals, report } = beginning;
        let stack = &deployment.stack_name;
        let bucket = match &self.bucket {
            Some(bucket) => bucket.clone(),
            None => aws.physical_name(stack, BUCKET).map_err(|fault| {
                wrong(format!("the bucket of the stack `{stack}`, unless `--bucket` names one: {fault}"))
            })?,
        };
        let pipeline = Pipeline::new(deployment.named(aws.region(), bucket, self.table.clone()));
        let (functions, destination) = aws.pipeline(pipeline.deployment()).map_err(wrong)?;
        let Deployment { bucket, table_name, .. } = pipeline.deployment();
        let place = aws.place();
        let told = format!("headgate: writing to `s3://{bucket}`, registering in `{table_name}` ({place})");
        let _closed = writeln!(console.errors, "{}", printable_line(&told));
        let summary = send(&pipeline, inputs, arrivals, &*functions, &*destination)?;
        print(console, &format!("{summary}\nThe objects are in `s3://{bucket}`, the table is `{table_name}`.\n"))?;
        if let Some(report) = report {
            let facts = [("written to", place)].into_iter().chain(self.arrival.facts()).collect();
            report.end(&self.deployed, pipeline.deployment(), &files, facts, &summary, console)?;
        }
        verdict(&summary)
    }

    /// Looks at all that a run begins with, and keeps what is wrong with it.
    fn begin<'c>(
        &self,
        files: Result<Vec<PathBuf>, Vec<String>>,
        console: &mut Console<'c>,
        faults: &mut Vec<String>,
    ) -> Option<Beginning<'c>> {
        let mut keep = |more: Vec<String>| faults.extend(more);
        let deployment = self.deployed.read().map_err(&mut keep).ok();
        let query = self.arrival.query().map_err(|fault| keep(vec![fault])).ok();
        let files = files.map_err(&mut keep).ok();
        let inputs = files.as_ref().map(|files| open(files, standard_input(console))).transpose();
        let inputs = inputs.map_err(&mut keep).ok().flatten();
        let report = self.report.begin(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let mut deployment = deployment?;
        if let Some(most) = &mut deployment.stream.active_partitions {
            *most = self.active_partitions;
        }
        let arrivals = self.arrival.arrivals(&deployment.stream.source, query?);
        Some(Beginning { inputs: inputs?, files: files?, deployment, arrivals, report: report? })
    }

    /// Answers for Glue and Athena, as long as what this gives is there.
    fn serve(&self, deployment: &Deployment, catalog: SharedCatalog) -> Result<Server, String> {
        let workgroup = match &deployment.maintainer_config.registration {
            RegistrationBy::Athena { workgroup } => Some(workgroup.clone()),
            RegistrationBy::Glue => None,
        };
        let mut services = Services::new(catalog, workgroup);
        let address = self.catalog_address;
        let server = Server::start(address, move |request| services.answer(request));
        server.map_err(|error| format!("`--catalog-address` is `{address}`: {error}, expected an address that is free"))
    }
}

/// Sends all records the whole way, and shows how far that is.
fn send(
    pipeline: &Pipeline,
    (inputs, bytes): Inputs<'_>,
    arrivals: Arrivals,
    functions: &dyn Functions,
    destination: &dyn Destination,
) -> Result<Summary, Failure> {
    let bar = ReadingBar::new(bytes);
    let watcher = Watcher { progress: &mut |read| bar.show(read), interrupted: &interrupted };
    let summary = pipeline.run(inputs, arrivals, functions, destination, watcher);
    bar.clear();
    summary.map_err(|error| broken(&error))
}

/// Whether all is well with a run.
fn verdict(summary: &Summary) -> Result<(), Failure> {
    if summary.counts.not_written > 0 {
        let records = grouped(summary.counts.not_written);
        Err(Failure::Interrupted(format!("interrupted: {records} records were read and not written")))
    } else if interrupted() {
        Err(Failure::Interrupted("interrupted".to_owned()))
    } else if summary.is_complete() {
        Ok(())
    } else {
        Err(Failure::Broken("not everything that was delivered can be queried".to_owned()))
    }
}

fn wrong(fault: String) -> Failure {
    Failure::Wrong(vec![fault])
}

fn broken(error: &io::Error) -> Failure {
    Failure::Broken(error.to_string())
}

fn table_name(text: &str) -> Result<TableName, String> {
    TableName::parse(text).map_err(|error| error.to_string())
}

/// The functions' own code, of which the maintainer registers in this catalog.
fn in_process(deployment: &Deployment, catalog: SharedCatalog) -> InProcess<'_, LocalCatalog> {
    let Config { table, registration, .. } = &deployment.maintainer_config;
    InProcess::new(deployment, LocalCatalog::new(catalog, table, registration), idle_runtime())
}
