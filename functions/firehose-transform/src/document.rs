//! A JSON record, read no deeper than it must be: its fields by name, their values as they were written.

use crate::json::{has_breaks, push_compact, push_plain, push_string};
use crate::scan::{Key, Scanner, is_tame};
use bumpalo::Bump;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// A JSON object whose values are still text, so that what nobody asks for is copied and never parsed: numbers keep their
/// digits, and fields their order.
///
/// Of a name that comes twice the last value counts, at the first one's place, as in jq. No value has line breaks between its
/// parts: a record that has some is read without all its blanks. What is not a part of the record lies in an arena, which is
/// emptied for the next record.
#[derive(Debug)]
pub struct Document<'a> {
    fields: BumpVec<'a, Field<'a>>,
    /// A bit for each name, by which most new ones are known to be new.
    seen: [u64; 2],
    /// Where each name stands, if there are [`MANY`].
    #[expect(clippy::box_collection, reason = "few documents have one, and all are moved")]
    places: Option<Box<HashMap<&'a str, usize>>>,
    /// The first fields as they came, if they are still the same.
    source: Option<Source<'a>>,
}

/// Fields that can be copied in one go.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    /// What is between the braces.
    text: &'a str,
    fields: usize,
}

/// The fields that the records before had, in their order, so that the next one's names are compared instead of read.
#[derive(Debug, Default)]
pub struct Shape {
    /// The names in quotes, each with its colon. None of them twice.
    keys: Vec<String>,
    seen: [u64; 2],
    /// How many records in a row had others.
    misses: u32,
}

/// A field of a document.
#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    key: Key<'a>,
    /// JSON, without blanks around it.
    value: &'a str,
}

/// As many fields as most records have, with a few that are added.
const USUAL_FIELDS: usize = 16;

/// From so many fields on, names are looked up in a table.
const MANY: usize = 64;

impl<'a> Document<'a> {
    /// Reads a record that is one JSON object, with blanks around it at most.
    pub fn parse(record: &'a str, arena: &'a Bump) -> Result<Self, serde_json::Error> {
        Self::parse_like(record, &mut Shape::default(), arena)
    }

    /// The same in less time, if it has the fields of the records before.
    pub fn parse_like(record: &'a str, shape: &mut Shape, arena: &'a Bump) -> Result<Self, serde_json::Error> {
        let mut text = without_blanks(record);
        if is_tame(text) {
            if let Some(document) = Self::scan_expected(text, shape, arena) {
                shape.misses = 0;
                return Ok(document);
            }
            if let Some(document) = Self::scan(Scanner::tame(text), text, arena) {
                shape.miss(&document);
                return Ok(document);
            }
        } else {
            if has_breaks(text) {
                text = in_one_line(text, arena).unwrap_or(text);
            }
            if let Some(document) = Self::scan(Scanner::of(text), text, arena) {
                return Ok(document);
            }
        }
        // What is wrong is told of the record as it came.
        serde_json::from_str::<&RawValue>(record)?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let document = Fields(arena).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(document)
    }

    /// Reads a record that has the expected fields.
    fn scan_expected(text: &'a str, shape: &Shape, arena: &'a Bump) -> Option<Self> {
        let mut document = Self::with_capacity(shape.keys.len().max(USUAL_FIELDS), arena);
        let mut scanner = Scanner::tame(text);
        scanner.expected_fields(&shape.keys, |scanner, key| {
            document.fields.push(Field { key, value: scanner.value()? });
            Some(())
        })?;
        document.seen = shape.seen;
        document.keep_source(text, shape.keys.len());
        scanner.is_at_end().then_some(document)
    }

    /// Reads an ordinary record.
    fn scan(mut scanner: Scanner<'a>, text: &'a str, arena: &'a Bump) -> Option<Self> {
        let mut document = Self::with_capacity(USUAL_FIELDS, arena);
        let mut fields = 0;
        scanner.fields(|scanner, key| {
            let value = scanner.value()?;
            fields += 1;
            document.set(key, value);
            Some(())
        })?;
        document.keep_source(text, fields);
        scanner.is_at_end().then_some(document)
    }

