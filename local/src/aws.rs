//! Real AWS: a deployment's bucket and table, error objects, and the streams that take records back.

use crate::athena::News;
use crate::deployment::Deployment;
use crate::firehose::Object;
use crate::functions::{InProcess, LONGEST_INVOCATION};
use crate::pipeline::{self, Functions};
use crate::redrive::destination::Destination;
use crate::redrive::ledger::Place;
use crate::redrive::send::{Outgoing, PutError, Refusal, Stream};
use crate::redrive::{ErrorObjects, Listed};
use crate::summary::Summary;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_firehose::types::PutRecordBatchResponseEntry;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use aws_sdk_s3::config::ProvideCredentials;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use partition_maintainer::{athena::Athena, aws::Patience, glue::Glue};
use registrar::catalog::{Attempt, Catalog, CatalogError};
use registrar::columns::PartitionColumn;
use registrar::config::{Config, RegistrationBy};
use registrar::engine::{Engine, StatementCatalog};
use registrar::statement::Statement;
use shared::layout::Capture;
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::iter::successors;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The account and region that the environment or a profile says, with its credentials.
pub(crate) struct Aws {
    runtime: Arc<Runtime>,
    config: SdkConfig,
    /// The account, where the credentials tell it.
    account: Option<String>,
}

/// Objects that are asked for before they are needed: each takes as long as the way to S3 and back.
const AHEAD: usize = 16;

/// Bytes of them.
const BYTES_AHEAD: u64 = 64 * 1_048_576;

/// How long one call may take: five MiB over a slow line.
const CALL: Duration = Duration::from_mins(2);

/// What stands in a message where AWS says nothing.
const NO_REASON: &str = "no reason given";

