//! What a buffer becomes: an object, as it is or compressed or converted, and error lines for what could not be converted.

use super::conversion::{CatalogTable, Conversion};
use super::{DeliveryStream, Source, request};
use crate::open_x::Malformed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The folder of records that could not be converted.
pub(super) const FORMAT_CONVERSION_FAILED: &str = "format-conversion-failed";

/// Records that will be one object.
#[derive(Debug)]
pub(super) struct Buffer {
    oldest: i64,
    body: Vec<u8>,
    records: Vec<Kept>,
}

/// A record in a buffer. It begins where the one before ends.
#[derive(Clone, Copy, Debug)]
struct Kept {
    end: usize,
    arrival: i64,
    number: u64,
}

/// What a buffer became.
#[derive(Debug)]
pub(super) struct Made {
    /// The object, unless none of its records could be converted.
    pub(super) delivered: Option<Delivered>,
    /// The records that could not be, if there are any.
    pub(super) failed: Option<Failed>,
}

/// What goes into an object.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) body: Vec<u8>,
    pub(super) records: u64,
}

/// What goes into an error object.
#[derive(Debug)]
pub(super) struct Failed {
    /// A line for each record.
    pub(super) body: Vec<u8>,
    /// The records by error code.
    pub(super) records: BTreeMap<&'static str, u64>,
    /// When the oldest of them arrived.
    pub(super) oldest: i64,
}

/// One line of an error object of format conversion, with the members and in the order of AWS's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorLine<'e> {
    attempts_made: u32,
    arrival_timestamp: i64,
    last_error_code: &'e str,
    last_error_message: &'e str,
    attempt_ending_timestamp: i64,
    raw_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sequence_number: Option<u32>,
    data_catalog_table: &'e CatalogTable,
}

impl Buffer {
    /// The records in it.
    pub(super) fn records(&self) -> u64 {
        self.records.len() as u64
    }

    /// An empty buffer, for a record that arrived then.
    pub(super) fn new(oldest: i64) -> Self {
        Self { oldest, body: Vec::new(), records: Vec::new() }
    }

    /// When its oldest record arrived.
    pub(super) fn oldest(&self) -> i64 {
        self.oldest
    }

    /// Its bytes, before they are compressed or converted: those that count for its size.
    pub(super) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Adds a record: its number in the stream, when it arrived, and what the function made of it.
    pub(super) fn push(&mut self, number: u64, arrival: i64, data: &[u8]) {
        self.body.extend_from_slice(data);
        self.records.push(Kept { end: self.body.len(), arrival, number });
    }

    /// Makes it what the delivery stream writes; `now` is when.
    pub(super) fn make(self, stream: &DeliveryStream, now: i64) -> Made {
        match &stream.conversion {
            None => {
                let records = self.records.len() as u64;
                let body = compressed(stream, self.body);
                Made { delivered: Some(Delivered { body, records }), failed: None }
            }
            Some(conversion) => self.convert(conversion, &stream.source, now),
        }
    }

    fn convert(&self, conversion: &Conversion, source: &Source, now: i64) -> Made {
        let converted = conversion.convert(self.data());
        let records = self.records.len().saturating_sub(converted.failed.len()) as u64;
        let failed = self.failed(&converted.failed, conversion.table(), source, now);
        Made { delivered: converted.file.map(|body| Delivered { body, records }), failed }
    }

    /// The error lines of records, given by their places in order.
    fn failed(&self, faults: &[(usize, Malformed)], table: &CatalogTable, source: &Source, now: i64) -> Option<Failed> {
        let mut failed: Option<Failed> = None;
        let mut faults = faults.iter().peekable();
        for (place, (record, data)) in self.records.iter().zip(self.data()).enumerate() {
            let Some((_, fault)) = faults.next_if(|(failed, _)| *failed == place) else { continue };
            let has_sequence = matches!(source, Source::Kinesis { .. });
            let line = ErrorLine {
                attempts_made: 1,
                arrival_timestamp: record.arrival,
                last_error_code: fault.code,
                last_error_message: &fault.message,
                attempt_ending_timestamp: now,
                raw_data: STANDARD.encode(data),
                sequence_number: has_sequence.then(|| request::sequence_number(record.number)),
                sub_sequence_number: has_sequence.then_some(0),
                data_catalog_table: table,
            };
            let failed = failed.get_or_insert_with(|| Failed {
                body: Vec::new(),
                records: BTreeMap::new(),
                oldest: record.arrival,
            });
            failed.oldest = failed.oldest.min(record.arrival);
            *failed.records.entry(fault.code).or_default() += 1;
            // Nothing in it can fail to be JSON: no maps, and no floats.
            failed.body.extend(serde_json::to_vec(&line).unwrap_or_default());
            failed.body.push(b'\n');
        }
        failed
    }

    /// The records, one after the other.
    fn data(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.records.iter().map(|record| record.end));
        starts.zip(&self.records).map(|(start, record)| self.body.get(start..record.end).unwrap_or_default())
    }
}

/// What a delivery stream makes of an object that it does not convert.
fn compressed(stream: &DeliveryStream, body: Vec<u8>) -> Vec<u8> {
    // AWS names it at random; here the same objects are always the same.
    let entry = |body: &[u8]| Uuid::new_v5(&Uuid::NAMESPACE_URL, body).to_string();
    #[expect(clippy::expect_used, reason = "memory takes whatever is written, and a buffer is far below 4 GiB")]
    stream.compression.compress(body, entry).expect("a buffer can be compressed")
}

#[cfg(test)]
mod tests;
