//! Records that wait for the function.

use std::ops::Range;

/// Records that are handed to the function together, their bytes one behind the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    records: Vec<Record>,
    bytes: Vec<u8>,
}

/// A record on its way.
#[derive(Debug)]
pub(super) struct Record {
    /// Its number among all that are handed to the function, by which the function knows it. Those of a batch follow on each
    /// other.
    pub(super) number: u64,
    /// The number of the record that it came in, among all that were read.
    pub(super) source: u64,
    /// When it came, in milliseconds since 1970.
    pub(super) arrival: i64,
    place: Range<usize>,
}

impl Batch {
    /// Adds a record; the next one has the next number.
    pub(super) fn push(&mut self, number: u64, source: u64, arrival: i64, data: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(data);
        self.records.push(Record { number, source, arrival, place: start..self.bytes.len() });
    }

    /// The records with their bytes, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = (&Record, &[u8])> {
        self.records.iter().map(|record| (record, self.bytes.get(record.place.clone()).unwrap_or_default()))
    }

    /// Where the record of this number stands, if it is one of these.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        let place = usize::try_from(number.checked_sub(self.records.first()?.number)?).ok()?;
        (place < self.records.len()).then_some(place)
    }

    /// When the first of them came.
    pub(super) fn first_arrival(&self) -> Option<i64> {
        self.records.first().map(|record| record.arrival)
    }

    /// How many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets them, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
    }
}
