//! The rules, in the order in which a template says what they are about. Each is given the deployment as the template has
//! it, and says what is wrong with it, if anything is. What cannot be resolved is not theirs to tell.

use super::Gravity::{self, Error, Note, Warning};
use crate::assumptions::{ACTIVE_PARTITIONS, FIRST_ARRIVAL};
use crate::deployment::Examined;
use crate::firehose::time;
use firehose_transform::contract::Contract;
use firehose_transform::hive_type::HiveType;
use firehose_transform::query::Query;
use jiff::tz::TimeZone;
use regex_lite::Regex;
use registrar::columns::PartitionColumns;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::layout::{Capture, LONGEST_PREFIX, Layout, Source};
use shared::partition::{Partition, PartitionValue};
use shared::prefix::{Element, Prefix, RANDOM_STRING_LENGTH};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// A rule, and what finds its breach.
pub(super) struct Rule {
    /// Its name, by which a reader finds it again.
    pub(super) name: &'static str,
    /// How grave a breach is.
    pub(super) gravity: Gravity,
    /// What it says.
    pub(super) words: &'static str,
    /// Where it is written. Where AWS has no page for it, Firehose's own message is in the words.
    pub(super) source: &'static str,
    /// What is wrong and what was expected.
    pub(super) broken: fn(&Examined) -> Option<String>,
}

const DYNAMIC: &str = "https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-s3bucketprefix.html";
const KEYS: &str = "https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html";
const PREFIXES: &str = "https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html";
const HINTS: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html";
const DESTINATION: &str =
    "https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html";
const RETRY: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_RetryOptions.html";
const PROCESSING: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_ProcessingConfiguration.html";
const PROCESSOR: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_Processor.html";
const PARAMETER: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_ProcessorParameter.html";
const TRANSFORMATION: &str = "https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html";
const CONVERSION: &str = "https://docs.aws.amazon.com/firehose/latest/dev/enable-record-format-conversion.html";
const OBJECT_NAME: &str = "https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html";
const STREAM_API: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html";
const QUEUE: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html";
const MAPPING: &str = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html";
const CSV: &str = "https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html";
const SERDES: &str = "https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html";
const NAMES: &str = "https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html";
const PARTITIONS: &str = "https://docs.aws.amazon.com/athena/latest/ug/partitions.html";
const PROJECTION: &str = "https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html";
const COMPRESSION: &str = "https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html";
const PARQUET: &str = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_ParquetSerDe.html";
const CONVERSION_NAMES: &str = "https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html";
const LAMBDA_LIMITS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const PARTIAL: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html";
const NOTIFICATION: &str =
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html";
const HIVE_TYPES: &str = "https://docs.aws.amazon.com/athena/latest/ug/data-types.html";
const PRUNING: &str = "https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html";
const QUOTA: &str = "https://docs.aws.amazon.com/firehose/latest/dev/buffering.html";

macro_rules! rules {
    ($($name:literal, $gravity:ident, $broken:ident, $source:ident: $words:literal;)*) => {
        &[$(Rule { name: $name, gravity: $gravity, words: $words, source: $source, broken: $broken }),*]
    };
}

