//! Statements run by Amazon Athena.

use crate::aws::{NO_REASON, Patience, in_time, refused};
use aws_config::SdkConfig;
use aws_sdk_athena::Client;
use aws_sdk_athena::error::SdkError;
use aws_sdk_athena::operation::start_query_execution::StartQueryExecutionError;
use aws_sdk_athena::types::{AthenaError, QueryExecutionState, QueryExecutionStatus};
use registrar::catalog::{Attempt, CatalogError};
use registrar::engine::Engine;
use registrar::statement::Statement;
use tokio::time::sleep;
use uuid::Uuid;

/// An engine that starts a query for each statement and looks at it until it has ended.
#[derive(Debug)]
pub struct Athena {
    client: Client,
    workgroup: String,
    patience: Patience,
}

impl Athena {
    /// An engine that runs queries in this workgroup, which must have a place for their results.
    pub fn new(configuration: &SdkConfig, workgroup: String, patience: Patience) -> Self {
        Self { client: Client::new(configuration), workgroup, patience }
    }

    /// Starts a query and gives its id.
    ///
    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
    async fn start(&self, statement: &Statement, attempt: Attempt<'_>) -> Result<String, CatalogError> {
        const OPERATION: &str = "`StartQueryExecution`";
        // The database is part of the statement, so no context is needed.
        let request = self.client.start_query_execution();
        let request = request.query_string(statement.sql()).work_group(&self.workgroup);
        let request = request.client_request_token(token(statement, &self.workgroup, attempt));
        let reply = request.send().await.map_err(|error| not_started(OPERATION, &error))?;
        reply
            .query_execution_id
            .ok_or_else(|| CatalogError::Unavailable(format!("{OPERATION}: the reply has no query id")))
    }

    /// Looks at a query once.
    ///
    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html>
    async fn look(&self, query: &str) -> Result<(QueryExecutionState, QueryExecutionStatus), CatalogError> {
        let operation = format!("`GetQueryExecution` of query `{query}`");
        let reply = self.client.get_query_execution().query_execution_id(query).send().await;
        let reply = reply.map_err(|error| refused(&operation, &error))?;
        let status = reply.query_execution.and_then(|execution| execution.status);
        status
            .and_then(|status| Some((status.state.clone()?, status)))
            .ok_or_else(|| CatalogError::Unavailable(format!("{operation}: the reply has no state")))
    }
}

impl Engine for Athena {
    /// Starts a query, and looks at it until it has ended or the deadline is near. Success is `SUCCEEDED` and nothing
    /// else.
    ///
    /// A query that has not ended by then is left alone: it may still succeed, and then the next try finds its partitions in
    /// the catalog.
    async fn run(&self, statement: &Statement, attempt: Attempt<'_>) -> Result<(), CatalogError> {
        in_time(attempt, "`StartQueryExecution` has not replied", async |seen| {
            let query = self.start(statement, attempt).await?;
            *seen = format!("query `{query}` is started");
            for pause in self.patience.pauses() {
                sleep(pause).await;
                match self.look(&query).await? {
                    (QueryExecutionState::Succeeded, _) => return Ok(()),
                    (QueryExecutionState::Failed, status) => return Err(failed(query, &status)),
                    (QueryExecutionState::Cancelled, _) => return Err(CatalogError::Cancelled(query)),
                    // Queued, running, queued again after a transient error, or a state that is newer than this code: it
                    // may not be the end, and it is not success.
                    (state, _) => *seen = format!("query `{query}` is `{state}`"),
                }
            }
            Err(CatalogError::TimedOut(seen.clone()))
        })
        .await
    }
}

/// What makes a start idempotent: Athena replies to a token that it has seen with the query that it has started, if
/// everything else is the same, and with an error if not.
///
/// The same attempt therefore never runs a statement twice, however often the request is sent. A later attempt has another
/// token: with the same one it would be told the query of the first, failed as that may be.
fn token(statement: &Statement, workgroup: &str, attempt: Attempt<'_>) -> String {
    // No two different triples have the same text: neither an id nor a workgroup's name holds a line's end.
    let text = format!("{}\n{workgroup}\n{}", attempt.id, statement.sql());
    // 36 characters, of 32 to 128 that Athena takes.
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
}

