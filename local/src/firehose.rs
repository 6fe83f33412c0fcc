//! A delivery stream, as far as AWS has told how it behaves.
//!
//! Records are taken apart if they hold several, and handed to the transform function in batches. Its reply is read record by
//! record; what is delivered gets its partition keys, from the function or by a query, and is kept in one buffer for each
//! prefix. Each buffer becomes an object when its size or its time is reached. Time is that of the records' arrival, so that a
//! day of data is one run of seconds.

mod arrivals;
mod batch;
pub mod conversion;
mod deaggregation;
mod metadata_extraction;
mod object;
mod prefix;
mod reply;
mod request;
pub mod time;

use crate::assumptions::{
    self, LARGEST_PAYLOAD, LARGEST_RECORD, LIMIT_FAULT_CODE, LIMIT_FAULT_MESSAGE, LIMIT_FAULT_TYPE,
};
use crate::compression::Compression;
use arrivals::Arrival;
pub use arrivals::Arrivals;
use batch::{Batch, Record};
use conversion::Conversion;
pub use deaggregation::DeAggregation;
use firehose_transform::query::Query;
use jiff::tz::TimeZone;
use object::{Buffer, FORMAT_CONVERSION_FAILED};
use prefix::{Evaluator, FilledPrefix};
use reply::{Answer, Delivered, Failure};
use shared::error_prefix::ErrorPrefix;
use shared::prefix::{Element, Prefix};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use uuid::Uuid;

/// What the template says of a delivery stream.
#[derive(Clone, Debug)]
pub struct DeliveryStream {
    /// Its name, with which the names of its objects begin.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its region.
    pub region: String,
    /// Where its records come from.
    pub source: Source,
    /// Where its objects go.
    pub prefix: Prefix,
    /// Where go what it could not deliver.
    pub error_prefix: ErrorPrefix,
    /// The zone of the times in both, and in the names of its objects.
    pub time_zone: TimeZone,
    /// The partitions that can be active at once; nothing without dynamic partitioning, which has one buffer alone.
    pub active_partitions: Option<usize>,
    /// Bytes after which a buffer becomes an object.
    pub buffer_bytes: usize,
    /// Milliseconds after which it does.
    pub buffer_milliseconds: i64,
    /// What the names of its objects end in.
    pub extension: String,
    /// How its objects are compressed.
    pub compression: Compression,
    /// How its records are converted, if they are. What they become is not compressed then, but within.
    pub conversion: Option<Conversion>,
    /// How records are taken apart that hold several.
    pub de_aggregation: Option<DeAggregation>,
    /// The function that it calls.
    pub processor: Processor,
    /// What makes partition keys of a record: `MetadataExtractionQuery`.
    pub extraction: Option<Rc<Query>>,
    /// Whether a newline is appended to each record.
    pub appends_delimiter: bool,
}

/// The Lambda processor of a delivery stream.
#[derive(Clone, Debug)]
pub struct Processor {
    /// The function.
    pub lambda_arn: String,
    /// Bytes of records in one invocation, at most, unless a single one has more.
    pub buffer_bytes: usize,
    /// Milliseconds after which an invocation is made with less.
    pub buffer_milliseconds: i64,
    /// How often a failed invocation is tried again.
    pub retries: u32,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Producers put them into the delivery stream.
    DirectPut,
    /// A Kinesis stream.
    Kinesis {
        /// Its ARN.
        arn: String,
    },
}

/// An object that Firehose writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// What is in it.
    pub body: Vec<u8>,
    /// The records in it.
    pub records: u64,
    /// When its oldest record arrived, in milliseconds since 1970.
    pub oldest: i64,
    /// When it was written, in milliseconds since 1970.
    pub written_at: i64,
}

/// What became of the records: once the stream is closed, each of those read, and each that came out of one, is delivered,
/// dropped, failed or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub read: u64,
    /// Records that came out of others, beyond one of each.
    pub taken_out: u64,
    /// Records that told no time of their own, and so came with the one before.
    pub untold: u64,
    /// Records that told an earlier time than the one before, and so came with that.
    pub late: u64,
    /// Records in objects.
    pub delivered: u64,
    /// Records that the function dropped.
    pub dropped: u64,
    /// Records in error objects, by error code.
    pub failed: BTreeMap<String, u64>,
    /// Records that the stream does not take, since they are too large.
    pub refused: u64,
    /// Records that were still on their way when the stream was given up.
    pub not_written: u64,
    /// The most buffers that were open at once: active partitions, in Firehose's words.
    pub most_active_partitions: usize,
    /// The same by time, in order.
    pub active_partitions: Vec<ActivePartitions>,
}

