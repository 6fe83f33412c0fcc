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
    now: Cell<u64>,
}

/// What is known of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// Whether it is asked for the first time since [`Known::begin`].
    pub is_first: bool,
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
        Self { folders: HashMap::new(), bytes: 0, most_bytes, now: Cell::new(0) }
    }

    /// An event begins.
    pub fn begin(&self) {
        self.now.set(self.now.get() + 1);
    }

    /// What is known of a folder, if it is.
    pub fn recall(&self, folder: &str) -> Option<Recalled> {
        let now = self.now.get();
        self.folders.get(folder).map(|asked| Recalled { is_first: asked.replace(now) != now })
    }

    /// Takes a folder in.
    pub fn insert(&mut self, folder: &str) {
        let bytes = folder.len() + OVERHEAD;
        if self.folders.insert(folder.into(), Cell::new(self.now.get())).is_none() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folders(known: &Known) -> Vec<&str> {
        let mut folders: Vec<&str> = known.folders.keys().map(AsRef::as_ref).collect();
        folders.sort_unstable();
        folders
    }

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten_first() {
        // Room for eight of them, and for six once there was no room.
        let mut known = Known::with_most_bytes(8 * (2 + OVERHEAD));
        for place in 0..8 {
            known.begin();
            known.insert(&format!("{place}/"));
        }
        known.begin();
        assert!(known.recall("0/").is_some_and(|recalled| recalled.is_first));
        assert!(known.recall("0/").is_some_and(|recalled| !recalled.is_first));
        known.begin();
        known.insert("8/");
        assert_eq!(folders(&known), ["0/", "4/", "5/", "6/", "7/", "8/"]);
        assert_eq!(known.recall("1/"), None);
    }

    #[test]
    fn what_is_larger_than_all_the_room_is_not_kept() {
        let mut known = Known::with_most_bytes(10);
        known.insert("a/");
        assert_eq!((known.len(), known.bytes(), known.is_empty()), (0, 0, true));
    }

    proptest! {
        #[test]
        fn it_is_a_set_that_may_forget_and_never_invents(
            steps in proptest::collection::vec(("[a-d]{1,6}/", any::<bool>()), 0..60),
            most_bytes in 0_usize..1_000,
        ) {
            let mut known = Known::with_most_bytes(most_bytes);
            let mut all = std::collections::BTreeSet::new();
            for (folder, is_new) in steps {
                known.begin();
                if is_new {
                    known.insert(&folder);
                    all.insert(folder);
                } else {
                    prop_assert!(known.recall(&folder).is_none() || all.contains(&folder));
                }
                prop_assert!(known.bytes() <= most_bytes);
                prop_assert_eq!(known.bytes(), folders(&known).iter().map(|folder| folder.len() + OVERHEAD).sum::<usize>());
            }
            if most_bytes > all.iter().map(|folder| folder.len() + OVERHEAD).sum() {
                prop_assert_eq!(folders(&known), all.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}
