//! `RecordDeAggregation`: a record that holds several becomes these.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html>

use crate::assumptions::MOST_SUB_RECORDS;
use serde_json::value::RawValue;

/// How a record is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeAggregation {
    /// It holds JSON objects, one behind the other, with blanks or line ends between them, or nothing.
    Json,
    /// It holds records with these bytes between them.
    Delimited(Vec<u8>),
}

impl DeAggregation {
    /// The records in a record: itself, if it holds none, or more than Firehose takes.
    pub(super) fn split<'d>(&self, data: &'d [u8]) -> Vec<&'d [u8]> {
        let parts = match self {
            Self::Json => objects(data),
            Self::Delimited(delimiter) => Some(delimited(data, delimiter)),
        };
        parts.filter(|parts| (1..=MOST_SUB_RECORDS).contains(&parts.len())).unwrap_or_else(|| vec![data])
    }
}

/// The objects, or nothing if there is anything else, or too many.
fn objects(data: &[u8]) -> Option<Vec<&[u8]>> {
    let text = std::str::from_utf8(data).ok()?;
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    // One more than Firehose takes tells that there are too many.
    values.take(MOST_SUB_RECORDS + 1).map(|value| object(value.ok()?)).collect()
}

/// The bytes of a value that is an object.
fn object(value: &RawValue) -> Option<&[u8]> {
    value.get().starts_with('{').then(|| value.get().as_bytes())
}

/// What stands between delimiters, unless that is nothing; one record more than Firehose takes at most.
fn delimited<'d>(data: &'d [u8], delimiter: &[u8]) -> Vec<&'d [u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while !rest.is_empty() && parts.len() <= MOST_SUB_RECORDS {
        let end = rest.windows(delimiter.len()).position(|window| window == delimiter);
        let (part, after) = match end {
            Some(end) => (rest.get(..end), rest.get(end + delimiter.len()..)),
            None => (Some(rest), None),
        };
        parts.extend(part.filter(|part| !part.is_empty()));
        rest = after.unwrap_or_default();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(how: &DeAggregation, record: &str, expected: &[&str]) {
        let parts: Vec<&str> =
            how.split(record.as_bytes()).into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn json_objects_behind_each_other() {
        let check = |record, expected: &[&str]| check(&DeAggregation::Json, record, expected);
        check(r#"{"a":1}"#, &[r#"{"a":1}"#]);
        check(r#"{"a":1}{"b":[{}]}"#, &[r#"{"a":1}"#, r#"{"b":[{}]}"#]);
        check("{\"a\":1}\n{\"b\":\"}{\"}\n", &[r#"{"a":1}"#, r#"{"b":"}{"}"#]);
        // What is not only objects goes on whole.
        check(r#"[{"a":1},{"b":2}]"#, &[r#"[{"a":1},{"b":2}]"#]);
        check(r#"{"a":1} 5"#, &[r#"{"a":1} 5"#]);
        check(r#"{"a":1}{"b""#, &[r#"{"a":1}{"b""#]);
        check("", &[""]);
    }

    #[test]
    fn records_between_delimiters() {
        let check = |delimiter: &str, record, expected: &[&str]| {
            check(&DeAggregation::Delimited(delimiter.into()), record, expected);
        };
        check("\n", "a\nb\n", &["a", "b"]);
        check("\n", "\n\na\n\nb", &["a", "b"]);
        check("####", "a##b####c", &["a##b", "c"]);
        check("\n", "a", &["a"]);
        check("\n", "\n", &["\n"]);
        check("\n", "", &[""]);
    }

    #[test]
    fn more_than_500_go_on_whole() {
        for (how, one) in [(DeAggregation::Json, "{}"), (DeAggregation::Delimited(b",".to_vec()), "a,")] {
            assert_eq!(how.split(one.repeat(500).as_bytes()).len(), 500);
            assert_eq!(how.split(one.repeat(501).as_bytes()), [one.repeat(501).as_bytes()]);
        }
    }

    proptest! {
        #[test]
        fn what_was_joined_is_told_apart(parts in proptest::collection::vec("[a-z]{1,4}", 1..20), delimiter in "[;|]{1,3}") {
            let how = DeAggregation::Delimited(delimiter.clone().into());
            let joined = parts.join(&delimiter);
            let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
            prop_assert_eq!(how.split(joined.as_bytes()), parts);
        }
    }
}