/// All rules.
pub(super) const RULES: &[Rule] = rules! {
    "source", Error, source, STREAM_API:
        "a delivery stream of the type `KinesisStreamAsSource` reads a Kinesis stream, one of the type \
         `DirectPut` none";
    "bucket", Error, bucket, DESTINATION:
        "a delivery stream has a bucket";
    "prefix", Error, prefix, PREFIXES:
        "a prefix has expressions of four namespaces, Java's time patterns, and no error type";
    "prefix-length", Error, prefix_length, PREFIXES:
        "an evaluated prefix has 512 characters at most";
    "error-prefix", Error, error_prefix, PREFIXES:
        "there is an error prefix where a prefix has expressions; it has the error type if it has any, and \
         no partition keys";
    "error-prefix-length", Error, error_prefix_length, PREFIXES:
        "an evaluated error prefix has 512 characters at most";
    "time-zone", Error, time_zone, OBJECT_NAME:
        "a time zone is `UTC` or another of AWS's list, which has some by their old names, such as `Asia/Calcutta`";
    "file-extension", Error, file_extension, DESTINATION:
        "an extension is a point and lower-case letters, digits and `!-_.*'()`, 128 characters at most";
    "dynamic-partitioning-off", Error, dynamic_partitioning_off, DYNAMIC:
        "Firehose answers: Dynamic Partitioning Namespaces can only be part of a prefix expression when \
         Dynamic Partitioning is enabled.";
    "dynamic-partitioning-on", Error, dynamic_partitioning_on, DYNAMIC:
        "Firehose answers: S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic \
         Partitioning is enabled";
    "dynamic-partitioning-retry", Error, dynamic_partitioning_retry, RETRY:
        "Firehose tries to write to a partition for 0 to 7,200 seconds";
    "buffer-size", Error, buffer_size, HINTS:
        "a buffer has 1 to 128 MB, and at least 64 with format conversion or dynamic partitioning (Firehose \
         answers: BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.)";
    "buffer-interval", Error, buffer_interval, HINTS:
        "a buffer is written after 0 to 900 seconds, and not before 60 with dynamic partitioning (Firehose \
         answers: BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is \
         enabled.)";
    "buffer-hints", Error, buffer_hints, HINTS:
        "of a buffer's size and interval both are given, or neither";
    "processing-enabled", Error, processing_enabled, PROCESSING:
        "a transformation is on if its `Enabled` is `true`; left out, it is off";
    "processor-type", Error, processor_type, PROCESSOR:
        "Firehose has six types of processors";
    "processor-parameter", Error, processor_parameter, PARAMETER:
        "Firehose has eleven parameters of processors, each a text that is not blank";
    "lambda-processor", Error, lambda_processor, TRANSFORMATION:
        "the transform function is called by a processor of the type `Lambda`";
    "lambda-arn", Error, lambda_arn, TRANSFORMATION:
        "the function that Firehose calls is the transform function";
    "lambda-buffer-size", Error, lambda_buffer_size, TRANSFORMATION:
        "a function is handed 0.2 to 3 MB of records at once";
    "lambda-buffer-room", Warning, lambda_buffer_room, TRANSFORMATION:
        "a reply has 6 MB at most, in base64 as the request is; what does not fit fails as `reply-full`";
    "lambda-buffer-interval", Error, lambda_buffer_interval, TRANSFORMATION:
        "a function is called after 0 to 900 seconds";
    "lambda-retries", Error, lambda_retries, PARAMETER:
        "the number of retries is a whole number";
    "query-processor", Error, query_processor, KEYS:
        "keys of `partitionKeyFromQuery` are made by a processor of the type `MetadataExtraction`";
    "query-keys", Error, query_keys, KEYS:
        "a `MetadataExtractionQuery` makes the keys of the prefix, no others, and 50 at most";
    "query-engine", Error, query_engine, KEYS:
        "the only engine for queries is `JQ-1.6`";
    "log-processing", Error, log_processing, PROCESSOR:
        "Firehose answers: CloudWatchLogProcessingProcessor can only be enabled with DecompressionProcessor";
    "delimiter", Warning, delimiter, DYNAMIC:
        "the transform function ends each record in a newline; Firehose would add another, an empty line";
    "compression", Error, compression, DESTINATION:
        "Firehose compresses as `GZIP`, `ZIP`, `Snappy`, `HADOOP_SNAPPY`, or not at all (`UNCOMPRESSED`)";
    "compression-with-conversion", Error, compression_with_conversion, CONVERSION:
        "with format conversion objects are not compressed by Firehose, but within (`ParquetSerDe`, \
         `OrcSerDe`)";
    "compression-zip", Error, compression_zip, COMPRESSION:
        "Athena does not read ZIP";
    "compression-snappy", Warning, compression_snappy, COMPRESSION:
        "of what Firehose compresses as, Athena's page names `GZIP` alone for text";
    "compressed-extension", Error, compressed_extension, COMPRESSION:
        "Athena knows the compression by the extension, and `FileExtension` takes the place of the one that \
         Firehose gives";
    "conversion-input", Error, conversion_input, CONVERSION:
        "format conversion reads JSON alone";
    "conversion-serde", Error, conversion_serde, CONVERSION:
        "format conversion has one deserializer and one serializer";
    "conversion-schema", Error, conversion_schema, CONVERSION:
        "format conversion takes its schema from the table that the data is queried as";
    "parquet-sizes", Error, parquet_sizes, PARQUET:
        "a block has 64 MiB at least, a page 64 KiB; compression is `UNCOMPRESSED`, `GZIP` or `SNAPPY`";
    "conversion-column", Error, conversion_column, CONVERSION_NAMES:
        "Firehose converts to columns whose names have no blanks or special characters";
    "function-timeout", Error, function_timeout, LAMBDA_LIMITS:
        "a function has 1 to 900 seconds";
    "transform-timeout", Warning, transform_timeout, TRANSFORMATION:
        "Firehose waits 5 minutes for a function; what takes longer has failed, and is called again";
    "visibility-timeout", Error, visibility_timeout, QUEUE:
        "Lambda refuses a queue whose visibility timeout (30 seconds, if left out) is below the function's \
         timeout";
    "visibility-margin", Warning, visibility_margin, QUEUE:
        "a visibility timeout is at least six times the function's timeout, so that a throttled call can be \
         tried again";
    "max-receive-count", Warning, max_receive_count, QUEUE:
        "a message is received at least five times before it is a dead letter, since throttled calls count";
    "batch-window", Error, batch_window, MAPPING:
        "more than 10 messages at once need a batching window of at least 1 second, and 10,000 are the most";
    "partial-batch", Error, partial_batch, PARTIAL:
        "without `ReportBatchItemFailures` Lambda deletes the messages that the maintainer reports as failed";
    "notification", Error, notification, NOTIFICATION:
        "Firehose creates objects by Put and by multipart upload, of both of which S3 has to tell";
    "column-type", Error, column_type, HIVE_TYPES:
        "a column has a type of Hive's";
    "column-name", Warning, column_name, NAMES:
        "Athena takes names of lower-case letters, digits and underscores, 255 characters at most";
    "column-twice", Error, column_twice, PARTITIONS:
        "a column is there once, among the columns or among the partition keys; names are compared without \
         case";
    "partition-value", Error, partition_value, PARTITIONS:
        "what a time pattern gives is a value of its partition column's type";
    "partition-type", Warning, partition_type, PRUNING:
        "Athena prunes partitions in the catalog where partition columns are of the type `string`";
    "serde", Error, serde, SERDES:
        "a table is read by what fits what is written";
    "csv-type", Warning, csv_type, CSV:
        "OpenCSVSerDe knows string, boolean, int, bigint and double; timestamps and dates only as numbers";
    "csv-empty", Warning, csv_empty, CSV:
        "OpenCSVSerDe has no empty numbers: a query that reads one fails. In a contract `not null` keeps \
         them out";
    "projection", Warning, projection, PROJECTION:
        "with partition projection Athena does not look at registered partitions";
    "projection-hint", Note, projection_hint, PROJECTION:
        "partitions that can be counted, such as days, need no registration where Athena projects them";
    "partition-quota", Note, partition_quota, QUOTA:
        "a delivery stream has 500 active partitions, 2,500 on request; records of more go to the error \
         prefix";
};

// ------------------------------------------------------------------------------------------------------------------
// The delivery stream
// ------------------------------------------------------------------------------------------------------------------

