//! From a queue to the catalog, whatever goes wrong on the way: after redelivery every partition is there once, and nothing is
//! acknowledged that is not.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

mod envelopes;

use envelopes::{BUCKET, notification, sqs};
use proptest::prelude::*;
use registrar::catalog::{Attempt, CatalogError};
use registrar::columns::PartitionColumns;
use registrar::failing::{Call, FailingCatalog, Fault};
use registrar::handler::{Incomplete, Invocation, Maintainer, Scope};
use registrar::memory::MemoryCatalog;
use registrar::report::Report;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::layout::Layout;
use shared::partition::Partition;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

fn scope() -> Scope {
    let errors = ErrorPrefix::parse("errors/").unwrap();
    let layout = Layout::parse("data/!{partitionKeyFromLambda:component}/", &errors).unwrap();
    Scope { layout, bucket: BUCKET.to_owned() }
}

fn catalog() -> MemoryCatalog {
    MemoryCatalog::new(PartitionColumns::new([("component", "string")]).unwrap())
}

fn key(component: usize) -> String {
    format!("data/component {component}/object")
}

/// The location of each partition that these components are.
fn locations(components: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    components.into_iter().map(|component| format!("s3://{BUCKET}/data/component {component}/")).collect()
}

/// Handles an event to its end.
async fn handled(maintainer: &Maintainer<FailingCatalog<&MemoryCatalog>>, event: &str) -> Report {
    let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "one" };
    let (reply, report) = maintainer.handle(event, Invocation { now: &|| 0, attempt }).await;
    assert_eq!(reply.unwrap()["batchItemFailures"], Value::Array(vec![]));
    report
}

#[tokio::test]
async fn ten_thousand_events_over_two_hundred_partitions_are_three_calls() {
    const EVENTS: usize = 10_000;
    const PARTITIONS: usize = 200;
    let mut bodies: Vec<String> =
        (0..EVENTS).map(|place| notification(place, &key(place * 7 % PARTITIONS)).to_string()).collect();
    let catalog = catalog();
    let maintainer = Maintainer::new(scope(), FailingCatalog::new(&catalog, |_| None));
    let report = handled(&maintainer, &sqs(bodies.iter().map(String::as_str))).await;
    assert_eq!((report.messages, report.notifications, report.added), (10_000, 10_000, 200));
    let calls = maintainer.catalog().calls();
    let sizes: Vec<(&str, usize)> = calls.iter().map(size).collect();
    assert_eq!(sizes, [("columns", 0), ("find", PARTITIONS), ("add", PARTITIONS)]);
    let registered = catalog.partitions();
    assert_eq!(registered.values().cloned().collect::<BTreeSet<_>>(), locations(0..PARTITIONS));

    // Shuffled and repeated: no call at all, and nothing more that is remembered.
    bodies.extend_from_within(..EVENTS / 4);
    bodies.sort_by_cached_key(|body| {
        body.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
    });
    let report = handled(&maintainer, &sqs(bodies.iter().map(String::as_str))).await;
    assert_eq!((report.notifications, report.known, report.added, report.lookups), (12_500, 200, 0, 0));
    assert_eq!((maintainer.catalog().calls(), maintainer.remembered()), (vec![], PARTITIONS));

    // A maintainer that knows nothing finds them all, and adds nothing.
    let another = Maintainer::new(scope(), FailingCatalog::new(&catalog, |_| None));
    for batch in bodies.chunks(100) {
        let report = handled(&another, &sqs(batch.iter().map(String::as_str))).await;
        assert_eq!((report.added, report.failed), (0, 0));
    }
    let finds: usize = another
        .catalog()
        .calls()
        .iter()
        .map(size)
        .map(|(name, partitions)| {
            assert_ne!(name, "add");
            partitions
        })
        .sum();
    assert_eq!((finds, catalog.partitions()), (PARTITIONS, registered));
}

fn size(call: &Call) -> (&'static str, usize) {
    match call {
        Call::Columns => ("columns", 0),
        Call::Find(partitions) => ("find", partitions.len()),
        Call::Add(partitions) => ("add", partitions.len()),
        Call::List => ("list", 0),
    }
}

/// A queue, the functions that it calls, and the catalog behind them.
struct World<'w> {
    catalog: &'w MemoryCatalog,
    faults: Faults,
    /// What is not deleted yet: the body of each message, by its id.
    queue: BTreeMap<String, (String, usize)>,
    sandboxes: Vec<Sandbox<'w>>,
    /// What went wrong, as the log has it.
    classes: Vec<String>,
}

/// One process of the function, and what it is about.
struct Sandbox<'w> {
    maintainer: Arc<Maintainer<FailingCatalog<&'w MemoryCatalog>>>,
    at_work: Option<(Vec<String>, Running<'w>)>,
}

