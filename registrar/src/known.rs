//! The folders that are known to be registered, so that most notifications cost no call.

use std::cell::Cell;
use std::collections::HashMap;

/// A bounded set of folders; those that were not asked for longest are forgotten first.
///
/// It is filled only by what the catalog said, and holds names as they are: by a hash alone one folder could hide another.
#[derive(Debug)]
pub struct Known {
    /// When each was last asked for.
    folders: HashMap<Box<str>, Cell<u64>>,
    /// What they take, in bytes.
    bytes: usize,
    most_bytes: usize,
    /// What time is here: it goes on with each event.
    now: u64,
}

/// What all of them may take, in bytes: an eighth of the function's memory (`MemorySize` in template.yaml).
pub const MOST_BYTES: usize = 32 << 20;

/// What a folder takes beside its name, in bytes: 24 in the map, which is half empty after it has grown, an allocation's own,
/// and what growing leaves behind.
const OVERHEAD: usize = 72;

impl Default for Known {
    fn default() -> Self {
        Self::with_most_bytes(MOST_BYTES)
    }
}

impl Known {
    /// No folders yet, and never more than take so many bytes.
    pub fn with_most_bytes(most_bytes: usize) -> Self {
        Self { folders: HashMap::new(), bytes: 0, most_bytes, now: 0 }
    }

    /// Whether a folder is known.
    pub fn contains(&self, folder: &str) -> bool {
        self.folders.get(folder).is_some_and(|asked| {
            asked.set(self.now);
            true
        })
    }

    /// Takes a folder in.
    pub fn insert(&mut self, folder: &str) {
        self.now += 1;
        let bytes = folder.len() + OVERHEAD;
        if self.folders.insert(folder.into(), Cell::new(self.now)).is_none() {
            self.bytes += bytes;
        }
        if self.bytes > self.most_bytes {
            self.forget();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.folders.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// What they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets until a quarter of the room is free, so that this is seldom to be done.
    fn forget(&mut self) {
        let mut by_age: Vec<(u64, Box<str>)> =
            self.folders.iter().map(|(folder, asked)| (asked.get(), folder.clone())).collect();
        by_age.sort_unstable();
        for (_, folder) in by_age {
            if self.bytes <= self.most_bytes / 4 * 3 {
                break;
            }
            self.folders.remove(&folder);
            self.bytes -= folder.len() + OVERHEAD;
        }
    }
}
