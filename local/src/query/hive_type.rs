//! The Arrow types that columns of Hive's types have.

use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use firehose_transform::hive_type::{HiveType, IntegerSize};
use std::sync::Arc;

/// Reads a Hive type, as the Glue catalog has it, and gives the Arrow type of its values.
pub(super) fn arrow_type(text: &str) -> Result<DataType, String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match HiveType::parse_start(&compact) {
        Ok((hive_type, "")) => Ok(of(&hive_type)),
        Ok((_, rest)) => Err(format!("`{text}` is not a Hive type, expected nothing after it, got `{rest}`")),
        Err(error) => Err(error.to_string()),
    }
}

fn of(hive_type: &HiveType) -> DataType {
    match hive_type {
        HiveType::Boolean => DataType::Boolean,
        HiveType::Integer(IntegerSize::Tiny) => DataType::Int8,
        HiveType::Integer(IntegerSize::Small) => DataType::Int16,
        HiveType::Integer(IntegerSize::Int) => DataType::Int32,
        HiveType::Integer(IntegerSize::Big) => DataType::Int64,
        HiveType::Float => DataType::Float32,
        HiveType::Double => DataType::Float64,
        HiveType::Decimal { precision, scale } => DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(38)),
        HiveType::String | HiveType::Char(_) | HiveType::Varchar(_) => DataType::Utf8,
        HiveType::Binary => DataType::Binary,
        HiveType::Date => DataType::Date32,
        // Athena keeps milliseconds (https://docs.aws.amazon.com/athena/latest/ug/data-types.html).
        HiveType::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
        HiveType::Array(element) => DataType::List(Arc::new(Field::new("element", of(element), true))),
        HiveType::Map(key, value) => {
            let entry = vec![Field::new("key", of(key), false), Field::new("value", of(value), true)];
            let entries = Field::new("entries", DataType::Struct(Fields::from(entry)), false);
            DataType::Map(Arc::new(entries), false)
        }
        HiveType::Struct(fields) => {
            let fields = fields.iter().map(|(name, of_field)| Field::new(name.to_lowercase(), of(of_field), true));
            DataType::Struct(fields.collect())
        }
    }
}
