//! Athena: queries that run against the catalog, by a parser that knows nothing of what wrote the statement.

use super::{Done, Services, refusal, text};
use registrar::catalog::CatalogError;
use registrar::statement::LONGEST_STATEMENT;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The queries that were started.
#[derive(Debug, Default)]
pub(super) struct Queries {
    queries: Vec<Query>,
    /// By each token, the query and what it was started with.
    tokens: BTreeMap<String, (usize, Value)>,
}

/// A query tells first that it waits, then that it runs, then how it has ended.
#[derive(Debug)]
struct Query {
    looks: usize,
    end: Value,
}

impl Services {
    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
    ///
    /// A query whose end is given, as a status, does nothing; else it runs, and ends as its statement deserves.
    pub fn start_query_execution(&mut self, request: &Value, end: Option<Value>) -> Done {
        let invalid = |message: &str| Err(refusal("InvalidRequestException", message));
        let sql = text(request, "QueryString")?;
        let token = request.get("ClientRequestToken").and_then(Value::as_str).unwrap_or_default();
        if !(32..=128).contains(&token.len()) {
            return invalid("ClientRequestToken must have 32 to 128 characters");
        }
        if !(1..=LONGEST_STATEMENT).contains(&sql.len()) {
            return invalid("QueryString must have 1 to 262144 bytes");
        }
        if self.workgroup.as_ref().is_some_and(|workgroup| request.get("WorkGroup") != Some(&json!(workgroup))) {
            return invalid("WorkGroup is not found.");
        }
        match self.queries.tokens.get(token) {
            Some((query, started)) if started == request => {
                return Ok(json!({ "QueryExecutionId": query.to_string() }));
            }
            Some(_) => return invalid("Idempotent parameters do not match"),
            None => {}
        }
        let query = self.queries.queries.len();
        self.queries.tokens.insert(token.to_owned(), (query, request.clone()));
        let end = end.unwrap_or_else(|| match self.catalog.run(sql) {
            Ok(()) => json!({ "State": "SUCCEEDED" }),
            Err(CatalogError::Failed { reason, .. } | CatalogError::Rejected(reason)) => failed(&reason),
            Err(error) => failed(&error.to_string()),
        });
        self.queries.queries.push(Query { looks: 0, end });
        Ok(json!({ "QueryExecutionId": query.to_string() }))
    }

    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html>
    pub(super) fn get_query_execution(&mut self, request: &Value) -> Done {
        let id = text(request, "QueryExecutionId")?;
        let query = id.parse().ok().and_then(|place: usize| self.queries.queries.get_mut(place));
        let query =
            query.ok_or_else(|| refusal("InvalidRequestException", format!("QueryExecution {id} was not found")))?;
        query.looks += 1;
        let status = match query.looks {
            looks if looks > self.looks => query.end.clone(),
            1 => json!({ "State": "QUEUED" }),
            _ => json!({ "State": "RUNNING" }),
        };
        Ok(json!({ "QueryExecution": { "QueryExecutionId": id, "Status": status } }))
    }
}

/// The status of a query that failed by its own fault.
fn failed(reason: &str) -> Value {
    let error = json!({ "ErrorCategory": 2, "ErrorType": 1003 });
    json!({ "State": "FAILED", "StateChangeReason": reason, "AthenaError": error })
}
