//! What S3 tells, in any of the envelopes in which it can come.
//!
//! An event is told by its content, so that a queue may carry all kinds at once: S3's own notification, EventBridge's, an
//! SNS message around either, and SQS messages around any of them. Types of our own, since those of `aws_lambda_events`
//! fail on test events and on what they do not need.

mod ordinary;
mod scan;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::object_key::ObjectKey;
use std::borrow::Cow;

/// One thing that happened to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification<'e> {
    /// Whether the object was created, in whatever way.
    pub created: bool,
    /// The bucket.
    pub bucket: Cow<'e, str>,
    /// The object's key.
    pub key: ObjectKey,
    /// The object's size in bytes, if it was told.
    pub size: Option<u64>,
    /// When it happened, as it was told.
    pub time: Option<Cow<'e, str>>,
}

/// Why a message is not understood: it is not by S3 at all, or not as S3 writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an S3 event: {0}")]
pub struct Misunderstanding(String);

/// What came in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SQS's id. There is none where no queue is between.
    pub id: Option<String>,
    /// What it says, as far as it is understood.
    pub notifications: Vec<Notification<'static>>,
    /// Why not all of it is.
    pub misunderstanding: Option<Misunderstanding>,
}

/// Who is told what an event says, from its beginning to its end.
pub trait Listener {
    /// A message begins: one of SQS, which has an id, by which a failure is reported back, or the whole event where no queue
    /// is between.
    fn message(&mut self, id: Option<&str>);

    /// The message tells of this.
    fn notification(&mut self, notification: &Notification<'_>);

    /// The message is not understood, or not all of it.
    fn misunderstanding(&mut self, misunderstanding: Misunderstanding);
}

/// Envelopes within envelopes: SQS, SNS, and what S3 or `EventBridge` wrote. More are not S3's doing.
const DEEPEST: usize = 3;

/// Reads an event; each of its messages is understood or not on its own. Nothing of it is kept: `listener` makes one who is told,
/// and can be asked for another.
pub fn listen<L: Listener>(event: &str, listener: impl Fn() -> L) -> L {
    let mut first = listener();
    if ordinary::listen(event, &mut first).is_some() {
        return first;
    }
    let mut second = listener();
    listen_thoroughly(event, &mut second);
    second
}

/// All that an event says, for who wants to keep it.
pub fn messages(event: &str) -> Vec<Message> {
    listen(event, Vec::new)
}

/// Reads any event whatever, with all of it parsed.
fn listen_thoroughly(event: &str, listener: &mut impl Listener) {
    match serde_json::from_str::<SqsEvent<'_>>(event) {
        Ok(event) if event.records.iter().any(|record| record.event_source == "aws:sqs") => {
            for record in event.records {
                listen_to_message(Some(&record.message_id), &record.body, listener);
            }
        }
        _ => listen_to_message(None, event, listener),
    }
}

fn listen_to_message(id: Option<&str>, text: &str, listener: &mut impl Listener) {
    listener.message(id);
    let envelopes = if id.is_some() { DEEPEST - 1 } else { DEEPEST };
    if let Err(misunderstanding) = read(text, envelopes, listener) {
        listener.misunderstanding(misunderstanding);
    }
}

impl Listener for Vec<Message> {
    fn message(&mut self, id: Option<&str>) {
        self.push(Message { id: id.map(str::to_owned), notifications: Vec::new(), misunderstanding: None });
    }

    fn notification(&mut self, notification: &Notification<'_>) {
        if let Some(message) = self.last_mut() {
            let owned = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
            message.notifications.push(Notification {
                bucket: owned(&notification.bucket),
                time: notification.time.as_ref().map(owned),
                key: notification.key.clone(),
                ..*notification
            });
        }
    }

    fn misunderstanding(&mut self, misunderstanding: Misunderstanding) {
        if let Some(message) = self.last_mut() {
            message.misunderstanding = Some(misunderstanding);
        }
    }
}

impl Notification<'_> {
    /// When it happened, in milliseconds since 1970, if it was told.
    pub fn created_at(&self) -> Option<i64> {
        let time = self.time.as_deref()?.parse::<jiff::Timestamp>().ok()?;
        Some(time.as_millisecond())
    }
}

