//! The formats in which records come.

pub mod apache;
pub mod cloudwatch_logs;
pub mod dynamodb;
mod line;
mod object;
pub mod syslog;

pub use line::Unreadable;

use crate::object_writer::{ObjectWriter, Wanted};
use crate::outcome::{Failure, Reason};
use crate::transform::Origin;
use crate::wire::LARGEST_REPLY;

/// The format of the records of a delivery stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFormat {
    /// A JSON value, an object as a rule.
    Json,
    /// A change record of a [DynamoDB](dynamodb) table.
    DynamoDb,
    /// Subscription data of [CloudWatch Logs](cloudwatch_logs).
    CloudWatchLogs,
    /// A line of [Apache's](apache) common or combined log format.
    Apache,
    /// A [syslog](syslog) message.
    Syslog,
}

/// Memory for what records are decoded to.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    decompressed: Vec<u8>,
    object: ObjectWriter,
}

/// What a record turned out to be.
pub(crate) enum Decoded<'r> {
    /// One record, as JSON.
    Json(&'r str),
    /// One record, as an object.
    Object(&'r ObjectWriter),
    /// The change of an item, and where its image is to be written.
    Change(dynamodb::Change<'r>, &'r mut ObjectWriter),
    /// Log events, and where they are to be written.
    LogData(cloudwatch_logs::LogData<'r>, &'r mut ObjectWriter),
    /// A question whether log data can be delivered.
    ControlMessage,
}

/// The most that a record may come to when it is decompressed: of more, the reply could not hold the lines.
const MOST_DECOMPRESSED: usize = LARGEST_REPLY;

impl RecordFormat {
    /// The format by its name in `RECORD_FORMAT`.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "json" => Ok(Self::Json),
            "dynamodb" => Ok(Self::DynamoDb),
            "cloudwatch-logs" => Ok(Self::CloudWatchLogs),
            "apache" => Ok(Self::Apache),
            "syslog" => Ok(Self::Syslog),
            _ => Err("expected one of `json`, `dynamodb`, `cloudwatch-logs`, `apache`, `syslog`"),
        }
    }

    /// The fields that records always have, or may have at their end; none, if they have their own.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Apache => &apache::FIELDS,
            Self::Syslog => &syslog::FIELDS,
            Self::CloudWatchLogs => &cloudwatch_logs::FIELDS,
            Self::Json | Self::DynamoDb => &[],
        }
    }

    /// Reads a record, as far as its fields are wanted.
    pub(crate) fn decode<'r>(
        self,
        record: &'r [u8],
        origin: &Origin<'_>,
        wanted: Wanted,
        buffers: &'r mut Buffers,
    ) -> Result<Decoded<'r>, Failure> {
        let Buffers { decompressed, object } = buffers;
        object.want(wanted);
        match self {
            Self::Json => Ok(Decoded::Json(text(record)?)),
            Self::DynamoDb => {
                let change = dynamodb::Change::parse(text(record)?, object);
                Ok(Decoded::Change(change.map_err(|fault| Reason::NotDynamoDb.because(fault))?, object))
            }
            Self::CloudWatchLogs => {
                let message = cloudwatch_logs::decompress(record, MOST_DECOMPRESSED, decompressed)
                    .and_then(cloudwatch_logs::Message::parse)
                    .map_err(|fault| Reason::NotCloudWatchLogs.because(fault))?;
                Ok(match message {
                    cloudwatch_logs::Message::Control => Decoded::ControlMessage,
                    cloudwatch_logs::Message::Data(data) => Decoded::LogData(data, object),
                })
            }
            Self::Apache => {
                apache::decode(text(record)?, object).map_err(|fault| Reason::NotApache.because(fault))?;
                Ok(Decoded::Object(object))
            }
            Self::Syslog => {
                let arrived_at = origin.arrived_at().map(jiff::Timestamp::as_millisecond);
                syslog::decode(text(record)?, arrived_at, object).map_err(|fault| Reason::NotSyslog.because(fault))?;
                Ok(Decoded::Object(object))
            }
        }
    }
}

fn text(record: &[u8]) -> Result<&str, Failure> {
    simdutf8::compat::from_utf8(record).map_err(|error| {
        let detail = format!("expected UTF-8, got an invalid byte at offset {}", error.valid_up_to());
        Reason::NotUtf8.because(detail)
    })
}
