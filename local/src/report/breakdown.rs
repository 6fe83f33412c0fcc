//! Things, what became of them, and what became of those: a tree as lines with bars.

use super::share;
use crate::summary::grouped;
use std::fmt;

/// A line of a breakdown.
#[derive(Debug)]
pub(super) struct Part {
    /// By what a reader of the page finds it.
    pub(super) id: String,
    /// The id of what it is a part of; empty if it is the whole.
    pub(super) of: String,
    /// How deep it lies; 0 is the whole.
    pub(super) depth: usize,
    pub(super) label: String,
    pub(super) tone: Tone,
    pub(super) count: u64,
    pub(super) number: String,
    /// In percent of the whole.
    pub(super) share: String,
    /// The length of its bar; that of the whole is [`LENGTH`].
    pub(super) length: u64,
}

/// What a thing means for who looks at it, as a class of the page's style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Neutral,
    Good,
    Muted,
    Warning,
    Bad,
}

/// A tree that is being made, from the root on.
pub(super) struct Tree {
    parts: Vec<Part>,
    whole: u64,
}

/// The length of the longest bar.
pub(super) const LENGTH: u64 = 1_000;
/// The length of the shortest bar.
const SHORTEST: u64 = 8;

/// A tree with this root.
pub(super) fn breakdown(id: &str, label: &str, tone: Tone, whole: u64) -> Tree {
    let mut tree = Tree { parts: Vec::new(), whole };
    tree.add(0, id, label, tone, whole);
    tree
}

impl Tree {
    /// Adds a part to what was added last one level above, unless it is none.
    pub(super) fn add(&mut self, depth: usize, id: &str, label: &str, tone: Tone, count: u64) {
        if count > 0 {
            self.add_always(depth, id, label, tone, count);
        }
    }

    /// The same, for a part that is worth a line even if it is none.
    pub(super) fn add_always(&mut self, depth: usize, id: &str, label: &str, tone: Tone, count: u64) {
        if self.whole == 0 {
            return;
        }
        let above = self.parts.iter().rev().find(|part| part.depth < depth);
        // A thing that is there is seen.
        let shortest = if count > 0 { SHORTEST } else { 0 };
        let length = u64::try_from(u128::from(count) * u128::from(LENGTH) / u128::from(self.whole)).unwrap_or(LENGTH);
        self.parts.push(Part {
            id: id.to_owned(),
            of: above.map(|part| part.id.clone()).unwrap_or_default(),
            depth,
            label: label.to_owned(),
            tone,
            count,
            number: grouped(count),
            share: share(count, self.whole),
            length: length.clamp(shortest, LENGTH),
        });
    }

    /// Adds what is missing beside the parts that the same thing has so far, if anything is.
    pub(super) fn rest(&mut self, depth: usize, id: &str, label: &str, tone: Tone, whole: u64) {
        let same = self.parts.iter().rev().take_while(|part| part.depth >= depth).filter(|part| part.depth == depth);
        let so_far: u64 = same.map(|part| part.count).sum();
        self.add(depth, id, label, tone, whole.saturating_sub(so_far));
    }

    /// All lines, from the root on; none if the whole is none.
    pub(super) fn parts(self) -> Vec<Part> {
        self.parts
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Muted => "muted",
            Self::Warning => "warning",
            Self::Bad => "bad",
        })
    }
}
