//! The bucket, listed by S3.

use crate::aws::{in_time, refused};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object};
use registrar::catalog::{Attempt, CatalogError};
use registrar::reconcile::{Bucket, Listing};
use shared::object_key::ObjectKey;
use std::sync::OnceLock;

/// A bucket of this region.
///
/// Its client is made when something is listed first: most sandboxes never do.
#[derive(Debug)]
pub struct S3 {
    configuration: SdkConfig,
    client: OnceLock<Client>,
    bucket: String,
}

impl S3 {
    /// The bucket with this name.
    pub fn new(configuration: SdkConfig, bucket: String) -> Self {
        Self { configuration, client: OnceLock::new(), bucket }
    }
}

impl Bucket for S3 {
    async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        at_most: usize,
        attempt: Attempt<'_>,
    ) -> Result<Listing, CatalogError> {
        const OPERATION: &str = "`ListObjectsV2`";
        in_time(attempt, format!("{OPERATION} has not replied"), async |_| {
            let client = self.client.get_or_init(|| Client::new(&self.configuration));
            // Encoded, since a key can hold characters that XML cannot, and one of them would cost the whole page.
            let request = client.list_objects_v2().bucket(&self.bucket).encoding_type(EncodingType::Url);
            let request = request.prefix(folder).delimiter("/").set_start_after(after.map(str::to_owned));
            let reply = request.max_keys(i32::try_from(at_most).unwrap_or(i32::MAX)).send().await;
            let reply = reply.map_err(|error| refused(OPERATION, &error))?;
            let folders = reply.common_prefixes().iter().filter_map(CommonPrefix::prefix).map(decoded);
            let object = |object: &Object| Some((decoded(object.key()?)?, u64::try_from(object.size()?).ok()?));
            let objects = reply.contents().iter().map(object);
            let incomplete = || CatalogError::Unavailable(format!("{OPERATION}: the reply has a key that is none"));
            let folders = folders.collect::<Option<_>>().ok_or_else(incomplete)?;
            let objects = objects.collect::<Option<_>>().ok_or_else(incomplete)?;
            Ok(Listing::new(folders, objects, reply.is_truncated().unwrap_or_default()))
        })
        .await
    }
}

/// A key out of a listing, where keys are encoded as in notifications.
fn decoded(key: &str) -> Option<String> {
    ObjectKey::from_notification(key).ok().map(|key| key.as_str().to_owned())
}
