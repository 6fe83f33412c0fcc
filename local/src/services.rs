//! Glue and Athena as far as the maintainer asks for them, over the catalog of a lake, on a port of this machine.
//!
//! They refuse what AWS refuses. Credentials are not looked at.

mod athena;
mod glue;
pub mod server;

use crate::athena::SharedCatalog;
use athena::Queries;
use serde_json::{Value, json};
use server::{Answer, Request};

/// Both services.
#[derive(Debug)]
pub struct Services {
    catalog: SharedCatalog,
    /// The only workgroup of Athena's that there is; without one there are all.
    workgroup: Option<String>,
    /// How many partitions there are on a page, and how many are processed at once.
    pub page: usize,
    /// How often a query tells that it has not ended before it tells how it has.
    pub looks: usize,
    queries: Queries,
}

/// An error in the words of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub code: &'static str,
    /// What it says.
    pub message: String,
}

/// What an operation gives.
pub type Done = Result<Value, Refusal>;

/// Partitions on one page of Glue's.
const PAGE: usize = 1_000;

impl Services {
    /// The services over this catalog; their queries end at once.
    pub fn new(catalog: SharedCatalog, workgroup: Option<String>) -> Self {
        Self { catalog, workgroup, page: PAGE, looks: 0, queries: Queries::default() }
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Request) -> Answer {
        let Some(operation) = request.operation() else {
            let message = format!("nothing here answers `{}`, expected calls of Athena or Glue", request.path);
            return Answer::refusal(400, "UnknownOperationException", &message);
        };
        let body = serde_json::from_str(&request.body);
        let body = body.map_err(|error| refusal("SerializationException", error.to_string()));
        match body.and_then(|body| self.done(operation, &body)) {
            Ok(reply) => Answer::json(200, &reply),
            Err(Refusal { code, message }) => Answer::refusal(400, code, &message),
        }
    }

    /// Does what an operation is to do.
    pub fn done(&mut self, operation: &str, request: &Value) -> Done {
        match operation {
            "StartQueryExecution" => self.start_query_execution(request, None),
            "GetQueryExecution" => self.get_query_execution(request),
            "GetTable" => self.get_table(request),
            "BatchGetPartition" => self.batch_get_partition(request),
            "BatchCreatePartition" => self.batch_create_partition(request),
            "GetPartitions" => self.get_partitions(request),
            _ => Err(refusal("UnknownOperationException", format!("nothing here does `{operation}`"))),
        }
    }
}

fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

/// A text of a request, which has to be there.
fn text<'r>(request: &'r Value, name: &str) -> Result<&'r str, Refusal> {
    request.get(name).and_then(Value::as_str).ok_or_else(|| missing(name))
}

/// A list of a request, which has to be there.
fn list<'r>(request: &'r Value, name: &str) -> Result<&'r [Value], Refusal> {
    request.get(name).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    let message =
        format!("1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must not be null");
    refusal("ValidationException", message)
}

/// The texts of the list `Values`.
fn values(of: &Value) -> Result<Vec<String>, Refusal> {
    let texts = list(of, "Values")?.iter().map(|value| value.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| missing("values"))
}

impl Answer {
    /// A reply of a service whose protocol is JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Reply { status, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }

    /// An error of such a service.
    pub fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({ "__type": code, "Message": message }))
    }
}
