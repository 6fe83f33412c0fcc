//! What S3 tells, in any of the envelopes in which it can come.
//!
//! An event is told by its content, so that a queue may carry all kinds at once: S3's own notification, EventBridge's, an
//! SNS message around either, and SQS messages around any of them. Types of our own, since those of `aws_lambda_events`
//! fail on test events and on what they do not need.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::object_key::ObjectKey;
use std::borrow::Cow;

/// What came in one message: a message of SQS, or the whole event where no queue is between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SQS's id, by which a failure is reported back. There is none where no queue is between.
    pub id: Option<String>,
    /// What it says, as far as it is understood.
    pub notifications: Vec<Notification>,
    /// Why not all of it is.
    pub misunderstanding: Option<Misunderstanding>,
}

/// One thing that happened to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Whether the object was created; the name of the event otherwise.
    pub event: EventName,
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: ObjectKey,
    /// The object's size in bytes, if it was told.
    pub size: Option<u64>,
    /// When it happened, in milliseconds since 1970, if it was told.
    pub created_at: Option<i64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventName {
    /// An object was created, in whatever way.
    ObjectCreated,
    /// Something else.
    Other(String),
}

/// Why a message is not understood: it is not by S3 at all, or not as S3 writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an S3 event: {0}")]
pub struct Misunderstanding(String);

/// Envelopes within envelopes: SQS, SNS, and what S3 or `EventBridge` wrote. More are not S3's doing.
const DEEPEST: usize = 3;

/// Reads an event; each of its messages is understood or not on its own.
pub fn messages(event: &str) -> Vec<Message> {
    match serde_json::from_str::<SqsEvent<'_>>(event) {
        Ok(event) if event.records.iter().any(|record| record.event_source == "aws:sqs") => {
            let message =
                |record: SqsRecord<'_>| Message::read(Some(record.message_id.into_owned()), &record.body, DEEPEST - 1);
            event.records.into_iter().map(message).collect()
        }
        _ => vec![Message::read(None, event, DEEPEST)],
    }
}

impl Message {
    fn read(id: Option<String>, text: &str, depth: usize) -> Self {
        let mut notifications = Vec::new();
        let misunderstanding = read(text, depth, &mut notifications).err();
        Self { id, notifications, misunderstanding }
    }
}

#[derive(Deserialize)]
struct SqsEvent<'e> {
    #[serde(borrow, rename = "Records")]
    records: Vec<SqsRecord<'e>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsRecord<'e> {
    #[serde(borrow)]
    event_source: Cow<'e, str>,
    #[serde(borrow)]
    message_id: Cow<'e, str>,
    /// One without a body is not an S3 event either.
    #[serde(borrow, default)]
    body: Cow<'e, str>,
}

/// Everything that any envelope has; what is there tells which one it is. What it holds is read on its own.
#[derive(Deserialize)]
struct Envelope<'e> {
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<&'e RawValue>>,
    /// `s3:TestEvent`, which S3 sends when a notification is set up.
    #[serde(borrow, rename = "Event")]
    event: Option<Cow<'e, str>>,
    /// What SNS wraps, in a queue's message.
    #[serde(borrow, rename = "Message")]
    message: Option<Cow<'e, str>>,
    /// `EventBridge`.
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<Cow<'e, str>>,
    #[serde(borrow)]
    source: Option<Cow<'e, str>>,
    #[serde(borrow)]
    time: Option<Cow<'e, str>>,
    #[serde(borrow)]
    detail: Option<&'e RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'e> {
    #[serde(borrow)]
    event_name: Option<Cow<'e, str>>,
    #[serde(borrow)]
    event_time: Option<Cow<'e, str>>,
    #[serde(borrow)]
    s3: Option<Detail<'e>>,
    /// What SNS wraps, where it calls the function itself.
    #[serde(borrow, rename = "Sns")]
    sns: Option<Sns<'e>>,
}

#[derive(Deserialize)]
struct Sns<'e> {
    #[serde(borrow, rename = "Message")]
    message: Cow<'e, str>,
}

#[derive(Deserialize)]
struct Detail<'e> {
    #[serde(borrow)]
    bucket: Bucket<'e>,
    #[serde(borrow)]
    object: Object<'e>,
}

#[derive(Deserialize)]
struct Bucket<'e> {
    #[serde(borrow)]
    name: Cow<'e, str>,
}

#[derive(Deserialize)]
struct Object<'e> {
    #[serde(borrow)]
    key: Cow<'e, str>,
    size: Option<u64>,
}

