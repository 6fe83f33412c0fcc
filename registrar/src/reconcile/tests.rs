//! Folders in a bucket in memory are held against a catalog in memory.

use super::{
    Bucket, Finding, Listing, MemoryBucket, Place, Reconciler, Reconciliation, Request, Stopped, Unreconciled,
};
use crate::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use crate::columns::PartitionColumns;
use crate::handler::{Invocation, Maintainer, Scope};
use crate::memory::MemoryCatalog;
use crate::table_name::TableName;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::error_prefix::ErrorPrefix;
use shared::layout::Layout;
use shared::object_key::ObjectKey;
use shared::partition::{Partition, PartitionValue};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// Component and day: a folder of any name, then folders that Hive named, one of them always the same.
const LAYOUT: &str = "!{partitionKeyFromLambda:component}/data/day=!{partitionKeyFromLambda:day}/";
const COLUMNS: [(&str, &str); 2] = [("component", "string"), ("day", "int")];

fn layout(prefix: &str) -> Layout {
    Layout::parse(prefix, &ErrorPrefix::parse("errors/").unwrap()).unwrap()
}

fn partition(values: &[&str]) -> Partition {
    Partition::new(values.iter().map(|value| PartitionValue::new(*value).unwrap()).collect())
}

fn table() -> TableName {
    TableName::parse("db.t").unwrap()
}

/// A table of this layout in the bucket `lake`; each partition that is registered is `value,value` with a location.
fn maintainer(prefix: &str, columns: &[(&str, &str)], registered: &[(&str, &str)]) -> Maintainer<MemoryCatalog> {
    let catalog = MemoryCatalog::new(PartitionColumns::new(columns.iter().copied()).unwrap());
    for (values, location) in registered {
        catalog.put(partition(&values.split(',').collect::<Vec<_>>()), location);
    }
    Maintainer::new(Scope { layout: layout(prefix), bucket: "lake".into() }, catalog)
}

/// An invocation that never ends.
fn endless() -> Invocation<'static> {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
    Invocation { now: &|| 0, attempt: Attempt { deadline, id: "test" } }
}

/// What is found, a line each, and the counts.
async fn told<C: Catalog + Sync, B: Bucket + Sync>(
    maintainer: &Maintainer<C>,
    bucket: B,
    request: &Request,
) -> (String, Reconciliation) {
    let mut text = String::new();
    let mut tell = |finding| {
        match finding {
            Finding::Missing(location) => writeln!(text, "missing {location}"),
            Finding::Unfit { location, reason } => writeln!(text, "unfit {location}: {reason}"),
            Finding::Elsewhere(elsewhere) => {
                writeln!(text, "elsewhere {} at {}", elsewhere.wanted, elsewhere.registered)
            }
            Finding::Gone { location, statement } => writeln!(text, "gone {location}: {statement}"),
            Finding::Foreign(folder) => writeln!(text, "foreign {folder}"),
            Finding::Statement(statement) => writeln!(text, "{statement}"),
        }
        .unwrap();
    };
    let done = Reconciler::new(bucket, table()).run(maintainer, request, endless(), &mut tell).await;
    (text, done)
}

/// What is found in a bucket with these keys.
async fn check(keys: &[&str], registered: &[(&str, &str)]) -> String {
    let maintainer = maintainer(LAYOUT, &COLUMNS, registered);
    let (text, done) = told(&maintainer, MemoryBucket::new(keys.iter().copied()), &Request::default()).await;
    assert_eq!(done.stopped, None);
    text
}

