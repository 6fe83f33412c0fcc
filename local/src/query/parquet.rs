//! Rows of Parquet objects.

use super::objects::{Batches, Object, Wanted};
use super::table::strictly;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::sync::Arc;

/// The rows of an object: columns by their names, without case, and null what it does not have, as Athena reads Parquet
/// (<https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html>).
pub(super) fn read(object: &Object, columns: Vec<Wanted>, rows: usize) -> Result<Batches, String> {
    let file = File::open(&object.path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let has = |field: &&Arc<Field>| columns.iter().any(|wanted| is_named(field, &wanted.column.name));
    let fields: Fields = builder.schema().fields().iter().filter(has).cloned().collect();
    // Told before any row is read.
    for wanted in &columns {
        if let Some(field) = named(&fields, &wanted.column.name)
            && !is_readable(field.data_type(), &wanted.data_type)
        {
            let (name, hive_type) = (&wanted.column.name, &wanted.column.hive_type);
            return Err(format!(
                "the column `{name}` is `{}` in the object, expected what can be read as `{hive_type}`",
                field.data_type()
            ));
        }
    }
    let all = builder.schema().fields().iter().enumerate();
    let places = all.filter(|(_, field)| has(field)).map(|(place, _)| place);
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    let batches = builder.with_projection(mask).with_batch_size(rows).build().map_err(|error| error.to_string())?;
    let field = |wanted: &Wanted| Field::new(wanted.column.name.to_lowercase(), wanted.data_type.clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    Ok(Box::new(batches.map(move |batch| {
        let batch = batch.map_err(|error| error.to_string())?;
        let column = |wanted: &Wanted| {
            let found = batch.schema_ref().fields().iter().position(|field| is_named(field, &wanted.column.name));
            match found {
                Some(place) => read_as(batch.column(place), &wanted.data_type)
                    .map_err(|fault| format!("the column `{}`: {fault}", wanted.column.name)),
                None => Ok(new_null_array(&wanted.data_type, batch.num_rows())),
            }
        };
        let columns = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &rows).map_err(|error| error.to_string())
    })))
}

fn is_named(field: &Field, name: &str) -> bool {
    field.name().eq_ignore_ascii_case(name)
}

fn named<'f>(fields: &'f Fields, name: &str) -> Option<&'f Arc<Field>> {
    fields.iter().find(|field| is_named(field, name))
}

/// Whether values of a type can be read as another without saying something else: numbers of the same kind in a wider type, a
/// text in whatever form it is kept, structs by the names of their fields.
fn is_readable(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeUtf8, List, Map,
        Struct, Timestamp, UInt8, UInt16, UInt32, Utf8, Utf8View,
    };
    match (from, to) {
        (Int8, Int16 | Int32 | Int64)
        | (Int16 | UInt8, Int32 | Int64)
        | (Int32 | UInt16 | UInt32, Int64)
        | (Float32, Float64)
        | (Timestamp(..), Timestamp(..))
        // Older writers do not say that a text is one.
        | (LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView, Utf8)
        | (LargeBinary | BinaryView, Binary)
        // Nor, in the 32 bits that they keep it in, that a number is of a narrower type; what does not fit is an error.
        | (Int32, Int8 | Int16) => true,
        (Decimal128(precision, scale), Decimal128(most, same)) => precision <= most && scale == same,
        (List(from), List(to)) => is_readable(from.data_type(), to.data_type()),
        (Map(from, _), Map(to, _)) => match (from.data_type(), to.data_type()) {
            (Struct(from), Struct(to)) => {
                from.len() == to.len()
                    && from.iter().zip(to).all(|(from, to)| is_readable(from.data_type(), to.data_type()))
            }
            _ => false,
        },
        (Struct(from), Struct(to)) => to.iter().all(|to| {
            named(from, to.name()).is_none_or(|from| is_readable(from.data_type(), to.data_type()))
        }),
        _ => from == to,
    }
}

/// Values in the type of the table, which [`is_readable`] has allowed.
fn read_as(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let nulls = array.nulls().cloned();
    let fault = |error: datafusion::arrow::error::ArrowError| error.to_string();
    match to {
        DataType::Struct(fields) => Ok(Arc::new(read_struct(array.as_struct(), fields)?)),
        DataType::List(element) => {
            let list = array.as_list::<i32>();
            let values = read_as(list.values(), element.data_type())?;
            let list = ListArray::try_new(Arc::clone(element), list.offsets().clone(), values, nulls);
            Ok(Arc::new(list.map_err(fault)?))
        }
        DataType::Map(entry, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entry.data_type() else { return Err("a map without entries".to_owned()) };
            let columns = map.entries().columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| read_as(column, field.data_type()));
            let entries =
                StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, None).map_err(fault)?;
            let map = MapArray::try_new(Arc::clone(entry), map.offsets().clone(), entries, nulls, *sorted);
            Ok(Arc::new(map.map_err(fault)?))
        }
        _ => strictly(array, to),
    }
}

