//! One record in, one outcome out.

use crate::contract::Contract;
use crate::document::{Document, Kind};
use crate::format::{Decoded, RecordFormat};
use crate::outcome::{Dropped, Failure, Outcome, Reason};
use crate::output::OutputFormat;
use crate::query::{Query, QueryFault};
use jiff::Timestamp;
use serde_json::value::RawValue;
use shared::layout::Layout;
use shared::partition::{PartitionValue, ValueFault};

/// The transformation of a delivery stream: what its configuration asks for, read once.
#[derive(Debug)]
pub struct Transform {
    /// How records come.
    pub record_format: RecordFormat,
    /// What makes the delivered record of the one that came; nothing leaves it as it is.
    pub record_query: Option<Query>,
    /// What makes the partition keys of the delivered record; nothing takes its fields.
    pub partition_query: Option<Query>,
    /// What the delivered record must keep.
    pub contract: Contract,
    /// How it is delivered.
    pub output_format: OutputFormat,
    /// Where.
    pub layout: Layout,
}

/// The variables that queries may use.
///
/// | variable | what it is |
/// |---|---|
/// | `$arrival` | when the record came to the stream, in RFC 3339; or null |
/// | `$record_id` | Firehose's id of the record |
/// | `$stream` | the delivery stream's ARN |
/// | `$kinesis` | the record's Kinesis metadata, or null |
/// | `$change` | the whole change record that a DynamoDB item came in, as it came; or null |
/// | `$changed_at` | when DynamoDB says that the item was changed, in RFC 3339; or null |
pub const VARIABLES: &[&str] = &["$arrival", "$record_id", "$stream", "$kinesis", CHANGE, "$changed_at"];

/// A record query that looks at it is asked about removed items too.
pub(crate) const CHANGE: &str = "$change";

/// What is told of a record beside its payload, each as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'o> {
    /// When it came, in milliseconds since 1970.
    pub arrival: Option<&'o RawValue>,
    /// Its id.
    pub record_id: Option<&'o RawValue>,
    /// The delivery stream's ARN.
    pub stream: Option<&'o RawValue>,
    /// What Kinesis tells of it.
    pub kinesis: Option<&'o RawValue>,
}

impl Transform {
    /// One of JSON records, as they are.
    pub fn of_json(layout: Layout) -> Self {
        Self {
            record_format: RecordFormat::Json,
            record_query: None,
            partition_query: None,
            contract: Contract::default(),
            output_format: OutputFormat::Json,
            layout,
        }
    }

    /// What becomes of a record, given its bytes. The same record always becomes the same.
    pub fn apply(&self, record: &[u8], origin: &Origin<'_>) -> Outcome {
        let delivery = Delivery { transform: self, origin, lines: Vec::with_capacity(record.len() + 1), labels: None };
        delivery.add_all(record).unwrap_or_else(Outcome::Fail)
    }

    /// Whether removed items are asked about.
    fn looks_at_changes(&self) -> bool {
        self.record_query.as_ref().is_some_and(|query| query.uses(CHANGE))
    }
}

/// A record on its way to be delivered. Log data has many events, which all become lines of the same record.
struct Delivery<'t> {
    transform: &'t Transform,
    origin: &'t Origin<'t>,
    lines: Vec<u8>,
    labels: Option<Vec<String>>,
}

