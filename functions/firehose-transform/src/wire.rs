//! The request and the reply, as Firehose writes and reads them.
//!
//! Types of our own: with those of `aws_lambda_events` one odd record fails the whole request before our code sees it.
//! <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>

use crate::document::text_of;
use crate::labels::Labels;
use crate::outcome::Reason;
use crate::scan::Scanner;
use crate::transform::Origin;
use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use simdutf8::compat::from_utf8;
use std::borrow::Cow;

/// What Firehose asks of the function. What we do not need may be anything.
#[derive(Debug, Default)]
pub struct Request<'r> {
    /// The delivery stream, for the log; emulators leave it out. JSON.
    delivery_stream_arn: Option<&'r str>,
    /// The records, in order.
    pub records: Vec<Record<'r>>,
}

/// One record of the request, its fields as JSON. They are read when they are needed, so that an odd one is a fault of its
/// record alone.
#[derive(Debug, Default)]
pub struct Record<'r> {
    /// Its id: a JSON string, kept as it is written.
    id: &'r str,
    /// When it came, in milliseconds since 1970, if the sender keeps to that.
    arrival: Option<&'r str>,
    /// What Kinesis tells of it.
    kinesis: Option<&'r str>,
    /// The payload in base64 (Kinesis streams and Direct PUT).
    data: Option<&'r str>,
    /// The payload in base64 (MSK).
    kafka_value: Option<&'r str>,
}

/// A request as `serde_json` reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest<'r> {
    #[serde(borrow)]
    delivery_stream_arn: Option<&'r RawValue>,
    #[serde(borrow)]
    records: Vec<RawRecord<'r>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRecord<'r> {
    #[serde(borrow)]
    record_id: &'r RawValue,
    #[serde(borrow)]
    approximate_arrival_timestamp: Option<&'r RawValue>,
    #[serde(borrow)]
    kinesis_record_metadata: Option<&'r RawValue>,
    #[serde(borrow)]
    data: Option<&'r RawValue>,
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
    pub fn parse(request: &'r [u8]) -> Result<Self, RequestError> {
        let text = from_utf8(request).map_err(|error| RequestError(error.to_string()))?;
        let request = Self::scan(text).map_or_else(|| Self::read(text), Ok)?;
        match request.records.iter().position(|record| !record.id.starts_with('"')) {
            Some(place) => Err(RequestError(format!("expected text as `recordId` of record {place}"))),
            None => Ok(request),
        }
    }

    /// Reads an ordinary request.
    fn scan(text: &'r str) -> Option<Self> {
        let mut request = Self { records: Vec::with_capacity(text.len() / USUAL_RECORD), ..Self::default() };
        let mut has_records = false;
        let mut scanner = Scanner::new(text);
        scanner.fields(|scanner, key| match key.name {
            "records" if !has_records => {
                has_records = true;
                scanner.items(|scanner| {
                    request.records.push(Record::scan(scanner)?);
                    Some(())
                })
            }
            "deliveryStreamArn" => scanner.value_once(&mut request.delivery_stream_arn),
            "records" => None,
            _ => scanner.value().map(|_| ()),
        })?;
        (has_records && scanner.is_at_end()).then_some(request)
    }

    /// Reads any request, or says what is wrong with it.
    fn read(text: &'r str) -> Result<Self, RequestError> {
        let raw: RawRequest<'r> = serde_json::from_str(text).map_err(|error| {
            // The message of a data error can hold a piece of a payload, unless it is about the shape.
            let about_shape = !error.is_data() || error.to_string().starts_with("missing field");
            RequestError(if about_shape { error.to_string() } else { "expected an object with `records`".to_owned() })
        })?;
        let json = |value: Option<&'r RawValue>| value.map(RawValue::get);
        let record = |raw: RawRecord<'r>| Record {
            id: raw.record_id.get(),
            arrival: json(raw.approximate_arrival_timestamp),
            kinesis: json(raw.kinesis_record_metadata),
            data: json(raw.data),
            kafka_value: json(raw.kafka_record_value),
        };
        let records = raw.records.into_iter().map(record).collect();
        Ok(Self { delivery_stream_arn: json(raw.delivery_stream_arn), records })
    }

    /// The ARN of the delivery stream, or nothing.
    pub fn delivery_stream_arn(&self) -> String {
        self.delivery_stream_arn.and_then(text_of).unwrap_or_default().into_owned()
    }

    /// What is told of a record beside its payload.
    pub fn origin(&self, record: &Record<'r>) -> Origin<'r> {
        Origin {
            arrival: record.arrival,
            record_id: Some(record.id),
            stream: self.delivery_stream_arn,
            kinesis: record.kinesis,
        }
    }
}

