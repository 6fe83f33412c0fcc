//! JSON as it was written: the members of an object, the text of a string.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of an object in their order, their values as they were written.
pub(super) struct Object<'j>(pub(super) Vec<(Text<'j>, &'j str)>);

/// A string. A lone surrogate, which no encoding but Java's own has, is a `?` in it, as Java writes one.
pub(super) struct Text<'j>(pub(super) Cow<'j, str>);

/// What a JSON string says.
pub(super) fn text(token: &str) -> Cow<'_, str> {
    match token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        // It was read as JSON before.
        _ => serde_json::from_str::<Text<'_>>(token).map_or(Cow::Borrowed(token), |text| text.0),
    }
}

/// Writes a text as a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    drop(serde_json::to_writer(out, text));
}

/// An object or an array as text: without blanks, its names in lower case if they are to be compared so.
pub(super) fn written(token: &str, lower_case: bool) -> String {
    let mut out = String::with_capacity(token.len());
    let mut rest = token;
    while let Some(quote) = rest.find('"') {
        let (before, from_quote) = rest.split_at(quote);
        out.extend(before.split_ascii_whitespace());
        let (string, after) = from_quote.split_at(string_length(from_quote));
        if lower_case && after.trim_ascii_start().starts_with(':') {
            let mut name = Vec::new();
            write_text(&text(string).to_lowercase(), &mut name);
            out.push_str(&String::from_utf8_lossy(&name));
        } else {
            out.push_str(string);
        }
        rest = after;
    }
    out.extend(rest.split_ascii_whitespace());
    out
}

/// The bytes of the JSON string that a text begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = true;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            // The first quote opens it, as if it were escaped.
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                std::str::from_utf8(bytes).map(|text| Text(Cow::Borrowed(text))).map_err(E::custom)
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(without_surrogates(bytes))))
            }
        }
        // As bytes it may have surrogates, which a `str` cannot.
        deserializer.deserialize_bytes(Bytes)
    }
}

/// UTF-8, in which each surrogate has three bytes of its own, the first of which is `ED` and the second `A0` or more.
fn without_surrogates(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let [0xED, 0xA0..=0xBF, _, after @ ..] = rest {
            plain.push(b'?');
            rest = after;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