/// The error of a query that did not start, with Athena's own code for it, which says more than the exception's.
fn not_started(operation: &str, error: &SdkError<StartQueryExecutionError>) -> CatalogError {
    let detail = match error.as_service_error() {
        Some(StartQueryExecutionError::InvalidRequestException(invalid)) => invalid.athena_error_code(),
        _ => None,
    };
    match detail {
        Some(detail) => refused(&format!("{operation}: `{detail}`"), error),
        None => refused(operation, error),
    }
}

/// The error of a query that failed.
///
/// That a partition exists already is not success here either. `IF NOT EXISTS` keeps Athena from saying so, unless
/// another statement adds the partition at the same moment; and then it is unknown whether the other partitions of this
/// one were added. The next try does.
///
/// Types and categories are those of <https://docs.aws.amazon.com/athena/latest/ug/error-reference.html> and
/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html>.
fn failed(query: String, status: &QueryExecutionStatus) -> CatalogError {
    /// `ErrorCategory`: the fault is Athena's own.
    const SYSTEM: i32 = 1;
    let error = status.athena_error();
    let error_type = error.and_then(AthenaError::error_type);
    let reason = status.state_change_reason().or(error.and_then(AthenaError::error_message));
    let reason = reason.unwrap_or(NO_REASON);
    let reason = match error_type {
        Some(error_type) => format!("{reason} (error type {error_type})"),
        None => reason.to_owned(),
    };
    match error_type {
        // Not 1402: too many versions of a table are a quota, which does not recover by itself.
        Some(1400 | 1401 | 1403..=1406) => CatalogError::Throttled(format!("query `{query}`: {reason}")),
        Some(1500 | 1501) => CatalogError::Denied(format!("query `{query}`: {reason}")),
        _ if error.is_some_and(|error| error.retryable() || error.error_category() == Some(SYSTEM)) => {
            CatalogError::Unavailable(format!("query `{query}`: {reason}"))
        }
        _ => CatalogError::Failed { query, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_athena::config::Builder;
    use aws_sdk_athena::config::interceptors::BeforeTransmitInterceptorContextRef;
    use aws_sdk_athena::config::{
        BehaviorVersion, ConfigBag, Credentials, HttpClient, Intercept, Region, RuntimeComponents,
    };
    use aws_sdk_athena::error::BoxError;
    use aws_sdk_athena::operation::get_query_execution::GetQueryExecutionOutput;
    use aws_sdk_athena::operation::start_query_execution::StartQueryExecutionOutput;
    use aws_sdk_athena::types::QueryExecution;
    use aws_sdk_athena::types::QueryExecutionState::{Cancelled, Failed, Queued, Running, Succeeded};
    use aws_smithy_http_client::test_util::NeverClient;
    use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
    use registrar::columns::PartitionColumns;
    use registrar::statement::{LONGEST_STATEMENT, statements};
    use registrar::table_name::TableName;
    use serde_json::{Value, json};
    use shared::partition::{Partition, PartitionValue};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};
    use tokio::time::Instant;

    /// What became of a statement, and how.
    struct Ran {
        /// `registered`, or the error.
        result: String,
        /// The bodies of the requests, in order, those that the SDK sent again included.
        requests: Vec<Value>,
        /// How long it took, in seconds.
        seconds: f64,
    }

    /// Keeps what is sent.
    #[derive(Clone, Debug, Default)]
    struct Requests(Arc<Mutex<Vec<Value>>>);

    impl Intercept for Requests {
        fn name(&self) -> &'static str {
            "Requests"
        }

        fn read_before_transmit(
            &self,
            context: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            let body = context.request().body().bytes().ok_or("a body in memory")?;
            self.0.lock().unwrap().push(serde_json::from_slice(body)?);
            Ok(())
        }
    }

    /// The configuration of a client as the function has it, but for the network. Not that of `mock_client!`, whose
    /// idempotency tokens are all the same.
    fn config(http: impl HttpClient + 'static) -> Builder {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .http_client(http)
            .build();
        Builder::from(&Patience::default().of_clients(config))
    }

    async fn run_with(config: Builder, deadline: SystemTime) -> Ran {
        run_in(config, Attempt { deadline, id: "one" }).await
    }

    async fn run_in(config: Builder, attempt: Attempt<'_>) -> Ran {
        let requests = Requests::default();
        let client = Client::from_conf(config.interceptor(requests.clone()).build());
        let athena = Athena { client, workgroup: "maintainer".to_owned(), patience: Patience::default() };
        let partition = Partition::new(vec![PartitionValue::new("a").unwrap()]);
        let partitions = [(&partition, "s3://lake/a/")];
        let table = TableName::parse("db.t").unwrap();
        let columns = PartitionColumns::new([("k", "string")]).unwrap();
        let statement = statements(&table, &columns, partitions, LONGEST_STATEMENT).0.remove(0);
        let begun = Instant::now();
        let result = athena.run(&statement, attempt).await;
        let requests = requests.0.lock().unwrap().clone();
        Ran {
            result: result.map_or_else(|error| error.to_string(), |()| "registered".to_owned()),
            requests,
            seconds: begun.elapsed().as_secs_f64(),
        }
    }

    fn seconds_from_now(seconds: u64) -> SystemTime {
        SystemTime::now() + Duration::from_secs(seconds)
    }

    /// Runs a statement against replies in this order. Each of them has to be asked for, and nothing else.
    async fn run_against(replies: &[Rule], deadline: SystemTime) -> Ran {
        run_against_in(replies, Attempt { deadline, id: "one" }).await
    }

    async fn run_against_in(replies: &[Rule], attempt: Attempt<'_>) -> Ran {
        let replies_in_order = MockResponseInterceptor::new().rule_mode(RuleMode::Sequential);
        let config = config(create_mock_http_client())
            .credentials_provider(Credentials::for_tests())
            .interceptor(replies.iter().fold(replies_in_order, MockResponseInterceptor::with_rule));
        let ran = run_in(config, attempt).await;
        assert!(replies.iter().all(|reply| reply.num_calls() > 0), "not all was asked for: {}", ran.result);
        ran
    }

    async fn result(replies: &[Rule]) -> String {
        run_against(replies, seconds_from_now(60)).await.result
    }

    fn started() -> Rule {
        mock!(Client::start_query_execution).then_output(query_1)
    }

    fn query_1() -> StartQueryExecutionOutput {
        StartQueryExecutionOutput::builder().query_execution_id("q-1").build()
    }

    fn is(state: QueryExecutionState) -> Rule {
        mock!(Client::get_query_execution).then_output(move || state_of_query(state.clone()))
    }

    fn is_forever(state: QueryExecutionState) -> Rule {
        let rule = mock!(Client::get_query_execution).sequence();
        rule.output(move || state_of_query(state.clone())).repeatedly().build()
    }

    fn state_of_query(state: QueryExecutionState) -> GetQueryExecutionOutput {
        status_of_query(QueryExecutionStatus::builder().state(state).build())
    }

    fn status_of_query(status: QueryExecutionStatus) -> GetQueryExecutionOutput {
        let execution = QueryExecution::builder().status(status).build();
        GetQueryExecutionOutput::builder().query_execution(execution).build()
    }

    fn has_failed(reason: Option<&str>, error: Option<AthenaError>) -> Rule {
        let status = QueryExecutionStatus::builder().state(Failed);
        let status = status.set_state_change_reason(reason.map(str::to_owned)).set_athena_error(error).build();
        mock!(Client::get_query_execution).then_output(move || status_of_query(status.clone()))
    }

    async fn result_of_failure(error_type: i32, reason: &str) -> String {
        let error = AthenaError::builder().error_category(2).error_type(error_type).build();
        result(&[started(), has_failed(Some(reason), Some(error))]).await
    }

    /// An error as Athena sends it.
    fn body(code: &str, message: &str) -> String {
        json!({ "__type": code, "Message": message }).to_string()
    }

    fn does_not_start(times: usize, status: u16, body: &str) -> Rule {
        let rule = mock!(Client::start_query_execution).sequence();
        rule.http_status(status, Some(body.to_owned())).times(times).build()
    }

    fn does_not_look(times: usize, status: u16, body: &str) -> Rule {
        let rule = mock!(Client::get_query_execution).sequence();
        rule.http_status(status, Some(body.to_owned())).times(times).build()
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_is_looked_at_until_it_has_succeeded() {
        let replies = [started(), is(Queued), is(Running), is(Queued), is(Running), is(Succeeded)];
        let mut ran = run_against(&replies, seconds_from_now(60)).await;
        insta::assert_snapshot!(ran.result, @"registered");
        let mut start = ran.requests.remove(0);
        // The length is that of a UUID; Athena wants 32 at least.
        assert_eq!(start["ClientRequestToken"].take().as_str().map(str::len), Some(36));
        insta::assert_json_snapshot!(start, @r#"
        {
          "QueryString": "ALTER TABLE `db`.`t` ADD IF NOT EXISTS\n  PARTITION (`k` = 'a') LOCATION 's3://lake/a/'",
          "ClientRequestToken": null,
          "WorkGroup": "maintainer"
        }
        "#);
        assert_eq!(ran.requests, vec![json!({ "QueryExecutionId": "q-1" }); 5]);
        // 0.2 + 0.4 + 0.8 + 1.6 + 2.0 seconds, or as little as half of that.
        assert!((2.5..5.1).contains(&ran.seconds), "{}", ran.seconds);
    }

    #[tokio::test(start_paused = true)]
    async fn all_other_ends_are_errors() {
        insta::assert_snapshot!(result(&[started(), is(Running), is(Cancelled)]).await, @"query `q-1` was cancelled");
        insta::assert_snapshot!(result(&[started(), has_failed(Some("FAILED: no such table"), None)]).await, @"query `q-1` failed: FAILED: no such table");
        insta::assert_snapshot!(result(&[started(), has_failed(None, None)]).await, @"query `q-1` failed: no reason given");
        let error = AthenaError::builder().error_message("it broke").build();
        insta::assert_snapshot!(result(&[started(), has_failed(None, Some(error))]).await, @"query `q-1` failed: it broke");
    }

    #[tokio::test(start_paused = true)]
    async fn the_type_of_a_failure_tells_its_class() {
        insta::assert_snapshot!(result_of_failure(1301, "FAILED: SemanticException table not found t").await, @"query `q-1` failed: FAILED: SemanticException table not found t (error type 1301)");
        insta::assert_snapshot!(result_of_failure(1003, "AlreadyExistsException(message:Partition already exists.)").await, @"query `q-1` failed: AlreadyExistsException(message:Partition already exists.) (error type 1003)");
        insta::assert_snapshot!(result_of_failure(1400, "Rate exceeded").await, @"throttled: query `q-1`: Rate exceeded (error type 1400)");
        insta::assert_snapshot!(result_of_failure(1402, "Too many table versions").await, @"query `q-1` failed: Too many table versions (error type 1402)");
        insta::assert_snapshot!(result_of_failure(1406, "Rate exceeded").await, @"throttled: query `q-1`: Rate exceeded (error type 1406)");
        insta::assert_snapshot!(result_of_failure(1500, "Insufficient permissions").await, @"access denied: query `q-1`: Insufficient permissions (error type 1500)");
        insta::assert_snapshot!(result_of_failure(1501, "Access Denied (Service: Amazon S3)").await, @"access denied: query `q-1`: Access Denied (Service: Amazon S3) (error type 1501)");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_athenas_own_fault_is_no_fault_of_the_statement() {
        let error = |category| AthenaError::builder().error_category(category).error_type(204);
        let result = async |error: AthenaError| {
            result(&[started(), has_failed(Some("FAILED: MetaException"), Some(error))]).await
        };
        insta::assert_snapshot!(result(error(1).build()).await, @"unavailable: query `q-1`: FAILED: MetaException (error type 204)");
        insta::assert_snapshot!(result(error(2).build()).await, @"query `q-1` failed: FAILED: MetaException (error type 204)");
        insta::assert_snapshot!(result(error(3).retryable(true).build()).await, @"unavailable: query `q-1`: FAILED: MetaException (error type 204)");
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_is_not_known_is_not_the_end() {
        let unknown = || QueryExecutionState::from("PONDERING");
        insta::assert_snapshot!(result(&[started(), is(unknown()), is(Succeeded)]).await, @"registered");
        insta::assert_snapshot!(result(&[started(), is_forever(unknown())]).await, @"no answer before the deadline: query `q-1` is `PONDERING`");
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_does_not_end_is_left_before_the_deadline() {
        let ran = run_against(&[started(), is_forever(Queued)], seconds_from_now(60)).await;
        insta::assert_snapshot!(ran.result, @"no answer before the deadline: query `q-1` is `QUEUED`");
        assert!((58.0..59.1).contains(&ran.seconds), "{}", ran.seconds);
        // One every one to two seconds.
        assert!((25..70).contains(&ran.requests.len()), "{}", ran.requests.len());

        let ran = run_against(&[started(), is(Running), is_forever(Queued)], seconds_from_now(3)).await;
        insta::assert_snapshot!(ran.result, @"no answer before the deadline: query `q-1` is `QUEUED`");
        assert!(ran.seconds < 2.1, "{}", ran.seconds);
    }

    #[tokio::test(start_paused = true)]
    async fn near_the_deadline_nothing_is_started() {
        insta::assert_snapshot!(run_against(&[], seconds_from_now(1)).await.result, @"not started: there is no time left");
        insta::assert_snapshot!(run_against(&[], SystemTime::UNIX_EPOCH).await.result, @"not started: there is no time left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_start_is_tried_again_with_the_same_token() {
        let throttled = || body("TooManyRequestsException", "Rate exceeded");
        let start = mock!(Client::start_query_execution).sequence();
        let start = start.http_status(400, Some(throttled())).times(2).output(query_1).build();
        let tokens = async |replies: &[Rule], id| {
            let ran = run_against_in(replies, Attempt { deadline: seconds_from_now(60), id }).await;
            let tokens = ran.requests.iter().filter_map(|request| request["ClientRequestToken"].as_str());
            (ran.result, tokens.map(str::to_owned).collect::<Vec<_>>())
        };
        let (result, first) = tokens(&[start, is(Succeeded)], "one").await;
        assert_eq!(result, "registered");
        assert_eq!(first, vec![first[0].clone(); 3]);

        let (result, second) = tokens(&[does_not_start(4, 400, &throttled())], "two").await;
        insta::assert_snapshot!(result, @"throttled: `StartQueryExecution`: TooManyRequestsException: Rate exceeded");
        assert_eq!(second, vec![second[0].clone(); 4]);
        assert_ne!(first[0], second[0], "another attempt is another query");
        let (_, again) = tokens(&[started(), is(Succeeded)], "one").await;
        assert_eq!(again[0], first[0], "the same attempt is the same query");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_refused_are_not_sent_again() {
        let start = async |code, message| result(&[does_not_start(1, 400, &body(code, message))]).await;
        insta::assert_snapshot!(start("AccessDeniedException", "not authorized to perform: athena:StartQueryExecution").await, @"access denied: `StartQueryExecution`: AccessDeniedException: not authorized to perform: athena:StartQueryExecution");
        insta::assert_snapshot!(start("UnrecognizedClientException", "The security token included in the request is invalid.").await, @"access denied: `StartQueryExecution`: UnrecognizedClientException: The security token included in the request is invalid.");
        insta::assert_snapshot!(start("InvalidRequestException", "WorkGroup maintainer is not found.").await, @"rejected: `StartQueryExecution`: InvalidRequestException: WorkGroup maintainer is not found.");
        insta::assert_snapshot!(start("ValidationException", "1 validation error detected").await, @"rejected: `StartQueryExecution`: ValidationException: 1 validation error detected");
        insta::assert_snapshot!(start("UnknownOperationException", "what?").await, @"unavailable: `StartQueryExecution`: UnknownOperationException: what?");
        let invalid =
            json!({ "__type": "InvalidRequestException", "AthenaErrorCode": "MALFORMED_QUERY", "Message": "line 1:1" });
        insta::assert_snapshot!(result(&[does_not_start(1, 400, &invalid.to_string())]).await, @"rejected: `StartQueryExecution`: `MALFORMED_QUERY`: InvalidRequestException: line 1:1");

        let look =
            async |code, message| result(&[started(), is(Running), does_not_look(1, 400, &body(code, message))]).await;
        insta::assert_snapshot!(look("AccessDeniedException", "not authorized to perform: athena:GetQueryExecution").await, @"access denied: `GetQueryExecution` of query `q-1`: AccessDeniedException: not authorized to perform: athena:GetQueryExecution");
        insta::assert_snapshot!(look("InvalidRequestException", "QueryExecution q-1 was not found").await, @"rejected: `GetQueryExecution` of query `q-1`: InvalidRequestException: QueryExecution q-1 was not found");
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_fail_are_tried_again() {
        let look = mock!(Client::get_query_execution).sequence();
        let look = look.http_status(500, Some(body("InternalServerException", "oops"))).http_status(503, None);
        let look = look.output(|| state_of_query(Running)).build();
        insta::assert_snapshot!(result(&[started(), is(Queued), look, is(Succeeded)]).await, @"registered");

        let forever = |status, body: &str| [started(), is(Queued), does_not_look(4, status, body)];
        insta::assert_snapshot!(result(&forever(500, &body("InternalServerException", "oops"))).await, @"unavailable: `GetQueryExecution` of query `q-1`: InternalServerException: oops");
        insta::assert_snapshot!(result(&forever(400, &body("ThrottlingException", "Rate exceeded"))).await, @"throttled: `GetQueryExecution` of query `q-1`: ThrottlingException: Rate exceeded");
        insta::assert_snapshot!(result(&forever(503, "")).await, @"unavailable: `GetQueryExecution` of query `q-1`: HTTP 503: response error: unhandled error: Error");
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_say_nothing_are_no_success() {
        let no_id = mock!(Client::start_query_execution).then_output(|| StartQueryExecutionOutput::builder().build());
        insta::assert_snapshot!(result(&[no_id]).await, @"unavailable: `StartQueryExecution`: the reply has no query id");
        let no_state = || status_of_query(QueryExecutionStatus::builder().build());
        insta::assert_snapshot!(result(&[started(), mock!(Client::get_query_execution).then_output(no_state)]).await, @"unavailable: `GetQueryExecution` of query `q-1`: the reply has no state");
        let nothing = || GetQueryExecutionOutput::builder().build();
        insta::assert_snapshot!(result(&[started(), mock!(Client::get_query_execution).then_output(nothing)]).await, @"unavailable: `GetQueryExecution` of query `q-1`: the reply has no state");
        let no_json = does_not_start(1, 200, "<html>");
        insta::assert_snapshot!(result(&[no_json]).await, @"unavailable: `StartQueryExecution`: HTTP 200: response error: type mismatch: expected object");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_silent_is_given_up() {
        let silent = || config(NeverClient::new()).credentials_provider(Credentials::for_tests());
        let ran = run_with(silent(), seconds_from_now(60)).await;
        insta::assert_snapshot!(ran.result, @"unavailable: `StartQueryExecution`: request has timed out: operation attempt timeout (single attempt) occurred after 5s");
        assert_eq!(ran.requests.len(), 4);
        insta::assert_snapshot!(run_with(silent(), seconds_from_now(10)).await.result, @"no answer before the deadline: `StartQueryExecution` has not replied");
    }

    #[tokio::test(start_paused = true)]
    async fn without_credentials_the_whole_chain_is_told() {
        let ran = run_with(config(NeverClient::new()), seconds_from_now(60)).await;
        let (message, _advice) = ran.result.split_once(". ").unwrap();
        insta::assert_snapshot!(message, @"unavailable: `StartQueryExecution`: dispatch failure: other: failed to select an auth scheme to sign the request with");
    }
}
