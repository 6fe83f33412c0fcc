//! What S3 tells, in each of its envelopes, as long as AWS writes it.

use serde_json::{Value, json};
use shared::object_key::ObjectKey;

/// The bucket that tells.
pub(crate) const BUCKET: &str = "headgate-data-123456789012";

/// S3's own notification of an object.
pub(crate) fn by_s3(place: usize, key: &str) -> Value {
    json!({ "Records": [record(place, key)] })
}

/// One record of S3's own notification.
pub(crate) fn record(place: usize, key: &str) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-21T09:15:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "AWS:AROAEXAMPLEROLE000001:metrics" },
        "requestParameters": { "sourceIPAddress": "10.0.13.37" },
        "responseElements": {
            "x-amz-request-id": "CC15CFFE04B1B3F7",
            "x-amz-id-2": "eotJ+OYulypay054dnn3KbTss1HpKMggOQD5zwLBEggJzUCwYFu0OQgvvXl/HzCskjWzldjP9f1g",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c2f1b7d4-8f0a-4b53-9a75-2f6e0d1c3b4a",
            "bucket": {
                "name": BUCKET,
                "ownerIdentity": { "principalId": "A3EXAMPLEOWNER" },
                "arn": format!("arn:aws:s3:::{BUCKET}"),
            },
            "object": {
                "key": ObjectKey::from_plain(format!("{key}-{place}")).to_notification(),
                "size": 43_210 + place,
                "eTag": "a1aa44c170141d35c1b5f22c67d389a1",
                "sequencer": "006920250047C3A1B2",
            },
        },
    })
}

/// What EventBridge makes of it.
pub(crate) fn by_event_bridge(place: usize, key: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-21T09:15:00Z",
        "region": "eu-west-1",
        "resources": [format!("arn:aws:s3:::{BUCKET}")],
        "detail": {
            "version": "0",
            "bucket": { "name": BUCKET },
            "object": {
                "key": format!("{key}-{place}"),
                "size": 43_210 + place,
                "etag": "a1aa44c170141d35c1b5f22c67d389a1",
                "sequencer": "006920250047C3A1B2",
            },
            "request-id": "CC15CFFE04B1B3F7",
            "requester": "123456789012",
            "source-ip-address": "10.0.13.37",
            "reason": "PutObject",
        },
    })
}

/// What SNS writes into a queue.
pub(crate) fn in_sns(message: &Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:object-created",
        "Subject": "Amazon S3 Notification",
        "Message": message.to_string(),
        "Timestamp": "2026-11-21T09:15:01.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVCkhRS7fUQvi2egU3N858fiTDN6bkkOxYDVrY0Ad8L10Hs3zH81mtnPk5uvvolIC1CXGu43obcgFxeL3khZl8IKvO61GWB6jI9b5+gLPoBc1Q=",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0000000000000000000000.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    })
}

/// One of the envelopes that a queue's message can hold, by the place.
pub(crate) fn notification(place: usize, key: &str) -> Value {
    match place % 4 {
        0 => by_s3(place, key),
        1 => in_sns(&by_s3(place, key)),
        2 => by_event_bridge(place, key),
        _ => in_sns(&by_event_bridge(place, key)),
    }
}

/// An event of SQS with these bodies.
pub(crate) fn sqs<'b>(bodies: impl Iterator<Item = &'b str>) -> String {
    let ids: Vec<(String, &str)> =
        bodies.enumerate().map(|(place, body)| (format!("059f36b4-87a3-44ab-83d2-{place:012}"), body)).collect();
    sqs_with_ids(ids.iter().map(|(id, body)| (id.as_str(), *body)))
}

/// The same with ids of its own.
pub(crate) fn sqs_with_ids<'b>(messages: impl Iterator<Item = (&'b str, &'b str)>) -> String {
    let record = |(id, body): (&str, &str)| {
        json!({
            "messageId": id,
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a8vAJHcB3kcCKuwlXjMmhPvF3FJu2k5Gz9yVvCsn4nM+ZG",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1795252501500",
                "SenderId": "AIDAJHIPRHEMV73VRJEBU",
                "ApproximateFirstReceiveTimestamp": "1795252501510",
            },
            "messageAttributes": {},
            "md5OfBody": "eea6ee5223cabd5fc940c31f32f50a35",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:ObjectCreatedQueue",
            "awsRegion": "eu-west-1",
        })
    };
    json!({ "Records": messages.map(record).collect::<Vec<_>>() }).to_string()
}
