//! What is deployed, read from the deployment's own files.

mod delivery_stream;
mod samconfig;
mod template;

use crate::assumptions::{ACCOUNT, REGION};
use crate::catalog::{Column, Table};
use crate::firehose::DeliveryStream;
use firehose_transform::hive_type::HiveType;
use firehose_transform::transform::Transform;
use samconfig::SamConfig;
pub(crate) use samconfig::key_value;
use serde_json::Value;
use shared::layout::Capture;
use shared::variables::{ConfigError, Variables};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use template::{Template, scalar};

/// A sound deployment of the template: its functions, the delivery stream, the table, the queue.
#[derive(Debug)]
pub struct Deployment {
    /// The variables of both functions, which agree where both have one.
    pub variables: BTreeMap<String, String>,
    /// The transform function.
    pub transform: Transform,
    /// The partition maintainer, its table and its workgroup.
    pub maintainer_config: registrar::config::Config,
    /// The delivery stream.
    pub stream: DeliveryStream,
    /// The bucket that it writes to.
    pub bucket: String,
    /// The table's name, `database.table`.
    pub table_name: String,
    /// The table, without partitions.
    pub table: Table,
    /// How messages reach the maintainer.
    pub queue: Queue,
}

/// The queue between S3 and the maintainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Messages in one invocation, at most.
    pub batch_size: usize,
    /// Deliveries after which a message goes to the dead-letter queue.
    pub max_receive_count: u32,
}

/// Which deployment of which template.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The template's path; `samconfig.toml` stands beside it.
    pub template: PathBuf,
    /// The environment of `samconfig.toml`.
    pub config_env: String,
    /// Parameters of the template, over those of `samconfig.toml`.
    pub parameter_overrides: Vec<(String, String)>,
}

const TRANSFORM: &str = "FirehoseTransformFunction";
const MAINTAINER: &str = "PartitionMaintainerFunction";
const TABLE: &str = "AWS::Glue::Table";
const QUEUE: &str = "ObjectCreatedQueue";

/// What Lambda takes for all variables of a function together, in bytes.
const MOST_VARIABLES: usize = 4_096;

impl Deployment {
    /// Reads a deployment, or says everything that is wrong with its files.
    pub fn read(choice: &Choice) -> Result<Self, Vec<String>> {
        let (template, faults) = template_of(choice)?;
        let in_template = |fault: String| format!("`{}`: {fault}", choice.template.display());
        Self::of(&template, Faults(faults)).map_err(|faults| faults.into_iter().map(in_template).collect())
    }

    fn of(template: &Template, mut faults: Faults) -> Result<Self, Vec<String>> {
        let transform_variables = faults.keep(variables(template, TRANSFORM));
        let maintainer_variables = faults.keep(variables(template, MAINTAINER));
        let transform = transform_variables
            .clone()
            .and_then(|variables| faults.keep_all(firehose_transform::config::read(Variables::new(variables))));
        let maintainer = maintainer_variables
            .clone()
            .and_then(|variables| faults.keep_all(registrar::config::read(Variables::new(variables))));
        let stream = faults.keep(delivery_stream::read(template));
        let table = faults.keep(table(template));
        let queue = faults.keep(queue(template));
        let deployment = || {
            let (stream, bucket) = stream?;
            let (table_name, table) = table?;
            let (transform, maintainer_config) = (transform?, maintainer?);
            let variables = transform_variables?.into_iter().chain(maintainer_variables?).collect();
            Some(Self { variables, transform, maintainer_config, stream, bucket, table_name, table, queue: queue? })
        };
        match deployment() {
            Some(deployment) => {
                faults.0.extend(deployment.disagreements());
                if faults.0.is_empty() { Ok(deployment) } else { Err(faults.0) }
            }
            None => Err(faults.0),
        }
    }

