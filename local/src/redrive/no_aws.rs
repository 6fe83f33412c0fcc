//! What stands in for `aws` in a build without that feature: nothing.

use super::ErrorObjects;
use super::destination::Destination;
use super::send::Stream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// There is none.
pub(super) enum Aws {}

impl Aws {
    /// Says what is missing.
    pub(super) fn connect(purpose: &str) -> Result<Self, String> {
        Err(format!(
            "{purpose} needs AWS, expected headgate to be built with it: `cargo run --release --features aws -- redrive …`"
        ))
    }

    pub(super) fn objects(&self, _: &str, _: &str) -> Box<dyn ErrorObjects> {
        match *self {}
    }

    pub(super) fn stream(&self, _: &Destination) -> Box<dyn Stream> {
        match *self {}
    }

    pub(super) fn physical_name(&self, _: &str, _: &str) -> Result<String, String> {
        match *self {}
    }

    pub(super) fn interrupted(&self) -> Arc<AtomicBool> {
        match *self {}
    }
}
