//! The folders of a lake held against its catalog, as the maintainer does on its schedule.

use crate::athena::{LocalCatalog, SharedCatalog};
use crate::catalog::Catalog;
use crate::deployment::Deployment;
use crate::lake::Lake;
use registrar::catalog::{Attempt, CatalogError};
use registrar::config::Config;
use registrar::handler::{Invocation, Maintainer};
use registrar::reconcile::{Bucket, Listing, Reconciler, Reconciliation, Request, Tell};
use std::io;
use std::time::{Duration, SystemTime};

/// Holds the lake against its catalog, tells of each finding, and keeps what was added.
///
/// The statements that ran are kept as those of a run are. An error is one of the disk.
pub fn reconcile(
    deployment: &Deployment,
    lake: &Lake,
    catalog: Catalog,
    dry_run: bool,
    tell: Tell<'_>,
) -> io::Result<Reconciliation> {
    let Config { scope, table, registration } = &deployment.maintainer_config;
    let catalog = SharedCatalog::new(catalog);
    let maintainer = Maintainer::new(scope.clone(), LocalCatalog::new(catalog.clone(), table, registration));
    let bucket = LakeBucket { lake, bucket: &deployment.bucket };
    let request = Request { dry_run, after: None };
    // It ends when it is done.
    let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(1 << 60), id: "local" };
    let invocation = Invocation { now: &|| 0, attempt };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let reconciler = Reconciler::new(bucket, table.clone());
    let done = runtime.block_on(reconciler.run(&maintainer, &request, invocation, tell));
    let news = catalog.news();
    if !news.statements.is_empty() {
        lake.append_statements(&news.statements)?;
    }
    if news.added > 0 {
        catalog.look(|catalog| lake.keep_catalog(catalog))?;
    }
    Ok(done)
}

/// A bucket of a lake, listed as S3 lists.
#[derive(Debug)]
pub struct LakeBucket<'l> {
    /// The lake.
    pub lake: &'l Lake,
    /// The bucket's name.
    pub bucket: &'l str,
}

impl Bucket for LakeBucket<'_> {
    async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        _: Attempt<'_>,
    ) -> Result<Listing, CatalogError> {
        let entries = self.lake.entries(self.bucket, folder);
        let entries = entries.map_err(|error| CatalogError::Unavailable(error.to_string()))?;
        let mut coming =
            entries.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).peekable();
        let (mut folders, mut objects) = (Vec::new(), Vec::new());
        for (key, bytes) in coming.by_ref().take(at_most) {
            match bytes {
                Some(bytes) => objects.push((key, bytes)),
                None => folders.push(key),
            }
        }
        Ok(Listing::new(folders, objects, coming.peek().is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firehose::Object;
    use registrar::reconcile::MemoryBucket;

    #[test]
    fn a_lake_is_listed_as_a_bucket_is() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, _) = Lake::open(folder.path()).unwrap();
        let long = "é".repeat(300);
        let mut keys = ["x", "a/1", "a/b/2", "a-/3", "a0/4", "é/ü 🚚/5"].map(str::to_owned).to_vec();
        keys.extend([format!("k={long}/6"), format!("k={long}/{long}/7"), format!("k={long}!/8"), format!("{long}x")]);
        for key in &keys {
            let object = Object { key: key.clone(), body: b"x".to_vec(), records: 1, oldest: 0, written_at: 0 };
            lake.put("bucket", &object).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("bucket/empty/deeper")).unwrap();
        std::fs::write(folder.path().join("bucket/a/.partial-1"), "x").unwrap();

        let of_lake = LakeBucket { lake: &lake, bucket: "bucket" };
        let in_memory = MemoryBucket::new(keys.clone());
        let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "test" };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for folder in ["", "a/", "a/b/", "k=/", "none/", &format!("k={long}/"), &format!("k={long}/{long}/")] {
            for after in [None, Some("a."), Some("a0"), Some("k"), Some("x")] {
                for at_most in [1, 2, 3, 1_000] {
                    let listed = runtime.block_on(of_lake.list(folder, after, at_most, attempt)).unwrap();
                    let expected = runtime.block_on(in_memory.list(folder, after, at_most, attempt)).unwrap();
                    assert_eq!(listed, expected, "`{folder}` after {after:?}, {at_most}");
                }
            }
        }
    }
}
