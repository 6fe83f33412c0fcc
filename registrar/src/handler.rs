//! An event becomes registered partitions and a report.

use crate::catalog::{Catalog, CatalogError};
use crate::event::{Message, messages};
use crate::plan::plan;
use crate::report::Report;
use serde_json::{Value, json};
use shared::layout::Layout;
use shared::partition::Partition;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// What is kept: the partitions of this layout in this bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintainer {
    /// The layout.
    pub layout: Layout,
    /// The only bucket that is listened to.
    pub bucket: String,
}

/// The time, as the edge knows it.
#[derive(Clone, Copy)]
pub struct Clock<'c> {
    /// Milliseconds since 1970, now.
    pub now: &'c (dyn Fn() -> i64 + Sync),
    /// When the invocation ends, done or not.
    pub deadline: SystemTime,
}

/// Some of what an event told is not registered, and there is no queue to report it to: the whole invocation has to be
/// tried again, which is what Lambda does on an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("partitions not registered: {partitions}, messages not understood: {messages}; first: {first}")]
pub struct Incomplete {
    partitions: u64,
    messages: usize,
    first: String,
}

impl Maintainer {
    /// Registers what an event tells of.
    ///
    /// The reply is SQS's partial batch response, which names the messages that are to come again, or null where no queue
    /// is between (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    pub async fn handle<C: Catalog>(
        &self,
        catalog: &C,
        event: &str,
        clock: Clock<'_>,
    ) -> (Result<Value, Incomplete>, Report) {
        let messages = messages(event);
        let plan = plan(&self.layout, &self.bucket, &messages);
        let mut report = Report {
            messages: messages.len() as u64,
            notifications: plan.notifications,
            skipped: plan.skipped,
            misunderstood: plan.misunderstood.values().cloned().collect(),
            ..Report::default()
        };
        let locations: BTreeMap<Partition, String> =
            plan.additions.iter().map(|(partition, addition)| (partition.clone(), addition.location.clone())).collect();
        let mut failed: BTreeSet<usize> = plan.misunderstood.keys().copied().collect();
        if !locations.is_empty() {
            for batch in catalog.add(&locations, clock.deadline).await {
                report.queries += u64::from(!matches!(batch.result, Err(CatalogError::NotStarted(_))));
                let additions = batch.partitions.iter().filter_map(|partition| plan.additions.get(partition));
                match batch.result {
                    Ok(()) => {
                        report.added += batch.partitions.len() as u64;
                        let now = (clock.now)();
                        let age = |created: i64| u64::try_from(now.saturating_sub(created)).unwrap_or(0);
                        let oldest = additions.filter_map(|addition| addition.first_created_at).map(age).max();
                        report.registration_milliseconds = report.registration_milliseconds.max(oldest);
                    }
                    Err(error) => {
                        report.failed += batch.partitions.len() as u64;
                        failed.extend(additions.flat_map(|addition| &addition.messages));
                        report.failures.push((error, batch.partitions.len()));
                    }
                }
            }
        }
        (reply(&messages, &failed, &report), report)
    }
}