impl Aws {
    /// Finds region and credentials, where all tools of AWS do. What for, a message would say.
    ///
    /// With an endpoint, that is called instead of AWS, whatever the service.
    pub(crate) fn connect(purpose: &str, endpoint: Option<&str>) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(CALL).build();
        let provider = Provider::Rustls(CryptoMode::Ring);
        let http_client = aws_smithy_http_client::Builder::new().tls_provider(provider).build_https();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).timeout_config(timeouts);
        let config = match endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        let config = runtime.block_on(config.load());
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(format!("{purpose} needs a region, expected `AWS_REGION`, or a profile that has one"));
        }
        // Asked for now, so that a call without an answer can be told from one that could not be signed.
        let credentials = config.credentials_provider().ok_or_else(|| format!("{purpose} needs credentials of AWS"))?;
        let credentials = runtime.block_on(credentials.provide_credentials());
        let credentials =
            credentials.map_err(|error| format!("{purpose} needs credentials of AWS: {}", causes(&error)))?;
        let account = credentials.account_id().map(|account| account.as_str().to_owned());
        Ok(Self { runtime: Arc::new(runtime), config, account })
    }

    /// The objects of this bucket whose keys begin so.
    pub(crate) fn objects(&self, bucket: &str, prefix: &str) -> Box<dyn ErrorObjects> {
        Box::new(S3Objects {
            runtime: Arc::clone(&self.runtime),
            client: aws_sdk_s3::Client::new(&self.config),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            asked: VecDeque::new(),
            next: 0,
        })
    }

    /// A stream. Its calls are made once: what tries again is the sender, which knows each record.
    pub(crate) fn stream(&self, destination: &Destination) -> Box<dyn Stream> {
        let config = self.config.to_builder().retry_config(RetryConfig::disabled()).build();
        let runtime = Arc::clone(&self.runtime);
        match destination.clone() {
            Destination::Firehose(name) => {
                Box::new(DeliveryStream { runtime, client: aws_sdk_firehose::Client::new(&config), name })
            }
            Destination::Kinesis(name) => {
                Box::new(KinesisStream { runtime, client: aws_sdk_kinesis::Client::new(&config), name })
            }
        }
    }

    /// The name that CloudFormation gave to a resource of a stack.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResource.html>
    pub(crate) fn physical_name(&self, stack: &str, resource: &str) -> Result<String, String> {
        let client = aws_sdk_cloudformation::Client::new(&self.config);
        let request = client.describe_stack_resource().stack_name(stack).logical_resource_id(resource);
        let reply = self.runtime.block_on(request.send());
        let reply = reply.map_err(|error| format!("`DescribeStackResource`: {}", message(&error)))?;
        let name = reply.stack_resource_detail.and_then(|detail| detail.physical_resource_id);
        name.ok_or_else(|| format!("the stack `{stack}` has not made its `{resource}` yet"))
    }

    /// Where this is: the region, and the account if it is known.
    pub(crate) fn place(&self) -> String {
        let region = self.config.region().map(ToString::to_string).unwrap_or_default();
        match &self.account {
            Some(account) => format!("{region}, account {account}"),
            None => region,
        }
    }

    /// The region.
    pub(crate) fn region(&self) -> String {
        self.config.region().map(ToString::to_string).unwrap_or_default()
    }

    /// A deployment's functions, of which the maintainer registers in its table, and its bucket; or what is not there, or not to
    /// be touched. Nothing is written yet.
    pub(crate) fn pipeline<'d>(&self, deployment: &'d Deployment) -> Result<Edges<'d>, String> {
        let bucket = &deployment.bucket;
        // A server that is no AWS need not know a bucket by the name of a host.
        let own_endpoint = self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(own_endpoint).build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let there = self.runtime.block_on(client.head_bucket().bucket(bucket).send());
        there.map_err(|error| format!("the bucket `{bucket}`: {}", of_head("HeadBucket", &error)))?;

        let Config { table, registration, .. } = &deployment.maintainer_config;
        let config = Patience::default().of_clients(self.config.clone());
        let glue = || Glue::new(&config, table.clone(), Patience::default());
        self.check_table(deployment, &glue())?;
        let statements = Statements::default();
        let runtime = Arc::clone(&self.runtime);
        let functions: Box<dyn Functions + 'd> = match registration {
            RegistrationBy::Glue => Box::new(InProcess::new(deployment, glue(), runtime)),
            RegistrationBy::Athena { workgroup } => {
                let athena = Athena::new(&config, workgroup.clone(), Patience::default());
                let engine = Telling { athena, statements: Arc::clone(&statements) };
                let catalog = StatementCatalog::new(glue(), engine, table.clone());
                Box::new(InProcess::new(deployment, catalog, runtime))
            }
        };
        let destination = S3Bucket { runtime: Arc::clone(&self.runtime), client, bucket: bucket.clone(), statements };
        Ok((functions, Box::new(destination)))
    }

    /// Whether the table is there, with the partition columns of the layout.
    fn check_table(&self, deployment: &Deployment, glue: &Glue) -> Result<(), String> {
        let attempt = Attempt { deadline: SystemTime::now() + LONGEST_INVOCATION, id: "check" };
        let table = &deployment.table_name;
        let columns = self.runtime.block_on(glue.columns(attempt));
        let columns = columns.map_err(|error| format!("the table `{table}`: {error}"))?;
        let found: Vec<&str> = columns.columns().iter().map(PartitionColumn::name).collect();
        let layout = &deployment.maintainer_config.scope.layout;
        let wanted: Vec<&str> = layout.captures().iter().map(Capture::column).collect();
        if found == wanted {
            return Ok(());
        }
        let (found, wanted) = (found.join(", "), wanted.join(", "));
        Err(format!(
            "the table `{table}` has the partition columns `{found}`, expected those of the layout, `{wanted}`"
        ))
    }
}

/// The functions of a deployment, and where they have objects and partitions go.
pub(crate) type Edges<'d> = (Box<dyn Functions + 'd>, Box<dyn pipeline::Destination>);

/// The statements that ran, and nobody was told of yet.
type Statements = Arc<Mutex<Vec<String>>>;

/// Athena, and what it was asked to run.
struct Telling {
    athena: Athena,
    statements: Statements,
}

impl Engine for Telling {
    async fn run(&self, statement: &Statement, attempt: Attempt<'_>) -> Result<(), CatalogError> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).push(statement.sql().to_owned());
        self.athena.run(statement, attempt).await
    }
}

/// A bucket of S3, whose partitions are registered elsewhere.
struct S3Bucket {
    runtime: Arc<Runtime>,
    client: aws_sdk_s3::Client,
    bucket: String,
    statements: Statements,
}

