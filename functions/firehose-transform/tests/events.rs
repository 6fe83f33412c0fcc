//! Each file of `events/firehose-transform` is a test, and a new file is a new one: its answer is kept in `snapshots`.
//!
//! The configuration is that of the system `component-metrics`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firehose_transform::config;
use firehose_transform::handler::handle;
use firehose_transform::transform::{Reason, Transform};
use serde::Serialize;
use serde_json::{Value, json};
use shared::variables::Variables;
use std::collections::BTreeSet;
use std::fs;
use std::iter::successors;
use std::path::Path;

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");

#[test]
fn each_event_has_its_answer() {
    let transform = transform();
    insta::with_settings!({ omit_expression => true }, {
        insta::glob!("../../../events/firehose-transform", "*.json", |path| {
            insta::assert_json_snapshot!(answer(&transform, path));
        });
    });
}

#[test]
fn each_event_is_in_the_readme() {
    let readme = fs::read_to_string(format!("{EVENTS}/README.md")).unwrap();
    let links = readme.split("](").filter_map(|text| text.split_once(')')).map(|(link, _)| link);
    let listed: BTreeSet<_> = links.filter_map(|link| link.strip_prefix("firehose-transform/")).collect();
    let names = files().into_iter().map(|file| file.rsplit_once('/').unwrap().1.to_owned());
    assert_eq!(listed, names.collect::<BTreeSet<_>>().iter().map(String::as_str).collect());
}

#[test]
fn each_reason_has_an_event() {
    // The contract has the component's name `not null`, and is held against a record before its keys are looked for. A
    // reply is full at 6 MB, which is a test of the handler's.
    let not_shown = [Reason::PartitionKeyMissing, Reason::ReplyFull];
    let transform = transform();
    let reports =
        files().into_iter().filter_map(|file| Some(handle(&transform, &fs::read_to_string(file).unwrap()).ok()?.1));
    let shown: BTreeSet<Reason> = reports.flat_map(|report| report.failed.into_keys()).collect();
    let all = successors(Some(Reason::NoData), |reason| next(*reason));
    assert_eq!(shown, all.filter(|reason| !not_shown.contains(reason)).collect());
}

/// The reasons one after the other: a new one has to take its place here before this compiles.
fn next(reason: Reason) -> Option<Reason> {
    Some(match reason {
        Reason::NoData => Reason::NotBase64,
        Reason::NotBase64 => Reason::NotUtf8,
        Reason::NotUtf8 => Reason::NotJson,
        Reason::NotJson => Reason::Contract,
        Reason::Contract => Reason::PartitionKeyMissing,
        Reason::PartitionKeyMissing => Reason::PartitionKeyEmpty,
        Reason::PartitionKeyEmpty => Reason::PartitionKeyNotText,
        Reason::PartitionKeyNotText => Reason::PartitionKeyReserved,
        Reason::PartitionKeyReserved => Reason::PartitionKeyTooLong,
        Reason::PartitionKeyTooLong => Reason::ReplyFull,
        Reason::ReplyFull => return None,
    })
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
}

fn answer(transform: &Transform, event: &Path) -> Answer {
    match handle(transform, &fs::read_to_string(event).unwrap()) {
        Ok((reply, report)) => {
            let reply: Value = serde_json::from_str(&reply).unwrap();
            let log = report.line().to_json(0, "firehose-transform");
            Answer {
                decoded: reply["records"].as_array().unwrap().iter().map(decoded).collect(),
                reply,
                log: serde_json::from_str(&log).unwrap(),
            }
        }
        Err(error) => Answer { reply: json!({ "error": error.to_string() }), decoded: vec![], log: Value::Null },
    }
}

fn decoded(answer: &Value) -> Decoded {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let data = text("data").or_else(|| text("kafkaRecordValue")).map(|data| STANDARD.decode(data).unwrap());
    Decoded {
        record_id: text("recordId").unwrap().to_owned(),
        result: text("result").unwrap().to_owned(),
        data: data.map(|data| String::from_utf8_lossy(&data).into_owned()),
    }
}

fn files() -> Vec<String> {
    let entries = fs::read_dir(format!("{EVENTS}/firehose-transform")).unwrap();
    entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect()
}

fn transform() -> Transform {
    let variables = [
        ("S3_PREFIX", "!{partitionKeyFromLambda:componentName}/"),
        ("ERROR_PREFIX", "errors/!{firehose:error-output-type}/!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/"),
        (
            "CONTRACT",
            "componentName string not null, fromTimestamp string not null, maxValue double, \
             metricName string not null, minValue double, toTimestamp string, unit string",
        ),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    config::read(Variables::new(variables)).unwrap()
}