#[tokio::test]
async fn folders_with_data_are_registered() {
    let maintainer = maintainer(LAYOUT, &COLUMNS, &[("a,1", "s3://lake/a/data/day=1/")]);
    let keys = ["a/data/day=1/x", "a/data/day=2/x", "a/data/day=2/y", "b%2Fc/data/day=1/x", "readme.txt"];
    let (text, done) = told(&maintainer, MemoryBucket::new(keys), &Request::default()).await;
    insta::assert_snapshot!(text, @"
    missing s3://lake/a/data/day=2/
    missing s3://lake/b%2Fc/data/day=1/
    ");
    assert_eq!((done.folders, done.missing, done.added, done.registered), (3, 2, 2, 3));
    let registered: Vec<_> = maintainer.catalog().partitions().into_values().collect();
    assert_eq!(registered, ["s3://lake/a/data/day=1/", "s3://lake/a/data/day=2/", "s3://lake/b%2Fc/data/day=1/"]);
    // The second time there is nothing to do.
    let (text, done) = told(&maintainer, MemoryBucket::new(keys), &Request::default()).await;
    assert_eq!((text.as_str(), done.queries, done.lookups), ("", 0, 2));
}

#[tokio::test]
async fn what_holds_no_data_is_no_partition() {
    let maintainer = maintainer(LAYOUT, &COLUMNS, &[]);
    let bucket = MemoryBucket::new(["a/data/day=4/_SUCCESS", "a/data/day=5/.x", "a/data/day=6/deeper/x", "b/other/x"]);
    bucket.put("a/data/day=1/", 0);
    bucket.put("a/data/day=2/x", 0);
    bucket.put("a/data/day=3/x_$folder$", 1);
    bucket.put("a/data/day=7/x", 0);
    bucket.put("a/data/day=7/y", 5);
    let (text, done) = told(&maintainer, bucket, &Request::default()).await;
    insta::assert_snapshot!(text, @"missing s3://lake/a/data/day=7/");
    assert_eq!((done.folders, done.empty, done.added), (7, 6, 1));
}

#[tokio::test]
async fn what_is_not_ours_is_told_or_passed_over() {
    let keys = [
        "errors/x/data/day=1/x",
        "_tmp/data/day=1/x",
        "a/.hidden/x",
        "a/data/month=1/x",
        "a/data/day=1/x",
        "%41/data/day=1/x",
    ];
    insta::assert_snapshot!(check(&keys, &[]).await, @"
    foreign %41/data/day=1/
    foreign a/data/month=1/
    missing s3://lake/a/data/day=1/
    ");
}

#[tokio::test]
async fn what_is_registered_elsewhere_is_told_and_left() {
    let registered = [("a,1", "s3://old/a/1"), ("a,2", "s3://lake/a/data/day=2"), ("a,3", "s3://old/a/3/")];
    let keys = ["a/data/day=1/x", "a/data/day=2/x"];
    insta::assert_snapshot!(check(&keys, &registered).await, @"elsewhere s3://lake/a/data/day=1/ at s3://old/a/1");
}

#[tokio::test]
async fn two_folders_of_one_partition() {
    let both = ["a/data/day=07/x", "a/data/day=7/x"];
    insta::assert_snapshot!(check(&both, &[]).await, @"
    missing s3://lake/a/data/day=07/
    elsewhere s3://lake/a/data/day=7/ at s3://lake/a/data/day=07/
    ");
    insta::assert_snapshot!(check(&both, &[("a,7", "s3://lake/a/data/day=7/")]).await, @"elsewhere s3://lake/a/data/day=07/ at s3://lake/a/data/day=7/");
    // A folder without data is in nobody's way.
    let keys = ["a/data/day=07/_x", "a/data/day=7/x"];
    insta::assert_snapshot!(check(&keys, &[]).await, @"missing s3://lake/a/data/day=7/");
}

#[tokio::test]
async fn what_is_gone_is_told_and_left() {
    let registered = [
        ("a,1", "s3://lake/a/data/day=1/"),
        ("a,2", "s3://lake/a/data/day=2"),
        ("a,3", "s3://lake/a/data/day=03/"),
        ("it's,-4", "s3://lake/it%27s/data/day=-4/"),
        // These lie where the layout puts no partition, or another.
        ("b,1", "s3://lake/a/data/day=1/"),
        ("c,1", "s3://lake/c/1/"),
        ("d,1", "s3://other/d/data/day=1/"),
    ];
    let maintainer = maintainer(LAYOUT, &COLUMNS, &registered);
    let (text, done) = told(&maintainer, MemoryBucket::new(["a/data/day=1/x"]), &Request::default()).await;
    insta::assert_snapshot!(text, @r"
    gone s3://lake/a/data/day=03/: ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'a', `day` = 3)
    gone s3://lake/a/data/day=2: ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'a', `day` = 2)
    gone s3://lake/it%27s/data/day=-4/: ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'it\'s', `day` = '-4')
    ");
    assert_eq!((done.registered, done.gone, done.outside), (7, 3, 3));
    assert_eq!(maintainer.catalog().partitions().len(), 7);
}

#[tokio::test]
async fn values_that_are_none_of_the_column_are_told_and_fail() {
    let maintainer = maintainer(LAYOUT, &COLUMNS, &[]);
    let keys = ["a/data/day=1/x", "a/data/day=soon/x", "a/data/day=later/_x"];
    let (text, done) = told(&maintainer, MemoryBucket::new(keys), &Request::default()).await;
    insta::assert_snapshot!(text, @"
    missing s3://lake/a/data/day=1/
    unfit s3://lake/a/data/day=soon/: the value of `day` is not of its type `int`
    ");
    assert_eq!((done.added, done.failed, done.empty), (1, 1, 1));
    insta::assert_snapshot!(done.fault().unwrap(), @"partitions not registered: 1; first: not a partition of the table: the value of `day` is not of its type `int`");
}

#[tokio::test]
async fn a_dry_run_tells_the_statements_and_changes_nothing() {
    let dry = Request { dry_run: true, after: None };
    let maintainer = maintainer(LAYOUT, &COLUMNS, &[("a,1", "s3://old/"), ("b,1", "s3://lake/b/data/day=1/")]);
    let keys = [
        "a/data/day=01/x",
        "a/data/day=2/x",
        "a/data/day=02/x",
        "it's/data/day=3/x",
        "it%27s/data/day=3/x",
        "x/data/day=x/x",
    ];
    let (text, done) = told(&maintainer, MemoryBucket::new(keys), &dry).await;
    insta::assert_snapshot!(text, @r"
    foreign it's/data/day=3/
    elsewhere s3://lake/a/data/day=01/ at s3://old/
    missing s3://lake/a/data/day=02/
    elsewhere s3://lake/a/data/day=2/ at s3://lake/a/data/day=02/
    missing s3://lake/it%27s/data/day=3/
    unfit s3://lake/x/data/day=x/: the value of `day` is not of its type `int`
    ALTER TABLE `db`.`t` ADD IF NOT EXISTS
      PARTITION (`component` = 'a', `day` = 2) LOCATION 's3://lake/a/data/day=02/'
      PARTITION (`component` = 'it\'s', `day` = 3) LOCATION 's3://lake/it%27s/data/day=3/'
    gone s3://lake/b/data/day=1/: ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'b', `day` = 1)
    ");
    assert_eq!((done.missing, done.added, done.elsewhere, done.gone, done.failed, done.queries), (2, 0, 2, 1, 1, 0));
    assert_eq!(maintainer.catalog().partitions().len(), 2);
}

#[tokio::test]
async fn times_and_random_folders() {
    let prefix = "t/!{timestamp:yyyy/MM}/!{firehose:random-string}/z/";
    let columns = [("year", "int"), ("month", "string")];
    let maintainer = maintainer(prefix, &columns, &[("2026,03", "s3://lake/t/2026/03/")]);
    let keys = [
        "t/2026/01/Ab3dEf6hIjk/z/x",
        "t/2026/02/Ab3dEf6hIjk/x",
        "t/2026/02/Ab3dEf6hIjl/z/_x",
        "t/2026/1/Ab3dEf6hIjk/z/x",
        "t/2026/04/x",
    ];
    let (text, done) = told(&maintainer, MemoryBucket::new(keys), &Request::default()).await;
    insta::assert_snapshot!(text, @"
    foreign t/2026/1/
    missing s3://lake/t/2026/01/
    gone s3://lake/t/2026/03/: ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`year` = 2026, `month` = '03')
    ");
    assert_eq!((done.folders, done.empty), (3, 2));
}

/// A bucket or a catalog whose calls fail at times, by the number of the call.
struct Failing<T> {
    inner: T,
    fails: Box<dyn Fn(usize) -> bool + Send + Sync>,
    calls: AtomicUsize,
}

impl<T> Failing<T> {
    /// The call of this number fails.
    fn once(inner: T, fails: usize) -> Self {
        Self { inner, fails: Box::new(move |call| call == fails), calls: AtomicUsize::new(0) }
    }

    /// One call of so many fails, now this one and now that.
    fn at_times(inner: T, one_of: u64, seed: u64) -> Self {
        let fails = move |call: usize| hash((seed, call)).is_multiple_of(one_of);
        Self { inner, fails: Box::new(fails), calls: AtomicUsize::new(0) }
    }

    fn fail(&self) -> Result<(), CatalogError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if (self.fails)(call) { Err(CatalogError::Throttled(format!("call {call}"))) } else { Ok(()) }
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<B: Bucket + Sync> Bucket for Failing<B> {
    async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        attempt: Attempt<'_>,
    ) -> Result<Listing, CatalogError> {
        self.fail()?;
        self.inner.list(folder, after, at_most, attempt).await
    }
}

impl<C: Catalog + Sync> Catalog for Failing<C> {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        self.fail()?;
        self.inner.columns(attempt).await
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        match self.fail() {
            Ok(()) => self.inner.find(partitions, attempt).await,
            Err(error) => vec![Batch { partitions: partitions.to_vec(), result: Err(error) }],
        }
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        match self.fail() {
            Ok(()) => self.inner.add(columns, partitions, attempt).await,
            Err(error) => vec![Batch { partitions: partitions.keys().cloned().collect(), result: Err(error) }],
        }
    }

    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        self.fail()?;
        self.inner.list(after, attempt).await
    }
}

#[tokio::test]
async fn what_fails_is_named_and_gone_on_with() {
    let stopped_by = async |catalog_fails: usize, bucket_fails: usize| {
        let inner = MemoryCatalog::new(PartitionColumns::new(COLUMNS).unwrap());
        let scope = Scope { layout: layout(LAYOUT), bucket: "lake".into() };
        let maintainer = Maintainer::new(scope, Failing::once(inner, catalog_fails));
        let bucket = Failing::once(MemoryBucket::new(["a/data/day=1/x", "b/data/day=1/x"]), bucket_fails);
        let (_, done) = told(&maintainer, bucket, &Request::default()).await;
        format!("{}; after {}", done.fault().unwrap(), serde_json::to_string(&done.after).unwrap())
    };
    insta::assert_snapshot!(stopped_by(1, 99).await, @r#"failed to read the table: throttled: call 1; after """#);
    insta::assert_snapshot!(stopped_by(2, 99).await, @r#"failed to look for partitions: throttled: call 2; after """#);
    insta::assert_snapshot!(stopped_by(3, 99).await, @r#"failed to register partitions: throttled: call 3; after """#);
    insta::assert_snapshot!(stopped_by(4, 99).await, @r#"failed to register partitions: throttled: call 4; after """#);
    insta::assert_snapshot!(stopped_by(5, 99).await, @r#"failed to list the catalog: throttled: call 5; after {"catalog":null,"after":null}"#);
    insta::assert_snapshot!(stopped_by(99, 1).await, @r#"failed to list the bucket: throttled: call 1; after """#);
    insta::assert_snapshot!(stopped_by(99, 3).await, @r#"failed to list the folder `b/data/`: throttled: call 3; after """#);
    insta::assert_snapshot!(stopped_by(99, 5).await, @r#"failed to list the folder `b/data/day=1/`: throttled: call 5; after "a/data/day=1/""#);
    insta::assert_snapshot!(stopped_by(99, 6).await, @r#"failed to list the folder `a/data/`: throttled: call 6; after {"catalog":null,"after":null}"#);
}

/// The reply to an event, and the log.
async fn replied(event: Value) -> (String, String) {
    let registered = [("a,1", "s3://old/"), ("b,1", "s3://lake/b/data/day=1/")];
    let maintainer = maintainer(LAYOUT, &COLUMNS, &registered);
    let bucket = MemoryBucket::new(["a/data/day=1/x", "a/data/day=2/x", "a/elsewhere/x", "x/data/y/x"]);
    let handled = Reconciler::new(bucket, table()).handle(&maintainer, &event.to_string(), endless()).await;
    let Some((reply, lines)) = handled else { return ("not for us".into(), String::new()) };
    let lines: Vec<_> = lines.iter().map(|line| line.to_json(0, "maintainer")).collect();
    (reply.map_or_else(|error| error.to_string(), |reply| reply.to_string()), lines.join("\n"))
}

#[tokio::test]
async fn an_event_is_answered_and_logged() {
    let scheduled = json!({ "detail-type": "Scheduled Event", "source": "aws.events", "detail": {} });
    let (reply, log) = replied(scheduled).await;
    insta::assert_snapshot!(reply, @r#"{"dry_run":false,"complete":true,"after":null,"folders":2,"registered":3,"missing":1,"added":1,"failed":0,"elsewhere":1,"empty":0,"gone":1,"outside":1,"foreign":1,"found":{"missing":["s3://lake/a/data/day=2/"],"unfit":[],"elsewhere":[{"wanted":"s3://lake/a/data/day=1/","registered":"s3://old/"}],"gone":[{"location":"s3://lake/b/data/day=1/","statement":"ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'b', `day` = 1)"}],"foreign":["x/data/y/"],"statements":[]}}"#);
    insta::assert_snapshot!(log, @r#"
    {"level":"ERROR","message":"partitions are registered at other locations","class":"elsewhere","partitions":1,"examples":[{"wanted":"s3://lake/a/data/day=1/","registered":"s3://old/"}],"function":"maintainer"}
    {"level":"WARN","message":"partitions are registered whose folder is not there","class":"gone","partitions":1,"examples":[{"location":"s3://lake/b/data/day=1/","statement":"ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'b', `day` = 1)"}],"function":"maintainer"}
    {"level":"INFO","message":"reconciled folders and partitions","dry_run":false,"complete":true,"foreign":["x/data/y/"],"FoldersSeen":2,"FoldersEmpty":0,"FoldersForeign":1,"PartitionsSeen":3,"PartitionsMissing":1,"PartitionsAdded":1,"PartitionsFailed":0,"PartitionsElsewhere":1,"PartitionsGone":1,"PartitionsOutside":1,"Listings":7,"Lookups":4,"Queries":1,"function":"maintainer","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"FoldersSeen","Unit":"Count"},{"Name":"FoldersEmpty","Unit":"Count"},{"Name":"FoldersForeign","Unit":"Count"},{"Name":"PartitionsSeen","Unit":"Count"},{"Name":"PartitionsMissing","Unit":"Count"},{"Name":"PartitionsAdded","Unit":"Count"},{"Name":"PartitionsFailed","Unit":"Count"},{"Name":"PartitionsElsewhere","Unit":"Count"},{"Name":"PartitionsGone","Unit":"Count"},{"Name":"PartitionsOutside","Unit":"Count"},{"Name":"Listings","Unit":"Count"},{"Name":"Lookups","Unit":"Count"},{"Name":"Queries","Unit":"Count"}]}]}}
    "#);
    let (reply, log) = replied(json!({ "reconcile": { "dry_run": true } })).await;
    insta::assert_snapshot!(reply, @r#"{"dry_run":true,"complete":true,"after":null,"folders":2,"registered":2,"missing":1,"added":0,"failed":0,"elsewhere":1,"empty":0,"gone":1,"outside":1,"foreign":1,"found":{"missing":["s3://lake/a/data/day=2/"],"unfit":[],"elsewhere":[{"wanted":"s3://lake/a/data/day=1/","registered":"s3://old/"}],"gone":[{"location":"s3://lake/b/data/day=1/","statement":"ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'b', `day` = 1)"}],"foreign":["x/data/y/"],"statements":["ALTER TABLE `db`.`t` ADD IF NOT EXISTS\n  PARTITION (`component` = 'a', `day` = 2) LOCATION 's3://lake/a/data/day=2/'"]}}"#);
    insta::assert_snapshot!(log, @r#"
    {"level":"ERROR","message":"partitions are registered at other locations","class":"elsewhere","partitions":1,"examples":[{"wanted":"s3://lake/a/data/day=1/","registered":"s3://old/"}],"function":"maintainer"}
    {"level":"WARN","message":"partitions are registered whose folder is not there","class":"gone","partitions":1,"examples":[{"location":"s3://lake/b/data/day=1/","statement":"ALTER TABLE `db`.`t` DROP IF EXISTS PARTITION (`component` = 'b', `day` = 1)"}],"function":"maintainer"}
    {"level":"INFO","message":"would run a statement","statement":"ALTER TABLE `db`.`t` ADD IF NOT EXISTS\n  PARTITION (`component` = 'a', `day` = 2) LOCATION 's3://lake/a/data/day=2/'","function":"maintainer"}
    {"level":"INFO","message":"reconciled folders and partitions","dry_run":true,"complete":true,"foreign":["x/data/y/"],"FoldersSeen":2,"FoldersEmpty":0,"FoldersForeign":1,"PartitionsSeen":2,"PartitionsMissing":1,"PartitionsAdded":0,"PartitionsFailed":0,"PartitionsElsewhere":1,"PartitionsGone":1,"PartitionsOutside":1,"Listings":6,"Lookups":3,"Queries":0,"function":"maintainer","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"FoldersSeen","Unit":"Count"},{"Name":"FoldersEmpty","Unit":"Count"},{"Name":"FoldersForeign","Unit":"Count"},{"Name":"PartitionsSeen","Unit":"Count"},{"Name":"PartitionsMissing","Unit":"Count"},{"Name":"PartitionsAdded","Unit":"Count"},{"Name":"PartitionsFailed","Unit":"Count"},{"Name":"PartitionsElsewhere","Unit":"Count"},{"Name":"PartitionsGone","Unit":"Count"},{"Name":"PartitionsOutside","Unit":"Count"},{"Name":"Listings","Unit":"Count"},{"Name":"Lookups","Unit":"Count"},{"Name":"Queries","Unit":"Count"}]}]}}
    "#);
    assert_eq!(replied(json!({ "Records": [] })).await.0, "not for us");
    insta::assert_snapshot!(replied(json!({ "reconcile": { "dry-run": true } })).await.0, @r#"not a reconcile: unknown field `dry-run`, expected `dry_run` or `after`; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
}

#[tokio::test]
async fn a_failed_event_is_an_error() {
    let scope = Scope { layout: layout(LAYOUT), bucket: "lake".into() };
    let inner = MemoryCatalog::new(PartitionColumns::new(COLUMNS).unwrap());
    let maintainer = Maintainer::new(scope, Failing::once(inner, 1));
    let reconciler = Reconciler::new(MemoryBucket::new(["a/data/day=1/x"]), table());
    let (reply, lines) = reconciler.handle(&maintainer, r#"{"reconcile": {}}"#, endless()).await.unwrap();
    let Err(Unreconciled::Failed(message)) = reply else { panic!("{reply:?}") };
    insta::assert_snapshot!(message, @"failed to read the table: throttled: call 1");
    insta::assert_snapshot!(lines[0].to_json(0, "maintainer"), @r#"{"level":"WARN","message":"failed to read the table: throttled: call 1","class":"throttled","after":"","function":"maintainer"}"#);
}

/// The partitions that have data, by a simpler reading: object by object.
fn partitions_with_data(layout: &Layout, keys: &BTreeMap<String, u64>) -> BTreeMap<Partition, BTreeSet<String>> {
    let mut partitions: BTreeMap<Partition, BTreeSet<String>> = BTreeMap::new();
    let columns = PartitionColumns::new(COLUMNS).unwrap();
    for (key, bytes) in keys {
        if let Ok((partition, prefix)) = layout.locate(&ObjectKey::from_plain(key.as_str()))
            && let Ok(of_table) = columns.canonical(&partition)
            && *bytes > 0
        {
            partitions.entry(of_table).or_default().insert(format!("s3://lake/{prefix}"));
        }
    }
    partitions
}

/// Keys of the layout and near it, some of them awkward.
fn keys() -> impl Strategy<Value = BTreeMap<String, u64>> {
    let component = prop_oneof![
        "[ab]",
        "[a-c]{1,3}",
        "a[-.!0]{0,2}",
        "errors",
        "%65rrors",
        "_a",
        "é[é🚚]",
        "a%2Fb",
        "it's",
        " ",
        "\u{10ffff}",
    ];
    let day = prop_oneof!["[0-9]{1,2}", "-?0?[1-3]", "x"];
    let between =
        prop_oneof![8 => Just("data".to_owned()), 1 => Just("date".to_owned()), 1 => Just("data/deeper".to_owned())];
    let name = prop_oneof![6 => "[xy]", 1 => Just("_x".to_owned()), 1 => Just(String::new()), 1 => Just("x_$folder$".to_owned())];
    let deep = (component.clone(), between, day, name)
        .prop_map(|(component, between, day, name)| format!("{component}/{between}/day={day}/{name}"));
    let key = prop_oneof![9 => deep, 1 => component.prop_map(|component| format!("{component}/x"))];
    proptest::collection::btree_map(key, 0..3_u64, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn however_often_it_is_cut_in_the_end_all_is_registered(
        keys in keys(),
        registered in proptest::collection::vec(("[abc]{1,2}", 0..12_i32, 0..4_u8), 0..20),
        page in 1..9_usize,
        every in 3..40_u64,
        seed in any::<u64>(),
        seconds in 17..40_i64,
        forgets in any::<bool>(),
    ) {
        let bucket = MemoryBucket::new(Vec::<String>::new()).with_page(page);
        for (key, bytes) in &keys {
            bucket.put(key, *bytes);
        }
        let catalog = MemoryCatalog::new(PartitionColumns::new(COLUMNS).unwrap());
        for (component, day, place) in &registered {
            let location = match place {
                0 => "s3://old/".to_owned(),
                1 => format!("s3://lake/{component}/data/day=0{day}"),
                _ => format!("s3://lake/{component}/data/day={day}/"),
            };
            catalog.put(partition(&[component, &day.to_string()]), &location);
        }
        let before = catalog.partitions();
        let maintainer = Maintainer::new(Scope { layout: layout(LAYOUT), bucket: "lake".into() }, Failing::at_times(catalog, every, seed));
        let bucket = Failing::at_times(bucket, every + 1, !seed);

        // Each look at the clock takes a fifth of a second, and an invocation has few seconds.
        let mut reconciler = Reconciler::new(&bucket, table());
        let mut after = None;
        let gone = Mutex::new(BTreeSet::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut invocations = 0;
        loop {
            let clock = AtomicI64::new(0);
            let now = || clock.fetch_add(200, Ordering::Relaxed);
            let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
            let invocation = Invocation { now: &now, attempt: Attempt { deadline, id: "test" } };
            let request = Request { dry_run: false, after: after.clone() };
            let mut tell = |finding| if let Finding::Gone { location, .. } = finding {
                gone.lock().unwrap().insert(location);
            };
            let done = runtime.block_on(reconciler.run(&maintainer, &request, invocation, &mut tell));
            invocations += 1;
            prop_assert!(invocations < 2_000, "no end: {:?} after {:?}", done.stopped, done.after);
            match done.stopped {
                None => break,
                Some(Stopped::Failed { error, .. }) => prop_assert!(matches!(error, CatalogError::Throttled(_))),
                Some(Stopped::Deadline) => {}
            }
            // A sandbox that is lost takes its place with it; the reply had it.
            if forgets {
                reconciler = Reconciler::new(&bucket, table());
                after = done.after;
            }
        }

        let expected = partitions_with_data(&layout(LAYOUT), &keys);
        let now = maintainer.catalog().inner.partitions();
        for (partition, location) in &before {
            prop_assert_eq!(now.get(partition), Some(location), "dropped or moved");
        }
        for (partition, location) in now.iter().filter(|(partition, _)| !before.contains_key(partition)) {
            let folders = expected.get(partition);
            prop_assert!(folders.is_some_and(|folders| folders.contains(location)), "{location} was added, and has no data");
        }
        for partition in expected.keys() {
            prop_assert!(now.contains_key(partition), "{partition:?} is missing");
        }
        // Gone is what is registered in its own folder, which holds nothing at all.
        let own = |(partition, location): (&Partition, &String)| {
            let folder = format!("{}/", location.strip_prefix("s3://lake/")?.trim_end_matches('/'));
            let probe = layout(LAYOUT).locate(&ObjectKey::from_plain(format!("{folder}x"))).ok()?;
            let is_its = PartitionColumns::new(COLUMNS).unwrap().canonical(&probe.0).as_ref() == Ok(partition);
            (is_its && !keys.keys().any(|key| key.starts_with(&folder))).then(|| location.clone())
        };
        let expected: BTreeSet<String> = now.iter().filter_map(own).collect();
        prop_assert_eq!(gone.into_inner().unwrap(), expected);
    }

    #[test]
    fn what_comes_after_a_place_is_walked_and_no_more(keys in keys(), after in "|[ab]/?|a/data/(day=[0-9]{0,2}/?)?|a-/|a/d|é.{0,2}") {
        let maintainer = maintainer(LAYOUT, &COLUMNS, &[]);
        let bucket = MemoryBucket::new(Vec::<String>::new()).with_page(2);
        for (key, bytes) in &keys {
            bucket.put(key, *bytes);
        }
        let request = Request { dry_run: false, after: Some(Place::Folder(after.clone())) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(told(&maintainer, bucket, &request));
        // A folder is behind with all that is in it; of any other text, what begins with it is not.
        let is_behind = |folder: &str| folder < after.as_str() || after.ends_with('/') && folder.starts_with(&after);
        let layout = layout(LAYOUT);
        let ahead: BTreeMap<_, _> = keys.into_iter().filter(|(key, _)| {
            layout.locate(&ObjectKey::from_plain(key.as_str())).is_ok_and(|(_, prefix)| !is_behind(&prefix))
        }).collect();
        let expected = partitions_with_data(&layout, &ahead);
        let now = maintainer.catalog().partitions();
        prop_assert_eq!(now.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    }
}
