//! A delivery stream, as far as AWS has told how it behaves.
//!
//! Records are handed to the transform function in batches, its reply is taken apart record by record, what is delivered
//! is kept in one buffer for each prefix, and each buffer becomes an object when its size or its time is reached. Time is
//! that of the records' arrival, so that a day of data is one run of seconds.

mod prefix;
mod reply;
mod request;
pub mod time;

use crate::assumptions::{self, LARGEST_RECORD, arrival_pace};
use prefix::FilledPrefix;
use reply::{Answer, Failure};
use shared::error_prefix::ErrorPrefix;
use shared::prefix::Prefix;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;
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
    /// Bytes after which a buffer becomes an object.
    pub buffer_bytes: usize,
    /// Milliseconds after which it does.
    pub buffer_milliseconds: i64,
    /// What the names of its objects end in.
    pub extension: String,
    /// The function that it calls.
    pub processor: Processor,
}

/// The Lambda processor of a delivery stream.
#[derive(Clone, Debug)]
pub struct Processor {
    /// The function.
    pub lambda_arn: String,
    /// Bytes of records in one invocation, at most.
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
    /// When it was written, in milliseconds since 1970.
    pub written_at: i64,
}

/// What became of the records; each of those read is in one of the other counts, once the stream is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub read: u64,
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
    /// How long records have been arriving.
    elapsed: Duration,
    first_arrival: i64,
    pending: Vec<Record>,
    pending_bytes: usize,
    buffers: BTreeMap<FilledPrefix, Buffer>,
    objects: u64,
    invocations: u64,
}

/// A record on its way.
#[derive(Debug)]
struct Record {
    number: u64,
    arrival: i64,
    data: Vec<u8>,
}

/// Records that will be one object.
#[derive(Debug)]
struct Buffer {
    oldest: i64,
    body: Vec<u8>,
    records: u64,
}

impl<'s, F: FnMut(&str) -> Result<Vec<u8>, String>, T: Fn(&str) -> bool> Firehose<'s, F, T> {
    /// A delivery stream whose first record arrives then, in milliseconds since 1970.
    pub fn new(stream: &'s DeliveryStream, first_arrival: i64, call: F, taken: T) -> Self {
        Self {
            stream,
            call,
            taken,
            counts: Counts::default(),
            elapsed: Duration::ZERO,
            first_arrival,
            pending: Vec::new(),
            pending_bytes: 0,
            buffers: BTreeMap::new(),
            objects: 0,
            invocations: 0,
        }
    }

    /// Takes a record; gives the objects that are written meanwhile.
    pub fn put(&mut self, data: &[u8]) -> Vec<Object> {
        self.counts.read += 1;
        if data.len() > LARGEST_RECORD {
            self.counts.refused += 1;
            return Vec::new();
        }
        let arrival = self.now();
        self.elapsed += arrival_pace(data.len());
        let started = self.pending.first().map_or(arrival, |record| record.arrival);
        let full = self.pending_bytes + data.len() > self.stream.processor.buffer_bytes;
        let late = arrival - started >= self.stream.processor.buffer_milliseconds;
        let objects = if full || late { self.invoke(arrival) } else { Vec::new() };
        self.pending_bytes += data.len();
        self.pending.push(Record { number: self.counts.read, arrival, data: data.to_vec() });
        objects
    }

    /// No record will come any more: everything is written. (AWS does so when the buffers' time has come.)
    pub fn close(mut self) -> (Vec<Object>, Counts) {
        let now = self.now();
        let mut objects = self.invoke(now);
        let end = now + self.stream.processor.buffer_milliseconds + self.stream.buffer_milliseconds;
        objects.extend(self.write_due(end));
        (objects, self.counts)
    }

    /// Nothing is done any more: what is not in an object yet is counted as not written.
    pub fn abandon(mut self) -> Counts {
        let buffered: u64 = self.buffers.values().map(|buffer| buffer.records).sum();
        self.counts.not_written = self.pending.len() as u64 + buffered;
        self.counts
    }

    fn now(&self) -> i64 {
        self.first_arrival + i64::try_from(self.elapsed.as_millis()).unwrap_or(i64::MAX)
    }

