//! The partition maintainer on Lambda.

use aws_config::SdkConfig;
use lambda_runtime::{run, service_fn};
use partition_maintainer::{athena::Athena, aws, glue::Glue, invocation::handle, s3::S3};
use registrar::catalog::Catalog;
use registrar::config::{self, RegistrationBy};
use registrar::engine::StatementCatalog;
use registrar::handler::{Maintainer, Scope};
use registrar::reconcile::Reconciler;
use registrar::table_name::TableName;
use shared::edge::{self, Log};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match config::read(&mut edge::variables()) {
        Ok(config) => config,
        Err(error) => return edge::refuse(&error),
    };
    let (aws, patience) = (aws::configuration().await, aws::Patience::default());
    let glue = Glue::new(&aws, config.table.clone(), patience);
    match config.registration {
        RegistrationBy::Glue => serve(config.scope, glue, aws, config.table).await,
        RegistrationBy::Athena { workgroup } => {
            let athena = Athena::new(&aws, workgroup, patience);
            let catalog = StatementCatalog::new(glue, athena, config.table.clone());
            serve(config.scope, catalog, aws, config.table).await
        }
    }
}

async fn serve<C: Catalog + Send + Sync>(scope: Scope, catalog: C, aws: SdkConfig, table: TableName) -> ExitCode {
    let reconciler = &Reconciler::new(S3::new(aws, scope.bucket.clone()), table);
    let (maintainer, log) = (&Maintainer::new(scope, catalog), &Log::from_environment());
    let served = run(service_fn(move |event| handle(event, maintainer, reconciler, log)));
    edge::ended(served.await)
}
