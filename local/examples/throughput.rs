//! How long a million component records take through the model of Firehose, with the transform function and with one that
//! answers at once, and how much memory.
//!
//! `cargo run --release -p local --example throughput`, in the project's folder; with a number, so many records; with `transform`
//! or `at-once` behind it, that function alone, for callgrind.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "what it prints is what it is for; a fault in it ends it")]

use firehose_transform::handler::handle;
use firehose_transform::transform::Scratch;
use local::assumptions::FIRST_ARRIVAL;
use local::deployment::{Choice, Deployment};
use local::firehose::{Arrivals, Firehose};
use std::fmt::Write;
use std::time::Instant;

const RECORDS: u64 = 1_000_000;
const COMPONENTS: u64 = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let records = arguments.first().map_or(RECORDS, |count| count.parse().unwrap());
    let wanted = |name: &str| arguments.get(1).is_none_or(|argument| argument == name);
    let choice = Choice {
        template: "template.yaml".into(),
        config_env: "component-metrics".into(),
        parameter_overrides: Vec::new(),
    };
    let deployment = Deployment::read(&choice).unwrap();
    if wanted("at-once") {
        run("at-once", &deployment, records, at_once);
    }
    if wanted("transform") {
        let mut scratch = Scratch::default();
        run("transform", &deployment, records, |request| {
            let (reply, _) = handle(&deployment.transform, request.as_bytes(), &mut scratch).unwrap();
            Ok(reply)
        });
    }
}

fn run(name: &str, deployment: &Deployment, records: u64, call: impl FnMut(&str) -> Result<Vec<u8>, String>) {
    let start = Instant::now();
    let arrivals = Arrivals::paced(&deployment.stream.source, FIRST_ARRIVAL);
    let mut firehose = Firehose::new(&deployment.stream, arrivals, call, |_: &str| false);
    let (mut line, mut read, mut written) = (String::new(), 0, 0);
    for number in 0..records {
        line.clear();
        write!(
            line,
            "{{\"componentName\":\"component-{}\",\"fromTimestamp\":\"2020-09-01T12:35:05.001Z\",\"maxValue\":59.886544611280414,\
             \"metricName\":\"metric-number-{:020}\",\"minValue\":42.81665790877369,\"toTimestamp\":\"2020-09-01T12:35:15.001Z\",\
             \"unit\":\"percent\"}}",
            number % COMPONENTS, number
        )
        .unwrap();
        read += line.len();
        written += firehose.put(line.as_bytes()).iter().map(|object| object.body.len()).sum::<usize>();
    }
    let (last, counts) = firehose.close();
    written += last.iter().map(|object| object.body.len()).sum::<usize>();
    assert_eq!(counts.delivered, records);
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {records} records, {read} bytes in, {written} out, in {seconds:.2} s, {} at most", peak());
}

/// The reply of a function that delivers each record as it came, made of the request's text.
#[expect(clippy::unnecessary_wraps, reason = "functions can fail")]
fn at_once(request: &str) -> Result<Vec<u8>, String> {
    let (_, records) = request.split_once("\"records\":[").unwrap();
    let mut reply = String::with_capacity(request.len());
    reply.push_str("{\"records\":[");
    for (place, record) in records.split("{\"recordId\":\"").skip(1).enumerate() {
        let (id, rest) = record.split_once('"').unwrap();
        let data = rest.split_once("\"data\":\"").unwrap().1.split('"').next().unwrap();
        let comma = if place == 0 { "" } else { "," };
        let key = place % 200;
        write!(
            reply,
            "{comma}{{\"recordId\":\"{id}\",\"result\":\"Ok\",\"data\":\"{data}\",\
             \"metadata\":{{\"partitionKeys\":{{\"componentName\":\"component-{key}\"}}}}}}"
        )
        .unwrap();
    }
    reply.push_str("]}");
    Ok(reply.into_bytes())
}

/// The most memory that the process has had, as Linux tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "memory unknown".to_owned(), |memory| memory.trim().to_owned())
}
