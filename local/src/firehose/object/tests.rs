use super::*;
use crate::catalog::Column;
use crate::compression::{Compression, decompress};
use crate::firehose::tests::{run_stream, stream};
use crate::firehose::{Counts, Object};
use crate::open_x::OpenXOptions;
use arrow_json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression as Codec;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use std::fs::File;
use std::io::Write;

fn table() -> CatalogTable {
    CatalogTable {
        catalog_id: "123456789012".into(),
        database_name: "database".into(),
        table_name: "table".into(),
        region: "eu-west-1".into(),
        version_id: "LATEST".into(),
        role_arn: "role".into(),
    }
}

/// A stream that converts to the columns `a int` and `b string`.
fn converting(properties: WriterProperties) -> DeliveryStream {
    let columns = [("a", "int"), ("b", "string")]
        .map(|(name, hive_type)| Column { name: name.into(), hive_type: hive_type.into() });
    let conversion = Conversion::new(columns.to_vec(), OpenXOptions::default(), properties, table()).unwrap();
    DeliveryStream { conversion: Some(conversion), extension: ".parquet".into(), ..stream("all/!{timestamp:HH}/") }
}

fn run(records: &[&str]) -> (Vec<Object>, Counts) {
    run_stream(&converting(WriterProperties::default()), records)
}

fn file(body: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(body).unwrap();
    file
}

/// The rows of a Parquet file as JSON, a line each.
fn rows(body: &[u8]) -> String {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file(body)).unwrap().build().unwrap();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    reader.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
    String::from_utf8(writer.into_inner()).unwrap()
}

