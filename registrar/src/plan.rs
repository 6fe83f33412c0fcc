//! Which partitions an event makes, each once.

use crate::event::{EventName, Message, Misunderstanding};
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
    /// Folders that are registered already, as far as is known.
    pub known: BTreeSet<String>,
    /// Notifications that ask for nothing, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// Messages that were not understood, or not all of them, by their place.
    pub misunderstood: BTreeMap<usize, Misunderstanding>,
    /// Notifications in all.
    pub notifications: u64,
}

/// A partition to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Where it lies: its prefix, as the layout renders it.
    pub folder: String,
    /// The places of the messages that told of it.
    pub messages: BTreeSet<usize>,
    /// When its first object was created, in milliseconds since 1970, if that was told.
    pub first_created_at: Option<i64>,
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

/// Makes the plan: pure, so that it can be shown without being done.
pub fn plan(Scope { layout, bucket }: &Scope, known: &Known, messages: &[Message]) -> Plan {
    let mut plan = Plan::default();
    for (place, message) in messages.iter().enumerate() {
        if let Some(misunderstanding) = &message.misunderstanding {
            plan.misunderstood.insert(place, misunderstanding.clone());
        }
        for notification in &message.notifications {
            plan.notifications += 1;
            let located = if notification.event != EventName::ObjectCreated {
                Err(Skip::OtherEvent)
            } else if notification.bucket != *bucket {
                Err(Skip::OtherBucket)
            } else {
                match layout.locate(&notification.key) {
                    Ok(_) if notification.size == Some(0) => Err(Skip::EmptyObject),
                    Ok(located) => Ok(located),
                    Err(fault) => Err(Skip::from(&fault)),
                }
            };
            let (partition, prefix) = match located {
                Ok(located) => located,
                Err(skip) => {
                    *plan.skipped.entry(skip).or_default() += 1;
                    continue;
                }
            };
            if known.contains(&prefix) {
                plan.known.insert(prefix);
                continue;
            }
            let addition = plan.additions.entry(partition).or_insert_with(|| Addition {
                folder: prefix,
                messages: BTreeSet::new(),
                first_created_at: None,
            });
            addition.messages.insert(place);
            addition.first_created_at =
                [addition.first_created_at, notification.created_at].into_iter().flatten().min();
        }
    }
    plan
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
    use crate::event::Notification;
    use proptest::prelude::*;
    use shared::error_prefix::ErrorPrefix;
    use shared::layout::Layout;
    use shared::object_key::ObjectKey;

    fn planned(messages: &[Message]) -> Plan {
        let layout = Layout::parse("!{partitionKeyFromLambda:k}/", &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let mut known = Known::default();
        known.insert("known/");
        plan(&Scope { layout, bucket: "lake".into() }, &known, messages)
    }

    fn created(key: &str) -> Notification {
        Notification {
            event: EventName::ObjectCreated,
            bucket: "lake".into(),
            key: ObjectKey::from_plain(key),
            size: Some(1),
            created_at: None,
        }
    }

    fn message(notifications: Vec<Notification>) -> Message {
        Message { id: None, notifications, misunderstanding: None }
    }

    /// The folders that are planned, and the skips, as text.
    fn text(notifications: Vec<Notification>) -> String {
        let plan = planned(&[message(notifications)]);
        let locations = plan.additions.values().map(|addition| addition.folder.clone());
        let skips = plan.skipped.iter().map(|(skip, count)| format!("{skip} {count}"));
        locations.chain(skips).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn each_partition_is_planned_once() {
        assert_eq!(text(vec![created("b/1"), created("a%2F/1"), created("b/2")]), "a%2F/, b/");
    }

    #[test]
    fn what_asks_for_nothing_is_counted() {
        assert_eq!(
            text(vec![Notification { event: EventName::Other("ObjectRemoved:Delete".into()), ..created("a/1") }]),
            "other-event 1"
        );
        assert_eq!(text(vec![Notification { bucket: "other".into(), ..created("a/1") }]), "other-bucket 1");
        assert_eq!(text(vec![Notification { size: Some(0), ..created("a/1") }]), "empty-object 1");
        assert_eq!(
            text(vec![Notification { size: Some(0), ..created("a/") }, created("a_$folder$")]),
            "folder-marker 2"
        );
        assert_eq!(text(vec![created("a/_x"), created(".b/x")]), "hidden-name 2");
        assert_eq!(text(vec![created("errors/processing-failed/x")]), "error-object 1");
        assert_eq!(text(vec![created("a/b/x"), created("x")]), "foreign-key 2");
        assert_eq!(text(vec![Notification { size: None, ..created("a/1") }]), "a/");
    }

    #[test]
    fn the_first_object_of_a_partition_tells_its_age() {
        let at = |created_at| Notification { created_at, ..created("a/1") };
        let plan = planned(&[message(vec![at(None), at(Some(7))]), message(vec![at(Some(5))])]);
        let addition = plan.additions.values().next().unwrap();
        assert_eq!((addition.first_created_at, &addition.messages), (Some(5), &BTreeSet::from([0, 1])));
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
                let messages: Vec<_> = keys.iter().map(|key| message(vec![created(key)])).collect();
                let plan = planned(&messages);
                plan.additions.into_iter().map(|(partition, addition)| (partition, addition.folder)).collect::<Vec<_>>()
            };
            prop_assert_eq!(partitions(&keys), partitions(&shuffled));
        }
    }
}
