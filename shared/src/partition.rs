//! A partition's values, and how one is written as part of a path.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::fmt;

/// The values of one partition, in the order of the layout's columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition(Vec<PartitionValue>);

/// One value of a partition: text that Glue can keep and that can be told from "no value".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionValue(String);

/// Why a text cannot be a partition's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// Hive has no empty values, and Firehose refuses them.
    #[error("it is empty")]
    Empty,
    /// Hive keeps it for itself.
    #[error("it holds `{0}`, which Hive keeps for itself")]
    Reserved(&'static str),
    /// More than [`LONGEST_VALUE`].
    #[error("it has {0} characters, expected at most {LONGEST_VALUE}")]
    TooLong(usize),
}

/// The longest value of a partition in the Glue catalog, in characters (`ValueString` of the Glue API).
pub const LONGEST_VALUE: usize = 1_024;

/// Texts that Hive's DDL refuses anywhere in a partition's value: the name of the folder for "no value", and the names
/// of folders that Hive itself makes (`reservedPartitionValues` in Hive's `DDLSemanticAnalyzer`).
const RESERVED: [&str; 5] = [
    "__HIVE_DEFAULT_PARTITION__",
    "__HIVE_DEFAULT_ZOOKEEPER_PARTITION__",
    "_INTERMEDIATE_ORIGINAL",
    "_INTERMEDIATE_ARCHIVED",
    "_INTERMEDIATE_EXTRACTED",
];

impl Partition {
    /// The partition with these values, in the order of the layout's columns.
    pub fn new(values: Vec<PartitionValue>) -> Self {
        Self(values)
    }

    /// Its values.
    pub fn values(&self) -> &[PartitionValue] {
        &self.0
    }
}

impl PartitionValue {
    /// Takes a text as a value.
    pub fn new(text: impl Into<String>) -> Result<Self, ValueFault> {
        let text = text.into();
        if text.is_empty() {
            return Err(ValueFault::Empty);
        }
        // All of them have the character, and most values do not.
        if text.contains('_')
            && let Some(reserved) = RESERVED.iter().find(|reserved| text.contains(*reserved))
        {
            return Err(ValueFault::Reserved(reserved));
        }
        // Bytes first: they are counted already, and hardly any value comes near.
        if text.len() > LONGEST_VALUE {
            let characters = text.chars().count();
            if characters > LONGEST_VALUE {
                return Err(ValueFault::TooLong(characters));
            }
        }
        Ok(Self(text))
    }

    /// The value itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartitionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether Hive escapes this character in a folder's name (`FileUtils.escapePathName`), so that no escaped value holds it.
///
/// `%` alone is one that an escaped value does hold.
pub(crate) fn is_escaped(character: char) -> bool {
    character.is_ascii_control()
        || matches!(character, '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^')
}

/// The text as Hive writes it into a folder's name: `a/b` is `a%2Fb`.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            push_escaped(&mut escaped, character);
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The same text with its first character escaped, whichever that is.
pub(crate) fn escape_first(escaped: &str) -> String {
    let mut characters = escaped.chars();
    match characters.next() {
        // Escaped already.
        None | Some('%') => escaped.to_owned(),
        Some(first) => {
            let mut text = String::with_capacity(escaped.len() + 2);
            push_escaped(&mut text, first);
            text.push_str(characters.as_str());
            text
        }
    }
}

/// What [`escape`] was given, or nothing if the text is not UTF-8 then.
pub(crate) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

fn push_escaped(text: &mut String, character: char) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
        text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_by_hives_rules() {
        assert_eq!(escape("a/b"), "a%2Fb");
        assert_eq!(escape("100% \"sure\""), "100%25 %22sure%22");
        assert_eq!(escape("k=v:{[^]}"), "k%3Dv%3A%7B%5B%5E%5D}");
        assert_eq!(escape("tab\there\u{7f}"), "tab%09here%7F");
        assert_eq!(escape("a+b café 🚚 ~,;&$@!()|`<>"), "a+b café 🚚 ~,;&$@!()|`<>");
    }

    #[test]
    fn the_first_character_can_be_escaped_as_well() {
        assert_eq!(escape_first("errors"), "%65rrors");
        assert_eq!(escape_first("élan"), "%C3%A9lan");
        assert_eq!(escape_first("%2Fa"), "%2Fa");
        assert_eq!(unescape("%C3%A9lan").unwrap(), "élan");
        assert_eq!(unescape("%FF"), None);
    }

    #[test]
    fn values_that_cannot_be() {
        let message = |text: &str| PartitionValue::new(text).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"it is empty");
        insta::assert_snapshot!(message("__HIVE_DEFAULT_PARTITION__"), @"it holds `__HIVE_DEFAULT_PARTITION__`, which Hive keeps for itself");
        insta::assert_snapshot!(message(&"é".repeat(1025)), @"it has 1025 characters, expected at most 1024");
        assert!(PartitionValue::new("é".repeat(1024)).is_ok());
    }
}
