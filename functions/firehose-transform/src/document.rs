//! A JSON record, read no deeper than it must be: its fields by name, their values as they were written.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON object whose values are still text, so that what nobody asks for is copied and never parsed: numbers keep their
/// digits, and fields their order.
///
/// Of a name that comes twice the last value counts, at the first one's place, as in jq.
#[derive(Debug)]
pub struct Document<'r> {
    fields: IndexMap<Cow<'r, str>, &'r RawValue>,
}

impl<'r> Document<'r> {
    /// Reads a record that is one JSON object, with blanks around it at most.
    pub fn parse(record: &'r str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(record)
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&'r RawValue> {
        self.fields.get(name).copied()
    }

    /// The fields, in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'r RawValue)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// Appends the record as one line: no blanks but those in strings, and a newline at its end.
    pub fn write_line(&self, line: &mut Vec<u8>) {
        line.push(b'{');
        for (place, (name, value)) in self.fields().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            line.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
            line.push(b':');
            write_compact(value, line);
        }
        line.extend_from_slice(b"}\n");
    }
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// The kind of a value, by its first character.
    pub(crate) fn of(value: &RawValue) -> Self {
        match value.get().bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            _ => Self::Number,
        }
    }

    /// Its name, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// Copies a value without the blanks between its parts.
pub(crate) fn write_compact(value: &RawValue, line: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    line.extend(value.get().bytes().filter(|&byte| {
        let kept = in_string || !byte.is_ascii_whitespace();
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        kept
    }));
}

impl<'de> Deserialize<'de> for Document<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = IndexMap::new();
                while let Some(Name(name)) = map.next_key()? {
                    fields.insert(name, map.next_value()?);
                }
                Ok(Document { fields })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A name, borrowed if there is nothing escaped in it. (A plain `Cow` would always be copied.)
#[derive(Deserialize)]
struct Name<'r>(#[serde(borrow)] Cow<'r, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, line: &str) {
        let mut written = Vec::new();
        Document::parse(record).unwrap().write_line(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), format!("{line}\n"));
    }

    #[test]
    fn records_become_one_line() {
        check(r#"{"b": 1, "a": [1, {"c": " \" x"}]}"#, r#"{"b":1,"a":[1,{"c":" \" x"}]}"#);
        check("\r\n{\n\t\"a\" :\n1}\r\n", r#"{"a":1}"#);
        check("{}", "{}");
    }

    #[test]
    fn values_keep_their_text() {
        check(
            r#"{"big":12345678901234567891,"money":1.10,"e":1E5,"u":"\u1ecb\/"}"#,
            r#"{"big":12345678901234567891,"money":1.10,"e":1E5,"u":"\u1ecb\/"}"#,
        );
    }

    #[test]
    fn the_last_of_two_values_counts_at_the_first_ones_place() {
        check(r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn so_it_is_with_many_fields() {
        let fields = |values: std::ops::Range<u32>| {
            values.map(|n| format!("\"f{}\":{n}", n % 100)).collect::<Vec<_>>().join(",")
        };
        check(&format!("{{{}}}", fields(0..300)), &format!("{{{}}}", fields(200..300)));
    }

    #[test]
    fn records_that_are_no_object() {
        let message = |record| Document::parse(record).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"EOF while parsing a value at line 1 column 0");
        insta::assert_snapshot!(message("[1]"), @"invalid type: sequence, expected an object at line 1 column 0");
        insta::assert_snapshot!(message(r#"{"a":1}{"b":2}"#), @"trailing characters at line 1 column 8");
        insta::assert_snapshot!(message(r#"{"a":nan}"#), @"expected ident at line 1 column 7");
    }
}