impl pipeline::Destination for S3Bucket {
    /// It was looked at before.
    fn begin(&self) -> io::Result<()> {
        Ok(())
    }

    fn holds(&self, key: &str) -> io::Result<bool> {
        match self.runtime.block_on(self.client.head_object().bucket(&self.bucket).key(key).send()) {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => Ok(false),
            Err(error) => Err(self.about(key, &of_head("HeadObject", &error))),
        }
    }

    /// An object that is there already is never replaced
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
    fn put(&self, object: &Object) -> io::Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(&object.key).if_none_match("*");
        let request = request.content_type("application/octet-stream").body(object.body.clone().into());
        let put = self.runtime.block_on(request.send());
        put.map(|_| ()).map_err(|error| self.about(&object.key, &format!("`PutObject`: {}", message(&error))))
    }

    /// What is in the catalog is kept there; statements are told.
    fn keep(&self, summary: &mut Summary) -> io::Result<()> {
        let statements = std::mem::take(&mut *self.statements.lock().unwrap_or_else(PoisonError::into_inner));
        summary.add_news(News { statements, added: 0 });
        Ok(())
    }
}

impl S3Bucket {
    fn about(&self, key: &str, error: &str) -> io::Error {
        io::Error::other(format!("object `s3://{}/{key}`: {error}", self.bucket))
    }
}

/// The error of an operation whose errors come without a word, since nothing comes but a status.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
fn of_head<E: ProvideErrorMetadata + Error + 'static>(operation: &str, error: &SdkError<E>) -> String {
    let meaning = match error.raw_response().map(|reply| reply.status().as_u16()) {
        Some(301 | 400) => "it is in another region, or the name is none of a bucket",
        Some(403) => "access denied: it is another account's, or a permission is missing",
        Some(404) => "it does not exist",
        _ => return format!("`{operation}`: {}", message(error)),
    };
    format!("`{operation}`: {meaning}")
}

struct S3Objects {
    runtime: Arc<Runtime>,
    client: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
    /// The objects that are on their way, in order.
    asked: VecDeque<Asked>,
    /// The first object that was not asked for.
    next: usize,
}

/// An object that is on its way.
struct Asked {
    bytes: u64,
    body: JoinHandle<Result<Vec<u8>, String>>,
}

impl ErrorObjects for S3Objects {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let bucket = &self.bucket;
        let request = self.client.list_objects_v2().bucket(bucket).prefix(&self.prefix);
        self.runtime.block_on(async {
            let mut listed = Vec::new();
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| format!("`ListObjectsV2` of `{bucket}`: {}", message(&error)))?;
                for object in page.contents.unwrap_or_default() {
                    let bytes = object.size.unwrap_or_default().unsigned_abs();
                    // What consoles make to show an empty folder.
                    let is_marker = |key: &str| key.ends_with('/') && bytes == 0;
                    if let Some(key) = object.key.filter(|key| !is_marker(key)) {
                        listed.push(Listed { name: format!("s3://{bucket}/{key}"), bytes });
                    }
                }
            }
            Ok(listed)
        })
    }

    fn read(&mut self, listed: &[Listed], _: usize) -> Result<Vec<u8>, String> {
        while let Some(object) = listed.get(self.next) {
            let bytes: u64 = self.asked.iter().map(|asked| asked.bytes).sum();
            if self.asked.len() == AHEAD || (!self.asked.is_empty() && bytes + object.bytes > BYTES_AHEAD) {
                break;
            }
            let key = object.name.strip_prefix(&format!("s3://{}/", self.bucket)).unwrap_or_default();
            let request = self.client.get_object().bucket(&self.bucket).key(key);
            let body = self.runtime.spawn(async move {
                let reply = request.send().await.map_err(|error| format!("`GetObject`: {}", message(&error)))?;
                let body = reply.body.collect().await.map_err(|error| format!("`GetObject`: {error}"))?;
                Ok(body.to_vec())
            });
            self.asked.push_back(Asked { bytes: object.bytes, body });
            self.next += 1;
        }
        let Some(Asked { body, .. }) = self.asked.pop_front() else { return Err("there is no such object".to_owned()) };
        self.runtime.block_on(body).unwrap_or_else(|error| Err(error.to_string()))
    }
}

