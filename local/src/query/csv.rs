//! Rows of CSV objects, as `OpenCSVSerde` reads them.

use super::objects::{Batches, Object, Wanted};
use super::table::strictly;
use csv::{ReaderBuilder, StringRecord};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

/// The signs of a table's CSV.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    separator: u8,
    quote: u8,
    escape: u8,
}

/// Reads an object batch by batch.
struct Rows {
    dialect: Dialect,
    columns: Vec<Wanted>,
    most: usize,
    lines: Box<dyn BufRead + Send>,
    line: u64,
}

impl Dialect {
    /// The signs that the parameters of the class tell, and its own for others
    /// (<https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html>).
    pub(super) fn new(parameters: &BTreeMap<String, String>) -> Result<Self, String> {
        let sign = |name: &str, default| match parameters.get(name).map(String::as_bytes) {
            None => Ok(default),
            Some([sign]) => Ok(*sign),
            Some(b"\\t") => Ok(b'\t'),
            Some(_) => {
                let found = parameters.get(name).map(String::as_str).unwrap_or_default();
                Err(format!("its `{name}` is `{found}`, expected one sign of ASCII"))
            }
        };
        Ok(Self {
            separator: sign("separatorChar", b',')?,
            quote: sign("quoteChar", b'"')?,
            escape: sign("escapeChar", b'\\')?,
        })
    }

    /// The values of a line. Athena reads lines, so that a value ends with its line even between quotes.
    fn parse(&self, line: &[u8]) -> Result<StringRecord, String> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(self.separator)
            .quote(self.quote)
            .escape(Some(self.escape))
            .buffer_capacity(line.len().max(1))
            .from_reader(line);
        let mut record = StringRecord::new();
        reader.read_record(&mut record).map_err(|_| "it is not UTF-8".to_owned())?;
        Ok(record)
    }
}

/// The rows of an object, a line each: values by their place, null what a line does not have.
pub(super) fn read(object: &Object, dialect: Dialect, columns: Vec<Wanted>, rows: usize) -> Result<Batches, String> {
    let lines = object.open().map_err(|error| error.to_string())?;
    let mut rows = Rows { dialect, columns, most: rows, lines, line: 0 };
    Ok(Box::new(std::iter::from_fn(move || rows.next().transpose())))
}

impl Rows {
    /// The next rows, if there are any.
    fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        let mut texts: Vec<StringBuilder> = self.columns.iter().map(|_| StringBuilder::new()).collect();
        let first = self.line + 1;
        let mut line = Vec::new();
        let mut count = 0;
        while count < self.most {
            line.clear();
            if self.lines.read_until(b'\n', &mut line).map_err(|error| error.to_string())? == 0 {
                break;
            }
            self.line += 1;
            let values = self.dialect.parse(&line).map_err(|fault| format!("line {}: {fault}", self.line))?;
            for (text, wanted) in texts.iter_mut().zip(&self.columns) {
                text.append_option(values.get(wanted.place));
            }
            count += 1;
        }
        if count == 0 {
            return Ok(None);
        }
        let mut columns = Vec::new();
        for (text, wanted) in texts.iter_mut().zip(&self.columns) {
            let texts: ArrayRef = Arc::new(text.finish());
            columns.push(typed(&texts, &wanted.data_type).map_err(|fault| {
                let Wanted { column, .. } = wanted;
                format!(
                    "lines {first} to {}: the column `{}` is `{}`: {fault}",
                    self.line, column.name, column.hive_type
                )
            })?);
        }
        let field = |wanted: &Wanted| Field::new(wanted.column.name.to_lowercase(), wanted.data_type.clone(), true);
        let schema = Schema::new(self.columns.iter().map(field).collect::<Vec<_>>());
        let rows = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), columns, &rows);
        batch.map(Some).map_err(|error| error.to_string())
    }
}

/// Texts in the type of their column. Days and times are numbers of days and of milliseconds since 1970 there.
fn typed(texts: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, String> {
    let by_number = match data_type {
        DataType::Date32 => vec![DataType::Int32],
        DataType::Timestamp(..) => vec![DataType::Int64, DataType::Timestamp(TimeUnit::Millisecond, None)],
        _ => Vec::new(),
    };
    by_number.iter().chain([data_type]).try_fold(Arc::clone(texts), |values, step| strictly(&values, step))
}
