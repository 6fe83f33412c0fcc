//! What an invocation did, for the log and the metrics.

use crate::catalog::CatalogError;
use crate::event::Misunderstanding;
use crate::plan::Skip;
use serde_json::{Map, Value};
use shared::telemetry::{Level, Line, Unit};
use std::collections::BTreeMap;

/// The counts of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages in the event.
    pub messages: u64,
    /// Notifications in them: objects seen.
    pub notifications: u64,
    /// Notifications that asked for nothing, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// Messages that were not understood.
    pub misunderstood: Vec<Misunderstanding>,
    /// Partitions that are registered now, whether or not they were before.
    pub added: u64,
    /// Partitions that are not.
    pub failed: u64,
    /// Calls of the catalog, which are statements with Athena; those that were not made are not counted.
    pub queries: u64,
    /// Those that failed, with the number of partitions in each.
    pub failures: Vec<(CatalogError, usize)>,
    /// The longest time from an object's creation to its registered partition, in milliseconds.
    pub registration_milliseconds: Option<u64>,
}

impl Report {
    /// The lines of the log: one for each failure, and one for all.
    pub fn lines(&self) -> Vec<Line> {
        let misunderstood = self.misunderstood.iter().map(|misunderstanding| {
            Line::new(Level::Error, &misunderstanding.to_string()).field("class", "misunderstood")
        });
        let failures = self.failures.iter().map(|(error, partitions)| {
            Line::new(error.level(), &format!("failed to register partitions: {error}"))
                .field("class", error.class())
                .field("partitions", *partitions)
        });
        misunderstood.chain(failures).chain([self.summary()]).collect()
    }

    fn summary(&self) -> Line {
        let skipped: Map<String, Value> =
            self.skipped.iter().map(|(s, n)| (s.name().to_owned(), (*n).into())).collect();
        let mut line = Line::new(Level::Info, "maintained partitions")
            .field("skipped", skipped)
            .metric("Messages", Unit::Count, self.messages)
            .metric("MessagesMisunderstood", Unit::Count, self.misunderstood.len() as u64)
            .metric("ObjectsSeen", Unit::Count, self.notifications)
            .metric("ObjectsSkipped", Unit::Count, self.skipped.values().sum())
            .metric("PartitionsAdded", Unit::Count, self.added)
            .metric("PartitionsFailed", Unit::Count, self.failed)
            .metric("Queries", Unit::Count, self.queries);
        if let Some(milliseconds) = self.registration_milliseconds {
            line = line.metric("RegistrationTime", Unit::Milliseconds, milliseconds);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_failure_and_one_for_all() {
        let report = Report {
            messages: 2,
            notifications: 3,
            skipped: BTreeMap::from([(Skip::ErrorObject, 1)]),
            added: 1,
            failed: 1,
            queries: 2,
            failures: vec![(CatalogError::Throttled("slow down".into()), 1)],
            registration_milliseconds: Some(1500),
            ..Report::default()
        };
        let lines: Vec<_> = report.lines().iter().map(|line| line.to_json(0, "maintainer")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"level":"WARN","message":"failed to register partitions: throttled: slow down","class":"throttled","partitions":1,"function":"maintainer"}
        {"level":"INFO","message":"maintained partitions","skipped":{"error-object":1},"Messages":2,"MessagesMisunderstood":0,"ObjectsSeen":3,"ObjectsSkipped":1,"PartitionsAdded":1,"PartitionsFailed":1,"Queries":2,"RegistrationTime":1500,"function":"maintainer","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"Messages","Unit":"Count"},{"Name":"MessagesMisunderstood","Unit":"Count"},{"Name":"ObjectsSeen","Unit":"Count"},{"Name":"ObjectsSkipped","Unit":"Count"},{"Name":"PartitionsAdded","Unit":"Count"},{"Name":"PartitionsFailed","Unit":"Count"},{"Name":"Queries","Unit":"Count"},{"Name":"RegistrationTime","Unit":"Milliseconds"}]}]}}
        "#);
    }
}
