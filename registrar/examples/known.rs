//! How long it takes to see that 10,000 notifications tell of nothing new.
//!
//! `cargo run --release -p registrar --features testing --example known`, or with a name and `once` for callgrind, which is told
//! `--toggle-collect='known::measured*'`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "what it prints is what it is for; a fault in it ends it")]

#[allow(dead_code, reason = "tests use all of it")]
#[path = "../tests/envelopes/mod.rs"]
mod envelopes;

use envelopes::{BUCKET, by_event_bridge, by_s3, in_sns, notification, record, sqs};
use registrar::catalog::Attempt;
use registrar::columns::PartitionColumns;
use registrar::handler::{Invocation, Maintainer, Scope};
use registrar::memory::MemoryCatalog;
use serde_json::{Value, json};
use shared::error_prefix::ErrorPrefix;
use shared::layout::Layout;
use std::time::{Instant, SystemTime};
use tokio::runtime::Runtime;

const NOTIFICATIONS: usize = 10_000;
const PARTITIONS: usize = 200;
const RUNS: usize = 41;

type Kept = Maintainer<MemoryCatalog>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| arguments.first().is_none_or(|argument| argument == name);
    let runs = if arguments.iter().any(|argument| argument == "once") { 1 } else { RUNS };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let in_queue = |notification: fn(usize, &str) -> Value| {
        let bodies: Vec<String> =
            (0..NOTIFICATIONS).map(|place| notification(place, &key(place)).to_string()).collect();
        sqs(bodies.iter().map(String::as_str))
    };
    let records =
        || json!({ "Records": (0..NOTIFICATIONS).map(|place| record(place, &key(place))).collect::<Vec<_>>() });
    let events: [(&str, &dyn Fn() -> String); 5] = [
        ("s3", &|| records().to_string()),
        ("sqs", &|| in_queue(by_s3)),
        ("sqs-mixed", &|| in_queue(notification)),
        ("sqs-sns", &|| in_queue(|place, key| in_sns(&by_s3(place, key)))),
        ("sqs-event-bridge", &|| in_queue(by_event_bridge)),
    ];
    for (name, event) in events.into_iter().filter(|(name, _)| wanted(name)) {
        let event = event();
        let maintainer = maintainer();
        runtime.block_on(handle(&maintainer, &event));
        assert_eq!(maintainer.remembered(), PARTITIONS);
        let mut milliseconds: Vec<f64> = (0..runs)
            .map(|_| {
                let start = Instant::now();
                let known = measured(&runtime, &maintainer, &event);
                let taken = start.elapsed();
                assert_eq!(known, PARTITIONS as u64);
                taken.as_secs_f64() * 1e3
            })
            .collect();
        milliseconds.sort_by(f64::total_cmp);
        let [least, median] = [0, runs / 2].map(|place| milliseconds.get(place).copied().unwrap_or_default());
        let size = event.len() / NOTIFICATIONS;
        println!("{name}: {NOTIFICATIONS} notifications of {size} bytes in {median:.2} ms ({least:.2} at best)");
    }
}

#[inline(never)]
fn measured(runtime: &Runtime, maintainer: &Kept, event: &str) -> u64 {
    runtime.block_on(handle(maintainer, event))
}

/// Handles an event; how many partitions were known.
async fn handle(maintainer: &Kept, event: &str) -> u64 {
    let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "one" };
    let (reply, report) = maintainer.handle(event, Invocation { now: &|| 0, attempt }).await;
    assert!(reply.is_ok_and(|reply| reply.is_null() || reply == json!({ "batchItemFailures": [] })));
    report.known
}

fn maintainer() -> Kept {
    let layout = "data/year=!{timestamp:yyyy}/component=!{partitionKeyFromLambda:component}/";
    let layout = Layout::parse(layout, &ErrorPrefix::parse("errors/").unwrap()).unwrap();
    let columns = PartitionColumns::new([("year", "int"), ("component", "string")]).unwrap();
    Maintainer::new(Scope { layout, bucket: BUCKET.to_owned() }, MemoryCatalog::new(columns))
}

fn key(place: usize) -> String {
    let component = place * 7 % PARTITIONS;
    format!(
        "data/year=2026/component=service-{component}/metrics-1-2026-11-21-09-14-00-2e26cfaa-9b3b-59a9-b842-5d52a9533db2"
    )
}
