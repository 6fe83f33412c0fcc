//! When records arrive: the clock of a delivery stream that runs as fast as it can.

use super::Source;
use crate::assumptions::{MOST_BYTES_OF_PUT, MOST_RECORDS_OF_PUT, arrival_pace};
use firehose_transform::query::Query;
use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;
use std::time::Duration;

/// What tells when records arrive, in milliseconds since 1970. Time never goes back.
#[derive(Debug)]
pub struct Arrivals(Clock);

#[derive(Debug)]
enum Clock {
    Pace(Pace),
    Told { query: Query, now: i64 },
}

/// Records that come as fast as the stream takes them.
#[derive(Debug)]
struct Pace {
    first: i64,
    /// How long records have been arriving.
    elapsed: Duration,
    /// Records and bytes that arrive at one moment, at most.
    most: (usize, usize),
    /// The records and the bytes that have arrived at this moment.
    put: (usize, usize),
    now: i64,
}

/// When a record arrives, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// At the time that is its own.
    At(i64),
    /// With the one before it, since it tells no time.
    Untold(i64),
    /// With the one before it, since it tells an earlier time.
    Late(i64),
}

impl Arrivals {
    /// Records that come as fast as their source takes them, the first at a moment.
    pub fn paced(source: &Source, first: i64) -> Self {
        let most = match source {
            Source::DirectPut => (MOST_RECORDS_OF_PUT, MOST_BYTES_OF_PUT),
            Source::Kinesis { .. } => (1, 0),
        };
        Self(Clock::Pace(Pace { first, elapsed: Duration::ZERO, most, put: (0, 0), now: first }))
    }

    /// Records that tell themselves when they come, by a query: JSON in, or a string if a record is none, and epoch seconds
    /// out. A record that tells none comes with the one before it; those before the first that does come at a moment.
    pub fn told(query: Query, first: i64) -> Self {
        Self(Clock::Told { query, now: first })
    }

    /// When this record arrives, which comes after those that were asked about before.
    pub(super) fn next(&mut self, record: &[u8]) -> Arrival {
        match &mut self.0 {
            Clock::Pace(pace) => Arrival::At(pace.next(record.len())),
            Clock::Told { query, now } => match time(query, record) {
                None => Arrival::Untold(*now),
                Some(told) if told < *now => Arrival::Late(*now),
                Some(told) => {
                    *now = told;
                    Arrival::At(told)
                }
            },
        }
    }
}

impl Pace {
    fn next(&mut self, bytes: usize) -> i64 {
        let (records, before) = self.put;
        let (most_records, most_bytes) = self.most;
        if records > 0 && (records >= most_records || before + bytes > most_bytes) {
            self.put = (0, 0);
        }
        if self.put.0 == 0 {
            self.now = self.first.saturating_add(i64::try_from(self.elapsed.as_millis()).unwrap_or(i64::MAX));
        }
        self.put = (self.put.0 + 1, self.put.1 + bytes);
        self.elapsed += arrival_pace(bytes);
        self.now
    }
}

impl Arrival {
    /// In milliseconds since 1970.
    pub(super) fn milliseconds(self) -> i64 {
        match self {
            Self::At(time) | Self::Untold(time) | Self::Late(time) => time,
        }
    }
}

/// The time that a record tells, in milliseconds since 1970.
fn time(query: &Query, record: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(record);
    let json: Cow<'_, RawValue> = match serde_json::from_str::<&RawValue>(&text) {
        Ok(json) => Cow::Borrowed(json),
        Err(_) => Cow::Owned(to_raw_value(&text).ok()?),
    };
    let mut output = String::new();
    if !query.run(&json, |_| None, &mut output).ok()? {
        return None;
    }
    let seconds: f64 = output.parse().ok()?;
    // What no calendar has is no time.
    Timestamp::from_duration(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?).ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrivals of records, in milliseconds after the first moment.
    fn paced(source: &Source, sizes: impl IntoIterator<Item = usize>) -> Vec<i64> {
        let mut arrivals = Arrivals::paced(source, 5);
        sizes.into_iter().map(|size| arrivals.next(&vec![b'x'; size]).milliseconds() - 5).collect()
    }

    #[test]
    fn a_shard_takes_1000_records_or_a_megabyte_a_second() {
        let kinesis = Source::Kinesis { arn: "arn".into() };
        assert_eq!(paced(&kinesis, [0, 10, 1_000, 5_000, 500_000, 1]), [0, 1, 2, 3, 8, 508]);
    }

    #[test]
    fn what_is_put_at_once_arrives_at_one_moment() {
        let records = paced(&Source::DirectPut, vec![10; 1_001]);
        assert_eq!((records[0], records[499], records[500], records[999], records[1_000]), (0, 0, 500, 500, 1_000));
        // 4 MiB are four of these, and the fifth is of the next put.
        let large = paced(&Source::DirectPut, vec![1_000_000; 6]);
        assert_eq!(large, [0, 0, 0, 0, 4_000, 4_000]);
    }

    /// How records arrive that tell it by a query.
    fn told(query: &str, records: &[&str]) -> Vec<Arrival> {
        let mut arrivals = Arrivals::told(Query::compile(query, &[]).unwrap(), 1_000);
        records.iter().map(|record| arrivals.next(record.as_bytes())).collect()
    }

    #[test]
    fn records_tell_when_they_arrive() {
        use Arrival::{At, Late, Untold};
        let seconds = [r#"{"at":5}"#, r#"{"at":7.25}"#, "{}", r#"{"at":6}"#, r#"{"at":"8"}"#, "junk", r#"{"at":9}"#];
        assert_eq!(
            told(".at", &seconds),
            [At(5_000), At(7_250), Untold(7_250), Late(7_250), Untold(7_250), Untold(7_250), At(9_000)]
        );
        let texts = [r#"{"at":"1970-01-01 00:00:09"}"#, r#"{"at":"2026-03-29T01:30:00+01:00"}"#];
        assert_eq!(told(".at | rfc3339", &texts), [Untold(1_000), At(1_774_744_200_000)]);
        // A line that is not JSON is a string.
        assert_eq!(
            told("split(\" \")[0] | tonumber", &["2 a", "\u{fffd}", "3.5 b"]),
            [At(2_000), Untold(2_000), At(3_500)]
        );
        // What no calendar has.
        assert_eq!(told(".", &["1e300", "-1e300"]), [Untold(1_000), Untold(1_000)]);
    }
}
