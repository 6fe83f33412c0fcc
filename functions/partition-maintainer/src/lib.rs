//! The partition maintainer on Lambda: the edge around [`registrar`], which decides everything.
//!
//! In reading order:
//!
//! - [`invocation`]: an event goes to whom it is for;
//! - [`glue`]: what the Glue catalog has of a table, and partitions registered in it;
//! - [`athena`]: statements run by Amazon Athena;
//! - [`s3`]: the bucket's folders, for the reconcile;
//! - [`aws`]: what all clients have in common, their patience and their errors;
//! - `main.rs`: the configuration, the clients and the runtime, put together.
//!
//! Each service's SDK is named by the file that is called by it, and by no other.

pub mod athena;
pub mod aws;
pub mod glue;
pub mod invocation;
pub mod s3;