/// About the bytes of a record in a request, of which some 150 are not its payload.
const USUAL_RECORD: usize = 512;

/// Reads a payload. What is in it is looked at when it is decoded.
fn payload<'r>(field: &mut Option<&'r str>, scanner: &mut Scanner<'r>) -> Option<()> {
    if field.is_some() {
        return None;
    }
    *field = Some(scanner.long_string()?);
    Some(())
}

impl<'r> Record<'r> {
    fn scan(scanner: &mut Scanner<'r>) -> Option<Self> {
        let mut record = Self::default();
        let mut id = None;
        scanner.fields(|scanner, key| match key.name {
            "recordId" => scanner.value_once(&mut id),
            "approximateArrivalTimestamp" => scanner.value_once(&mut record.arrival),
            "kinesisRecordMetadata" => scanner.value_once(&mut record.kinesis),
            "data" => payload(&mut record.data, scanner),
            "kafkaRecordValue" => payload(&mut record.kafka_value, scanner),
            _ => scanner.value().map(|_| ()),
        })?;
        record.id = id?;
        Some(record)
    }

    /// The id, decoded for the log.
    pub fn id(&self) -> String {
        text_of(self.id).map_or_else(|| self.id.to_owned(), Cow::into_owned)
    }

    /// The payload, still in base64.
    fn payload(&self) -> Option<Cow<'r, str>> {
        self.data.or(self.kafka_value).and_then(text_of)
    }

    /// The size of the payload, still in base64.
    fn size(&self) -> usize {
        self.data.or(self.kafka_value).map_or(0, str::len)
    }

    /// Decodes the payload into a buffer.
    pub fn decode(&self, into: &mut Vec<u8>) -> Result<(), Reason> {
        into.clear();
        // Base64 has no escapes, as a rule: what has some is read again as the text that it is.
        let plain = self.data.or(self.kafka_value).and_then(|json| json.strip_prefix('"')?.strip_suffix('"'));
        if plain.is_some_and(|plain| base64().decode_vec(plain.as_bytes(), into).is_ok()) {
            return Ok(());
        }
        into.clear();
        let payload = self.payload().ok_or(Reason::NoData)?;
        base64().decode_vec(payload.as_bytes(), into).map_err(|_| Reason::NotBase64)
    }

    /// The name under which the payload came, and under which Firehose wants the new one.
    pub fn payload_name(&self) -> &'static str {
        if self.data.is_none() && self.kafka_value.is_some() { "kafkaRecordValue" } else { "data" }
    }
}

/// The reply, written record by record, never larger than it may be.
///
/// Each record has its place from the start: that of a failure without data, which is the longer of the two answers without.
/// What does not fit beside all the others' places is answered by that. (These answers to a request by Firehose are shorter
/// than the request, which Lambda limits as well.)
#[derive(Debug)]
pub struct ReplyWriter {
    reply: Vec<u8>,
    most: usize,
    /// The bytes that the records still to come need at the least.
    reserved: usize,
}

/// The value of a record did not fit into the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit;

const HEAD: &[u8] = b"{\"records\":[";
const TAIL: &[u8] = b"]}";

