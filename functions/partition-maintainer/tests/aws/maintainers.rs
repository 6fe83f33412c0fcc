//! Whole maintainers, two at once, which share a queue that delivers again what was not acknowledged.

use super::*;
use registrar::handler::{Invocation, Maintainer, Scope};
use serde_json::{Value, json};
use shared::error_prefix::ErrorPrefix;
use shared::layout::Layout;
use std::sync::{Arc, Mutex};
use stub::{End, Fault, THROTTLED};
use tokio::time::timeout;

/// A queue of messages that come again until they are acknowledged.
struct Queue {
    /// The messages that are left, by their ids: the key of an object each.
    messages: BTreeMap<String, String>,
}

impl Queue {
    /// The objects of so many partitions, `each` of them in a message of its own.
    fn of(number: usize, each: usize) -> Self {
        let key = |place: usize| format!("c{:04}/{:02}/object-{place}", place % number, 1 + place % number % 12);
        Self { messages: (0..number * each).map(|place| (format!("message-{place:05}"), key(place))).collect() }
    }

    /// Some of the messages, in an order and at places that are different for each `round`.
    fn some(&self, round: usize, most: usize) -> Vec<(String, String)> {
        let messages: Vec<_> = self.messages.iter().map(|(id, key)| (id.clone(), key.clone())).collect();
        let left = messages.len();
        (0..left.min(most)).map(|place| messages[(place * 7 + round * 31) % left].clone()).collect()
    }

    /// Takes away what the reply does not ask for again. That has to be registered.
    fn acknowledge(&mut self, delivered: &[(String, String)], reply: &Value, stub: &Stub) {
        let failed: BTreeSet<&str> = reply["batchItemFailures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["itemIdentifier"].as_str().unwrap())
            .collect();
        let registered: BTreeSet<String> = stub.partitions().into_values().collect();
        for (id, key) in delivered.iter().filter(|(id, _)| !failed.contains(id.as_str())) {
            let (folder, _) = key.rsplit_once('/').unwrap();
            assert!(registered.contains(&format!("s3://lake/{folder}/")), "`{key}` is acknowledged");
            self.messages.remove(id);
        }
    }
}

fn event(messages: &[(String, String)]) -> String {
    let record = |(id, key): &(String, String)| {
        let object = json!({ "bucket": { "name": "lake" }, "object": { "key": key, "size": 1 } });
        let notification =
            json!({ "eventName": "ObjectCreated:Put", "eventTime": "2026-11-21T09:15:00Z", "s3": object });
        let body = json!({ "Records": [notification] }).to_string();
        json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string()
}

pub(crate) fn scope() -> Scope {
    let prefix = "!{partitionKeyFromLambda:component}/!{partitionKeyFromLambda:month}/";
    Scope { layout: Layout::parse(prefix, &ErrorPrefix::parse("errors/").unwrap()).unwrap(), bucket: "lake".into() }
}

/// What goes wrong with what adds, one after the other: each until a failure of its class is in a log.
type Faults = Vec<(&'static str, fn() -> Fault)>;

/// Lets two maintainers that share a queue work until nothing is left to do. Each second call is throttled, what adds fails in
/// all these ways, and now and then a maintainer is killed in the middle.
async fn two_at_once<C: Catalog + Sync>(stub: &Stub, maintainers: [Maintainer<C>; 2], faults: Faults) {
    let mut queue = Queue::of(120, 4);
    let logged = Arc::new(Mutex::new(BTreeSet::new()));
    let classes: BTreeSet<String> = faults.iter().map(|(class, _)| (*class).to_owned()).collect();
    // At last, one that is not noticed: what was asked for is done, and nobody is told.
    let (seen, mut unanswered) = (Arc::clone(&logged), false);
    stub.fails(move |call| {
        let adds = matches!(call.operation, "StartQueryExecution" | "BatchCreatePartition");
        let left = faults.iter().find(|(class, _)| !seen.lock().unwrap().contains(*class));
        match left {
            _ if call.before.is_multiple_of(2) => Some(THROTTLED),
            Some((_, fault)) => adds.then(fault),
            None if adds && !unanswered => {
                unanswered = true;
                Some(Fault::Unanswered)
            }
            None => None,
        }
    });
    let mut round = 0;
    while !queue.messages.is_empty() {
        round += 1;
        assert!(round < 500, "{} messages are left", queue.messages.len());
        // The two overlap: a message can be delivered twice.
        let delivered = [queue.some(round, 100), queue.some(round + 1, 100)];
        let handle = async |place: usize| {
            let attempt = Attempt { id: &format!("{round} {place}"), ..attempt(300) };
            let invocation = Invocation { now: &|| 1_795_252_600_000, attempt };
            let killed_after = if round % 5 == place { Duration::from_millis(3) } else { Duration::from_mins(1) };
            timeout(killed_after, maintainers[place].handle(&event(&delivered[place]), invocation)).await.ok()
        };
        let ended = tokio::join!(handle(0), handle(1));
        for (delivered, ended) in delivered.iter().zip([ended.0, ended.1]) {
            let Some((reply, report)) = ended else { continue };
            queue.acknowledge(delivered, &reply.unwrap(), stub);
            let lines = report.lines().into_iter().map(|line| line.to_json(0, "maintainer"));
            let lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
            logged.lock().unwrap().extend(lines.filter_map(|line| Some(line["class"].as_str()?.to_owned())));
        }
    }
    let expected = partitions(120).into_iter().map(|(partition, location)| {
        (partition.values().iter().map(ToString::to_string).collect::<Vec<_>>(), location)
    });
    assert_eq!(stub.partitions(), expected.collect(), "each partition is there once, where it lies");
    assert!(logged.lock().unwrap().is_superset(&classes), "each failure is in a log");
}

#[tokio::test]
async fn two_maintainers_register_all_through_glue_whatever_fails() {
    let stub = Stub::start(&COLUMNS);
    let maintainers = [(); 2].map(|()| Maintainer::new(scope(), glue(&stub)));
    let faults: Faults = vec![
        ("denied", || Fault::Refused(400, "AccessDeniedException", "not yet")),
        ("throttled", || THROTTLED),
        ("rejected", || Fault::Refused(400, "EntityNotFoundException", "no table")),
        ("timed-out", || Fault::Silent),
        ("unavailable", || Fault::Without("c0007", "InternalServiceException", "not this one")),
    ];
    Box::pin(two_at_once(&stub, maintainers, faults)).await;
}

#[tokio::test]
async fn two_maintainers_register_all_through_athena_whatever_fails() {
    let stub = Stub::start(&COLUMNS);
    let maintainers = [(); 2].map(|()| Maintainer::new(scope(), athena(&stub)));
    let faults: Faults = vec![
        ("denied", || Fault::Refused(400, "AccessDeniedException", "not yet")),
        ("throttled", || THROTTLED),
        ("rejected", || Fault::Refused(400, "InvalidRequestException", "no workgroup")),
        ("unavailable", || Fault::Refused(500, "InternalServerException", "oops")),
        ("query-cancelled", || Fault::Ends(End::Cancelled)),
        ("query-failed", || Fault::Ends(End::Failed("oops", json!({ "ErrorCategory": 2, "ErrorType": 1003 })))),
        ("timed-out", || Fault::Ends(End::Never)),
    ];
    Box::pin(two_at_once(&stub, maintainers, faults)).await;
}
