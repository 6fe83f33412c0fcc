//! The objects below a location, and the rows in them.

use super::{csv, json, parquet};
use crate::catalog::{Column, Table};
use crate::compression::decompress;
use crate::lake::Lake;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Cursor};
use std::path::PathBuf;

/// An object of the lake.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Its key, for messages.
    pub(super) key: String,
    /// Where it lies on disk.
    pub(super) path: PathBuf,
    /// Its size.
    pub(super) bytes: u64,
}

/// How the objects of a table are written.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// Values by their place in a line.
    Csv(csv::Dialect),
    /// A document a line.
    Json(json::Dialect),
    Parquet,
}

/// Reads some columns of objects.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    format: Format,
    columns: Vec<Wanted>,
    rows: usize,
}

/// A column that is read.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// As the catalog has it.
    pub(super) column: Column,
    /// Its place among the columns of the table.
    pub(super) place: usize,
    /// The type that its values are given with.
    pub(super) data_type: DataType,
}

/// The rows of an object, in batches of bounded size.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

impl Format {
    /// What a table says of its objects.
    pub(super) fn of(table: &Table) -> Result<Self, String> {
        match table.serialization_library.as_str() {
            "org.apache.hadoop.hive.serde2.OpenCSVSerde" => csv::Dialect::new(&table.serde_parameters).map(Self::Csv),
            "org.openx.data.jsonserde.JsonSerDe" => Ok(Self::Json(json::Dialect::new(&table.serde_parameters))),
            "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" => Ok(Self::Parquet),
            other => Err(format!(
                "its objects are read by `{other}`, expected one of `org.openx.data.jsonserde.JsonSerDe`, \
                 `org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe`, `org.apache.hadoop.hive.serde2.OpenCSVSerde`"
            )),
        }
    }
}

impl Reader {
    /// A reader of these columns, in this order, that gives at most so many rows at once.
    pub(super) fn new(format: Format, columns: Vec<Wanted>, rows: usize) -> Self {
        Self { format, columns, rows }
    }

    /// The rows of an object. What cannot be read is an error that names the object.
    pub(super) fn read(&self, object: Object) -> Batches {
        let (columns, rows) = (self.columns.clone(), self.rows);
        let batches = match &self.format {
            Format::Csv(dialect) => csv::read(&object, dialect.clone(), columns, rows),
            Format::Json(dialect) => json::read(&object, dialect.clone(), &columns, rows),
            Format::Parquet => parquet::read(&object, columns, rows),
        };
        let about = move |fault| format!("object `{}`: {fault}", object.key);
        match batches {
            Ok(batches) => Box::new(batches.map(move |batch| batch.map_err(&about))),
            Err(fault) => Box::new(std::iter::once(Err(about(fault)))),
        }
    }
}

impl Object {
    /// Its bytes, as they were before they were compressed. They are held whole: Firehose buffers at most 128 MiB.
    pub(super) fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(Box::new(Cursor::new(decompress(&self.key, fs::read(&self.path)?)?)))
    }
}

/// The objects that a location holds, in the order of their keys; of one that is gone, none.
///
/// Athena reads what is in folders below a location, too, and leaves out what has a name that begins with `_` or `.`
/// (<https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html>,
/// <https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html>).
pub(super) fn objects(lake: &Lake, location: &str) -> Result<Vec<Object>, String> {
    let place = location.strip_prefix("s3://").and_then(|place| place.split_once('/'));
    let (bucket, folder) =
        place.ok_or_else(|| format!("the location is `{location}`, expected `s3://BUCKET/PREFIX/`"))?;
    // A location without its last slash is the same folder.
    let folder = if folder.is_empty() || folder.ends_with('/') { folder.to_owned() } else { format!("{folder}/") };
    let mut found = Vec::new();
    list(lake, bucket, &folder, &mut found).map_err(|error| error.to_string())?;
    Ok(found)
}

fn list(lake: &Lake, bucket: &str, folder: &str, found: &mut Vec<Object>) -> io::Result<()> {
    let entries: BTreeMap<String, Option<u64>> = lake.entries(bucket, folder)?;
    for (key, bytes) in entries {
        let name = key.strip_prefix(folder).unwrap_or(&key);
        match bytes {
            _ if name.starts_with(['_', '.']) => {}
            None => list(lake, bucket, &key, found)?,
            // A marker of a folder, or what holds no rows in any format.
            Some(0) => {}
            Some(bytes) => found.push(Object { path: lake.object_path(bucket, &key), key, bytes }),
        }
    }
    Ok(())
}
