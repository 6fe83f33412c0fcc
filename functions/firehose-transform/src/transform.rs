//! One record in, one outcome out.

use crate::contract::Contract;
use crate::document::{Document, Kind, Shape};
use crate::format::{Buffers, Decoded, RecordFormat};
use crate::labels::{Labels, Partitions};
use crate::object_writer::{ObjectWriter, Wanted};
use crate::outcome::{Dropped, Failure, Outcome, Reason};
use crate::output::OutputFormat;
use crate::query::{Item, Query, QueryFault, Scope};
use bumpalo::Bump;
use bumpalo::boxed::Box as BumpBox;
use jiff::Timestamp;
use serde_json::value::RawValue;
use shared::layout::Layout;
use std::rc::Rc;

/// The transformation of a delivery stream: what its configuration asks for, read once.
#[derive(Debug)]
pub struct Transform {
    /// How records come.
    pub record_format: RecordFormat,
    /// Which of the format's fields are read.
    pub wanted: Wanted,
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
    pub arrival: Option<&'o str>,
    /// Its id.
    pub record_id: Option<&'o str>,
    /// The delivery stream's ARN.
    pub stream: Option<&'o str>,
    /// What Kinesis tells of it.
    pub kinesis: Option<&'o str>,
}

impl Transform {
    /// What becomes of a record, given its bytes. The same record always becomes the same, whichever came before it.
    pub fn apply<'s>(&self, record: &[u8], origin: &Origin<'_>, scratch: &'s mut Scratch) -> Outcome<'s> {
        let Scratch { partitions, arena, lines, buffers, shape } = scratch;
        arena.reset();
        lines.clear();
        let delivery = Delivery { transform: self, origin, partitions, arena, lines, shape, labels: None };
        match delivery.add_all(record, buffers) {
            Ok(Fate::Deliver(labels)) => Outcome::Deliver { lines, labels },
            Ok(Fate::Drop(why)) => Outcome::Drop(why),
            Err(failure) => Outcome::Fail(failure),
        }
    }

    /// Whether removed items are asked about.
    fn looks_at_changes(&self) -> bool {
        self.record_query.as_ref().is_some_and(|query| query.uses(CHANGE))
    }
}

/// A record that a query runs on.
#[derive(Clone, Copy)]
enum Input<'r> {
    /// Any JSON.
    Json(&'r str),
    /// An object that a decoder has written.
    Object(&'r ObjectWriter),
}

impl<'r> Input<'r> {
    fn json(self) -> &'r str {
        match self {
            Self::Json(json) => json,
            Self::Object(object) => object.json(),
        }
    }

    fn document<'a>(self, shape: &mut Shape, arena: &'a Bump) -> Result<Document<'a>, serde_json::Error>
    where
        'r: 'a,
    {
        match self {
            Self::Json(json) => Document::parse_like(json, shape, arena),
            Self::Object(object) => object.document(arena),
        }
    }
}

/// What one record leaves for the next: memory, and the partitions that are known.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The partitions that records went to.
    pub partitions: Partitions,
    arena: Bump,
    lines: String,
    buffers: Buffers,
    shape: Shape,
}

/// A record on its way to be delivered. Log data has many events, which all become lines of the same record.
struct Delivery<'t> {
    transform: &'t Transform,
    origin: &'t Origin<'t>,
    partitions: &'t mut Partitions,
    arena: &'t Bump,
    lines: &'t mut String,
    shape: &'t mut Shape,
    labels: Option<Rc<Labels>>,
}

/// What a record comes to that does not fail.
enum Fate {
    Deliver(Rc<Labels>),
    Drop(Dropped),
}

