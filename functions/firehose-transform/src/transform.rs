//! One record in, one outcome out.

use crate::contract::{Breach, Contract};
use crate::document::{Document, Kind};
use shared::layout::{LabelFault, Layout};
use shared::partition::{PartitionValue, ValueFault};
use std::fmt;

/// The transformation of a delivery stream: what its configuration asks for, read once.
#[derive(Debug)]
pub struct Transform {
    layout: Layout,
    contract: Contract,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered: this line, newline included, under these values of [`Layout::lambda_keys`], escaped for the path.
    Deliver {
        /// The new data.
        line: Vec<u8>,
        /// The values of the partition keys.
        labels: Vec<String>,
    },
    /// It goes to the error prefix as it came.
    Fail(Failure),
}

/// Why a record is not delivered. It holds nothing of the record but the names of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason by name, for the metrics.
    pub reason: Reason,
    /// What exactly, for the log.
    pub detail: String,
}

/// The reasons why a record is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no `data` in the request, or it is not text.
    NoData,
    /// The data is not base64.
    NotBase64,
    /// The record is not UTF-8.
    NotUtf8,
    /// The record is not one JSON object.
    NotJson,
    /// The record breaks the contract.
    Contract,
    /// A partition key is not there, or null.
    PartitionKeyMissing,
    /// A partition key is empty text.
    PartitionKeyEmpty,
    /// A partition key is neither text, number nor boolean.
    PartitionKeyNotText,
    /// A partition key holds what Hive keeps for itself.
    PartitionKeyReserved,
    /// With its keys, the prefix would be longer than Firehose or S3 takes it, or the value is longer than Glue keeps it.
    PartitionKeyTooLong,
    /// The record is fine, but the reply has no room left for it.
    ReplyFull,
}

impl Reason {
    /// The name, as metrics and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoData => "no-data",
            Self::NotBase64 => "not-base64",
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::Contract => "contract",
            Self::PartitionKeyMissing => "partition-key-missing",
            Self::PartitionKeyEmpty => "partition-key-empty",
            Self::PartitionKeyNotText => "partition-key-not-text",
            Self::PartitionKeyReserved => "partition-key-reserved",
            Self::PartitionKeyTooLong => "partition-key-too-long",
            Self::ReplyFull => "reply-full",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Transform {
    /// A transformation into this layout, of records that keep this contract.
    pub fn new(layout: Layout, contract: Contract) -> Self {
        Self { layout, contract }
    }

    /// The layout into which it writes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The contract that it insists on.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// What becomes of a record, given its bytes. The same bytes always become the same.
    pub fn apply(&self, record: &[u8]) -> Outcome {
        self.deliver(record).unwrap_or_else(Outcome::Fail)
    }

    fn deliver(&self, record: &[u8]) -> Result<Outcome, Failure> {
        let text = std::str::from_utf8(record).map_err(|error| Failure {
            reason: Reason::NotUtf8,
            detail: format!("expected UTF-8, got an invalid byte at offset {}", error.valid_up_to()),
        })?;
        let document = Document::parse(text)?;
        self.contract.check(&document)?;
        let values =
            self.layout.lambda_keys().map(|key| partition_value(&document, key)).collect::<Result<Vec<_>, _>>()?;
        let labels = self.layout.label(&values)?;
        let mut line = Vec::with_capacity(record.len() + 1);
        document.write_line(&mut line);
        Ok(Outcome::Deliver { line, labels })
    }
}

/// The value of a partition key: text as it is, numbers and booleans as they are written.
fn partition_value(document: &Document<'_>, key: &str) -> Result<PartitionValue, Failure> {
    let fail = |reason, detail| Failure { reason, detail: format!("partition key `{key}`: {detail}") };
    let Some(value) = document.field(key) else {
        return Err(fail(Reason::PartitionKeyMissing, "expected a value, got nothing".to_owned()));
    };
    let text = match Kind::of(value) {
        Kind::Null => return Err(fail(Reason::PartitionKeyMissing, "expected a value, got null".to_owned())),
        // JSON can escape half of a surrogate pair, which is not a character.
        Kind::String => serde_json::from_str(value.get())
            .map_err(|_| fail(Reason::PartitionKeyNotText, "expected text, got an unpaired surrogate".to_owned()))?,
        Kind::Number | Kind::Boolean => value.get().to_owned(),
        other => {
            return Err(fail(Reason::PartitionKeyNotText, format!("expected text, got {}", other.name())));
        }
    };
    PartitionValue::new(text).map_err(|fault| {
        let reason = match fault {
            ValueFault::Empty => Reason::PartitionKeyEmpty,
            ValueFault::Reserved(_) => Reason::PartitionKeyReserved,
            ValueFault::TooLong(_) => Reason::PartitionKeyTooLong,
        };
        fail(reason, fault.to_string())
    })
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        // The text of a data error can hold a piece of the record; that of a syntax error cannot.
        let detail =
            if error.is_data() { "expected an object, got another value".to_owned() } else { error.to_string() };
        Self { reason: Reason::NotJson, detail }
    }
}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        Self { reason: Reason::Contract, detail: breach.to_string() }
    }
}