    /// An object for so many fields.
    pub(crate) fn with_capacity(fields: usize, arena: &'a Bump) -> Self {
        Self { fields: BumpVec::with_capacity_in(fields, arena), seen: [0; 2], places: None, source: None }
    }

    /// Keeps what is between the braces of an object of so many fields, to copy it in one go, unless a name came twice.
    pub(crate) fn keep_source(&mut self, object: &'a str, fields: usize) {
        let inside = object.strip_prefix('{').and_then(|text| text.strip_suffix('}')).map(without_blanks);
        self.source = inside.filter(|_| fields == self.fields.len()).map(|text| Source { text, fields });
    }

    /// The value of a field, as JSON.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.get(self.place(name)?).map(|field| field.value)
    }

    /// The value of a field that is guessed to be at this place, and where it is.
    pub(crate) fn field_near(&self, name: &str, guess: usize) -> Option<(usize, &'a str)> {
        let is_there = self.fields.get(guess).is_some_and(|field| field.key.name == name);
        let place = if is_there { guess } else { self.place(name)? };
        self.fields.get(place).map(|field| (place, field.value))
    }

    /// The fields in their order, their values as JSON.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().map(|field| (field.key.name, field.value))
    }

    /// Sets a field, at its place if there is one of that name; the value is JSON.
    #[inline]
    pub(crate) fn set(&mut self, key: Key<'a>, value: &'a str) {
        let (half, bit) = mark(key.name);
        let [seen, other] = &mut self.seen;
        let seen = if half { seen } else { other };
        let is_new = *seen & bit == 0;
        *seen |= bit;
        let field = Field { key, value };
        if is_new { self.add(field) } else { self.replace(field) }
    }

    #[inline]
    fn add(&mut self, field: Field<'a>) {
        if let Some(places) = &mut self.places {
            places.insert(field.key.name, self.fields.len());
        }
        self.fields.push(field);
        if self.fields.len() == MANY {
            self.index();
        }
    }

    fn replace(&mut self, field: Field<'a>) {
        let place = self.place(field.key.name);
        match place.and_then(|place| self.fields.get_mut(place)) {
            Some(before) => {
                before.value = field.value;
                self.source = None;
            }
            None => self.add(field),
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
        other.fields.iter().for_each(|field| self.set(field.key, field.value));
    }

    /// A copy, whose values are shared.
    pub(crate) fn share(&self) -> Self {
        Self { fields: self.fields.clone(), seen: self.seen, places: self.places.clone(), source: self.source }
    }

    fn place(&self, name: &str) -> Option<usize> {
        match &self.places {
            None => self.fields.iter().position(|field| field.key.name == name),
            Some(places) => places.get(name).copied(),
        }
    }

    fn index(&mut self) {
        self.places = Some(Box::new(self.fields.iter().map(|field| field.key.name).zip(0..).collect()));
    }

    /// Appends the record as one line: JSON, and a newline at its end.
    ///
    /// What no query has changed is as it came, blanks included, unless there were line breaks among them.
    pub fn write_line(&self, line: &mut String) {
        self.write(line);
        line.push('\n');
    }

    /// Appends the record as JSON.
    pub(crate) fn write(&self, json: &mut String) {
        json.push('{');
        let copied = self.source.map_or(0, |source| {
            json.push_str(source.text);
            source.fields
        });
        for (place, field) in self.fields.iter().enumerate().skip(copied) {
            if place > 0 {
                json.push(',');
            }
            json.push_str(field.key.text);
            json.push_str(field.value);
        }
        json.push('}');
    }
}

impl Shape {
    /// A record had other fields. If that happens twice in a row, these are expected from now on.
    fn miss(&mut self, document: &Document<'_>) {
        self.misses += 1;
        if self.misses < 2 || document.fields.len() >= MANY || document.source.is_none() {
            return;
        }
        self.misses = 0;
        self.seen = document.seen;
        self.keys.resize_with(document.fields.len(), String::new);
        for (key, field) in self.keys.iter_mut().zip(&document.fields) {
            key.clear();
            push_plain(key, field.key.name);
            key.push(':');
        }
    }
}

