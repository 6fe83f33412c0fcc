//! A bucket in memory, listed as S3 lists.

use super::bucket::{Bucket, Listing, PAGE};
use crate::catalog::{Attempt, CatalogError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys with their sizes.
#[derive(Debug)]
pub struct MemoryBucket {
    objects: Mutex<BTreeMap<String, u64>>,
    page: usize,
}

impl MemoryBucket {
    /// A bucket with these objects, of one byte each.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        let objects = keys.into_iter().map(|key| (key.into(), 1)).collect();
        Self { objects: Mutex::new(objects), page: PAGE }
    }

    /// The same bucket, listed by so many at most.
    #[must_use]
    pub fn with_page(self, page: usize) -> Self {
        Self { page, ..self }
    }

    /// Writes an object of so many bytes.
    pub fn put(&self, key: &str, bytes: u64) {
        self.lock().insert(key.to_owned(), bytes);
    }

    /// Deletes an object.
    pub fn delete(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket for MemoryBucket {
    async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        _: Attempt<'_>,
    ) -> Result<Listing, CatalogError> {
        let objects = self.lock();
        let at_most = at_most.min(self.page);
        let (mut folders, mut plain): (Vec<String>, Vec<(String, u64)>) = (Vec::new(), Vec::new());
        let keys = objects.range(folder.to_owned()..).take_while(|(key, _)| key.starts_with(folder));
        for (key, bytes) in keys.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)) {
            let rest = key.strip_prefix(folder).unwrap_or_default();
            let name = rest.split_once('/').map(|(name, _)| format!("{folder}{name}/"));
            if name.is_some() && folders.last() == name.as_ref() {
                continue;
            }
            if folders.len() + plain.len() == at_most {
                return Ok(Listing::new(folders, plain, true));
            }
            match name {
                Some(name) => folders.push(name),
                None => plain.push((key.clone(), *bytes)),
            }
        }
        Ok(Listing::new(folders, plain, false))
    }
}
