//! The smallest function that has clients of Athena and of Glue, and does nothing with them: what the maintainer's cold start is
//! held against, in `e2e/partitions.py`.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let http_client =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let configuration = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).load().await;
    let clients = (aws_sdk_athena::Client::new(&configuration), aws_sdk_glue::Client::new(&configuration));
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        // Used, so that the linker leaves them in.
        let _: &(aws_sdk_athena::Client, aws_sdk_glue::Client) = std::hint::black_box(&clients);
        Ok::<_, Error>(event.payload)
    }))
    .await
}
