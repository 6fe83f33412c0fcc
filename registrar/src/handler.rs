//! An event becomes registered partitions and a report.

use crate::catalog::{Attempt, Catalog};
use crate::columns::PartitionColumns;
use crate::known::Known;
use crate::plan::{MessageId, plan};
use crate::registration::Outcome;
use crate::report::{Elsewhere, Report};
use serde_json::{Value, json};
use shared::layout::Layout;
use shared::partition::Partition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What keeps the partitions of a table: one for as long as the process lives, since it remembers what it has registered.
#[derive(Debug)]
pub struct Maintainer<C> {
    scope: Scope,
    catalog: C,
    known: Mutex<Known>,
    columns: Mutex<Option<Arc<PartitionColumns>>>,
}

/// What is kept: the partitions of this layout in this bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The layout.
    pub layout: Layout,
    /// The only bucket that is listened to.
    pub bucket: String,
}

/// An invocation of the function, as the edge knows it.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    /// Milliseconds since 1970, now.
    pub now: &'a (dyn Fn() -> i64 + Sync),
    /// Which one it is, and when it ends.
    pub attempt: Attempt<'a>,
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

impl<C: Catalog + Sync> Maintainer<C> {
    /// One that knows nothing yet.
    pub fn new(scope: Scope, catalog: C) -> Self {
        Self { scope, catalog, known: Mutex::default(), columns: Mutex::default() }
    }

    /// What it keeps.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The catalog.
    pub fn catalog(&self) -> &C {
        &self.catalog
    }

