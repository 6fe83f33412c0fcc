//! What AWS leaves open, and what is assumed here instead: one list, [`all`]. `docs/firehose.md` shows it.

use crate::summary::grouped;
use std::time::Duration;

/// Something that AWS leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// What is open.
    pub of: &'static str,
    /// What is assumed.
    pub assumed: String,
    /// Why that.
    pub because: &'static str,
}

/// All assumptions, in the order in which a record meets them.
#[expect(clippy::too_many_lines, reason = "it is a list")]
pub fn all() -> Vec<Assumption> {
    let value = |of, assumed, because| Assumption { of, assumed, because };
    let says = |of, assumed: &str, because| Assumption { of, assumed: assumed.to_owned(), because };
    let number = |number: usize| grouped(number as u64);
    vec![
        value(
            "when the first record comes",
            format!("{FIRST_ARRIVAL} ms after 1970, unless `--arrival` says otherwise"),
            "the same input is to give the same objects",
        ),
        value(
            "how fast records come",
            format!(
                "{} records and {} bytes a second, also by direct PUT",
                grouped(RECORDS_A_SECOND),
                grouped(BYTES_A_SECOND)
            ),
            "a provisioned shard takes so much",
        ),
        value(
            "direct PUT",
            format!(
                "records come in calls of {} records or {} bytes, those of a call at one moment",
                number(MOST_RECORDS_OF_PUT),
                number(MOST_BYTES_OF_PUT)
            ),
            "`PutRecordBatch` takes so much, and agents that read files call it",
        ),
        value(
            "`--arrival-query`",
            format!("none comes before {EARLIEST_ARRIVAL} ms after 1970, and none before the one before it"),
            "a stream is in order of arrival",
        ),
        says(
            "`RecordDeAggregation` of what is not as it should be",
            "a record that holds anything but JSON objects goes on whole; nothing between two delimiters is no record",
            "more than 500 go on whole, too; of an array AWS says that it is not valid",
        ),
        says(
            "errors of a record that came out of another",
            "`rawData` is that record alone",
            "it is what the function was given",
        ),
        says(
            "a record larger than `BufferSizeInMBs`",
            "it is handed to the function alone",
            "the size is a hint, and a record is at most 1,000 KiB",
        ),
        value(
            "a request to the function",
            format!(
                "{} bytes at most: many small records are handed over before the size is reached",
                number(LARGEST_PAYLOAD)
            ),
            "Lambda takes no more, in the digits of its own message",
        ),
        value(
            "a reply of more than that",
            format!("more than {} bytes are an error of the function: all is tried again", number(LARGEST_PAYLOAD)),
            "Lambda fails the invocation",
        ),
        says("the time between attempts", "none", "AWS does not tell it"),
        says(
            "`attemptsMade` of a record that fails after attempts that failed",
            "all attempts count",
            "it is so where all fail",
        ),
        value(
            "a `result` that is none of the three",
            format!("`{UNKNOWN_RESULT_CODE}`"),
            "AWS names no code; it is that of the nearest fault",
        ),
        says(
            "`data` that is not base64",
            "`Lambda.JsonMappingException` for that record alone",
            "other faults of a record are its own",
        ),
        says(
            "a partition key of the function that is a number or a boolean",
            "it is inserted as it is written",
            "AWS's own example returns a field of the record, whatever it is",
        ),
        value(
            "a partition key of the function that is an array or an object",
            format!("`Lambda.JsonMappingException`: {KEY_NOT_TEXT}"),
            "the code is the name of Jackson's exception, which fails there",
        ),
        value(
            "a partition key that is missing",
            format!("it fails as one that is empty: {MISSING_PARTITION_KEY}"),
            "a key that is missing is null",
        ),
        says("a partition key that the prefix does not have", "nothing", "it is refused of a query alone"),
        says(
            "a value of `MetadataExtractionQuery` that is not a text",
            "it is inserted as JSON; null is a key that is missing",
            "AWS's page names a number, `event_timestamp`, as a key",
        ),
        value(
            "a record for which `MetadataExtractionQuery` fails, or makes no object or several",
            format!("`{PREFIX_FAULT_CODE}`: {QUERY_FAILED}"),
            "AWS tells no message",
        ),
        says(
            "members of the error objects of dynamic partitioning",
            "those of the transformation without `lambdaARN`",
            "AWS does not tell them",
        ),
        value(
            "a prefix that is too long once it is evaluated",
            format!("`{PREFIX_FAULT_CODE}` below `{PREFIX_FAULT_TYPE}`"),
            "AWS tells the length alone",
        ),
        value(
            "a partition that would be active too many",
            format!("`{LIMIT_FAULT_CODE}`: {LIMIT_FAULT_MESSAGE}"),
            "AWS tells the folder alone",
        ),
        says(
            "`AppendDelimiterToRecord`",
            "the newline is appended behind the query, whatever the record ends in",
            "it is the last of the processors",
        ),
        says(
            "the age of a buffer",
            "that of its oldest record since it came to the stream",
            "AWS tells that delivery may take 1.5 times the interval, but not by what",
        ),
        says(
            "the time in an object's name",
            "when its oldest record arrived, in the zone of the stream",
            "that is the time in its prefix",
        ),
        says(
            "the time in an error prefix",
            "when the oldest record of the object arrived, in the zone of the stream",
            "as above",
        ),
        value("the version in an object's name", format!("{STREAM_VERSION}"), "the delivery stream was never changed"),
        says(
            "random strings and UUIDs",
            "they are made of the number of the object in the run",
            "the same input is to give the same objects",
        ),
        says(
            "writing an object",
            "it never fails, so that the retry duration is of no effect",
            "a failure is not of the configuration",
        ),
        says(
            "format conversion",
            "a buffer is converted as it becomes an object: its size is that of the records before",
            "AWS tells of one size alone",
        ),
        says(
            "what cannot be converted",
            "it is written after the object, with `rawData` as the function delivered it, one attempt, and `sequenceNumber` of Kinesis alone",
            "the conversion has no other record",
        ),
        says("a record of several documents", "all of it is converted, or nothing", "error objects are of records"),
        says(
            "moments in Parquet",
            "64 bits of nanoseconds, where AWS's files have the 96 bits that are deprecated",
            "Athena reads both as `timestamp`",
        ),
        says(
            "the bytes of gzip and ZIP",
            "they are not AWS's own, but those that are decompressed are",
            "no two libraries compress alike",
        ),
        says(
            "JSON by the OpenX SerDe, as its source has it",
            "a name given twice fails the record; a number becomes a string as it was written; any text but `true` is `false`; a whole \
             number has no point and no exponent, and may be hexadecimal; a float beyond its range is infinite; an empty string is null \
             where an array or an object should be; a lone surrogate becomes `?`",
            "Firehose and Athena name that SerDe",
        ),
        says(
            "JSON by the OpenX SerDe, where its source says nothing",
            "a name given twice is looked for beside columns and fields alone; objects in a string column keep the order of their names \
             and lose their blanks; decimals are rounded half up, and fail if they do not fit; binary values are base64; an array in \
             place of a record fails it; strings for `char(n)` and `varchar(n)` are cut when they are converted",
            "AWS does not tell it",
        ),
        value("the account and the region", format!("`{ACCOUNT}`, `{REGION}`"), "the template asks for some"),
    ]
}