/// Buffers that were open around a moment at which some were due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivePartitions {
    /// The moment, in milliseconds since 1970.
    pub at: i64,
    /// The most that were open at once since the moment before.
    pub most: usize,
    /// Those that stayed open.
    pub left: usize,
}

impl Counts {
    /// Records that are not delivered, and were not to be dropped.
    pub fn rejected(&self) -> u64 {
        self.failed.values().sum::<u64>() + self.refused
    }
}

/// A delivery stream at work. The function is `call`: a request becomes a reply, or fails as a whole.
pub struct Firehose<'s, F, T> {
    stream: &'s DeliveryStream,
    call: F,
    /// Whether there is an object of this key: names are never used twice.
    taken: T,
    counts: Counts,
    arrivals: Arrivals,
    prefix: Evaluator,
    /// What waits for the function, and the bytes that its request will have at most.
    pending: Batch,
    request_bytes: usize,
    /// Records that have waited for the function.
    numbered: u64,
    buffers: BTreeMap<FilledPrefix, Buffer>,
    /// When which buffer was begun, in this order. Some have been written since.
    begun: VecDeque<(i64, FilledPrefix)>,
    /// The most buffers that were open at once since some were written.
    most_active: usize,
    objects: u64,
    invocations: u64,
    scratch: Scratch,
}

/// Memory that one record leaves for the next.
#[derive(Debug, Default)]
struct Scratch {
    data: Vec<u8>,
    filled: FilledPrefix,
}

/// A record that goes to the error prefix.
struct Failed<'b> {
    record: &'b Record,
    /// As it came.
    data: &'b [u8],
    failure: Failure,
}

impl<'s, F: FnMut(&str) -> Result<Vec<u8>, String>, T: Fn(&str) -> bool> Firehose<'s, F, T> {
    /// A delivery stream to which records come so.
    pub fn new(stream: &'s DeliveryStream, arrivals: Arrivals, call: F, taken: T) -> Self {
        Self {
            stream,
            call,
            taken,
            counts: Counts::default(),
            arrivals,
            prefix: Evaluator::new(&stream.prefix, &stream.time_zone),
            pending: Batch::default(),
            request_bytes: request::most_bytes(stream),
            numbered: 0,
            buffers: BTreeMap::new(),
            begun: VecDeque::new(),
            most_active: 0,
            objects: 0,
            invocations: 0,
            scratch: Scratch::default(),
        }
    }

    /// Takes a record; gives the objects that are written meanwhile.
    pub fn put(&mut self, data: &[u8]) -> Vec<Object> {
        self.counts.read += 1;
        if data.len() > LARGEST_RECORD {
            self.counts.refused += 1;
            return Vec::new();
        }
        let arrival = self.arrivals.next(data);
        match arrival {
            Arrival::At(_) => {}
            Arrival::Untold(_) => self.counts.untold += 1,
            Arrival::Late(_) => self.counts.late += 1,
        }
        let arrival = arrival.milliseconds();
        let mut objects = self.advance(|due| due < arrival);
        match &self.stream.de_aggregation {
            None => objects.extend(self.wait(arrival, data)),
            Some(how) => {
                let parts = how.split(data);
                self.counts.taken_out += parts.len().saturating_sub(1) as u64;
                for part in parts {
                    objects.extend(self.wait(arrival, part));
                }
            }
        }
        objects
    }

    /// No record will come any more: everything is written when its time has come.
    pub fn close(mut self) -> (Vec<Object>, Counts) {
        let objects = self.advance(|_| true);
        (objects, self.counts)
    }

    /// Nothing is done any more: what is not in an object yet is counted as not written.
    pub fn abandon(mut self) -> Counts {
        let buffered: u64 = self.buffers.values().map(Buffer::records).sum();
        self.counts.not_written = self.pending.records().count() as u64 + buffered;
        self.counts
    }

    /// Lets time pass: what is due is handed over and written at the moment at which it is due.
    fn advance(&mut self, has_passed: impl Fn(i64) -> bool) -> Vec<Object> {
        let mut objects = Vec::new();
        loop {
            let (invoke, write) = (self.invocation_due(), self.writing_due());
            match invoke.into_iter().chain(write).min() {
                Some(due) if has_passed(due) && invoke == Some(due) => objects.extend(self.invoke(due)),
                Some(due) if has_passed(due) => objects.extend(self.write_due(due)),
                _ => return objects,
            }
        }
    }