    /// Registers what an event tells of.
    ///
    /// The reply is SQS's partial batch response, which names the messages that are to come again, or null where no queue
    /// is between (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    pub async fn handle(&self, event: &str, invocation: Invocation<'_>) -> (Result<Value, Incomplete>, Report) {
        let plan = plan(&self.scope, &self.known(), event);
        let mut report = Report {
            messages: plan.messages as u64,
            notifications: plan.notifications,
            skipped: plan.skipped,
            misunderstood: plan.misunderstood.values().cloned().collect(),
            known: plan.known,
            ..Report::default()
        };
        let folders: BTreeMap<Partition, String> =
            plan.additions.iter().map(|(partition, addition)| (partition.clone(), addition.folder.clone())).collect();
        let registration = self.register(&folders, invocation.attempt).await;
        let mut failed: BTreeSet<&MessageId> = plan.misunderstood.keys().collect();
        let now = (invocation.now)();
        for (partition, outcome) in registration.outcomes {
            let Some(addition) = plan.additions.get(&partition) else { continue };
            match outcome {
                Outcome::Known => report.known += 1,
                Outcome::Added => {
                    report.added += 1;
                    let age = |created: i64| u64::try_from(now.saturating_sub(created)).unwrap_or(0);
                    let oldest = addition.first_created_at.map(age);
                    report.registration_milliseconds = report.registration_milliseconds.max(oldest);
                }
                Outcome::Elsewhere { registered } => {
                    report.elsewhere.push(Elsewhere { wanted: self.location(&addition.folder), registered });
                }
                Outcome::Failed => {
                    report.failed += 1;
                    failed.extend(&addition.messages);
                }
            }
        }
        report.failures = registration.failures;
        report.lookups = registration.lookups;
        report.queries = registration.queries;
        let replied = if plan.from_queue { Ok(partial_response(&failed)) } else { reply(&report) };
        (replied, report)
    }

    /// How many folders it remembers, of which nothing is to be done.
    pub fn remembered(&self) -> usize {
        self.known().len()
    }

    /// Where a folder lies, as the catalog has it.
    pub(crate) fn location(&self, folder: &str) -> String {
        format!("s3://{}/{folder}", self.scope.bucket)
    }

    /// Remembers folders of which nothing is to be done any more.
    pub(crate) fn remember<'f>(&self, folders: impl Iterator<Item = &'f String>) {
        let mut known = self.known();
        folders.for_each(|folder| known.insert(folder));
    }

    /// The table's columns, once they were found to be those of the layout.
    pub(crate) fn kept_columns(&self) -> Option<Arc<PartitionColumns>> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep_columns(&self, columns: Option<Arc<PartitionColumns>>) {
        *self.columns.lock().unwrap_or_else(PoisonError::into_inner) = columns;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SQS's partial batch response: these messages are to come again.
fn partial_response(failed: &BTreeSet<&MessageId>) -> Value {
    let ids = failed.iter().filter_map(|message| message.id.as_deref());
    let items: Vec<Value> = ids.map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": items })
}

/// The reply where no queue is between.
fn reply(report: &Report) -> Result<Value, Incomplete> {
    if report.failures.is_empty() && report.misunderstood.is_empty() {
        return Ok(Value::Null);
    }
    let failure = report.failures.first().map(|failure| failure.error.to_string());
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
    use crate::catalog::CatalogError;
    use crate::engine::{Engine, StatementCatalog};
    use crate::failing::{Call, FailingCatalog, Fault};
    use crate::memory::MemoryCatalog;
    use crate::statement::{LONGEST_STATEMENT, Statement};
    use crate::table_name::TableName;
    use shared::error_prefix::ErrorPrefix;
    use shared::partition::PartitionValue;
    use std::time::SystemTime;

    /// An engine that remembers what it ran, and fails what mentions a word.
    #[derive(Default)]
    struct FakeEngine {
        ran: Mutex<Vec<String>>,
        fails_on: Option<(&'static str, CatalogError)>,
    }

    impl Engine for FakeEngine {
        async fn run(&self, statement: &Statement, _: Attempt<'_>) -> Result<(), CatalogError> {
            match &self.fails_on {
                Some((word, error)) if statement.sql().contains(word) => return Err(error.clone()),
                _ => {}
            }
            self.ran.lock().unwrap().push(statement.sql().to_owned());
            Ok(())
        }
    }

    type Kept = Maintainer<StatementCatalog<MemoryCatalog, FakeEngine>>;

    /// A maintainer of `!{k}/` in `lake`, of which `k` has this type.
    fn maintainer(engine: FakeEngine, hive_type: &str, longest: usize) -> Kept {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let reader = MemoryCatalog::new(PartitionColumns::new([("k", hive_type)]).unwrap());
        reader.put(Partition::new(vec![PartitionValue::new("1").unwrap()]), "s3://lake/1");
        reader.put(Partition::new(vec![PartitionValue::new("2").unwrap()]), "s3://old/2");
        let catalog = StatementCatalog::new(reader, engine, TableName::parse("db.t").unwrap());
        Maintainer::new(Scope { layout, bucket: "lake".into() }, catalog.with_longest_statement(longest))
    }

    /// What an event has become: the reply, the report, and the statements.
    async fn handled_by(maintainer: &Kept, event: Value) -> (String, Report, Vec<String>) {
        let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "one" };
        let (reply, report) = maintainer.handle(&event.to_string(), Invocation { now: &|| 5_000, attempt }).await;
        let reply = reply.map_or_else(|error| error.to_string(), |reply| reply.to_string());
        let ran = std::mem::take(&mut *maintainer.catalog().engine().ran.lock().unwrap());
        (reply, report, ran)
    }

    async fn handled(event: Value, fails_on: Option<&'static str>) -> (String, Report, Vec<String>) {
        let error = CatalogError::Failed { query: "q".into(), reason: "no such table".into() };
        let engine = FakeEngine { fails_on: fails_on.map(|word| (word, error)), ..FakeEngine::default() };
        handled_by(&maintainer(engine, "string", LONGEST_STATEMENT), event).await
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
        let (reply, report, ran) = handled_by(&maintainer(engine, "string", 100), event).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[{"itemIdentifier":"id-1"},{"itemIdentifier":"id-2"},{"itemIdentifier":"id-3"}]}"#);
        assert_eq!((ran.len(), report.queries, report.added, report.failed), (1, 2, 1, 3));
        let failures = report.failures.iter().map(|failure| format!("{}: {}", failure.partitions, failure.error));
        insta::assert_snapshot!(failures.collect::<Vec<_>>().join("\n"), @"
        1: throttled: slow down
        2: not started: the statement before was throttled
        ");
    }

    #[tokio::test]
    async fn without_a_queue_a_failure_is_an_error() {
        insta::assert_snapshot!(handled(created("a/1"), None).await.0, @"null");
        insta::assert_snapshot!(handled(created("bad/1"), Some("bad")).await.0, @"partitions not registered: 1, messages not understood: 0; first: query `q` failed: no such table");
        insta::assert_snapshot!(handled(json!({ "a": 1 }), None).await.0, @"partitions not registered: 0, messages not understood: 1; first: not an S3 event: expected `Records`, `detail-type` with the source `aws.s3`, or `Message`");
    }

    /// The lines of a report, as far as they are about one failure each.
    fn failures(report: &Report) -> String {
        let line = |line: &shared::telemetry::Line| line.to_json(0, "f");
        report.lines().split_last().unwrap().1.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn what_is_registered_already_is_asked_for_once_and_never_added() {
        let maintainer = maintainer(FakeEngine::default(), "string", LONGEST_STATEMENT);
        let (reply, report, ran) = handled_by(&maintainer, sqs(&[created("1/x"), created("1/y")])).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[]}"#);
        // Two: the columns and the partition.
        assert_eq!((report.known, report.added, report.lookups, ran.len()), (1, 0, 2, 0));
        let (_, report, _) = handled_by(&maintainer, sqs(&[created("1/z")])).await;
        assert_eq!((report.known, report.lookups), (1, 0));
        // The columns are known by now.
        let (_, report, ran) = handled_by(&maintainer, sqs(&[created("1/z"), created("new/x")])).await;
        assert_eq!((report.known, report.added, report.lookups, ran.len()), (1, 1, 1, 1));
    }

    #[tokio::test]
    async fn a_partition_at_another_location_is_told_once() {
        let maintainer = maintainer(FakeEngine::default(), "string", LONGEST_STATEMENT);
        let (reply, report, ran) = handled_by(&maintainer, sqs(&[created("2/x")])).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[]}"#);
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"partitions are registered at other locations","class":"elsewhere","partitions":1,"examples":[{"wanted":"s3://lake/2/","registered":"s3://old/2"}],"function":"f"}"#);
        assert_eq!((report.known, report.added, ran.len()), (0, 0, 0));
        let (_, report, _) = handled_by(&maintainer, sqs(&[created("2/y")])).await;
        assert_eq!((report.elsewhere, report.known, report.lookups), (vec![], 1, 0));
    }

    #[tokio::test]
    async fn two_folders_can_be_one_partition() {
        let maintainer = maintainer(FakeEngine::default(), "int", LONGEST_STATEMENT);
        let (_, report, ran) = handled_by(&maintainer, sqs(&[created("7/x"), created("07/x"), created("01/x")])).await;
        insta::assert_snapshot!(ran.join("\n"), @"
        ALTER TABLE `db`.`t` ADD IF NOT EXISTS
          PARTITION (`k` = 7) LOCATION 's3://lake/07/'
        ");
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"partitions are registered at other locations","class":"elsewhere","partitions":2,"examples":[{"wanted":"s3://lake/01/","registered":"s3://lake/1"},{"wanted":"s3://lake/7/","registered":"s3://lake/07/"}],"function":"f"}"#);
        assert_eq!((report.added, report.known, report.failed), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_value_that_is_none_of_its_column_fails_its_message_alone() {
        let maintainer = maintainer(FakeEngine::default(), "int", LONGEST_STATEMENT);
        let event = sqs(&[created("x/1"), created("7/1"), created("y/1"), created("y/2")]);
        let (reply, report, ran) = handled_by(&maintainer, event).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[{"itemIdentifier":"id-0"},{"itemIdentifier":"id-2"},{"itemIdentifier":"id-3"}]}"#);
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"failed to register partitions: not a partition of the table: the value of `k` is not of its type `int`","class":"unfit","partitions":2,"example":"s3://lake/x/","function":"f"}"#);
        assert_eq!((report.added, report.failed, ran.len()), (1, 2, 1));
    }

    #[tokio::test]
    async fn a_partition_too_long_for_a_statement_fails_its_message_alone() {
        let maintainer = maintainer(FakeEngine::default(), "string", 100);
        let (reply, report, ran) =
            handled_by(&maintainer, sqs(&[created("a/1"), created(&format!("{}/1", "b".repeat(50)))])).await;
        insta::assert_snapshot!(reply, @r#"{"batchItemFailures":[{"itemIdentifier":"id-1"}]}"#);
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"failed to register partitions: not a partition of the table: its statement would have 184 bytes, expected at most 100","class":"unfit","partitions":1,"example":"s3://lake/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/","function":"f"}"#);
        assert_eq!((report.added, report.failed, report.queries, ran.len()), (1, 1, 1, 1));
    }

    #[tokio::test]
    async fn a_table_of_other_columns_gets_nothing() {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let catalog = MemoryCatalog::new(PartitionColumns::new([("k", "string"), ("l", "string")]).unwrap());
        let maintainer = Maintainer::new(Scope { layout, bucket: "lake".into() }, catalog);
        let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "one" };
        let event = sqs(&[created("a/1")]).to_string();
        let (reply, report) = maintainer.handle(&event, Invocation { now: &|| 0, attempt }).await;
        insta::assert_snapshot!(reply.unwrap(), @r#"{"batchItemFailures":[{"itemIdentifier":"id-0"}]}"#);
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"failed to register partitions: the table does not fit: the keys of the prefix and of the table differ: `k` and `k, l`","class":"table","partitions":1,"example":"s3://lake/a/","function":"f"}"#);
        assert_eq!(maintainer.catalog().partitions(), BTreeMap::new());
    }

    #[tokio::test]
    async fn what_the_catalog_does_not_answer_is_not_added() {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let denied = CatalogError::Denied("`BatchGetPartition`".into());
        let catalog = MemoryCatalog::new(PartitionColumns::new([("k", "string")]).unwrap());
        let catalog = FailingCatalog::new(catalog, move |call| match call {
            Call::Find(asked) => Some(Fault::OnePartition(asked[0].clone(), denied.clone())),
            _ => None,
        });
        let maintainer = Maintainer::new(Scope { layout, bucket: "lake".into() }, catalog);
        let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "one" };
        let event = sqs(&[created("a/1"), created("b/1")]).to_string();
        let (reply, report) = maintainer.handle(&event, Invocation { now: &|| 0, attempt }).await;
        insta::assert_snapshot!(reply.unwrap(), @r#"{"batchItemFailures":[{"itemIdentifier":"id-0"}]}"#);
        insta::assert_snapshot!(failures(&report), @r#"{"level":"ERROR","message":"failed to register partitions: access denied: `BatchGetPartition`","class":"denied","partitions":1,"example":"s3://lake/a/","function":"f"}"#);
        assert_eq!((report.added, report.failed, report.lookups, report.queries), (1, 1, 3, 1));
        let registered: Vec<String> = maintainer.catalog().catalog().partitions().into_values().collect();
        assert_eq!(registered, ["s3://lake/b/"]);
    }
}
