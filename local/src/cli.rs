//! The command line.

use crate::assumptions::FIRST_ARRIVAL;
use crate::catalog::Catalog;
use crate::check;
use crate::deployment::{Choice, Deployment, environments, key_value};
use crate::lake::Lake;
use crate::pipeline::Pipeline;
use crate::reconcile;
use crate::redrive::command::Redrive;
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use registrar::reconcile::{Finding, Reconciliation};
use registrar::report::Elsewhere;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// See what a deployment of headgate will do to your data, before there is one.
///
/// Without a command it is `run`; without a file it runs on the sample data, into a fresh lake.
#[derive(Debug, Parser)]
#[command(name = "headgate", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

/// What a command reads and writes beside its files.
pub struct Console<'c> {
    /// Where `-` reads from.
    pub input: Box<dyn Read + 'c>,
    /// Where results go.
    pub output: &'c mut dyn Write,
    /// Where messages go.
    pub errors: &'c mut dyn Write,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send records through the whole pipeline, into a lake on disk.
    Run(Run),
    /// Register what is in a lake and not in its catalog, and tell what is in the catalog and not in the lake.
    ///
    /// It is what the deployed maintainer does on its schedule. That one is asked for it by the event `{"reconcile": {}}`, or
    /// `{"reconcile": {"dry_run": true}}`.
    Reconcile(Reconcile),
    /// Say whether a deployment's configuration is sound, without data.
    ///
    /// Layout, queries, contract, table and template are held against each other and against the rules of AWS, each finding with its
    /// rule and where that is written. An error is what fails the deployment, each record or each query; a warning works, but not
    /// well, or not always; a note is good to know. The exit status is 0 if there is no error, 1 if there is one, 2 if the command is
    /// wrong or the files cannot be read.
    Check(Check),
    /// Print the variables of both functions, for `cargo lambda watch --env-file`.
    Env(Deployed),
    /// Show what Firehose could not deliver, and put it back into the stream.
    Redrive(Redrive),
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

#[derive(Debug, Args)]
struct Check {
    /// An environment of samconfig.toml; may be given several times.
    #[arg(long, value_name = "NAME", default_value = "component-metrics")]
    config_env: Vec<String>,
    /// Check all environments of samconfig.toml.
    #[arg(long, conflicts_with = "config_env")]
    all: bool,
    /// The SAM template; samconfig.toml stands beside it.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// A parameter of the template, over that of samconfig.toml; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    parameter_overrides: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Reconcile {
    #[command(flatten)]
    deployed: Deployed,
    /// Only tell what there is to do, and the statements that would do it.
    #[arg(long)]
    dry_run: bool,
    /// The lake, as `run` has made it.
    #[arg(long, value_name = "DIR", default_value = "lake")]
    lake: PathBuf,
}

/// What records are read from.
type Input<'c> = BufReader<Box<dyn Read + 'c>>;

/// Why a command ends early, by the status with which it does.
pub(crate) enum Failure {
    /// The command or the configuration is wrong: nothing was written.
    Wrong(Vec<String>),
    /// Something went wrong on the way.
    Broken(String),
}

/// An input shorter than this is done before a bar is seen.
const LONG_INPUT: u64 = 4_000_000;

/// Runs the command that the arguments ask for, the program's own name first; gives the exit status: 0, 1 if something
/// went wrong on the way, 2 if the command or the configuration is wrong and nothing was written.
pub fn main(arguments: impl IntoIterator<Item = OsString>, mut console: Console<'_>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let (stream, status) = if error.use_stderr() { (console.errors, 2) } else { (console.output, 0) };
            let _closed = write!(stream, "{error}");
            return status;
        }
    };
    let result = match cli.command {
        None => run(&cli.run, &mut console),
        Some(Command::Run(arguments)) => run(&arguments, &mut console),
        Some(Command::Reconcile(arguments)) => reconcile(&arguments, &mut console),
        Some(Command::Check(arguments)) => check(&arguments, &mut console),
        Some(Command::Env(deployed)) => env(&deployed, &mut console),
        Some(Command::Redrive(arguments)) => arguments.run(&mut console),
    };
    let (message, status) = match result {
        Ok(()) => return 0,
        Err(Failure::Wrong(faults)) => (format!("this cannot work:\n  {}", faults.join("\n  ")), 2),
        Err(Failure::Broken(message)) => (message, 1),
    };
    let _closed = writeln!(console.errors, "headgate: {message}");
    status
}

