//! Each file of `events/firehose-transform` is a test, and a new file is a new one: its answer is kept in `snapshots`.
//!
//! The configuration is that of the environment that the folder is called by, or what `configurations.json` says of it.

use crate::headgate::project;
use aws_lambda_events::event::firehose::KinesisFirehoseResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firehose_transform::handler::handle;
use firehose_transform::outcome::{Dropped, Reason};
use firehose_transform::report::Report;
use firehose_transform::transform::{Scratch, Transform};
use local::deployment::{Choice, Deployment};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::iter::successors;
use std::path::{Path, PathBuf};

/// In the folder of all events: which configurations are not those of environments.
const CONFIGURATIONS: &str = "firehose-transform/configurations.json";

#[test]
fn each_event_has_its_answer() {
    let transforms = transforms();
    insta::with_settings!({ omit_expression => true }, {
        insta::glob!("../../events/firehose-transform", "*/*.json", |path| {
            insta::assert_json_snapshot!(answer(&transforms[folder(path)], path));
        });
    });
}

#[test]
fn each_event_is_in_the_readme() {
    let readme = fs::read_to_string(project().join("events/README.md")).unwrap();
    let links = readme.split("](").filter_map(|text| text.split_once(')')).map(|(link, _)| link);
    let listed: BTreeSet<_> =
        links.filter(|link| link.starts_with("firehose-transform/") && *link != CONFIGURATIONS).collect();
    let events = project().join("events");
    let files = files();
    let names = files.iter().map(|file| file.strip_prefix(&events).unwrap().to_str().unwrap());
    assert_eq!(listed, names.collect());
}

#[test]
fn each_environment_has_events() {
    let samconfig: Vec<String> = fs::read_to_string(project().join("samconfig.toml"))
        .unwrap()
        .lines()
        .filter_map(|line| Some(line.strip_prefix('[')?.strip_suffix(".deploy.parameters]")?.to_owned()))
        .collect();
    let transforms = transforms();
    // It is the same as component-metrics.
    for environment in samconfig.iter().filter(|name| *name != "default") {
        assert!(transforms.contains_key(environment), "{environment}");
    }
}

#[test]
fn each_reason_has_an_event() {
    // A reply is full at 6 MB, which is a test of the handler's.
    let not_shown = [Reason::ReplyFull];
    let shown: BTreeSet<Reason> = reports().into_iter().flat_map(|report| report.failed.into_keys()).collect();
    assert_eq!(shown, all_reasons().filter(|reason| !not_shown.contains(reason)).collect());
}

/// Every reason, in the order in which they are written.
pub(crate) fn all_reasons() -> impl Iterator<Item = Reason> {
    successors(Some(Reason::NoData), |reason| next_reason(*reason))
}

/// Every way to be dropped.
pub(crate) fn all_dropped() -> impl Iterator<Item = Dropped> {
    successors(Some(Dropped::Query), |dropped| next_dropped(*dropped))
}

/// The reasons one after the other: a new one has to take its place here before this compiles.
fn next_reason(reason: Reason) -> Option<Reason> {
    Some(match reason {
        Reason::NoData => Reason::NotBase64,
        Reason::NotBase64 => Reason::NotUtf8,
        Reason::NotUtf8 => Reason::NotJson,
        Reason::NotJson => Reason::NotDynamoDb,
        Reason::NotDynamoDb => Reason::NotCloudWatchLogs,
        Reason::NotCloudWatchLogs => Reason::NotApache,
        Reason::NotApache => Reason::NotSyslog,
        Reason::NotSyslog => Reason::QueryFailed,
        Reason::QueryFailed => Reason::QueryOutOfBounds,
        Reason::QueryOutOfBounds => Reason::MoreThanOneOutput,
        Reason::MoreThanOneOutput => Reason::OutputNotObject,
        Reason::OutputNotObject => Reason::Contract,
        Reason::Contract => Reason::PartitionKeyMissing,
        Reason::PartitionKeyMissing => Reason::PartitionKeyEmpty,
        Reason::PartitionKeyEmpty => Reason::PartitionKeyNotText,
        Reason::PartitionKeyNotText => Reason::PartitionKeyReserved,
        Reason::PartitionKeyReserved => Reason::PartitionKeyTooLong,
        Reason::PartitionKeyTooLong => Reason::PartitionKeysDiffer,
        Reason::PartitionKeysDiffer => Reason::ReplyFull,
        Reason::ReplyFull => return None,
    })
}

#[test]
fn each_way_to_be_dropped_has_an_event() {
    let shown: BTreeSet<Dropped> = reports().into_iter().flat_map(|report| report.dropped.into_keys()).collect();
    assert_eq!(shown, all_dropped().collect());
}

/// The same for the ways to be dropped.
fn next_dropped(dropped: Dropped) -> Option<Dropped> {
    Some(match dropped {
        Dropped::Query => Dropped::Removal,
        Dropped::Removal => Dropped::ControlMessage,
        Dropped::ControlMessage => Dropped::NoEvents,
        Dropped::NoEvents => return None,
    })
}

/// A record of a reply: id, result, data and partition keys.
type Said = (Option<String>, Option<String>, Vec<u8>, HashMap<String, String>);