/// The reply to these messages, of which those at these places are to come again.
fn reply(messages: &[Message], failed: &BTreeSet<usize>, report: &Report) -> Result<Value, Incomplete> {
    if messages.iter().any(|message| message.id.is_some()) {
        let id = |place: &usize| messages.get(*place)?.id.as_deref();
        let items: Vec<Value> = failed.iter().filter_map(id).map(|id| json!({ "itemIdentifier": id })).collect();
        return Ok(json!({ "batchItemFailures": items }));
    }
    if failed.is_empty() {
        return Ok(Value::Null);
    }
    let failure = report.failures.first().map(|(error, _)| error.to_string());
    let misunderstanding = report.misunderstood.first().map(ToString::to_string);
    Err(Incomplete {
        partitions: report.failed,
        messages: report.misunderstood.len(),
        first: failure.or(misunderstanding).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, StatementCatalog};
    use crate::statement::{LONGEST_STATEMENT, Statement};
    use crate::table_name::TableName;
    use shared::error_prefix::ErrorPrefix;
    use std::sync::Mutex;

    /// An engine that remembers what it ran, and fails what mentions a word.
    #[derive(Default)]
    struct FakeEngine {
        ran: Mutex<Vec<String>>,
        fails_on: Option<(&'static str, CatalogError)>,
    }

    impl Engine for FakeEngine {
        async fn run(&self, statement: &Statement, _: SystemTime) -> Result<(), CatalogError> {
            match &self.fails_on {
                Some((word, error)) if statement.sql().contains(word) => return Err(error.clone()),
                _ => {}
            }
            self.ran.lock().unwrap().push(statement.sql().to_owned());
            Ok(())
        }
    }

    fn created(key: &str) -> Value {
        json!({ "Records": [{
            "eventName": "ObjectCreated:Put", "eventTime": "1970-01-01T00:00:01Z",
            "s3": { "bucket": { "name": "lake" }, "object": { "key": key, "size": 1 } },
        }] })
    }

    fn sqs(bodies: &[Value]) -> Value {
        let record = |(n, body): (usize, &Value)| json!({ "eventSource": "aws:sqs", "messageId": format!("id-{n}"), "body": body.to_string() });
        json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
    }

    async fn handled(event: Value, fails_on: Option<&'static str>) -> (String, Report, Vec<String>) {
        let error = CatalogError::Failed { query: "q".into(), reason: "no such table".into() };
        let engine = FakeEngine { fails_on: fails_on.map(|word| (word, error)), ..FakeEngine::default() };
        handled_by(engine, event, LONGEST_STATEMENT).await
    }

    async fn handled_by(engine: FakeEngine, event: Value, longest: usize) -> (String, Report, Vec<String>) {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let catalog =
            StatementCatalog::new(engine, TableName::parse("db.t").unwrap(), &layout).with_longest_statement(longest);
        let maintainer = Maintainer { layout, bucket: "lake".into() };
        let clock = Clock { now: &|| 5_000, deadline: SystemTime::UNIX_EPOCH };
        let (reply, report) = maintainer.handle(&catalog, &event.to_string(), clock).await;
        let reply = reply.map_or_else(|error| error.to_string(), |reply| reply.to_string());
        let ran = catalog.engine().ran.lock().unwrap().clone();
        (reply, report, ran)
    }

    #[tokio::test]
    async fn partitions_are_registered_once() {
        let (reply, report, ran) = handled(sqs(&[created("b/1"), created("a/1"), created("b/2")]), None).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[]}"#);
        insta::assert_snapshot!(ran.join("\n"), @"
        ALTER TABLE `db`.`t` ADD IF NOT EXISTS
          PARTITION (`k` = 'a') LOCATION 's3://lake/a/'
          PARTITION (`k` = 'b') LOCATION 's3://lake/b/'
        ");
        assert_eq!((report.messages, report.notifications, report.added, report.queries), (3, 3, 2, 1));
        assert_eq!(report.registration_milliseconds, Some(4_000));
    }

    #[tokio::test]
    async fn nothing_to_do_is_no_call() {
        let (reply, report, ran) =
            handled(sqs(&[created("errors/x/y"), json!({ "Event": "s3:TestEvent" })]), None).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[]}"#);
        assert!(ran.is_empty());
        assert_eq!(report.queries, 0);
    }

    #[tokio::test]
    async fn messages_whose_partitions_failed_come_again() {
        let (reply, report, _) =
            handled(sqs(&[created("errors/x"), created("bad/1"), json!("junk")]), Some("bad")).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[{"itemIdentifier":"id-1"},{"itemIdentifier":"id-2"}]}"#);
        assert_eq!((report.added, report.failed, report.misunderstood.len()), (0, 1, 1));
    }

    #[tokio::test]
    async fn after_throttling_nothing_more_is_sent() {
        let engine = FakeEngine {
            fails_on: Some(("'b'", CatalogError::Throttled("slow down".into()))),
            ..FakeEngine::default()
        };
        let event = sqs(&[created("a/1"), created("b/1"), created("c/1"), created("d/1")]);
        let (reply, report, ran) = handled_by(engine, event, 1).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[{"itemIdentifier":"id-1"},{"itemIdentifier":"id-2"},{"itemIdentifier":"id-3"}]}"#);
        assert_eq!((ran.len(), report.queries, report.added, report.failed), (1, 2, 1, 3));
        let errors: Vec<_> = report.failures.iter().map(|(error, _)| error.to_string()).collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        throttled: slow down
        not started: the statement before was throttled
        not started: the statement before was throttled
        ");
    }

    #[tokio::test]
    async fn without_a_queue_a_failure_is_an_error() {
        insta::assert_snapshot!(handled(created("a/1"), None).await.0, @"null");
        insta::assert_snapshot!(handled(created("bad/1"), Some("bad")).await.0, @"partitions not registered: 1, messages not understood: 0; first: query `q` failed: no such table");
        insta::assert_snapshot!(handled(json!({ "a": 1 }), None).await.0, @"partitions not registered: 0, messages not understood: 1; first: not an S3 event: expected `Records`, `detail-type` with the source `aws.s3`, or `Message`");
    }
}
