//! The request, as Firehose writes it.

use super::batch::{Batch, Record};
use super::{DeliveryStream, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'r> {
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_kinesis_stream_arn: Option<&'r str>,
    delivery_stream_arn: &'r str,
    region: &'r str,
    records: Vec<RequestRecord>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestRecord {
    record_id: Box<RawValue>,
    approximate_arrival_timestamp: i64,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_record_metadata: Option<KinesisRecordMetadata>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KinesisRecordMetadata {
    sequence_number: Box<RawValue>,
    subsequence_number: u32,
    partition_key: Box<RawValue>,
    shard_id: &'static str,
    approximate_arrival_timestamp: i64,
}

/// The request as JSON.
pub(super) fn text(stream: &DeliveryStream, invocation: u64, batch: &Batch) -> String {
    let kinesis = match &stream.source {
        Source::Kinesis { arn } => Some(arn.as_str()),
        Source::DirectPut => None,
    };
    let record = |(record, data): (&Record, &[u8])| RequestRecord {
        record_id: plain(&id(record.number)),
        approximate_arrival_timestamp: record.arrival,
        data: plain(&STANDARD.encode(data)),
        kinesis_record_metadata: kinesis.map(|_| KinesisRecordMetadata {
            sequence_number: plain(&sequence_number(record.source)),
            subsequence_number: 0,
            partition_key: plain(&record.source.to_string()),
            shard_id: "shardId-000000000000",
            approximate_arrival_timestamp: record.arrival,
        }),
    };
    let request = Request {
        invocation_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}-{invocation}", stream.name).as_bytes())
            .to_string(),
        source_kinesis_stream_arn: kinesis,
        delivery_stream_arn: &stream.arn,
        region: &stream.region,
        records: batch.records().map(record).collect(),
    };
    // Nothing in it can fail to be JSON: no maps, and no floats.
    serde_json::to_string(&request).unwrap_or_default()
}

/// A text of letters and digits as JSON: in most of a request there is nothing to be escaped, and it need not be looked for.
fn plain(text: &str) -> Box<RawValue> {
    RawValue::from_string(format!("\"{text}\"")).unwrap_or_default()
}

/// The bytes of a request without records, at most.
pub(super) fn most_bytes(stream: &DeliveryStream) -> usize {
    let arn = match &stream.source {
        Source::Kinesis { arn } => arn.len(),
        Source::DirectPut => 0,
    };
    // The names of its members and the invocation's id; what is in JSON's need of an escape has six bytes.
    200 + 6 * (arn + stream.arn.len() + stream.region.len())
}

/// The bytes that a record of so many bytes takes in a request, at most.
pub(super) fn most_bytes_of_record(stream: &DeliveryStream, bytes: usize) -> usize {
    // The names of the members, an id of 62 digits, and numbers of 20 digits at most.
    let around = match &stream.source {
        Source::Kinesis { .. } => 400,
        Source::DirectPut => 150,
    };
    around + bytes.div_ceil(3) * 4
}

/// The digits of an id behind those of its record's number, which stands behind a `4`.
const ID_END: &str = "000000";

/// The id of the record of this number: 62 digits, as Firehose's own.
fn id(number: u64) -> String {
    format!("4{number:055}{ID_END}")
}

/// The number of the record of this id, if it is one.
pub(super) fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix('4')?.strip_suffix(ID_END)?;
    (digits.len() == 55 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A record's place in a Kinesis stream.
pub(super) fn sequence_number(number: u64) -> String {
    format!("{number:056}")
}
