//! The command line.

use crate::assumptions::FIRST_ARRIVAL;
use crate::deployment::{Choice, Deployment, key_value};
use crate::lake::Lake;
use crate::pipeline::Pipeline;
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, BufReader, Read, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// See what a deployment of headgate will do to your data, before there is one.
#[derive(Debug, Parser)]
#[command(name = "headgate", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send records through the whole pipeline into a lake on disk (without a command: the sample data into ./lake).
    Run(Run),
    /// Print the variables of both functions, for `cargo lambda watch --env-file`.
    Env(Deployed),
}

/// Which deployment.
#[derive(Debug, Args)]
struct Deployed {
    /// The environment of samconfig.toml.
    #[arg(long, value_name = "NAME", default_value = "component-metrics")]
    config_env: String,
    /// The SAM template; samconfig.toml stands beside it.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// A parameter of the template, over that of samconfig.toml; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    parameter_overrides: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Run {
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
}

/// Why a command ends early, by the status with which it does.
enum Failure {
    /// The command or the configuration is wrong: nothing was written.
    Wrong(Vec<String>),
    /// Something went wrong on the way.
    Broken(String),
}

/// An input shorter than this is done before a bar is seen.
const LONG_INPUT: u64 = 4_000_000;

/// Runs the command that the arguments ask for.
pub fn main() -> ExitCode {
    let command =
        Cli::parse().command.unwrap_or_else(|| match Cli::parse_from(["headgate", "run"]).command {
            Some(command) => command,
            None => unreachable!("`run` is a command"),
        });
    let result = match command {
        Command::Run(arguments) => run(&arguments),
        Command::Env(deployed) => env(&deployed),
    };
    match result {
        Ok(code) => code,
        Err(Failure::Wrong(faults)) => {
            eprintln!("headgate: this cannot work:\n  {}", faults.join("\n  "));
            ExitCode::from(2)
        }
        Err(Failure::Broken(message)) => {
            eprintln!("headgate: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Run) -> Result<ExitCode, Failure> {
    let sample = [arguments.deployed.sample()];
    let (files, fresh) = if arguments.files.is_empty() {
        (sample.as_slice(), true)
    } else {
        (arguments.files.as_slice(), arguments.fresh)
    };
    let mut faults = Vec::new();
    let mut keep = |more: Vec<String>| faults.extend(more);
    let pipeline = arguments.deployed.read().and_then(Pipeline::new).map_err(&mut keep).ok();
    let inputs = open(files).map_err(&mut keep).ok();
    let lake = Lake::open(&arguments.out).map_err(|fault| keep(vec![fault])).ok();
    let (Some(pipeline), Some((inputs, bytes)), Some(lake)) = (pipeline, inputs, lake) else {
        return Err(Failure::Wrong(faults));
    };
    if fresh {
        let broken = |error: io::Error| Failure::Broken(format!("`{}`: {error}", lake.folder().display()));
        lake.clear(pipeline.bucket()).map_err(broken)?;
    }
    let catalog = pipeline.catalog(&lake).map_err(|fault| Failure::Wrong(vec![fault]))?;
    let bar = progress_bar(bytes);
    let mut first_arrival = arguments.arrival.as_millisecond();
    // Records of the same run: one input after the other.
    let input = inputs
        .into_iter()
        .fold(Box::new(io::empty()) as Box<dyn Read>, |all, next| Box::new(all.chain(next)));
    first_arrival = first_arrival.max(0);
    let summary = pipeline
        .run(BufReader::new(input), first_arrival, &lake, catalog, &mut |read| bar.set_position(read))
        .map_err(|error| Failure::Broken(format!("`{}`: {error}", lake.folder().display())))?;
    bar.finish_and_clear();
    let place =
        format!("The lake is `{}`: objects, catalog.json and statements.sql.", lake.folder().display());
    // A reader that has seen enough, such as `head`, is no failure.
    let _closed = write!(io::stdout(), "{summary}\n{place}\n");
    Ok(if summary.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn env(deployed: &Deployed) -> Result<ExitCode, Failure> {
    let deployment = deployed.read().map_err(Failure::Wrong)?;
    let mut variables = deployment.transform_variables;
    variables.extend(deployment.maintainer_variables);
    for (name, value) in variables {
        let _closed = writeln!(io::stdout(), "{name}={value}");
    }
    Ok(ExitCode::SUCCESS)
}

impl Deployed {
    fn read(&self) -> Result<Deployment, Vec<String>> {
        Deployment::read(&Choice {
            template: self.template.clone(),
            config_env: self.config_env.clone(),
            parameter_overrides: self.parameter_overrides.clone(),
        })
    }

    /// Sample data has the environment's name.
    fn sample(&self) -> PathBuf {
        self.template.with_file_name("samples").join(format!("{}.ndjson", self.config_env))
    }
}

/// Opens all inputs, or says which are not there; gives their size as well, as far as it is known.
fn open(files: &[PathBuf]) -> Result<(Vec<Box<dyn Read>>, u64), Vec<String>> {
    let mut inputs: Vec<Box<dyn Read>> = Vec::new();
    let mut bytes = 0;
    let mut faults = Vec::new();
    for path in files {
        if path == Path::new("-") {
            inputs.push(Box::new(stdin()));
            continue;
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        match opened {
            Ok((metadata, _)) if metadata.is_dir() => {
                faults.push(format!("`{}` is a folder, expected a file", path.display()))
            }
            Ok((metadata, file)) => {
                bytes += metadata.len();
                inputs.push(Box::new(file));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                faults.push(format!("`{}` is not there, expected a file of records", path.display()));
            }
            Err(error) => faults.push(format!("`{}`: {error}", path.display())),
        }
    }
    if faults.is_empty() { Ok((inputs, bytes)) } else { Err(faults) }
}

/// A bar on a terminal if the input is long; nothing otherwise.
fn progress_bar(bytes: u64) -> ProgressBar {
    if bytes < LONG_INPUT {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

fn first_arrival() -> Timestamp {
    Timestamp::from_millisecond(FIRST_ARRIVAL).unwrap_or(Timestamp::UNIX_EPOCH)
}
