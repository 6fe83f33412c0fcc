//! Rows of JSON objects, as the OpenX SerDe reads them.

use super::objects::{Batches, Object, Wanted};
use crate::catalog::Column;
use crate::open_x::{Malformed, OpenX, OpenXOptions};
use datafusion::arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Schema;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

/// What a table says of its JSON.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    options: OpenXOptions,
    /// Whether a line that is not JSON is a row of nulls instead of an error.
    ignore_malformed: bool,
}

/// Reads an object batch by batch.
struct Rows {
    dialect: Dialect,
    reader: OpenX,
    /// Whether any column is read. Without, rows are only counted.
    has_columns: bool,
    most: usize,
    lines: Box<dyn BufRead + Send>,
    line: u64,
}

impl Dialect {
    /// What the parameters of the class tell (<https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html>).
    pub(super) fn new(parameters: &BTreeMap<String, String>) -> Self {
        let is = |name: &str, default: &str| {
            parameters.get(name).map_or(default, String::as_str).trim().eq_ignore_ascii_case("true")
        };
        let mapping =
            |(name, key): (&String, &String)| Some((name.strip_prefix("mapping.")?.to_lowercase(), key.clone()));
        Self {
            options: OpenXOptions {
                case_insensitive: is("case.insensitive", "true"),
                column_to_json_key: parameters.iter().filter_map(mapping).collect(),
                dots_to_underscores: is("dots.in.keys", "false"),
            },
            ignore_malformed: is("ignore.malformed.json", "false"),
        }
    }
}

/// The rows of an object, a line each.
pub(super) fn read(object: &Object, dialect: Dialect, columns: &[Wanted], rows: usize) -> Result<Batches, String> {
    let lines = object.open().map_err(|error| error.to_string())?;
    let columns: Vec<Column> = columns.iter().map(|wanted| wanted.column.clone()).collect();
    let reader = OpenX::new(&columns, &dialect.options)?;
    let mut rows = Rows { dialect, reader, has_columns: !columns.is_empty(), most: rows, lines, line: 0 };
    Ok(Box::new(std::iter::from_fn(move || rows.next().transpose())))
}

impl Rows {
    /// The next rows, if there are any.
    fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        let mut line = Vec::new();
        // For each row that was read whether it is one of the table's.
        let mut kept = Vec::new();
        let mut count = 0;
        while count < self.most && !self.reader.is_full() {
            line.clear();
            if self.lines.read_until(b'\n', &mut line).map_err(|error| error.to_string())? == 0 {
                break;
            }
            self.line += 1;
            let rows =
                self.push(line.trim_ascii_end()).map_err(|malformed| format!("line {}: {malformed}", self.line))?;
            // A line is a row: what comes after its first document is not seen.
            kept.extend((0..rows).map(|row| row == 0));
            count += 1;
        }
        let batch = self.reader.finish()?;
        if !self.has_columns {
            let rows = RecordBatchOptions::new().with_row_count(Some(count));
            let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &rows);
            return batch.map(|batch| (count > 0).then_some(batch)).map_err(|error| error.to_string());
        }
        match batch {
            Some(batch) if kept.len() > count => {
                filter_record_batch(&batch, &BooleanArray::from(kept)).map(Some).map_err(|error| error.to_string())
            }
            batch => Ok(batch),
        }
    }

    /// Takes a line; gives the rows that it became. A blank one is a row of nulls.
    fn push(&mut self, line: &[u8]) -> Result<usize, Malformed> {
        if line.trim_ascii().is_empty() {
            return self.reader.push(b"{}");
        }
        match self.reader.push(line) {
            Err(malformed) if self.dialect.ignore_malformed && malformed.code == NOT_JSON => self.reader.push(b"{}"),
            pushed => pushed,
        }
    }
}

/// The code of what is not JSON; other faults are of values, and not ignored.
const NOT_JSON: &str = "DataFormatConversion.ParseError";