    /// When the function is called with what waits.
    fn invocation_due(&self) -> Option<i64> {
        Some(self.pending.first_arrival()?.saturating_add(self.stream.processor.buffer_milliseconds))
    }

    /// When the oldest buffer is written, or looked for.
    fn writing_due(&self) -> Option<i64> {
        self.begun.front().map(|(begun, _)| begun.saturating_add(self.stream.buffer_milliseconds))
    }

    /// Adds a record to those that wait for the function; hands those over if it does not fit beside them.
    fn wait(&mut self, arrival: i64, data: &[u8]) -> Vec<Object> {
        let bytes = request::most_bytes_of_record(self.stream, data.len());
        let full = self.pending.bytes() + data.len() > self.stream.processor.buffer_bytes
            || self.request_bytes + bytes > LARGEST_PAYLOAD;
        let objects = if full { self.invoke(arrival) } else { Vec::new() };
        self.numbered += 1;
        self.request_bytes += bytes;
        self.pending.push(self.numbered, self.counts.read, arrival, data);
        objects
    }

    /// Hands the pending records to the function, and writes what is due then.
    fn invoke(&mut self, now: i64) -> Vec<Object> {
        let mut objects = Vec::new();
        let mut batch = std::mem::take(&mut self.pending);
        if batch.first_arrival().is_some() {
            self.deliver(&batch, now, &mut objects);
            self.request_bytes = request::most_bytes(self.stream);
            batch.clear();
            self.pending = batch;
        }
        objects.extend(self.write_due(now));
        objects
    }

    /// Hands a batch to the function, and keeps what it is to deliver.
    fn deliver(&mut self, batch: &Batch, now: i64, objects: &mut Vec<Object>) {
        self.invocations += 1;
        let request = request::text(self.stream, self.invocations, batch);
        let (reply, attempts) = self.call(&request);
        drop(request);
        let answers = match &reply {
            Some(reply) => reply::read(reply, batch),
            None => batch.records().map(|_| Answer::Failed(reply::FUNCTION_ERROR)).collect(),
        };
        let mut failures: BTreeMap<&'static str, Vec<Failed<'_>>> = BTreeMap::new();
        let mut scratch = std::mem::take(&mut self.scratch);
        for ((record, data), answer) in batch.records().zip(answers) {
            let kept = match answer {
                Answer::Dropped => {
                    self.counts.dropped += 1;
                    continue;
                }
                Answer::Failed(failure) => Err(failure),
                Answer::Deliver(delivered) => self.keep(record, &delivered, now, &mut scratch),
            };
            match kept {
                Ok(written) => objects.extend(written),
                Err(failure) => {
                    failures.entry(failure.error_output_type).or_default().push(Failed { record, data, failure });
                }
            }
        }
        self.scratch = scratch;
        for (error_output_type, failures) in failures {
            objects.push(self.error_object(error_output_type, &failures, attempts, now));
        }
    }

