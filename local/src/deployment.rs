//! What is deployed, read from the deployment's own files.

mod delivery_stream;
mod samconfig;
mod template;

use crate::assumptions::{ACCOUNT, REGION};
use crate::catalog::{Column, Table};
use crate::firehose::DeliveryStream;
use firehose_transform::hive_type::HiveType;
use firehose_transform::output::OutputFormat;
use firehose_transform::transform::Transform;
use registrar::table_name::TableName;
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
    /// The name of its stack.
    pub stack_name: String,
    /// The variables of both functions, which agree where both have one.
    pub variables: BTreeMap<String, String>,
    /// The transform function.
    pub transform: Transform,
    /// The partition maintainer, its table, and how it registers.
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

/// What a fault of a deployment is a fault of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The template's parameters.
    Parameters,
    /// The functions' variables.
    Variables,
    /// The delivery stream, so that it could not be read.
    DeliveryStream,
    /// What the delivery stream does and a run cannot show.
    NotModelled,
    /// The table.
    Table,
    /// The queue.
    Queue,
    /// What several of them say of the same thing.
    Agreement,
}

/// A deployment as its files have it, sound or not: properties with everything in them resolved, as far as they can be.
#[derive(Debug)]
pub(crate) struct Examined {
    /// All of the delivery stream.
    pub(crate) stream: Option<Value>,
    /// The ARN of the transform function, without a version.
    pub(crate) transform_arn: Option<String>,
    /// Seconds after which Lambda ends the transform function.
    pub(crate) transform_timeout: Option<Value>,
    /// The same of the maintainer.
    pub(crate) maintainer_timeout: Option<Value>,
    /// How the maintainer's function takes messages from the queue.
    pub(crate) mapping: Option<Value>,
    /// All of the queue.
    pub(crate) queue: Option<Value>,
    /// What S3 is to notify of.
    pub(crate) notifications: Option<Value>,
    /// The `TableInput` of the only table.
    pub(crate) table: Option<Value>,
    /// The variables of the transform function.
    pub(crate) variables: BTreeMap<String, String>,
    /// What reading it for a run has found.
    pub(crate) faults: Vec<(Part, String)>,
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
/// The database of the table, if the template makes one.
const DATABASE: &str = "GlueDatabase";
/// The table of what could not be delivered, which has no partitions.
const ERROR_TABLE: &str = "ErrorTable";
const QUEUE: &str = "ObjectCreatedQueue";
/// The bucket's logical name.
pub(crate) const BUCKET: &str = "DataBucket";

/// What Lambda takes for all variables of a function together, in bytes.
const MOST_VARIABLES: usize = 4_096;

impl Deployment {
    /// Reads a deployment, or says everything that is wrong with its files.
    pub fn read(choice: &Choice) -> Result<Self, Vec<String>> {
        let (template, faults) = template_of(choice)?;
        let in_template = |(_, fault): (Part, String)| format!("`{}`: {fault}", choice.template.display());
        match Self::of(&template, faults) {
            (Some(deployment), faults) if faults.is_empty() => Ok(deployment),
            (_, faults) => Err(faults.into_iter().map(in_template).collect()),
        }
    }

