//! A JSON record, read no deeper than it must be: its fields by name, their values as they were written.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// A JSON object whose values are still text, so that what nobody asks for is copied and never parsed: numbers keep their
/// digits, and fields their order.
///
/// Of a name that comes twice the last value counts, at the first one's place, as in jq.
#[derive(Debug)]
pub struct Document<'r> {
    fields: Vec<(Cow<'r, str>, &'r RawValue)>,
}

impl<'r> Document<'r> {
    /// Reads a record that is one JSON object, with blanks around it at most.
    pub fn parse(record: &'r str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(record)
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&'r RawValue> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| *value)
    }

    /// Appends the record as one line: no blanks but those in strings, and a newline at its end.
    pub fn write_line(&self, line: &mut Vec<u8>) {
        line.push(b'{');
        for (place, (name, value)) in self.fields.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            line.extend_from_slice(serde_json::Value::from(name.as_ref()).to_string().as_bytes());
            line.push(b':');
            write_compact(value, line);
        }
        line.extend_from_slice(b"}\n");
    }
}

/// Copies a value without the blanks between its parts.
fn write_compact(value: &RawValue, line: &mut Vec<u8>) {
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
                let mut fields = Fields::default();
                while let Some(Name(name)) = map.next_key()? {
                    fields.put(name, map.next_value()?);
                }
                Ok(Document { fields: fields.fields })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The fields read so far, each name once.
#[derive(Default)]
struct Fields<'r> {
    fields: Vec<(Cow<'r, str>, &'r RawValue)>,
    /// Where each name is, once there are [`MANY`].
    places: HashMap<Cow<'r, str>, usize>,
}

/// From so many fields on a look through all of them, for each new one, is slower than hashing. A record has up to
/// 1,000 KiB, which is 170,000 fields.
const MANY: usize = 32;

impl<'r> Fields<'r> {
    fn put(&mut self, name: Cow<'r, str>, value: &'r RawValue) {
        let count = self.fields.len();
        let before = if count < MANY {
            self.fields.iter().position(|(before, _)| *before == name)
        } else {
            if self.places.is_empty() {
                self.places = self.fields.iter().map(|(name, _)| name.clone()).zip(0..).collect();
            }
            self.places.get(&name).copied()
        };
        if let Some(field) = before.and_then(|place| self.fields.get_mut(place)) {
            field.1 = value;
            return;
        }
        if count >= MANY {
            self.places.insert(name.clone(), count);
        }
        self.fields.push((name, value));
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
