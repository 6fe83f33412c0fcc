//! The partitions of an invocation, each labelled once.

use crate::document::{Document, Kind};
use crate::json::push_string;
use crate::outcome::{Failure, Reason};
use foldhash::fast::RandomState;
use shared::layout::Layout;
use shared::partition::{PartitionValue, ValueFault};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// The partitions that records went to so far, by the values that their labels are made of.
///
/// A batch has many records and few partitions; what is to be said of each is found out once.
#[derive(Debug, Default)]
pub struct Partitions {
    known: HashMap<String, Rc<Labels>, RandomState>,
    /// The values that are looked for, as JSON.
    values: String,
}

/// What Firehose gets of a partition.
#[derive(Debug, PartialEq, Eq)]
pub struct Labels {
    /// Whether a record was delivered under them.
    delivered: Cell<bool>,
    /// The values of [`Layout::lambda_keys`], escaped for the path.
    pub values: Vec<String>,
    /// The keys and their values, as a JSON object.
    pub json: String,
}

impl Partitions {
    /// How many of them records were delivered to.
    pub fn count(&self) -> usize {
        self.known.values().filter(|labels| labels.delivered.get()).count()
    }

    /// The labels of the partition that an object has the values of, as fields of the layout's keys.
    pub(crate) fn labels(&mut self, layout: &Layout, object: &Document<'_>) -> Result<Rc<Labels>, Failure> {
        self.values.clear();
        for key in layout.lambda_keys() {
            self.values.push_str(object.field(key).unwrap_or_default());
            self.values.push(',');
        }
        if let Some(known) = self.known.get(&self.values) {
            return Ok(Rc::clone(known));
        }
        let labels = Rc::new(Labels::new(layout, object)?);
        self.known.insert(self.values.clone(), Rc::clone(&labels));
        Ok(labels)
    }
}

impl Labels {
    /// Notes that a record was delivered under them.
    pub(crate) fn deliver(&self) {
        self.delivered.set(true);
    }

    fn new(layout: &Layout, object: &Document<'_>) -> Result<Self, Failure> {
        let values = layout.lambda_keys().map(|key| partition_value(object, key)).collect::<Result<Vec<_>, _>>()?;
        let values = layout.label(&values).map_err(|fault| Reason::PartitionKeyTooLong.because(fault))?;
        let mut json = String::from("{");
        for (place, (key, value)) in layout.lambda_keys().zip(&values).enumerate() {
            json.push_str(if place > 0 { "," } else { "" });
            push_string(&mut json, key);
            json.push(':');
            push_string(&mut json, value);
        }
        json.push('}');
        Ok(Self { delivered: Cell::new(false), values, json })
    }
}

/// The value of a partition key: text as it is, numbers and booleans as they are written.
fn partition_value(document: &Document<'_>, key: &str) -> Result<PartitionValue, Failure> {
    let fail = |reason: Reason, detail: &str| reason.because(format_args!("partition key `{key}`: {detail}"));
    let Some(value) = document.field(key) else {
        return Err(fail(Reason::PartitionKeyMissing, "expected a value, got nothing"));
    };
    let text = match Kind::of(value) {
        Kind::Null => return Err(fail(Reason::PartitionKeyMissing, "expected a value, got null")),
        // JSON can escape half of a surrogate pair, which is not a character.
        Kind::String => serde_json::from_str(value)
            .map_err(|_| fail(Reason::PartitionKeyNotText, "expected text, got an unpaired surrogate"))?,
        Kind::Number | Kind::Boolean => value.to_owned(),
        other => {
            return Err(fail(Reason::PartitionKeyNotText, &format!("expected text, got {}", other.name())));
        }
    };
    PartitionValue::new(text).map_err(|fault| {
        let reason = match fault {
            ValueFault::Empty => Reason::PartitionKeyEmpty,
            ValueFault::Reserved(_) => Reason::PartitionKeyReserved,
            ValueFault::TooLong(_) => Reason::PartitionKeyTooLong,
        };
        fail(reason, &fault.to_string())
    })
}
