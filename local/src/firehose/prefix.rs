//! Prefixes, evaluated as Firehose does: keys are inserted as they are.

use super::reply::Failure;
use super::time;
use crate::assumptions::{MISSING_PARTITION_KEY, PREFIX_FAULT_CODE, PREFIX_FAULT_TYPE};
use jiff::tz::TimeZone;
use shared::error_prefix::ErrorPrefix;
use shared::layout::LONGEST_PREFIX;
use shared::prefix::{Element, Prefix, RANDOM_STRING_LENGTH};
use shared::timestamp_pattern::TimestampPattern;
use uuid::Uuid;

/// The prefix of a delivery stream, to be filled for each record and evaluated for each object.
#[derive(Debug)]
pub(super) struct Evaluator {
    elements: Vec<Element>,
    time_zone: TimeZone,
}

/// A prefix whose keys are filled in; the time is that of an object, which is not known yet.
///
/// Two are the same if they become the same text whenever they are evaluated: those records share a buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FilledPrefix {
    /// All text of it, one piece behind the other.
    text: String,
    /// Where in the text each expression stands that is not known yet, in bytes.
    gaps: Vec<usize>,
}

impl Evaluator {
    /// What evaluates this prefix.
    pub(super) fn new(prefix: &Prefix, time_zone: &TimeZone) -> Self {
        Self { elements: prefix.evaluated(), time_zone: time_zone.clone() }
    }

    /// Fills the keys of a record in, which `key` has by the element that asks for it. One that is missing or empty fails the
    /// record.
    pub(super) fn fill<'k>(
        &self,
        key: impl Fn(&Element) -> Option<&'k str>,
        filled: &mut FilledPrefix,
    ) -> Result<(), Failure> {
        filled.text.clear();
        filled.gaps.clear();
        for element in &self.elements {
            match element {
                Element::Text(text) => filled.text.push_str(text),
                Element::KeyFromLambda(_) | Element::KeyFromQuery(_) => match key(element) {
                    Some(value) if !value.is_empty() => filled.text.push_str(value),
                    _ => return Err(fault(MISSING_PARTITION_KEY)),
                },
                Element::Timestamp(_) | Element::RandomString => filled.gaps.push(filled.text.len()),
                Element::ErrorOutputType => {}
            }
        }
        Ok(())
    }

    /// Refuses what Firehose finds too long, once it is evaluated at a moment.
    pub(super) fn check_length(&self, filled: &FilledPrefix, at: i64) -> Result<(), Failure> {
        if self.evaluate(filled, at, 0).encode_utf16().count() > LONGEST_PREFIX {
            return Err(fault("Length of evaluated prefix cannot be greater than 512"));
        }
        Ok(())
    }

    /// The prefix at a moment, in milliseconds since 1970; `number` makes random strings differ.
    pub(super) fn evaluate(&self, filled: &FilledPrefix, at: i64, number: u64) -> String {
        let late =
            self.elements.iter().filter(|element| matches!(element, Element::Timestamp(_) | Element::RandomString));
        let mut text = String::new();
        let mut start = 0;
        for (place, (element, end)) in late.zip(&filled.gaps).enumerate() {
            text.push_str(filled.text.get(start..*end).unwrap_or_default());
            start = *end;
            match element {
                Element::Timestamp(pattern) => text.push_str(&time::format(pattern, at, &self.time_zone)),
                _ => text.push_str(&random_string(number, place)),
            }
        }
        text.push_str(filled.text.get(start..).unwrap_or_default());
        text
    }
}

/// The error prefix, evaluated. Without any expression, Firehose appends the type and the hour.
pub(super) fn of_errors(prefix: &ErrorPrefix, error_output_type: &str, at: i64, time_zone: &TimeZone) -> String {
    let with_type = |element: &Element| match element {
        Element::ErrorOutputType => Element::Text(error_output_type.to_owned()),
        other => other.clone(),
    };
    let mut elements: Vec<Element> = prefix.prefix().elements().iter().map(with_type).collect();
    if prefix.prefix().is_plain() {
        elements.push(Element::Text(format!("{error_output_type}/")));
        elements.push(Element::Timestamp(TimestampPattern::hourly()));
    }
    let evaluator = Evaluator { elements, time_zone: time_zone.clone() };
    let mut filled = FilledPrefix::default();
    // It has no keys, which is all that could be missing.
    let _filled = evaluator.fill(|_| None, &mut filled);
    evaluator.evaluate(&filled, at, 0)
}

/// Letters and digits, other ones for each object and each place in its prefix.
fn random_string(number: u64, place: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{number}-{place}").as_bytes()).as_u128();
    let mut letter = || {
        let place = usize::try_from(rest % 62).unwrap_or_default();
        rest /= 62;
        LETTERS.get(place).copied().map_or('0', char::from)
    };
    (0..RANDOM_STRING_LENGTH).map(|_| letter()).collect()
}

fn fault(message: &'static str) -> Failure {
    Failure { error_output_type: PREFIX_FAULT_TYPE, code: PREFIX_FAULT_CODE, message }
}