    /// Reads a deployment as far as that goes, and tells what is wrong with each part of it.
    fn of(template: &Template, mut faults: Faults) -> (Option<Self>, Vec<(Part, String)>) {
        let transform_variables = faults.keep(Part::Variables, variables(template, TRANSFORM));
        // A table that nobody registers partitions of, or that is there already, is right, but cannot be run here.
        let registers = faults.keep(Part::Variables, template.makes(MAINTAINER)) != Some(false);
        if !registers {
            faults.push(
                Part::NotModelled,
                format!("`{MAINTAINER}` is not made: partitions that nobody registers are not modelled here"),
            );
        }
        let maintainer_variables =
            registers.then(|| faults.keep(Part::Variables, variables(template, MAINTAINER))).flatten();
        let transform = transform_variables
            .clone()
            .and_then(|variables| faults.keep_all(firehose_transform::config::read(&mut Variables::new(variables))));
        let maintainer = maintainer_variables
            .clone()
            .and_then(|variables| faults.keep_all(registrar::config::read(&mut Variables::new(variables))));
        let stream = faults.keep(Part::DeliveryStream, delivery_stream::read(template));
        if let Some(fault) = stream.as_ref().and_then(|stream| stream.not_modelled.clone()) {
            faults.push(Part::NotModelled, fault);
        }
        let table = match template.makes(DATABASE) {
            Ok(false) => {
                faults.push(
                    Part::NotModelled,
                    format!("`{DATABASE}` is not made: a table that is there already is not modelled here"),
                );
                None
            }
            _ => faults.keep(Part::Table, table(template)),
        };
        let stream = stream.zip(table.as_ref()).and_then(|(stream, (name, table))| {
            faults.keep(Part::DeliveryStream, stream.with_schema(name, &table.columns))
        });
        let queue = registers.then(|| faults.keep(Part::Queue, queue(template))).flatten();
        let deployment = || {
            let delivery_stream::Read { stream, bucket, .. } = stream?;
            let (table_name, table) = table?;
            let (transform, maintainer_config) = (transform?, maintainer?);
            let variables = transform_variables?.into_iter().chain(maintainer_variables?).collect();
            let stack_name = template.pseudo_parameter("AWS::StackName");
            Some(Self {
                stack_name,
                variables,
                transform,
                maintainer_config,
                stream,
                bucket,
                table_name,
                table,
                queue: queue?,
            })
        };
        let deployment = deployment();
        for fault in deployment.iter().flat_map(Self::disagreements) {
            faults.push(Part::Agreement, fault);
        }
        (deployment, faults.0)
    }

    /// The same deployment with the names that its bucket and its table have in this region.
    pub(crate) fn named(mut self, region: String, bucket: String, table: Option<TableName>) -> Self {
        self.stream.region = region;
        self.maintainer_config.scope.bucket.clone_from(&bucket);
        self.bucket = bucket;
        if let Some(table) = table {
            self.table_name = table.to_string();
            self.maintainer_config.table = table;
        }
        self
    }

    /// What the functions, the delivery stream and the table say differently of the same thing.
    fn disagreements(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, here: &str, there: &str| {
            if here != there {
                faults.push(format!("{what} differ: `{here}` and `{there}`"));
            }
        };
        let layout = &self.transform.layout;
        let kept = &self.maintainer_config.scope;
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
        faults.extend(self.untyped_keys().chain(self.broken_contract()).chain(self.misread_csv()));
        faults
    }

    /// Partition keys of types that cannot tell partitions apart.
    fn untyped_keys(&self) -> impl Iterator<Item = String> {
        self.table.partition_columns().err().map(|error| error.to_string()).into_iter()
    }

    /// A contract whose columns are not the table's, in its order: CSV is read by place.
    fn misread_csv(&self) -> Option<String> {
        let written = self.transform.contract.columns().iter().map(|column| column.name().to_lowercase());
        let (written, read) = (written.collect::<Vec<_>>(), self.table.columns.iter().map(|column| &column.name));
        let differ = self.transform.output_format == OutputFormat::Csv && !written.iter().eq(read.clone());
        differ.then(|| {
            let read: Vec<_> = read.map(String::as_str).collect();
            format!(
                "the columns of the contract, as which `csv` is written, and of the table differ: `{}` and `{}`",
                written.join(", "),
                read.join(", ")
            )
        })
    }

