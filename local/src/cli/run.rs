//! `headgate run`: records go the whole way into a lake.

use super::report::Report;
use super::{Console, Deployed, Failure, print, progress_bar};
use crate::assumptions::FIRST_ARRIVAL;
use crate::catalog::Catalog;
use crate::lake::Lake;
use crate::pipeline::Pipeline;
use clap::Args;
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
    /// When the first record arrives, such as 2026-01-01T00:00:00Z. The others follow as fast as one shard takes them.
    #[arg(long, value_name = "TIME", default_value_t = first_arrival())]
    arrival: Timestamp,
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
        let pipeline = self.deployed.read().map(Pipeline::new).map_err(&mut keep).ok();
        let files = if of_sample { self.deployed.sample().map(|file| vec![file]) } else { Ok(self.files.clone()) };
        let standard_input = std::mem::replace(&mut console.input, Box::new(io::empty()));
        let named = files.clone().unwrap_or_default();
        let inputs = files.and_then(|files| open(&files, standard_input)).map_err(&mut keep).ok();
        let lake = Lake::open(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let report = self.report.begin(&self.out).map_err(|fault| keep(vec![fault])).ok();
        let (Some(pipeline), Some((inputs, bytes)), Some((lake, kept)), Some(report)) =
            (pipeline, inputs, lake, report)
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
        let arrival = self.arrival.as_millisecond();
        let summary = pipeline.run(inputs, arrival, &lake, catalog, progress).map_err(broken)?;
        bar.finish_and_clear();
        let place = format!("The lake is `{}`: objects, catalog.json and statements.sql.", lake.folder().display());
        print(console, &format!("{summary}\n{place}\n"))?;
        if let Some(report) = report {
            let more = vec![("lake", lake.folder().display().to_string()), ("first arrival", self.arrival.to_string())];
            report.end(&self.deployed, pipeline.deployment(), &named, more, &summary, console)?;
        }
        if summary.is_complete() {
            Ok(())
        } else {
            Err(Failure::Broken("not everything that was delivered can be queried".to_owned()))
        }
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

fn first_arrival() -> Timestamp {
    Timestamp::from_millisecond(FIRST_ARRIVAL).unwrap_or(Timestamp::UNIX_EPOCH)
}
