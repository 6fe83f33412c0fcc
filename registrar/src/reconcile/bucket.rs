//! The bucket, as far as the reconcile looks into it.

use crate::catalog::{Attempt, CatalogError};

/// A bucket that can be listed. It is S3's `ListObjectsV2` with the delimiter `/`, and its errors have the catalog's classes.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub trait Bucket {
    /// A page of what lies directly in a folder, in the order of the bytes of its keys: at most so many folders and objects,
    /// of 1,000 on S3 in any case.
    ///
    /// `folder` is nothing for the bucket's root, and else ends in `/`. `after` is a text with which keys are compared
    /// (`StartAfter`): what is listed comes after it. Keys are as they are in the bucket, neither encoded nor escaped.
    fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        attempt: Attempt<'_>,
    ) -> impl Future<Output = Result<Listing, CatalogError>> + Send;
}

/// What lies directly in a folder, or a page of it. All names are whole keys, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders, each ending in `/` (`CommonPrefixes`).
    pub folders: Vec<String>,
    /// The objects, each with its size in bytes (`Contents`).
    pub objects: Vec<(String, u64)>,
    /// If there is more, what to list it after.
    pub next: Option<String>,
}

/// What S3 lists at once.
pub const PAGE: usize = 1_000;

impl Listing {
    /// A page with these folders and objects, each in order, after which there is more or not.
    pub fn new(folders: Vec<String>, objects: Vec<(String, u64)>, is_truncated: bool) -> Self {
        let last_folder = folders.last().map(|folder| last_key(folder));
        let last_object = objects.last().map(|(key, _)| key.clone());
        let next = last_folder.max(last_object).filter(|_| is_truncated);
        Self { folders, objects, next }
    }
}

impl<B: Bucket + Sync> Bucket for &B {
    async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        attempt: Attempt<'_>,
    ) -> Result<Listing, CatalogError> {
        (**self).list(folder, after, at_most, attempt).await
    }
}

/// The last key that could be in a folder.
///
/// The folder itself would not do to go on after it: whether S3 lists `a/` after `a/`, because of what lies in it, is not
/// documented. Nor would what comes after all its keys: that could be an object.
fn last_key(folder: &str) -> String {
    let mut last = folder.to_owned();
    // Of each length in UTF-8, the last character.
    for character in ['\u{10ffff}', '\u{ffff}', '\u{7ff}', '\u{7f}'] {
        while last.len() + character.len_utf8() <= LONGEST_KEY {
            last.push(character);
        }
    }
    last
}

/// The longest key in bytes (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
const LONGEST_KEY: usize = 1_024;

/// A text that comes after every key in a folder, and before every folder that comes after it: `0` is the character after `/`.
pub(super) fn past(folder: &str) -> String {
    format!("{}0", folder.strip_suffix('/').unwrap_or(folder))
}

/// A text that comes before every key in a folder, and after whatever comes before these: `.` is the character before `/`.
pub(super) fn before(folder: &str) -> String {
    format!("{}.{}", folder.strip_suffix('/').unwrap_or(folder), char::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let next = |folders: &[&str], objects: &[&str]| {
            let folders = folders.iter().map(ToString::to_string).collect();
            let objects = objects.iter().map(|key| ((*key).to_owned(), 1)).collect();
            Listing::new(folders, objects, true).next
        };
        assert_eq!(next(&["a/", "b/"], &["ab"]), Some(last_key("b/")));
        assert_eq!(next(&["a/", "b/"], &["c"]).as_deref(), Some("c"));
        assert_eq!(next(&["a/"], &["a!"]), Some(last_key("a/")));
        assert_eq!(next(&[], &["x"]).as_deref(), Some("x"));
        assert_eq!(Listing::new(vec!["a/".into()], vec![], false).next, None);
    }

    #[test]
    fn no_key_of_a_folder_comes_after_its_last() {
        let last = last_key("k/a/");
        assert_eq!(last.len(), LONGEST_KEY);
        let longest = |end: &str| format!("k/a/{}{end}", "\u{10ffff}".repeat(254));
        for key in ["k/a/", "k/a/b", "k/a/\u{10ffff}", &longest(""), &longest("\u{10ffff}"), &longest("\u{ffff}~")] {
            assert!(*key <= *last, "{key}");
        }
        assert!(*last < *"k/a0");
    }

    #[test]
    fn the_edges_of_a_folder() {
        let inside = ["k/a/", "k/a/!", "k/a/\u{10ffff}"];
        let outside = ["k/a", "k/a!/x", "k/a-1/x", "k/a./x", "k/a.z/x", "k/a0", "k/a0/x", "k/aa/x", "k/b/"];
        let between = |key: &str| *before("k/a/") < *key && *key < *past("k/a/");
        assert!(inside.iter().all(|key| between(key)));
        assert!(!outside.iter().any(|key| between(key)));
    }
}
