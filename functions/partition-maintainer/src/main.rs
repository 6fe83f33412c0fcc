//! The partition maintainer on Lambda.

use aws_config::BehaviorVersion;
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use partition_maintainer::athena::Athena;
use registrar::config;
use registrar::engine::StatementCatalog;
use registrar::handler::Clock;
use serde_json::value::RawValue;
use shared::edge::{self, Log};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match config::read(&mut edge::variables()) {
        Ok(config) => config,
        Err(error) => return edge::refuse(&error),
    };
    let athena = Athena::new(&aws_config::load_defaults(BehaviorVersion::latest()).await, config.workgroup);
    let catalog = &StatementCatalog::new(athena, config.table, &config.maintainer.layout);
    let (maintainer, log) = (&config.maintainer, &Log::from_environment());
    let served = run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let clock = Clock { now: &edge::now, deadline: edge::deadline(event.context.deadline()) };
        let (reply, report) = maintainer.handle(catalog, event.payload.get(), clock).await;
        report.lines().iter().for_each(|line| log.print(line));
        reply.map_err(|error| Diagnostic {
            error_type: "partitions-not-registered".to_owned(),
            error_message: error.to_string(),
        })
    }));
    edge::ended(served.await)
}
