//! Records go out in batches, in their order; what a stream refuses goes out again, before anything else.

use super::destination::Limits;
use super::ledger::{Ledger, Place};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use thiserror::Error;

/// What takes records.
pub trait Stream {
    /// Puts records; says of each, in their order, whether it was taken.
    ///
    /// Makes one call, and leaves it to the caller to try again.
    fn put(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), Refusal>>, PutError>;
}

/// A record on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it was read.
    pub place: Place,
    /// The record.
    pub data: Vec<u8>,
    /// How often it was refused.
    pub refusals: u32,
    /// Which line of the report it counts for.
    pub group: usize,
}

/// Why a stream has not taken a record: its quota, or a fault of its own. The next try may do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The code, such as `ProvisionedThroughputExceededException`.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Records that were refused too often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// How many.
    pub records: u64,
    /// What the stream said last.
    pub message: String,
}

/// Why a call as a whole has no answer for each record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PutError {
    /// It may have been heard or not; the next try may do.
    #[error("{0}")]
    Unanswered(String),
    /// It was refused, and would be again: somebody must do something.
    #[error("{0}")]
    Refused(String),
}

/// Why sending has come to an end before all was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stopped {
    /// The stream refuses calls.
    #[error("the stream refuses calls: {0}")]
    Refused(String),
    /// The stream does not answer.
    #[error("the stream has not answered {CALLS} times in a row: {0}")]
    Unanswered(String),
    /// The ledger cannot be written: what would be sent could not be told from what was not.
    #[error("{0}")]
    Ledger(String),
    /// The user wants no more.
    #[error("interrupted")]
    Interrupted,
}

/// How often a record is refused before it is given up for this run.
const REFUSALS: u32 = 10;

/// How many calls in a row have no answer before the run is given up.
const CALLS: u32 = 10;

/// The first pause; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause. Quotas are by the second.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the run wants to know between calls, and what it does of the outside.
pub struct Surroundings<'s> {
    /// Waits.
    pub pause: &'s mut dyn FnMut(Duration),
    /// Whether the user wants no more.
    pub interrupted: &'s dyn Fn() -> bool,
}

/// Records on their way to one stream.
pub struct Sender<'s, S> {
    stream: S,
    limits: Limits,
    ledger: Ledger,
    surroundings: Surroundings<'s>,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    unanswered: u32,
    given_up: BTreeMap<String, GivenUp>,
}

impl<'s, S: Stream> Sender<'s, S> {
    /// A sender to a stream that takes so much, with the ledger of what was sent to it.
    pub fn new(stream: S, limits: Limits, ledger: Ledger, surroundings: Surroundings<'s>) -> Self {
        let queue = VecDeque::new();
        Self { stream, limits, ledger, surroundings, queue, queued_bytes: 0, unanswered: 0, given_up: BTreeMap::new() }
    }

    /// What was sent already.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Bytes of the largest record that the stream takes.
    pub fn largest(&self) -> usize {
        self.limits.record_bytes - self.limits.overhead
    }

    /// The records that the stream has refused again and again, by the code with which it did.
    pub fn given_up(&self) -> &BTreeMap<String, GivenUp> {
        &self.given_up
    }

    /// Takes a record, which is not too large, and makes a call once there are enough. `sent` hears the group of each record
    /// that is acknowledged and in the ledger.
    pub fn push(&mut self, record: Outgoing, sent: &mut dyn FnMut(usize)) -> Result<(), Stopped> {
        self.queued_bytes += self.size(&record);
        self.queue.push_back(record);
        while self.queue.len() >= self.limits.records || self.queued_bytes >= self.limits.bytes {
            self.call(sent)?;
        }
        Ok(())
    }

    /// Sends what is left.
    pub fn finish(&mut self, sent: &mut dyn FnMut(usize)) -> Result<(), Stopped> {
        while !self.queue.is_empty() {
            self.call(sent)?;
        }
        Ok(())
    }

    fn size(&self, record: &Outgoing) -> usize {
        record.data.len() + self.limits.overhead
    }

    /// The next records that fit into one call.
    fn next_batch(&mut self) -> Vec<Outgoing> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(record) = self.queue.pop_front() {
            let size = self.size(&record);
            if batch.len() == self.limits.records || (bytes + size > self.limits.bytes && !batch.is_empty()) {
                self.queue.push_front(record);
                break;
            }
            bytes += size;
            batch.push(record);
        }
        self.queued_bytes -= bytes;
        batch
    }

    /// Makes one call. What was refused, or had no answer, is the first to go out next.
    fn call(&mut self, sent: &mut dyn FnMut(usize)) -> Result<(), Stopped> {
        if (self.surroundings.interrupted)() {
            return Err(Stopped::Interrupted);
        }
        let batch = self.next_batch();
        let answers = self.stream.put(&batch).and_then(|answers| {
            if answers.len() == batch.len() {
                return Ok(answers);
            }
            Err(PutError::Unanswered(format!("the reply is about {} of {} records", answers.len(), batch.len())))
        });
        let answers = match answers {
            Ok(answers) => answers,
            Err(PutError::Refused(message)) => return Err(Stopped::Refused(message)),
            Err(PutError::Unanswered(message)) => {
                self.unanswered += 1;
                if self.unanswered == CALLS {
                    return Err(Stopped::Unanswered(message));
                }
                self.put_back(batch);
                self.wait(self.unanswered);
                return Ok(());
            }
        };
        self.unanswered = 0;
        let (mut taken, mut again) = (Vec::new(), Vec::new());
        let mut refusals = 0;
        for (mut record, answer) in batch.into_iter().zip(answers) {
            match answer {
                Ok(()) => taken.push(record),
                Err(refusal) => {
                    record.refusals += 1;
                    refusals = refusals.max(record.refusals);
                    if record.refusals < REFUSALS {
                        again.push(record);
                    } else {
                        let given_up = self.given_up.entry(refusal.code).or_default();
                        given_up.records += 1;
                        given_up.message = refusal.message;
                    }
                }
            }
        }
        self.ledger.append(taken.iter().map(|record| &record.place)).map_err(Stopped::Ledger)?;
        for record in taken {
            sent(record.group);
        }
        self.put_back(again);
        if refusals > 0 {
            self.wait(refusals);
        }
        Ok(())
    }

    fn put_back(&mut self, records: Vec<Outgoing>) {
        for record in records.into_iter().rev() {
            self.queued_bytes += self.size(&record);
            self.queue.push_front(record);
        }
    }

    /// Waits before the next call, after so many failures: from half of the pause to the whole.
    fn wait(&mut self, failures: u32) {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE);
        (self.surroundings.pause)(pause.mul_f64(0.5 + fastrand::f64() / 2.0));
    }
}