impl Delivery<'_> {
    fn add_all(mut self, record: &[u8]) -> Result<Outcome, Failure> {
        let mut buffer = Vec::new();
        match self.transform.record_format.decode(record, self.origin, &mut buffer)? {
            Decoded::Json(json) => self.add(&json, &Change::default())?,
            Decoded::Change(change) if change.is_removal() && !self.transform.looks_at_changes() => {
                return Ok(Outcome::Drop(Dropped::Removal));
            }
            Decoded::Change(change) => {
                let mut image = String::new();
                change.write_image(&mut image).map_err(|fault| Reason::NotDynamoDb.because(fault))?;
                let whole = std::str::from_utf8(record).ok();
                self.add(&image, &Change { whole, at: change.created_at() })?;
            }
            Decoded::LogData(data) => {
                let mut json = String::new();
                let mut events = data.events().peekable();
                if events.peek().is_none() {
                    return Ok(Outcome::Drop(Dropped::NoEvents));
                }
                for event in events {
                    json.clear();
                    event.map_err(|fault| Reason::NotCloudWatchLogs.because(fault))?.write(&mut json);
                    self.add(&json, &Change::default())?;
                }
            }
            Decoded::ControlMessage => return Ok(Outcome::Drop(Dropped::ControlMessage)),
        }
        Ok(match self.labels {
            Some(labels) => Outcome::Deliver { lines: self.lines, labels },
            None => Outcome::Drop(Dropped::Query),
        })
    }

    /// Adds what the query makes of a record, given as JSON, unless that is nothing.
    fn add(&mut self, json: &str, change: &Change<'_>) -> Result<(), Failure> {
        let Some(query) = &self.transform.record_query else {
            return self.add_document(&document(json)?, change);
        };
        let input: &RawValue = serde_json::from_str(json).map_err(|error| Reason::NotJson.because(error))?;
        let mut output = String::new();
        if self.run(query, "record query", input, change, &mut output)? {
            let document = Document::parse(&output).map_err(|_| not_object("record query", &output))?;
            self.add_document(&document, change)?;
        }
        Ok(())
    }

    fn add_document(&mut self, document: &Document<'_>, change: &Change<'_>) -> Result<(), Failure> {
        let Transform { contract, layout, output_format, .. } = self.transform;
        contract.check(document).map_err(|breach| Reason::Contract.because(breach))?;
        let values = self.partition_values(document, change)?;
        let labels = layout.label(&values).map_err(|fault| Reason::PartitionKeyTooLong.because(fault))?;
        if self.labels.get_or_insert_with(|| labels.clone()) != &labels {
            let detail = "expected one partition for all log events of a record, got more";
            return Err(Reason::PartitionKeysDiffer.because(detail));
        }
        output_format.write(document, contract, &mut self.lines);
        Ok(())
    }

    fn partition_values(&self, document: &Document<'_>, change: &Change<'_>) -> Result<Vec<PartitionValue>, Failure> {
        let keys = self.transform.layout.lambda_keys();
        let Some(query) = &self.transform.partition_query else {
            return keys.map(|key| partition_value(document, key)).collect();
        };
        let mut line = Vec::new();
        document.write_line(&mut line);
        let input: &RawValue = serde_json::from_slice(&line).map_err(|error| Reason::NotJson.because(error))?;
        let mut output = String::new();
        if !self.run(query, "partition query", input, change, &mut output)? {
            return Err(Reason::PartitionKeyMissing.because("the partition query: expected an object, got no output"));
        }
        let made = Document::parse(&output).map_err(|_| not_object("partition query", &output))?;
        keys.map(|key| partition_value(&made, key)).collect()
    }

    fn run(
        &self,
        query: &Query,
        name: &str,
        input: &RawValue,
        change: &Change<'_>,
        output: &mut String,
    ) -> Result<bool, Failure> {
        query.run(input, |variable| self.variable(variable, change), output).map_err(|fault| match fault {
            QueryFault::Failed(message) => Reason::QueryFailed.because(format_args!("the {name}: {message}")),
            QueryFault::OutOfBounds(bound) => Reason::QueryOutOfBounds.because(format_args!("the {name}: {bound}")),
            QueryFault::MoreThanOne => {
                Reason::MoreThanOneOutput.because(format_args!("the {name}: expected one output at most, got more"))
            }
        })
    }

    /// The value of a variable, as JSON.
    fn variable(&self, name: &str, change: &Change<'_>) -> Option<String> {
        let raw = |value: Option<&RawValue>| value.map(|value| value.get().to_owned());
        match name {
            "$arrival" => self.origin.arrived_at().map(|time| format!("\"{time}\"")),
            "$record_id" => raw(self.origin.record_id),
            "$stream" => raw(self.origin.stream),
            "$kinesis" => raw(self.origin.kinesis),
            "$changed_at" => change.at.map(|time| format!("\"{time}\"")),
            CHANGE => change.whole.map(str::to_owned),
            _ => None,
        }
    }
}

impl Origin<'_> {
    /// When the record came, if that is told in milliseconds since 1970.
    pub(crate) fn arrived_at(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.arrival?.get().parse().ok()?).ok()
    }
}

/// The change that an item came in, for the queries.
#[derive(Default)]
struct Change<'r> {
    whole: Option<&'r str>,
    at: Option<Timestamp>,
}

fn document(json: &str) -> Result<Document<'_>, Failure> {
    Document::parse(json).map_err(|error| {
        // The text of a data error can hold a piece of the record; that of a syntax error cannot.
        let detail =
            if error.is_data() { "expected an object, got another value".to_owned() } else { error.to_string() };
        Reason::NotJson.because(detail)
    })
}

fn not_object(name: &str, output: &str) -> Failure {
    let got = serde_json::from_str(output).map_or("no JSON", |output: &RawValue| Kind::of(output).name());
    Reason::OutputNotObject.because(format_args!("the {name}: expected an object as its output, got {got}"))
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
        Kind::String => serde_json::from_str(value.get())
            .map_err(|_| fail(Reason::PartitionKeyNotText, "expected text, got an unpaired surrogate"))?,
        Kind::Number | Kind::Boolean => value.get().to_owned(),
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

#[cfg(test)]
mod tests;
