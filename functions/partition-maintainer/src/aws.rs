//! What all clients of AWS have in common: how patient they are, and what their errors ask for.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use registrar::catalog::{Attempt, CatalogError};
use std::error::Error;
use std::iter::successors;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// How long to wait, and how often to ask again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often the SDK sends one request, the first time included.
    pub requests: u32,
    /// Up to how long the SDK waits before it sends a request again; twice as long each time.
    pub back_off: Duration,
    /// How long one request may take. AWS replies in a fraction of a second; but a connection that was open when Lambda
    /// froze the function can be dead when it goes on, without notice.
    pub request: Duration,
    /// The pause before the first look at something that takes its time, such as a query.
    pub first_pause: Duration,
    /// The longest pause between two looks.
    pub longest_pause: Duration,
}

impl Default for Patience {
    /// That of the function. DDL seldom takes longer than a few seconds, unless it has to queue; and one look in one to two
    /// seconds is far below the quota of `GetQueryExecution`, 100 calls a second
    /// (<https://docs.aws.amazon.com/general/latest/gr/athena.html>), whatever else the account does.
    fn default() -> Self {
        Self {
            requests: 4,
            back_off: Duration::from_secs(1),
            request: Duration::from_secs(5),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(2),
        }
    }
}

/// What is left of an invocation for its log and its reply.
const MARGIN: Duration = Duration::from_secs(1);

/// What stands in a message where AWS says nothing.
pub(crate) const NO_REASON: &str = "no reason given";

/// The configuration of all clients, as the function's environment has it. Asks nobody: credentials are looked for when the
/// first request is sent.
pub async fn configuration() -> SdkConfig {
    let configuration = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await;
    Patience::default().of_clients(configuration)
}

/// What sends the requests; the clients of one configuration share its connections.
///
/// With `ring`: the SDK's own choice, aws-lc, would add two megabytes to the executable.
pub fn http_client() -> SharedHttpClient {
    let provider = Provider::Rustls(CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

impl Patience {
    /// Gives clients the SDK's own part of it: the standard retries, which know what throttling looks like and wait longer
    /// each time, with jitter.
    pub fn of_clients(self, configuration: SdkConfig) -> SdkConfig {
        let retries = RetryConfig::standard().with_max_attempts(self.requests).with_initial_backoff(self.back_off);
        let limits = TimeoutConfig::builder().operation_attempt_timeout(self.request).build();
        configuration.into_builder().retry_config(retries).timeout_config(limits).build()
    }

    /// Pauses that become longer, from half of the time to the whole, so that functions that started together do not stay
    /// together.
    pub(crate) fn pauses(self) -> impl Iterator<Item = Duration> + Send {
        let lengths = successors(Some(self.first_pause), move |pause| Some(self.longest_pause.min(*pause * 2)));
        lengths.map(|pause| pause.mul_f64(0.5 + fastrand::f64() / 2.0))
    }
}

/// Does something that must have ended a moment before its attempt does. `seen` is how far it is at first; what it does keeps
/// that up to date.
pub(crate) async fn in_time<T>(
    attempt: Attempt<'_>,
    seen: impl Into<String>,
    doing: impl AsyncFnOnce(&mut String) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    // From here on, time is Tokio's: a span that one timeout measures, over all calls and pauses.
    let left = attempt.deadline.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(MARGIN);
    if left.is_zero() {
        return Err(CatalogError::NotStarted("there is no time left"));
    }
    let mut seen = seen.into();
    let ended = timeout(left, doing(&mut seen)).await;
    ended.unwrap_or(Err(CatalogError::TimedOut(seen)))
}

/// The error of a request that a service refused, or that did not reach it, after all attempts.
pub(crate) fn refused<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CatalogError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.code() {
        Some(code) => error_of(code, format!("{operation}: {code}: {}", error.message().unwrap_or(NO_REASON))),
        None => CatalogError::Unavailable(format!("{operation}: {}", causes(error))),
    }
}

/// The error with this code, by what is to be done about it. The codes are those common to all services
/// (<https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html>), of Athena
/// (<https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>), of Glue
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>) and of S3
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
pub(crate) fn error_of(code: &str, message: String) -> CatalogError {
    match code {
        // Somebody else changed the table at the same moment: that is over at the next try, too.
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "SlowDown"
        | "RequestLimitExceeded"
        | "ConcurrentModificationException" => CatalogError::Throttled(message),
        "AccessDeniedException"
        | "AccessDenied"
        | "AllAccessDisabled"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "GlueEncryptionException" => CatalogError::Denied(message),
        "InvalidRequestException"
        | "ValidationException"
        | "ValidationError"
        | "InvalidInputException"
        | "EntityNotFoundException"
        | "ResourceNumberLimitExceededException"
        | "NoSuchBucket"
        | "InvalidArgument"
        | "InvalidBucketName"
        | "PermanentRedirect" => CatalogError::Rejected(message),
        _ => CatalogError::Unavailable(message),
    }
}

/// The whole chain of causes. Not the SDK's `DisplayErrorContext`, which adds a dump of all that it has, the reply's headers
/// included.
fn causes<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    let status = error.raw_response().map(|reply| format!("HTTP {}", reply.status()));
    let chain = successors(Some(error as &dyn Error), |error| (*error).source());
    let mut causes: Vec<String> = status.into_iter().chain(chain.map(ToString::to_string)).collect();
    // The SDK wraps some errors in others that only repeat them.
    causes.dedup();
    causes.join(": ")
}