fn source(examined: &Examined) -> Option<String> {
    let stream = examined.stream.as_ref()?;
    let kind = text(stream, "DeliveryStreamType").unwrap_or_else(|| "DirectPut".to_owned());
    let kinesis = part(stream, "KinesisStreamSourceConfiguration");
    match (kind.as_str(), kinesis) {
        ("KinesisStreamAsSource", None) => {
            fault(&format!("`KinesisStreamSourceConfiguration` is missing, which the type `{kind}` demands"))
        }
        ("KinesisStreamAsSource", Some(kinesis)) if text(kinesis, "KinesisStreamARN").is_none() => {
            fault("`KinesisStreamSourceConfiguration.KinesisStreamARN` is missing")
        }
        ("DirectPut", Some(_)) => {
            fault(&format!("`KinesisStreamSourceConfiguration` is there, which the type `{kind}` refuses"))
        }
        _ => None,
    }
}

fn bucket(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    if text(destination, "BucketARN").is_some() { None } else { fault("`BucketARN` is missing") }
}

fn prefix(examined: &Examined) -> Option<String> {
    let Some(given) = text(destination(examined)?, "Prefix") else {
        return fault("`Prefix` is missing, expected the layout of the table");
    };
    match Prefix::parse(&given) {
        Err(error) => fault(&format!("`Prefix` is `{given}`: {error}")),
        Ok(prefix) if prefix.elements().contains(&Element::ErrorOutputType) => fault(&format!(
            "`Prefix` is `{given}`, expected `!{{firehose:error-output-type}}` in `ErrorOutputPrefix` alone"
        )),
        Ok(_) => None,
    }
}

fn prefix_length(examined: &Examined) -> Option<String> {
    too_long("Prefix", &parsed_prefix(examined)?)
}

fn error_prefix(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    match text(destination, "ErrorOutputPrefix") {
        None => fault("`ErrorOutputPrefix` is missing, expected one such as `errors/!{firehose:error-output-type}/`"),
        Some(given) => {
            let error = ErrorPrefix::parse(&given).err()?;
            fault(&format!("`ErrorOutputPrefix` is `{given}`: {error}"))
        }
    }
}

fn error_prefix_length(examined: &Examined) -> Option<String> {
    too_long("ErrorOutputPrefix", &Prefix::parse(&text(destination(examined)?, "ErrorOutputPrefix")?).ok()?)
}

/// An evaluated prefix that is too long with keys of a single character, the shortest there are.
fn too_long(name: &str, prefix: &Prefix) -> Option<String> {
    time::check(prefix).ok()?;
    let length = |element: &Element| match element {
        Element::Text(text) => text.encode_utf16().count(),
        Element::KeyFromLambda(_) | Element::KeyFromQuery(_) => 1,
        Element::Timestamp(pattern) => time::format(pattern, FIRST_ARRIVAL, &TimeZone::UTC).chars().count(),
        Element::RandomString => RANDOM_STRING_LENGTH,
        Element::ErrorOutputType => "metadata-extraction-failed".len(),
    };
    let characters: usize = prefix.elements().iter().map(length).sum();
    let most = LONGEST_PREFIX;
    if characters <= most {
        return None;
    }
    fault(&format!(
        "`{name}` is `{}`, evaluated at least {characters} characters, expected at most {most}",
        prefix.as_str()
    ))
}

fn time_zone(examined: &Examined) -> Option<String> {
    let zone = text(destination(examined)?, "CustomTimeZone").filter(|zone| !zone.is_empty())?;
    if time::zone(&zone).is_some() {
        return None;
    }
    fault(&format!("`CustomTimeZone` is `{zone}`, expected one such as `UTC` or `Europe/Brussels`"))
}

fn file_extension(examined: &Examined) -> Option<String> {
    let extension = text(destination(examined)?, "FileExtension")?;
    let right = matches(r"|\.[0-9a-z!\-_.*'()]+", &extension) && extension.len() <= 128;
    if right { None } else { fault(&format!("`FileExtension` is `{extension}`, expected one such as `.json`")) }
}

fn dynamic_partitioning_off(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let prefix = parsed_prefix(examined)?;
    let keys = keys(&prefix);
    if is_dynamic(destination) || keys.is_empty() {
        return None;
    }
    fault(&format!(
        "`Prefix` has the partition key `{}`, expected `DynamicPartitioningConfiguration.Enabled` `true`",
        keys.join("`, `")
    ))
}

fn dynamic_partitioning_on(examined: &Examined) -> Option<String> {
    let prefix = parsed_prefix(examined)?;
    if !is_dynamic(destination(examined)?) || !keys(&prefix).is_empty() {
        return None;
    }
    fault(&format!("`Prefix` is `{}`, expected a partition key in it, or no dynamic partitioning", prefix.as_str()))
}

fn dynamic_partitioning_retry(examined: &Examined) -> Option<String> {
    within(destination(examined)?, "DynamicPartitioningConfiguration/RetryOptions/DurationInSeconds", &(0.0..=7_200.0))
}

fn buffer_size(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let least = if is_dynamic(destination) || converts(destination) { 64.0 } else { 1.0 };
    within(destination, "BufferingHints/SizeInMBs", &(least..=128.0))
}

fn buffer_interval(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let least = if is_dynamic(destination) { 60.0 } else { 0.0 };
    within(destination, "BufferingHints/IntervalInSeconds", &(least..=900.0))
}

fn buffer_hints(examined: &Examined) -> Option<String> {
    let hints = part(destination(examined)?, "BufferingHints")?;
    let missing: Vec<&str> =
        ["SizeInMBs", "IntervalInSeconds"].into_iter().filter(|name| part(hints, name).is_none()).collect();
    let [missing] = missing.as_slice() else { return None };
    fault(&format!("`BufferingHints.{missing}` is missing, expected both or none of them"))
}