/// Whether an event of this name, as S3's own notifications have it, is about an object that was created.
fn is_creation(name: &str) -> bool {
    name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated:")
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
fn read(text: &str, depth: usize, listener: &mut impl Listener) -> Result<(), Misunderstanding> {
    if depth == 0 {
        return Err(Misunderstanding("expected S3's notification inside of two envelopes at most".to_owned()));
    }
    match shape::<Envelope<'_>>(text)? {
        Envelope { records: Some(records), .. } => {
            let results: Vec<_> = records.iter().map(|record| by_s3(record.get(), depth, listener)).collect();
            results.into_iter().collect()
        }
        Envelope { event: Some(event), .. } if event == "s3:TestEvent" => Ok(()),
        Envelope { detail_type: Some(name), source: Some(source), detail, time, .. } if source == "aws.s3" => {
            let created = name == "Object Created";
            match shape::<Detail<'_>>(detail.map_or("null", RawValue::get)) {
                Ok(detail) => {
                    let key = ObjectKey::from_plain(detail.object.key.as_ref());
                    listener.notification(&notification(created, detail, key, time));
                    Ok(())
                }
                // Other events of S3's, such as those of CloudTrail, have other details.
                Err(_) if !created => Ok(()),
                Err(misunderstanding) => Err(misunderstanding),
            }
        }
        Envelope { message: Some(message), .. } => read(&message, depth - 1, listener),
        _ => {
            Err(Misunderstanding("expected `Records`, `detail-type` with the source `aws.s3`, or `Message`".to_owned()))
        }
    }
}

