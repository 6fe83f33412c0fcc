//! Each file of `events/partition-maintainer` is a test, and a new file is a new one: its answer is kept in `snapshots`.
//!
//! The configuration is that of the system `component-metrics`, and the engine is one that never fails.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use registrar::catalog::{Attempt, CatalogError};
use registrar::columns::PartitionColumns;
use registrar::config::{self, Config};
use registrar::engine::{Engine, StatementCatalog};
use registrar::handler::{Invocation, Maintainer};
use registrar::known::Known;
use registrar::memory::MemoryCatalog;
use registrar::plan::{Skip, plan};
use registrar::statement::Statement;
use serde::Serialize;
use serde_json::{Value, json};
use shared::variables::Variables;
use std::collections::BTreeSet;
use std::fs;
use std::iter::successors;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");

/// When the partitions are registered: 2026-11-21T09:15:30Z.
const NOW: i64 = 1_795_252_530_000;

#[test]
fn each_event_has_its_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    insta::with_settings!({ omit_expression => true }, {
        insta::glob!("../../events/partition-maintainer", "*.json", |path| {
            insta::assert_json_snapshot!(runtime.block_on(answer(path)));
        });
    });
}

#[test]
fn each_event_is_in_the_readme() {
    let readme = fs::read_to_string(format!("{EVENTS}/README.md")).unwrap();
    let links = readme.split("](").filter_map(|text| text.split_once(')')).map(|(link, _)| link);
    let listed: BTreeSet<_> = links.filter_map(|link| link.strip_prefix("partition-maintainer/")).collect();
    let names = files().into_iter().map(|file| file.rsplit_once('/').unwrap().1.to_owned());
    assert_eq!(listed, names.collect::<BTreeSet<_>>().iter().map(String::as_str).collect());
}

#[test]
fn each_skip_has_an_event() {
    let Config { scope, .. } = component_metrics();
    let plans = files().into_iter().map(|file| {
        let event = fs::read_to_string(file).unwrap();
        plan(&scope, &Known::default(), &event)
    });
    let shown: BTreeSet<Skip> = plans.flat_map(|plan| plan.skipped.into_keys()).collect();
    assert_eq!(shown, successors(Some(Skip::OtherEvent), |skip| next(*skip)).collect());
}

/// The skips one after the other: a new one has to take its place here before this compiles.
fn next(skip: Skip) -> Option<Skip> {
    Some(match skip {
        Skip::OtherEvent => Skip::OtherBucket,
        Skip::OtherBucket => Skip::EmptyObject,
        Skip::EmptyObject => Skip::FolderMarker,
        Skip::FolderMarker => Skip::HiddenName,
        Skip::HiddenName => Skip::ErrorObject,
        Skip::ErrorObject => Skip::ForeignKey,
        Skip::ForeignKey => return None,
    })
}

/// What a snapshot holds.
#[derive(Serialize)]
struct Answer {
    reply: Value,
    statements: Vec<String>,
    log: Vec<Value>,
}

/// An engine that remembers what it ran.
#[derive(Default)]
struct Remembering(Mutex<Vec<String>>);

impl Engine for Remembering {
    async fn run(&self, statement: &Statement, _: Attempt<'_>) -> Result<(), CatalogError> {
        self.0.lock().unwrap().push(statement.sql().to_owned());
        Ok(())
    }
}

async fn answer(event: &Path) -> Answer {
    let Config { scope, table, .. } = component_metrics();
    let reader = MemoryCatalog::new(PartitionColumns::new([("componentname", "string")]).unwrap());
    let maintainer = Maintainer::new(scope, StatementCatalog::new(reader, Remembering::default(), table));
    let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "events" };
    let event = fs::read_to_string(event).unwrap();
    let (reply, report) = maintainer.handle(&event, Invocation { now: &|| NOW, attempt }).await;
    let lines = report.lines().into_iter().map(|line| line.to_json(0, "partition-maintainer"));
    Answer {
        reply: reply.unwrap_or_else(|error| json!({ "error": error.to_string() })),
        statements: maintainer.catalog().engine().0.lock().unwrap().clone(),
        log: lines.map(|line| serde_json::from_str(&line).unwrap()).collect(),
    }
}

fn files() -> Vec<String> {
    let entries = fs::read_dir(format!("{EVENTS}/partition-maintainer")).unwrap();
    entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect()
}

fn component_metrics() -> Config {
    let variables = [
        ("S3_PREFIX", "!{partitionKeyFromLambda:componentName}/"),
        ("ERROR_PREFIX", "errors/!{firehose:error-output-type}/!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/"),
        ("DATA_BUCKET", "headgate-component-metrics-data-123456789012-eu-west-1"),
        ("TABLE", "headgate.component_metrics"),
        ("ATHENA_WORKGROUP", "headgate-component-metrics"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    config::read(&mut Variables::new(variables)).unwrap()
}