fn run(arguments: &Run, console: &mut Console<'_>) -> Result<(), Failure> {
    let of_sample = arguments.files.is_empty();
    let fresh = of_sample || arguments.fresh;
    let mut faults = Vec::new();
    let mut keep = |more: Vec<String>| faults.extend(more);
    let pipeline = arguments.deployed.read().map(Pipeline::new).map_err(&mut keep).ok();
    let files =
        if of_sample { arguments.deployed.sample().map(|file| vec![file]) } else { Ok(arguments.files.clone()) };
    let standard_input = std::mem::replace(&mut console.input, Box::new(io::empty()));
    let inputs = files.and_then(|files| open(&files, standard_input)).map_err(&mut keep).ok();
    let lake = Lake::open(&arguments.out).map_err(|fault| keep(vec![fault])).ok();
    let (Some(pipeline), Some((inputs, bytes)), Some((lake, kept))) = (pipeline, inputs, lake) else {
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
    let arrival = arguments.arrival.as_millisecond();
    let summary = pipeline.run(inputs, arrival, &lake, catalog, progress).map_err(broken)?;
    bar.finish_and_clear();
    let place = format!("The lake is `{}`: objects, catalog.json and statements.sql.", lake.folder().display());
    print(console, &format!("{summary}\n{place}\n"))?;
    if summary.is_complete() {
        Ok(())
    } else {
        Err(Failure::Broken("not everything that was delivered can be queried".to_owned()))
    }
}

fn reconcile(arguments: &Reconcile, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let mut keep = |more: Vec<String>| faults.extend(more);
    let pipeline = arguments.deployed.read().map(Pipeline::new).map_err(&mut keep).ok();
    let lake = Lake::open_existing(&arguments.lake).map_err(|fault| keep(vec![fault])).ok();
    let (Some(pipeline), Some((lake, kept))) = (pipeline, lake) else {
        return Err(Failure::Wrong(faults));
    };
    let table = &pipeline.deployment().table_name;
    if !kept.tables.contains_key(table) {
        let shown = lake.folder().display();
        return Err(Failure::Wrong(vec![format!(
            "the lake `{shown}` has no table `{table}`, expected the `--config-env` that it was made with"
        )]));
    }
    let catalog = pipeline.prepare(&lake, kept).map_err(|fault| Failure::Wrong(vec![fault]))?;
    let mut shown = String::new();
    let mut tell = |finding: Finding| shown.push_str(&told(&finding));
    let done = reconcile::reconcile(pipeline.deployment(), &lake, catalog, arguments.dry_run, &mut tell);
    print(console, &shown)?;
    let done = done.map_err(|error| Failure::Broken(error.to_string()))?;
    let Reconciliation { folders, registered, missing, added, elsewhere, gone, foreign, failed, .. } = done;
    let of_missing = if arguments.dry_run { "to be registered".to_owned() } else { format!("{added} registered now") };
    print(
        console,
        &format!(
            "{folders} folders: {missing} missing ({of_missing}), {elsewhere} elsewhere, {failed} failed; {foreign} not of the layout.\n\
             {registered} partitions: {gone} gone.\n"
        ),
    )?;
    done.fault().map_or(Ok(()), |fault| Err(Failure::Broken(fault)))
}

/// A finding, as it is shown: the word that the summary counts it by, and what is to be known of it.
fn told(finding: &Finding) -> String {
    match finding {
        Finding::Missing(location) => format!("missing    {location}\n"),
        Finding::Unfit { location, reason } => format!("failed     {location}: {reason}\n"),
        Finding::Elsewhere(Elsewhere { wanted, registered }) => {
            format!("elsewhere  {wanted}: its partition is registered at {registered}\n")
        }
        Finding::Gone { location, statement } => format!("gone       {location}; to take it out:\n{statement};\n"),
        Finding::Foreign(folder) => format!("foreign    {folder}\n"),
        Finding::Statement(statement) => format!("{statement};\n"),
    }
}

fn check(arguments: &Check, console: &mut Console<'_>) -> Result<(), Failure> {
    let all = arguments.all.then(|| environments(&arguments.template)).transpose().map_err(Failure::Wrong)?;
    let checked = all.as_ref().unwrap_or(&arguments.config_env).iter().map(|config_env| {
        check::check(&Choice {
            template: arguments.template.clone(),
            config_env: config_env.clone(),
            parameter_overrides: arguments.parameter_overrides.clone(),
        })
    });
    let (mut reports, mut faults) = (Vec::new(), Vec::new());
    for report in checked {
        match report {
            Ok(report) => reports.push(report),
            Err(more) => faults.extend(more),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Wrong(faults));
    }
    print(console, &reports.iter().map(ToString::to_string).collect::<String>())?;
    let unsound: Vec<&str> =
        reports.iter().filter(|report| !report.is_sound()).map(|report| report.config_env.as_str()).collect();
    if unsound.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken(format!("the configuration of `{}` has errors", unsound.join("`, `"))))
}

fn env(deployed: &Deployed, console: &mut Console<'_>) -> Result<(), Failure> {
    let variables = deployed.read().map_err(Failure::Wrong)?.variables;
    let lines = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value)));
    print(console, &lines.collect::<String>())
}

/// Prints a result. A reader that has seen enough, such as `head`, is not a failure.
pub(crate) fn print(console: &mut Console<'_>, text: &str) -> Result<(), Failure> {
    match console.output.write_all(text.as_bytes()).and_then(|()| console.output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Broken(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A value as cargo-lambda's env files have it: between quotes of which it holds none, or else double quotes with a backslash
/// before each that is in it, which is the only escape (<https://docs.rs/env-file-reader>).
///
/// A backslash and an `n` become a line break in any quotes. In a text of jq that is the same.
fn quoted(value: &str) -> String {
    if value.contains('\'') { format!("\"{}\"", value.replace('"', "\\\"")) } else { format!("'{value}'") }
}

impl Deployed {
    fn read(&self) -> Result<Deployment, Vec<String>> {
        Deployment::read(&Choice {
            template: self.template.clone(),
            config_env: self.config_env.clone(),
            parameter_overrides: self.parameter_overrides.clone(),
        })
    }

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

/// A bar on a terminal for what takes long; nothing otherwise.
pub(crate) fn progress_bar(bytes: u64, takes_long: bool) -> ProgressBar {
    if !takes_long {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

fn first_arrival() -> Timestamp {
    Timestamp::from_millisecond(FIRST_ARRIVAL).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_env_files_have_it() {
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted(r#"{a: "$x \(.y)"}"#), r#"'{a: "$x \(.y)"}'"#);
        assert_eq!(quoted(r#"it's "$x \(.y)""#), r#""it's \"$x \(.y)\"""#);
    }
}