/// <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>
struct DeliveryStream {
    runtime: Arc<Runtime>,
    client: aws_sdk_firehose::Client,
    name: String,
}

impl Stream for DeliveryStream {
    fn put(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), Refusal>>, PutError> {
        const OPERATION: &str = "PutRecordBatch";
        let record = |record: &Outgoing| {
            let data = aws_sdk_firehose::primitives::Blob::new(record.data.clone());
            aws_sdk_firehose::types::Record::builder().data(data).build().map_err(|error| unsendable(OPERATION, &error))
        };
        let records = records.iter().map(record).collect::<Result<_, _>>()?;
        let request = self.client.put_record_batch().delivery_stream_name(&self.name).set_records(Some(records));
        let reply = self.runtime.block_on(request.send()).map_err(|error| put_error(OPERATION, &error))?;
        let answer = |PutRecordBatchResponseEntry { error_code, error_message, .. }| answer(error_code, error_message);
        Ok(reply.request_responses.into_iter().map(answer).collect())
    }
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>
struct KinesisStream {
    runtime: Arc<Runtime>,
    client: aws_sdk_kinesis::Client,
    name: String,
}

impl Stream for KinesisStream {
    fn put(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), Refusal>>, PutError> {
        const OPERATION: &str = "PutRecords";
        let entry = |record: &Outgoing| {
            let data = aws_sdk_kinesis::primitives::Blob::new(record.data.clone());
            let entry = PutRecordsRequestEntry::builder().data(data).partition_key(partition_key(&record.place));
            entry.build().map_err(|error| unsendable(OPERATION, &error))
        };
        let entries = records.iter().map(entry).collect::<Result<_, _>>()?;
        let request = self.client.put_records().stream_name(&self.name).set_records(Some(entries));
        let reply = self.runtime.block_on(request.send()).map_err(|error| put_error(OPERATION, &error))?;
        let answer = |PutRecordsResultEntry { error_code, error_message, .. }| answer(error_code, error_message);
        Ok(reply.records.into_iter().map(answer).collect())
    }
}

/// A key that spreads records over all shards, and sends a record that goes out again to the shard where it went before.
/// The key that the record came with is not in its error object.
fn partition_key(place: &Place) -> String {
    let name = format!("{} {}", place.object, place.line);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).simple().to_string()
}

/// What a stream says of one record.
fn answer(error_code: Option<String>, error_message: Option<String>) -> Result<(), Refusal> {
    match error_code {
        None => Ok(()),
        Some(code) => Err(Refusal { code, message: error_message.unwrap_or_else(|| NO_REASON.to_owned()) }),
    }
}

fn unsendable(operation: &str, error: &dyn Error) -> PutError {
    PutError::Refused(format!("`{operation}`: {error}"))
}

/// Whether a call that has failed may be made again.
///
/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html>
fn put_error<E: ProvideErrorMetadata + Error + 'static>(operation: &str, error: &SdkError<E>) -> PutError {
    let text = format!("`{operation}`: {}", message(error));
    let passes = match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        // A connection that is closed before the answer is not among those that are told as of IO.
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(failure) => {
            const CODES: [&str; 8] = [
                "InternalFailure",
                "KMSThrottlingException",
                "LimitExceededException",
                "ProvisionedThroughputExceededException",
                "RequestLimitExceeded",
                "ServiceUnavailableException",
                "Throttling",
                "ThrottlingException",
            ];
            failure.raw().status().is_server_error() || error.code().is_some_and(|code| CODES.contains(&code))
        }
        _ => false,
    };
    if passes { PutError::Unanswered(text) } else { PutError::Refused(text) }
}

/// What AWS says, or else the whole chain of causes.
fn message<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    if let Some(code) = error.code() {
        return format!("{code}: {}", error.message().unwrap_or(NO_REASON));
    }
    match error.raw_response() {
        Some(reply) => format!("HTTP {}: {}", reply.status(), causes(error)),
        None => causes(error),
    }
}

/// An error and what caused it.
fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = successors(Some(error), |error| (*error).source());
    let mut causes: Vec<String> = chain.map(ToString::to_string).collect();
    // The SDK wraps some errors in others that only repeat them.
    causes.dedup();
    causes.join(": ")
}
