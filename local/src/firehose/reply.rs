//! The reply of the transform function, as Firehose reads it, and what it writes of failures.
//!
//! The codes and messages are those that AWS's own error objects show.

use super::{Processor, Record, request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the function says of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Deliver { data: Vec<u8>, keys: BTreeMap<String, String> },
    Dropped,
    Failed(Failure),
}

/// Why a record goes to the error prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error_output_type: &'static str,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

const fn processing(code: &'static str, message: &'static str) -> Failure {
    Failure { error_output_type: "processing-failed", code, message }
}

const MISSING: Failure = processing(
    "Lambda.MissingRecordId",
    "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.",
);
const DUPLICATED: Failure = processing(
    "Lambda.DuplicatedRecordId",
    "Multiple records were returned with the same record Id. Ensure that the Lambda function returns a unique record Id \
     for each record.",
);
const NO_DATA: Failure = processing(
    "Lambda.InvalidReturnFormat",
    "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and processing result is Ok. \
     The value field cannot be null when the SourceType is MSKAsSource and processing result is Ok.",
);
const NOT_BASE64: Failure = processing(
    "Lambda.JsonMappingException",
    "There was an error parsing returned records. Ensure that data field is base-64 encoded.",
);
const UNKNOWN_RESULT: Failure =
    processing("Lambda.InvalidReturnFormat", "The result is none of Ok, Dropped and ProcessingFailed.");
const PROCESSING_FAILED: Failure =
    processing("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
const FUNCTION_ERROR: Failure =
    processing("Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error result.");

#[derive(Deserialize)]
struct Reply {
    records: Vec<ReplyRecord>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplyRecord {
    record_id: String,
    result: String,
    data: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    partition_keys: BTreeMap<String, String>,
}

/// The answer to each of the records, in their order.
pub(super) fn read(reply: Result<Vec<u8>, String>, records: &[Record]) -> Vec<Answer> {
    let reply = match reply.map(|text| serde_json::from_slice::<Reply>(&text)) {
        Err(_) => return vec![Answer::Failed(FUNCTION_ERROR); records.len()],
        Ok(Err(_)) => return vec![Answer::Failed(MISSING); records.len()],
        Ok(Ok(reply)) => reply,
    };
    let mut by_id: BTreeMap<String, Vec<ReplyRecord>> = BTreeMap::new();
    for record in reply.records {
        by_id.entry(record.record_id.clone()).or_default().push(record);
    }
    let answer = |record: &Record| match by_id.remove(&request::id(record)).unwrap_or_default().as_slice() {
        [] => Answer::Failed(MISSING),
        [only] => answer(only),
        _ => Answer::Failed(DUPLICATED),
    };
    records.iter().map(answer).collect()
}

fn answer(record: &ReplyRecord) -> Answer {
    match (record.result.as_str(), &record.data) {
        ("Ok", Some(data)) => match STANDARD.decode(data) {
            Ok(data) => Answer::Deliver { data, keys: record.metadata.partition_keys.clone() },
            Err(_) => Answer::Failed(NOT_BASE64),
        },
        ("Ok", None) => Answer::Failed(NO_DATA),
        ("Dropped", _) => Answer::Dropped,
        ("ProcessingFailed", _) => Answer::Failed(PROCESSING_FAILED),
        _ => Answer::Failed(UNKNOWN_RESULT),
    }
}

/// One line of an error object, with the members and in the order of AWS's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorLine<'e> {
    raw_data: String,
    error_code: &'e str,
    error_message: &'e str,
    attempts_made: u32,
    arrival_timestamp: i64,
    attempt_ending_timestamp: i64,
    #[serde(rename = "lambdaARN", skip_serializing_if = "Option::is_none")]
    lambda_arn: Option<&'e str>,
}

/// A failed record as JSON, with its original data.
pub(super) fn error_line(record: &Record, failure: &Failure, attempts: u32, now: i64, processor: &Processor) -> String {
    let by_lambda = failure.error_output_type == "processing-failed";
    let line = ErrorLine {
        raw_data: STANDARD.encode(&record.data),
        error_code: failure.code,
        error_message: failure.message,
        attempts_made: attempts,
        arrival_timestamp: record.arrival,
        attempt_ending_timestamp: now,
        lambda_arn: by_lambda.then_some(&processor.lambda_arn),
    };
    serde_json::to_string(&line).unwrap_or_default()
}
