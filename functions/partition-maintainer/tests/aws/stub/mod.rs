//! AWS as far as the maintainer asks for it, over real HTTP: Athena and Glue as the laptop's pipeline has them, over its catalog and
//! with its parser of DDL, and S3 over a list of keys. It refuses what AWS refuses, and fails on demand.

mod s3;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_athena::config::{Credentials, SharedCredentialsProvider};
use local::athena::SharedCatalog;
use local::catalog::{Catalog, Column, Table};
use local::services::server::{Answer, Request, Server};
use local::services::{Done, Refusal, Services};
use partition_maintainer::aws::Patience;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The services, on a port of this machine, until it is dropped.
pub(crate) struct Stub {
    endpoint: String,
    state: Arc<Mutex<State>>,
    _server: Server,
}

/// What the services know, and how they behave.
pub(crate) struct State {
    /// The tables and their partitions.
    pub(crate) catalog: SharedCatalog,
    /// The storage descriptors of the partitions that Glue was given, by their values.
    pub(crate) descriptors: BTreeMap<Vec<String>, Value>,
    /// The objects of the bucket `lake`: their keys, and how many bytes they have.
    pub(crate) objects: BTreeMap<String, u64>,
    /// How many objects there are on a page.
    page: usize,
    /// The operations that were asked for, in order.
    pub(crate) calls: Vec<String>,
    services: Services,
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
    pub(crate) fn start(columns: &[(&str, &str)]) -> Self {
        let column = |(name, hive_type): &(&str, &str)| Column { name: (*name).into(), hive_type: (*hive_type).into() };
        let table = Table {
            location: "s3://lake/".into(),
            serialization_library: "org.openx.data.jsonserde.JsonSerDe".into(),
            serde_parameters: BTreeMap::new(),
            columns: vec![column(&("value", "double"))],
            partition_keys: columns.iter().map(column).collect(),
            partitions: BTreeMap::new(),
        };
        let catalog = SharedCatalog::new(Catalog { tables: BTreeMap::from([(TABLE.to_owned(), table)]) });
        let mut services = Services::new(catalog.clone(), Some(WORKGROUP.to_owned()));
        // One of each state that a query goes through.
        services.looks = 2;
        let state = Arc::new(Mutex::new(State {
            catalog,
            descriptors: BTreeMap::new(),
            objects: BTreeMap::new(),
            page: 1_000,
            calls: Vec::new(),
            services,
            faults: Box::new(|_| None),
        }));
        let answering = Arc::clone(&state);
        let answer = move |request: &Request| answering.lock().unwrap().answer(request);
        let server = Server::start(([127, 0, 0, 1], 0).into(), answer).unwrap();
        Self { endpoint: format!("http://{}", server.address()), state, _server: server }
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

    /// How many statements ran since this was called before, whatever became of them.
    pub(crate) fn statements(&self) -> usize {
        self.state().catalog.news().statements.len()
    }

    /// The partitions of the table, with their locations.
    pub(crate) fn partitions(&self) -> BTreeMap<Vec<String>, String> {
        self.state().catalog.look(|catalog| catalog.tables[TABLE].partitions.clone())
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
    /// From now on there are so many things on a page, and so many partitions are processed at once.
    pub(crate) fn page(&mut self, page: usize) {
        self.page = page;
        self.services.page = page;
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let operation = request.operation().unwrap_or("ListObjectsV2").to_owned();
        let before = self.calls.len();
        self.calls.push(operation.clone());
        // What is asked for stands in the body, or in the query if there is none.
        let body = if request.body.is_empty() { &request.query } else { &request.body };
        match (self.faults)(&Call { operation: &operation, before, body }) {
            Some(Fault::Refused(status, code, message)) => refused(request, status, code, message),
            Some(Fault::Said(reply)) => Answer::json(200, &reply),
            Some(Fault::Silent) => Answer::Silence,
            Some(Fault::Unanswered) => {
                self.done(&operation, request, None);
                Answer::End
            }
            fault => self.done(&operation, request, fault),
        }
    }

    fn done(&mut self, operation: &str, request: &Request, fault: Option<Fault>) -> Answer {
        if operation == "ListObjectsV2" {
            return s3::list(self, request);
        }
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let done = match (operation, fault) {
            ("StartQueryExecution", Some(Fault::Ends(end))) => self.services.start_query_execution(&body, end.status()),
            ("BatchCreatePartition", fault) => self.create(body, fault.as_ref()),
            ("GetTable", _) => self.services.done(operation, &body).map(dressed),
            _ => {
                let of_columns = operation != "GetPartitions" || body["ExcludeColumnSchema"] == true;
                assert!(of_columns, "the columns of each partition would be most of the reply");
                self.services.done(operation, &body)
            }
        };
        match done {
            Ok(reply) => Answer::json(200, &reply),
            Err(Refusal { code, message }) => refused(request, 400, code, &message),
        }
    }

    /// Creates partitions, but for those that are not to be created, and keeps how they are described.
    fn create(&mut self, mut body: Value, fault: Option<&Fault>) -> Done {
        let mut errors = Vec::new();
        if let Some(Fault::Without(value, code, message)) = fault {
            body["PartitionInputList"].as_array_mut().unwrap().retain(|input| {
                let values = texts(&input["Values"]);
                let kept = !values.iter().any(|of_partition| of_partition == *value);
                if !kept {
                    let detail = json!({ "ErrorCode": code, "ErrorMessage": message });
                    errors.push(json!({ "PartitionValues": values, "ErrorDetail": detail }));
                }
                kept
            });
        }
        let reply = self.services.done("BatchCreatePartition", &body)?;
        errors.extend(reply["Errors"].as_array().into_iter().flatten().cloned());
        for input in body["PartitionInputList"].as_array().unwrap() {
            if !errors.iter().any(|error| error["PartitionValues"] == input["Values"]) {
                self.descriptors.insert(texts(&input["Values"]), input["StorageDescriptor"].clone());
            }
        }
        Ok(if errors.is_empty() { json!({}) } else { json!({ "Errors": errors }) })
    }
}

impl End {
    /// The status of a query that ends like this whatever it is, if it is one that does.
    fn status(self) -> Option<Value> {
        match self {
            Self::AsItShould => None,
            Self::Failed(reason, error) => {
                Some(json!({ "State": "FAILED", "StateChangeReason": reason, "AthenaError": error }))
            }
            Self::Cancelled => Some(json!({ "State": "CANCELLED" })),
            Self::Never => Some(json!({ "State": "RUNNING" })),
        }
    }
}

/// A table with all that partitions have from it.
fn dressed(mut reply: Value) -> Value {
    let descriptor = reply["Table"]["StorageDescriptor"].as_object_mut().unwrap();
    let more = json!({
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "Compressed": true,
        "NumberOfBuckets": -1,
        "Parameters": { "classification": "json" },
        "StoredAsSubDirectories": false,
    });
    descriptor.extend(more.as_object().unwrap().clone());
    descriptor["SerdeInfo"]["Parameters"] = json!({ "case.insensitive": "TRUE" });
    reply
}

/// An error in the words of the service that is asked.
fn refused(request: &Request, status: u16, code: &str, message: &str) -> Answer {
    if request.target.is_some() {
        return Answer::refusal(status, code, message);
    }
    xml(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

fn xml(status: u16, body: String) -> Answer {
    Answer::Reply { status, content_type: "application/xml", body }
}

/// The texts of a list of texts.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