impl From<LabelFault> for Failure {
    fn from(fault: LabelFault) -> Self {
        Self { reason: Reason::PartitionKeyTooLong, detail: fault.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error_prefix::ErrorPrefix;

    fn transform(prefix: &str, contract: &str) -> Transform {
        let layout = Layout::parse(prefix, &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        Transform::new(layout, Contract::parse(contract).unwrap())
    }

    fn component_metrics(record: impl AsRef<[u8]>) -> Outcome {
        transform("!{partitionKeyFromLambda:componentName}/", "minValue double").apply(record.as_ref())
    }

    #[track_caller]
    fn delivered(record: &str, line: &str, labels: &[&str]) {
        let Outcome::Deliver { line: written, labels: found } = component_metrics(record) else {
            panic!("not delivered")
        };
        assert_eq!(String::from_utf8(written).unwrap(), line);
        assert_eq!(found, labels);
    }

    #[test]
    fn records_are_delivered_as_one_line_under_their_keys() {
        delivered(r#"{"componentName":"a","minValue":1.0}"#, "{\"componentName\":\"a\",\"minValue\":1.0}\n", &["a"]);
        delivered(r#"{ "componentName": "a/b" }"#, "{\"componentName\":\"a/b\"}\n", &["a%2Fb"]);
        delivered(r#"{"componentName":5}"#, "{\"componentName\":5}\n", &["5"]);
        delivered(r#"{"componentName":true}"#, "{\"componentName\":true}\n", &["true"]);
    }

    #[test]
    fn records_fail_for_a_named_reason() {
        let failure = |record: &[u8]| match component_metrics(record) {
            Outcome::Fail(Failure { reason, detail }) => format!("{reason}: {detail}"),
            Outcome::Deliver { .. } => panic!("delivered"),
        };
        insta::assert_snapshot!(failure(b"{\"componentName\":\"\xff\"}"), @"not-utf8: expected UTF-8, got an invalid byte at offset 18");
        insta::assert_snapshot!(failure(b""), @"not-json: EOF while parsing a value at line 1 column 0");
        insta::assert_snapshot!(failure(b"\"secret\""), @"not-json: expected an object, got another value");
        insta::assert_snapshot!(failure(b"{\"componentName\":\"a\""), @"not-json: EOF while parsing an object at line 1 column 20");
        insta::assert_snapshot!(failure(b"{\"componentName\":\"a\",\"minValue\":\"1\"}"), @"contract: `minValue`: expected double, got a string");
        insta::assert_snapshot!(failure(b"{}"), @"partition-key-missing: partition key `componentName`: expected a value, got nothing");
        insta::assert_snapshot!(failure(b"{\"componentName\":null}"), @"partition-key-missing: partition key `componentName`: expected a value, got null");
        insta::assert_snapshot!(failure(b"{\"componentName\":\"\"}"), @"partition-key-empty: partition key `componentName`: it is empty");
        insta::assert_snapshot!(failure(b"{\"componentName\":[\"a\"]}"), @"partition-key-not-text: partition key `componentName`: expected text, got an array");
        insta::assert_snapshot!(failure(b"{\"componentName\":\"\\ud800\"}"), @"partition-key-not-text: partition key `componentName`: expected text, got an unpaired surrogate");
        insta::assert_snapshot!(failure(b"{\"componentName\":\"__HIVE_DEFAULT_PARTITION__\"}"), @"partition-key-reserved: partition key `componentName`: it holds `__HIVE_DEFAULT_PARTITION__`, which Hive keeps for itself");
        insta::assert_snapshot!(failure(format!("{{\"componentName\":\"{}\"}}", "a".repeat(1000)).as_bytes()), @"partition-key-too-long: the prefix would have 1001 characters, expected at most 512");
        insta::assert_snapshot!(failure(format!("{{\"componentName\":\"{}\"}}", "a".repeat(2000)).as_bytes()), @"partition-key-too-long: partition key `componentName`: it has 2000 characters, expected at most 1024");
    }

    #[test]
    fn a_layout_of_times_needs_no_keys() {
        let outcome = transform("t/year=!{timestamp:yyyy}/", "").apply(b"{}");
        assert_eq!(outcome, Outcome::Deliver { line: b"{}\n".to_vec(), labels: vec![] });
    }
}
