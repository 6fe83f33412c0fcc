//! `headgate run`: records go the whole way into a lake.

use super::report::Report;
use super::{Console, Deployed, Failure, print, progress_bar};
use crate::assumptions::{ACTIVE_PARTITIONS, EARLIEST_ARRIVAL, FIRST_ARRIVAL};
use crate::catalog::Catalog;
use crate::deployment::Deployment;
use crate::firehose::Arrivals;
use crate::lake::Lake;
use crate::pipeline::Pipeline;
use clap::Args;
use firehose_transform::query::Query;
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// The arguments of `headgate run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    deployed: Deployed,
    /// Records, one a line; `-` is standard input. Without any, the environment's sample data, into a fresh lake.
    files: Vec<PathBuf>,
    /// The lake: a folder that gets the bucket, catalog.json and statements.sql.
    #[arg(long, value_name = "DIR", default_value = "lake")]
    out: PathBuf,
    /// Start with an empty lake instead of adding to the one that is there.
    #[arg(long)]
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
    #[command(flatten)]
    report: Report,
}

/// What records are read from.
type Input<'c> = BufReader<Box<dyn Read + 'c>>;

/// An input shorter than this is done before a bar is seen.
const LONG_INPUT: u64 = 4_000_000;

impl Run {
    /// Runs the pipeline, and shows what became of the records.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let of_sample = self.files.is_empty();
        let fresh = of_sample || self.fresh;
        let mut faults = Vec::new();
        let mut keep = |more: Vec<String>| faults.extend(more);
        let pipeline = self.deployed.read().map(|deployment| self.pipeline(deployment)).map_err(&mut keep).ok();
        let arrival_query = self.arrival_query().map_err(|fault| keep(vec![fault])).ok();
        let files = if of_sample { self.deployed.sample().map(|file| vec![file]) } else { Ok(self.files.clone()) };
        let standard_input = std::mem::replace(&mut console.input, Box::new(io::empty()));
        let named = files.clone().unwrap_or_default();
        let inputs = files.and_then(|files| open(&files, standard_input)).map_err(&mut keep).ok();
        let lake = Lake::open(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let report = self.report.begin(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let (Some(pipeline), Some((inputs, bytes)), Some((lake, kept)), Some(arrival_query), Some(report)) =
            (pipeline, inputs, lake, arrival_query, report)
        else {
            return Err(Failure::Wrong(faults));
        };
        let broken = |error: io::Error| Failure::Broken(error.to_string());
        let kept = if fresh {
            lake.clear(pipeline.bucket()).map_err(broken)?;
            Catalog::default()
        } else {
            kept
        };
        let catalog = pipeline.prepare(&lake, kept).map_err(|fault| Failure::Wrong(vec![fault]))?;
        let bar = progress_bar(bytes, bytes >= LONG_INPUT);
        let progress = &mut |read| bar.set_position(read);
        let first = self.arrival.map(Timestamp::as_millisecond);
        let arrivals = match arrival_query {
            None => Arrivals::paced(&pipeline.deployment().stream.source, first.unwrap_or(FIRST_ARRIVAL)),
            Some(query) => Arrivals::told(query, first.unwrap_or(EARLIEST_ARRIVAL)),
        };
        let summary = pipeline.run(inputs, arrivals, &lake, catalog, progress).map_err(broken)?;
        bar.finish_and_clear();
        let place = format!("The lake is `{}`: objects, catalog.json and statements.sql.", lake.folder().display());
        print(console, &format!("{summary}\n{place}\n"))?;
        if let Some(report) = report {
            let more = vec![
                ("lake", lake.folder().display().to_string()),
                ("first arrival", self.arrival.map_or_else(String::new, |arrival| arrival.to_string())),
                ("arrival query", self.arrival_query.clone().unwrap_or_default()),
            ];
            report.end(&self.deployed, pipeline.deployment(), &named, more, &summary, console)?;
        }
        if summary.is_complete() {
            Ok(())
        } else {
            Err(Failure::Broken("not everything that was delivered can be queried".to_owned()))
        }
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

/// All inputs, and their size as far as it is known; or which of them are not there.
fn open<'c>(files: &[PathBuf], standard_input: Box<dyn Read + 'c>) -> Result<(Vec<Input<'c>>, u64), Vec<String>> {
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
    if faults.is_empty() { Ok((inputs, bytes)) } else { Err(faults) }
}
