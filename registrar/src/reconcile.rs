//! The bucket's folders held against the catalog, for what no event told of.

mod bucket;

pub use bucket::{Bucket, Listing, PAGE};
