//! What stands in for `aws` in a build without that feature: nothing.

use crate::deployment::Deployment;
use crate::pipeline::{self, Functions};
use crate::redrive::ErrorObjects;
use crate::redrive::destination::Destination;
use crate::redrive::send::Stream;

/// There is none.
pub(crate) enum Aws {}

impl Aws {
    /// Says what is missing.
    pub(crate) fn connect(purpose: &str, _: Option<&str>) -> Result<Self, String> {
        Err(format!(
            "{purpose} needs AWS, expected headgate to be built with it: `cargo run --release --features aws -- …`"
        ))
    }

    pub(crate) fn objects(&self, _: &str, _: &str) -> Box<dyn ErrorObjects> {
        match *self {}
    }

    pub(crate) fn stream(&self, _: &Destination) -> Box<dyn Stream> {
        match *self {}
    }

    pub(crate) fn physical_name(&self, _: &str, _: &str) -> Result<String, String> {
        match *self {}
    }

    pub(crate) fn place(&self) -> String {
        match *self {}
    }

    pub(crate) fn region(&self) -> String {
        match *self {}
    }

    pub(crate) fn pipeline<'d>(&self, _: &'d Deployment) -> Result<Edges<'d>, String> {
        match *self {}
    }
}

/// The functions of a deployment, and where they have objects and partitions go.
pub(crate) type Edges<'d> = (Box<dyn Functions + 'd>, Box<dyn pipeline::Destination>);
