//! The request and the reply, as Firehose writes and reads them.
//!
//! Types of our own: with those of `aws_lambda_events` one odd record fails the whole request before our code sees it.
//! <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>

use crate::json::push_string;
use crate::outcome::Reason;
use crate::transform::Origin;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What Firehose asks of the function. What we do not need is not read, so it may be anything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'r> {
    /// The delivery stream, for the log; emulators leave it out.
    #[serde(borrow)]
    delivery_stream_arn: Option<&'r RawValue>,
    /// The records, in order.
    #[serde(borrow)]
    pub records: Vec<Record<'r>>,
}

/// One record of the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'r> {
    /// Its id: a JSON string, kept as it is written.
    #[serde(borrow, rename = "recordId")]
    id: &'r RawValue,
    /// When it came, in milliseconds since 1970, if the sender keeps to that.
    #[serde(borrow)]
    approximate_arrival_timestamp: Option<&'r RawValue>,
    /// What Kinesis tells of it.
    #[serde(borrow)]
    kinesis_record_metadata: Option<&'r RawValue>,
    /// The payload in base64 (Kinesis streams and Direct PUT). Read when it is needed, so that an odd one is a fault of its
    /// record alone.
    #[serde(borrow)]
    data: Option<&'r RawValue>,
    /// The payload in base64 (MSK).
    #[serde(borrow)]
    kafka_record_value: Option<&'r RawValue>,
}

/// Why a request is not one of Firehose's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Firehose request: {0}")]
pub struct RequestError(String);

/// The largest reply that Lambda takes, in bytes: 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const LARGEST_REPLY: usize = 6 * 1024 * 1024;

impl<'r> Request<'r> {
    /// Reads a request.
    pub fn parse(text: &'r str) -> Result<Self, RequestError> {
        let request: Self = serde_json::from_str(text).map_err(|error| {
            // The message of a data error can hold a piece of a payload, unless it is about the shape.
            let about_shape = !error.is_data() || error.to_string().starts_with("missing field");
            RequestError(if about_shape { error.to_string() } else { "expected an object with `records`".to_owned() })
        })?;
        match request.records.iter().position(|record| !record.id.get().starts_with('"')) {
            Some(place) => Err(RequestError(format!("expected text as `recordId` of record {place}"))),
            None => Ok(request),
        }
    }

    /// The ARN of the delivery stream, or nothing.
    pub fn delivery_stream_arn(&self) -> String {
        text(self.delivery_stream_arn).unwrap_or_default().into_owned()
    }

    /// What is told of a record beside its payload.
    pub fn origin(&self, record: &Record<'r>) -> Origin<'r> {
        Origin {
            arrival: record.approximate_arrival_timestamp,
            record_id: Some(record.id),
            stream: self.delivery_stream_arn,
            kinesis: record.kinesis_record_metadata,
        }
    }
}

impl Record<'_> {
    /// The id, decoded for the log.
    pub fn id(&self) -> String {
        serde_json::from_str(self.id.get()).unwrap_or_else(|_| self.id.get().to_owned())
    }

    /// The payload, still in base64.
    fn payload(&self) -> Option<Cow<'_, str>> {
        text(self.data.or(self.kafka_record_value))
    }

    /// Decodes the payload into a buffer.
    pub fn decode(&self, into: &mut Vec<u8>) -> Result<(), Reason> {
        into.clear();
        let payload = self.payload().ok_or(Reason::NoData)?;
        STANDARD.decode_vec(payload.as_bytes(), into).map_err(|_| Reason::NotBase64)
    }

    /// The name under which the payload came, and under which Firehose wants the new one.
    pub fn payload_name(&self) -> &'static str {
        if self.data.is_none() && self.kafka_record_value.is_some() { "kafkaRecordValue" } else { "data" }
    }
}

/// The reply, written record by record, never larger than it may be.
///
/// Each record has its place from the start: that of a failure without data, which is the longer of the two answers without.
/// What does not fit beside all the others' places is answered by that. (These answers to a request by Firehose are shorter
/// than the request, which Lambda limits as well.)
#[derive(Debug)]
pub struct ReplyWriter {
    text: String,
    most: usize,
    /// The bytes that the records still to come need at the least.
    reserved: usize,
}

/// The value of a record did not fit into the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit;

const HEAD: &str = "{\"records\":[";
const TAIL: &str = "]}";