#[test]
fn the_type_of_others_reads_what_a_reply_says() {
    let transforms = transforms();
    let mut read = 0;
    for file in files() {
        let Ok((reply, _)) = handle(&transforms[folder(&file)], &fs::read(&file).unwrap(), &mut Scratch::default())
        else {
            continue;
        };
        // That type knows nothing of records from Kafka, whose data has another name.
        if String::from_utf8_lossy(&reply).contains("\"kafkaRecordValue\"") {
            continue;
        }
        let theirs: KinesisFirehoseResponse = serde_json::from_slice(&reply).unwrap();
        let theirs: Vec<Said> = theirs
            .records
            .into_iter()
            .map(|record| (record.record_id, record.result, record.data.0, record.metadata.partition_keys))
            .collect();
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        let ours: Vec<Said> = reply["records"].as_array().unwrap().iter().map(said).collect();
        assert_eq!(theirs, ours, "{}", file.display());
        read += 1;
    }
    assert!(read > 50, "{read}");
}

fn said(record: &Value) -> Said {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let data = STANDARD.decode(record["data"].as_str().unwrap()).unwrap();
    let keys = record["metadata"].get("partitionKeys").map(|keys| serde_json::from_value(keys.clone()).unwrap());
    (text("recordId"), text("result"), data, keys.unwrap_or_default())
}

/// What a snapshot holds. `decoded` is the reply again, for human eyes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    reply: Value,
    decoded: Vec<Decoded>,
    log: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decoded {
    record_id: String,
    result: String,
    data: Option<String>,
    /// Why it failed. (The log tells of each reason the first few.)
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

fn answer(transform: &Transform, event: &Path) -> Answer {
    let event = fs::read_to_string(event).unwrap();
    match handle(transform, event.as_bytes(), &mut Scratch::default()) {
        Ok((reply, report)) => {
            let reply: Value = serde_json::from_slice(&reply).unwrap();
            let log = report.line().to_json(0, "firehose-transform");
            let answers = reply["records"].as_array().unwrap().iter();
            let decoded =
                answers.zip(alone(&event)).map(|(answer, alone)| decoded(transform, answer, &alone)).collect();
            Answer { decoded, reply, log: serde_json::from_str(&log).unwrap() }
        }
        Err(error) => Answer { reply: json!({ "error": error.to_string() }), decoded: vec![], log: Value::Null },
    }
}

fn decoded(transform: &Transform, answer: &Value, alone: &str) -> Decoded {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let data = text("data").or_else(|| text("kafkaRecordValue")).map(|data| STANDARD.decode(data).unwrap());
    let (reply, report) = handle(transform, alone.as_bytes(), &mut Scratch::default()).unwrap();
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    assert_eq!(&reply["records"][0], answer, "a record's outcome depends on the others");
    Decoded {
        record_id: text("recordId").unwrap().to_owned(),
        result: text("result").unwrap().to_owned(),
        data: data.map(|data| String::from_utf8_lossy(&data).into_owned()),
        failure: report.examples.first().map(|(_, failure)| format!("{}: {}", failure.reason, failure.detail)),
    }
}

/// A request for each record of an event.
fn alone(event: &str) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request<'r> {
        #[serde(borrow)]
        delivery_stream_arn: Option<&'r RawValue>,
        #[serde(borrow)]
        records: Vec<&'r RawValue>,
    }

    let Request { delivery_stream_arn: stream, records } = serde_json::from_str(event).unwrap();
    let stream = stream.map_or("null", RawValue::get);
    let request = |record: &&RawValue| format!(r#"{{"deliveryStreamArn":{stream},"records":[{record}]}}"#);
    records.iter().map(request).collect()
}

fn reports() -> Vec<Report> {
    let transforms = transforms();
    let report = |file: PathBuf| {
        Some(handle(&transforms[folder(&file)], &fs::read(&file).unwrap(), &mut Scratch::default()).ok()?.1)
    };
    files().into_iter().filter_map(report).collect()
}

/// What `configurations.json` says of a folder.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    config_env: String,
    parameter_overrides: BTreeMap<String, String>,
}

/// For each folder of events, the transform of its configuration.
fn transforms() -> BTreeMap<String, Transform> {
    let configurations = fs::read_to_string(project().join("events").join(CONFIGURATIONS)).unwrap();
    let mut configurations: BTreeMap<String, Configuration> = serde_json::from_str(&configurations).unwrap();
    let folders: BTreeSet<String> = files().iter().map(|file| folder(file).to_owned()).collect();
    let transforms = folders
        .into_iter()
        .map(|folder| {
            let environment = || Configuration { config_env: folder.clone(), parameter_overrides: BTreeMap::new() };
            let configuration = configurations.remove(&folder).unwrap_or_else(environment);
            let choice = Choice {
                template: project().join("template.yaml"),
                config_env: configuration.config_env,
                parameter_overrides: configuration.parameter_overrides.into_iter().collect(),
            };
            (folder, Deployment::read(&choice).unwrap().transform)
        })
        .collect();
    assert!(configurations.is_empty(), "no events in {:?}", configurations.keys());
    transforms
}

fn events() -> PathBuf {
    project().join("events/firehose-transform")
}

/// The name of the folder that an event lies in.
fn folder(event: &Path) -> &str {
    event.parent().unwrap().file_name().unwrap().to_str().unwrap()
}

/// All events.
fn files() -> Vec<PathBuf> {
    let all = crate::headgate::files(&events());
    all.into_iter().filter(|path| path.parent() != Some(&events())).collect()
}
