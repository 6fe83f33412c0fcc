//! A JSON record, read no deeper than it must be: its fields by name, their values as they were written.

use crate::json::push_string;
use crate::scan::Scanner;
use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// A JSON object whose values are still text, so that what nobody asks for is copied and never parsed: numbers keep their
/// digits, and fields their order.
///
/// Of a name that comes twice the last value counts, at the first one's place, as in jq. What is not a part of the record lies
/// in an arena, which is emptied for the next record.
#[derive(Debug)]
pub struct Document<'a> {
    fields: BumpVec<'a, Field<'a>>,
    /// A bit for each name, by which most new ones are known to be new.
    seen: u64,
    /// Where each name stands, if there are [`MANY`].
    places: Option<HashMap<&'a str, usize>>,
    /// The first fields as they came, if they are still the same and have no blanks between them.
    source: Option<Source<'a>>,
}

/// Fields that can be copied in one go.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    /// What is between the braces.
    text: &'a str,
    fields: usize,
}

/// A field of a document.
#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    name: Name<'a>,
    /// JSON, without blanks around it.
    value: &'a str,
}

/// A field's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    text: &'a str,
    /// Whether it is the same text in JSON.
    is_plain: bool,
}

/// As many fields as most records have, with a few that are added.
const USUAL_FIELDS: usize = 16;

/// From so many fields on, names are looked up in a table.
const MANY: usize = 64;

impl<'a> Document<'a> {
    /// Reads a record that is one JSON object, with blanks around it at most.
    pub fn parse(record: &'a str, arena: &'a Bump) -> Result<Self, serde_json::Error> {
        if let Some(document) = Self::scan(record, arena) {
            return Ok(document);
        }
        let mut deserializer = serde_json::Deserializer::from_str(record);
        let document = Fields(arena).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(document)
    }

    /// Reads an ordinary record.
    fn scan(record: &'a str, arena: &'a Bump) -> Option<Self> {
        let mut document = Self::with_capacity(USUAL_FIELDS, arena);
        let mut scanner = Scanner::new(record);
        let (mut length, mut fields) = (0, 0);
        scanner.fields(|scanner, name| {
            let value = scanner.value()?;
            fields += 1;
            document.set(Name { text: name, is_plain: true }, value);
            length += "\"\":,".len() + name.len() + value.len();
            Some(())
        })?;
        document.source =
            record.strip_prefix('{').and_then(|text| text.get(..length.checked_sub(1)?)).and_then(|text| {
                let is_all = record.get(text.len() + 1..)?.trim_end() == "}";
                (is_all && fields == document.fields.len() && !has_breaks(text))
                    .then_some(Source { text, fields: document.fields.len() })
            });
        scanner.is_at_end().then_some(document)
    }

    /// An object for so many fields.
    pub(crate) fn with_capacity(fields: usize, arena: &'a Bump) -> Self {
        Self { fields: BumpVec::with_capacity_in(fields, arena), seen: 0, places: None, source: None }
    }

    /// The value of a field, as JSON.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.get(self.place(name)?).map(|field| field.value)
    }

    /// The fields in their order, their values as JSON.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().map(|field| (field.name.text, field.value))
    }

    /// Sets a field, at its place if there is one of that name; the value is JSON.
    pub(crate) fn set(&mut self, name: Name<'a>, value: &'a str) {
        let bit = name.bit();
        let place = if self.seen & bit == 0 { None } else { self.place(name.text) };
        self.seen |= bit;
        if let Some(field) = place.and_then(|place| self.fields.get_mut(place)) {
            field.value = value;
            self.source = None;
            return;
        }
        if let Some(places) = &mut self.places {
            places.insert(name.text, self.fields.len());
        }
        self.fields.push(Field { name, value });
        if self.fields.len() == MANY {
            self.index();
        }
    }

    /// Takes a field away, and leaves the others in their order.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(place) = self.place(name) {
            self.fields.remove(place);
            self.source = None;
            if self.places.is_some() {
                self.index();
            }
        }
    }

    /// Sets all fields of another object.
    pub(crate) fn extend(&mut self, other: &Self) {
        other.fields.iter().for_each(|field| self.set(field.name, field.value));
    }

    /// A copy, whose values are shared.
    pub(crate) fn share(&self) -> Self {
        Self { fields: self.fields.clone(), seen: self.seen, places: self.places.clone(), source: self.source }
    }

    fn place(&self, name: &str) -> Option<usize> {
        match &self.places {
            None => self.fields.iter().position(|field| field.name.text == name),
            Some(places) => places.get(name).copied(),
        }
    }

    fn index(&mut self) {
        self.places = Some(self.fields.iter().map(|field| field.name.text).zip(0..).collect());
    }

    /// Appends the record as one line: JSON, and a newline at its end.
    ///
    /// Blanks inside of a field's value are kept, unless there are line breaks among them.
    pub fn write_line(&self, line: &mut String) {
        self.write(line);
        line.push('\n');
    }

    /// Appends the record as JSON.
    pub(crate) fn write(&self, json: &mut String) {
        let copied = self.source.map_or(0, |source| source.fields);
        let mut separator = "{";
        if let Some(source) = self.source {
            json.push('{');
            json.push_str(source.text);
            separator = ",";
        }
        for Field { name, value } in self.fields.iter().skip(copied) {
            json.push_str(separator);
            name.push(json);
            json.push(':');
            push_value(json, value);
            separator = ",";
        }
        json.push_str(if self.fields.is_empty() { "{}" } else { "}" });
    }
}

