//! How far a command is, on a terminal.

use crate::pipeline::Progress;
use crate::summary::grouped;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Shows on a terminal how much was read, where that takes long.
pub(super) struct ReadingBar(ProgressBar);

impl ReadingBar {
    /// What is read has so many bytes, if that is known.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) if bytes < LONG_INPUT => return Self(ProgressBar::hidden()),
            Some(bytes) => (ProgressBar::new(bytes), "{bar:30} {bytes}/{total_bytes} {eta}, {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {msg}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar.with_style(style))
    }

    pub(super) fn show(&self, read: Progress) {
        if !self.0.is_hidden() {
            self.0.set_message(shown(read.records, self.0.elapsed()));
            self.0.set_position(read.bytes);
        }
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Records, and how many of them there are in a second.
fn shown(records: u64, elapsed: Duration) -> String {
    let a_second = u128::from(records) * 1_000 / elapsed.as_millis().max(1);
    format!("{} records, {} a second", grouped(records), grouped(u64::try_from(a_second).unwrap_or(u64::MAX)))
}

/// A bar on a terminal for what takes long; nothing otherwise.
pub(crate) fn progress_bar(bytes: u64, takes_long: bool) -> ProgressBar {
    if !takes_long {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

/// An input shorter than this is done before a bar is seen.
const LONG_INPUT: u64 = 4_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_records_and_how_fast_they_are() {
        assert_eq!(shown(1_234_567, Duration::from_secs(2)), "1,234,567 records, 617,283 a second");
        assert_eq!(shown(0, Duration::ZERO), "0 records, 0 a second");
    }
}
