//! Which partitions an event makes, each once.

use crate::event::{self, Listener, Misunderstanding, Notification};
use crate::handler::Scope;
use crate::known::Known;
use shared::layout::KeyFault;
use shared::partition::Partition;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is to be done, and what not and why. The same messages give the same plan, in any order and repetition, but for
/// the counts and the messages' places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The partitions to be registered, in order.
    pub additions: BTreeMap<Partition, Addition>,
    /// Partitions that are known to be registered.
    pub known: u64,
    /// Notifications that ask for nothing, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// Messages that were not understood, or not all of them.
    pub misunderstood: BTreeMap<MessageId, Misunderstanding>,
    /// Notifications in all.
    pub notifications: u64,
    /// Messages in all.
    pub messages: usize,
    /// Whether they come from a queue, so that each can fail by itself.
    pub from_queue: bool,
}

/// A partition to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Where it lies: its prefix, as the layout renders it.
    pub folder: String,
    /// The messages that told of it.
    pub messages: BTreeSet<MessageId>,
    /// When its first object was created, in milliseconds since 1970, if that was told.
    pub first_created_at: Option<i64>,
}

/// Which message of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId {
    /// How many come before it.
    pub place: usize,
    /// SQS's id. There is none where no queue is between.
    pub id: Option<String>,
}

/// Why a notification asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// Nothing was created.
    OtherEvent,
    /// It is about a bucket that is not ours.
    OtherBucket,
    /// The object is empty, so that there is nothing to query.
    EmptyObject,
    /// A sign of a folder.
    FolderMarker,
    /// Hidden from Athena.
    HiddenName,
    /// Under the error prefix.
    ErrorObject,
    /// Not of the layout.
    ForeignKey,
}

/// Makes the plan: pure, so that it can be shown without being done. Nothing is kept of what is known.
pub fn plan(scope: &Scope, known: &Known, event: &str) -> Plan {
    let planner = || {
        known.begin();
        Planner { scope, known, plan: Plan::default(), message: MessageId::default() }
    };
    event::listen(event, planner).plan
}

/// A plan in the making.
struct Planner<'p> {
    scope: &'p Scope,
    known: &'p Known,
    plan: Plan,
    /// The message that is being told of.
    message: MessageId,
}

impl Planner<'_> {
    /// The partition of a notification and its folder, if it is not known, or why the notification asks for nothing.
    fn locate(&mut self, notification: &Notification<'_>) -> Result<Option<(Partition, String)>, Skip> {
        let Scope { layout, bucket } = self.scope;
        if !notification.created {
            return Err(Skip::OtherEvent);
        }
        if notification.bucket != *bucket {
            return Err(Skip::OtherBucket);
        }
        let folder = layout.folder(&notification.key).map_err(|fault| Skip::from(&fault))?;
        let known = if notification.size == Some(0) { None } else { self.known.recall(folder) };
        if let Some(recalled) = known {
            self.plan.known += u64::from(recalled.is_first);
            return Ok(None);
        }
        let located = layout.locate(&notification.key).map_err(|fault| Skip::from(&fault))?;
        if notification.size == Some(0) { Err(Skip::EmptyObject) } else { Ok(Some(located)) }
    }
}

impl Listener for Planner<'_> {
    fn message(&mut self, id: Option<&str>) {
        self.plan.from_queue |= id.is_some();
        self.message.place = self.plan.messages;
        self.plan.messages += 1;
        // Its memory is used again.
        match (&mut self.message.id, id) {
            (Some(kept), Some(id)) => id.clone_into(kept),
            (kept, id) => *kept = id.map(str::to_owned),
        }
    }

    fn notification(&mut self, notification: &Notification<'_>) {
        self.plan.notifications += 1;
        match self.locate(notification) {
            Err(skip) => *self.plan.skipped.entry(skip).or_default() += 1,
            Ok(None) => {}
            Ok(Some((partition, folder))) => {
                let addition = Addition { folder, messages: BTreeSet::new(), first_created_at: None };
                let addition = self.plan.additions.entry(partition).or_insert(addition);
                if addition.messages.last() != Some(&self.message) {
                    addition.messages.insert(self.message.clone());
                }
                addition.first_created_at =
                    [addition.first_created_at, notification.created_at()].into_iter().flatten().min();
            }
        }
    }

    fn misunderstanding(&mut self, misunderstanding: Misunderstanding) {
        self.plan.misunderstood.insert(self.message.clone(), misunderstanding);
    }
}