impl<'a> Name<'a> {
    /// A name that may have to be escaped.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, is_plain: !crate::json::is_special(text) }
    }

    /// A name of which it is known whether it is the same text in JSON.
    pub(crate) fn known(text: &'a str, is_plain: bool) -> Self {
        Self { text, is_plain }
    }

    fn push(self, json: &mut String) {
        if self.is_plain {
            json.push('"');
            json.push_str(self.text);
            json.push('"');
        } else {
            push_string(json, self.text);
        }
    }

    /// A bit that tells most names from each other.
    fn bit(self) -> u64 {
        let ends = self.text.as_bytes().first().zip(self.text.as_bytes().last());
        let (first, last) = ends.map_or((0, 0), |(first, last)| (usize::from(*first), usize::from(*last)));
        1 << ((self.text.len() ^ (first << 1) ^ (last << 3)) & 63)
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
    pub(crate) fn of(json: &str) -> Self {
        match json.bytes().next() {
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

/// Whether a text has more than one line.
fn has_breaks(text: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some()
}

/// Appends a value in one line: as it is, or without the blanks between its parts if there are line breaks among them.
/// (Within strings, line breaks are escaped.)
pub(crate) fn push_value(json: &mut String, value: &str) {
    if !value.starts_with(['{', '[']) || !has_breaks(value) {
        return json.push_str(value);
    }
    let (mut in_string, mut escaped) = (false, false);
    json.extend(value.chars().filter(|&character| {
        let kept = in_string || !character.is_ascii_whitespace();
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        kept
    }));
}

/// Reads the fields of an object.
struct Fields<'a>(&'a Bump);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Fields<'a> {
    type Value = Document<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Fields<'a> {
    type Value = Document<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut document = Document::with_capacity(USUAL_FIELDS, self.0);
        while let Some(Text(name)) = map.next_key()? {
            let name = match name {
                Cow::Borrowed(text) => Name { text, is_plain: true },
                Cow::Owned(text) => Name::new(self.0.alloc_str(&text)),
            };
            document.set(name, map.next_value::<&RawValue>()?.get());
        }
        Ok(document)
    }
}

/// The text of a JSON string, or nothing if the JSON is of another kind, or no Unicode.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

/// A text, borrowed if there is nothing escaped in it. (A plain `Cow` would always be copied.)
#[derive(Deserialize)]
struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, line: &str) {
        let mut written = String::new();
        Document::parse(record, &Bump::new()).unwrap().write_line(&mut written);
        assert_eq!(written, format!("{line}\n"));
    }

    #[test]
    fn records_become_one_line() {
        check(r#"{"a":{"b": 1},"c":[ ]}"#, r#"{"a":{"b": 1},"c":[ ]}"#);
        check("{\"a\":{\"b\":\n1}}", r#"{"a":{"b":1}}"#);
        check(r#"{"a": {}}"#, r#"{"a":{}}"#);
        check("{\"a\":1}\r\n", r#"{"a":1}"#);
        check(r#"{"b": 1, "a": [1, {"c": " \" x"}]}"#, r#"{"b":1,"a":[1, {"c": " \" x"}]}"#);
        check("{\"a\": [\r\n  1,\n  \"b\\n\"\n]\n}", r#"{"a":[1,"b\n"]}"#);
        check(r#"{"a\u0062\n": 1, "é": 2}"#, r#"{"ab\n":1,"é":2}"#);
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
        let message = |record| Document::parse(record, &Bump::new()).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"EOF while parsing a value at line 1 column 0");
        insta::assert_snapshot!(message("[1]"), @"invalid type: sequence, expected an object at line 1 column 0");
        insta::assert_snapshot!(message(r#"{"a":1}{"b":2}"#), @"trailing characters at line 1 column 8");
        insta::assert_snapshot!(message(r#"{"a":nan}"#), @"expected ident at line 1 column 7");
    }
}
