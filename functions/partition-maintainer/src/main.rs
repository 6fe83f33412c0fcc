//! The partition maintainer on Lambda.

// The SDK's futures lie deep within one another, and within the runtime's.
#![recursion_limit = "256"]

use aws_config::BehaviorVersion;
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use partition_maintainer::athena::Athena;
use partition_maintainer::reader::LayoutReader;
use registrar::catalog::Attempt;
use registrar::config::{self, RegistrationBy};
use registrar::engine::StatementCatalog;
use registrar::handler::{Invocation, Maintainer};
use serde_json::value::RawValue;
use shared::edge::{self, Log};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match config::read(&mut edge::variables()) {
        Ok(config) => config,
        Err(error) => return edge::refuse(&error),
    };
    let RegistrationBy::Athena { workgroup } = config.registration else { return ExitCode::from(2) };
    let athena = Athena::new(&aws_config::load_defaults(BehaviorVersion::latest()).await, workgroup);
    let reader = LayoutReader::new(&config.scope.layout);
    let maintainer = &Maintainer::new(config.scope, StatementCatalog::new(reader, athena, config.table));
    let log = &Log::from_environment();
    let served = run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = event.context.deadline();
        let id = format!("{}-{:?}", event.context.request_id, deadline);
        let attempt = Attempt { deadline: edge::deadline(deadline), id: &id };
        let (reply, report) = maintainer.handle(event.payload.get(), Invocation { now: &edge::now, attempt }).await;
        report.lines().iter().for_each(|line| log.print(line));
        reply.map_err(|error| Diagnostic {
            error_type: "partitions-not-registered".to_owned(),
            error_message: error.to_string(),
        })
    }));
    edge::ended(served.await)
}