impl ReplyWriter {
    /// A reply to these records, of at most so many bytes, [`LARGEST_REPLY`] as a rule.
    pub fn new(records: &[Record<'_>], most: usize) -> Self {
        let reserved = records.iter().map(least).sum();
        Self { text: String::from(HEAD), most, reserved }
    }

    /// Delivers a record, unless it does not fit; it has to be failed then.
    pub fn deliver<'k>(
        &mut self,
        record: &Record<'_>,
        line: &[u8],
        keys: impl Iterator<Item = (&'k str, &'k str)>,
    ) -> Result<(), DoesNotFit> {
        self.write(record, "Ok", |text| {
            push_payload(text, record, |text| STANDARD.encode_string(line, text));
            text.push_str(",\"metadata\":{\"partitionKeys\":{");
            for (place, (key, value)) in keys.enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                push_string(text, key);
                text.push(':');
                push_string(text, value);
            }
            text.push_str("}}");
        })
    }

    /// Drops a record.
    pub fn drop(&mut self, record: &Record<'_>) {
        self.write_empty(record, "Dropped");
    }

    /// Fails a record, with its original data if that is base64 and there is room; without it for [`Reason::ReplyFull`], to
    /// leave room for the others. (Firehose keeps the original anyway, and refuses replies that hold anything but base64.)
    pub fn fail(&mut self, record: &Record<'_>, reason: Reason) {
        let without = matches!(reason, Reason::NotBase64 | Reason::NoData | Reason::ReplyFull);
        let payload = record.payload().filter(|_| !without);
        let whole = payload.is_some_and(|payload| {
            let rest = |text: &mut String| {
                // Base64 has no characters that JSON would escape.
                push_payload(text, record, |text| text.push_str(&payload));
                text.push_str(NO_METADATA);
            };
            self.write(record, FAILED, rest).is_ok()
        });
        if !whole {
            self.write_empty(record, FAILED);
        }
    }

    /// Answers without data. (An empty text, and no metadata: some readers insist on both.)
    fn write_empty(&mut self, record: &Record<'_>, result: &str) {
        let rest = |text: &mut String| {
            push_payload(text, record, |_| {});
            text.push_str(NO_METADATA);
        };
        let fits = self.write(record, result, rest);
        debug_assert_eq!(fits, Ok(()), "the place of each record was reserved");
    }

    /// The whole reply.
    pub fn finish(mut self) -> String {
        self.text.push_str(TAIL);
        self.text
    }

    /// Writes a record's answer, and takes it back if the rest would not fit any more.
    fn write(&mut self, record: &Record<'_>, result: &str, rest: impl FnOnce(&mut String)) -> Result<(), DoesNotFit> {
        let before = self.text.len();
        if before > HEAD.len() {
            self.text.push(',');
        }
        self.text.push_str("{\"recordId\":");
        self.text.push_str(record.id.get());
        self.text.push_str(",\"result\":\"");
        self.text.push_str(result);
        self.text.push('"');
        rest(&mut self.text);
        self.text.push('}');
        let others = self.reserved - least(record);
        let longer = self.text.len() - before > least(record);
        if longer && self.text.len() + others + TAIL.len() > self.most {
            self.text.truncate(before);
            return Err(DoesNotFit);
        }
        self.reserved = others;
        Ok(())
    }
}

const FAILED: &str = "ProcessingFailed";
const NO_METADATA: &str = ",\"metadata\":{}";

/// The length of the longer of the two answers without data, its comma included.
fn least(record: &Record<'_>) -> usize {
    let answer = ",{\"recordId\":,\"result\":\"\",\"\":\"\"}".len() + FAILED.len() + NO_METADATA.len();
    answer + record.payload_name().len() + record.id.get().len()
}

fn push_payload(text: &mut String, record: &Record<'_>, payload: impl FnOnce(&mut String)) {
    text.push_str(",\"");
    text.push_str(record.payload_name());
    text.push_str("\":\"");
    payload(text);
    text.push('"');
}

/// The text that a JSON value is, or nothing if it is of another kind, or no Unicode.
fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    /// (A plain `Cow` would always be copied.)
    #[derive(Deserialize)]
    struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

    serde_json::from_str::<Text<'_>>(value?.get()).ok().map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(records: &str) -> String {
        format!(r#"{{"invocationId":"i","deliveryStreamArn":"arn","region":"eu-west-1","records":[{records}]}}"#)
    }

    #[test]
    fn odd_metadata_is_tolerated() {
        let odd = [
            r#"{"recordId":"1","approximateArrivalTimestamp":1600000000000,"data":"e30="}"#,
            r#"{"recordId":"1","approximateArrivalTimestamp":"2012-04-23T18:25:43.511Z","data":"e30=",
                "kinesisRecordMetadata":{"subsequenceNumber":"","approximateArrivalTimestamp":"x"}}"#,
            r#"{"recordId":"1","kafkaRecordValue":"e30=","mskRecordMetadata":{"offset":"0"}}"#,
            r#"{"recordId":"1","data":"e3\u0030=","more":[{}]}"#,
        ];
        for record in odd {
            let text = request(record);
            let request = Request::parse(&text).unwrap();
            let mut decoded = Vec::new();
            assert_eq!(request.records[0].decode(&mut decoded), Ok(()), "{record}");
            assert_eq!(decoded, b"{}");
        }
    }

    #[test]
    fn odd_data_is_a_fault_of_its_record() {
        for (data, reason) in [
            ("5", Reason::NoData),
            ("null", Reason::NoData),
            ("{\"a\":[1]}", Reason::NoData),
            ("\"\\ud800\"", Reason::NoData),
            ("\"e30\"", Reason::NotBase64),
        ] {
            let text = request(&format!(r#"{{"recordId":"1","data":{data}}}"#));
            let request = Request::parse(&text).unwrap();
            assert_eq!(request.records[0].decode(&mut Vec::new()), Err(reason), "{data}");
        }
    }

    #[test]
    fn requests_by_others() {
        let message = |text: &str| Request::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(message("{\"Records\":[]}"), @"not a Firehose request: missing field `records` at line 1 column 14");
        insta::assert_snapshot!(message("[\"secret\"]"), @"not a Firehose request: expected an object with `records`");
        insta::assert_snapshot!(message(&request("{\"recordId\":5,\"data\":\"\"}")), @"not a Firehose request: expected text as `recordId` of record 0");
        insta::assert_snapshot!(message(&request("{\"data\":\"\"}")), @"not a Firehose request: missing field `recordId` at line 1 column 89");
    }
}
