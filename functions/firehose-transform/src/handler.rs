//! A request becomes a reply, in which each record has its outcome.

use crate::outcome::{Failure, Outcome, Reason};
use crate::report::Report;
use crate::transform::{Scratch, Transform};
use crate::wire::{LARGEST_REPLY, Record, ReplyWriter, Request, RequestError};

/// Answers a request: the reply as JSON, and what is to be told of it.
///
/// Each `recordId` of the request is in the reply once, in order, whatever its record holds, and the reply to a request of
/// Firehose's is never larger than Lambda takes it. An error is what Firehose never sends: text that is not a request at all.
///
/// The scratch is what one invocation leaves for the next, to save work; it makes no difference to the reply.
pub fn handle(transform: &Transform, request: &[u8], scratch: &mut Scratch) -> Result<(Vec<u8>, Report), RequestError> {
    answer(transform, request, scratch, LARGEST_REPLY)
}

fn answer(
    transform: &Transform,
    request: &[u8],
    scratch: &mut Scratch,
    most: usize,
) -> Result<(Vec<u8>, Report), RequestError> {
    let request = Request::parse(request)?;
    let mut report = Report {
        delivery_stream: request.delivery_stream_arn(),
        records_in: request.records.len() as u64,
        ..Report::default()
    };
    let mut reply = ReplyWriter::new(&request.records, most);
    let mut payload = Vec::new();
    let invocation = scratch.partitions.begin();
    for record in &request.records {
        let outcome = match record.decode(&mut payload) {
            Ok(()) => {
                report.bytes_in += payload.len() as u64;
                transform.apply(&payload, &request.origin(record), scratch)
            }
            Err(reason) => {
                Outcome::Fail(reason.because(format_args!("expected base64 text as `{}`", record.payload_name())))
            }
        };
        if let Err(failure) = put(record, outcome, invocation, &mut reply, &mut report) {
            reply.fail(record, failure.reason);
            report.count_failed(|| record.id(), failure);
        }
    }
    Ok((reply.finish(), report))
}

