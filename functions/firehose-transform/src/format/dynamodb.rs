//! Change records of a DynamoDB table, as Kinesis Data Streams for DynamoDB writes them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html>
//!
//! Not by `serde_dynamo`: it keeps no number that is not an `i64` or an `f64`, and builds a tree of each item.

mod attribute;

use crate::document::Kind;
use crate::format::object::{self, Object};
use crate::object_writer::ObjectWriter;
use crate::scan::Scanner;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A change of one item of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'r> {
    event: Event,
    new_image: Option<&'r str>,
    old_image: Option<&'r str>,
    created: Option<&'r str>,
    precision: Option<&'r str>,
    /// Whether the image was written when the record was read.
    is_written: bool,
}

/// Why a record is not a change that can be written. It names fields and attributes, and holds no value of theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The record is not one JSON object; a message.
    #[error("{0}")]
    NotJson(String),
    /// The record is JSON, but not a change, or an attribute of its item is not one of DynamoDB's.
    #[error("`{path}`: expected {expected}, got {got}")]
    NotChange {
        /// Where in the record, such as `dynamodb.NewImage.tags[2]`. Long names are cut.
        path: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        got: &'static str,
    },
}

impl<'r> Change<'r> {
    /// Reads a record: one JSON object with `eventName` and `dynamodb`. What else there is may be anything.
    ///
    /// Whether there is an image to write is not known before [`write_image`](Self::write_image), so that removals can be
    /// told from changes in records without images too.
    ///
    /// The object is for the image, which is written at once where that saves reading it again.
    pub fn parse(record: &'r str, object: &mut ObjectWriter) -> Result<Self, Fault> {
        let Parts { event, change } = match Parts::scan(record, object) {
            Some(parts) => parts,
            None => Parts::read(record)?,
        };
        let change = change.ok_or_else(|| Fault::at("dynamodb", "an object", "nothing"))?;
        Ok(Self { event: Event::of(event)?, ..change })
    }

    /// Whether the item was removed from the table.
    pub fn is_removal(&self) -> bool {
        self.event == Event::Remove
    }

    /// Writes the item, to the object that the record was read with, as a JSON object without DynamoDB's types: as it is now, or as it was before it was removed.
    ///
    /// - `N` becomes a JSON number with the digits that it came with; only what JSON does not allow is written in another
    ///   way: a plus sign goes, so do zeros at the front, and there is a digit on both sides of the point.
    /// - `B` stays base64, but once: these records encode binary values twice. A value is taken to be encoded twice if what
    ///   it decodes to is base64 (of the standard alphabet, padded); else it is left as it is. So a value that another
    ///   writer encoded once, whose bytes by chance are the letters of base64, comes out decoded.
    /// - `S` and names keep their escapes, `NULL` is `null`, `M` an object, `L` and the sets are arrays in their order.
    /// - Of an attribute that comes twice both are written, and the next reader decides.
    pub fn write_image(&self, object: &mut ObjectWriter) -> Result<(), Fault> {
        if self.is_written {
            return Ok(());
        }
        let (name, image) = match self.event {
            Event::Insert | Event::Modify => ("dynamodb.NewImage", self.new_image),
            Event::Remove => ("dynamodb.OldImage", self.old_image),
        };
        let image = image.ok_or_else(|| Fault::at(name, "an object", "nothing"))?;
        attribute::write_item(&mut Scanner::of(image), object).map_err(|fault| fault.inside(name))
    }

    /// When the table was changed, about; nothing unless the record tells it in a whole number of milliseconds or
    /// microseconds. Records without a precision, as they once were, have milliseconds.
    pub fn created_at(&self) -> Option<Timestamp> {
        let number = self.created?.parse().ok()?;
        match self.precision {
            None | Some("\"MILLISECOND\"") => Timestamp::from_millisecond(number).ok(),
            Some("\"MICROSECOND\"") => Timestamp::from_microsecond(number).ok(),
            Some(_) => None,
        }
    }
}

/// What happened to the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    #[default]
    Insert,
    Modify,
    Remove,
}

