//! The request, as Firehose writes it.

use super::{DeliveryStream, Record, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
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
    record_id: String,
    approximate_arrival_timestamp: i64,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_record_metadata: Option<KinesisRecordMetadata>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KinesisRecordMetadata {
    sequence_number: String,
    subsequence_number: u32,
    partition_key: String,
    shard_id: &'static str,
    approximate_arrival_timestamp: i64,
}

/// The request as JSON.
pub(super) fn text(stream: &DeliveryStream, invocation: u64, records: &[Record]) -> String {
    let kinesis = match &stream.source {
        Source::Kinesis { arn } => Some(arn.as_str()),
        Source::DirectPut => None,
    };
    let record = |record: &Record| RequestRecord {
        record_id: id(record),
        approximate_arrival_timestamp: record.arrival,
        data: STANDARD.encode(&record.data),
        kinesis_record_metadata: kinesis.map(|_| KinesisRecordMetadata {
            sequence_number: sequence_number(record.number),
            subsequence_number: 0,
            partition_key: record.number.to_string(),
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
        records: records.iter().map(record).collect(),
    };
    // Nothing in it can fail to be JSON: no maps, and no floats.
    serde_json::to_string(&request).unwrap_or_default()
}

/// A record's id: 62 digits, as Firehose's own.
pub(super) fn id(record: &Record) -> String {
    format!("4{:055}000000", record.number)
}

/// A record's place in a Kinesis stream.
pub(super) fn sequence_number(number: u64) -> String {
    format!("{number:056}")
}
