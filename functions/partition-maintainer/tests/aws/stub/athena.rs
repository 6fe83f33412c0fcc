//! Athena: queries that run against the catalog, by a parser that knows nothing of what wrote the statement.

use super::{Done, End, State, WORKGROUP};
use local::ddl;
use registrar::statement::LONGEST_STATEMENT;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The queries that were started.
#[derive(Default)]
pub(super) struct Queries {
    queries: Vec<Query>,
    /// By each token, the query and what it was started with.
    tokens: BTreeMap<String, (usize, Value)>,
}

/// A query tells first that it waits, then that it runs, then how it has ended.
struct Query {
    looks: usize,
    end: Value,
}

impl State {
    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
    pub(super) fn start_query_execution(&mut self, request: &Value, end: End) -> Done {
        let invalid = |message: &str| Err(("InvalidRequestException", message.to_owned()));
        let sql = request["QueryString"].as_str().unwrap();
        let token = request["ClientRequestToken"].as_str().unwrap_or_default();
        if !(32..=128).contains(&token.len()) {
            return invalid("ClientRequestToken must have 32 to 128 characters");
        }
        if !(1..=LONGEST_STATEMENT).contains(&sql.len()) {
            return invalid("QueryString must have 1 to 262144 bytes");
        }
        if request["WorkGroup"] != WORKGROUP {
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
        self.statements.push(sql.to_owned());
        let end = match end {
            End::AsItShould => match self.run(sql) {
                Ok(()) => json!({ "State": "SUCCEEDED" }),
                Err(reason) => failed(&reason, &json!({ "ErrorCategory": 2, "ErrorType": 1003 })),
            },
            End::Failed(reason, error) => failed(reason, &error),
            End::Cancelled => json!({ "State": "CANCELLED" }),
            End::Never => json!({ "State": "RUNNING" }),
        };
        self.queries.queries.push(Query { looks: 0, end });
        Ok(json!({ "QueryExecutionId": query.to_string() }))
    }

    fn run(&mut self, sql: &str) -> Result<(), String> {
        let statement = ddl::parse(sql).map_err(|error| error.to_string())?;
        self.catalog.add_partitions(statement).map(|_| ())
    }

    /// <https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html>
    pub(super) fn get_query_execution(&mut self, request: &Value) -> Done {
        let id = request["QueryExecutionId"].as_str().unwrap();
        let query = id.parse().ok().and_then(|place: usize| self.queries.queries.get_mut(place));
        let query = query.ok_or_else(|| ("InvalidRequestException", format!("QueryExecution {id} was not found")))?;
        query.looks += 1;
        let status = match query.looks {
            1 => json!({ "State": "QUEUED" }),
            2 => json!({ "State": "RUNNING" }),
            _ => query.end.clone(),
        };
        Ok(json!({ "QueryExecution": { "QueryExecutionId": id, "Status": status } }))
    }
}

fn failed(reason: &str, error: &Value) -> Value {
    json!({ "State": "FAILED", "StateChangeReason": reason, "AthenaError": error })
}
