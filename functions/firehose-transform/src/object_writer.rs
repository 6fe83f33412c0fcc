//! A JSON object that is written field by field, and read again without being searched for them.

use crate::document::Document;
use crate::json::{is_special, push_plain};
use crate::scan::Key;
use bumpalo::Bump;

/// A record that a decoder writes. Its memory is kept for the next one.
#[derive(Debug, Default)]
pub struct ObjectWriter {
    json: String,
    fields: Vec<FieldPlace>,
    /// Whether a name has escapes.
    has_escapes: bool,
    /// Which fields of the format are wanted, and how many have been put.
    wanted: Wanted,
    put: usize,
}

/// The fields of a format that a query reads: the others are not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted(u64);

/// Where a field begins, and where its value does; the value ends before the comma of the next.
#[derive(Clone, Copy, Debug)]
struct FieldPlace {
    key: usize,
    value: usize,
}

impl ObjectWriter {
    /// Begins an object anew, for about so many bytes.
    pub fn begin(&mut self, bytes: usize) {
        self.json.clear();
        self.json.reserve(bytes);
        self.json.push('{');
        self.fields.clear();
        self.has_escapes = false;
        self.put = 0;
    }

    /// From now on, writes these fields of a format alone.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// Puts the next field of a format, if it is wanted: `push` appends its value, as JSON in one line. The format always puts
    /// the same fields in the same order.
    pub(crate) fn put(&mut self, name: &'static str, push: impl FnOnce(&mut String)) {
        debug_assert!(!is_special(name), "formats have plain names");
        let is_wanted = self.wanted.0 & Wanted::bit(self.put) != 0;
        self.put += 1;
        if is_wanted {
            let key = self.separate();
            push_plain(&mut self.json, name);
            push(self.value(key));
        }
    }

    /// Begins a field of the record's own, whose name is given as JSON.
    pub(crate) fn field_as_json(&mut self, name: &str) -> &mut String {
        self.has_escapes |= memchr::memchr(b'\\', name.as_bytes()).is_some();
        let key = self.separate();
        self.json.push_str(name);
        self.value(key)
    }

    /// The text, for more of the value that was begun last.
    pub(crate) fn text(&mut self) -> &mut String {
        &mut self.json
    }

    /// Ends the object.
    pub fn end(&mut self) {
        self.json.push('}');
    }

    /// The object that was ended.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The object that was ended, as a document.
    pub(crate) fn document<'a>(&'a self, arena: &'a Bump) -> Result<Document<'a>, serde_json::Error> {
        if self.has_escapes {
            return Document::parse(&self.json, arena);
        }
        let mut document = Document::with_capacity(self.fields.len() + ROOM_FOR_MORE, arena);
        let ends = self.fields.iter().skip(1).map(|next| next.key).chain([self.json.len()]);
        for (field, next) in self.fields.iter().zip(ends) {
            if let Some((key, value)) = self.read(*field, next) {
                document.set(key, value);
            }
        }
        document.keep_source(&self.json, self.fields.len());
        Ok(document)
    }

    fn read(&self, field: FieldPlace, next: usize) -> Option<(Key<'_>, &str)> {
        let name = self.json.get(field.key + "\"".len()..field.value - "\":".len())?;
        let text = self.json.get(field.key..field.value)?;
        Some((Key { name, text }, self.json.get(field.value..next - ",".len())?))
    }

    fn separate(&mut self) -> usize {
        if !self.fields.is_empty() {
            self.json.push(',');
        }
        self.json.len()
    }

    fn value(&mut self, key: usize) -> &mut String {
        self.json.push(':');
        self.fields.push(FieldPlace { key, value: self.json.len() });
        &mut self.json
    }
}

impl Wanted {
    /// All fields, whatever they are.
    pub const ALL: Self = Self(u64::MAX);

    /// Those fields of a format that are read; all, if that is not known.
    pub(crate) fn of(fields: &[&str], read: Option<&[&str]>) -> Self {
        let Some(read) = read else { return Self::ALL };
        let bits = fields.iter().enumerate().filter(|(_, field)| read.contains(*field));
        Self(bits.fold(0, |wanted, (place, _)| wanted | Self::bit(place)))
    }

    fn bit(place: usize) -> u64 {
        1 << (place & 63)
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self::ALL
    }
}

/// As many fields as queries add to most records.
const ROOM_FOR_MORE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(fields: &[(String, String)]) -> ObjectWriter {
        let mut object = ObjectWriter::default();
        object.begin(0);
        for (name, value) in fields {
            let [name, value] = [name, value].map(|text| serde_json::to_string(text).unwrap());
            object.field_as_json(&name).push_str(&value);
        }
        object.end();
        object
    }

    proptest! {
        #[test]
        fn an_object_is_what_its_text_says(
            fields in prop::collection::vec(("[abé\\\\\"\n]{0,2}", any::<String>()), 0..8),
        ) {
            let (object, arena) = (written(&fields), Bump::new());
            let line = |document: Document<'_>| {
                let mut line = String::new();
                document.write_line(&mut line);
                line
            };
            let parsed = Document::parse(object.json(), &arena).unwrap();
            let read = object.document(&arena).unwrap();
            prop_assert_eq!(read.fields().collect::<Vec<_>>(), parsed.fields().collect::<Vec<_>>());
            prop_assert_eq!(line(read), line(parsed));
        }
    }
}