impl Event {
    fn of(name: Option<&str>) -> Result<Self, Fault> {
        let got = match name.map(|name| (name, Kind::of(name))) {
            Some(("\"INSERT\"", _)) => return Ok(Self::Insert),
            Some(("\"MODIFY\"", _)) => return Ok(Self::Modify),
            Some(("\"REMOVE\"", _)) => return Ok(Self::Remove),
            Some((_, Kind::String)) => "another text",
            Some((_, other)) => other.name(),
            None => "nothing",
        };
        Err(Fault::at("eventName", "`INSERT`, `MODIFY` or `REMOVE`", got))
    }
}

impl Fault {
    fn at(path: &str, expected: &'static str, got: &'static str) -> Self {
        Self::NotChange { path: path.to_owned(), expected, got }
    }

    /// The same fault, seen from further outside.
    fn inside(mut self, outer: &str) -> Self {
        if let Self::NotChange { path, .. } = &mut self {
            path.insert_str(0, outer);
        }
        self
    }
}

/// What a record has: the name of its event, as JSON, and its `dynamodb`, whose event is not told yet.
struct Parts<'r> {
    event: Option<&'r str>,
    change: Option<Change<'r>>,
}

impl<'r> Parts<'r> {
    /// Reads an ordinary record.
    fn scan(record: &'r str, object: &mut ObjectWriter) -> Option<Self> {
        let mut parts = Self { event: None, change: None };
        let mut scanner = Scanner::of(record);
        scanner.fields(|scanner, key| match key.name {
            "eventName" => scanner.value_once(&mut parts.event),
            "dynamodb" if parts.change.is_none() => {
                let change = parts.change.insert(Change::default());
                let has_new_image = matches!(parts.event, Some("\"INSERT\"" | "\"MODIFY\""));
                scanner.fields(|scanner, key| match key.name {
                    "NewImage" if has_new_image && !change.is_written => {
                        change.is_written = true;
                        attribute::write_item(scanner, object).ok()
                    }
                    "NewImage" if change.is_written => None,
                    "NewImage" => scanner.value_once(&mut change.new_image),
                    "OldImage" => scanner.value_once(&mut change.old_image),
                    "ApproximateCreationDateTime" => scanner.value_once(&mut change.created),
                    "ApproximateCreationDateTimePrecision" => scanner.value_once(&mut change.precision),
                    _ => scanner.value().map(|_| ()),
                })
            }
            "dynamodb" => None,
            _ => scanner.value().map(|_| ()),
        })?;
        scanner.is_at_end().then_some(parts)
    }

    /// Reads any record, or says what is wrong with it.
    fn read(record: &'r str) -> Result<Self, Fault> {
        let envelope: Envelope<'r> = object::parse(record).map_err(Fault::NotJson)?;
        let json = |value: Option<&'r RawValue>| value.map(RawValue::get);
        let change = envelope.dynamodb.map(|Object(stream)| Change {
            event: Event::default(),
            new_image: json(stream.new_image),
            old_image: json(stream.old_image),
            created: json(stream.created),
            precision: json(stream.precision),
            is_written: false,
        });
        Ok(Self { event: json(envelope.event_name), change })
    }
}

/// A record as `serde_json` reads it.
#[derive(Deserialize)]
struct Envelope<'r> {
    #[serde(borrow, rename = "eventName")]
    event_name: Option<&'r RawValue>,
    #[serde(borrow)]
    dynamodb: Option<Object<Stream<'r>>>,
}

/// Its `dynamodb`.
#[derive(Deserialize)]
struct Stream<'r> {
    #[serde(borrow, rename = "NewImage")]
    new_image: Option<&'r RawValue>,
    #[serde(borrow, rename = "OldImage")]
    old_image: Option<&'r RawValue>,
    #[serde(borrow, rename = "ApproximateCreationDateTime")]
    created: Option<&'r RawValue>,
    #[serde(borrow, rename = "ApproximateCreationDateTimePrecision")]
    precision: Option<&'r RawValue>,
}

#[cfg(test)]
mod tests;
