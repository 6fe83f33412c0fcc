//! `headgate run`: records go the whole way into a lake.

use super::env::CATALOG_ADDRESS;
use super::{Console, Deployed, Failure, print};
use crate::assumptions::{ACTIVE_PARTITIONS, EARLIEST_ARRIVAL, FIRST_ARRIVAL};
use crate::athena::{LocalCatalog, SharedCatalog};
use crate::aws::Aws;
use crate::catalog::Catalog;
use crate::deployment::{BUCKET, Deployment};
use crate::firehose::Arrivals;
use crate::functions::{InProcess, idle_runtime};
use crate::interrupt::interrupted;
use crate::invoke::{InvokeAddress, Invoked, LONGEST_INVOCATION};
use crate::lake::{Lake, LakeDestination};
use crate::pipeline::{Destination, Functions, Pipeline, Progress, Watcher};
use crate::services::Services;
use crate::services::server::Server;
use crate::summary::{Summary, grouped, printable_line};
use clap::Args;
use firehose_transform::query::Query;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use registrar::config::{Config, RegistrationBy};
use registrar::table_name::TableName;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// When the first record arrives; the others follow as fast as one shard takes them. [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME")]
    arrival: Option<Timestamp>,
    /// When each record arrives, by a query in jq over it: epoch seconds, such as `.fromTimestamp | rfc3339`. A line that is not
    /// JSON is a string. A record for which it gives none, or an earlier time, arrives with the one before it; none arrives before
    /// `--arrival`, if that is given.
    #[arg(long, value_name = "JQ")]
    arrival_query: Option<String>,
    /// The partitions that can be active at once with dynamic partitioning: the quota of the delivery stream.
    #[arg(long, value_name = "N", default_value_t = ACTIVE_PARTITIONS)]
    active_partitions: usize,
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

/// What records are read from.
type Input<'c> = BufReader<Box<dyn Read + 'c>>;

/// All of it, with its size in bytes if that is known.
type Inputs<'c> = (Vec<Input<'c>>, Option<u64>);

/// An input shorter than this is done before a bar is seen.
const LONG_INPUT: u64 = 4_000_000;

