//! What an invocation did, for the log and the metrics. Nothing of a record's payload is in it.

use crate::outcome::{Dropped, Failure, Reason};
use serde_json::{Value, json};
use shared::telemetry::{Level, Line, Unit};
use std::collections::BTreeMap;

/// The counts of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The delivery stream, as it calls itself.
    pub delivery_stream: String,
    /// Records in the request.
    pub records_in: u64,
    /// Bytes of their payloads, decoded.
    pub bytes_in: u64,
    /// Records delivered.
    pub delivered: u64,
    /// Bytes delivered.
    pub bytes_out: u64,
    /// Records dropped, by reason.
    pub dropped: BTreeMap<Dropped, u64>,
    /// Records failed, by reason.
    pub failed: BTreeMap<Reason, u64>,
    /// The first few failures of each reason, each with its record's id.
    pub examples: Vec<(String, Failure)>,
    /// The different partitions that records were delivered to.
    pub partitions: usize,
}

/// How many failures of a reason are told one by one.
const EXAMPLES: u64 = 3;

/// Partitions of one invocation from which on the log warns: Firehose keeps at most 500 of a delivery stream active,
/// unless the quota is raised, and sends what comes beyond to the error prefix
/// (<https://docs.aws.amazon.com/firehose/latest/dev/limits.html>).
const MANY_PARTITIONS: usize = 400;

impl Report {
    /// Counts a record that is delivered.
    pub(crate) fn count_delivered(&mut self, lines: &str) {
        self.delivered += 1;
        self.bytes_out += lines.len() as u64;
    }

    /// Counts a record that is dropped.
    pub(crate) fn count_dropped(&mut self, dropped: Dropped) {
        *self.dropped.entry(dropped).or_default() += 1;
    }

    /// Counts a record that is failed.
    pub(crate) fn count_failed(&mut self, id: impl FnOnce() -> String, failure: Failure) {
        let count = self.failed.entry(failure.reason).or_default();
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.push((id(), failure));
        }
    }

    /// The one line of the log.
    pub fn line(&self) -> Line {
        let failed: u64 = self.failed.values().sum();
        let crowded = self.partitions >= MANY_PARTITIONS;
        let (level, message) = match (failed, crowded) {
            (_, true) => {
                (Level::Warn, "transformed records into nearly as many partitions as Firehose keeps active (500)")
            }
            (1.., _) => (Level::Warn, "transformed records, some failed"),
            (0, _) => (Level::Info, "transformed records"),
        };
        let example = |(id, failure): &(String, Failure)| -> Value {
            json!({ "recordId": id, "reason": failure.reason.name(), "detail": failure.detail })
        };
        let mut line = Line::new(level, message)
            .field("deliveryStream", self.delivery_stream.as_str())
            .field("failures", self.examples.iter().map(example).collect::<Vec<_>>())
            .metric("RecordsIn", Unit::Count, self.records_in)
            .metric("BytesIn", Unit::Bytes, self.bytes_in)
            .metric("RecordsDelivered", Unit::Count, self.delivered)
            .metric("BytesOut", Unit::Bytes, self.bytes_out)
            .metric("RecordsDropped", Unit::Count, self.dropped.values().sum())
            .metric("RecordsFailed", Unit::Count, failed)
            .metric("DistinctPartitions", Unit::Count, self.partitions as u64);
        for (reason, count) in &self.dropped {
            line = line.metric(&format!("RecordsDropped.{reason}"), Unit::Count, *count);
        }
        for (reason, count) in &self.failed {
            line = line.metric(&format!("RecordsFailed.{reason}"), Unit::Count, *count);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_one_line_with_metrics() {
        let mut report =
            Report { delivery_stream: "arn".into(), records_in: 3, bytes_in: 4, partitions: 1, ..Report::default() };
        report.count_delivered("{}\n");
        report.count_dropped(Dropped::Query);
        report.count_failed(|| "id-2".into(), Failure { reason: Reason::NotUtf8, detail: "expected UTF-8".into() });
        insta::assert_snapshot!(report.line().to_json(0, "transform"), @r#"{"level":"WARN","message":"transformed records, some failed","deliveryStream":"arn","failures":[{"recordId":"id-2","reason":"not-utf8","detail":"expected UTF-8"}],"RecordsIn":3,"BytesIn":4,"RecordsDelivered":1,"BytesOut":3,"RecordsDropped":1,"RecordsFailed":1,"DistinctPartitions":1,"RecordsDropped.query":1,"RecordsFailed.not-utf8":1,"function":"transform","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"RecordsIn","Unit":"Count"},{"Name":"BytesIn","Unit":"Bytes"},{"Name":"RecordsDelivered","Unit":"Count"},{"Name":"BytesOut","Unit":"Bytes"},{"Name":"RecordsDropped","Unit":"Count"},{"Name":"RecordsFailed","Unit":"Count"},{"Name":"DistinctPartitions","Unit":"Count"},{"Name":"RecordsDropped.query","Unit":"Count"},{"Name":"RecordsFailed.not-utf8","Unit":"Count"}]}]}}"#);
    }

    #[test]
    fn many_partitions_are_a_warning() {
        let report = Report { partitions: 400, ..Report::default() };
        assert!(report.line().to_json(0, "").contains("nearly as many partitions as Firehose keeps active"));
    }
}
