//! Whatever comes and whatever the function answers: each record is in exactly one place, and the counts say what is there.

use super::*;
use crate::assumptions::PREFIX_FAULT_CODE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the function does with a record, which begins with a letter of it. Each record has a number of its own.
///
/// Delivered are `a` to `c`, into partitions of these names.
const ANSWERS: &str = "abcabcabcabcdfFmtTnorRkKlj";

/// Records of these, each with its number; some hold several, and some are too large.
fn records() -> impl Strategy<Value = Vec<Vec<String>>> {
    let answer = proptest::sample::select(ANSWERS.chars().collect::<Vec<_>>());
    let record = prop_oneof![9 => vec(answer.clone(), 1), 1 => vec(answer, 2..6)];
    vec(record, 0..60).prop_map(|records| {
        let mut number = 0;
        let mut numbered = |answer: char| {
            number += 1;
            format!("{answer}{number}")
        };
        records.into_iter().map(|answers| answers.into_iter().map(&mut numbered).collect()).collect()
    })
}

/// Delivery streams with limits that are soon met.
fn streams() -> impl Strategy<Value = DeliveryStream> {
    let prefixes =
        ["!{partitionKeyFromLambda:k}/", "!{timestamp:HHmm}/!{partitionKeyFromLambda:k}/!{firehose:random-string}/"];
    let limits = (1_usize..5, 5_usize..60, 0_i64..30_000, 5_usize..60, 0_i64..60_000, 0_u32..3);
    (limits, proptest::sample::select(prefixes.to_vec()), any::<[bool; 4]>()).prop_map(|(limits, prefix, flags)| {
        let (active, handed_over, waiting, size, interval, retries) = limits;
        let [holds_several, dynamic, appends_delimiter, kinesis] = flags;
        DeliveryStream {
            prefix: Prefix::parse(if dynamic { prefix } else { "all/!{timestamp:mm}/" }).unwrap(),
            active_partitions: dynamic.then_some(active),
            buffer_bytes: size,
            buffer_milliseconds: interval,
            de_aggregation: holds_several.then(|| DeAggregation::Delimited(b",".to_vec())),
            processor: Processor {
                lambda_arn: "lambda".into(),
                buffer_bytes: handed_over,
                buffer_milliseconds: waiting,
                retries,
            },
            appends_delimiter,
            source: if kinesis { Source::Kinesis { arn: "arn".into() } } else { Source::DirectPut },
            ..super::tests::stream("")
        }
    })
}

/// A function that answers each record by its letter; a batch with `K` fails at first, one with `l` always, and one with `j`
/// has no reply that could be read.
fn function() -> impl FnMut(&str) -> Result<Vec<u8>, String> {
    let mut failed = BTreeSet::new();
    move |request| {
        let parsed: Value = serde_json::from_str(request).unwrap();
        let data =
            |record: &Value| String::from_utf8(STANDARD.decode(record["data"].as_str().unwrap()).unwrap()).unwrap();
        let records = parsed["records"].as_array().unwrap();
        let begins = |letter| records.iter().any(|record| data(record).starts_with(letter));
        if begins('l') || (begins('K') && failed.insert(request.to_owned())) {
            return Err("timed out".into());
        }
        if begins('j') {
            return Ok(b"{\"records\":[".to_vec());
        }
        let mut replies = Vec::new();
        for record in records {
            let (id, data, raw) = (&record["recordId"], data(record), &record["data"]);
            let letter = data.chars().next().unwrap_or('d');
            let of = |result: &str| json!({ "recordId": id, "result": result, "data": raw });
            let to = |key: Value| {
                let data = STANDARD.encode(format!("{data};"));
                json!({ "recordId": id, "result": "Ok", "data": data, "metadata": { "partitionKeys": { "k": key } } })
            };
            match letter {
                'd' => replies.push(of("Dropped")),
                'f' => replies.push(of("ProcessingFailed")),
                'F' => replies.push(json!({ "recordId": id, "result": "ProcessingFailed" })),
                'm' => {}
                't' => replies.extend([of("Dropped"), of("Dropped")]),
                'T' => replies.extend([to("a".into()), of("Dropped"), to("b".into())]),
                'n' => replies.push(json!({ "recordId": id, "result": "Ok" })),
                'o' => replies.push(of("OK")),
                'r' => replies.push(json!({ "recordId": id, "result": "Ok", "data": "?" })),
                'R' => replies.push(to(json!(["a"]))),
                'k' => replies.push(to("".into())),
                letter => replies.push(to(letter.to_string().into())),
            }
        }
        Ok(json!({ "records": replies }).to_string().into_bytes())
    }
}

