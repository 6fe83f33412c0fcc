//! The command line.

mod arrival;
mod check;
mod env;
mod inputs;
pub(crate) mod progress;
mod query;
mod reconcile;
mod report;
mod run;

use crate::deployment::{Choice, Deployment, key_value};
use crate::interrupt;
use crate::redrive::command::Redrive;
use check::Check;
use clap::{Args, Parser, Subcommand};
use env::Env;
pub use query::OutputFormat;
use query::Query;
use reconcile::Reconcile;
use run::Run;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;

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
    /// Ask a lake in SQL, as Athena would be asked.
    ///
    /// It sees what its catalog has registered, and changes nothing. The exit status is 0 with an answer, 1 if reading failed, 2 if the
    /// query cannot be one of this lake.
    Query(Query),
    /// Print the variables of both functions, for `cargo lambda watch --env-file`.
    Env(Env),
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

/// Why a command ends early, by the status with which it does.
pub(crate) enum Failure {
    /// The command or the configuration is wrong: nothing was written.
    Wrong(Vec<String>),
    /// Something went wrong on the way.
    Broken(String),
    /// The user wanted no more.
    Interrupted(String),
}

/// Runs the command that the arguments ask for, the program's own name first; gives the exit status: 0, 1 if something
/// went wrong on the way, 2 if the command or the configuration is wrong and nothing was written, 130 if it was interrupted.
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
        None => cli.run.run(&mut console),
        Some(Command::Run(arguments)) => arguments.run(&mut console),
        Some(Command::Reconcile(arguments)) => arguments.run(&mut console),
        Some(Command::Check(arguments)) => arguments.run(&mut console),
        Some(Command::Query(arguments)) => arguments.run(&mut console),
        Some(Command::Env(arguments)) => arguments.run(&mut console),
        Some(Command::Redrive(arguments)) => arguments.run(&mut console),
    };
    let (message, status) = match result {
        Ok(()) => return 0,
        Err(Failure::Wrong(faults)) => (format!("this cannot work:\n  {}", faults.join("\n  ")), 2),
        Err(Failure::Broken(message)) => (message, 1),
        Err(Failure::Interrupted(message)) => (message, interrupt::STATUS),
    };
    let _closed = writeln!(console.errors, "headgate: {message}");
    status
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

impl Deployed {
    fn read(&self) -> Result<Deployment, Vec<String>> {
        Deployment::read(&Choice {
            template: self.template.clone(),
            config_env: self.config_env.clone(),
            parameter_overrides: self.parameter_overrides.clone(),
        })
    }
}
