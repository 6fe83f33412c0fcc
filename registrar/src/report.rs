//! What an invocation did, for the log and the metrics.

use crate::event::Misunderstanding;
use crate::plan::Skip;
use crate::registration::Failure;
use serde_json::{Map, Value, json};
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
    /// Partitions that were registered before.
    pub known: u64,
    /// Partitions that were not, and are now.
    pub added: u64,
    /// Partitions that are not.
    pub failed: u64,
    /// Partitions that are registered at another location, so that what lies here cannot be queried.
    pub elsewhere: Vec<Elsewhere>,
    /// Calls that asked the catalog; those that were not made are not counted.
    pub lookups: u64,
    /// Calls that added to it, which are statements with Athena.
    pub queries: u64,
    /// Why partitions are not registered.
    pub failures: Vec<Failure>,
    /// The longest time from an object's creation to its registered partition, in milliseconds.
    pub registration_milliseconds: Option<u64>,
}

/// A partition that is registered at another location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Where it was to be.
    pub wanted: String,
    /// Where it is.
    pub registered: String,
}

/// Locations that a line shows at most.
const EXAMPLES: usize = 10;

impl Report {
    /// The lines of the log: one for each failure, and one for all.
    pub fn lines(&self) -> Vec<Line> {
        let misunderstood = self.misunderstood.iter().map(|misunderstanding| {
            Line::new(Level::Error, &misunderstanding.to_string()).field("class", "misunderstood")
        });
        let failures = self.failures.iter().map(|Failure { error, partitions, example }| {
            Line::new(error.level(), &format!("failed to register partitions: {error}"))
                .field("class", error.class())
                .field("partitions", *partitions)
                .field("example", example.as_str())
        });
        misunderstood.chain(failures).chain(self.elsewhere_line()).chain([self.summary()]).collect()
    }

    /// One line for all of them: where a table has moved, that is every partition that it has.
    fn elsewhere_line(&self) -> Option<Line> {
        let example =
            |Elsewhere { wanted, registered }: &Elsewhere| json!({ "wanted": wanted, "registered": registered });
        let examples: Vec<Value> = self.elsewhere.iter().take(EXAMPLES).map(example).collect();
        let line = Line::new(Level::Error, "partitions are registered at other locations");
        let line =
            line.field("class", "elsewhere").field("partitions", self.elsewhere.len()).field("examples", examples);
        (!self.elsewhere.is_empty()).then_some(line)
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
            .metric("PartitionsKnown", Unit::Count, self.known)
            .metric("PartitionsAdded", Unit::Count, self.added)
            .metric("PartitionsFailed", Unit::Count, self.failed)
            .metric("PartitionsElsewhere", Unit::Count, self.elsewhere.len() as u64)
            .metric("Lookups", Unit::Count, self.lookups)
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
    use crate::catalog::CatalogError;

    #[test]
    fn a_line_for_each_failure_and_one_for_all() {
        let report = Report {
            messages: 2,
            notifications: 3,
            skipped: BTreeMap::from([(Skip::ErrorObject, 1)]),
            added: 1,
            failed: 1,
            queries: 2,
            failures: vec![Failure {
                error: CatalogError::Throttled("slow down".into()),
                partitions: 1,
                example: "s3://lake/a/".into(),
            }],
            elsewhere: vec![Elsewhere { wanted: "s3://lake/b/".into(), registered: "s3://old/b".into() }],
            registration_milliseconds: Some(1500),
            ..Report::default()
        };
        let lines: Vec<_> = report.lines().iter().map(|line| line.to_json(0, "maintainer")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"level":"WARN","message":"failed to register partitions: throttled: slow down","class":"throttled","partitions":1,"example":"s3://lake/a/","function":"maintainer"}
        {"level":"ERROR","message":"partitions are registered at other locations","class":"elsewhere","partitions":1,"examples":[{"wanted":"s3://lake/b/","registered":"s3://old/b"}],"function":"maintainer"}
        {"level":"INFO","message":"maintained partitions","skipped":{"error-object":1},"Messages":2,"MessagesMisunderstood":0,"ObjectsSeen":3,"ObjectsSkipped":1,"PartitionsKnown":0,"PartitionsAdded":1,"PartitionsFailed":1,"PartitionsElsewhere":1,"Lookups":0,"Queries":2,"RegistrationTime":1500,"function":"maintainer","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"Messages","Unit":"Count"},{"Name":"MessagesMisunderstood","Unit":"Count"},{"Name":"ObjectsSeen","Unit":"Count"},{"Name":"ObjectsSkipped","Unit":"Count"},{"Name":"PartitionsKnown","Unit":"Count"},{"Name":"PartitionsAdded","Unit":"Count"},{"Name":"PartitionsFailed","Unit":"Count"},{"Name":"PartitionsElsewhere","Unit":"Count"},{"Name":"Lookups","Unit":"Count"},{"Name":"Queries","Unit":"Count"},{"Name":"RegistrationTime","Unit":"Milliseconds"}]}]}}
        "#);
    }
}
