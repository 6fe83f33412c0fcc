//! How long each stage of a record takes, and a whole request of so many of them.
//!
//! ```sh
//! cargo bench -p firehose-transform                  # all of it, some minutes
//! cargo bench -p firehose-transform -- handle        # one of the groups
//! ```
//!
//! What is not public is timed through `Transform::apply`, whose rest is in `transform/as they are`. Instructions, which CI
//! holds, are counted by `e2e/instructions.py`.

#![allow(clippy::unwrap_used, reason = "what is generated here is what the stages take")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bumpalo::Bump;
use criterion::{BenchmarkId, Criterion, Throughput};
use firehose_transform::config;
use firehose_transform::contract::Contract;
use firehose_transform::document::Document;
use firehose_transform::format::{apache, cloudwatch_logs, dynamodb, syslog};
use firehose_transform::handler::handle;
use firehose_transform::object_writer::ObjectWriter;
use firehose_transform::outcome::Outcome;
use firehose_transform::query::Query;
use firehose_transform::transform::{Origin, Scratch, Transform};
use firehose_transform::wire::{LARGEST_REPLY, ReplyWriter, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use serde_json::value::RawValue;
use shared::variables::Variables;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    wire(&mut criterion);
    document(&mut criterion);
    formats(&mut criterion);
    transform(&mut criterion);
    whole(&mut criterion);
    criterion.final_summary();
}

const KEYS: &str = r#". + (.at | rfc3339 | {year: strftime("%Y"), month: strftime("%m"), day: strftime("%d")})"#;
const BY_KEYS: &str =
    "data/!{partitionKeyFromLambda:year}/!{partitionKeyFromLambda:month}/!{partitionKeyFromLambda:day}/";
const BY_COMPONENT: &str = "data/!{partitionKeyFromLambda:componentName}/";
const BY_TIME: &str = "data/!{timestamp:yyyy/MM/dd}/";
const CONTRACT: &str =
    "componentName string not null, metricName string not null, minValue double, maxValue double, tag0 int";

/// The records of most benches.
const RECORDS: u32 = 1000;

fn metric(place: u32) -> String {
    let mut record = format!(
        r#"{{"at":"2026-11-21T09:{:02}:{:02}.{:03}Z","componentName":"engine-{}","metricName":"cpu","minValue":{}.25"#,
        place / 60 % 60,
        place % 60,
        place * 137 % 1000,
        place % 7,
        place % 90,
    );
    write!(record, r#","maxValue":{}.10,"unit":"Percent","tag0":{place},"tag1":"ünusual\n"}}"#, place % 9).unwrap();
    record
}

fn request(records: u32) -> Vec<u8> {
    let record = |place| {
        let time = 1_795_252_500_000_u64 + 137 * u64::from(place);
        let id = format!("4962356679560409365057709846046447{place:022}");
        json!({ "recordId": id, "approximateArrivalTimestamp": time, "data": STANDARD.encode(metric(place)) })
    };
    let records: Vec<_> = (0..records).map(record).collect();
    let stream = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/measured";
    json!({ "invocationId": "i", "deliveryStreamArn": stream, "region": "eu-west-1", "records": records })
        .to_string()
        .into_bytes()
}

fn configured(variables: &[(&str, &str)]) -> Transform {
    let variables = [("ERROR_PREFIX", "errors/")].iter().chain(variables);
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    config::read(&mut Variables::new(variables)).unwrap()
}

/// Reading a request, decoding its records, writing the reply.
fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    let bytes = request(RECORDS);
    group.throughput(Throughput::Elements(u64::from(RECORDS)));
    group.bench_function("reading a request", |bencher| {
        bencher.iter(|| Request::parse(black_box(&bytes)).unwrap().records.len());
    });
    let request = Request::parse(&bytes).unwrap();
    let mut payload = Vec::new();
    group.bench_function("decoding base64", |bencher| {
        bencher.iter(|| request.records.iter().for_each(|record| record.decode(black_box(&mut payload)).unwrap()));
    });
    let (transform, line, mut scratch) = (configured(&[("S3_PREFIX", BY_COMPONENT)]), metric(1), Scratch::default());
    let Outcome::Deliver { lines, labels } = transform.apply(line.as_bytes(), &Origin::default(), &mut scratch) else {
        return;
    };
    group.bench_function("writing the reply", |bencher| {
        bencher.iter(|| {
            let mut reply = ReplyWriter::new(&request.records, LARGEST_REPLY);
            request.records.iter().for_each(|record| reply.deliver(record, black_box(lines), &labels).unwrap());
            reply.finish().len()
        });
    });
}

