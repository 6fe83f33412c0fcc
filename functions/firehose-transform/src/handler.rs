//! A request becomes a reply, in which each record has its outcome.

use crate::outcome::{Failure, Outcome, Reason};
use crate::report::Report;
use crate::transform::Transform;
use crate::wire::{LARGEST_REPLY, Record, ReplyWriter, Request, RequestError};

/// Answers a request: the reply as JSON, and what is to be told of it.
///
/// Each `recordId` of the request is in the reply once, in order, whatever its record holds, and the reply to a request of
/// Firehose's is never larger than Lambda takes it. An error is what Firehose never sends: text that is not a request at all.
pub fn handle(transform: &Transform, request: &str) -> Result<(String, Report), RequestError> {
    answer(transform, request, LARGEST_REPLY)
}

fn answer(transform: &Transform, request: &str, most: usize) -> Result<(String, Report), RequestError> {
    let request = Request::parse(request)?;
    let mut report = Report {
        delivery_stream: request.delivery_stream_arn(),
        records_in: request.records.len() as u64,
        ..Report::default()
    };
    let mut reply = ReplyWriter::new(&request.records, most);
    let mut payload = Vec::new();
    for record in &request.records {
        let outcome = match record.decode(&mut payload) {
            Ok(()) => {
                report.bytes_in += payload.len() as u64;
                transform.apply(&payload, &request.origin(record))
            }
            Err(reason) => {
                Outcome::Fail(reason.because(format_args!("expected base64 text as `{}`", record.payload_name())))
            }
        };
        if let Err(failure) = put(transform, record, outcome, &mut reply, &mut report) {
            reply.fail(record, failure.reason);
            report.count_failed(|| record.id(), failure);
        }
    }
    Ok((reply.finish(), report))
}

/// Puts a record's outcome into the reply, or gives the reason why it has to be failed.
fn put(
    transform: &Transform,
    record: &Record<'_>,
    outcome: Outcome,
    reply: &mut ReplyWriter,
    report: &mut Report,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Deliver { lines, labels } => {
            let keys = transform.layout.lambda_keys().zip(labels.iter().map(String::as_str));
            reply.deliver(record, &lines, keys).map_err(|_| {
                Reason::ReplyFull.because("expected a smaller batch: lower the processor's `BufferSizeInMBs`")
            })?;
            report.count_delivered(&lines, labels);
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
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shared::error_prefix::ErrorPrefix;
    use shared::layout::Layout;

    fn transform() -> Transform {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        Transform::of_json(layout)
    }

    fn request(records: &[Vec<u8>]) -> String {
        let record =
            |(n, data): (usize, &Vec<u8>)| json!({ "recordId": format!("id-{n}"), "data": STANDARD.encode(data) });
        json!({ "records": records.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string()
    }

    /// The reply's records, after what holds for every reply was checked.
    fn answered(records: &[Vec<u8>], most: usize) -> Vec<Value> {
        let (reply, report) = answer(&transform(), &request(records), most).unwrap();
        assert!(reply.len() <= most, "{} bytes of {most}", reply.len());
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let answers = reply["records"].as_array().unwrap().clone();
        assert_eq!(answers.len(), records.len());
        assert_eq!(report.delivered + report.failed.values().sum::<u64>(), records.len() as u64);
        for (n, (answer, record)) in answers.iter().zip(records).enumerate() {
            assert_eq!(answer["recordId"], format!("id-{n}"));
            match answer["result"].as_str().unwrap() {
                "Ok" => assert!(answer["metadata"]["partitionKeys"]["k"].is_string()),
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
        assert_eq!(results(&answered(&records, LARGEST_REPLY)), "oFo");
    }

    #[test]
    fn what_does_not_fit_is_failed_and_never_the_batch() {
        let good = br#"{"k":"aaaaaaaaaa","text":"0123456789012345678901234567890123456789"}"#.to_vec();
        let records = vec![good; 6];
        assert_eq!(results(&answered(&records, LARGEST_REPLY)), "oooooo");
        assert_eq!(results(&answered(&records, 900)), "ooooff");
        assert_eq!(results(&answered(&records, 460)), "ffffff");
        // A record that fits is delivered after one that did not.
        let mut records = records;
        records.push(br#"{"k":"a"}"#.to_vec());
        assert_eq!(results(&answered(&records, 1000)), "ooooffo");
    }

    #[test]
    fn no_records_are_no_error() {
        assert_eq!(handle(&transform(), "{\"records\":[]}").unwrap().0, "{\"records\":[]}");
    }

    proptest! {
        #[test]
        fn each_record_has_its_answer_in_order(
            records in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..40),
                    any::<String>().prop_map(|k| json!({ "k": k }).to_string().into_bytes()),
                    "[{}\\[\\]\":,k0-9a ]{0,20}".prop_map(String::into_bytes),
                ],
                0..20,
            ),
            most in 2_000_usize..6_000,
        ) {
            answered(&records, most);
        }
    }
}
