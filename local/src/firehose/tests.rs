use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn stream(prefix: &str) -> DeliveryStream {
    DeliveryStream {
        name: "stream".into(),
        arn: "arn".into(),
        region: "eu-west-1".into(),
        source: Source::DirectPut,
        prefix: Prefix::parse(prefix).unwrap(),
        error_prefix: ErrorPrefix::parse("errors/!{firehose:error-output-type}/").unwrap(),
        buffer_bytes: 1_000,
        buffer_milliseconds: 60_000,
        extension: ".json".into(),
        processor: Processor {
            lambda_arn: "lambda".into(),
            buffer_bytes: 100,
            buffer_milliseconds: 10_000,
            retries: 3,
        },
    }
}

/// A function that answers each record by its own text: `key:…` is delivered under the key, `drop`, `fail` and so on.
fn function(request: &str) -> Result<Vec<u8>, String> {
    let request: Value = serde_json::from_str(request).unwrap();
    let mut replies = Vec::new();
    for record in request["records"].as_array().unwrap() {
        let id = record["recordId"].clone();
        let data = String::from_utf8(STANDARD.decode(record["data"].as_str().unwrap()).unwrap()).unwrap();
        match data.split_once(':').unwrap_or((&data, "")) {
            ("crash", _) => return Err("panicked".into()),
            ("junk", _) => return Ok("{}".into()),
            ("drop", _) => replies.push(json!({ "recordId": id, "result": "Dropped" })),
            ("fail", _) => {
                replies.push(json!({ "recordId": id, "result": "ProcessingFailed", "data": record["data"] }));
            }
            ("forget", _) => {}
            ("twice", _) => replies.extend(vec![json!({ "recordId": id, "result": "Dropped" }); 2]),
            ("nothing", _) => replies.push(json!({ "recordId": id, "result": "Ok" })),
            ("odd", _) => replies.push(json!({ "recordId": id, "result": "OK", "data": "" })),
            ("raw", _) => replies.push(json!({ "recordId": id, "result": "Ok", "data": "{}" })),
            ("keyless", _) => replies.push(json!({ "recordId": id, "result": "Ok", "data": "" })),
            (key, _) => replies.push(json!({
                "recordId": id, "result": "Ok", "data": STANDARD.encode(format!("{data}\n")),
                "metadata": { "partitionKeys": { "k": key } },
            })),
        }
    }
    Ok(json!({ "records": replies }).to_string().into_bytes())
}

fn run(prefix: &str, records: &[&str]) -> (Vec<Object>, Counts) {
    run_stream(&stream(prefix), records)
}

fn run_stream(stream: &DeliveryStream, records: &[&str]) -> (Vec<Object>, Counts) {
    let mut firehose = Firehose::new(stream, 1_767_225_600_000, function, |_: &str| false);
    let mut objects: Vec<Object> = records.iter().flat_map(|record| firehose.put(record.as_bytes())).collect();
    let (last, counts) = firehose.close();
    objects.extend(last);
    (objects, counts)
}

/// The code of the error object that a record becomes.
#[track_caller]
fn error(record: &str) -> String {
    let (objects, counts) = run("!{partitionKeyFromLambda:k}/", &[record]);
    assert_eq!((counts.read, counts.delivered, counts.failed.values().sum::<u64>()), (1, 0, 1));
    let line: Value = serde_json::from_slice(&objects[0].body).unwrap();
    assert_eq!(line["rawData"], STANDARD.encode(record));
    let folder = objects[0].key.rsplit_once('/').unwrap().0;
    format!("{folder}: {} after {}", line["errorCode"].as_str().unwrap(), line["attemptsMade"])
}

#[test]
fn records_of_one_prefix_are_one_object() {
    let (objects, counts) = run("!{partitionKeyFromLambda:k}/", &["a:1", "b:2", "a:3", "drop"]);
    let bodies: Vec<_> = objects.iter().map(|object| String::from_utf8_lossy(&object.body).into_owned()).collect();
    assert_eq!(bodies, ["a:1\na:3\n", "b:2\n"]);
    insta::assert_snapshot!(objects[0].key, @"a/stream-1-2026-01-01-00-00-00-5b45f3ec-3843-52b4-bbf0-61771c895da7.json");
    assert_eq!((counts.read, counts.delivered, counts.dropped), (4, 3, 1));
}