/// One of 128 bits, by which most names are told from each other.
#[inline]
fn mark(name: &str) -> (bool, u64) {
    let ends = name.as_bytes().first().zip(name.as_bytes().last());
    let (first, last) = ends.map_or((0, 0), |(first, last)| (usize::from(*first), usize::from(*last)));
    let hash = name.len() ^ (first << 1) ^ (last << 3);
    (hash & 64 != 0, 1 << (hash & 63))
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

/// JSON without the blanks between its parts; nothing, if that would make JSON of what is none.
fn in_one_line<'a>(text: &str, arena: &'a Bump) -> Option<&'a str> {
    let mut line = BumpString::with_capacity_in(text.len(), arena);
    push_compact(text, |part| line.push_str(part)).then(|| line.into_bump_str())
}

/// JSON without the blanks around it. (`trim_matches` decodes characters.)
fn without_blanks(json: &str) -> &str {
    let is_part = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let bytes = json.as_bytes();
    let (start, end) = (bytes.iter().position(is_part), bytes.iter().rposition(is_part));
    start.zip(end).and_then(|(start, end)| json.get(start..=end)).unwrap_or_default()
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
            let name: &str = match name {
                Cow::Borrowed(name) => name,
                Cow::Owned(name) => self.0.alloc_str(&name),
            };
            let mut text = String::new();
            push_string(&mut text, name);
            text.push(':');
            document.set(Key { name, text: self.0.alloc_str(&text) }, map.next_value::<&RawValue>()?.get());
        }
        Ok(document)
    }
}

/// The text of a JSON string, or nothing if the JSON is of another kind, or no Unicode.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    // A search by vectors takes longer to begin than a short text does.
    let is_plain = match inner.len() {
        ..=8 => !inner.bytes().any(|byte| byte == b'\\'),
        _ => memchr::memchr(b'\\', inner.as_bytes()).is_none(),
    };
    if is_plain {
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
        check(r#" {"a": {} , "b":1 } "#, r#"{"a": {} , "b":1}"#);
        check("{\"a\":1}\r\n", r#"{"a":1}"#);
        check(r#"{"b": 1, "a": [1, {"c": " \" x"}]}"#, r#"{"b": 1, "a": [1, {"c": " \" x"}]}"#);
        check(r#"{"b": 1, "a": 2, "a": 3}"#, r#"{"b": 1,"a": 3}"#);
        check("{\"a\": [\r\n  1,\n  \"b\\n\"\n]\n}", r#"{"a":[1,"b\n"]}"#);
        check(r#"{"a\u0062\n": 1, "é": 2}"#, r#"{"ab\n":1,"é":2}"#);
        check("\r\n{\n\t\"a\" :\n1}\r\n", r#"{"a":1}"#);
        check("{}", "{}");
    }

    #[test]
    fn the_fields_of_records_before_make_no_difference() {
        let records = [
            r#"{"a":1,"b":{"c":2}}"#,
            r#"{"a": 1, "b": 3}"#,
            r#"{ "a" : 1 , "b":4 }"#,
            r#"{"a":1,"b":5,"c":6}"#,
            r#"{"a":1}"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"b":2"#,
            r#"{"a":1,"b":2}}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1,"b":2,}"#,
            r#"{"a":1,"bb":2}"#,
            "{}",
            "[]",
        ];
        for others in records {
            let mut shape = Shape::default();
            let arena = Bump::new();
            for _ in 0..3 {
                let _learned = Document::parse_like(others, &mut shape, &arena).is_ok();
            }
            for record in records {
                let line = |document: Result<Document<'_>, serde_json::Error>| match document {
                    Ok(mut document) => {
                        document.set(Key { name: "b", text: "\"b\":" }, "0");
                        let mut line = String::new();
                        document.write_line(&mut line);
                        line
                    }
                    Err(error) => error.to_string(),
                };
                let alone = line(Document::parse(record, &arena));
                assert_eq!(line(Document::parse_like(record, &mut shape, &arena)), alone, "{record} after {others}");
            }
        }
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