fn processing_enabled(examined: &Examined) -> Option<String> {
    if is_enabled(destination(examined)?, "ProcessingConfiguration", false) {
        return None;
    }
    fault("`ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called")
}

// ------------------------------------------------------------------------------------------------------------------
// Its processors
// ------------------------------------------------------------------------------------------------------------------

fn processor_type(examined: &Examined) -> Option<String> {
    let known = [
        "RecordDeAggregation",
        "Decompression",
        "CloudWatchLogProcessing",
        "Lambda",
        "MetadataExtraction",
        "AppendDelimiterToRecord",
    ];
    let kinds = processors(examined)?.iter().map(|processor| text(processor, "Type").unwrap_or_default());
    let unknown = kinds.into_iter().find(|kind| !known.contains(&kind.as_str()))?;
    fault(&format!("a processor is of the type `{unknown}`, expected one of `{}`", known.join("`, `")))
}

fn processor_parameter(examined: &Examined) -> Option<String> {
    let known = [
        "LambdaArn",
        "NumberOfRetries",
        "MetadataExtractionQuery",
        "JsonParsingEngine",
        "RoleArn",
        "BufferSizeInMBs",
        "BufferIntervalInSeconds",
        "SubRecordType",
        "Delimiter",
        "CompressionFormat",
        "DataMessageExtraction",
    ];
    let parameters = processors(examined)?.iter().filter_map(|p| part(p, "Parameters")?.as_array()).flatten();
    let mut faults = parameters.filter_map(|parameter| {
        let name = text(parameter, "ParameterName").unwrap_or_default();
        let value = text(parameter, "ParameterValue").unwrap_or_default();
        if !known.contains(&name.as_str()) {
            fault(&format!("a processor has the parameter `{name}`, expected one of `{}`", known.join("`, `")))
        } else if value.trim().is_empty() || value.chars().count() > 5_120 {
            fault(&format!("the parameter `{name}` is `{value}`, expected 1 to 5,120 characters, not all blank"))
        } else {
            None
        }
    });
    faults.next()
}

fn lambda_processor(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let found = processor(destination, "Lambda").and_then(|lambda| parameter(lambda, "LambdaArn"));
    if found.is_some() { None } else { fault("there is no processor of the type `Lambda` with a `LambdaArn`") }
}

fn lambda_arn(examined: &Examined) -> Option<String> {
    let arn = lambda(examined, "LambdaArn")?;
    let function = examined.transform_arn.as_ref()?;
    let rest = arn.strip_prefix(function.as_str());
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':')) {
        return None;
    }
    fault(&format!("the parameter `LambdaArn` is `{arn}`, expected `{function}`, with or without a version"))
}

/// The range of what Firehose hands over at once, in MB.
const HANDED_OVER: RangeInclusive<f64> = 0.2..=3.0;

fn lambda_buffer_size(examined: &Examined) -> Option<String> {
    parameter_within(examined, "BufferSizeInMBs", &HANDED_OVER)
}

/// Less than twice of what came fits into a reply where more than this is handed over, in MB: 6 MB by 4/3 and by 2.
const ROOM_FOR_TWICE: f64 = 2.25;

fn lambda_buffer_room(examined: &Examined) -> Option<String> {
    let given = lambda(examined, "BufferSizeInMBs")?;
    let size = given.parse::<f64>().ok().filter(|size| HANDED_OVER.contains(size) && *size > ROOM_FOR_TWICE)?;
    fault(&format!(
        "the parameter `BufferSizeInMBs` is `{given}`, so that records may grow to {:.1} times their size, expected at most \
         `{ROOM_FOR_TWICE}`",
        6.0 / (size * 4.0 / 3.0)
    ))
}

fn lambda_buffer_interval(examined: &Examined) -> Option<String> {
    parameter_within(examined, "BufferIntervalInSeconds", &(0.0..=900.0))
}

fn lambda_retries(examined: &Examined) -> Option<String> {
    let retries = lambda(examined, "NumberOfRetries")?;
    let whole = retries.parse::<u32>().is_ok();
    if whole {
        None
    } else {
        fault(&format!("the parameter `NumberOfRetries` is `{retries}`, expected a whole number"))
    }
}

fn query_processor(examined: &Examined) -> Option<String> {
    let prefix = parsed_prefix(examined)?;
    let key = prefix.elements().iter().find_map(|element| match element {
        Element::KeyFromQuery(key) => Some(key),
        _ => None,
    })?;
    let extraction = processor(destination(examined)?, "MetadataExtraction");
    if extraction.is_some_and(|extraction| parameter(extraction, "MetadataExtractionQuery").is_some()) {
        return None;
    }
    fault(&format!("`Prefix` has the key `{key}` of a query, expected a `MetadataExtractionQuery`"))
}

fn query_keys(examined: &Examined) -> Option<String> {
    let query = parameter(processor(destination(examined)?, "MetadataExtraction")?, "MetadataExtractionQuery")?;
    let compiled = match Query::compile(&query, &[]) {
        Ok(compiled) => compiled,
        Err(error) => return fault(&format!("the parameter `MetadataExtractionQuery` is `{query}`: {error}")),
    };
    let made: BTreeSet<String> = compiled.object_names()?.into_iter().collect();
    let prefix = parsed_prefix(examined)?;
    let wanted = prefix.elements().iter().filter_map(|element| match element {
        Element::KeyFromQuery(key) => Some(key.clone()),
        _ => None,
    });
    let wanted: BTreeSet<String> = wanted.collect();
    let shown = |keys: &BTreeSet<String>| keys.iter().cloned().collect::<Vec<_>>().join(", ");
    if made == wanted && made.len() <= 50 {
        return None;
    }
    fault(&format!("`MetadataExtractionQuery` makes `{}`, expected `{}`", shown(&made), shown(&wanted)))
}