/// Puts a record's outcome into the reply, or gives the reason why it has to be failed.
fn put(
    record: &Record<'_>,
    outcome: Outcome<'_>,
    invocation: u64,
    reply: &mut ReplyWriter,
    report: &mut Report,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Deliver { lines, labels } => {
            reply.deliver(record, lines, &labels).map_err(|_| {
                Reason::ReplyFull.because("expected a smaller batch: lower the processor's `BufferSizeInMBs`")
            })?;
            report.partitions += usize::from(labels.deliver(invocation));
            report.count_delivered(lines);
        }
        Outcome::Drop(dropped) => {
            reply.drop(record);
            report.count_dropped(dropped);
        }
        Outcome::Fail(failure) => return Err(failure),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shared::variables::Variables;

    fn configured<const N: usize>(variables: [(&str, &str); N]) -> Transform {
        let layout = [("S3_PREFIX", "!{partitionKeyFromLambda:k}/"), ("ERROR_PREFIX", "errors/")];
        let variables = layout.into_iter().chain(variables);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        config::read(&mut Variables::new(variables)).unwrap()
    }

    fn transform() -> Transform {
        configured([])
    }

    fn request(records: &[Vec<u8>]) -> String {
        let record =
            |(n, data): (usize, &Vec<u8>)| json!({ "recordId": format!("id-{n}"), "data": STANDARD.encode(data) });
        json!({ "records": records.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string()
    }

    /// The reply's records, after what holds for every reply was checked.
    fn answered(transform: &Transform, records: &[Vec<u8>], most: usize) -> Vec<Value> {
        let mut scratch = Scratch::default();
        let (reply, report) = answer(transform, request(records).as_bytes(), &mut scratch, most).unwrap();
        // The next invocation answers the same, whatever the one before has left.
        let again = answer(transform, request(records).as_bytes(), &mut scratch, most).unwrap();
        assert_eq!((&reply, &report), (&again.0, &again.1));
        assert!(reply.len() <= most, "{} bytes of {most}", reply.len());
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        let answers = reply["records"].as_array().unwrap().clone();
        assert_eq!(answers.len(), records.len());
        let counted = report.delivered + report.dropped.values().sum::<u64>() + report.failed.values().sum::<u64>();
        assert_eq!(counted, records.len() as u64);
        for (n, (answer, record)) in answers.iter().zip(records).enumerate() {
            assert_eq!(answer["recordId"], format!("id-{n}"));
            match answer["result"].as_str().unwrap() {
                "Ok" => assert!(answer["metadata"]["partitionKeys"]["k"].is_string()),
                "Dropped" => assert_eq!(answer["data"], ""),
                "ProcessingFailed" if answer["data"] == "" => {}
                "ProcessingFailed" => assert_eq!(answer["data"], STANDARD.encode(record)),
                other => panic!("{other}"),
            }
        }
        answers
    }

    fn results(answers: &[Value]) -> String {
        let result = |answer: &Value| match (answer["result"].as_str().unwrap(), answer["data"].as_str().unwrap()) {
            ("Ok", _) => 'o',
            ("ProcessingFailed", "") => 'f',
            ("ProcessingFailed", _) => 'F',
            other => panic!("{other:?}"),
        };
        answers.iter().map(result).collect()
    }

    #[test]
    fn one_bad_record_fails_alone() {
        let records = [b"{\"k\":\"a\"}".to_vec(), b"{".to_vec(), b"{\"k\":\"b\"}".to_vec()];
        assert_eq!(results(&answered(&transform(), &records, LARGEST_REPLY)), "oFo");
    }

    #[test]
    fn what_does_not_fit_is_failed_and_never_the_batch() {
        let good = br#"{"k":"aaaaaaaaaa","text":"0123456789012345678901234567890123456789"}"#.to_vec();
        let records = vec![good; 6];
        assert_eq!(results(&answered(&transform(), &records, LARGEST_REPLY)), "oooooo");
        assert_eq!(results(&answered(&transform(), &records, 900)), "ooooff");
        assert_eq!(results(&answered(&transform(), &records, 460)), "ffffff");
        // A record that fits is delivered after one that did not.
        let mut records = records;
        records.push(br#"{"k":"a"}"#.to_vec());
        assert_eq!(results(&answered(&transform(), &records, 1000)), "ooooffo");
    }

    #[test]
    fn no_records_are_no_error() {
        assert_eq!(handle(&transform(), b"{\"records\":[]}", &mut Scratch::default()).unwrap().0, b"{\"records\":[]}");
    }

    /// Transformations of all formats, with and without queries.
    fn transforms() -> impl Strategy<Value = Transform> {
        const FORMATS: [&str; 5] = ["json", "dynamodb", "cloudwatch-logs", "apache", "syslog"];
        const QUERIES: [&str; 7] =
            [".", ". + {k: \"x\"}", "{k: (.k // .host // .message)}", ".k", ".[]", "select(.k)", "$change | {k: .}"];
        const OUTPUTS: [&str; 2] = ["json", "csv"];
        (prop::sample::select(&FORMATS[..]), prop::sample::select(&QUERIES[..]), prop::sample::select(&OUTPUTS[..]))
            .prop_map(|(format, query, output)| {
                configured([
                    ("RECORD_FORMAT", format),
                    ("RECORD_QUERY", query),
                    ("OUTPUT_FORMAT", output),
                    ("CONTRACT", "k string"),
                ])
            })
    }

    fn any_payload() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            any::<String>().prop_map(|k| json!({ "k": k }).to_string().into_bytes()),
            "[{}\\[\\]\":,k0-9a ]{0,20}".prop_map(String::into_bytes),
            any::<String>().prop_map(|k| {
                let image = json!({ "k": { "S": k } });
                json!({ "eventName": "INSERT", "dynamodb": { "NewImage": image } }).to_string().into_bytes()
            }),
            "[a-z]{1,5} - - \\[10/Oct/2000:13:55:36 -0700\\] \"[A-Z]{0,4} /\" [0-9]{3} [0-9]{0,4}".prop_map(String::into_bytes),
            "<[0-9]{1,3}>(1 )?(Sep 13 12:26:40|-) [a-z]{1,3}:? .{0,9}".prop_map(String::into_bytes),
            any::<String>().prop_map(|message| {
                let event = json!({ "id": "1", "timestamp": 1, "message": message });
                json!({ "messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s", "logEvents": [event] })
                    .to_string()
                    .into_bytes()
            }),
        ]
    }

    proptest! {
        #[test]
        fn each_record_has_its_answer_in_order(
            transform in transforms(),
            records in proptest::collection::vec(any_payload(), 0..20),
            most in 2_000_usize..6_000,
        ) {
            answered(&transform, &records, most);
        }
    }
}
