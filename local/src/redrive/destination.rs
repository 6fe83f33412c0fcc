//! Where records are put back.

use std::fmt;
use std::str::FromStr;

/// A stream that takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A delivery stream that producers call.
    Firehose(String),
    /// A Kinesis stream.
    Kinesis(String),
}

/// What a stream takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records in one call.
    pub records: usize,
    /// Bytes in one call, before base64.
    pub bytes: usize,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// What a record takes beside its data: its partition key.
    pub overhead: usize,
}

/// The length of the partition keys that Kinesis gets: a UUID without its hyphens.
pub const PARTITION_KEY: usize = 32;

impl Destination {
    /// What it takes.
    ///
    /// <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>,
    /// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>
    pub fn limits(&self) -> Limits {
        match self {
            Self::Firehose(_) => {
                Limits { records: 500, bytes: 4 * 1_048_576, record_bytes: 1_000 * 1_024, overhead: 0 }
            }
            // Streams that were told to take larger records do so; these are what every stream takes.
            Self::Kinesis(_) => {
                Limits { records: 500, bytes: 5 * 1_048_576, record_bytes: 1_048_576, overhead: PARTITION_KEY }
            }
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firehose(name) => write!(f, "firehose:{name}"),
            Self::Kinesis(name) => write!(f, "kinesis:{name}"),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The letters that AWS takes: those of Firehose and of Kinesis are the same.
        let is_name = |name: &str| {
            let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
            letters && (1..=128).contains(&name.len())
        };
        match text.split_once(':') {
            Some(("firehose", name)) if is_name(name) => Ok(Self::Firehose(name.to_owned())),
            Some(("kinesis", name)) if is_name(name) => Ok(Self::Kinesis(name.to_owned())),
            _ => Err("expected `firehose:NAME` or `kinesis:NAME`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_by_name() {
        for text in ["firehose:headgate-DeliveryStream-1a2B", "kinesis:a.b_c"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        for text in ["", "a", "kinesis:", "kinesis:a/b", "arn:aws:kinesis:eu-west-1:1:stream/a", "Kinesis:a", "lake:x"]
        {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
