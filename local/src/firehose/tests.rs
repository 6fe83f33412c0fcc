use super::*;
use crate::assumptions::PREFIX_FAULT_CODE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const FIRST: i64 = 1_767_225_600_000;

pub(super) fn stream(prefix: &str) -> DeliveryStream {
    DeliveryStream {
        name: "stream".into(),
        arn: "arn".into(),
        region: "eu-west-1".into(),
        source: Source::DirectPut,
        prefix: Prefix::parse(prefix).unwrap(),
        error_prefix: ErrorPrefix::parse("errors/!{firehose:error-output-type}/").unwrap(),
        time_zone: TimeZone::UTC,
        active_partitions: Some(500),
        buffer_bytes: 1_000,
        buffer_milliseconds: 60_000,
        extension: ".json".into(),
        de_aggregation: None,
        compression: Compression::Uncompressed,
        conversion: None,
        processor: Processor {
            lambda_arn: "lambda".into(),
            buffer_bytes: 100,
            buffer_milliseconds: 10_000,
            retries: 3,
        },
        extraction: None,
        appends_delimiter: false,
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
            ("junk", reply) => return Ok(reply.into()),
            ("large", _) => return Ok(vec![b' '; LARGEST_PAYLOAD + 1]),
            ("drop", _) => replies.push(json!({ "recordId": id, "result": "Dropped" })),
            ("fail", _) => {
                replies.push(json!({ "recordId": id, "result": "ProcessingFailed", "data": record["data"] }));
            }
            ("forget", _) => {}
            ("twice", _) => replies.extend(vec![json!({ "recordId": id, "result": "Dropped" }); 2]),
            ("nothing", _) => replies.push(json!({ "recordId": id, "result": "Ok" })),
            ("odd", _) => replies.push(json!({ "recordId": id, "result": "OK", "data": "" })),
            ("raw", _) => replies.push(json!({ "recordId": id, "result": "Ok", "data": "{}" })),
            ("nothing-twice", _) => {
                replies.extend([
                    json!({ "recordId": id, "result": "Ok" }),
                    json!({ "recordId": id, "result": "Dropped" }),
                ]);
            }
            ("stranger", _) => {
                replies.push(json!({ "recordId": "4", "result": "ProcessingFailed" }));
                replies.push(json!({ "recordId": 4, "result": "ProcessingFailed" }));
                replies.push(json!({ "result": "ProcessingFailed" }));
                replies.push(json!({ "recordId": id, "result": "Dropped" }));
            }
            ("resultless", _) => replies.push(json!({ "recordId": id, "data": record["data"] })),
            ("data-number", _) => replies.push(json!({ "recordId": id, "result": "Ok", "data": [] })),
            ("keys", keys) => {
                let keys: Value = serde_json::from_str(keys).unwrap();
                replies.push(json!({
                    "recordId": id, "result": "Ok", "data": STANDARD.encode("x"), "metadata": { "partitionKeys": keys },
                }));
            }
            ("bare", metadata) => {
                let metadata: Value = serde_json::from_str(metadata).unwrap();
                replies.push(json!({
                    "recordId": id, "result": "Ok", "data": STANDARD.encode("x"), "metadata": metadata,
                }));
            }
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

pub(super) fn run_stream(stream: &DeliveryStream, records: &[&str]) -> (Vec<Object>, Counts) {
    run_with(stream, Arrivals::paced(&stream.source, FIRST), function, records)
}

fn run_with(
    stream: &DeliveryStream,
    arrivals: Arrivals,
    call: impl FnMut(&str) -> Result<Vec<u8>, String>,
    records: &[impl AsRef<[u8]>],
) -> (Vec<Object>, Counts) {
    let mut firehose = Firehose::new(stream, arrivals, call, |_: &str| false);
    let mut objects: Vec<Object> = records.iter().flat_map(|record| firehose.put(record.as_ref())).collect();
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
    insta::assert_snapshot!(error("resultless"), @"errors/processing-failed: Lambda.InvalidReturnFormat after 1");
    insta::assert_snapshot!(error("data-number"), @"errors/processing-failed: Lambda.JsonMappingException after 1");
    insta::assert_snapshot!(error("nothing-twice"), @"errors/processing-failed: Lambda.DuplicatedRecordId after 1");
    insta::assert_snapshot!(error("junk:{}"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("junk:"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("junk:{\"records\":null}"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("junk:{\"records\":[]}"), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("junk:{\"records\":["), @"errors/processing-failed: Lambda.MissingRecordId after 1");
    insta::assert_snapshot!(error("large"), @"errors/processing-failed: Lambda.FunctionError after 4");
    insta::assert_snapshot!(error("crash"), @"errors/processing-failed: Lambda.FunctionError after 4");
    insta::assert_snapshot!(error("keyless"), @"errors/metadata-extraction-failed: DynamicPartitioning.MetadataExtractionFailed after 1");
    insta::assert_snapshot!(error(&"k".repeat(600)), @"errors/metadata-extraction-failed: DynamicPartitioning.MetadataExtractionFailed after 1");
}

#[test]
fn answers_to_what_was_not_asked_are_ignored() {
    let (objects, counts) = run("!{partitionKeyFromLambda:k}/", &["stranger"]);
    assert_eq!((objects.len(), counts.dropped), (0, 1));
}

/// The folder of a record with these partition keys, or the message of its error object.
#[track_caller]
fn folder(prefix: &str, record: &str) -> String {
    let (objects, counts) = run(prefix, &[record]);
    let folder = objects[0].key.rsplit_once('/').unwrap().0;
    if counts.delivered == 1 {
        return folder.to_owned();
    }
    let line: Value = serde_json::from_slice(&objects[0].body).unwrap();
    format!("{folder}: {}", line["errorMessage"].as_str().unwrap())
}

#[test]
fn partition_keys_are_inserted_as_they_are() {
    let folder = |keys: &str| folder("!{partitionKeyFromLambda:k}/", &format!("keys:{keys}"));
    insta::assert_snapshot!(folder(r#"{"k":"a b/c%2F=é"}"#), @"a b/c%2F=é");
    insta::assert_snapshot!(folder(r#"{"j":"","k":"\"\\"}"#), @r#""\"#);
    insta::assert_snapshot!(folder(r#"{"k":7}"#), @"7");
    insta::assert_snapshot!(folder(r#"{"k":true}"#), @"true");
    insta::assert_snapshot!(folder(r#"{"k":""}"#), @"errors/metadata-extraction-failed: partitionKeys values must not be null or empty");
    insta::assert_snapshot!(folder(r#"{"k":null}"#), @"errors/metadata-extraction-failed: partitionKeys values must not be null or empty");
    insta::assert_snapshot!(folder(r#"{"K":"a"}"#), @"errors/metadata-extraction-failed: partitionKeys values must not be null or empty");
    insta::assert_snapshot!(folder(r#"{"k":["a"]}"#), @"errors/processing-failed: There was an error parsing returned records. Ensure that the values of partitionKeys are strings.");
    insta::assert_snapshot!(folder(r#"{"k":"a","j":{}}"#), @"errors/processing-failed: There was an error parsing returned records. Ensure that the values of partitionKeys are strings.");
    insta::assert_snapshot!(folder("null"), @"errors/metadata-extraction-failed: partitionKeys values must not be null or empty");
}

#[test]
fn metadata_may_be_missing() {
    for metadata in ["null", "{}", r#"{"partitionKeys":null}"#, r#"{"other":1}"#] {
        assert_eq!(folder("all/!{timestamp:yyyy}/", &format!("bare:{metadata}")), "all/2026");
    }
}

#[test]
fn prefixes_that_evaluate_alike_are_one() {
    let stream = stream("!{partitionKeyFromLambda:a}!{partitionKeyFromLambda:b}/!{timestamp:yyyy}/");
    let records = [r#"keys:{"a":"x","b":"yz"}"#, r#"keys:{"a":"xy","b":"z"}"#, r#"keys:{"a":"x","b":"y/z"}"#];
    let (objects, _) = run_stream(&stream, &records);
    assert_eq!(objects.iter().map(|object| object.records).collect::<Vec<_>>(), [2, 1]);
    // What comes behind a time is not what comes before it.
    let stream = DeliveryStream {
        prefix: Prefix::parse("!{partitionKeyFromLambda:a}!{timestamp:yyyy}!{partitionKeyFromLambda:b}/").unwrap(),
        ..stream
    };
    let (objects, _) = run_stream(&stream, &records);
    assert_eq!(objects.iter().map(|object| object.records).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn random_strings_are_others_each_time() {
    let prefix = "!{firehose:random-string}/!{partitionKeyFromLambda:k}-!{firehose:random-string}/";
    insta::assert_snapshot!(folder(prefix, "a"), @"qNPzZ4nZwi6/a-ExlFmE7JI11");
    insta::assert_snapshot!(run(prefix, &["a", "b"]).0[1].key.rsplit_once('/').unwrap().0, @"nubNe6zAr6l/b-Xuaw9creZET");
}

#[test]
fn failed_attempts_are_made_again() {
    let mut requests = Vec::new();
    let call = |request: &str| {
        requests.push(request.to_owned());
        if requests.len() < 3 { Err("timed out".into()) } else { function(request) }
    };
    let stream = stream("!{partitionKeyFromLambda:k}/");
    let (objects, counts) = run_with(&stream, Arrivals::paced(&stream.source, FIRST), call, &["a", "fail"]);
    assert_eq!((counts.delivered, counts.failed.len()), (1, 1));
    assert!(String::from_utf8_lossy(&objects[0].body).contains("\"attemptsMade\":3"));
    assert_eq!(requests, vec![requests[0].clone(); 3]);
}

#[test]
fn a_failed_batch_is_one_object_and_the_next_goes_on() {
    let mut stream = stream("!{partitionKeyFromLambda:k}/");
    stream.processor.retries = 0;
    let full = format!("a:{}", "a".repeat(96));
    let (objects, counts) = run_stream(&stream, &["crash", "b", &full, "c"]);
    assert_eq!((counts.delivered, counts.failed["Lambda.FunctionError"]), (2, 2));
    assert_eq!(objects.iter().map(|object| object.records).collect::<Vec<_>>(), [2, 1, 1]);
}

#[test]
fn error_objects_are_lines_with_the_members_of_awss_own() {
    let (objects, _) = run("!{partitionKeyFromLambda:k}/", &["fail:1", "fail:2"]);
    // They have no extension, whatever the delivery stream's is.
    assert!(!objects[0].key.contains('.'), "{}", objects[0].key);
    insta::assert_snapshot!(String::from_utf8_lossy(&objects[0].body), @r#"
    {"rawData":"ZmFpbDox","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000,"lambdaARN":"lambda"}
    {"rawData":"ZmFpbDoy","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000,"lambdaARN":"lambda"}
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
    assert_eq!(objects[1].oldest - 1_767_225_600_000, 60_000);
    assert_eq!((counts.delivered, counts.most_active_partitions), (70_000, 1));
}

#[test]
fn active_partitions_are_told_by_time() {
    // Three partitions in the first call. After a minute one after the other is written; then the first is begun anew.
    let source = Source::Kinesis { arn: "arn".into() };
    let stream = DeliveryStream { buffer_bytes: 1_000_000, source, ..stream("!{partitionKeyFromLambda:k}/") };
    let records: Vec<&str> = ["a", "b", "c"].into_iter().chain(std::iter::repeat_n("a", 61_000)).collect();
    let (_, counts) = run_stream(&stream, &records);
    let mut active: Vec<_> = counts.active_partitions.iter().map(|active| (active.most, active.left)).collect();
    active.dedup();
    assert_eq!(active, [(3, 3), (3, 2), (2, 1), (1, 0), (1, 1), (1, 0)]);
    let most = counts.active_partitions.iter().map(|active| active.most).max();
    assert_eq!(most, Some(counts.most_active_partitions));
    assert!(counts.active_partitions.is_sorted_by_key(|active| active.at));
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
    let mut firehose = Firehose::new(&stream, Arrivals::paced(&stream.source, 0), call, |_: &str| false);
    (0..25_000).for_each(|_| drop(firehose.put(b"a")));
    firehose.close();
    // What is put at the tenth second comes before the call.
    assert_eq!(sizes, [10_500, 10_500, 4_000]);
}

/// The records of each request, and the request's size.
fn requests(stream: &DeliveryStream, records: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let mut requests = Vec::new();
    let call = |request: &str| {
        requests.push((request.matches("recordId").count(), request.len()));
        Ok(b"{}".to_vec())
    };
    run_with(stream, Arrivals::paced(&stream.source, FIRST), call, records);
    requests
}

#[test]
fn a_record_larger_than_the_hint_is_handed_over_alone() {
    let mut stream = stream("!{partitionKeyFromLambda:k}/");
    stream.processor.buffer_bytes = 200_000;
    let records = [b"drop".to_vec(), vec![b'x'; LARGEST_RECORD], b"drop".to_vec()];
    assert_eq!(requests(&stream, &records).iter().map(|(records, _)| *records).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn no_request_is_larger_than_lambda_takes() {
    let mut stream = stream("!{partitionKeyFromLambda:k}/");
    stream.processor.buffer_bytes = 3 * 1_048_576;
    stream.processor.buffer_milliseconds = 900_000;
    let largest = requests(&stream, &vec![b"drop".to_vec(); 45_000]).into_iter().map(|(_, bytes)| bytes).max().unwrap();
    assert!((LARGEST_PAYLOAD / 2..=LARGEST_PAYLOAD).contains(&largest), "{largest}");
    stream.source = Source::Kinesis { arn: "a\"rn".into() };
    let largest = requests(&stream, &vec![b"drop".to_vec(); 20_000]).into_iter().map(|(_, bytes)| bytes).max().unwrap();
    assert!((LARGEST_PAYLOAD / 2..=LARGEST_PAYLOAD).contains(&largest), "{largest}");
}

#[test]
fn a_partition_too_many_goes_to_the_errors() {
    let stream = DeliveryStream { active_partitions: Some(2), ..stream("!{partitionKeyFromLambda:k}/") };
    let (objects, counts) = run_stream(&stream, &["a:1", "b:1", "c:1", "a:2", "d:1"]);
    assert_eq!((counts.delivered, counts.most_active_partitions), (3, 2));
    assert_eq!(counts.failed, BTreeMap::from([(LIMIT_FAULT_CODE.to_owned(), 2)]));
    insta::assert_snapshot!(String::from_utf8_lossy(&objects[0].body), @r#"
    {"rawData":"Yzox","errorCode":"DynamicPartitioning.ActivePartitionExceeded","errorMessage":"The limit of active partitions is exceeded","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000}
    {"rawData":"ZDox","errorCode":"DynamicPartitioning.ActivePartitionExceeded","errorMessage":"The limit of active partitions is exceeded","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000}
    "#);
    assert!(objects[0].key.starts_with("errors/activePartitionExceeded/"), "{}", objects[0].key);
}

#[test]
fn a_partition_that_was_written_is_active_no_more() {
    let mut stream = DeliveryStream { active_partitions: Some(1), ..stream("!{partitionKeyFromLambda:k}/") };
    stream.processor.buffer_milliseconds = 0;
    let minutes = |records: &[&str]| {
        let by_its_own = Query::compile(r#"split(":")[1] | tonumber * 60"#, &[]).unwrap();
        run_with(&stream, Arrivals::told(by_its_own, 0), function, records)
    };
    let (objects, counts) = minutes(&["a:0", "b:0.5", "b:1.5", "a:3"]);
    assert_eq!((counts.delivered, counts.failed.values().sum::<u64>()), (3, 1));
    let written: Vec<i64> = objects.iter().map(|object| object.written_at / 1_000).collect();
    assert_eq!(written, [30, 60, 150, 240]);
    // Without dynamic partitioning there is no limit, and no second buffer.
    let stream = DeliveryStream { active_partitions: None, prefix: Prefix::parse("all/").unwrap(), ..stream.clone() };
    assert_eq!(run_stream(&stream, &["a", "b", "c"]).1.delivered, 3);
}

#[test]
fn a_day_of_data_has_the_buffers_of_a_day() {
    let mut stream = stream("!{timestamp:dd-HH}/");
    stream.processor.buffer_milliseconds = 30_000;
    stream.prefix = Prefix::parse("!{timestamp:dd-HH-mm}/").unwrap();
    let query = || Query::compile(".at | rfc3339", &[]).unwrap();
    let records = [
        r#"{"at":"2026-01-01T00:00:00Z"}"#,
        r#"{"at":"2026-01-01T00:00:50Z"}"#,
        r#"{"at":"2026-01-01T06:00:00Z"}"#,
        r#"{"at":"2026-01-01T05:00:00Z"}"#,
        "{}",
        r#"{"at":"2026-01-01T23:59:59.999Z"}"#,
    ];
    let call = |request: &str| {
        let request: Value = serde_json::from_str(request).unwrap();
        let ok = |record: &Value| json!({ "recordId": record["recordId"], "result": "Ok", "data": record["data"] });
        let records: Vec<Value> = request["records"].as_array().unwrap().iter().map(ok).collect();
        Ok(json!({ "records": records }).to_string().into_bytes())
    };
    let (objects, counts) = run_with(&stream, Arrivals::told(query(), FIRST), call, &records);
    let shown = objects.iter().map(|object| {
        let milliseconds = object.written_at - FIRST;
        format!("{}: {} after {milliseconds} ms", object.key.split('/').next().unwrap(), object.records)
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @"
    01-00-00: 1 after 60000 ms
    01-00-00: 1 after 110000 ms
    01-06-00: 3 after 21660000 ms
    01-23-59: 1 after 86459999 ms
    ");
    assert_eq!((counts.read, counts.delivered, counts.untold, counts.late), (6, 6, 1, 1));
}

#[test]
fn times_in_keys_are_of_the_delivery_streams_zone() {
    let zoned =
        DeliveryStream { time_zone: time::zone("Asia/Tokyo").unwrap(), ..stream("!{timestamp:yyyy-MM-dd-HH}/") };
    let (objects, _) = run_stream(&zoned, &["a", "fail"]);
    insta::assert_snapshot!(objects[1].key.rsplit_once('-').unwrap().0, @"2026-01-01-09/stream-1-2026-01-01-09-00-00-e163fe7a-7c4b-5a58-a391");
    let by_hour = DeliveryStream { error_prefix: ErrorPrefix::parse("errors/").unwrap(), ..zoned };
    insta::assert_snapshot!(run_stream(&by_hour, &["fail"]).0[0].key.rsplit_once('-').unwrap().0, @"errors/processing-failed/2026/01/01/09/stream-1-2026-01-01-09-00-00-3275c8d9-27df-5e58-885e");
}

#[test]
fn records_that_hold_several_are_taken_apart_before_the_function() {
    let lines = Some(DeAggregation::Delimited(b"\n".to_vec()));
    let stream = DeliveryStream { de_aggregation: lines, ..stream("!{partitionKeyFromLambda:k}/") };
    let (objects, counts) = run_stream(&stream, &["a:1\nfail:2\na:3\n", "drop"]);
    assert_eq!((counts.read, counts.taken_out, counts.delivered, counts.dropped, counts.rejected()), (2, 2, 2, 1, 1));
    insta::assert_snapshot!(String::from_utf8_lossy(&objects[0].body), @r#"{"rawData":"ZmFpbDoy","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000,"lambdaARN":"lambda"}"#);
    assert_eq!(objects[1].body, b"a:1\na:3\n");
}

#[test]
fn keys_of_both_namespaces_make_a_prefix() {
    let stream = DeliveryStream {
        extraction: Some(Rc::new(Query::compile("{size: (.n * 2)}", &[]).unwrap())),
        appends_delimiter: true,
        ..stream("!{partitionKeyFromLambda:k}/!{partitionKeyFromQuery:size}/")
    };
    // The function answers `x` for these, which is not JSON.
    let (objects, counts) = run_stream(&stream, &[r#"keys:{"k":"a"}"#]);
    assert_eq!(counts.failed[PREFIX_FAULT_CODE], 1);
    insta::assert_snapshot!(String::from_utf8_lossy(&objects[0].body), @r#"{"rawData":"a2V5czp7ImsiOiJhIn0=","errorCode":"DynamicPartitioning.MetadataExtractionFailed","errorMessage":"Non JSON record provided","attemptsMade":1,"arrivalTimestamp":1767225600000,"attemptEndingTimestamp":1767225610000}"#);
    let call = |request: &str| {
        let request: Value = serde_json::from_str(request).unwrap();
        let ok = |record: &Value| {
            let data = STANDARD.decode(record["data"].as_str().unwrap()).unwrap();
            let number: Value = serde_json::from_slice(&data).unwrap();
            let data = STANDARD.encode(json!({ "n": number }).to_string());
            let metadata = json!({ "partitionKeys": { "k": "a" } });
            json!({ "recordId": record["recordId"], "result": "Ok", "data": data, "metadata": metadata })
        };
        let records: Vec<Value> = request["records"].as_array().unwrap().iter().map(ok).collect();
        Ok(json!({ "records": records }).to_string().into_bytes())
    };
    let (objects, _) = run_with(&stream, Arrivals::paced(&stream.source, FIRST), call, &["4", "4", "5"]);
    let written =
        objects.iter().map(|o| format!("{} {:?}", o.key.rsplit_once('/').unwrap().0, String::from_utf8_lossy(&o.body)));
    insta::assert_snapshot!(written.collect::<Vec<_>>().join("\n"), @r#"
    a/8 "{\"n\":4}\n{\"n\":4}\n"
    a/10 "{\"n\":5}\n"
    "#);
}

#[test]
fn records_on_their_way_are_told_when_the_stream_is_given_up() {
    let stream = stream("!{partitionKeyFromLambda:k}/");
    for records in 0..30 {
        let mut firehose = Firehose::new(&stream, Arrivals::paced(&stream.source, 0), function, |_: &str| false);
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