type Running<'w> = Pin<Box<dyn Future<Output = (Result<Value, Incomplete>, Report)> + Send + 'w>>;
type Faults = Arc<Mutex<Box<dyn FnMut(&Call) -> Option<Fault> + Send>>>;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A sandbox gets so many messages, from this place of the queue on; those that another has are no exception, since SQS
    /// may hand over twice.
    Receive { sandbox: usize, from: usize, most: usize },
    /// A sandbox goes on to where it has to wait.
    GoOn { sandbox: usize },
    /// A sandbox is killed.
    Kill { sandbox: usize },
}

const SANDBOXES: usize = 2;

impl<'w> World<'w> {
    fn new(
        catalog: &'w MemoryCatalog,
        components: &[usize],
        faults: impl FnMut(&Call) -> Option<Fault> + Send + 'static,
    ) -> Self {
        let message = |(place, component): (usize, &usize)| {
            (format!("id-{place}"), (notification(place, &key(*component)).to_string(), *component))
        };
        let queue = components.iter().enumerate().map(message).collect();
        let faults: Faults = Arc::new(Mutex::new(Box::new(faults)));
        let mut world = Self { catalog, faults, queue, sandboxes: Vec::new(), classes: Vec::new() };
        world.sandboxes = (0..SANDBOXES).map(|_| world.sandbox()).collect();
        world
    }

    fn sandbox(&self) -> Sandbox<'w> {
        let faults = Arc::clone(&self.faults);
        let failing = FailingCatalog::new(self.catalog, move |call| (faults.lock().unwrap())(call));
        Sandbox { maintainer: Arc::new(Maintainer::new(scope(), failing)), at_work: None }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Receive { sandbox, from, most } => {
                let rotated = self.queue.keys().cycle().skip(from % self.queue.len().max(1));
                let ids: Vec<String> = rotated.take(most.min(self.queue.len())).cloned().collect();
                let sandbox = &mut self.sandboxes[sandbox];
                if sandbox.at_work.is_some() || ids.is_empty() {
                    return;
                }
                let event = envelopes::sqs_with_ids(ids.iter().map(|id| (id.as_str(), self.queue[id].0.as_str())));
                let maintainer = Arc::clone(&sandbox.maintainer);
                let running = async move {
                    let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "attempt" };
                    maintainer.handle(&event, Invocation { now: &|| 0, attempt }).await
                };
                sandbox.at_work = Some((ids, Box::pin(running)));
            }
            Step::GoOn { sandbox } => {
                let Some((ids, running)) = &mut self.sandboxes[sandbox].at_work else { return };
                if let Poll::Ready((reply, report)) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    let ids = std::mem::take(ids);
                    self.sandboxes[sandbox].at_work = None;
                    self.acknowledge(&ids, &reply.unwrap(), &report);
                }
            }
            Step::Kill { sandbox } => self.sandboxes[sandbox] = self.sandbox(),
        }
    }

    /// Deletes what is not told to have failed, as SQS does, if it is registered.
    fn acknowledge(&mut self, ids: &[String], reply: &Value, report: &Report) {
        let failed: BTreeSet<&str> = reply["batchItemFailures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["itemIdentifier"].as_str().unwrap())
            .collect();
        let registered: BTreeSet<String> = self.catalog.partitions().into_values().collect();
        for id in ids.iter().filter(|id| !failed.contains(id.as_str())) {
            if let Some((_, component)) = self.queue.remove(id) {
                assert!(registered.is_superset(&locations([component])), "acknowledged, and not registered");
            }
        }
        // A line for each failure with its class, and one for all.
        let lines = report
            .lines()
            .iter()
            .map(|line| serde_json::from_str(&line.to_json(0, "f")).unwrap())
            .collect::<Vec<Value>>();
        let classes: Vec<_> = lines.iter().filter_map(|line| line["class"].as_str()).map(str::to_owned).collect();
        assert_eq!((classes.len(), lines.len()), (report.failures.len(), report.failures.len() + 1));
        assert_eq!(report.failures.iter().map(|failure| failure.partitions as u64).sum::<u64>(), report.failed);
        assert_eq!(failed.is_empty(), report.failed == 0);
        self.classes.extend(classes);
    }

    /// Delivers again and again until the queue is empty; what does not end is killed, as Lambda does at the deadline.
    fn redeliver(&mut self) {
        for round in 0..1_000 {
            if self.queue.is_empty() {
                return;
            }
            for sandbox in 0..SANDBOXES {
                self.step(Step::Receive { sandbox, from: round * 3 + sandbox, most: 10 });
            }
            for turn in 0..40 {
                self.step(Step::GoOn { sandbox: turn % SANDBOXES });
            }
            for sandbox in 0..SANDBOXES {
                if self.sandboxes[sandbox].at_work.is_some() {
                    self.step(Step::Kill { sandbox });
                }
            }
        }
        panic!("{} messages are still there", self.queue.len());
    }
}