fn query_engine(examined: &Examined) -> Option<String> {
    let extraction = processor(destination(examined)?, "MetadataExtraction")?;
    let engine = parameter(extraction, "JsonParsingEngine");
    if engine.as_deref() == Some("JQ-1.6") {
        return None;
    }
    fault(&format!("the parameter `JsonParsingEngine` is `{}`, expected `JQ-1.6`", engine.unwrap_or_default()))
}

fn log_processing(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    processor(destination, "CloudWatchLogProcessing")?;
    if processor(destination, "Decompression").is_some() {
        return None;
    }
    fault(
        "there is a processor of the type `CloudWatchLogProcessing`, expected one of the type `Decompression` as well",
    )
}

fn delimiter(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    processor(destination, "AppendDelimiterToRecord")?;
    fault("there is a processor of the type `AppendDelimiterToRecord`, expected none")
}

// ------------------------------------------------------------------------------------------------------------------
// Compression and format conversion
// ------------------------------------------------------------------------------------------------------------------

/// What Firehose compresses as, each with the extension by which readers know it.
const COMPRESSIONS: [(&str, &str); 5] =
    [("UNCOMPRESSED", ""), ("GZIP", ".gz"), ("ZIP", ".zip"), ("Snappy", ".snappy"), ("HADOOP_SNAPPY", ".snappy")];

fn compression(examined: &Examined) -> Option<String> {
    let given = text(destination(examined)?, "CompressionFormat")?;
    if COMPRESSIONS.iter().any(|(name, _)| *name == given) {
        return None;
    }
    let names = COMPRESSIONS.map(|(name, _)| name);
    fault(&format!("`CompressionFormat` is `{given}`, expected one of `{}`", names.join("`, `")))
}

fn compression_with_conversion(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let given = text(destination, "CompressionFormat").filter(|given| given != "UNCOMPRESSED")?;
    if !converts(destination) {
        return None;
    }
    fault(&format!(
        "`CompressionFormat` is `{given}` with `DataFormatConversionConfiguration`, expected `UNCOMPRESSED`"
    ))
}

fn compression_zip(examined: &Examined) -> Option<String> {
    text(destination(examined)?, "CompressionFormat").filter(|given| given == "ZIP")?;
    fault("`CompressionFormat` is `ZIP`, expected `GZIP`")
}

fn compression_snappy(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let given = text(destination, "CompressionFormat").filter(|given| given.to_lowercase().contains("snappy"))?;
    // Format conversion compresses within, and refuses any other.
    if converts(destination) {
        return None;
    }
    fault(&format!("`CompressionFormat` is `{given}`, expected `GZIP`"))
}

fn compressed_extension(examined: &Examined) -> Option<String> {
    let destination = destination(examined)?;
    let (given, extension) = (text(destination, "CompressionFormat")?, text(destination, "FileExtension")?);
    let (_, needed) = COMPRESSIONS.iter().find(|(name, _)| *name == given)?;
    if extension.is_empty() || extension.ends_with(needed) {
        return None;
    }
    fault(&format!(
        "`FileExtension` is `{extension}` with the compression `{given}`, expected one that ends in `{needed}`"
    ))
}

fn conversion_input(examined: &Examined) -> Option<String> {
    let format = examined.variables.get("OUTPUT_FORMAT").filter(|format| *format == "csv")?;
    if !converts(destination(examined)?) {
        return None;
    }
    fault(&format!("`DataFormatConversionConfiguration` is on with the output format `{format}`, expected `json`"))
}

fn conversion_serde(examined: &Examined) -> Option<String> {
    let conversion = conversion(examined)?;
    let chosen = |path: &str, names: [&str; 2]| {
        let given = part(conversion, path).and_then(Value::as_object);
        given.map_or(0, |given| names.iter().filter(|name| given.get(**name).is_some_and(|g| !g.is_null())).count())
    };
    let readers = chosen("InputFormatConfiguration/Deserializer", ["OpenXJsonSerDe", "HiveJsonSerDe"]);
    let writers = chosen("OutputFormatConfiguration/Serializer", ["ParquetSerDe", "OrcSerDe"]);
    if (readers, writers) == (1, 1) {
        return None;
    }
    fault(&format!(
        "`DataFormatConversionConfiguration` has `{readers}` deserializers and `{writers}` serializers, expected one of each"
    ))
}

fn conversion_schema(examined: &Examined) -> Option<String> {
    let schema = part(conversion(examined)?, "SchemaConfiguration");
    let of_schema = |name: &str| schema.and_then(|schema| text(schema, name));
    if let Some(missing) = ["RoleARN", "DatabaseName", "TableName"].iter().find(|name| of_schema(name).is_none()) {
        return fault(&format!("`DataFormatConversionConfiguration.SchemaConfiguration.{missing}` is missing"));
    }
    let (given, table) = (of_schema("TableName")?, text(examined.table.as_ref()?, "Name")?);
    if given.to_lowercase() == table.to_lowercase() {
        return None;
    }
    fault(&format!("`SchemaConfiguration.TableName` is `{given}`, expected `{table}`"))
}

fn parquet_sizes(examined: &Examined) -> Option<String> {
    let parquet = part(conversion(examined)?, "OutputFormatConfiguration/Serializer/ParquetSerDe")?;
    let beyond =
        [("BlockSizeBytes", 67_108_864.0), ("PageSizeBytes", 65_536.0)].into_iter().find_map(|(name, least)| {
            out_of(&format!("`ParquetSerDe.{name}`"), &text(parquet, name)?, &(least..=f64::INFINITY))
        });
    let compression = text(parquet, "Compression");
    let unknown = compression.filter(|given| !["UNCOMPRESSED", "GZIP", "SNAPPY"].contains(&given.as_str()));
    beyond.or_else(|| {
        fault(&format!("`ParquetSerDe.Compression` is `{}`, expected `UNCOMPRESSED`, `GZIP` or `SNAPPY`", unknown?))
    })
}