/// The code that a record may fail with by its own letter, if it is not to be delivered or dropped.
fn own_code(letter: char) -> Option<&'static str> {
    Some(match letter {
        'f' | 'F' => "Lambda.ProcessingFailedStatus",
        'm' => "Lambda.MissingRecordId",
        't' | 'T' => "Lambda.DuplicatedRecordId",
        'n' | 'o' => "Lambda.InvalidReturnFormat",
        'r' | 'R' => "Lambda.JsonMappingException",
        'k' => PREFIX_FAULT_CODE,
        _ => return None,
    })
}

/// The objects and the counts of a run, in which some records tell when they come.
fn run(stream: &DeliveryStream, records: &[String], told: bool) -> (Vec<Object>, Counts) {
    let arrivals = if told {
        let query = Query::compile(r#".[1:2] | tonumber * 7 | if . % 3 == 0 then "" else . end"#, &[]).unwrap();
        Arrivals::told(query, 5)
    } else {
        Arrivals::paced(&stream.source, 5)
    };
    let mut firehose = Firehose::new(stream, arrivals, function(), |_: &str| false);
    let mut objects: Vec<Object> = records.iter().flat_map(|record| firehose.put(record.as_bytes())).collect();
    let (last, counts) = firehose.close();
    objects.extend(last);
    (objects, counts)
}

proptest! {
    #[test]
    fn each_record_is_in_exactly_one_place(stream in streams(), records in records(), told in any::<bool>(), large in 0_usize..3) {
        let mut lines: Vec<String> = records.iter().map(|parts| parts.join(",")).collect();
        lines.extend(vec!["a".repeat(LARGEST_RECORD + 1); large]);
        let (objects, counts) = run(&stream, &lines, told);

        // What is read is somewhere.
        let failed: u64 = counts.failed.values().sum();
        prop_assert_eq!(counts.read, lines.len() as u64);
        prop_assert_eq!(counts.refused, large as u64);
        prop_assert_eq!(counts.delivered + counts.dropped + failed + counts.refused, counts.read + counts.taken_out);

        // The records as the function sees them.
        let seen: Vec<&String> = match stream.de_aggregation {
            Some(_) => records.iter().flatten().collect(),
            None => lines.iter().filter(|line| line.len() <= LARGEST_RECORD).collect(),
        };
        prop_assert_eq!(counts.read + counts.taken_out, (seen.len() + large) as u64);

        // What is in the objects is what the counts say, and each of them is there once.
        let mut found: Vec<String> = Vec::new();
        let mut delivered = 0;
        let mut by_code: BTreeMap<String, u64> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        let mut written_at = i64::MIN;
        for object in &objects {
            prop_assert!(keys.insert(&object.key), "`{}` is there twice", object.key);
            prop_assert!(object.written_at >= written_at, "time went back");
            written_at = object.written_at;
            let body = std::str::from_utf8(&object.body).unwrap();
            if object.key.starts_with("errors/") {
                prop_assert_eq!(body.lines().count() as u64, object.records);
                for line in body.lines() {
                    let line: Value = serde_json::from_str(line).unwrap();
                    let record = String::from_utf8(STANDARD.decode(line["rawData"].as_str().unwrap()).unwrap()).unwrap();
                    let code = line["errorCode"].as_str().unwrap().to_owned();
                    let of_batch = ["Lambda.FunctionError", "Lambda.MissingRecordId"].contains(&code.as_str());
                    let letter = record.chars().next().unwrap();
                    prop_assert!(of_batch || code == LIMIT_FAULT_CODE || own_code(letter) == Some(code.as_str()), "{}", line);
                    *by_code.entry(code).or_default() += 1;
                    found.push(record);
                }
            } else {
                let end = if stream.appends_delimiter { ";\n" } else { ";" };
                let bodies: Vec<&str> = body.split_terminator(end).collect();
                prop_assert_eq!(bodies.len() as u64, object.records);
                for record in bodies {
                    let letter = record.get(..1).unwrap();
                    let folder = object.key.split('/').any(|folder| folder == letter);
                    prop_assert!(folder || stream.active_partitions.is_none(), "`{}` in `{}`", record, object.key);
                    found.push(record.to_owned());
                }
                delivered += object.records;
            }
        }
        prop_assert_eq!(delivered, counts.delivered);
        prop_assert_eq!(&by_code, &counts.failed);
        let distinct: BTreeSet<&String> = found.iter().collect();
        prop_assert_eq!(distinct.len(), found.len(), "a record is in two places");
        let missing: Vec<&&String> = seen.iter().filter(|record| !distinct.contains(*record)).collect();
        prop_assert_eq!(missing.len() as u64, counts.dropped);
        prop_assert!(missing.iter().all(|record| record.starts_with('d')), "{:?}", missing);

        // No partition is active beyond the limit.
        prop_assert!(stream.active_partitions.is_none_or(|most| counts.most_active_partitions <= most));

        // The same again is the same.
        prop_assert_eq!(run(&stream, &lines, told), (objects, counts));
    }
}
