//! The partitions that records go to, each labelled once.

use crate::document::{Document, Kind, text_of};
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
/// A batch has many records and few partitions, and the next one mostly the same; what is to be said of each is found out
/// once.
#[derive(Debug, Default)]
pub struct Partitions {
    known: HashMap<String, Rc<Labels>, RandomState>,
    /// The values that are looked for, as JSON.
    values: String,
    /// How many invocations there were.
    invocation: u64,
}

/// How many partitions are kept for the next invocation. Firehose writes to 500 at a time, or 2,500.
const MOST_KNOWN: usize = 10_000;

/// What Firehose gets of a partition.
#[derive(Debug, PartialEq, Eq)]
pub struct Labels {
    /// The last invocation that delivered a record under them.
    delivered_in: Cell<u64>,
    /// The values of [`Layout::lambda_keys`], escaped for the path.
    pub values: Vec<String>,
    /// The keys and their values, as a JSON object.
    pub json: String,
}

impl Partitions {
    /// Begins an invocation, and numbers it. Of too many partitions nothing is kept from those before.
    pub fn begin(&mut self) -> u64 {
        if self.known.len() > MOST_KNOWN {
            self.known.clear();
        }
        self.invocation += 1;
        self.invocation
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
    /// Notes that a record was delivered under them, and tells whether it is the first of its invocation.
    pub(crate) fn deliver(&self, invocation: u64) -> bool {
        self.delivered_in.replace(invocation) != invocation
    }

    fn new(layout: &Layout, object: &Document<'_>) -> Result<Self, Failure> {
        let values = layout.lambda_keys().map(|key| partition_value(object, key)).collect::<Result<Vec<_>, _>>()?;
        let values = layout.label(&values).map_err(|fault| Reason::PartitionKeyTooLong.because(fault))?;
        let sizes = layout.lambda_keys().zip(&values).map(|(key, value)| key.len() + value.len() + "\"\":\"\",".len());
        let mut json = String::with_capacity("{}".len() + sizes.sum::<usize>());
        json.push('{');
        for (place, (key, value)) in layout.lambda_keys().zip(&values).enumerate() {
            json.push_str(if place > 0 { "," } else { "" });
            push_string(&mut json, key);
            json.push(':');
            push_string(&mut json, value);
        }
        json.push('}');
        Ok(Self { delivered_in: Cell::new(0), values, json })
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
        Kind::String => text_of(value)
            .ok_or_else(|| fail(Reason::PartitionKeyNotText, "expected text, got an unpaired surrogate"))?
            .into_owned(),
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
