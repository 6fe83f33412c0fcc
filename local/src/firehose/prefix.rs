//! Prefixes, evaluated as Firehose does: keys are inserted as they are.

use super::reply::Failure;
use super::time;
use crate::assumptions::{MISSING_PARTITION_KEY, PREFIX_FAULT_CODE, PREFIX_FAULT_TYPE};
use shared::error_prefix::ErrorPrefix;
use shared::layout::LONGEST_PREFIX;
use shared::prefix::{Element, Prefix, RANDOM_STRING_LENGTH};
use shared::timestamp_pattern::TimestampPattern;
use std::collections::BTreeMap;
use std::iter::repeat_n;

/// A prefix whose keys are filled in; the time is that of an object, which is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FilledPrefix(Vec<Element>);

/// Fills the keys in. A key that is missing or empty fails the record, as does a prefix that is too long.
pub(super) fn fill_keys(prefix: &Prefix, keys: &BTreeMap<String, String>) -> Result<FilledPrefix, Failure> {
    let fault = |message| Failure { error_output_type: PREFIX_FAULT_TYPE, code: PREFIX_FAULT_CODE, message };
    let fill = |element| match element {
        Element::KeyFromLambda(key) => match keys.get(&key).filter(|value| !value.is_empty()) {
            Some(value) => Ok(Element::Text(value.clone())),
            None => Err(fault(MISSING_PARTITION_KEY)),
        },
        other => Ok(other),
    };
    let elements = prefix.evaluated().into_iter().map(fill).collect::<Result<_, _>>()?;
    let filled = FilledPrefix(elements);
    if filled.evaluate(0, || 0).encode_utf16().count() > LONGEST_PREFIX {
        return Err(fault("Length of evaluated prefix cannot be greater than 512"));
    }
    Ok(filled)
}

impl FilledPrefix {
    /// The prefix at a moment, in milliseconds since 1970; `number` makes random strings differ.
    pub(super) fn evaluate(&self, at: i64, number: impl Fn() -> u64) -> String {
        let mut text = String::new();
        for element in &self.0 {
            match element {
                Element::Text(part) => text.push_str(part),
                Element::Timestamp(pattern) => text.push_str(&time::format(pattern, at)),
                Element::RandomString => {
                    let random = number().to_string();
                    text.extend(repeat_n('0', RANDOM_STRING_LENGTH.saturating_sub(random.len())));
                    text.push_str(&random);
                }
                Element::KeyFromLambda(_) | Element::KeyFromQuery(_) | Element::ErrorOutputType => {}
            }
        }
        text
    }
}

/// The error prefix, evaluated. Without any expression, Firehose appends the type and the hour.
pub(super) fn of_errors(prefix: &ErrorPrefix, error_output_type: &str, at: i64) -> String {
    let with_type = |element: &Element| match element {
        Element::ErrorOutputType => Element::Text(error_output_type.to_owned()),
        other => other.clone(),
    };
    let mut elements: Vec<Element> = prefix.prefix().elements().iter().map(with_type).collect();
    if prefix.prefix().is_plain() {
        elements.push(Element::Text(format!("{error_output_type}/")));
        elements.push(Element::Timestamp(TimestampPattern::hourly()));
    }
    FilledPrefix(elements).evaluate(at, || 0)
}
