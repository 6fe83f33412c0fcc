//! The reply of the transform function, as Firehose reads it, and what it writes of failures.
//!
//! The codes and messages are those that AWS's own error objects show.

use super::batch::{Batch, Record};
use super::{Processor, request};
use crate::assumptions::{KEY_NOT_TEXT, UNKNOWN_RESULT_CODE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What the function says of a record.
#[derive(Debug)]
pub(super) enum Answer<'r> {
    Deliver(Delivered<'r>),
    Dropped,
    Failed(Failure),
}

/// A record that is to be delivered.
#[derive(Debug)]
pub(super) struct Delivered<'r> {
    /// In base64, or what stands in its place.
    data: Cow<'r, str>,
    keys: Vec<(Cow<'r, str>, Text<'r>)>,
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
const NOT_TEXT: Failure = processing("Lambda.JsonMappingException", KEY_NOT_TEXT);
const UNKNOWN_RESULT: Failure =
    processing(UNKNOWN_RESULT_CODE, "The result is none of Ok, Dropped and ProcessingFailed.");
const PROCESSING_FAILED: Failure =
    processing("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
/// What each record of a batch fails by if the function does.
pub(super) const FUNCTION_ERROR: Failure =
    processing("Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error result.");

#[derive(Deserialize)]
struct Reply<'r> {
    #[serde(borrow)]
    records: Vec<ReplyRecord<'r>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplyRecord<'r> {
    #[serde(borrow, default)]
    record_id: Text<'r>,
    #[serde(borrow, default)]
    result: Text<'r>,
    #[serde(borrow, default)]
    data: Text<'r>,
    #[serde(borrow)]
    metadata: Option<Metadata<'r>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'r> {
    #[serde(borrow)]
    partition_keys: Option<PartitionKeys<'r>>,
}

/// The keys in the order of the reply.
struct PartitionKeys<'r>(Vec<(Cow<'r, str>, Text<'r>)>);

/// A value that is to be a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Text<'r> {
    /// There is none.
    #[default]
    Null,
    /// A string, or the digits of a number, or `true` or `false`.
    Is(Cow<'r, str>),
    /// An array or an object, or what no text can hold.
    Other,
}

/// The answer to each record of a batch, in their order.
pub(super) fn read<'r>(reply: &'r [u8], batch: &Batch) -> Vec<Answer<'r>> {
    let reply = std::str::from_utf8(reply).ok().and_then(|text| serde_json::from_str::<Reply<'_>>(text).ok());
    let mut answers: Vec<Answer<'r>> = batch.records().map(|_| Answer::Failed(MISSING)).collect();
    let mut answered = vec![false; answers.len()];
    for record in reply.into_iter().flat_map(|reply| reply.records) {
        let Text::Is(id) = &record.record_id else { continue };
        let Some(place) = request::number(id).and_then(|number| batch.place(number)) else { continue };
        if let (Some(answer), Some(before)) = (answers.get_mut(place), answered.get_mut(place)) {
            *answer = if *before { Answer::Failed(DUPLICATED) } else { record.answer() };
            *before = true;
        }
    }
    answers
}

impl<'r> ReplyRecord<'r> {
    fn answer(self) -> Answer<'r> {
        let Text::Is(result) = self.result else { return Answer::Failed(UNKNOWN_RESULT) };
        match (result.as_ref(), self.data) {
            ("Ok", Text::Is(data)) => {
                let keys =
                    self.metadata.and_then(|metadata| metadata.partition_keys).map_or_else(Vec::new, |keys| keys.0);
                if keys.iter().any(|(_, value)| *value == Text::Other) {
                    return Answer::Failed(NOT_TEXT);
                }
                Answer::Deliver(Delivered { data, keys })
            }
            ("Ok", Text::Null) => Answer::Failed(NO_DATA),
            ("Ok", Text::Other) => Answer::Failed(NOT_BASE64),
            ("Dropped", _) => Answer::Dropped,
            ("ProcessingFailed", _) => Answer::Failed(PROCESSING_FAILED),
            _ => Answer::Failed(UNKNOWN_RESULT),
        }
    }
}

impl Delivered<'_> {
    /// Puts the record in the place of what is there.
    pub(super) fn decode(&self, into: &mut Vec<u8>) -> Result<(), Failure> {
        into.clear();
        STANDARD.decode_vec(self.data.as_ref(), into).map_err(|_| NOT_BASE64)
    }

    /// One of the keys, unless it is missing or null. Of a name that comes twice the last counts.
    pub(super) fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().rev().find(|(key, _)| key == name).and_then(|(_, value)| match value {
            Text::Is(text) => Some(text.as_ref()),
            Text::Null | Text::Other => None,
        })
    }
}

impl<'de: 'r, 'r> Deserialize<'de> for Text<'r> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(text(<&RawValue>::deserialize(deserializer)?.get()))
    }
}

fn text(json: &str) -> Text<'_> {
    match json.as_bytes() {
        b"null" => Text::Null,
        [b'"', .., b'"'] if json.contains('\\') => {
            serde_json::from_str(json).map_or(Text::Other, |text| Text::Is(Cow::Owned(text)))
        }
        [b'"', .., b'"'] => Text::Is(Cow::Borrowed(json.trim_matches('"'))),
        [b'[' | b'{', ..] => Text::Other,
        _ => Text::Is(Cow::Borrowed(json)),
    }
}

impl<'de: 'r, 'r> Deserialize<'de> for PartitionKeys<'r> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(Cow<'de, str>, Text<'de>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("partition keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    keys.push((name, value));
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(InOrder).map(Self)
    }
}

/// The name of a key, which serde copies unless it is told to borrow.
#[derive(Deserialize)]
struct Name<'r>(#[serde(borrow)] Cow<'r, str>);

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
pub(super) fn error_line(
    record: &Record,
    data: &[u8],
    failure: &Failure,
    attempts: u32,
    now: i64,
    processor: &Processor,
) -> String {
    let by_lambda = failure.error_output_type == "processing-failed";
    let line = ErrorLine {
        raw_data: STANDARD.encode(data),
        error_code: failure.code,
        error_message: failure.message,
        attempts_made: attempts,
        arrival_timestamp: record.arrival,
        attempt_ending_timestamp: now,
        lambda_arn: by_lambda.then_some(&processor.lambda_arn),
    };
    serde_json::to_string(&line).unwrap_or_default()
}