fn conversion_column(examined: &Examined) -> Option<String> {
    conversion(examined)?;
    odd_name(examined).and_then(|name| {
        fault(&format!("its schema has the column `{name}`, expected letters, digits and underscores"))
    })
}

// ------------------------------------------------------------------------------------------------------------------
// The functions and the queue
// ------------------------------------------------------------------------------------------------------------------

/// Lambda's own timeout, in seconds, where a template says none.
const DEFAULT_TIMEOUT: f64 = 3.0;

fn function_timeout(examined: &Examined) -> Option<String> {
    let timeouts = [
        ("FirehoseTransformFunction", &examined.transform_timeout),
        ("PartitionMaintainerFunction", &examined.maintainer_timeout),
    ];
    timeouts.into_iter().find_map(|(function, timeout)| {
        let given = scalar(timeout.as_ref()?);
        let right = given.parse::<f64>().is_ok_and(|seconds| (1.0..=900.0).contains(&seconds));
        if right { None } else { Some(format!("`{function}`: `Timeout` is `{given}`, expected 1 to 900")) }
    })
}

fn transform_timeout(examined: &Examined) -> Option<String> {
    let seconds = seconds(examined.transform_timeout.as_ref()?)?;
    let long = seconds > 300.0 && seconds <= 900.0;
    long.then(|| format!("`FirehoseTransformFunction`: `Timeout` is `{seconds}`, expected at most 300"))
}

fn visibility_timeout(examined: &Examined) -> Option<String> {
    let (visible, timeout) = visibility(examined)?;
    (visible < timeout)
        .then(|| format!("`ObjectCreatedQueue`: `VisibilityTimeout` is `{visible}`, expected at least {timeout}"))
}

fn visibility_margin(examined: &Examined) -> Option<String> {
    let (visible, timeout) = visibility(examined)?;
    let least = 6.0 * timeout;
    (timeout <= visible && visible < least)
        .then(|| format!("`ObjectCreatedQueue`: `VisibilityTimeout` is `{visible}`, expected at least {least}"))
}

fn max_receive_count(examined: &Examined) -> Option<String> {
    let given = text(examined.queue.as_ref()?, "RedrivePolicy/maxReceiveCount")?;
    let few = given.parse::<f64>().is_ok_and(|count| count < 5.0);
    few.then(|| format!("`ObjectCreatedQueue`: `maxReceiveCount` is `{given}`, expected at least 5"))
}

fn batch_window(examined: &Examined) -> Option<String> {
    let mapping = examined.mapping.as_ref()?;
    let given = text(mapping, "BatchSize")?;
    let window = text(mapping, "MaximumBatchingWindowInSeconds").unwrap_or_else(|| "0".to_owned());
    let (size, seconds) = (given.parse::<f64>().ok()?, window.parse::<f64>().ok()?);
    if size > 10_000.0 {
        return Some(format!("`PartitionMaintainerFunction`: `BatchSize` is `{given}`, expected at most 10000"));
    }
    (size > 10.0 && seconds < 1.0).then(|| {
        format!(
            "`PartitionMaintainerFunction`: `MaximumBatchingWindowInSeconds` is `{window}` with a `BatchSize` of `{given}`, \
             expected at least 1"
        )
    })
}

fn partial_batch(examined: &Examined) -> Option<String> {
    let types = part(examined.mapping.as_ref()?, "FunctionResponseTypes").and_then(Value::as_array);
    if types.is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures")) {
        return None;
    }
    Some("`PartitionMaintainerFunction`: `FunctionResponseTypes` has no `ReportBatchItemFailures`".to_owned())
}

fn notification(examined: &Examined) -> Option<String> {
    let queues = part(examined.notifications.as_ref()?, "QueueConfigurations").and_then(Value::as_array);
    let events: Vec<String> = queues.into_iter().flatten().filter_map(|queue| text(queue, "Event")).collect();
    let multipart = "s3:ObjectCreated:CompleteMultipartUpload";
    let told = |wanted: &str| events.iter().any(|event| event == wanted || event == "s3:ObjectCreated:*");
    if told("s3:ObjectCreated:Put") && told(multipart) {
        return None;
    }
    Some(format!("`DataBucket`: its queue is told of `{}`, expected `s3:ObjectCreated:*`", events.join("`, `")))
}

// ------------------------------------------------------------------------------------------------------------------
// The table and its partitions
// ------------------------------------------------------------------------------------------------------------------

fn column_type(examined: &Examined) -> Option<String> {
    let all = columns(examined)?.into_iter().chain(partition_keys(examined)?);
    let unknown: Vec<String> = all
        .filter(|(_, hive_type)| !matches!(HiveType::parse_start(hive_type), Ok((_, ""))))
        .map(|(name, hive_type)| format!("the column `{name}` is of the type `{hive_type}`"))
        .collect();
    (!unknown.is_empty()).then(|| format!("{}, expected one of Hive's such as `array<string>`", unknown.join(", ")))
}

fn column_name(examined: &Examined) -> Option<String> {
    // With format conversion it is an error.
    if conversion(examined).is_some() {
        return None;
    }
    odd_name(examined)
        .map(|name| format!("the table has the column `{name}`, expected lower-case letters, digits and underscores"))
}

fn column_twice(examined: &Examined) -> Option<String> {
    let mut known = BTreeSet::new();
    let all = columns(examined)?.into_iter().chain(partition_keys(examined)?);
    let twice = all.map(|(name, _)| name).find(|name| !known.insert(name.clone()))?;
    Some(format!("the table has the column `{twice}` twice, expected it once"))
}