/// Reads what an envelope holds. What is not understood does not hide what is.
fn read(text: &str, depth: usize, notifications: &mut Vec<Notification>) -> Result<(), Misunderstanding> {
    if depth == 0 {
        return Err(Misunderstanding("expected S3's notification inside of two envelopes at most".to_owned()));
    }
    match shape::<Envelope<'_>>(text)? {
        Envelope { records: Some(records), .. } => {
            let results: Vec<_> = records.iter().map(|record| by_s3(record.get(), depth, notifications)).collect();
            results.into_iter().collect()
        }
        Envelope { event: Some(event), .. } if event == "s3:TestEvent" => Ok(()),
        Envelope { detail_type: Some(name), source: Some(source), detail, time, .. } if source == "aws.s3" => {
            let created = name == "Object Created";
            match shape::<Detail<'_>>(detail.map_or("null", RawValue::get)) {
                Ok(detail) => {
                    let key = ObjectKey::from_plain(detail.object.key.as_ref());
                    notifications.push(notification(created, &name, detail, key, time.as_deref()));
                    Ok(())
                }
                // Other events of S3's, such as those of CloudTrail, have other details.
                Err(_) if !created => Ok(()),
                Err(misunderstanding) => Err(misunderstanding),
            }
        }
        Envelope { message: Some(message), .. } => read(&message, depth - 1, notifications),
        _ => {
            Err(Misunderstanding("expected `Records`, `detail-type` with the source `aws.s3`, or `Message`".to_owned()))
        }
    }
}

/// S3's own notification: keys are encoded, as they are not by `EventBridge`. SNS can be around it here as well.
fn by_s3(record: &str, depth: usize, notifications: &mut Vec<Notification>) -> Result<(), Misunderstanding> {
    match shape::<Record<'_>>(record)? {
        Record { sns: Some(sns), .. } => read(&sns.message, depth - 1, notifications),
        Record { s3: Some(detail), event_name: Some(name), event_time, .. } => {
            // Not the error's own message: a key holds values of records.
            let key = ObjectKey::from_notification(&detail.object.key)
                .map_err(|_| Misunderstanding("expected keys that are UTF-8 when decoded".to_owned()))?;
            let created = name.trim_start_matches("s3:").starts_with("ObjectCreated:");
            notifications.push(notification(created, &name, detail, key, event_time.as_deref()));
            Ok(())
        }
        _ => Err(Misunderstanding("expected `eventName` and `s3` in each of its records".to_owned())),
    }
}

/// Reads a text that should be of this shape.
fn shape<'e, T: Deserialize<'e>>(text: &'e str) -> Result<T, Misunderstanding> {
    serde_json::from_str(text).map_err(|error| {
        // The message of a data error can hold a piece of the text.
        let wrong_shape = || "expected an object as S3, SNS or EventBridge writes it".to_owned();
        Misunderstanding(if error.is_data() { wrong_shape() } else { error.to_string() })
    })
}

