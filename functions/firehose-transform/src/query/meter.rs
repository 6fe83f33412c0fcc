//! The bounds of a query's work on one record.
//!
//! jaq has no means to stop a program. But whatever a program does, it does with values, and the values are ours: each
//! copy, step and piece of memory is counted here, and what goes beyond a bound unwinds, up to [`metered`]. Clones and
//! comparisons cannot fail otherwise, and an error could be caught by the program itself (`try`).

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a query may use for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Copies, comparisons, steps.
    pub(crate) steps: u64,
    /// Bytes of values made, whether they were freed again or not, and a sixteenth of those read.
    pub(crate) bytes: u64,
}

impl Allowance {
    /// That for a record of so many bytes: ample for queries that look at each of its values some dozen times.
    pub(crate) fn of_record(bytes: usize) -> Self {
        let bytes = bytes as u64;
        Self { steps: 100_000 + 64 * bytes, bytes: (8 << 20) + 64 * bytes }
    }
}

/// Why a query was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stopped {
    /// It made too many steps; perhaps it does not end.
    #[error("expected the query to end, got more steps than it is allowed for a record")]
    Steps,
    /// It made too much.
    #[error("expected less from the query, got more bytes than it is allowed for a record")]
    Bytes,
    /// It calls itself too deeply.
    #[error("expected the query to end, got calls inside of calls without end")]
    Calls,
    /// It made, or was given, arrays and objects too deep inside of each other.
    #[error("expected at most {MOST_LEVELS} levels of arrays and objects, got more")]
    Levels,
    /// jaq itself panicked.
    #[error("expected a result of the query, got a panic of its interpreter")]
    Panic,
}

/// How deep arrays and objects may stand inside of each other.
pub(crate) const MOST_LEVELS: u32 = 512;

/// How much of the stack a query may use, of the 2 MB that a thread has at least.
const MOST_STACK: usize = 3 << 19;

struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    /// Where the stack stood when the query began.
    stack: Cell<usize>,
}

thread_local! {
    static METER: Meter = const { Meter { steps: Cell::new(u64::MAX), bytes: Cell::new(u64::MAX), stack: Cell::new(0) } };
}

/// Runs with bounds. (The state behind `run` is only that of the query, which is dropped when it is stopped.)
pub(crate) fn metered<T>(allowance: Allowance, run: impl FnOnce() -> T) -> Result<T, Stopped> {
    METER.with(|meter| {
        meter.steps.set(allowance.steps);
        meter.bytes.set(allowance.bytes);
        meter.stack.set(stack());
    });
    let result = catch_unwind(AssertUnwindSafe(run));
    METER.with(|meter| {
        meter.steps.set(u64::MAX);
        meter.bytes.set(u64::MAX);
        meter.stack.set(0);
    });
    result.map_err(|payload| payload.downcast_ref::<Stopped>().copied().unwrap_or(Stopped::Panic))
}

/// Counts a step.
#[inline]
pub(crate) fn step() {
    METER.with(|meter| {
        let Some(left) = meter.steps.get().checked_sub(1) else { stop(Stopped::Steps) };
        meter.steps.set(left);
        let began = meter.stack.get();
        if began != 0 && began.abs_diff(stack()) > MOST_STACK {
            stop(Stopped::Calls)
        }
    });
}

/// Counts the making of so many bytes.
pub(crate) fn make(bytes: usize) {
    METER.with(|meter| {
        let Some(left) = meter.bytes.get().checked_sub(bytes as u64) else { stop(Stopped::Bytes) };
        meter.bytes.set(left);
    });
    step();
}

/// Counts the reading or moving of so many bytes, which takes a small part of the time of making them.
pub(crate) fn read(bytes: usize) {
    METER.with(|meter| {
        let Some(left) = meter.bytes.get().checked_sub(bytes as u64 / 16) else { stop(Stopped::Bytes) };
        meter.bytes.set(left);
    });
}

/// Stops the query if values stand too deep inside of each other: they are read, compared, written and freed by calls
/// inside of calls.
pub(crate) fn nest(levels: u32) {
    if levels > MOST_LEVELS {
        stop(Stopped::Levels)
    }
}

/// Unwinds, without a word on standard error.
#[cold]
fn stop(reason: Stopped) -> ! {
    resume_unwind(Box::new(reason))
}

/// About where the stack stands now.
#[inline]
fn stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}