impl Delivery<'_> {
    fn add_all(mut self, record: &[u8], buffers: &mut Buffers) -> Result<Fate, Failure> {
        let Transform { record_format, wanted, .. } = self.transform;
        match record_format.decode(record, self.origin, *wanted, buffers)? {
            Decoded::Json(json) => self.add(Input::Json(json), &Change::default())?,
            Decoded::Object(object) => self.add(Input::Object(object), &Change::default())?,
            Decoded::Change(change, _) if change.is_removal() && !self.transform.looks_at_changes() => {
                return Ok(Fate::Drop(Dropped::Removal));
            }
            Decoded::Change(change, object) => {
                change.write_image(object).map_err(|fault| Reason::NotDynamoDb.because(fault))?;
                self.add(Input::Object(object), &Change { whole: Some(record), at: change.created_at() })?;
            }
            Decoded::LogData(data, object) => {
                let mut events = data.events().peekable();
                if events.peek().is_none() {
                    return Ok(Fate::Drop(Dropped::NoEvents));
                }
                for event in events {
                    event.map_err(|fault| Reason::NotCloudWatchLogs.because(fault))?.write(object);
                    self.add(Input::Object(object), &Change::default())?;
                }
            }
            Decoded::ControlMessage => return Ok(Fate::Drop(Dropped::ControlMessage)),
        }
        Ok(self.labels.map_or(Fate::Drop(Dropped::Query), Fate::Deliver))
    }

    /// Adds what the query makes of a record, unless that is nothing.
    fn add(&mut self, record: Input<'_>, change: &Change<'_>) -> Result<(), Failure> {
        let arena = self.arena;
        let Some(query) = &self.transform.record_query else {
            let document = record.document(self.shape, arena).map_err(|error| not_json(&error))?;
            return self.add_document(document, change, arena);
        };
        if query.is_planned()
            && let Ok(record) = record.document(self.shape, arena)
            && let Ok(output) =
                query.run_directly(record, &Scope::new(arena, &|variable| self.variable(variable, change)))
        {
            return output.map_or(Ok(()), |document| self.add_document(document, change, arena));
        }
        let input: &RawValue = serde_json::from_str(record.json()).map_err(|error| Reason::NotJson.because(error))?;
        let mut output = String::new();
        if self.run(query, "record query", input, change, &mut output)? {
            let document = Document::parse(&output, arena).map_err(|_| not_object("record query", &output))?;
            self.add_document(document, change, arena)?;
        }
        Ok(())
    }

    fn add_document<'d>(
        &mut self,
        document: Document<'d>,
        change: &Change<'_>,
        arena: &'d Bump,
    ) -> Result<(), Failure> {
        let Transform { contract, layout, output_format, .. } = self.transform;
        contract.check(&document).map_err(|breach| Reason::Contract.because(breach))?;
        let (document, labels) = match &self.transform.partition_query {
            None => {
                let labels = self.partitions.labels(layout, &document)?;
                (document, labels)
            }
            Some(query) => self.make_labels(query, document, change, arena)?,
        };
        output_format.write(&document, contract, self.lines);
        match &self.labels {
            Some(others) if others.values != labels.values => {
                let detail = "expected one partition for all log events of a record, got more";
                Err(Reason::PartitionKeysDiffer.because(detail))
            }
            _ => {
                self.labels = Some(labels);
                Ok(())
            }
        }
    }

    /// The labels that a query makes of a record, and the record.
    fn make_labels<'d>(
        &mut self,
        query: &'d Query,
        document: Document<'d>,
        change: &Change<'_>,
        arena: &'d Bump,
    ) -> Result<(Document<'d>, Rc<Labels>), Failure> {
        let layout = &self.transform.layout;
        let record = Item::object(document, arena);
        let made = query.look_directly(&record, &Scope::new(arena, &|variable| self.variable(variable, change)));
        let Item::Object(document) = record else { return Err(not_object("record query", "")) };
        let document = BumpBox::into_inner(document);
        if let Ok(Some(made)) = made {
            let labels = self.partitions.labels(layout, &made)?;
            return Ok((document, labels));
        }
        let (mut json, mut output) = (String::new(), String::new());
        document.write(&mut json);
        let input: &RawValue = serde_json::from_str(&json).map_err(|error| Reason::NotJson.because(error))?;
        if !self.run(query, "partition query", input, change, &mut output)? {
            return Err(Reason::PartitionKeyMissing.because("the partition query: expected an object, got no output"));
        }
        let made = Document::parse(&output, arena).map_err(|_| not_object("partition query", &output))?;
        let labels = self.partitions.labels(layout, &made)?;
        Ok((document, labels))
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
        let raw = |json: Option<&str>| json.map(str::to_owned);
        match name {
            "$arrival" => self.origin.arrived_at().map(|time| format!("\"{time}\"")),
            "$record_id" => raw(self.origin.record_id),
            "$stream" => raw(self.origin.stream),
            "$kinesis" => raw(self.origin.kinesis),
            "$changed_at" => change.at.map(|time| format!("\"{time}\"")),
            CHANGE => change.whole.and_then(|whole| std::str::from_utf8(whole).ok()).map(str::to_owned),
            _ => None,
        }
    }
}

impl Origin<'_> {
    /// When the record came, if that is told in milliseconds since 1970.
    pub(crate) fn arrived_at(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.arrival?.parse().ok()?).ok()
    }
}

/// The change that an item came in, for the queries.
#[derive(Default)]
struct Change<'r> {
    whole: Option<&'r [u8]>,
    at: Option<Timestamp>,
}

fn not_json(error: &serde_json::Error) -> Failure {
    // The text of a data error can hold a piece of the record; that of a syntax error cannot.
    let detail = if error.is_data() { "expected an object, got another value".to_owned() } else { error.to_string() };
    Reason::NotJson.because(detail)
}

fn not_object(name: &str, output: &str) -> Failure {
    let got = serde_json::from_str(output).map_or("no JSON", |output: &RawValue| Kind::of(output.get()).name());
    Reason::OutputNotObject.because(format_args!("the {name}: expected an object as its output, got {got}"))
}

#[cfg(test)]
mod tests;