/// S3's own notification: keys are encoded, as they are not by `EventBridge`. SNS can be around it here as well.
fn by_s3(record: &str, depth: usize, listener: &mut impl Listener) -> Result<(), Misunderstanding> {
    match shape::<Record<'_>>(record)? {
        Record { sns: Some(sns), .. } => read(&sns.message, depth - 1, listener),
        Record { s3: Some(detail), event_name: Some(name), event_time, .. } => {
            // Not the error's own message: a key holds values of records.
            let key = ObjectKey::from_notification(&detail.object.key)
                .map_err(|_| Misunderstanding("expected keys that are UTF-8 when decoded".to_owned()))?;
            listener.notification(&notification(is_creation(&name), detail, key, event_time));
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

fn notification<'e>(created: bool, detail: Detail<'e>, key: ObjectKey, time: Option<Cow<'e, str>>) -> Notification<'e> {
    Notification { created, bucket: detail.bucket.name, key, size: detail.object.size, time }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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
            created: true,
            bucket: "lake".into(),
            key: ObjectKey::from_plain("k"),
            size: Some(5),
            time: Some("2026-11-21T09:00:00.250Z".into()),
        };
        assert_eq!(expected.created_at(), Some(1_795_251_600_250));
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

    /// What one reader says, or the other; nothing where the event is out of the ordinary.
    fn ordinarily(event: &str) -> Option<Vec<Message>> {
        let mut messages = Vec::new();
        ordinary::listen(event, &mut messages).map(|()| messages)
    }

    fn thoroughly(event: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        listen_thoroughly(event, &mut messages);
        messages
    }

    #[test]
    fn what_aws_writes_is_ordinary() {
        let several = json!({ "Records": [s3("a%3D+b")["Records"][0], s3("c")["Records"][0]] });
        let mixed = sqs(&[
            s3("a"),
            sns_in_queue(&s3("b")),
            event_bridge("c"),
            sns_in_queue(&event_bridge("d")),
            several.clone(),
        ]);
        for event in [s3("a"), several, mixed] {
            let text = event.to_string();
            assert_eq!(ordinarily(&text), Some(thoroughly(&text)), "{text}");
            let spread = serde_json::to_string_pretty(&event).unwrap();
            assert_eq!(ordinarily(&spread), Some(thoroughly(&text)), "{spread}");
        }
    }

    #[test]
    fn a_message_out_of_the_ordinary_is_read_in_full_and_the_others_are_not() {
        // A key with a quotation mark, as EventBridge tells it, blanks, a test event, and what is not by S3.
        let spread = serde_json::to_string_pretty(&s3("b")).unwrap();
        let set_up = json!({ "Event": "s3:TestEvent" });
        let mut event = sqs(&[s3("a"), event_bridge("it\"s\\"), set_up, json!("junk"), s3("%FF"), json!({ "a": 1 })]);
        event["Records"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "eventSource": "aws:sqs", "messageId": "id-6", "body": spread }));
        let text = event.to_string();
        assert_eq!(ordinarily(&text), Some(thoroughly(&text)));
    }

    /// Pieces of events as they come, as they could come, and as they should not.
    fn pieces() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[a-z%+/\"\\\\ ]{0,6}".prop_map(Value::from),
            proptest::sample::select(
                &["aws:sqs", "aws:s3", "aws.s3", "Object Created", "ObjectCreated:Put", "s3:TestEvent"][..]
            )
            .prop_map(Value::from),
            "[ab/%]{1,3}".prop_map(|key| s3(&key)),
            "[ab/\"]{1,3}".prop_map(|key| event_bridge(&key)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let name = proptest::sample::select(
                &[
                    "Records",
                    "eventSource",
                    "messageId",
                    "body",
                    "eventName",
                    "eventTime",
                    "s3",
                    "bucket",
                    "name",
                    "object",
                    "key",
                    "size",
                    "Sns",
                    "Message",
                    "detail",
                    "detail-type",
                    "source",
                    "time",
                    "Event",
                    "other",
                ][..],
            );
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(name, inner.clone(), 0..6)
                    .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
                // JSON in a string of JSON.
                inner.prop_map(|value| value.to_string().into()),
            ]
        })
    }

    /// An event of which some values are replaced by pieces.
    fn events() -> impl Strategy<Value = Value> {
        let bodies = proptest::collection::vec((0_usize..5, "[ab/%]{1,4}"), 1..4).prop_map(|bodies| {
            let body = |(kind, key): (usize, String)| match kind {
                0 => s3(&key),
                1 => sns_in_queue(&s3(&key)),
                2 => event_bridge(&key),
                3 => sns_in_queue(&event_bridge(&key)),
                _ => sns_in_queue(&sns_in_queue(&s3(&key))),
            };
            bodies.into_iter().map(body).collect::<Vec<_>>()
        });
        let whole =
            (bodies, any::<bool>()).prop_map(|(bodies, queued)| if queued { sqs(&bodies) } else { bodies[0].clone() });
        (whole, proptest::collection::vec((any::<prop::sample::Index>(), pieces()), 0..3)).prop_map(
            |(mut event, pieces)| {
                for (place, piece) in pieces {
                    let mut paths = Vec::new();
                    places(&event, "", &mut paths);
                    *event.pointer_mut(place.get::<String>(&paths)).unwrap() = piece;
                }
                event
            },
        )
    }

    /// The places of all values in a value.
    fn places(value: &Value, here: &str, places: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        places.push(here.to_owned());
        for (name, value) in inner {
            self::places(value, &format!("{here}/{name}"), places);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn events_are_read_in_one_way(event in events()) {
            let text = event.to_string();
            if let Some(messages) = ordinarily(&text) {
                prop_assert_eq!(messages, thoroughly(&text), "{}", text);
            }
        }

        #[test]
        fn what_is_damaged_is_never_read_as_something_else(
            event in events(),
            place in any::<prop::sample::Index>(),
            by in proptest::sample::select(&["", "\"", "\\", "\\\"", "{", "}", "[", "]", ",", ":", "x", "\\n", "\\u0022", " "][..]),
            length in 0_usize..3,
        ) {
            let mut text = event.to_string();
            let start = place.index(text.len());
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, by);
            }
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let thoroughly = thoroughly(&text);
            if let Some(messages) = ordinarily(&text) && is_json {
                // What is skipped is not looked at: a message that is no JSON there is read all the same.
                prop_assert_eq!(messages.len(), thoroughly.len(), "{}", text);
                for (one, other) in messages.iter().zip(&thoroughly).filter(|(_, other)| other.misunderstanding.is_none()) {
                    prop_assert_eq!(one, other, "{}", text);
                }
            }
        }
    }
}
