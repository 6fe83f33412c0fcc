//! What AWS leaves open, and what is assumed here instead: one list.
//!
//! Beside the values below: the time in an object's name is that at which its oldest record arrived, as in its prefix. A
//! failed invocation is tried again without a pause. Active partitions are counted, but none is too many. Writing an object
//! never fails, so that the retry duration of dynamic partitioning is of no effect.
//!
//! A buffer is converted as it becomes an object: its size is that of the records before. What cannot be converted is written
//! then, after the object, with `rawData` as the function delivered it, one attempt, and `sequenceNumber` of Kinesis alone. A
//! record of several documents is one record, of which all or nothing is converted. Moments are in the Parquet file as 64 bits
//! of nanoseconds, where AWS's have the 96 bits that are deprecated: Athena reads both as `timestamp`. What Firehose does not
//! compress byte for byte in the same way everywhere (gzip, ZIP) is the same when it is decompressed.
//!
//! Of what the OpenX SerDe does, AWS tells little. Its source (see [`crate::open_x`]) says, and Firehose and Athena are assumed
//! to keep, that a name given twice fails the record; that a number becomes a string as it was written; that any text but
//! `true` is the boolean `false`; that a whole number has no point and no exponent, and may be hexadecimal; that a float beyond
//! its range is infinite; that an empty string is null where an array or an object should be; that a lone surrogate becomes
//! `?`. Neither says, and it is assumed: only the names beside columns and fields are looked at for one given twice; objects
//! in a string column keep the order of their names and lose their blanks; decimals are rounded half up, and fail if they do
//! not fit; binary values are base64; an array in place of a record fails it. Strings for `char(n)` and `varchar(n)` are cut
//! when they are converted, which AWS does when they are read.

use std::time::Duration;

/// Records arrive from this moment on (2026-01-01T00:00:00Z), in milliseconds since 1970, unless the command line says
/// otherwise: the same input then gives the same objects.
pub const FIRST_ARRIVAL: i64 = 1_767_225_600_000;

/// Records arrive as fast as one provisioned shard of a Kinesis stream takes them: 1,000 a second, and not more than
/// 1,000,000 bytes a second. Direct PUT is given the same pace.
pub fn arrival_pace(bytes: usize) -> Duration {
    Duration::from_micros(u64::try_from(bytes).unwrap_or(u64::MAX).max(1_000))
}

/// The largest record that a stream takes, in bytes (1,000 KiB; that one is documented).
pub const LARGEST_RECORD: usize = 1_000 * 1_024;

/// The version in an object's name: that of a delivery stream which was never changed.
pub const STREAM_VERSION: u32 = 1;

/// A partition key that is missing is told as Firehose tells an empty one.
pub const MISSING_PARTITION_KEY: &str = "partitionKeys values must not be null or empty";

/// The type of error, which is the folder, of records whose prefix Firehose cannot evaluate or finds too long.
pub const PREFIX_FAULT_TYPE: &str = "metadata-extraction-failed";

/// The error objects of dynamic partitioning have the members of those of the transformation, without the function.
pub const PREFIX_FAULT_CODE: &str = "DynamicPartitioning.MetadataExtractionFailed";

/// The active partitions that a delivery stream has unless its quota is raised (documented; more are told, not refused).
pub const ACTIVE_PARTITIONS: usize = 500;

/// The account, where the template asks for one.
pub const ACCOUNT: &str = "123456789012";

/// The region, where neither `samconfig.toml` nor the command line names one.
pub const REGION: &str = "eu-west-1";