    /// Hands the pending records to the function, and writes what is due then.
    fn invoke(&mut self, now: i64) -> Vec<Object> {
        let records = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let mut objects = Vec::new();
        if !records.is_empty() {
            self.invocations += 1;
            let request = request::text(self.stream, self.invocations, &records);
            let mut attempts = 0;
            let reply = loop {
                attempts += 1;
                match (self.call)(&request) {
                    Err(_) if attempts <= self.stream.processor.retries => {}
                    result => break result,
                }
            };
            let answers = reply::read(reply, &records);
            let mut failures: BTreeMap<&'static str, Vec<(&Record, Failure)>> = BTreeMap::new();
            for (record, answer) in records.iter().zip(answers) {
                let failure = match answer {
                    Answer::Dropped => {
                        self.counts.dropped += 1;
                        continue;
                    }
                    Answer::Failed(failure) => failure,
                    Answer::Deliver { data, keys } => match prefix::fill_keys(&self.stream.prefix, &keys) {
                        Ok(prefix) => {
                            objects.extend(self.keep(prefix, record.arrival, &data, now));
                            continue;
                        }
                        Err(failure) => failure,
                    },
                };
                failures.entry(failure.error_output_type).or_default().push((record, failure));
            }
            for (error_output_type, failures) in failures {
                objects.push(self.error_object(error_output_type, &failures, attempts, now));
            }
        }
        objects.extend(self.write_due(now));
        objects
    }

    /// Puts a record into its buffer; gives the object if the buffer is full then.
    fn keep(&mut self, prefix: FilledPrefix, arrival: i64, data: &[u8], now: i64) -> Option<Object> {
        let open = self.buffers.len();
        let mut entry = match self.buffers.entry(prefix) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                self.counts.most_active_partitions = self.counts.most_active_partitions.max(open + 1);
                entry.insert_entry(Buffer { oldest: arrival, body: Vec::new(), records: 0 })
            }
        };
        let buffer = entry.get_mut();
        buffer.body.extend_from_slice(data);
        buffer.records += 1;
        if buffer.body.len() < self.stream.buffer_bytes {
            return None;
        }
        let (prefix, buffer) = entry.remove_entry();
        Some(self.object(&prefix, buffer, now))
    }

    /// Writes the buffers whose time has come.
    fn write_due(&mut self, now: i64) -> Vec<Object> {
        let age = self.stream.buffer_milliseconds;
        let due: Vec<_> = self.buffers.extract_if(.., |_, buffer| buffer.oldest + age <= now).collect();
        due.into_iter().map(|(prefix, buffer)| self.object(&prefix, buffer, now)).collect()
    }

    fn object(&mut self, prefix: &FilledPrefix, buffer: Buffer, now: i64) -> Object {
        self.counts.delivered += buffer.records;
        let prefix = prefix.evaluate(buffer.oldest, || self.objects + 1);
        let stream = self.stream;
        Object {
            key: self.key(&prefix, buffer.oldest, &stream.extension),
            body: buffer.body,
            records: buffer.records,
            written_at: now,
        }
    }

    /// One error object for the records of a batch that failed in the same way: a line each.
    fn error_object(
        &mut self,
        error_output_type: &str,
        failures: &[(&Record, Failure)],
        attempts: u32,
        now: i64,
    ) -> Object {
        let mut body = Vec::new();
        for (record, failure) in failures {
            *self.counts.failed.entry(failure.code.to_owned()).or_default() += 1;
            body.extend_from_slice(
                reply::error_line(record, failure, attempts, now, &self.stream.processor).as_bytes(),
            );
            body.push(b'\n');
        }
        let oldest = failures.iter().map(|(record, _)| record.arrival).min().unwrap_or(now);
        let prefix = prefix::of_errors(&self.stream.error_prefix, error_output_type, oldest);
        Object { key: self.key(&prefix, oldest, ""), body, records: failures.len() as u64, written_at: now }
    }

    /// The name of the next object: random with AWS, here always the same for the same run.
    fn key(&mut self, prefix: &str, oldest: i64, extension: &str) -> String {
        let name = format!("{}-{}-{}", self.stream.name, assumptions::STREAM_VERSION, time::name(oldest));
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

#[cfg(test)]
mod tests;
