//! The language of Firehose's S3 prefixes: text and expressions such as `!{timestamp:yyyy}`.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html>

use crate::timestamp_pattern::{PatternError, TimestampPattern};

/// A prefix as Firehose takes it, for objects or for errors: read, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    elements: Vec<Element>,
}

/// One part of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Text that stands for itself.
    Text(String),
    /// `!{partitionKeyFromLambda:…}`, the key's name.
    KeyFromLambda(String),
    /// `!{partitionKeyFromQuery:…}`, the key's name.
    KeyFromQuery(String),
    /// `!{timestamp:…}`.
    Timestamp(TimestampPattern),
    /// `!{firehose:random-string}`: [`RANDOM_STRING_LENGTH`] letters and digits, new each time.
    RandomString,
    /// `!{firehose:error-output-type}`, in error prefixes alone.
    ErrorOutputType,
}

/// How many characters a `!{firehose:random-string}` has.
pub const RANDOM_STRING_LENGTH: usize = 11;

/// The longest prefix that a delivery stream takes, in characters, before it is evaluated.
pub const LONGEST_TEXT: usize = 1_024;

/// Why a text is not a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// An expression that is not closed.
    #[error("`{0}` has no closing `}}`")]
    Open(String),
    /// No namespace, or one that Firehose does not have.
    #[error(
        "`{0}` is not an expression of Firehose, expected the namespace `partitionKeyFromLambda`, \
         `partitionKeyFromQuery`, `timestamp` or `firehose`"
    )]
    Namespace(String),
    /// A value that the `firehose` namespace does not have.
    #[error("`{0}` is not an expression of Firehose, expected `random-string` or `error-output-type`")]
    Firehose(String),
    /// A partition key without a name.
    #[error("`{0}` names no partition key")]
    NoKey(String),
    /// A timestamp that cannot be used.
    #[error("`{expression}`: {cause}")]
    Timestamp {
        /// The whole expression.
        expression: String,
        /// What is wrong with its pattern.
        cause: PatternError,
    },
    /// More than [`LONGEST_TEXT`].
    #[error("it has {0} characters, expected at most {LONGEST_TEXT}")]
    TooLong(usize),
}

impl Prefix {
    /// Reads a prefix.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let characters = text.chars().count();
        if characters > LONGEST_TEXT {
            return Err(PrefixError::TooLong(characters));
        }
        let mut elements = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("!{") {
            if !before.is_empty() {
                elements.push(Element::Text(before.to_owned()));
            }
            let (inner, after) = from.split_once('}').ok_or_else(|| PrefixError::Open(format!("!{{{from}")))?;
            elements.push(expression(inner)?);
            rest = after;
        }
        if !rest.is_empty() {
            elements.push(Element::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), elements })
    }

    /// The prefix as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts, in order; no two texts stand side by side.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The parts that Firehose evaluates: those that are written, and the hour, with no slash before it, where there is
    /// nothing else to evaluate.
    pub fn evaluated(&self) -> Vec<Element> {
        let hour = self.is_plain().then(|| Element::Timestamp(TimestampPattern::hourly()));
        self.elements.iter().cloned().chain(hour).collect()
    }

    /// Whether nothing in it is to be evaluated.
    pub fn is_plain(&self) -> bool {
        self.elements.iter().all(|element| matches!(element, Element::Text(_)))
    }
}

fn expression(inner: &str) -> Result<Element, PrefixError> {
    let whole = || format!("!{{{inner}}}");
    let (namespace, value) = inner.split_once(':').ok_or_else(|| PrefixError::Namespace(whole()))?;
    match (namespace, value) {
        ("partitionKeyFromLambda" | "partitionKeyFromQuery", "") => Err(PrefixError::NoKey(whole())),
        ("partitionKeyFromLambda", key) => Ok(Element::KeyFromLambda(key.to_owned())),
        ("partitionKeyFromQuery", key) => Ok(Element::KeyFromQuery(key.to_owned())),
        ("timestamp", pattern) => TimestampPattern::parse(pattern)
            .map(Element::Timestamp)
            .map_err(|cause| PrefixError::Timestamp { expression: whole(), cause }),
        ("firehose", "random-string") => Ok(Element::RandomString),
        ("firehose", "error-output-type") => Ok(Element::ErrorOutputType),
        ("firehose", _) => Err(PrefixError::Firehose(whole())),
        _ => Err(PrefixError::Namespace(whole())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_in_order() {
        let prefix =
            Prefix::parse("data/id=!{partitionKeyFromLambda:id}/!{timestamp:yyyy}!{firehose:random-string}/").unwrap();
        assert_eq!(
            prefix.elements(),
            [
                Element::Text("data/id=".into()),
                Element::KeyFromLambda("id".into()),
                Element::Text("/".into()),
                Element::Timestamp(TimestampPattern::parse("yyyy").unwrap()),
                Element::RandomString,
                Element::Text("/".into()),
            ]
        );
        assert!(Prefix::parse("a!b/{c}/").unwrap().is_plain());
    }

    #[test]
    fn errors() {
        let message = |text: &str| Prefix::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(message("a/!{timestamp:yyyy"), @"`!{timestamp:yyyy` has no closing `}`");
        insta::assert_snapshot!(message("!{componentName}/"), @"`!{componentName}` is not an expression of Firehose, expected the namespace `partitionKeyFromLambda`, `partitionKeyFromQuery`, `timestamp` or `firehose`");
        insta::assert_snapshot!(message("!{firehose:random}/"), @"`!{firehose:random}` is not an expression of Firehose, expected `random-string` or `error-output-type`");
        insta::assert_snapshot!(message("!{partitionKeyFromLambda:}/"), @"`!{partitionKeyFromLambda:}` names no partition key");
        insta::assert_snapshot!(message("!{timestamp:bb}/"), @"`!{timestamp:bb}`: `b` is not a letter of a timestamp pattern that can be used in a path, expected one of `yMdHms` and the like");
        insta::assert_snapshot!(message(&"a".repeat(2000)), @"it has 2000 characters, expected at most 1024");
    }
}