impl Run {
    /// Runs the pipeline, and shows what became of the records.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        if self.to_aws { self.run_to_aws(console) } else { self.run_to_lake(console) }
    }

    fn run_to_lake(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let of_sample = self.files.is_empty();
        let fresh = of_sample || self.fresh;
        let mut faults = Vec::new();
        let mut keep = |more: Vec<String>| faults.extend(more);
        let pipeline = self.deployed.read().map(|deployment| self.pipeline(deployment)).map_err(&mut keep).ok();
        let arrival_query = self.arrival_query().map_err(|fault| keep(vec![fault])).ok();
        let files = if of_sample { self.deployed.sample().map(|file| vec![file]) } else { Ok(self.files.clone()) };
        let inputs = files.and_then(|files| open(&files, standard_input(console))).map_err(&mut keep).ok();
        let lake = Lake::open(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let invoked = self.invoke.clone().map(|address| Invoked::connect(address, LONGEST_INVOCATION)).transpose();
        let invoked = invoked.map_err(|fault| keep(vec![fault])).ok();
        let (Some(pipeline), Some(inputs), Some((lake, kept)), Some(invoked), Some(arrival_query)) =
            (pipeline, inputs, lake, invoked, arrival_query)
        else {
            return Err(Failure::Wrong(faults));
        };
        let wrong = |fault| Failure::Wrong(vec![fault]);
        let kept = if fresh { Catalog::default() } else { kept };
        let catalog = SharedCatalog::new(pipeline.prepare(&lake, kept).map_err(wrong)?);
        let (functions, _services): (Box<dyn Functions>, _) = match invoked {
            Some(invoked) => {
                (Box::new(invoked), Some(self.serve(pipeline.deployment(), catalog.clone()).map_err(wrong)?))
            }
            None => (Box::new(in_process(pipeline.deployment(), catalog.clone())), None),
        };
        if fresh {
            lake.clear(pipeline.bucket()).map_err(broken)?;
        }
        let destination = LakeDestination { lake: &lake, bucket: pipeline.bucket(), catalog };
        let mut summary = self.send(&pipeline, inputs, arrival_query, &*functions, &destination)?;
        if self.invoke.is_some() {
            summary.look_for_partitions(pipeline.deployment(), &destination.catalog);
        }
        let place = format!("The lake is `{}`: objects, catalog.json and statements.sql.", lake.folder().display());
        show(&summary, &place, console)
    }

    fn run_to_aws(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut faults = Vec::new();
        let mut keep = |more: Vec<String>| faults.extend(more);
        let deployment = self.deployed.read().map_err(&mut keep).ok();
        let arrival_query = self.arrival_query().map_err(|fault| keep(vec![fault])).ok();
        let inputs = open(&self.files, standard_input(console)).map_err(&mut keep).ok();
        if self.files.is_empty() {
            keep(vec![
                "`--to-aws` is without a file, expected records: sample data is written there only if it is named"
                    .to_owned(),
            ]);
        }
        let aws = Aws::connect("`--to-aws`", self.endpoint_url.as_deref()).map_err(|fault| keep(vec![fault])).ok();
        let (Some(deployment), Some(inputs), Some(aws), Some(arrival_query), true) =
            (deployment, inputs, aws, arrival_query, faults.is_empty())
        else {
            return Err(Failure::Wrong(faults));
        };
        let wrong = |fault| Failure::Wrong(vec![fault]);
        let bucket = match &self.bucket {
            Some(bucket) => bucket.clone(),
            None => aws.physical_name(&deployment.stack_name, BUCKET).map_err(|fault| {
                wrong(format!(
                    "the bucket of the stack `{}`, unless `--bucket` names one: {fault}",
                    deployment.stack_name
                ))
            })?,
        };
        let pipeline = self.pipeline(deployment.named(aws.region(), bucket, self.table.clone()));
        let (functions, destination) = aws.pipeline(pipeline.deployment()).map_err(wrong)?;
        let Deployment { bucket, table_name, .. } = pipeline.deployment();
        let place = aws.place();
        let told = format!("headgate: writing to `s3://{bucket}`, registering in `{table_name}` ({place})");
        let _closed = writeln!(console.errors, "{}", printable_line(&told));
        let summary = self.send(&pipeline, inputs, arrival_query, &*functions, &*destination)?;
        show(&summary, &format!("The objects are in `s3://{bucket}`, the table is `{table_name}`."), console)
    }

    /// Sends all records the whole way, and shows how far that is.
    fn send(
        &self,
        pipeline: &Pipeline,
        (inputs, bytes): Inputs<'_>,
        arrival_query: Option<Query>,
        functions: &dyn Functions,
        destination: &dyn Destination,
    ) -> Result<Summary, Failure> {
        let first = self.arrival.map(Timestamp::as_millisecond);
        let arrivals = match arrival_query {
            None => Arrivals::paced(&pipeline.deployment().stream.source, first.unwrap_or(FIRST_ARRIVAL)),
            Some(query) => Arrivals::told(query, first.unwrap_or(EARLIEST_ARRIVAL)),
        };
        let bar = ReadingBar::new(bytes);
        let watcher = Watcher { progress: &mut |read| bar.show(read), interrupted: &interrupted };
        let summary = pipeline.run(inputs, arrivals, functions, destination, watcher);
        bar.clear();
        summary.map_err(broken)
    }

    /// The pipeline of a deployment with the quota that was asked for.
    fn pipeline(&self, mut deployment: Deployment) -> Pipeline {
        if let Some(most) = &mut deployment.stream.active_partitions {
            *most = self.active_partitions;
        }
        Pipeline::new(deployment)
    }

    fn arrival_query(&self) -> Result<Option<Query>, String> {
        let compiled = self
            .arrival_query
            .as_ref()
            .map(|text| Query::compile(text, &[]).map_err(|error| format!("`--arrival-query` is `{text}`: {error}")));
        compiled.transpose()
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

/// What a run was, and whether all is well.
fn show(summary: &Summary, place: &str, console: &mut Console<'_>) -> Result<(), Failure> {
    print(console, &format!("{summary}\n{place}\n"))?;
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

#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped by")]
fn broken(error: io::Error) -> Failure {
    Failure::Broken(error.to_string())
}

fn standard_input<'c>(console: &mut Console<'c>) -> Box<dyn Read + 'c> {
    std::mem::replace(&mut console.input, Box::new(io::empty()))
}

fn table_name(text: &str) -> Result<TableName, String> {
    TableName::parse(text).map_err(|error| error.to_string())
}

/// The functions' own code, of which the maintainer registers in this catalog.
fn in_process(deployment: &Deployment, catalog: SharedCatalog) -> InProcess<'_, LocalCatalog> {
    let Config { table, registration, .. } = &deployment.maintainer_config;
    InProcess::new(deployment, LocalCatalog::new(catalog, table, registration), idle_runtime())
}

