//! The formats of records that are not JSON. Each is decoded to one JSON object, and goes the way of all records from there.

pub mod apache;
mod line;
pub mod syslog;

pub use line::Unreadable;