#[test]
fn records_become_rows_of_one_file() {
    let (objects, counts) = run(&[r#"{"B":"x","A":"1","c":null}"#, r#"{"a":2}{"a":3}"#]);
    let [object] = objects.as_slice() else { panic!("{objects:?}") };
    insta::assert_snapshot!(object.key, @"all/00/stream-1-2026-01-01-00-00-00-82d8be46-44b4-5359-8be2-4976b78bf83f.parquet");
    assert_eq!((object.records, counts.delivered), (2, 2));
    insta::assert_snapshot!(rows(&object.body), @r#"
    {"a":1,"b":"x"}
    {"a":2}
    {"a":3}
    "#);
}

#[test]
fn what_cannot_be_converted_is_told_with_the_members_of_awss_own() {
    let (objects, counts) = run(&[r#"{"a":1}"#, r#"{"a":"oops"}"#, r#"{"a":2"#]);
    let [delivered, failed] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!((delivered.records, failed.records), (1, 2));
    insta::assert_snapshot!(failed.key, @"errors/format-conversion-failed/stream-1-2026-01-01-00-00-00-cd16de9c-ea24-5300-8510-9235bb4fa4ec");
    insta::assert_snapshot!(String::from_utf8_lossy(&failed.body), @r#"
    {"attemptsMade":1,"arrivalTimestamp":1767225600000,"lastErrorCode":"DataFormatConversion.MalformedData","lastErrorMessage":"Data does not match the schema. For input string: \"oops\"","attemptEndingTimestamp":1767225660000,"rawData":"eyJhIjoib29wcyJ9Cg==","dataCatalogTable":{"catalogId":"123456789012","databaseName":"database","tableName":"table","region":"eu-west-1","versionId":"LATEST","roleArn":"role"}}
    {"attemptsMade":1,"arrivalTimestamp":1767225600000,"lastErrorCode":"DataFormatConversion.ParseError","lastErrorMessage":"Encountered malformed JSON. EOF while parsing an object at line 2 column 0","attemptEndingTimestamp":1767225660000,"rawData":"eyJhIjoyCg==","dataCatalogTable":{"catalogId":"123456789012","databaseName":"database","tableName":"table","region":"eu-west-1","versionId":"LATEST","roleArn":"role"}}
    "#);
    insta::assert_snapshot!(format!("{} delivered, {:?}", counts.delivered, counts.failed), @r#"1 delivered, {"DataFormatConversion.MalformedData": 1, "DataFormatConversion.ParseError": 1}"#);
}

#[test]
fn a_stream_that_reads_kinesis_tells_the_sequence_number() {
    let stream =
        DeliveryStream { source: Source::Kinesis { arn: "arn".into() }, ..converting(WriterProperties::default()) };
    let (objects, _) = run_stream(&stream, &["{}", "[]"]);
    let line: serde_json::Value = serde_json::from_slice(&objects[1].body).unwrap();
    let names: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join(" "), @"attemptsMade arrivalTimestamp lastErrorCode lastErrorMessage attemptEndingTimestamp rawData sequenceNumber subSequenceNumber dataCatalogTable");
    assert_eq!(line["sequenceNumber"], format!("{:056}", 2));
}

#[test]
fn without_a_row_there_is_no_object() {
    let (objects, counts) = run(&["[1]", "2"]);
    assert_eq!((objects.len(), objects[0].records, counts.delivered), (1, 2, 0));
    assert!(objects[0].key.starts_with("errors/"));
}

#[test]
fn a_file_is_written_as_the_serializer_says() {
    let properties = WriterProperties::builder()
        .set_compression(Codec::GZIP(parquet::basic::GzipLevel::default()))
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(Some(10_000))
        .build();
    let stream = DeliveryStream { buffer_bytes: 1_000_000, ..converting(properties) };
    let records: Vec<String> = (0..9_000).map(|number| format!("{{\"a\":{number},\"b\":\"{number}\"}}")).collect();
    let (objects, _) = run_stream(&stream, &records.iter().map(String::as_str).collect::<Vec<_>>());
    let reader = SerializedFileReader::new(file(&objects[0].body)).unwrap();
    let metadata = reader.metadata();
    assert_eq!((metadata.file_metadata().version(), metadata.file_metadata().num_rows()), (2, 9_000));
    assert!(metadata.num_row_groups() > 1, "a block ends by its bytes");
    assert!(matches!(metadata.row_group(0).column(0).compression(), Codec::GZIP(_)));
    // Arrow's own schema is not there: others do not write one.
    assert_eq!(metadata.file_metadata().key_value_metadata(), None);
}

#[test]
fn a_table_that_cannot_be_written_is_refused() {
    let refused = |columns: Vec<Column>| {
        Conversion::new(columns, OpenXOptions::default(), WriterProperties::default(), table()).unwrap_err()
    };
    insta::assert_snapshot!(refused(vec![]), @"the table has no columns, expected those to be written");
    insta::assert_snapshot!(refused(vec![Column { name: "a".into(), hive_type: "array<".into() }]), @"the type of the column `a`: `` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
}

#[test]
fn objects_are_compressed_as_a_whole() {
    for compression in [Compression::Gzip, Compression::HadoopSnappy] {
        let extension = compression.extension().to_owned();
        let stream = DeliveryStream { extension, compression, ..stream("all/!{timestamp:HH}/") };
        let (objects, counts) = run_stream(&stream, &["a", "b"]);
        let [object] = objects.as_slice() else { panic!("{objects:?}") };
        assert_eq!(decompress(&object.key, object.body.clone()).unwrap(), b"a\nb\n");
        assert_eq!((object.records, counts.delivered), (2, 2));
    }
}

proptest! {
    #[test]
    fn each_record_is_a_row_or_an_error_line(
        records in proptest::collection::vec(prop::sample::select(vec![r#"{"a":1}"#, r#"{"b":2}"#, "{}", "", "7", r#"{"a":"x"}"#, "{"]), 0..60),
    ) {
        let (objects, counts) = run(&records);
        let good = |record: &&&str| ["{\"a\":1}", "{\"b\":2}", "{}"].contains(*record);
        let expected = records.iter().filter(good).count();
        let (failed, delivered): (Vec<&Object>, Vec<&Object>) = objects.iter().partition(|object| object.key.starts_with("errors/"));
        let read: usize = delivered.iter().map(|object| rows(&object.body).lines().count()).sum();
        let lines: usize = failed.iter().map(|object| String::from_utf8_lossy(&object.body).lines().count()).sum();
        prop_assert_eq!((read, lines), (expected, records.len() - expected));
        prop_assert_eq!((counts.delivered, counts.rejected(), counts.read), (expected as u64, lines as u64, records.len() as u64));
    }
}