fn partition_value(examined: &Examined) -> Option<String> {
    time::check(layout(examined)?.prefix()).ok()?;
    typed_captures(examined)?.into_iter().find_map(|(capture, hive_type)| {
        let Source::Timestamp(pattern) = capture.source() else { return None };
        let text = time::format(pattern, FIRST_ARRIVAL, &TimeZone::UTC);
        let column = PartitionColumns::new([(capture.column(), hive_type.as_str())]).ok()?;
        let value = PartitionValue::new(text.as_str()).ok()?;
        let fits = column.canonical(&Partition::new(vec![value])).is_ok();
        let name = capture.column();
        (!fits)
            .then(|| format!("the partition column `{name}` is of the type `{hive_type}`, expected one for `{text}`"))
    })
}

fn partition_type(examined: &Examined) -> Option<String> {
    // One that fits no value at all has been told.
    if partition_value(examined).is_some() {
        return None;
    }
    let others: Vec<String> = partition_keys(examined)?
        .into_iter()
        .filter(|(name, hive_type)| hive_type != "string" && PartitionColumns::new([(name, hive_type)]).is_ok())
        .map(|(name, hive_type)| format!("the column `{name}` is of the type `{hive_type}`"))
        .collect();
    (!others.is_empty()).then(|| format!("{}, expected `string`", others.join(", ")))
}

fn serde(examined: &Examined) -> Option<String> {
    let class = text(examined.table.as_ref()?, "StorageDescriptor/SerdeInfo/SerializationLibrary")?;
    let written = match conversion(examined) {
        Some(conversion) if part(conversion, "OutputFormatConfiguration/Serializer/OrcSerDe").is_some() => "orc",
        Some(_) => "parquet",
        None => examined.variables.get("OUTPUT_FORMAT").map_or("json", String::as_str),
    };
    let reads = |class: &str| class.to_lowercase().contains(written);
    // Text has one input format, whatever is in it.
    let input = text(examined.table.as_ref()?, "StorageDescriptor/InputFormat");
    let input = input.filter(|class| matches!(written, "orc" | "parquet") && !reads(class));
    let is_read = reads(&class) || (written == "csv" && class.to_lowercase().contains("lazysimple"));
    let class = if is_read { input? } else { class };
    Some(format!("the table is read by `{class}`, expected a class for `{written}`, as which records are written"))
}

fn csv_type(examined: &Examined) -> Option<String> {
    let known = ["string", "boolean", "int", "bigint", "double"];
    let others: Vec<String> = csv_columns(examined)?
        .into_iter()
        .filter(|(_, hive_type)| !known.contains(&hive_type.as_str()))
        .map(|(name, hive_type)| format!("the column `{name}` is of the type `{hive_type}`"))
        .collect();
    (!others.is_empty()).then(|| format!("{}, expected one of `{}`", others.join(", "), known.join(" ")))
}

fn csv_empty(examined: &Examined) -> Option<String> {
    let contract = Contract::parse(examined.variables.get("CONTRACT")?).ok()?;
    let not_null = |name: &str| {
        let column = contract.columns().iter().find(|column| column.name().to_lowercase() == name)?;
        let strict = Contract::parse(&format!("`{}` {} not null", column.name(), column.hive_type())).ok()?;
        Some(strict.columns().first() == Some(column))
    };
    let empty: Vec<String> = csv_columns(examined)?
        .into_iter()
        .filter(|(name, hive_type)| is_number(hive_type) && not_null(name) != Some(true))
        .map(|(name, _)| name)
        .collect();
    (!empty.is_empty())
        .then(|| format!("`{}` can be empty in CSV, expected `not null`, or `string`", empty.join("`, `")))
}

fn projection(examined: &Examined) -> Option<String> {
    let parameters = part(examined.table.as_ref()?, "Parameters")?;
    parameters.get("projection.enabled").filter(|enabled| scalar(enabled).eq_ignore_ascii_case("true"))?;
    Some("the table has `projection.enabled` `true`, expected none: its partitions are registered".to_owned())
}

fn projection_hint(examined: &Examined) -> Option<String> {
    let layout = layout(examined)?;
    let captures = layout.captures();
    let all = captures.iter().map(Capture::column).collect::<Vec<_>>().join("`, `");
    (!captures.is_empty() && captures.iter().all(is_time)).then(|| {
        format!("the partition columns `{all}` are times, which partition projection can do without registration")
    })
}

fn partition_quota(examined: &Examined) -> Option<String> {
    let layout = layout(examined)?;
    let open: Vec<&str> = layout.captures().iter().filter(|capture| !is_time(capture)).map(Capture::column).collect();
    (!open.is_empty()).then(|| {
        format!(
            "`{}` can have any number of values, expected at most {ACTIVE_PARTITIONS} partitions at once",
            open.join("`, `")
        )
    })
}

// ------------------------------------------------------------------------------------------------------------------
// What the rules look at
// ------------------------------------------------------------------------------------------------------------------

fn destination(examined: &Examined) -> Option<&Value> {
    part(examined.stream.as_ref()?, "ExtendedS3DestinationConfiguration")
}

fn parsed_prefix(examined: &Examined) -> Option<Prefix> {
    Prefix::parse(&text(destination(examined)?, "Prefix")?).ok()
}

fn layout(examined: &Examined) -> Option<Layout> {
    let destination = destination(examined)?;
    let error_prefix = ErrorPrefix::parse(&text(destination, "ErrorOutputPrefix")?).ok()?;
    Layout::parse(&text(destination, "Prefix")?, &error_prefix).ok()
}

fn keys(prefix: &Prefix) -> Vec<&str> {
    let keys = prefix.elements().iter().filter_map(|element| match element {
        Element::KeyFromLambda(key) | Element::KeyFromQuery(key) => Some(key.as_str()),
        _ => None,
    });
    keys.collect()
}

