//! The answer to a query, as it is printed.

use crate::cli::OutputFormat;
use crate::summary::{grouped, printable, printable_line, table};
use arrow_json::writer::{LineDelimited, WriterBuilder};
use comfy_table::CellAlignment;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Writes rows as they come, but for a table, whose widths are known at its end.
pub(super) struct Output<'o> {
    to: &'o mut dyn Write,
    names: Vec<String>,
    rows: Rows,
}

/// The form of the rows.
enum Rows {
    Table {
        right: Vec<bool>,
        shown: Vec<Vec<String>>,
        more: u64,
    },
    /// The header comes with the first rows, or at the end.
    Csv {
        begun: bool,
    },
    Json,
}

/// Rows that are shown as a table; other formats give all.
const ROWS_SHOWN: usize = 1_000;

/// How Athena writes a timestamp.
const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.3f";

impl<'o> Output<'o> {
    pub(super) fn new(format: OutputFormat, schema: &SchemaRef, to: &'o mut dyn Write) -> Self {
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let rows = match format {
            OutputFormat::Table => {
                let right = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
                Rows::Table { right, shown: Vec::new(), more: 0 }
            }
            OutputFormat::Csv => Rows::Csv { begun: false },
            OutputFormat::Json => Rows::Json,
        };
        Self { to, names, rows }
    }

    /// Takes rows. It breaks when the reader has seen enough, such as `head`, which is no failure.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<ControlFlow<()>, String> {
        let text = match &mut self.rows {
            Rows::Table { shown, more, .. } => {
                let room = ROWS_SHOWN.saturating_sub(shown.len()).min(batch.num_rows());
                *more += (batch.num_rows() - room) as u64;
                shown.extend(texts(&batch.slice(0, room), "NULL")?);
                return Ok(ControlFlow::Continue(()));
            }
            Rows::Csv { begun } => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                let fault = |error: csv::Error| error.to_string();
                if !std::mem::replace(begun, true) {
                    writer.write_record(&self.names).map_err(fault)?;
                }
                texts(batch, "")?.iter().try_for_each(|row| writer.write_record(row)).map_err(fault)?;
                writer.into_inner().map_err(|error| error.to_string())?
            }
            Rows::Json => {
                let builder =
                    WriterBuilder::new().with_explicit_nulls(true).with_timestamp_format(TIMESTAMP.to_owned());
                let mut writer = builder.build::<_, LineDelimited>(Vec::new());
                writer.write(batch).and_then(|()| writer.finish()).map_err(|error| error.to_string())?;
                writer.into_inner()
            }
        };
        self.print(&text)
    }

    /// Ends the answer.
    pub(super) fn finish(mut self) -> Result<(), String> {
        let text = match &self.rows {
            Rows::Json | Rows::Csv { begun: true } => return Ok(()),
            Rows::Csv { begun: false } => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                writer.write_record(&self.names).map_err(|error| error.to_string())?;
                writer.into_inner().map_err(|error| error.to_string())?
            }
            Rows::Table { right, shown, more } => {
                let names: Vec<String> = self.names.iter().map(|name| printable_line(name)).collect();
                let mut table = table(names.iter().map(String::as_str), 0..0);
                for (place, _) in right.iter().enumerate().filter(|(_, right)| **right) {
                    if let Some(column) = table.column_mut(place) {
                        column.set_cell_alignment(CellAlignment::Right);
                    }
                }
                for row in shown {
                    table.add_row(row.iter().map(|text| printable(text)));
                }
                let more = match more {
                    0 => String::new(),
                    more => format!("… and {} more rows, all by `--format csv` or `json`\n", grouped(*more)),
                };
                format!("{}\n{more}", table.trim_fmt()).into_bytes()
            }
        };
        self.print(&text).map(drop)
    }

    fn print(&mut self, text: &[u8]) -> Result<ControlFlow<()>, String> {
        match self.to.write_all(text).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(format!("standard output: {error}")),
        }
    }
}

/// The values of a batch as texts, row by row.
fn texts(batch: &RecordBatch, null: &str) -> Result<Vec<Vec<String>>, String> {
    let options =
        FormatOptions::default().with_null(null).with_timestamp_format(Some(TIMESTAMP)).with_display_error(false);
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let row = |row: usize| {
        let value = |column: &ArrayFormatter<'_>| column.value(row).try_to_string().map_err(|error| error.to_string());
        columns.iter().map(value).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}