/// Records arrive from this moment on (2026-01-01T00:00:00Z), in milliseconds since 1970, unless the command line says
/// otherwise: the same input then gives the same objects.
pub const FIRST_ARRIVAL: i64 = 1_767_225_600_000;

/// No record arrives before this moment (1970-01-01T00:00:00Z), nor one that tells no time and has none before it that does.
pub const EARLIEST_ARRIVAL: i64 = 0;

/// The records and the bytes that a source takes in a second: those of one provisioned shard of a Kinesis stream.
const RECORDS_A_SECOND: u64 = 1_000;
const BYTES_A_SECOND: u64 = 1_000_000;

/// The time that a record of so many bytes keeps its source busy.
pub fn arrival_pace(bytes: usize) -> Duration {
    let by_bytes = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000 / BYTES_A_SECOND);
    Duration::from_micros(by_bytes.max(1_000_000 / RECORDS_A_SECOND))
}

/// The records of a call of `PutRecordBatch`, at most (documented), which is how producers are taken to put them.
pub const MOST_RECORDS_OF_PUT: usize = 500;

/// The bytes of such a call, at most (4 MiB, documented).
pub const MOST_BYTES_OF_PUT: usize = 4 * 1_024 * 1_024;

/// The largest record that a stream takes, in bytes (1,000 KiB; that one is documented).
pub const LARGEST_RECORD: usize = 1_000 * 1_024;

/// The records that a record can hold for `RecordDeAggregation`, at most (documented).
pub const MOST_SUB_RECORDS: usize = 500;

/// The largest request to a function and the largest reply of one, in bytes (6 MB; the digits are those of Lambda's message).
pub const LARGEST_PAYLOAD: usize = 6_291_556;

/// The version in an object's name: that of a delivery stream which was never changed.
pub const STREAM_VERSION: u32 = 1;

/// A partition key that is missing is told as Firehose tells an empty one.
pub const MISSING_PARTITION_KEY: &str = "partitionKeys values must not be null or empty";

/// A record that a query cannot read, as Firehose tells it.
pub const NOT_JSON: &str = "Non JSON record provided";

/// A record for which Firehose's query fails, or makes no object, or more than one.
pub const QUERY_FAILED: &str = "The MetadataExtractionQuery made no partition keys of the record";

/// A partition key of the function that is an array or an object.
pub const KEY_NOT_TEXT: &str =
    "There was an error parsing returned records. Ensure that the values of partitionKeys are strings.";

/// The code of a record whose result is none of the three.
pub const UNKNOWN_RESULT_CODE: &str = "Lambda.InvalidReturnFormat";

/// The type of error, which is the folder, of records whose prefix Firehose cannot evaluate or finds too long.
pub const PREFIX_FAULT_TYPE: &str = "metadata-extraction-failed";

/// The error objects of dynamic partitioning have the members of those of the transformation, without the function.
pub const PREFIX_FAULT_CODE: &str = "DynamicPartitioning.MetadataExtractionFailed";

/// The type of error, which is the folder, of a record that would make one partition active too many (documented).
pub const LIMIT_FAULT_TYPE: &str = "activePartitionExceeded";

/// The code of such a record.
pub const LIMIT_FAULT_CODE: &str = "DynamicPartitioning.ActivePartitionExceeded";

/// Its message.
pub const LIMIT_FAULT_MESSAGE: &str = "The limit of active partitions is exceeded";

/// The active partitions that a delivery stream has unless its quota is raised (documented).
pub const ACTIVE_PARTITIONS: usize = 500;

/// The account, where the template asks for one.
pub const ACCOUNT: &str = "123456789012";

/// The region, where neither `samconfig.toml` nor the command line names one.
pub const REGION: &str = "eu-west-1";
