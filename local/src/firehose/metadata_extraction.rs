//! `MetadataExtraction`: partition keys by a query of Firehose's own.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html>

use super::reply::Failure;
use crate::assumptions::{NOT_JSON, PREFIX_FAULT_CODE, PREFIX_FAULT_TYPE, QUERY_FAILED};
use firehose_transform::query::Query;
use serde_json::Value;
use serde_json::value::RawValue;

/// The keys that the query makes of a record, as it is after the transformation, with the text that is inserted for each.
/// A key that is null is none.
pub(super) fn extract(query: &Query, record: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let fault = |message| Failure { error_output_type: PREFIX_FAULT_TYPE, code: PREFIX_FAULT_CODE, message };
    let record: &RawValue = serde_json::from_slice(record).map_err(|_| fault(NOT_JSON))?;
    let mut output = String::new();
    match query.run(record, |_| None, &mut output) {
        Ok(true) => {}
        Ok(false) | Err(_) => return Err(fault(QUERY_FAILED)),
    }
    let Ok(Value::Object(made)) = serde_json::from_str(&output) else { return Err(fault(QUERY_FAILED)) };
    let key = |(name, value): (String, Value)| match value {
        Value::Null => None,
        Value::String(text) => Some((name, text)),
        other => Some((name, other.to_string())),
    };
    Ok(made.into_iter().filter_map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys, or the message of the failure.
    fn keys(query: &str, record: &str) -> String {
        match extract(&Query::compile(query, &[]).unwrap(), record.as_bytes()) {
            Ok(keys) => keys.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "),
            Err(failure) => failure.message.to_owned(),
        }
    }

    #[test]
    fn keys_are_what_the_query_makes() {
        let record = r#"{"customer_id":"a b","event_timestamp":1565382027,"type":{"device":"mobile"},"none":null}"#;
        let keys = |query| keys(query, record);
        insta::assert_snapshot!(keys("{customer_id: .customer_id}"), @"customer_id=a b");
        insta::assert_snapshot!(keys(r#"{device: .type.device, year: .event_timestamp | strftime("%Y")}"#), @"device=mobile year=2019");
        insta::assert_snapshot!(keys("{at: .event_timestamp, known: true, all: .type, none}"), @r#"at=1565382027 known=true all={"device":"mobile"}"#);
    }

    #[test]
    fn what_makes_no_keys() {
        insta::assert_snapshot!(keys("{a}", "a=1"), @"Non JSON record provided");
        insta::assert_snapshot!(keys("{a}", ""), @"Non JSON record provided");
        insta::assert_snapshot!(keys("{a}", r#"{"a":1}{"a":2}"#), @"Non JSON record provided");
        insta::assert_snapshot!(keys("{a: .a.b}", r#"{"a":1}"#), @"The MetadataExtractionQuery made no partition keys of the record");
        insta::assert_snapshot!(keys(".a", r#"{"a":1}"#), @"The MetadataExtractionQuery made no partition keys of the record");
        insta::assert_snapshot!(keys("empty", r#"{"a":1}"#), @"The MetadataExtractionQuery made no partition keys of the record");
        insta::assert_snapshot!(keys("{a: .a[]}", r#"{"a":["x","y"]}"#), @"The MetadataExtractionQuery made no partition keys of the record");
    }
}
