//! The transform function on Lambda.

use firehose_transform::config;
use firehose_transform::handler::handle;
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use shared::edge::{self, Log};
use shared::telemetry::{Level, Line};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let transform = match config::read(&mut edge::variables()) {
        Ok(transform) => transform,
        Err(error) => return edge::refuse(&error),
    };
    let (transform, log) = (&transform, &Log::from_environment());
    let served = run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        match handle(transform, event.payload.get()) {
            Ok((reply, report)) => {
                log.print(&report.line());
                RawValue::from_string(reply).map_err(|error| diagnostic("reply-not-json", &error))
            }
            Err(error) => {
                log.print(&Line::new(Level::Error, &error.to_string()));
                Err(diagnostic("not-a-firehose-request", &error))
            }
        }
    }));
    edge::ended(served.await)
}

fn diagnostic(error_type: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: error.to_string() }
}