/// Shows on a terminal how much was read, where that takes long.
struct ReadingBar(ProgressBar);

impl ReadingBar {
    /// What is read has so many bytes, if that is known.
    fn new(bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) if bytes < LONG_INPUT => return Self(ProgressBar::hidden()),
            Some(bytes) => (ProgressBar::new(bytes), "{bar:30} {bytes}/{total_bytes} {eta}, {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {msg}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar.with_style(style))
    }

    fn show(&self, read: Progress) {
        if !self.0.is_hidden() {
            self.0.set_message(shown(read.records, self.0.elapsed()));
            self.0.set_position(read.bytes);
        }
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Records, and how many of them there are in a second.
fn shown(records: u64, elapsed: Duration) -> String {
    let a_second = u128::from(records) * 1_000 / elapsed.as_millis().max(1);
    format!("{} records, {} a second", grouped(records), grouped(u64::try_from(a_second).unwrap_or(u64::MAX)))
}

impl Deployed {
    /// The file of sample data that has the environment's name, whatever its extension.
    fn sample(&self) -> Result<PathBuf, Vec<String>> {
        let folder = self.template.with_file_name("samples");
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let has_name = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == self.config_env.as_str());
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(has_name).collect();
        found.sort();
        let (shown, name) = (folder.display(), &self.config_env);
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(vec![format!("`{shown}` has no sample data `{name}.…`, expected a file of records")]),
            _ => Err(vec![format!("`{shown}` has {} files `{name}.…`, expected one of sample data", found.len())]),
        }
    }
}

/// All inputs, and their size if it is known; or which of them are not there.
fn open<'c>(files: &[PathBuf], standard_input: Box<dyn Read + 'c>) -> Result<Inputs<'c>, Vec<String>> {
    let mut standard_input = Some(standard_input);
    let mut inputs: Vec<Input<'c>> = Vec::new();
    let mut bytes = 0;
    let mut faults = Vec::new();
    for path in files {
        let shown = path.display();
        if path == Path::new("-") {
            match standard_input.take() {
                Some(input) => inputs.push(BufReader::new(input)),
                None => faults.push("`-` is given twice, expected standard input once".to_owned()),
            }
            continue;
        }
        match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
            Ok((metadata, _)) if metadata.is_dir() => {
                faults.push(format!("`{shown}` is a folder, expected a file of records"));
            }
            Ok((metadata, file)) => {
                bytes += metadata.len();
                inputs.push(BufReader::new(Box::new(file)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                faults.push(format!("`{shown}` does not exist, expected a file of records"));
            }
            Err(error) => faults.push(format!("`{shown}`: {error}")),
        }
    }
    let known = standard_input.is_some();
    if faults.is_empty() { Ok((inputs, known.then_some(bytes))) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_records_and_how_fast_they_are() {
        assert_eq!(shown(1_234_567, Duration::from_secs(2)), "1,234,567 records, 617,283 a second");
        assert_eq!(shown(0, Duration::ZERO), "0 records, 0 a second");
    }
}