#[test]
fn each_failure_is_told_as_firehose_tells_it() {
    insta::assert_snapshot!(error("fail"), @"errors/processing-failed: Lambda.ProcessingFailedStatus after 1");
    insta::assert_snapshot!(error("forget"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("twice"), @"errors/processing-failed: Lambda.DuplicatedRecordId after 1");
    insta::assert_snapshot!(error("nothing"), @"errors/processing-failed: Lambda.InvalidReturnFormat after 1");
    insta::assert_snapshot!(error("odd"), @"errors/processing-failed: Lambda.InvalidReturnFormat after 1");
    insta::assert_snapshot!(error("raw"), @"errors/processing-failed: Lambda.JsonMappingException after 1");
    insta::assert_snapshot!(error("junk"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("crash"), @"errors/processing-failed: Lambda.FunctionError after 4");
    insta::assert_snapshot!(error("keyless"), @"errors/metadata-extraction-failed: DynamicPartitioning.MetadataExtractionFailed after 1");
    insta::assert_snapshot!(error(&"k".repeat(600)), @"errors/metadata-extraction-failed: DynamicPartitioning.MetadataExtractionFailed after 1");
}

#[test]
fn error_objects_are_lines_with_the_members_of_awss_own() {
    let (objects, _) = run("!{partitionKeyFromLambda:k}/", &["fail:1", "fail:2"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&objects[0].body), @r#"
    {"rawData":"ZmFpbDox","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225600002,"lambdaARN":"lambda"}
    {"rawData":"ZmFpbDoy","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptsMade":1,"arrivalTimestamp":1767225600001,"attemptEndingTimestamp":1767225600002,"lambdaARN":"lambda"}
    "#);
}

#[test]
fn buffers_are_written_when_they_are_full() {
    let full = "a".repeat(99);
    let (objects, counts) = run("all/!{timestamp:HH}/", &vec![full.as_str(); 25]);
    assert_eq!(objects.iter().map(|object| object.records).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(counts.delivered, 25);
}

#[test]
fn buffers_are_written_when_they_are_late() {
    // 70 s of records, one each millisecond; the function is called every 100 ms, the buffer is kept for 60 s.
    let stream = DeliveryStream { buffer_bytes: 1_000_000, ..stream("!{partitionKeyFromLambda:k}/") };
    let (objects, counts) = run_stream(&stream, &vec!["a"; 70_000]);
    assert_eq!(objects.iter().map(|object| object.records).collect::<Vec<_>>(), [60_000, 10_000]);
    assert_eq!(objects[0].written_at - 1_767_225_600_000, 60_000);
    assert_eq!((counts.delivered, counts.most_active_partitions), (70_000, 1));
}

#[test]
fn the_function_is_called_when_records_have_waited() {
    // 25 s of records that fill no batch, which waits for 10 s.
    let mut stream = stream("!{partitionKeyFromLambda:k}/");
    stream.processor.buffer_bytes = 1_000_000;
    let mut sizes = Vec::new();
    let call = |request: &str| {
        let parsed: Value = serde_json::from_str(request).unwrap();
        sizes.push(parsed["records"].as_array().unwrap().len());
        function(request)
    };
    let mut firehose = Firehose::new(&stream, 0, call, |_: &str| false);
    (0..25_000).for_each(|_| drop(firehose.put(b"a")));
    firehose.close();
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
}

#[test]
fn records_on_their_way_are_told_when_the_stream_is_given_up() {
    let stream = stream("!{partitionKeyFromLambda:k}/");
    for records in 0..30 {
        let mut firehose = Firehose::new(&stream, 0, function, |_: &str| false);
        let each = [&"a".repeat(60), "drop", "fail", &"b".repeat(LARGEST_RECORD + 1), "c:1"];
        let objects = (0..records).flat_map(|n| firehose.put(each[n % each.len()].as_bytes())).collect::<Vec<_>>();
        let counts = firehose.abandon();
        let written: u64 = objects.iter().map(|object| object.records).sum();
        let failed: u64 = counts.failed.values().sum();
        assert_eq!((counts.delivered + failed, counts.read), (written, records as u64));
        assert_eq!(counts.read, counts.delivered + counts.dropped + counts.rejected() + counts.not_written);
    }
}

#[test]
fn records_too_large_never_enter_the_stream() {
    let (objects, counts) = run("!{partitionKeyFromLambda:k}/", &[&"a".repeat(LARGEST_RECORD + 1)]);
    assert_eq!((objects.len(), counts.read, counts.refused), (0, 1, 1));
}

#[test]
fn the_same_input_gives_the_same_objects() {
    assert_eq!(run("!{partitionKeyFromLambda:k}/", &["a:1", "b"]), run("!{partitionKeyFromLambda:k}/", &["a:1", "b"]));
}
