//! The transform function on Lambda.

use firehose_transform::config;
use firehose_transform::handler::handle;
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use shared::telemetry::{Level, Line};
use shared::variables::Variables;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let transform = match config::read(Variables::new(std::env::vars())) {
        Ok(transform) => transform,
        Err(error) => {
            eprintln!("headgate: the configuration is wrong:\n{error}");
            return ExitCode::from(2);
        }
    };
    let transform = &transform;
    let served = run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        match handle(transform, event.payload.get()) {
            Ok((reply, report)) => {
                print(&report.line());
                RawValue::from_string(reply).map_err(|error| diagnostic("reply-not-json", &error))
            }
            Err(error) => {
                print(&Line::new(Level::Error, &error.to_string()));
                Err(diagnostic("not-a-firehose-request", &error))
            }
        }
    }));
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headgate: the Lambda runtime ended: {error}");
            ExitCode::FAILURE
        }
    }
}

fn diagnostic(error_type: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: error.to_string() }
}

/// Prints a line of the log.
#[expect(clippy::print_stdout, reason = "what Lambda's functions print is their log")]
fn print(line: &Line) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    println!("{}", line.to_json(milliseconds, &function));
}