    /// What the functions, the delivery stream and the table say differently of the same thing.
    fn disagreements(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, here: &str, there: &str| {
            if here != there {
                faults.push(format!("{what} differ: `{here}` and `{there}`"));
            }
        };
        let layout = self.transform.layout();
        let kept = &self.maintainer_config.maintainer;
        let prefix = layout.prefix().as_str();
        same("the prefixes of the delivery stream and of the transform function", self.stream.prefix.as_str(), prefix);
        same("the prefixes of the two functions", prefix, kept.layout.prefix().as_str());
        let of_stream = self.stream.error_prefix.prefix().as_str();
        let errors = layout.error_prefix().prefix().as_str();
        same("the error prefixes of the delivery stream and of the transform function", of_stream, errors);
        same("the error prefixes of the two functions", errors, kept.layout.error_prefix().prefix().as_str());
        same("the buckets of the delivery stream and of the maintainer", &self.bucket, &kept.bucket);
        same(
            "the tables of the template and of the maintainer",
            &self.table_name,
            &self.maintainer_config.table.to_string(),
        );
        let columns: Vec<&str> = layout.captures().iter().map(Capture::column).collect();
        let keys: Vec<&str> = self.table.partition_keys.iter().map(|key| key.name.as_str()).collect();
        same("the keys of the prefix and of the table", &columns.join(", "), &keys.join(", "));
        faults.extend(self.untyped_keys().chain(self.broken_contract()));
        faults
    }

    /// Partition keys of types that the maintainer does not write yet.
    fn untyped_keys(&self) -> impl Iterator<Item = String> {
        let others = self.table.partition_keys.iter().filter(|key| key.hive_type != "string");
        others.map(|Column { name, hive_type }| {
            format!("the partition key `{name}` of the table is of the type `{hive_type}`, expected `string`")
        })
    }

    /// Columns of the contract that the table has in another type, or not at all.
    fn broken_contract(&self) -> impl Iterator<Item = String> {
        self.transform.contract().columns().iter().filter_map(|column| {
            let (name, wanted) = (column.name(), column.hive_type().to_string());
            let mut all = self.table.columns.iter().chain(&self.table.partition_keys);
            match all.find(|candidate| candidate.name == name.to_lowercase()) {
                Some(found) if normal(&found.hive_type) == wanted => None,
                Some(found) => {
                    Some(format!("`{name}` is `{wanted}` in the contract and `{}` in the table", found.hive_type))
                }
                None => Some(format!("the table has no column for `{name}`, which the contract names")),
            }
        })
    }
}

/// What is wrong, each once: both functions have the layout, and say the same of it.
struct Faults(Vec<String>);

impl Faults {
    fn keep<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    fn keep_all<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| error.faults.iter().for_each(|fault| self.push(fault.to_string()))).ok()
    }

    fn push(&mut self, fault: String) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }
}

/// A type as [`HiveType`] writes it: `decimal(10, 2)` and `DECIMAL(10,2)` are one.
fn normal(hive_type: &str) -> String {
    match HiveType::parse_start(hive_type) {
        Ok((parsed, "")) => parsed.to_string(),
        _ => hive_type.to_owned(),
    }
}

/// The template with the parameters of one deployment, and what is wrong with those; or why it cannot be read at all.
fn template_of(choice: &Choice) -> Result<(Template, Vec<String>), Vec<String>> {
    let samconfig_path = choice.template.with_file_name("samconfig.toml");
    let texts = (text(&choice.template), text(&samconfig_path));
    let (template_text, samconfig_text) = match texts {
        (Ok(template), Ok(samconfig)) => (template, samconfig),
        (template, samconfig) => {
            return Err([template.err(), samconfig.err()].into_iter().flatten().collect());
        }
    };
    let samconfig = SamConfig::parse(&samconfig_text, &choice.config_env)
        .map_err(|fault| vec![format!("`{}`: {fault}", samconfig_path.display())])?;
    let mut parameters = samconfig.parameter_overrides.clone();
    parameters.extend(choice.parameter_overrides.iter().cloned());
    let pseudo_parameters = [
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Partition", "aws"),
        ("AWS::Region", samconfig.region.as_deref().unwrap_or(REGION)),
        ("AWS::StackName", &samconfig.stack_name),
        ("AWS::URLSuffix", "amazonaws.com"),
    ];
    Template::parse(&template_text, &pseudo_parameters, &parameters)
        .map_err(|fault| vec![format!("`{}`: {fault}", choice.template.display())])
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "`{}` does not exist, expected a SAM application (name its template with `--template`)",
                path.display()
            )
        }
        _ => format!("`{}`: {error}", path.display()),
    })
}

