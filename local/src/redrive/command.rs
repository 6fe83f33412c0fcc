//! `headgate redrive`: the command line.

use super::destination::Destination;
use super::error_object::ERROR_TYPES;
use super::folder::Folder;
use super::judge::Judge;
use super::ledger::{Ledger, Sent};
use super::report::Report;
use super::send::{Outgoing, PutError, Refusal, Sender, Stream, Surroundings};
use super::{ErrorObjects, Mode, Selection, Watcher, redrive};
use crate::aws::Aws;
use crate::cli::progress::progress_bar;
use crate::cli::{Console, Failure, print};
use crate::deployment::{Choice, Deployment, key_value};
use crate::firehose::Source;
use crate::interrupt::interrupted;
use crate::summary::printable_line;
use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The arguments of `headgate redrive`.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Where the error objects are: `s3://BUCKET/PREFIX`, or a folder.
    #[arg(value_name = "s3://BUCKET/PREFIX | FOLDER")]
    from: String,
    /// Where the records go: `firehose:NAME` or `kinesis:NAME`. Without it, where the stack of `--config-env` takes records.
    #[arg(long, value_name = "STREAM")]
    to: Option<Destination>,
    /// An environment of samconfig.toml: its transform function tells what it makes of each record today.
    #[arg(long, value_name = "NAME")]
    config_env: Option<String>,
    /// The SAM template; samconfig.toml stands beside it.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// A parameter of the template, over that of samconfig.toml; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    parameter_overrides: Vec<(String, String)>,
    /// Show what failed, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only records of this error type; may be given several times.
    #[arg(long, value_name = "TYPE", value_parser = PossibleValuesParser::new(ERROR_TYPES.into_iter().chain(["unknown"])))]
    error_type: Vec<String>,
    /// Only records with this error code, such as `Lambda.FunctionError`; may be given several times.
    #[arg(long, value_name = "CODE")]
    error_code: Vec<String>,
    /// Only records that came then or later, such as 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only records that came before then.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Keep back records that the transform function of `--config-env` would fail again.
    #[arg(long, requires = "config_env")]
    skip_failing: bool,
    /// The file that keeps what was sent.
    #[arg(long, value_name = "FILE", default_value = "redrive.ledger")]
    ledger: PathBuf,
    /// Show the first record of each kind.
    #[arg(long)]
    show_payload: bool,
}

/// Where error objects are.
enum From {
    Folder(Folder),
    S3 { bucket: String, prefix: String },
}

/// Where records are to go.
enum To {
    Nowhere,
    Stream(Destination),
    /// A stream whose name only its stack knows.
    OfStack {
        stack: String,
        resource: String,
        make: fn(String) -> Destination,
    },
}

/// A stream that is open.
struct Target {
    destination: Destination,
    stream: Box<dyn Stream>,
}

/// How long a pause goes on after an interrupt, at most.
const SLICE: Duration = Duration::from_millis(50);

