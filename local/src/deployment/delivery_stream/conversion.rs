//! The `DataFormatConversionConfiguration` of a template.
//!
//! <https://docs.aws.amazon.com/firehose/latest/APIReference/API_DataFormatConversionConfiguration.html>

use super::{Destination, Template, dotted, fault, number, whole};
use crate::catalog::Column;
use crate::deployment::template::scalar;
use crate::firehose::conversion::{CatalogTable, Conversion};
use crate::open_x::OpenXOptions;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::Value;
use std::collections::BTreeMap;

const CONVERSION: &str = "DataFormatConversionConfiguration";
const SCHEMA: &str = "DataFormatConversionConfiguration/SchemaConfiguration";
const OPEN_X: &str = "DataFormatConversionConfiguration/InputFormatConfiguration/Deserializer/OpenXJsonSerDe";
const HIVE: &str = "DataFormatConversionConfiguration/InputFormatConfiguration/Deserializer/HiveJsonSerDe";
const PARQUET: &str = "DataFormatConversionConfiguration/OutputFormatConfiguration/Serializer/ParquetSerDe";
const ORC: &str = "DataFormatConversionConfiguration/OutputFormatConfiguration/Serializer/OrcSerDe";

/// A conversion whose table has not been seen yet.
pub(super) struct Unbound {
    options: OpenXOptions,
    properties: WriterProperties,
    table: CatalogTable,
}

impl Destination {
    pub(super) fn converts(&self) -> bool {
        self.is_enabled(CONVERSION, true)
    }

    /// The conversion, if there is one; `not_converted` says why one is not modelled.
    pub(super) fn conversion(&self, template: &Template) -> Result<Option<Unbound>, String> {
        if !self.converts() || self.not_converted().is_some() {
            return Ok(None);
        }
        if let Some(compression) = self.text("CompressionFormat").filter(|found| found != "UNCOMPRESSED") {
            return Err(fault(&format!(
                "`CompressionFormat` is `{compression}`, expected `UNCOMPRESSED`, which format conversion demands"
            )));
        }
        self.within("BufferingHints/SizeInMBs", 64, 128, ", which format conversion demands")?;
        for (serde, path, other) in [("deserializer", OPEN_X, HIVE), ("serializer", PARQUET, ORC)] {
            if self.value(path).is_some() == self.value(other).is_some() {
                return Err(fault(&format!("`{CONVERSION}` has no {serde}, or two, expected one")));
            }
        }
        Ok(Some(Unbound { options: self.open_x()?, properties: self.parquet()?, table: self.table(template)? }))
    }

    /// What is not modelled of a conversion.
    pub(super) fn not_converted(&self) -> Option<String> {
        // With both there is a fault, which is told.
        let alone = |path: &str, modelled: &str| self.value(path).is_some() && self.value(modelled).is_none();
        let (other, modelled) =
            [(HIVE, OPEN_X), (ORC, PARQUET)].into_iter().find(|(other, modelled)| alone(other, modelled))?;
        let name = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
        let fault = fault(&format!("`{}` is not modelled here, expected `{}`", name(other), name(modelled)));
        self.converts().then_some(fault)
    }

    fn open_x(&self) -> Result<OpenXOptions, String> {
        let keys = self.value(&format!("{OPEN_X}/ColumnToJsonKeyMappings")).and_then(Value::as_object);
        let keys: BTreeMap<String, String> =
            keys.into_iter().flatten().map(|(column, key)| (column.to_lowercase(), scalar(key))).collect();
        Ok(OpenXOptions {
            case_insensitive: self.flag(&format!("{OPEN_X}/CaseInsensitive"), true)?,
            column_to_json_key: keys,
            dots_to_underscores: self.flag(&format!("{OPEN_X}/ConvertDotsInJsonKeysToUnderscores"), false)?,
        })
    }

    /// How the file is written; Firehose's own defaults where nothing is said.
    fn parquet(&self) -> Result<WriterProperties, String> {
        let text =
            |name: &str, default: &str| self.text(&format!("{PARQUET}/{name}")).unwrap_or_else(|| default.to_owned());
        let unknown = |name: &str, found: &str, expected: &str| {
            fault(&format!("`ParquetSerDe.{name}` is `{found}`, expected {expected}"))
        };
        let compression = match text("Compression", "SNAPPY").as_str() {
            "UNCOMPRESSED" => Compression::UNCOMPRESSED,
            "GZIP" => Compression::GZIP(GzipLevel::default()),
            "SNAPPY" => Compression::SNAPPY,
            other => return Err(unknown("Compression", other, "`UNCOMPRESSED`, `GZIP` or `SNAPPY`")),
        };
        let version = match text("WriterVersion", "V1").as_str() {
            "V1" => WriterVersion::PARQUET_1_0,
            "V2" => WriterVersion::PARQUET_2_0,
            other => return Err(unknown("WriterVersion", other, "`V1` or `V2`")),
        };
        let size = |name: &str, default: u32, least: u32| {
            let path = format!("{PARQUET}/{name}");
            let found = text(name, &default.to_string());
            let bytes = number(&dotted(&path), &found)?;
            if bytes < f64::from(least) {
                return Err(unknown(name, &found, &format!("at least {least}")));
            }
            Ok(whole(bytes) as usize)
        };
        let block = size("BlockSizeBytes", 268_435_456, 67_108_864)?;
        let page = size("PageSizeBytes", 1_048_576, 65_536)?;
        Ok(WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(version)
            .set_dictionary_enabled(self.flag(&format!("{PARQUET}/EnableDictionaryCompression"), false)?)
            .set_data_page_size_limit(page)
            .set_dictionary_page_size_limit(page)
            // Parquet's own way of ending a block is by its bytes.
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(Some(block))
            .build())
    }

    fn table(&self, template: &Template) -> Result<CatalogTable, String> {
        let text = |name: &str| self.text(&format!("{SCHEMA}/{name}"));
        let required = |name: &str| self.required(&format!("{SCHEMA}/{name}"));
        let or_own = |name: &str, own: &str| text(name).unwrap_or_else(|| template.pseudo_parameter(own));
        Ok(CatalogTable {
            catalog_id: or_own("CatalogId", "AWS::AccountId"),
            database_name: required("DatabaseName")?,
            table_name: required("TableName")?,
            region: or_own("Region", "AWS::Region"),
            version_id: text("VersionId").unwrap_or_else(|| "LATEST".to_owned()),
            role_arn: required("RoleARN")?,
        })
    }

    fn flag(&self, path: &str, default: bool) -> Result<bool, String> {
        match self.text(path).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(fault(&format!("`{}` is `{other}`, expected `true` or `false`", dotted(path)))),
        }
    }
}

impl Unbound {
    /// The conversion to the columns of a table, `database.table`, which has to be the one that is named.
    pub(super) fn bind(self, name: &str, columns: &[Column]) -> Result<Conversion, String> {
        let named = format!("{}.{}", self.table.database_name, self.table.table_name).to_lowercase();
        if named != name {
            return Err(fault(&format!(
                "`{}` names the table `{named}`, expected `{name}`, which the template makes",
                dotted(SCHEMA)
            )));
        }
        Conversion::new(columns.to_vec(), self.options, self.properties, self.table)
            .map_err(|problem| fault(&format!("`{}`: {problem}", dotted(SCHEMA))))
    }
}
