//! What becomes of a record.

use crate::labels::Labels;
use std::fmt;
use std::rc::Rc;

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'s> {
    /// It is delivered: this text, one line for each record in it, under these labels.
    Deliver {
        /// The new data, newlines included.
        lines: &'s str,
        /// Its partition.
        labels: Rc<Labels>,
    },
    /// It is not wanted.
    Drop(Dropped),
    /// It goes to the error prefix as it came.
    Fail(Failure),
}

/// Why a record is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    /// The record query has no output.
    Query,
    /// The item was removed from its table, and the record query does not look at changes.
    Removal,
    /// CloudWatch Logs has only asked whether it can deliver.
    ControlMessage,
    /// There are no log events in it.
    NoEvents,
}

/// Why a record is not delivered. It holds nothing of the record but the names of fields, and what the query itself says
/// by `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason by name, for the metrics.
    pub reason: Reason,
    /// What exactly, for the log.
    pub detail: String,
}

/// The reasons why a record is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no `data` in the request, or it is not text.
    NoData,
    /// The data is not base64.
    NotBase64,
    /// The record is not UTF-8.
    NotUtf8,
    /// The record is not one JSON value; an object, if there is no query to make one of it.
    NotJson,
    /// The record is not a change record of a DynamoDB table.
    NotDynamoDb,
    /// The record is not subscription data of CloudWatch Logs.
    NotCloudWatchLogs,
    /// The record is not a line of Apache's common or combined log format.
    NotApache,
    /// The record is not a syslog message.
    NotSyslog,
    /// A query failed.
    QueryFailed,
    /// A query did not end, or made too much.
    QueryOutOfBounds,
    /// A query has more than one output.
    MoreThanOneOutput,
    /// A query's output is not an object.
    OutputNotObject,
    /// The record breaks the contract.
    Contract,
    /// A partition key is not there, or null.
    PartitionKeyMissing,
    /// A partition key is empty text.
    PartitionKeyEmpty,
    /// A partition key is neither text, number nor boolean.
    PartitionKeyNotText,
    /// A partition key holds what Hive keeps for itself.
    PartitionKeyReserved,
    /// With its keys, the prefix would be longer than Firehose or S3 takes it, or the value is longer than Glue keeps it.
    PartitionKeyTooLong,
    /// The log events of one record belong to more than one partition, and Firehose takes one for each record.
    PartitionKeysDiffer,
    /// The record is fine, but the reply has no room left for it.
    ReplyFull,
}

impl Dropped {
    /// The name, as metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Removal => "removal",
            Self::ControlMessage => "control-message",
            Self::NoEvents => "no-events",
        }
    }
}

impl Reason {
    /// The name, as metrics and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoData => "no-data",
            Self::NotBase64 => "not-base64",
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::NotDynamoDb => "not-dynamodb",
            Self::NotCloudWatchLogs => "not-cloudwatch-logs",
            Self::NotApache => "not-apache",
            Self::NotSyslog => "not-syslog",
            Self::QueryFailed => "query-failed",
            Self::QueryOutOfBounds => "query-out-of-bounds",
            Self::MoreThanOneOutput => "more-than-one-output",
            Self::OutputNotObject => "output-not-object",
            Self::Contract => "contract",
            Self::PartitionKeyMissing => "partition-key-missing",
            Self::PartitionKeyEmpty => "partition-key-empty",
            Self::PartitionKeyNotText => "partition-key-not-text",
            Self::PartitionKeyReserved => "partition-key-reserved",
            Self::PartitionKeyTooLong => "partition-key-too-long",
            Self::PartitionKeysDiffer => "partition-keys-differ",
            Self::ReplyFull => "reply-full",
        }
    }

    /// A failure for this reason.
    pub(crate) fn because(self, detail: impl fmt::Display) -> Failure {
        Failure { reason: self, detail: detail.to_string() }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