/// A function's own variables, over those of all functions.
fn variables(template: &Template, function: &str) -> Result<BTreeMap<String, String>, String> {
    const VARIABLES: &str = "/Environment/Variables";
    let (of_all, own) = (template.global(VARIABLES)?, template.property(function, VARIABLES)?);
    let own = own.as_object().ok_or_else(|| format!("`{function}` has no variables"))?;
    let all = of_all.as_object().into_iter().flatten().chain(own);
    let variables = all.map(|(name, value)| (name.clone(), scalar(value))).collect();
    // Lambda's message for what is too long shows the variables as JSON: that is what it measures.
    match serde_json::to_string(&variables).map_or(0, |json| json.len()) {
        bytes if bytes > MOST_VARIABLES => Err(format!(
            "`{function}`: its variables have {bytes} bytes as JSON, expected at most {MOST_VARIABLES}, which is Lambda's limit"
        )),
        _ => Ok(variables),
    }
}

/// The one table that is made, of all whose condition could hold.
fn table(template: &Template) -> Result<(String, Table), String> {
    let tables = template.resources_of_type(TABLE)?;
    let [resource] = tables.as_slice() else {
        return Err(format!("it makes {} resources of the type `{TABLE}`, expected one", tables.len()));
    };
    let database = scalar(&template.property(resource, "/DatabaseName")?);
    let input = template.property(resource, "/TableInput")?;
    let text = |path: &str| {
        input
            .pointer(path)
            .map(scalar)
            .ok_or_else(|| format!("`{resource}`: `TableInput{}` is missing", path.replace('/', ".")))
    };
    let columns = |path: &str| -> Result<Vec<Column>, String> {
        let list = input.pointer(path).and_then(Value::as_array);
        let list = list.ok_or_else(|| format!("`{resource}`: `TableInput{}` is not a list", path.replace('/', ".")))?;
        let column = |column: &Value| {
            Some(Column { name: scalar(column.get("Name")?).to_lowercase(), hive_type: scalar(column.get("Type")?) })
        };
        list.iter()
            .map(|c| column(c).ok_or_else(|| format!("`{resource}`: a column without `Name` or `Type`")))
            .collect()
    };
    let table = Table {
        location: text("/StorageDescriptor/Location")?,
        serialization_library: text("/StorageDescriptor/SerdeInfo/SerializationLibrary")?,
        columns: columns("/StorageDescriptor/Columns")?,
        partition_keys: columns("/PartitionKeys")?,
        partitions: BTreeMap::new(),
    };
    Ok((format!("{}.{}", database.to_lowercase(), text("/Name")?.to_lowercase()), table))
}

fn queue(template: &Template) -> Result<Queue, String> {
    let receives = scalar(&template.property(QUEUE, "/RedrivePolicy/maxReceiveCount")?);
    let batch = scalar(&template.property(MAINTAINER, "/Events/ObjectCreated/Properties/BatchSize")?);
    match (receives.parse(), batch.parse()) {
        (Ok(max_receive_count), Ok(batch_size)) if batch_size > 0 => Ok(Queue { batch_size, max_receive_count }),
        _ => Err(format!(
            "`{QUEUE}`: expected numbers as `maxReceiveCount` and `BatchSize`, got `{receives}` and `{batch}`"
        )),
    }
}
