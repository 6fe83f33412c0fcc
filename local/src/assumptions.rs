//! What AWS leaves open, and what is assumed here instead: one list. `docs/firehose.md` shows it.

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
