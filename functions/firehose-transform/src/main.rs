//! The transform function on Lambda.

mod runtime;

use firehose_transform::config;
use firehose_transform::handler::handle;
use firehose_transform::transform::Scratch;
use runtime::{Failure, Runtime};
use shared::edge::{self, Log};
use std::process::ExitCode;

fn main() -> ExitCode {
    let log = Log::from_environment();
    let log = |line: &_| log.print(line);
    let runtime = Runtime::from_environment();
    let transform = match config::read(&mut edge::variables()) {
        Ok(transform) => transform,
        Err(error) => {
            let status = edge::refuse(&error);
            if let Ok(mut runtime) = runtime {
                runtime.refuse(&error, log);
            }
            return status;
        }
    };
    let served = runtime.and_then(|mut runtime| {
        let mut scratch = Scratch::default();
        runtime.serve(log, |request| {
            let (reply, report) = handle(&transform, request, &mut scratch)
                .map_err(|error| Failure { error_type: "not-a-firehose-request", error_message: error.to_string() })?;
            log(&report.line());
            Ok(reply)
        })
    });
    edge::ended(served)
}