impl Redrive {
    /// Shows what failed, and sends it if it is known where.
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut faults = Vec::new();
        let mut keep = |more: Vec<String>| faults.extend(more);
        let from = self.from().map_err(|fault| keep(vec![fault])).ok();
        let deployment = self.deployment().map_err(&mut keep).ok();
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            keep(vec![format!("`--since` is `{since}`, expected a time before `{until}`, that of `--until`")]);
        }
        let (Some(from), Some(deployment), true) = (from, deployment, faults.is_empty()) else {
            return Err(Failure::Wrong(faults));
        };
        let to = if self.dry_run { To::Nowhere } else { self.to(deployment.as_ref()) };
        let wrong = |fault: String| Failure::Wrong(vec![fault]);
        let (aws, mut objects) = match from {
            From::S3 { bucket, prefix } => {
                let aws = Aws::connect(&format!("`{}`", self.from), None).map_err(wrong)?;
                let objects = aws.objects(&bucket, &prefix);
                (Some(aws), objects)
            }
            From::Folder(folder) => {
                let aws = if to.is_nowhere() { None } else { Some(Aws::connect("sending", None).map_err(wrong)?) };
                (aws, Box::new(folder) as Box<dyn ErrorObjects>)
            }
        };
        let listed = objects.list().map_err(Failure::Broken)?;
        let target = aws.as_ref().map_or(Ok(None), |aws| to.open(aws)).map_err(Failure::Broken)?;
        let mut pause = |pause| wait(pause, &interrupted);
        let (destination, mode) = if let Some(Target { destination, stream }) = target {
            let ledger = Ledger::open(&self.ledger, &destination.to_string()).map_err(wrong)?;
            let surroundings = Surroundings { pause: &mut pause, interrupted: &interrupted };
            let sender = Sender::new(stream, destination.limits(), ledger, surroundings);
            (Some(destination), Mode::Send(sender))
        } else {
            let to = self.to.as_ref().map(ToString::to_string);
            (None, Mode::Show(Sent::read(&self.ledger, to.as_deref()).map_err(wrong)?))
        };
        let bar = progress_bar(listed.iter().map(|object| object.bytes).sum(), aws.is_some());
        let errors = &mut *console.errors;
        let watcher = Watcher {
            message: &mut |message| bar.suspend(|| drop(writeln!(errors, "headgate: {}", printable_line(message)))),
            progress: &mut |bytes| bar.set_position(bytes),
            interrupted: &interrupted,
        };
        let judge = deployment.map(Judge::new);
        let report = Report::new(destination.is_some());
        let report = if self.show_payload { report.with_payloads() } else { report };
        let report = redrive(&mut *objects, &listed, &self.selection(), mode, judge, report, watcher);
        bar.finish_and_clear();
        print(console, &format!("{report}\n{}\n", self.last_line(destination.as_ref())))?;
        if report.is_complete() {
            Ok(())
        } else {
            let what = match destination {
                Some(_) => "read and sent; the same command goes on from here",
                None => "read",
            };
            Err(Failure::Broken(format!("not everything could be {what}")))
        }
    }

    fn from(&self) -> Result<From, String> {
        let Some(place) = self.from.strip_prefix("s3://") else {
            return Folder::open(Path::new(&self.from), &self.ledger).map(From::Folder);
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(format!("`{}` names no bucket, expected `s3://BUCKET/PREFIX`", self.from));
        }
        Ok(From::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    fn deployment(&self) -> Result<Option<Deployment>, Vec<String>> {
        let Some(config_env) = self.config_env.clone() else { return Ok(None) };
        let (template, parameter_overrides) = (self.template.clone(), self.parameter_overrides.clone());
        Deployment::read(&Choice { template, config_env, parameter_overrides }).map(Some)
    }

    fn to(&self, deployment: Option<&Deployment>) -> To {
        match (&self.to, deployment) {
            (Some(destination), _) => To::Stream(destination.clone()),
            (None, Some(deployment)) => To::source_of(deployment),
            (None, None) => To::Nowhere,
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            error_types: self.error_type.clone(),
            error_codes: self.error_code.clone(),
            since: self.since,
            until: self.until,
            skip_failing: self.skip_failing,
        }
    }

    fn last_line(&self, destination: Option<&Destination>) -> String {
        match destination {
            Some(destination) => {
                format!("Sent to `{destination}`; the ledger is `{}`.", self.ledger.display())
            }
            None if self.dry_run => "Nothing was sent: it is a dry run.".to_owned(),
            None => "Nothing was sent: `--to` says where, or `--config-env`.".to_owned(),
        }
    }
}

impl To {
    fn is_nowhere(&self) -> bool {
        matches!(self, Self::Nowhere)
    }

    /// The stream, if there is to be one.
    fn open(self, aws: &Aws) -> Result<Option<Target>, String> {
        let destination = match self {
            Self::Nowhere => return Ok(None),
            Self::Stream(destination) => destination,
            Self::OfStack { stack, resource, make } => make(aws.physical_name(&stack, &resource)?),
        };
        let stream = aws.stream(&destination);
        Ok(Some(Target { destination, stream }))
    }

    /// Where a deployment takes records. CloudFormation ends a resource's name at random, unless the template names it.
    fn source_of(deployment: &Deployment) -> Self {
        let (make, name): (fn(String) -> Destination, &str) = match &deployment.stream.source {
            Source::DirectPut => (Destination::Firehose, &deployment.stream.name),
            Source::Kinesis { arn } => (Destination::Kinesis, arn.rsplit('/').next().unwrap_or_default()),
        };
        let stack = &deployment.stack_name;
        match name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')) {
            Some(resource) => Self::OfStack { stack: stack.clone(), resource: resource.to_owned(), make },
            None => Self::Stream(make(name.to_owned())),
        }
    }
}

impl Stream for Box<dyn Stream> {
    fn put(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), Refusal>>, PutError> {
        (**self).put(records)
    }
}

/// Waits, unless there is an interrupt.
fn wait(pause: Duration, is_interrupted: &dyn Fn() -> bool) {
    let mut left = pause;
    while !left.is_zero() && !is_interrupted() {
        let slice = left.min(SLICE);
        sleep(slice);
        left -= slice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where an environment of the project takes records, once its delivery stream is as `change` makes it.
    fn source(config_env: &str, change: impl Fn(&mut Deployment)) -> String {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("template.yaml");
        let choice = Choice { template, config_env: config_env.to_owned(), parameter_overrides: vec![] };
        let mut deployment = Deployment::read(&choice).unwrap();
        change(&mut deployment);
        match To::source_of(&deployment) {
            To::Nowhere => "nowhere".to_owned(),
            To::Stream(destination) => destination.to_string(),
            To::OfStack { stack, resource, make } => format!("`{}` of {stack}", make(resource)),
        }
    }

    #[test]
    fn records_go_where_the_deployment_takes_them() {
        let as_it_is = |config_env: &str| source(config_env, |_| ());
        assert_eq!(as_it_is("default"), "`kinesis:SourceStream` of headgate-component-metrics");
        assert_eq!(as_it_is("counties"), "`kinesis:SourceStream` of headgate-counties");
        assert_eq!(as_it_is("traffic"), "`firehose:DeliveryStream` of headgate-traffic");
    }

    #[test]
    fn a_name_that_the_template_gives_is_the_name() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders".to_owned();
        let kinesis = source("default", |deployment| deployment.stream.source = Source::Kinesis { arn: arn.clone() });
        assert_eq!(kinesis, "kinesis:orders");
        let firehose = source("traffic", |deployment| deployment.stream.name = "orders".to_owned());
        assert_eq!(firehose, "firehose:orders");
    }
}
