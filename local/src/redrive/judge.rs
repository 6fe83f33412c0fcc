//! What the deployment's transform function makes of a record today.
//!
//! Firehose does not keep the function's own reason: its error objects say `ProcessingFailed status set for record`, whatever
//! the record's fault is. But the function always does the same with the same record, so it can be asked again.

use super::error_object::ErrorLine;
use crate::deployment::Deployment;
use firehose_transform::outcome::Outcome;
use firehose_transform::transform::{Origin, Scratch, Transform};
use serde_json::Value;
use std::fmt;

/// A transform function that is asked about records.
#[derive(Debug)]
pub struct Judge {
    transform: Transform,
    /// The delivery stream's ARN, as JSON.
    stream: String,
    scratch: Scratch,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is delivered.
    Delivered,
    /// It is dropped.
    Dropped,
    /// It fails, for the reason of this name.
    Fails(String),
}

impl Judge {
    /// The transform function of a deployment.
    pub fn new(deployment: Deployment) -> Self {
        let stream = Value::from(deployment.stream.arn).to_string();
        Self { transform: deployment.transform, stream, scratch: Scratch::default() }
    }

    /// What becomes of a record, and what exactly is wrong with it. What Kinesis told of it is gone: `$kinesis` is null.
    pub fn ask(&mut self, record: &ErrorLine) -> (Verdict, String) {
        // Each record is as an invocation of its own: what is known of partitions does not grow without end.
        self.scratch.partitions.begin();
        let arrival = record.arrival.map(|arrival| arrival.to_string());
        let origin = Origin { arrival: arrival.as_deref(), stream: Some(&self.stream), ..Origin::default() };
        match self.transform.apply(&record.data, &origin, &mut self.scratch) {
            Outcome::Deliver { .. } => (Verdict::Delivered, String::new()),
            Outcome::Drop(_) => (Verdict::Dropped, String::new()),
            Outcome::Fail(failure) => (Verdict::Fails(failure.reason.to_string()), failure.detail),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Dropped => f.write_str("dropped"),
            Self::Fails(reason) => f.write_str(reason),
        }
    }
}
