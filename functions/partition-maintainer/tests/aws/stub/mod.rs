//! AWS as far as the maintainer asks for it, over real HTTP: Athena and Glue over a catalog of the laptop's pipeline, which has a
//! parser of DDL of its own, and S3 over a list of keys. It refuses what AWS refuses, and fails on demand.

mod athena;
mod glue;
mod http;
mod s3;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_athena::config::{Credentials, SharedCredentialsProvider};
use http::{Reply, Request};
use local::catalog::{Catalog, Column, Table};
use partition_maintainer::aws::Patience;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The services, on a port of this machine, until it is dropped.
pub(crate) struct Stub {
    endpoint: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

/// What the services know, and how they behave.
pub(crate) struct State {
    /// The tables and their partitions.
    pub(crate) catalog: Catalog,
    /// The storage descriptors of the partitions that Glue was given, by their values.
    pub(crate) descriptors: BTreeMap<Vec<String>, Value>,
    /// The objects of the bucket `lake`: their keys, and how many bytes they have.
    pub(crate) objects: BTreeMap<String, u64>,
    /// How many things there are on a page, and how many partitions are processed at once.
    pub(crate) page: usize,
    /// The operations that were asked for, in order.
    pub(crate) calls: Vec<String>,
    /// The statements that ran, in order, whatever became of them.
    pub(crate) statements: Vec<String>,
    queries: athena::Queries,
    /// What is not created, with the code of the error and its message.
    without: Option<(&'static str, &'static str, &'static str)>,
    faults: Box<Faults>,
}

type Faults = dyn FnMut(&Call<'_>) -> Option<Fault> + Send;

/// A request, as faults are chosen by.
pub(crate) struct Call<'c> {
    /// The operation, such as `GetTable`.
    pub(crate) operation: &'c str,
    /// How many requests there were before this one.
    pub(crate) before: usize,
    /// Its body, or its query.
    pub(crate) body: &'c str,
}

/// What goes wrong with a request.
pub(crate) enum Fault {
    /// The service refuses it.
    Refused(u16, &'static str, &'static str),
    /// The service does nothing, and says this.
    Said(Value),
    /// The connection stays open, and nothing comes.
    Silent,
    /// The connection is closed once all is done that was asked for.
    Unanswered,
    /// The query that is started ends like this.
    Ends(End),
    /// Glue does not create partitions with this value.
    Without(&'static str, &'static str, &'static str),
}

/// How a query ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// As its statement deserves.
    AsItShould,
    /// `FAILED`, with the reason, and Athena's error in its own words.
    Failed(&'static str, Value),
    /// `CANCELLED`.
    Cancelled,
    /// It does not.
    Never,
}

/// Refuses a request as a service does that is asked too often.
pub(crate) const THROTTLED: Fault = Fault::Refused(400, "ThrottlingException", "Rate exceeded");

/// The table of all tests, and the workgroup.
pub(crate) const TABLE: &str = "db.t";
pub(crate) const WORKGROUP: &str = "maintainer";

impl Stub {
    /// Services with one table, whose partition columns and types these are.
    pub(crate) async fn start(columns: &[(&str, &str)]) -> Self {
        let column = |(name, hive_type): &(&str, &str)| Column { name: (*name).into(), hive_type: (*hive_type).into() };
        let table = Table {
            location: "s3://lake/".into(),
            serialization_library: "org.openx.data.jsonserde.JsonSerDe".into(),
            columns: vec![column(&("value", "double"))],
            partition_keys: columns.iter().map(column).collect(),
            partitions: BTreeMap::new(),
        };
        let state = Arc::new(Mutex::new(State {
            catalog: Catalog { tables: BTreeMap::from([(TABLE.to_owned(), table)]) },
            descriptors: BTreeMap::new(),
            objects: BTreeMap::new(),
            page: 1_000,
            calls: Vec::new(),
            statements: Vec::new(),
            queries: athena::Queries::default(),
            without: None,
            faults: Box::new(|_| None),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(http::serve(listener, Arc::clone(&state)));
        Self { endpoint, state, server }
    }

    /// The configuration of clients that know no other services than these.
    pub(crate) fn configuration(&self) -> SdkConfig {
        let configuration = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(partition_maintainer::aws::http_client())
            .build();
        PATIENCE.of_clients(configuration)
    }

    /// What the services know.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on, this decides what goes wrong.
    pub(crate) fn fails(&self, faults: impl FnMut(&Call<'_>) -> Option<Fault> + Send + 'static) {
        self.state().faults = Box::new(faults);
    }

    /// The partitions of the table, with their locations.
    pub(crate) fn partitions(&self) -> BTreeMap<Vec<String>, String> {
        self.state().catalog.tables[TABLE].partitions.clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// That of the function, but a hundred times shorter.
pub(crate) const PATIENCE: Patience = Patience {
    requests: 4,
    back_off: Duration::from_millis(10),
    request: Duration::from_millis(500),
    first_pause: Duration::from_millis(2),
    longest_pause: Duration::from_millis(20),
};

impl State {
    fn answer(&mut self, request: &Request) -> Option<Reply> {
        let operation = request.operation();
        let before = self.calls.len();
        self.calls.push(operation.clone());
        let fault = (self.faults)(&Call { operation: &operation, before, body: request.text() });
        self.without = None;
        let end = match fault {
            Some(Fault::Refused(status, code, message)) => return Some(request.refusal(status, code, message)),
            Some(Fault::Said(reply)) => return Some(Reply::json(200, &reply)),
            Some(Fault::Silent) => return None,
            Some(Fault::Unanswered) => {
                self.done(&operation, request, End::AsItShould);
                return Some(Reply::none());
            }
            Some(Fault::Ends(end)) => end,
            Some(Fault::Without(value, code, message)) => {
                self.without = Some((value, code, message));
                End::AsItShould
            }
            None => End::AsItShould,
        };
        Some(self.done(&operation, request, end))
    }

    fn done(&mut self, operation: &str, request: &Request, end: End) -> Reply {
        if operation == "ListObjectsV2" {
            return s3::list(self, request);
        }
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let done = match operation {
            "StartQueryExecution" => self.start_query_execution(&body, end),
            "GetQueryExecution" => self.get_query_execution(&body),
            "GetTable" => self.get_table(&body),
            "BatchGetPartition" => self.batch_get_partition(&body),
            "BatchCreatePartition" => self.batch_create_partition(&body),
            "GetPartitions" => self.get_partitions(&body),
            _ => Err(("UnknownOperationException", format!("nothing here does `{operation}`"))),
        };
        match done {
            Ok(reply) => Reply::json(200, &reply),
            Err((code, message)) => request.refusal(400, code, &message),
        }
    }
}

/// What an operation gives, or the code of an error and its message.
type Done = Result<Value, (&'static str, String)>;

/// The texts of a list of texts.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