/// Whether the values of a column are times: Firehose's own, or a record's by the names that are usual.
fn is_time(capture: &Capture) -> bool {
    let named = ["year", "month", "day", "date", "dt", "hour", "minute"].contains(&capture.column());
    matches!(capture.source(), Source::Timestamp(_)) || named
}

/// The partition columns with the types that the table has for them.
fn typed_captures(examined: &Examined) -> Option<Vec<(Capture, String)>> {
    let (layout, keys) = (layout(examined)?, partition_keys(examined)?);
    let typed = layout.captures().iter().filter_map(|capture| {
        let (_, hive_type) = keys.iter().find(|(name, _)| name == capture.column())?;
        Some((capture.clone(), hive_type.clone()))
    });
    Some(typed.collect())
}

fn is_dynamic(destination: &Value) -> bool {
    is_enabled(destination, "DynamicPartitioningConfiguration", false)
}

fn converts(destination: &Value) -> bool {
    is_enabled(destination, "DataFormatConversionConfiguration", true)
}

fn conversion(examined: &Examined) -> Option<&Value> {
    let destination = destination(examined)?;
    part(destination, "DataFormatConversionConfiguration").filter(|_| converts(destination))
}

/// Whether a part is switched on. What Firehose stores where `Enabled` is left out differs from part to part.
fn is_enabled(value: &Value, path: &str, if_left_out: bool) -> bool {
    let given = part(value, path).map(|part| text(part, "Enabled"));
    given.is_some_and(|enabled| enabled.map_or(if_left_out, |enabled| enabled == "true"))
}

fn processors(examined: &Examined) -> Option<&Vec<Value>> {
    part(destination(examined)?, "ProcessingConfiguration/Processors")?.as_array()
}

fn processor<'v>(destination: &'v Value, kind: &str) -> Option<&'v Value> {
    let processors = part(destination, "ProcessingConfiguration/Processors")?.as_array()?;
    processors.iter().find(|processor| text(processor, "Type").as_deref() == Some(kind))
}

fn parameter(processor: &Value, name: &str) -> Option<String> {
    let parameters = part(processor, "Parameters")?.as_array()?;
    let found = parameters.iter().find(|parameter| text(parameter, "ParameterName").as_deref() == Some(name))?;
    text(found, "ParameterValue")
}

/// A parameter of the processor that calls the transform function.
fn lambda(examined: &Examined, name: &str) -> Option<String> {
    parameter(processor(destination(examined)?, "Lambda")?, name)
}

/// The columns that are in the objects, with their types. Names are in lower case, as Glue has them.
fn columns(examined: &Examined) -> Option<Vec<(String, String)>> {
    typed(part(examined.table.as_ref()?, "StorageDescriptor/Columns")?)
}

fn partition_keys(examined: &Examined) -> Option<Vec<(String, String)>> {
    typed(part(examined.table.as_ref()?, "PartitionKeys")?)
}

fn typed(columns: &Value) -> Option<Vec<(String, String)>> {
    let column = |column| Some((text(column, "Name")?.to_lowercase(), text(column, "Type")?.to_lowercase()));
    columns.as_array()?.iter().map(column).collect()
}

/// The columns of a table that `OpenCSVSerDe` reads.
fn csv_columns(examined: &Examined) -> Option<Vec<(String, String)>> {
    let class = text(examined.table.as_ref()?, "StorageDescriptor/SerdeInfo/SerializationLibrary")?;
    if class.contains("OpenCSV") { columns(examined) } else { None }
}

fn odd_name(examined: &Examined) -> Option<String> {
    let mut names = columns(examined)?.into_iter().chain(partition_keys(examined)?).map(|(name, _)| name);
    names.find(|name| !matches("[a-z0-9_]{1,255}", name))
}

fn is_number(hive_type: &str) -> bool {
    matches!(hive_type, "tinyint" | "smallint" | "int" | "bigint" | "float" | "double")
        || hive_type.starts_with("decimal")
}

/// The queue's visibility timeout and the maintainer's timeout, in seconds.
fn visibility(examined: &Examined) -> Option<(f64, f64)> {
    let visible = text(examined.queue.as_ref()?, "VisibilityTimeout").map_or(Some(30.0), |given| given.parse().ok())?;
    let timeout = examined.maintainer_timeout.as_ref().map_or(Some(DEFAULT_TIMEOUT), seconds)?;
    Some((visible, timeout))
}

fn seconds(value: &Value) -> Option<f64> {
    scalar(value).parse().ok()
}

/// What stands at a path of names, unless it is null.
fn part<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    value.pointer(&format!("/{path}")).filter(|value| !value.is_null())
}

fn text(value: &Value, path: &str) -> Option<String> {
    part(value, path).map(scalar)
}

/// Text for text, and for a number its digits: CloudFormation takes either for the other.
fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn within(value: &Value, path: &str, range: &RangeInclusive<f64>) -> Option<String> {
    out_of(&format!("`{}`", path.replace('/', ".")), &text(value, path)?, range)
}

fn parameter_within(examined: &Examined, name: &str, range: &RangeInclusive<f64>) -> Option<String> {
    out_of(&format!("the parameter `{name}`"), &lambda(examined, name)?, range)
}

fn out_of(name: &str, given: &str, range: &RangeInclusive<f64>) -> Option<String> {
    if given.parse::<f64>().is_ok_and(|number| range.contains(&number)) {
        return None;
    }
    let (least, most) = (range.start(), range.end());
    let expected = if most.is_finite() { format!("{least} to {most}") } else { format!("at least {least}") };
    fault(&format!("{name} is `{given}`, expected {expected}"))
}

/// Whether a text is all of a pattern.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(text))
}

/// A fault of the delivery stream.
#[expect(clippy::unnecessary_wraps, reason = "rules give what is wrong, if anything is")]
fn fault(problem: &str) -> Option<String> {
    Some(format!("`DeliveryStream`: {problem}"))
}