    /// The function's reply, and the attempts that were made; nothing if all of them failed.
    fn call(&mut self, request: &str) -> (Option<Vec<u8>>, u32) {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match (self.call)(request) {
                Ok(reply) if reply.len() <= LARGEST_PAYLOAD => return (Some(reply), attempts),
                _ if attempts > self.stream.processor.retries => return (None, attempts),
                _ => {}
            }
        }
    }

    /// Puts a record into its buffer; gives what that becomes if it is full then.
    fn keep(
        &mut self,
        record: &Record,
        delivered: &Delivered<'_>,
        now: i64,
        scratch: &mut Scratch,
    ) -> Result<Vec<Object>, Failure> {
        let Scratch { data, filled } = scratch;
        delivered.decode(data)?;
        let made = match &self.stream.extraction {
            Some(query) => metadata_extraction::extract(query, data)?,
            None => Vec::new(),
        };
        let made = |name: &str| made.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let key = |element: &Element| match element {
            Element::KeyFromLambda(name) => delivered.key(name),
            Element::KeyFromQuery(name) => made(name),
            _ => None,
        };
        self.prefix.fill(key, filled)?;
        if self.stream.appends_delimiter {
            data.push(b'\n');
        }
        let buffer = if let Some(buffer) = self.buffers.get_mut(filled) {
            buffer
        } else {
            self.begin(filled, record.arrival)?;
            self.buffers.entry(filled.clone()).or_insert(Buffer::new(record.arrival))
        };
        buffer.push(record.source, record.arrival, data);
        if buffer.bytes() < self.stream.buffer_bytes {
            return Ok(Vec::new());
        }
        let full = self.buffers.remove_entry(filled);
        Ok(full.map_or_else(Vec::new, |(prefix, buffer)| self.objects_of(&prefix, buffer, now)))
    }

    /// Notes that a buffer is begun, if its prefix is none too long and its partition none too many.
    fn begin(&mut self, prefix: &FilledPrefix, arrival: i64) -> Result<(), Failure> {
        self.prefix.check_length(prefix, arrival)?;
        let active = self.buffers.len() + 1;
        if self.stream.active_partitions.is_some_and(|most| active > most) {
            return Err(LIMIT_FAULT);
        }
        self.counts.most_active_partitions = self.counts.most_active_partitions.max(active);
        self.most_active = self.most_active.max(active);
        self.begun.push_back((arrival, prefix.clone()));
        Ok(())
    }

    /// Writes the buffers whose time has come.
    fn write_due(&mut self, now: i64) -> Vec<Object> {
        let mut objects = Vec::new();
        while self.writing_due().is_some_and(|due| due <= now)
            && let Some((begun, prefix)) = self.begun.pop_front()
        {
            // One that was full is written, and another may have been begun since.
            if self.buffers.get(&prefix).is_some_and(|buffer| buffer.oldest() == begun)
                && let Some((prefix, buffer)) = self.buffers.remove_entry(&prefix)
            {
                objects.extend(self.objects_of(&prefix, buffer, now));
            }
        }
        self.note_active(now);
        objects
    }

    /// Keeps how many buffers were open until now, and how many are.
    fn note_active(&mut self, at: i64) {
        let left = self.buffers.len();
        let most = std::mem::replace(&mut self.most_active, left);
        self.counts.active_partitions.push(ActivePartitions { at, most, left });
    }

    /// What a buffer becomes: an object, an error object, or both.
    fn objects_of(&mut self, prefix: &FilledPrefix, buffer: Buffer, now: i64) -> Vec<Object> {
        let (stream, oldest) = (self.stream, buffer.oldest());
        let made = buffer.make(stream, now);
        let mut objects = Vec::new();
        if let Some(object::Delivered { body, records }) = made.delivered {
            self.counts.delivered += records;
            let prefix = self.prefix.evaluate(prefix, oldest, self.objects + 1);
            let key = self.key(&prefix, oldest, &stream.extension);
            objects.push(Object { key, body, records, oldest, written_at: now });
        }
        if let Some(object::Failed { body, records, oldest }) = made.failed {
            let prefix = prefix::of_errors(&stream.error_prefix, FORMAT_CONVERSION_FAILED, oldest, &stream.time_zone);
            let key = self.key(&prefix, oldest, "");
            objects.push(Object { key, body, records: records.values().sum(), oldest, written_at: now });
            for (code, count) in records {
                *self.counts.failed.entry(code.to_owned()).or_default() += count;
            }
        }
        objects
    }

    /// One error object for the records of a batch that failed in the same way: a line each.
    fn error_object(&mut self, error_output_type: &str, failures: &[Failed<'_>], attempts: u32, now: i64) -> Object {
        let mut body = Vec::new();
        for Failed { record, data, failure } in failures {
            *self.counts.failed.entry(failure.code.to_owned()).or_default() += 1;
            let line = reply::error_line(record, data, failure, attempts, now, &self.stream.processor);
            body.extend_from_slice(line.as_bytes());
            body.push(b'\n');
        }
        let oldest = failures.first().map_or(now, |failed| failed.record.arrival);
        let stream = self.stream;
        let prefix = prefix::of_errors(&stream.error_prefix, error_output_type, oldest, &stream.time_zone);
        Object { key: self.key(&prefix, oldest, ""), body, records: failures.len() as u64, oldest, written_at: now }
    }

    /// The name of the next object: random with AWS, here always the same for the same run.
    fn key(&mut self, prefix: &str, oldest: i64, extension: &str) -> String {
        let name = format!(
            "{}-{}-{}",
            self.stream.name,
            assumptions::STREAM_VERSION,
            time::name(oldest, &self.stream.time_zone)
        );
        loop {
            self.objects += 1;
            let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{prefix}{name}-{}", self.objects).as_bytes());
            let key = format!("{prefix}{name}-{uuid}{extension}");
            if !(self.taken)(&key) {
                return key;
            }
        }
    }
}

/// Why a record goes to the error prefix that would make one partition active too many.
const LIMIT_FAULT: Failure =
    Failure { error_output_type: LIMIT_FAULT_TYPE, code: LIMIT_FAULT_CODE, message: LIMIT_FAULT_MESSAGE };

#[cfg(test)]
mod conservation;
#[cfg(test)]
mod tests;