impl ReplyWriter {
    /// A reply to these records, of at most so many bytes, [`LARGEST_REPLY`] as a rule.
    pub fn new(records: &[Record<'_>], most: usize) -> Self {
        let reserved: usize = records.iter().map(least).sum();
        // Twice what came, so that the reply is seldom moved while it grows; memory that is not written to costs nothing.
        let payloads: usize = records.iter().map(Record::size).sum();
        let mut reply = Vec::with_capacity(most.min(2 * (reserved + payloads)));
        reply.extend_from_slice(HEAD);
        Self { reply, most, reserved }
    }

    /// Delivers a record, unless it does not fit; it has to be failed then.
    pub fn deliver(&mut self, record: &Record<'_>, lines: &str, labels: &Labels) -> Result<(), DoesNotFit> {
        self.write(record, "Ok", |reply| {
            push_payload(reply, record, |reply| push_base64(reply, lines.as_bytes()));
            reply.extend_from_slice(b",\"metadata\":{\"partitionKeys\":");
            reply.extend_from_slice(labels.json.as_bytes());
            reply.push(b'}');
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
            let rest = |reply: &mut Vec<u8>| {
                // Base64 has no characters that JSON would escape.
                push_payload(reply, record, |reply| reply.extend_from_slice(payload.as_bytes()));
                reply.extend_from_slice(NO_METADATA);
            };
            self.write(record, FAILED, rest).is_ok()
        });
        if !whole {
            self.write_empty(record, FAILED);
        }
    }

    /// Answers without data. (An empty text, and no metadata: some readers insist on both.)
    fn write_empty(&mut self, record: &Record<'_>, result: &str) {
        let rest = |reply: &mut Vec<u8>| {
            push_payload(reply, record, |_| {});
            reply.extend_from_slice(NO_METADATA);
        };
        let fits = self.write(record, result, rest);
        debug_assert_eq!(fits, Ok(()), "the place of each record was reserved");
    }

    /// The whole reply.
    pub fn finish(mut self) -> Vec<u8> {
        self.reply.extend_from_slice(TAIL);
        self.reply
    }

    /// Writes a record's answer, and takes it back if the rest would not fit any more.
    fn write(&mut self, record: &Record<'_>, result: &str, rest: impl FnOnce(&mut Vec<u8>)) -> Result<(), DoesNotFit> {
        let before = self.reply.len();
        if before > HEAD.len() {
            self.reply.push(b',');
        }
        self.reply.extend_from_slice(b"{\"recordId\":");
        self.reply.extend_from_slice(record.id.as_bytes());
        self.reply.extend_from_slice(b",\"result\":\"");
        self.reply.extend_from_slice(result.as_bytes());
        self.reply.push(b'"');
        rest(&mut self.reply);
        self.reply.push(b'}');
        let others = self.reserved - least(record);
        let longer = self.reply.len() - before > least(record);
        if longer && self.reply.len() + others + TAIL.len() > self.most {
            self.reply.truncate(before);
            return Err(DoesNotFit);
        }
        self.reserved = others;
        Ok(())
    }
}

const FAILED: &str = "ProcessingFailed";
const NO_METADATA: &[u8] = b",\"metadata\":{}";

/// The length of the longer of the two answers without data, its comma included.
fn least(record: &Record<'_>) -> usize {
    let answer = ",{\"recordId\":,\"result\":\"\",\"\":\"\"}".len() + FAILED.len() + NO_METADATA.len();
    answer + record.payload_name().len() + record.id.len()
}

fn push_payload(reply: &mut Vec<u8>, record: &Record<'_>, payload: impl FnOnce(&mut Vec<u8>)) {
    reply.extend_from_slice(b",\"");
    reply.extend_from_slice(record.payload_name().as_bytes());
    reply.extend_from_slice(b"\":\"");
    payload(reply);
    reply.push(b'"');
}

/// The engine for base64: with the processor's vectors if it has any.
fn base64() -> Simd {
    Simd::standard(PAD)
}

fn push_base64(reply: &mut Vec<u8>, data: &[u8]) {
    let start = reply.len();
    let length = base64::encoded_len(data.len(), true).unwrap_or(0);
    reply.resize(start + length, 0);
    let written = reply.get_mut(start..).map(|place| base64().encode_slice(data, place));
    debug_assert_eq!(written, Some(Ok(length)), "base64 has a known length");
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
            let request = Request::parse(text.as_bytes()).unwrap();
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
            let request = Request::parse(text.as_bytes()).unwrap();
            assert_eq!(request.records[0].decode(&mut Vec::new()), Err(reason), "{data}");
        }
    }

    #[test]
    fn requests_by_others() {
        let message = |text: &str| Request::parse(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(message("{\"Records\":[]}"), @"not a Firehose request: missing field `records` at line 1 column 14");
        insta::assert_snapshot!(message("[\"secret\"]"), @"not a Firehose request: expected an object with `records`");
        insta::assert_snapshot!(message(&request("{\"recordId\":5,\"data\":\"\"}")), @"not a Firehose request: expected text as `recordId` of record 0");
        insta::assert_snapshot!(message(&request("{\"data\":\"\"}")), @"not a Firehose request: missing field `recordId` at line 1 column 89");
    }
}
