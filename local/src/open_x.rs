//! JSON as the OpenX SerDe reads it: for Firehose, which converts it, and for Athena, which queries it.
//!
//! The SerDe is lenient: it compares names without case, reads numbers out of strings, and makes an array of what is none.
//! What AWS tells of it is <https://docs.aws.amazon.com/firehose/latest/APIReference/API_OpenXJsonSerDe.html> and
//! <https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html>; the rest is what
//! <https://github.com/rcongiu/Hive-JSON-Serde>, of which AWS has a copy, does. [`crate::assumptions`] names what neither says.

mod json;
mod number;
mod shape;
mod time;
mod value;

use crate::catalog::Column;
use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use arrow_schema::{Field, Schema, SchemaRef};
use firehose_transform::hive_type::HiveType;
use json::Object;
use serde_json::error::Category;
use shape::{Members, data_type};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads records as rows of a table.
///
/// What a record has beside the columns is dropped, what it lacks is null. Rows are gathered until [`OpenX::finish`], which
/// is to be called when [`OpenX::is_full`] says so, that memory stays bounded.
#[derive(Debug)]
pub struct OpenX {
    schema: SchemaRef,
    columns: Members,
    /// The rows so far, each a JSON object with values of the columns' own types. Arrow's reader makes columns of it: it
    /// knows how nested ones are built, and a row that cannot be ended is cut off before it is seen.
    text: Vec<u8>,
    rows: usize,
}

/// How the SerDe compares names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenXOptions {
    /// Whether the names of JSON are lower-cased before anything else.
    pub case_insensitive: bool,
    /// The name in JSON of a column, or of a field of a struct, where it is another.
    pub column_to_json_key: BTreeMap<String, String>,
    /// Whether `a.b` in JSON may be the column `a_b`.
    pub dots_to_underscores: bool,
}

impl Default for OpenXOptions {
    fn default() -> Self {
        Self { case_insensitive: true, column_to_json_key: BTreeMap::new(), dots_to_underscores: false }
    }
}

/// Why a record is no row, as Firehose tells it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// `DataFormatConversion.ParseError` for what is not JSON, else `DataFormatConversion.MalformedData`.
    pub code: &'static str,
    /// What is wrong; it may hold a value of the record.
    pub message: String,
}

/// The rows after which a batch is enough: as many as DataFusion has in one.
const MOST_ROWS: usize = 8_192;

/// The bytes of rows after which it is.
const MOST_BYTES: usize = 8 << 20;

impl OpenX {
    /// A reader for these columns (Hive types, lower-case names). The error names a column whose type Hive does not have.
    pub fn new(columns: &[Column], options: &OpenXOptions) -> Result<Self, String> {
        let typed = columns.iter().map(|column| match HiveType::parse_start(&column.hive_type) {
            Ok((hive_type, rest)) if rest.trim().is_empty() => Ok((column.name.clone(), hive_type)),
            Ok((_, rest)) => Err(format!("the type of the column `{}` goes on with `{rest}`", column.name)),
            Err(error) => Err(format!("the type of the column `{}`: {error}", column.name)),
        });
        let typed: Vec<(String, HiveType)> = typed.collect::<Result<_, _>>()?;
        let fields: Vec<Field> = typed.iter().map(|(name, kind)| Field::new(name, data_type(kind), true)).collect();
        let columns = Members::new(&typed, options);
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, text: Vec::new(), rows: 0 })
    }

    /// The Arrow schema of its rows: one field a column, all nullable.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Takes a record, which may hold several JSON documents; gives the number of rows. A record that cannot be a row
    /// leaves nothing.
    pub fn push(&mut self, record: &[u8]) -> Result<usize, Malformed> {
        let (bytes, rows) = (self.text.len(), self.rows);
        match self.write(record) {
            Ok(()) => Ok(self.rows - rows),
            Err(malformed) => {
                self.text.truncate(bytes);
                self.rows = rows;
                Err(malformed)
            }
        }
    }

    /// Whether there are rows enough for a batch.
    pub fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.text.len() >= MOST_BYTES
    }

    /// The rows so far, as a batch; the reader goes on empty. None if there are none.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, String> {
        if self.rows == 0 {
            return Ok(None);
        }
        let decoder = ReaderBuilder::new(self.schema()).with_batch_size(self.rows).build_decoder();
        let batch = decoder.and_then(|mut decoder| {
            decoder.decode(&self.text)?;
            decoder.flush()
        });
        self.text.clear();
        self.rows = 0;
        batch.map_err(|error| format!("rows cannot be columns: {error}"))
    }

    /// Writes the rows of a record, perhaps not to their end.
    fn write(&mut self, record: &[u8]) -> Result<(), Malformed> {
        let record =
            std::str::from_utf8(record).map_err(|error| malformed(format!("The record is not UTF-8: {error}")))?;
        if record.trim_ascii().is_empty() {
            return Err(malformed("The record was empty or contained only whitespace.".to_owned()));
        }
        for document in serde_json::Deserializer::from_str(record).into_iter::<Object<'_>>() {
            let document = document.map_err(|error| match error.classify() {
                Category::Data => mismatch(&format!("A JSON object is required: {error}")),
                _ => Malformed {
                    code: "DataFormatConversion.ParseError",
                    message: format!("Encountered malformed JSON. {error}"),
                },
            })?;
            self.columns.write(&document, &mut self.text).map_err(|fault| mismatch(&fault))?;
            self.text.push(b'\n');
            self.rows += 1;
        }
        Ok(())
    }
}

fn malformed(message: String) -> Malformed {
    Malformed { code: "DataFormatConversion.MalformedData", message }
}

fn mismatch(fault: &str) -> Malformed {
    malformed(format!("Data does not match the schema. {fault}"))
}

#[cfg(test)]
mod tests;