fn notification(created: bool, name: &str, detail: Detail<'_>, key: ObjectKey, time: Option<&str>) -> Notification {
    let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    Notification {
        event: if created { EventName::ObjectCreated } else { EventName::Other(name.to_owned()) },
        bucket: detail.bucket.name.into_owned(),
        key,
        size: detail.object.size,
        created_at: time.map(jiff::Timestamp::as_millisecond),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn s3(key: &str) -> Value {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-21T09:00:00.250Z",
            "s3": { "bucket": { "name": "lake" }, "object": { "key": key, "size": 5 } },
        }] })
    }

    fn event_bridge(key: &str) -> Value {
        json!({
            "version": "0", "detail-type": "Object Created", "source": "aws.s3", "time": "2026-11-21T09:00:00Z",
            "detail": { "bucket": { "name": "lake" }, "object": { "key": key, "size": 5 }, "reason": "PutObject" },
        })
    }

    fn sns(message: &Value) -> Value {
        json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Type": "Notification", "Message": message.to_string() } }] })
    }

    fn sns_in_queue(message: &Value) -> Value {
        json!({ "Type": "Notification", "MessageId": "m", "Message": message.to_string() })
    }

    fn sqs(bodies: &[Value]) -> Value {
        let record = |(n, body): (usize, &Value)| json!({ "eventSource": "aws:sqs", "messageId": format!("id-{n}"), "body": body.to_string() });
        json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
    }

    /// The keys that an event tells of, message by message.
    fn keys(event: &Value) -> Vec<Result<Vec<String>, String>> {
        let keys = |message: Message| match message.misunderstanding {
            None => Ok(message.notifications.iter().map(|n| n.key.to_string()).collect()),
            Some(misunderstanding) => Err(misunderstanding.to_string()),
        };
        messages(&event.to_string()).into_iter().map(keys).collect()
    }

    fn one(key: &str) -> Vec<Result<Vec<String>, String>> {
        vec![Ok(vec![key.to_owned()])]
    }

    #[test]
    fn every_envelope_is_told_by_its_content() {
        assert_eq!(keys(&s3("a%3Db+c%2Bd/x")), one("a=b c+d/x"));
        assert_eq!(keys(&event_bridge("a=b c+d%20/x")), one("a=b c+d%20/x"));
        assert_eq!(keys(&sns(&s3("k%3D1/x"))), one("k=1/x"));
        assert_eq!(keys(&sns(&event_bridge("k=1/x"))), one("k=1/x"));
        let mixed =
            sqs(&[s3("a+b"), sns_in_queue(&s3("c+d")), event_bridge("e+f"), sns_in_queue(&event_bridge("g+h"))]);
        assert_eq!(keys(&mixed), [one("a b"), one("c d"), one("e+f"), one("g+h")].concat());
    }

    #[test]
    fn what_is_told_is_kept() {
        let messages = messages(&s3("k").to_string());
        let expected = Notification {
            event: EventName::ObjectCreated,
            bucket: "lake".into(),
            key: ObjectKey::from_plain("k"),
            size: Some(5),
            created_at: Some(1_795_251_600_250),
        };
        let expected = Message { id: None, notifications: vec![expected], misunderstanding: None };
        assert_eq!(messages, [expected]);
    }

    #[test]
    fn what_is_not_understood_does_not_hide_what_is() {
        let mut event = s3("a");
        let records = event["Records"].as_array_mut().unwrap();
        records.insert(0, json!({ "eventSource": "aws:dynamodb" }));
        records.push(s3("%FF")["Records"][0].clone());
        records.push(json!({ "eventName": "ObjectCreated:Put", "s3": { "bucket": "lake" } }));
        let message = messages(&event.to_string()).remove(0);
        assert_eq!(message.notifications.iter().map(|n| n.key.as_str()).collect::<Vec<_>>(), ["a"]);
        assert!(message.misunderstanding.is_some());
    }

    #[test]
    fn other_events_of_event_bridge_say_nothing() {
        let by_cloud_trail = json!({
            "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3", "detail": { "eventName": "PutObject" },
        });
        assert_eq!(keys(&by_cloud_trail), [Ok(vec![])]);
        assert!(keys(&json!({ "detail-type": "Object Created", "source": "aws.s3", "detail": {} }))[0].is_err());
    }

    #[test]
    fn a_message_without_a_body_is_a_fault_of_its_own() {
        let mut event = sqs(&[s3("k"), s3("l")]);
        event["Records"][0].as_object_mut().unwrap().remove("body");
        assert!(matches!(&keys(&event)[..], [Err(_), Ok(keys)] if keys == &["l"]));
    }

    #[test]
    fn test_events_say_nothing() {
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake" });
        assert_eq!(keys(&test), [Ok(vec![])]);
        assert_eq!(keys(&sqs(&[test.clone(), sns_in_queue(&test)])), [Ok(vec![]), Ok(vec![])]);
    }

    #[test]
    fn minimal_records_are_enough() {
        let minimal = json!({ "Records": [{ "eventName": "s3:ObjectCreated:Put", "s3": { "bucket": { "name": "b" }, "object": { "key": "k" } } }] });
        assert_eq!(keys(&minimal), one("k"));
    }

    #[test]
    fn what_is_not_by_s3_is_a_fault_of_its_message() {
        let message = |event: Value| match keys(&event).remove(0) {
            Err(message) => message,
            Ok(keys) => panic!("{keys:?}"),
        };
        insta::assert_snapshot!(message(json!("secret")), @"not an S3 event: expected an object as S3, SNS or EventBridge writes it");
        insta::assert_snapshot!(message(json!({ "a": 1 })), @"not an S3 event: expected `Records`, `detail-type` with the source `aws.s3`, or `Message`");
        insta::assert_snapshot!(message(json!({ "Records": [{ "eventSource": "aws:dynamodb" }] })), @"not an S3 event: expected `eventName` and `s3` in each of its records");
        insta::assert_snapshot!(message(json!({ "Records": [{ "s3": { "bucket": "b" } }] })), @"not an S3 event: expected an object as S3, SNS or EventBridge writes it");
        insta::assert_snapshot!(message(s3("%FF")), @"not an S3 event: expected keys that are UTF-8 when decoded");
        insta::assert_snapshot!(message(sns(&sns_in_queue(&sns_in_queue(&s3("k"))))), @"not an S3 event: expected S3's notification inside of two envelopes at most");
        assert!(matches!(&keys(&sqs(&[json!("x"), s3("k")]))[..], [Err(_), Ok(keys)] if keys == &["k"]));
    }
}
