//! Records become rows of a Parquet file, with the columns of the Glue table.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html>

use crate::catalog::Column;
use crate::open_x::{Malformed, OpenX, OpenXOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

/// The `DataFormatConversionConfiguration` of a delivery stream, from JSON by the OpenX SerDe to Parquet.
#[derive(Clone, Debug)]
pub struct Conversion {
    columns: Vec<Column>,
    options: OpenXOptions,
    properties: WriterProperties,
    table: CatalogTable,
}

/// The table whose columns are written, as error objects name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogTable {
    /// The account whose catalog it is in.
    pub catalog_id: String,
    /// Its database.
    pub database_name: String,
    /// Its name.
    pub table_name: String,
    /// Its region.
    pub region: String,
    /// Its version, or `LATEST`.
    pub version_id: String,
    /// The role that reads it.
    pub role_arn: String,
}

/// What records became.
#[derive(Debug)]
pub(super) struct Converted {
    /// The Parquet file, unless nothing could be converted.
    pub(super) file: Option<Vec<u8>>,
    /// The places of the records that could not, in order, each with the reason.
    pub(super) failed: Vec<(usize, Malformed)>,
}

impl Conversion {
    /// A conversion to these columns, those of the table without its partition keys. The error says why Firehose could not
    /// use them.
    pub fn new(
        columns: Vec<Column>,
        options: OpenXOptions,
        properties: WriterProperties,
        table: CatalogTable,
    ) -> Result<Self, String> {
        if columns.is_empty() {
            return Err("the table has no columns, expected those to be written".to_owned());
        }
        OpenX::new(&columns, &options)?;
        Ok(Self { columns, options, properties, table })
    }

    /// The table whose columns are written.
    pub fn table(&self) -> &CatalogTable {
        &self.table
    }

    /// Converts records, each of them or not; one that holds several documents becomes several rows.
    pub(super) fn convert<'r>(&self, records: impl Iterator<Item = &'r [u8]> + Clone) -> Converted {
        self.write(records.clone()).unwrap_or_else(|message| {
            let fault = Malformed { code: "DataFormatConversion.ConversionFailureException", message };
            Converted { file: None, failed: records.enumerate().map(|(place, _)| (place, fault.clone())).collect() }
        })
    }

    fn write<'r>(&self, records: impl Iterator<Item = &'r [u8]>) -> Result<Converted, String> {
        let told = |error: ParquetError| error.to_string();
        let mut open_x = OpenX::new(&self.columns, &self.options)?;
        // Readers are to see what Firehose's own files say, not Arrow's schema beside it.
        let options = ArrowWriterOptions::new().with_properties(self.properties.clone()).with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), open_x.schema(), options).map_err(told)?;
        let mut rows = 0;
        let mut failed = Vec::new();
        for (place, record) in records.enumerate() {
            match open_x.push(record) {
                Ok(count) => rows += count,
                Err(malformed) => failed.push((place, malformed)),
            }
            if open_x.is_full()
                && let Some(batch) = open_x.finish()?
            {
                writer.write(&batch).map_err(told)?;
            }
        }
        if let Some(batch) = open_x.finish()? {
            writer.write(&batch).map_err(told)?;
        }
        let file = if rows > 0 { Some(writer.into_inner().map_err(told)?) } else { None };
        Ok(Converted { file, failed })
    }
}
