//! An invocation by Lambda: the event goes to whom it is for, and what was done goes into the log.

use lambda_runtime::{Diagnostic, LambdaEvent};
use registrar::catalog::{Attempt, Catalog};
use registrar::handler::{Invocation, Maintainer};
use registrar::reconcile::{Bucket, Reconciler};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::edge::{self, Log};
use std::fmt::Display;

/// Reconciles if the event asks for it, and else registers what it tells of. The error makes Lambda try again.
pub async fn handle<C: Catalog + Send + Sync, B: Bucket + Send + Sync>(
    event: LambdaEvent<Box<RawValue>>,
    maintainer: &Maintainer<C>,
    reconciler: &Reconciler<B>,
    log: &Log,
) -> Result<Value, Diagnostic> {
    let context = &event.context;
    // Lambda repeats an asynchronous invocation under the same request id, and each is an attempt of its own.
    let id = format!("{} until {}", context.request_id, context.deadline);
    let attempt = Attempt { deadline: edge::deadline(context.deadline()), id: &id };
    let invocation = Invocation { now: &edge::now, attempt };
    // In boxes, since futures so deep in each other are more than the compiler looks through.
    let asked = Box::pin(reconciler.handle(maintainer, event.payload.get(), invocation)).await;
    let (reply, lines) = if let Some((reply, lines)) = asked {
        (reply.map_err(|error| diagnostic("not-reconciled", &error)), lines)
    } else {
        let (reply, report) = Box::pin(maintainer.handle(event.payload.get(), invocation)).await;
        (reply.map_err(|error| diagnostic("partitions-not-registered", &error)), report.lines())
    };
    for line in lines {
        log.print(&line);
    }
    reply
}

fn diagnostic(error_type: &str, error: &impl Display) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: error.to_string() }
}