/// Reading a record, holding it against the contract, and writing it; the query that moves is in `transform`.
fn document(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document");
    let record = metric(1);
    let mut arena = Bump::new();
    group.bench_function("reading", |bencher| {
        bencher.iter(|| {
            arena.reset();
            Document::parse(black_box(&record), &arena).is_ok()
        });
    });
    let arena = Bump::new();
    let document = Document::parse(&record, &arena).unwrap();
    let contract = Contract::parse(CONTRACT).unwrap();
    group.bench_function("contract", |bencher| bencher.iter(|| contract.check(black_box(&document))));
    let mut line = String::new();
    group.bench_function("writing", |bencher| {
        bencher.iter(|| {
            line.clear();
            document.write_line(&mut line);
        });
    });
    let (query, input): (_, &RawValue) = (Query::compile(KEYS, &[]).unwrap(), serde_json::from_str(&record).unwrap());
    group.bench_function("query by jaq", |bencher| {
        bencher.iter(|| {
            line.clear();
            query.run(black_box(input), |_| None, &mut line)
        });
    });
}

/// Decoding a record, each format's own.
fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("format");
    let mut object = ObjectWriter::default();
    let line =
        r#"203.0.113.7 - ada [21/Nov/2026:09:15:00 +0000] "GET /items?page=2 HTTP/1.1" 200 5120 "-" "Mozilla/5.0""#;
    group.bench_function("apache", |bencher| {
        bencher.iter(|| apache::decode(black_box(line), &mut object));
    });
    let line = "<34>1 2026-11-21T09:15:00.003Z host-1 engine 4711 ID47 - the connection was closed by its peer";
    group.bench_function("syslog", |bencher| {
        bencher.iter(|| syslog::decode(black_box(line), None, &mut object));
    });
    let image: serde_json::Map<_, _> =
        (0..20).map(|place| (format!("field{place}"), json!({ "S": format!("value {place}") }))).collect();
    let change = json!({ "eventName": "MODIFY", "dynamodb": { "NewImage": image, "SizeBytes": 640 } }).to_string();
    group.bench_function("dynamodb", |bencher| {
        bencher.iter(|| dynamodb::Change::parse(black_box(&change), &mut object).unwrap().write_image(&mut object));
    });
    let (log_data, mut decompressed) = (log_data(100), Vec::new());
    group.throughput(Throughput::Elements(100));
    group.bench_function("cloudwatch-logs", |bencher| {
        bencher.iter(|| {
            let text = cloudwatch_logs::decompress(black_box(&log_data), LARGEST_REPLY, &mut decompressed).unwrap();
            let cloudwatch_logs::Message::Data(data) = cloudwatch_logs::Message::parse(text).unwrap() else { return };
            data.events().for_each(|event| event.unwrap().write(&mut object));
        });
    });
}

fn log_data(events: u32) -> Vec<u8> {
    let event =
        |place| json!({ "id": format!("{place:056}"), "timestamp": 1_795_252_500_000_u64, "message": metric(place) });
    let events: Vec<_> = (0..events).map(event).collect();
    let (kind, group) = ("DATA_MESSAGE", "/aws/lambda/measured");
    let data = json!({ "messageType": kind, "owner": "1", "logGroup": group, "logStream": "s", "logEvents": events });
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data.to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// One record's way, with more and more to be done.
fn transform(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transform");
    let interpreted = format!("{KEYS} | .unit |= ascii_downcase");
    let record = metric(1);
    for (name, variables) in [
        ("as they are", &[("S3_PREFIX", BY_TIME)][..]),
        ("labels", &[("S3_PREFIX", BY_COMPONENT)]),
        ("contract", &[("S3_PREFIX", BY_TIME), ("CONTRACT", CONTRACT)]),
        ("planned query", &[("S3_PREFIX", BY_TIME), ("RECORD_QUERY", KEYS)]),
        ("interpreted query", &[("S3_PREFIX", BY_TIME), ("RECORD_QUERY", &interpreted)]),
        ("partition query", &[("S3_PREFIX", BY_KEYS), ("PARTITION_QUERY", KEYS.trim_start_matches(". + "))]),
        ("csv", &[("S3_PREFIX", BY_TIME), ("CONTRACT", CONTRACT), ("OUTPUT_FORMAT", "csv")]),
    ] {
        let (transform, mut scratch) = (configured(variables), Scratch::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let outcome = transform.apply(black_box(record.as_bytes()), &Origin::default(), &mut scratch);
                assert!(matches!(outcome, Outcome::Deliver { .. }), "{outcome:?}");
            });
        });
    }
}

/// A request as a whole; twice the records should take twice the time.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handle");
    let mut scratch = Scratch::default();
    group.sample_size(20);
    let transform = configured(&[("S3_PREFIX", BY_KEYS), ("RECORD_QUERY", KEYS)]);
    for records in [100, 1_000, 4_000, 12_000] {
        let request = request(records);
        group.throughput(Throughput::Elements(u64::from(records)));
        group.bench_with_input(BenchmarkId::from_parameter(records), &request, |bencher, request| {
            bencher.iter(|| handle(&transform, black_box(request), &mut scratch).unwrap().0.len());
        });
    }
}