/// All that can go wrong with a call.
fn faults() -> impl Strategy<Value = Option<fn(&Call) -> Fault>> {
    let faults: [fn(&Call) -> Fault; 10] = [
        |_| Fault::Refused(CatalogError::Throttled("slow down".into())),
        |_| Fault::Refused(CatalogError::Denied("glue:BatchCreatePartition".into())),
        |_| Fault::Refused(CatalogError::Failed { query: "q".into(), reason: "it broke".into() }),
        |_| Fault::Refused(CatalogError::Failed { query: "q".into(), reason: "AlreadyExistsException".into() }),
        |_| Fault::Refused(CatalogError::Cancelled("q".into())),
        |_| Fault::AnswerLost(CatalogError::TimedOut("query `q` is `RUNNING`".into())),
        |_| Fault::AnswerLost(CatalogError::Unavailable("connection reset".into())),
        |call| match call {
            Call::Find(some) | Call::Add(some) => {
                Fault::OnePartition(some[0].clone(), CatalogError::Rejected("no".into()))
            }
            Call::Columns | Call::List => Fault::Refused(CatalogError::NotStarted("there is no time left")),
        },
        |_| Fault::NeverEnds,
        |_| Fault::DoneAndNeverEnds,
    ];
    prop_oneof![Just(None), proptest::sample::select(faults.to_vec()).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    let sandbox = 0..SANDBOXES;
    prop_oneof![
        2 => (sandbox.clone(), 0_usize..40, 1_usize..12).prop_map(|(sandbox, from, most)| Step::Receive { sandbox, from, most }),
        12 => sandbox.clone().prop_map(|sandbox| Step::GoOn { sandbox }),
        1 => sandbox.prop_map(|sandbox| Step::Kill { sandbox }),
    ]
}

/// Each partition, once, where it lies.
fn assert_registered(catalog: &MemoryCatalog, components: &[usize]) {
    let registered: BTreeMap<Partition, String> = catalog.partitions();
    let expected = locations(components.iter().copied());
    assert_eq!(registered.len(), expected.len());
    assert_eq!(registered.into_values().collect::<BTreeSet<_>>(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn after_redelivery_every_partition_is_there_once(
        components in proptest::collection::vec(0_usize..12, 1..40),
        faults in proptest::collection::vec(faults(), 0..30),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let catalog = catalog();
        let mut faults = faults.into_iter();
        let mut world = World::new(&catalog, &components, move |call| faults.next().flatten().map(|fault| fault(call)));
        for step in steps {
            world.step(step);
        }
        world.redeliver();
        assert_registered(&catalog, &components);
    }
}

/// The classes that the log has, for two maintainers at once of whose calls some go wrong.
fn classes(mut fault: impl FnMut(usize, &Call) -> Option<Fault> + Send + 'static) -> BTreeSet<String> {
    let components: Vec<usize> = (0..60).map(|place| place * 7 % 25).collect();
    let catalog = catalog();
    let mut calls = 0;
    let mut world = World::new(&catalog, &components, move |call| {
        calls += 1;
        fault(calls, call)
    });
    world.redeliver();
    assert_registered(&catalog, &components);
    world.classes.into_iter().collect()
}

/// Every second call of each kind is refused with this, as AWS counts each operation by itself.
fn every_second(error: &CatalogError) -> String {
    let error = error.clone();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let classes = classes(move |_, call| {
        let count = counts.entry(size(call).0).or_default();
        *count += 1;
        count.is_multiple_of(2).then(|| Fault::Refused(error.clone()))
    });
    classes.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_failure_is_a_line_of_its_class() {
    let failed = |reason: &str| CatalogError::Failed { query: "q".into(), reason: reason.into() };
    assert_eq!(every_second(&CatalogError::Throttled("slow down".into())), "throttled");
    assert_eq!(every_second(&failed("it broke")), "query-failed");
    assert_eq!(every_second(&failed("AlreadyExistsException")), "query-failed");
    assert_eq!(every_second(&CatalogError::Cancelled("q".into())), "query-cancelled");
    assert_eq!(every_second(&CatalogError::Denied("glue:GetTable".into())), "denied");
    assert_eq!(every_second(&CatalogError::TimedOut("query `q` is `QUEUED`".into())), "timed-out");
    assert_eq!(every_second(&CatalogError::Unavailable("connection reset".into())), "unavailable");
    assert_eq!(every_second(&CatalogError::NotStarted("there is no time left")), "not-started");
    assert_eq!(every_second(&CatalogError::Rejected("no".into())), "rejected");
}

#[test]
fn answers_that_are_lost_and_calls_that_never_end_are_made_good() {
    let lost = || Fault::AnswerLost(CatalogError::TimedOut("query `q` is `RUNNING`".into()));
    assert_eq!(classes(move |calls, _| calls.is_multiple_of(2).then(lost)), BTreeSet::from(["timed-out".to_owned()]));
    // A process that is killed says nothing.
    assert_eq!(classes(|calls, _| (calls % 4 == 0).then_some(Fault::NeverEnds)), BTreeSet::new());
    assert_eq!(classes(|calls, _| (calls % 4 == 0).then_some(Fault::DoneAndNeverEnds)), BTreeSet::new());
}