    /// Columns of the contract that the table has in another type, or not at all.
    fn broken_contract(&self) -> impl Iterator<Item = String> {
        self.transform.contract.columns().iter().filter_map(|column| {
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

impl Examined {
    /// Reads a deployment as far as that goes, or says why its files cannot be read at all.
    pub(crate) fn read(choice: &Choice) -> Result<Self, Vec<String>> {
        let (template, faults) = template_of(choice)?;
        let (_, faults) = Deployment::of(&template, faults);
        let mut faults = Faults(faults);
        let transform_arn = faults.keep(Part::Variables, template.arn(TRANSFORM));
        let of_all = faults.keep(Part::Variables, template.global("/Timeout")).filter(|timeout| !timeout.is_null());
        // What is wrong with them has been told, as with the tables.
        let variables = variables(&template, TRANSFORM).unwrap_or_default();
        let mut resolved = |part, resource: &str, pointer: &str| {
            faults.keep(part, template.optional_property(resource, pointer)).flatten()
        };
        let stream = resolved(Part::DeliveryStream, delivery_stream::STREAM, "");
        let queue = resolved(Part::Queue, QUEUE, "");
        // Without a maintainer there are neither.
        let registers = template.makes(MAINTAINER) != Ok(false);
        let mapping =
            registers.then(|| resolved(Part::Queue, MAINTAINER, "/Events/ObjectCreated/Properties")).flatten();
        let notifications = resolved(Part::Queue, BUCKET, "/NotificationConfiguration");
        let tables = tables(&template).unwrap_or_default();
        let table = tables.first().and_then(|table| resolved(Part::Table, table, "/TableInput"));
        let mut timeout = |function: &str| resolved(Part::Variables, function, "/Timeout").or(of_all.clone());
        let (transform_timeout, maintainer_timeout) =
            (timeout(TRANSFORM), registers.then(|| timeout(MAINTAINER)).flatten());
        Ok(Self {
            stream,
            transform_arn,
            transform_timeout,
            maintainer_timeout,
            mapping,
            queue,
            notifications,
            table,
            variables,
            faults: faults.0,
        })
    }
}

/// The environments of the `samconfig.toml` beside a template, by name.
pub(crate) fn environments(template: &Path) -> Result<Vec<String>, Vec<String>> {
    let path = template.with_file_name("samconfig.toml");
    let file = text(&path).map_err(|fault| vec![fault])?;
    samconfig::environments(&file).map_err(|fault| vec![format!("`{}`: {fault}", path.display())])
}

/// What is wrong, each once: both functions have the layout, and say the same of it.
struct Faults(Vec<(Part, String)>);

impl Faults {
    fn keep<T>(&mut self, part: Part, result: Result<T, String>) -> Option<T> {
        result.map_err(|fault| self.push(part, fault)).ok()
    }

    fn keep_all<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| error.faults.iter().for_each(|fault| self.push(Part::Variables, fault.to_string()))).ok()
    }

    fn push(&mut self, part: Part, fault: String) {
        if !self.0.iter().any(|(_, known)| *known == fault) {
            self.0.push((part, fault));
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
fn template_of(choice: &Choice) -> Result<(Template, Faults), Vec<String>> {
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
    let (template, faults) = Template::parse(&template_text, &pseudo_parameters, &parameters)
        .map_err(|fault| vec![format!("`{}`: {fault}", choice.template.display())])?;
    Ok((template, Faults(faults.into_iter().map(|fault| (Part::Parameters, fault)).collect())))
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

/// The tables that are made, without that of what could not be delivered.
fn tables(template: &Template) -> Result<Vec<&str>, String> {
    let mut tables = template.resources_of_type(TABLE)?;
    tables.retain(|table| *table != ERROR_TABLE);
    Ok(tables)
}

/// The one table that is made, of all whose condition could hold.
fn table(template: &Template) -> Result<(String, Table), String> {
    let tables = tables(template)?;
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
    let serde_parameters = input.pointer("/StorageDescriptor/SerdeInfo/Parameters").and_then(Value::as_object);
    let serde_parameters = serde_parameters.into_iter().flatten().map(|(name, value)| (name.clone(), scalar(value)));
    let table = Table {
        location: text("/StorageDescriptor/Location")?,
        serialization_library: text("/StorageDescriptor/SerdeInfo/SerializationLibrary")?,
        serde_parameters: serde_parameters.collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firehose::Source;
    use std::collections::BTreeSet;

    const ENVIRONMENTS: [&str; 7] =
        ["default", "component-metrics", "store-inventory", "traffic", "counties", "access-logs", "syslog"];

    /// An environment of the project's own deployment, with parameters of its own.
    fn choice(config_env: &str, overrides: &[(&str, &str)]) -> Choice {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("template.yaml");
        let parameter_overrides = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Choice { template, config_env: config_env.into(), parameter_overrides }
    }

    /// An environment as it is.
    fn read(config_env: &str) -> Deployment {
        Deployment::read(&choice(config_env, &[])).unwrap()
    }

    #[test]
    fn each_environment_has_its_source_its_prefix_and_its_table() {
        let described = ENVIRONMENTS.map(|config_env| {
            let Deployment { stream, table_name, table, .. } = read(config_env);
            let source = match stream.source {
                Source::DirectPut => "direct PUT",
                Source::Kinesis { .. } => "Kinesis",
            };
            let keys: Vec<&str> = table.partition_keys.iter().map(|key| key.name.as_str()).collect();
            format!("{config_env}: {source} to {}, {table_name} by {}", stream.prefix.as_str(), keys.join(", "))
        });
        insta::assert_snapshot!(described.join("\n"), @"
        default: Kinesis to !{partitionKeyFromLambda:componentName}/, headgate.component_metrics by componentname
        component-metrics: Kinesis to !{partitionKeyFromLambda:componentName}/, headgate.component_metrics by componentname
        store-inventory: direct PUT to store-data/store_id=!{partitionKeyFromLambda:store_id}/!{partitionKeyFromLambda:year}/!{partitionKeyFromLambda:month}/!{partitionKeyFromLambda:day}/!{partitionKeyFromLambda:hour}/, conversion_db.conversion_table by store_id, year, month, day, hour
        traffic: direct PUT to traffic/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/, traffic.measurements by year, month, day, hour
        counties: Kinesis to data/year=!{partitionKeyFromLambda:year}/month=!{partitionKeyFromLambda:month}/date=!{partitionKeyFromLambda:date}/, counties.counties by year, month, date
        access-logs: direct PUT to logs/dt=!{partitionKeyFromLambda:dt}/, access_logs.requests by dt
        syslog: direct PUT to logs/dt=!{partitionKeyFromLambda:dt}/, syslog.messages by dt
        ");
    }

    #[test]
    fn each_environment_has_a_bucket_a_table_and_a_delivery_stream_of_its_own() {
        let names = |name: fn(Deployment) -> String| -> BTreeSet<String> {
            ENVIRONMENTS.iter().map(|config_env| name(read(config_env))).collect()
        };
        assert_eq!(names(|deployment| deployment.bucket).len(), ENVIRONMENTS.len() - 1);
        assert_eq!(names(|deployment| deployment.stream.name).len(), ENVIRONMENTS.len() - 1);
        let databases = names(|d| d.table_name.split('.').next().unwrap().to_owned());
        assert_eq!(databases.len(), ENVIRONMENTS.len() - 1);
    }

    #[test]
    fn the_queries_of_an_environment_are_variables_unharmed() {
        let variable = |config_env: &str, name: &str| {
            let (template, faults) = template_of(&choice(config_env, &[])).unwrap();
            assert_eq!(faults.0, []);
            variables(&template, TRANSFORM).unwrap().remove(name).unwrap()
        };
        insta::assert_snapshot!(variable("default", "RECORD_QUERY"), @".");
        insta::assert_snapshot!(variable("default", "PARTITION_QUERY"), @"");
        insta::assert_snapshot!(variable("store-inventory", "PARTITION_QUERY"), @r#"{store_id} + (.check_timestamp | {year: strftime("%Y"), month: strftime("%m"), day: strftime("%d"), hour: strftime("%H")})"#);
        insta::assert_snapshot!(variable("traffic", "RECORD_QUERY"), @r#"[] as $chosen | select($chosen == [] or (.unieke_id as $id | any($chosen[]; . == $id))) | select(.voertuigsnelheid_harmonisch_klasse2 | tostring | . != "252" and . != "254") | reduce ("1", "2", "3", "4", "5") as $class (.; if (.["voertuigsnelheid_harmonisch_klasse" + $class] | tostring) == "252" then del( .["verkeersintensiteit_klasse" + $class], .["voertuigsnelheid_rekenkundig_klasse" + $class], .["voertuigsnelheid_harmonisch_klasse" + $class]) else . end) | . + (del(.beschrijvende_id, .unieke_id) | map_values([tonumber?, .][0]))"#);
        insta::assert_snapshot!(variable("counties", "RECORD_QUERY"), @"del(.PK, .SK)");
        insta::assert_snapshot!(variable("counties", "PARTITION_QUERY"), @r#".createdAt | rfc3339 | {year: strftime("%Y"), month: strftime("%m"), date: strftime("%d")}"#);
        insta::assert_snapshot!(variable("access-logs", "RECORD_QUERY"), @r#". + {time: .["@timestamp_utc"]} | del(.["@timestamp"], .["@timestamp_utc"], .timezone)"#);
        insta::assert_snapshot!(variable("access-logs", "PARTITION_QUERY"), @"{dt: .time[:10]}");
        insta::assert_snapshot!(variable("syslog", "RECORD_QUERY"), @". + {time: .timestamp} | del(.timestamp, .structured_data)");
        insta::assert_snapshot!(variable("syslog", "PARTITION_QUERY"), @r#"{dt: (.time | rfc3339 | strftime("%Y-%m-%d"))}"#);
    }

    #[test]
    fn what_one_parameter_says_against_another() {
        let faults = |overrides: &[(&str, &str)]| {
            let faults = Deployment::read(&choice("default", overrides)).map(|_| ()).unwrap_err().join("\n");
            faults.replace(env!("CARGO_MANIFEST_DIR").strip_suffix("local").unwrap(), "")
        };
        insta::assert_snapshot!(faults(&[("System", "traffic")]), @"
        `template.yaml`: the keys of the prefix and of the table differ: `componentname` and `year, month, day, hour`
        `template.yaml`: the table has no column for `componentName`, which the contract names
        `template.yaml`: the table has no column for `fromTimestamp`, which the contract names
        `template.yaml`: the table has no column for `maxValue`, which the contract names
        `template.yaml`: the table has no column for `metricName`, which the contract names
        `template.yaml`: the table has no column for `minValue`, which the contract names
        `template.yaml`: the table has no column for `toTimestamp`, which the contract names
        `template.yaml`: the table has no column for `unit`, which the contract names
        ");
        insta::assert_snapshot!(faults(&[("DynamicPartitioning", "false")]), @"`template.yaml`: `DeliveryStream`: `Prefix` has a partition key, which Firehose refuses without dynamic partitioning");
        insta::assert_snapshot!(faults(&[("DynamicPartitioningRetrySeconds", "9000")]), @"
        `template.yaml`: the parameter `DynamicPartitioningRetrySeconds` is `9000`, expected at most 7200
        `template.yaml`: `DeliveryStream`: `DynamicPartitioningConfiguration.RetryOptions.DurationInSeconds` is `9000`, expected 0 to 7200
        ");
        insta::assert_snapshot!(faults(&[("S3Prefix", "!{timestamp:yyyy}/")]), @"`template.yaml`: `DeliveryStream`: `Prefix` has no partition key, which Firehose demands with dynamic partitioning");
        let contract = (0..110).map(|n| format!("field{n} int")).collect::<Vec<_>>().join(", ");
        let prefix = format!("{}!{{partitionKeyFromLambda:componentName}}/", "x".repeat(900));
        insta::assert_snapshot!(faults(&[("Contract", &contract), ("S3Prefix", &prefix), ("RecordQuery", &"x".repeat(1_900))]), @"`template.yaml`: `FirehoseTransformFunction`: its variables have 4488 bytes as JSON, expected at most 4096, which is Lambda's limit");
    }
}
