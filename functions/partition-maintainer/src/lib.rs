//! The partition maintainer on Lambda: the edge around [`registrar`], which decides everything.
//!
//! In reading order:
//!
//! - [`athena`]: statements run by Amazon Athena, the only file that names its SDK;
//! - [`reader`]: the table, as far as it is known;
//! - `main.rs`: the configuration, the client and the runtime, put together.

pub mod athena;
pub mod reader;
