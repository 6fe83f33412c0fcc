use super::*;
use crate::config;
use flate2::Compression;
use flate2::write::GzEncoder;
use shared::variables::Variables;
use std::io::Write;

/// A transformation by its variables, beside a prefix that takes `k`.
fn transform(variables: &[(&str, &str)]) -> Transform {
    let defaults = [("S3_PREFIX", "!{partitionKeyFromLambda:k}/"), ("ERROR_PREFIX", "errors/")];
    let variables = defaults.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    config::read(&mut Variables::new(variables)).unwrap()
}

fn apply<'s>(variables: &[(&str, &str)], record: impl AsRef<[u8]>, scratch: &'s mut Scratch) -> Outcome<'s> {
    let origin = Origin {
        arrival: Some("1600000000123"),
        record_id: Some(r#""id-1""#),
        stream: Some(r#""arn:aws:firehose:eu-west-1:123456789012:deliverystream/s""#),
        kinesis: Some(r#"{"shardId": "shardId-000000000000"}"#),
    };
    transform(variables).apply(record.as_ref(), &origin, scratch)
}

/// A record is delivered as these lines, under this key.
#[track_caller]
fn check(variables: &[(&str, &str)], record: impl AsRef<[u8]>, lines: &str, key: &str) {
    match apply(variables, record, &mut Scratch::default()) {
        Outcome::Deliver { lines: written, labels } => {
            assert_eq!(written, lines);
            assert_eq!(labels.values, [key]);
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn dropped(variables: &[(&str, &str)], record: impl AsRef<[u8]>, why: Dropped) {
    assert_eq!(apply(variables, record, &mut Scratch::default()), Outcome::Drop(why));
}

#[track_caller]
fn failure(variables: &[(&str, &str)], record: impl AsRef<[u8]>) -> String {
    match apply(variables, record, &mut Scratch::default()) {
        Outcome::Fail(Failure { reason, detail }) => format!("{reason}: {detail}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_are_delivered_as_one_line_under_their_keys() {
    check(&[], r#"{"k":"a","minValue":1.0}"#, "{\"k\":\"a\",\"minValue\":1.0}\n", "a");
    check(&[], r#"{ "k": "a/b" }"#, "{\"k\": \"a/b\"}\n", "a%2Fb");
    check(&[], r#"{"k":5}"#, "{\"k\":5}\n", "5");
    check(&[], r#"{"k":true}"#, "{\"k\":true}\n", "true");
}

#[test]
fn a_layout_of_times_needs_no_keys() {
    let mut scratch = Scratch::default();
    let outcome = apply(&[("S3_PREFIX", "t/year=!{timestamp:yyyy}/")], "{}", &mut scratch);
    let Outcome::Deliver { lines, labels } = outcome else { panic!("{outcome:?}") };
    assert_eq!((lines, labels.json.as_str()), ("{}\n", "{}"));
}

#[test]
fn queries_make_the_record_and_its_keys() {
    let query = |program| [("RECORD_QUERY", program)];
    check(&query("{k: .a.b, n}"), r#"{"a":{"b":"x"},"n":1.10}"#, "{\"k\":\"x\",\"n\":1.10}\n", "x");
    check(&query("{k: .[0]}"), "[\"x\"]", "{\"k\":\"x\"}\n", "x");
    check(&[("PARTITION_QUERY", "{k: .t[:4]}")], r#"{"t":"2026-11-21"}"#, "{\"t\":\"2026-11-21\"}\n", "2026");
    check(
        &[("RECORD_QUERY", "del(.a)"), ("PARTITION_QUERY", ".at | rfc3339 | {k: strftime(\"%Y-%m-%d\")}")],
        r#"{"a":1,"at":"2026-01-01T00:30:00.5+01:00"}"#,
        "{\"at\":\"2026-01-01T00:30:00.5+01:00\"}\n",
        "2025-12-31",
    );
    dropped(&query("select(.level == \"error\")"), r#"{"k":"a","level":"info"}"#, Dropped::Query);
}

#[test]
fn queries_know_where_the_record_is_from() {
    let query = "{k: $arrival[:10], $arrival, $record_id, stream: ($stream | split(\"/\")[1]), shard: $kinesis.shardId, $change}";
    check(
        &[("RECORD_QUERY", query)],
        "null",
        "{\"k\":\"2020-09-13\",\"arrival\":\"2020-09-13T12:26:40.123Z\",\"record_id\":\"id-1\",\"stream\":\"s\",\
         \"shard\":\"shardId-000000000000\",\"change\":null}\n",
        "2020-09-13",
    );
    let unknown = transform(&[("RECORD_QUERY", "{k: \"x\", $arrival, $record_id, $stream, $kinesis}")]);
    let mut scratch = Scratch::default();
    let Outcome::Deliver { lines, .. } = unknown.apply(b"{}", &Origin::default(), &mut scratch) else {
        panic!("not delivered")
    };
    assert_eq!(lines, "{\"k\":\"x\",\"arrival\":null,\"record_id\":null,\"stream\":null,\"kinesis\":null}\n");
}

#[test]
fn records_fail_for_a_named_reason() {
    let variables = [("S3_PREFIX", "!{partitionKeyFromLambda:componentName}/"), ("CONTRACT", "minValue double")];
    let failure = |record: &[u8]| failure(&variables, record);
    insta::assert_snapshot!(failure(b"{\"componentName\":\"\xff\"}"), @"not-utf8: expected UTF-8, got an invalid byte at offset 18");
    insta::assert_snapshot!(failure(b""), @"not-json: EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(failure(b"\"secret\""), @"not-json: expected an object, got another value");
    insta::assert_snapshot!(failure(b"{\"componentName\":\"a\""), @"not-json: EOF while parsing an object at line 1 column 20");
    insta::assert_snapshot!(failure(b"{\"componentName\":\"a\",\"minValue\":\"1\"}"), @"contract: `minValue`: expected double, got a string");
    insta::assert_snapshot!(failure(b"{}"), @"partition-key-missing: partition key `componentName`: expected a value, got nothing");
    insta::assert_snapshot!(failure(b"{\"componentName\":null}"), @"partition-key-missing: partition key `componentName`: expected a value, got null");
    insta::assert_snapshot!(failure(b"{\"componentName\":\"\"}"), @"partition-key-empty: partition key `componentName`: it is empty");
    insta::assert_snapshot!(failure(b"{\"componentName\":[\"a\"]}"), @"partition-key-not-text: partition key `componentName`: expected text, got an array");
    insta::assert_snapshot!(failure(b"{\"componentName\":\"\\ud800\"}"), @"partition-key-not-text: partition key `componentName`: expected text, got an unpaired surrogate");
    insta::assert_snapshot!(failure(b"{\"componentName\":\"__HIVE_DEFAULT_PARTITION__\"}"), @"partition-key-reserved: partition key `componentName`: it holds `__HIVE_DEFAULT_PARTITION__`, which Hive keeps for itself");
    insta::assert_snapshot!(failure(format!("{{\"componentName\":\"{}\"}}", "a".repeat(1000)).as_bytes()), @"partition-key-too-long: the prefix would have 1001 characters, expected at most 512");
    insta::assert_snapshot!(failure(format!("{{\"componentName\":\"{}\"}}", "a".repeat(2000)).as_bytes()), @"partition-key-too-long: partition key `componentName`: it has 2000 characters, expected at most 1024");
}

#[test]
fn records_fail_for_their_queries() {
    let record_query = |program, record: &str| failure(&[("RECORD_QUERY", program)], record);
    insta::assert_snapshot!(record_query(".a.b", r#"{"a":"secret"}"#), @r#"query-failed: the record query: Cannot index string with "b""#);
    insta::assert_snapshot!(record_query(".[]", r#"{"a":1,"b":2}"#), @"more-than-one-output: the record query: expected one output at most, got more");
    insta::assert_snapshot!(record_query("[.]", "{}"), @"output-not-object: the record query: expected an object as its output, got an array");
    insta::assert_snapshot!(record_query("def f: f; f", "{}"), @"query-out-of-bounds: the record query: expected the query to end, got more steps than it is allowed for a record");
    insta::assert_snapshot!(record_query(".a", "{"), @"not-json: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(record_query("{a}", r#"{"a":1}"#), @"partition-key-missing: partition key `k`: expected a value, got nothing");
    let partition_query = |program, record: &str| failure(&[("PARTITION_QUERY", program)], record);
    insta::assert_snapshot!(partition_query(".labels", r#"{"labels":{"a":"b"}}"#), @"partition-key-missing: partition key `k`: expected a value, got nothing");
    insta::assert_snapshot!(partition_query(".labels", "{}"), @"output-not-object: the partition query: expected an object as its output, got null");
    insta::assert_snapshot!(partition_query("empty", "{}"), @"partition-key-missing: the partition query: expected an object, got no output");
    insta::assert_snapshot!(partition_query("{k: .t[:4]}", r#"{"t":5}"#), @"query-failed: the partition query: Cannot index number with object");
    insta::assert_snapshot!(partition_query("{k: .t[:4]}", "{}"), @"partition-key-missing: partition key `k`: expected a value, got null");
}

/// A change of an item with the key `k`, with these fields beside its images.
fn change(event: &str, stream: &str) -> String {
    let image = r#"{"k":{"S":"a"},"n":{"N":"1.10"}}"#;
    let images = match event {
        "INSERT" => format!(r#""NewImage":{image}"#),
        "REMOVE" => format!(r#""OldImage":{image}"#),
        _ => format!(r#""NewImage":{image},"OldImage":{{"k":{{"S":"old"}}}}"#),
    };
    format!(r#"{{"eventName":"{event}","eventID":"e","dynamodb":{{{images}{stream}}}}}"#)
}

#[test]
fn items_are_delivered_as_they_are_now() {
    let dynamodb = ("RECORD_FORMAT", "dynamodb");
    check(&[dynamodb], change("INSERT", ""), "{\"k\":\"a\",\"n\":1.10}\n", "a");
    check(&[dynamodb], change("MODIFY", ""), "{\"k\":\"a\",\"n\":1.10}\n", "a");
    dropped(&[dynamodb], change("REMOVE", ""), Dropped::Removal);
    dropped(&[dynamodb, ("RECORD_QUERY", "del(.n)")], change("REMOVE", ""), Dropped::Removal);
    insta::assert_snapshot!(failure(&[dynamodb], r#"{"eventName":"INSERT"}"#), @"not-dynamodb: `dynamodb`: expected an object, got nothing");
    insta::assert_snapshot!(failure(&[dynamodb], "{}"), @"not-dynamodb: `dynamodb`: expected an object, got nothing");
    insta::assert_snapshot!(failure(&[dynamodb], "["), @"not-dynamodb: expected an object, got another value at line 1 column 0");
}

#[test]
fn a_query_that_looks_at_changes_is_asked_about_removed_items_too() {
    let query = "{k, was: $change.dynamodb.OldImage.k.S, gone: ($change.eventName == \"REMOVE\")}";
    let variables = [("RECORD_FORMAT", "dynamodb"), ("RECORD_QUERY", query)];
    check(&variables, change("MODIFY", ""), "{\"k\":\"a\",\"was\":\"old\",\"gone\":false}\n", "a");
    check(&variables, change("REMOVE", ""), "{\"k\":\"a\",\"was\":\"a\",\"gone\":true}\n", "a");
    let kept = [("RECORD_FORMAT", "dynamodb"), ("RECORD_QUERY", "select($change.eventName != \"REMOVE\")")];
    dropped(&kept, change("REMOVE", ""), Dropped::Query);
}

#[test]
fn changes_are_dated_in_milliseconds_or_microseconds() {
    let variables = [("RECORD_FORMAT", "dynamodb"), ("RECORD_QUERY", "{k, at: $changed_at}")];
    let dated = |stream: &str, at: &str| {
        check(&variables, change("INSERT", stream), &format!("{{\"k\":\"a\",\"at\":{at}}}\n"), "a");
    };
    dated(r#","ApproximateCreationDateTime":1600000000123"#, "\"2020-09-13T12:26:40.123Z\"");
    dated(
        r#","ApproximateCreationDateTime":1600000000123456,"ApproximateCreationDateTimePrecision":"MICROSECOND""#,
        "\"2020-09-13T12:26:40.123456Z\"",
    );
    dated("", "null");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn log_data(events: &str) -> Vec<u8> {
    gzip(&format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{events}]}}"#
    ))
}

#[test]
fn each_log_event_is_a_line() {
    let logs = [("RECORD_FORMAT", "cloudwatch-logs"), ("RECORD_QUERY", "{k: .logGroup, message}")];
    let events = r#"{"id":"1","timestamp":1,"message":"a"},{"id":"2","timestamp":2,"message":"b"}"#;
    check(&logs, log_data(events), "{\"k\":\"g\",\"message\":\"a\"}\n{\"k\":\"g\",\"message\":\"b\"}\n", "g");
    let some = [logs[0], ("RECORD_QUERY", "select(.message == \"b\") | {k: .id}")];
    check(&some, log_data(events), "{\"k\":\"2\"}\n", "2");
    dropped(&[logs[0], ("RECORD_QUERY", "empty")], log_data(events), Dropped::Query);
    dropped(&logs, log_data(""), Dropped::NoEvents);
    dropped(&logs, gzip(r#"{"messageType":"CONTROL_MESSAGE"}"#), Dropped::ControlMessage);
    insta::assert_snapshot!(failure(&[logs[0], ("PARTITION_QUERY", "{k: .id}")], log_data(events)), @"partition-keys-differ: expected one partition for all log events of a record, got more");
    insta::assert_snapshot!(failure(&logs, log_data(r#"{"id":"1","timestamp":1,"message":"a"},{}"#)), @"not-cloudwatch-logs: `logEvents[1].id`: expected a string, got nothing");
    insta::assert_snapshot!(failure(&logs, &gzip("{}")[..15]), @"not-cloudwatch-logs: expected gzip, got data that ends too early");
    insta::assert_snapshot!(failure(&logs, gzip(&" ".repeat(7 << 20))), @"not-cloudwatch-logs: expected at most 6291456 bytes when decompressed, got more");
}

#[test]
fn lines_of_logs_are_read() {
    let by_host = ("PARTITION_QUERY", "{k: .host}");
    let apache = [("RECORD_FORMAT", "apache"), ("RECORD_QUERY", "{host, response, bytes}"), by_host];
    let line = r#"h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 -"#;
    check(&apache, line, "{\"host\":\"h\",\"response\":200,\"bytes\":null}\n", "h");
    let syslog = [("RECORD_FORMAT", "syslog"), ("RECORD_QUERY", "{host: .hostname, at: .timestamp}"), by_host];
    check(&syslog, "<34>Sep 13 12:26:40 h su: x", "{\"host\":\"h\",\"at\":\"2020-09-13T12:26:40Z\"}\n", "h");
    insta::assert_snapshot!(failure(&apache, "secret"), @"not-apache: expected a blank after the host, got the end of the line");
    insta::assert_snapshot!(failure(&syslog, "<999>secret"), @"not-syslog: expected a priority from `<0>` to `<191>`, got something else at offset 0");
}

#[test]
fn records_can_be_delivered_as_csv() {
    let csv = [("OUTPUT_FORMAT", "csv"), ("CONTRACT", "k string, n double, s string")];
    check(&csv, r#"{"s":"a, \"b\"","k":"x","other":1}"#, "x,,\"a, \"\"b\"\"\"\n", "x");
}