impl Skip {
    /// The name, as logs and metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OtherEvent => "other-event",
            Self::OtherBucket => "other-bucket",
            Self::EmptyObject => "empty-object",
            Self::FolderMarker => "folder-marker",
            Self::HiddenName => "hidden-name",
            Self::ErrorObject => "error-object",
            Self::ForeignKey => "foreign-key",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<&KeyFault> for Skip {
    fn from(fault: &KeyFault) -> Self {
        match fault {
            KeyFault::ErrorObject => Self::ErrorObject,
            KeyFault::FolderMarker => Self::FolderMarker,
            KeyFault::Hidden => Self::HiddenName,
            KeyFault::Foreign | KeyFault::Value(_) => Self::ForeignKey,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shared::error_prefix::ErrorPrefix;
    use shared::layout::Layout;
    use shared::object_key::ObjectKey;

    fn planned(event: &Value) -> Plan {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let mut known = Known::default();
        known.insert("known/");
        plan(&Scope { layout, bucket: "lake".into() }, &known, &event.to_string())
    }

    fn created(key: &str) -> Value {
        let key = ObjectKey::from_plain(key).to_notification();
        json!({ "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": "lake" }, "object": { "key": key, "size": 1 } } })
    }

    /// The same record with another value at a place.
    fn with(mut record: Value, place: &str, value: Value) -> Value {
        *record.pointer_mut(place).unwrap() = value;
        record
    }

    fn sqs(messages: &[Vec<Value>]) -> Value {
        let message = |records: &Vec<Value>| {
            let body = json!({ "Records": records }).to_string();
            json!({ "eventSource": "aws:sqs", "messageId": body.len().to_string(), "body": body })
        };
        json!({ "Records": messages.iter().map(message).collect::<Vec<_>>() })
    }

    /// The folders that are planned, and the skips, as text.
    fn text(records: &[Value]) -> String {
        let plan = planned(&json!({ "Records": records }));
        let locations = plan.additions.values().map(|addition| addition.folder.clone());
        let skips = plan.skipped.iter().map(|(skip, count)| format!("{skip} {count}"));
        locations.chain(skips).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn each_partition_is_planned_once() {
        assert_eq!(text(&[created("b/1"), created("a%2F/1"), created("b/2")]), "a%2F/, b/");
    }

    #[test]
    fn what_is_known_is_left_out_and_counted_once() {
        let plan = planned(&json!({ "Records": [created("known/1"), created("a/1"), created("known/2")] }));
        assert_eq!((plan.notifications, plan.known, plan.additions.len()), (3, 1, 1));
    }

    #[test]
    fn what_asks_for_nothing_is_counted() {
        let empty = |key: &str| with(created(key), "/s3/object/size", json!(0));
        assert_eq!(text(&[with(created("a/1"), "/eventName", json!("ObjectRemoved:Delete"))]), "other-event 1");
        assert_eq!(text(&[with(created("a/1"), "/s3/bucket/name", json!("other"))]), "other-bucket 1");
        assert_eq!(text(&[empty("a/1"), empty("known/1")]), "empty-object 2");
        assert_eq!(text(&[empty("a/"), created("a_$folder$")]), "folder-marker 2");
        assert_eq!(text(&[created("a/_x"), created(".b/x"), created("known/_x")]), "hidden-name 3");
        assert_eq!(text(&[created("errors/processing-failed/x")]), "error-object 1");
        assert_eq!(text(&[created("a/b/x"), created("x"), empty("a/b/x")]), "foreign-key 3");
        assert_eq!(text(&[with(created("a/1"), "/s3/object/size", json!(null))]), "a/");
    }

    #[test]
    fn the_first_object_of_a_partition_tells_its_age() {
        let at = |time: &str| {
            let mut record = created("a/1");
            record["eventTime"] = time.into();
            record
        };
        let messages =
            [vec![created("a/1"), at("1970-01-01T00:00:00.007Z")], vec![at("1970-01-01T00:00:00.005Z"), at("?")]];
        let plan = planned(&sqs(&messages));
        let addition = plan.additions.values().next().unwrap();
        let places: Vec<usize> = addition.messages.iter().map(|message| message.place).collect();
        assert_eq!((addition.first_created_at, places), (Some(5), vec![0, 1]));
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            keys in proptest::collection::vec("[ab]/[12]|known/1|errors/x|_c/1", 0..12),
            order in any::<u64>(),
        ) {
            let mut shuffled = keys.clone();
            shuffled.extend(keys.iter().take(3).cloned());
            shuffled.sort_by_key(|key| key.bytes().fold(order, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))));
            let partitions = |keys: &[String]| {
                let messages: Vec<_> = keys.iter().map(|key| vec![created(key)]).collect();
                let plan = planned(&sqs(&messages));
                plan.additions.into_iter().map(|(partition, addition)| (partition, addition.folder)).collect::<Vec<_>>()
            };
            prop_assert_eq!(partitions(&keys), partitions(&shuffled));
        }
    }
}