fn read_struct(array: &StructArray, fields: &Fields) -> Result<StructArray, String> {
    let column = |field: &Arc<Field>| {
        let found = array.fields().iter().position(|from| is_named(from, field.name()));
        match found {
            Some(place) => read_as(array.column(place), field.data_type()),
            None => Ok(new_null_array(field.data_type(), array.len())),
        }
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new_with_length(fields.clone(), columns, array.nulls().cloned(), array.len())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Column;
    use crate::open_x::{OpenX, OpenXOptions};
    use datafusion::arrow::array::{
        BinaryArray, Float32Array, Int32Array, Int64Array, Int64Builder, ListBuilder, TimestampMicrosecondArray,
    };
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use parquet::arrow::ArrowWriter;

    /// Writes columns, and reads others, each a name and a Hive type.
    fn reread(written: Vec<(&str, ArrayRef)>, wanted: &[(&str, &str)]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let batch = RecordBatch::try_from_iter(written).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let column = |(name, hive_type): &(&str, &str)| Column { name: (*name).into(), hive_type: (*hive_type).into() };
        let columns: Vec<Column> = wanted.iter().map(column).collect();
        let schema = OpenX::new(&columns, &OpenXOptions::default()).unwrap().schema();
        let wanted = columns.into_iter().zip(schema.fields()).enumerate().map(|(place, (column, field))| {
            let data_type = field.data_type().clone();
            Wanted { column, place, data_type }
        });
        let object = Object { key: "x".into(), bytes: 1, path };
        let batches = read(&object, wanted.collect(), 100)?.collect::<Result<Vec<_>, _>>()?;
        Ok(pretty_format_batches(&batches).unwrap().to_string())
    }

    fn ints(values: impl IntoIterator<Item = i32>) -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(values))
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let written = || vec![("B", ints([1, 2])), ("a", ints([3, 4])), ("beyond", ints([5, 6]))];
        insta::assert_snapshot!(reread(written(), &[("a", "int"), ("b", "bigint"), ("c", "array<string>")]).unwrap(), @"
        +---+---+---+
        | a | b | c |
        +---+---+---+
        | 3 | 1 |   |
        | 4 | 2 |   |
        +---+---+---+
        ");
        insta::assert_snapshot!(reread(written(), &[("c", "string")]).unwrap(), @"
        +---+
        | c |
        +---+
        |   |
        |   |
        +---+
        ");
    }

    #[test]
    fn values_keep_what_they_say_in_the_type_of_the_table() {
        let list = || {
            let mut list = ListBuilder::new(Int64Builder::new());
            list.append_value([Some(1), None]);
            Arc::new(list.finish()) as ArrayRef
        };
        let point = || {
            let fields = [Field::new("Y", DataType::Int32, true), Field::new("x", DataType::Int32, true)];
            Arc::new(StructArray::new(Fields::from_iter(fields), vec![ints([1]), ints([2])], None)) as ArrayRef
        };
        let written = vec![
            ("float", Arc::new(Float32Array::from(vec![1.5])) as ArrayRef),
            ("binary", Arc::new(BinaryArray::from(vec![b"text".as_slice()]))),
            ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]))),
            ("list", list()),
            ("point", point()),
            ("small", ints([7])),
        ];
        let wanted = [
            ("float", "double"),
            ("binary", "string"),
            ("time", "timestamp"),
            ("list", "array<bigint>"),
            ("point", "struct<x:bigint,y:int,z:string>"),
            ("small", "tinyint"),
        ];
        insta::assert_snapshot!(reread(written, &wanted).unwrap(), @"
        +-------+--------+-------------------------+-------+-------------------+-------+
        | float | binary | time                    | list  | point             | small |
        +-------+--------+-------------------------+-------+-------------------+-------+
        | 1.5   | text   | 1970-01-01T00:00:01.500 | [1, ] | {x: 2, y: 1, z: } | 7     |
        +-------+--------+-------------------------+-------+-------------------+-------+
        ");
    }

    #[test]
    fn what_says_something_else_is_refused() {
        let long = || Arc::new(Int64Array::from(vec![1 << 40])) as ArrayRef;
        let refused =
            |written: ArrayRef, hive_type: &str| reread(vec![("a", written)], &[("a", hive_type)]).unwrap_err();
        insta::assert_snapshot!(refused(long(), "string"), @"the column `a` is `Int64` in the object, expected what can be read as `string`");
        insta::assert_snapshot!(refused(long(), "int"), @"the column `a` is `Int64` in the object, expected what can be read as `int`");
        insta::assert_snapshot!(refused(ints([1]), "double"), @"the column `a` is `Int32` in the object, expected what can be read as `double`");
        insta::assert_snapshot!(refused(ints([1]), "array<int>"), @"the column `a` is `Int32` in the object, expected what can be read as `array<int>`");
        insta::assert_snapshot!(refused(ints([300]), "tinyint"), @"the column `a`: Cast error: Can't cast value 300 to type Int8");
    }

    #[test]
    fn what_is_no_parquet_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, "{\"a\":1}\n").unwrap();
        let object = Object { key: "x".into(), bytes: 8, path };
        let fault = read(&object, Vec::new(), 100).err().unwrap();
        insta::assert_snapshot!(fault, @"Parquet error: Invalid Parquet file. Corrupt footer");
    }
}
