//! What is deployed, read from the deployment's own files.

mod samconfig;
mod template;

use crate::assumptions::{ACCOUNT, REGION};
use crate::catalog::{Column, Table};
use crate::firehose::time;
use crate::firehose::{DeliveryStream, Processor, Source};
use firehose_transform::transform::Transform;
use samconfig::SamConfig;
pub(crate) use samconfig::key_value;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::layout::Capture;
use shared::prefix::Prefix;
use shared::variables::{ConfigError, Variables};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use template::Template;

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
const STREAM: &str = "DeliveryStream";
const TABLE: &str = "GlueTable";
const QUEUE: &str = "ObjectCreatedQueue";

impl Deployment {
    /// Reads a deployment, or says everything that is wrong with its files.
    pub fn read(choice: &Choice) -> Result<Self, Vec<String>> {
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
        let in_template = |fault: String| format!("`{}`: {fault}", choice.template.display());
        let mut parameters = samconfig.parameter_overrides.clone();
        parameters.extend(choice.parameter_overrides.iter().cloned());
        let pseudo_parameters = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", samconfig.region.as_deref().unwrap_or(REGION)),
            ("AWS::StackName", &samconfig.stack_name),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        let template = Template::parse(&template_text, &pseudo_parameters, &parameters)
            .map_err(|faults| faults.into_iter().map(in_template).collect::<Vec<_>>())?;
        Self::of(&template).map_err(|faults| faults.into_iter().map(in_template).collect())
    }

    fn of(template: &Template) -> Result<Self, Vec<String>> {
        let mut faults = Faults::default();
        let transform_variables = faults.keep(variables(template, TRANSFORM).map_err(|fault| [fault]));
        let maintainer_variables = faults.keep(variables(template, MAINTAINER).map_err(|fault| [fault]));
        let transform = transform_variables.clone().and_then(|variables| {
            faults.keep(firehose_transform::config::read(Variables::new(variables)).map_err(|error| told(&error)))
        });
        let maintainer = maintainer_variables.clone().and_then(|variables| {
            faults.keep(registrar::config::read(Variables::new(variables)).map_err(|error| told(&error)))
        });
        let stream = faults.keep(delivery_stream(template).map_err(|fault| [fault]));
        let table = faults.keep(table(template).map_err(|fault| [fault]));
        let queue = faults.keep(queue(template).map_err(|fault| [fault]));
        let deployment = || {
            let (stream, bucket) = stream?;
            let (table_name, table) = table?;
            let (transform, maintainer_config) = (transform?, maintainer?);
            let variables = transform_variables?.into_iter().chain(maintainer_variables?).collect();
            Some(Self { variables, transform, maintainer_config, stream, bucket, table_name, table, queue: queue? })
        };
        let deployment = deployment().ok_or(faults.0)?;
        let disagreements = deployment.disagreements();
        if disagreements.is_empty() { Ok(deployment) } else { Err(disagreements) }
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
        same("the buckets of the delivery stream and of the maintainer", &self.bucket, &kept.bucket);
        same(
            "the tables of the template and of the maintainer",
            &self.table_name,
            &self.maintainer_config.table.to_string(),
        );
        let columns: Vec<&str> = layout.captures().iter().map(Capture::column).collect();
        let keys: Vec<&str> = self.table.partition_keys.iter().map(|key| key.name.as_str()).collect();
        same("the keys of the prefix and of the table", &columns.join(", "), &keys.join(", "));
        faults
    }
}

/// What is wrong, each once: both functions have the layout, and say the same of it.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn keep<T>(&mut self, result: Result<T, impl IntoIterator<Item = String>>) -> Option<T> {
        let more = match result {
            Ok(right) => return Some(right),
            Err(more) => more,
        };
        for fault in more {
            if !self.0.contains(&fault) {
                self.0.push(fault);
            }
        }
        None
    }
}

fn told(error: &ConfigError) -> Vec<String> {
    error.faults.iter().map(ToString::to_string).collect()
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "`{}` is not there, expected a SAM application (name its template with `--template`)",
                path.display()
            )
        }
        _ => format!("`{}`: {error}", path.display()),
    })
}

fn variables(template: &Template, function: &str) -> Result<BTreeMap<String, String>, String> {
    let variables = template.property(function, "/Environment/Variables")?;
    let variables = variables.as_object().ok_or_else(|| format!("`{function}` has no variables"))?;
    Ok(variables.iter().map(|(name, value)| (name.clone(), scalar(value))).collect())
}

/// A number may stand where CloudFormation takes text, and the other way round.
fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn delivery_stream(template: &Template) -> Result<(DeliveryStream, String), String> {
    let name = template.physical_name(STREAM)?;
    let of_stream = |problem: String| format!("`{STREAM}`: {problem}");
    let destination = template.property(STREAM, "/ExtendedS3DestinationConfiguration")?;
    let text = |path: &str| {
        let value = destination.pointer(path).filter(|value| !value.is_null());
        value.map(scalar).ok_or_else(|| of_stream(format!("`{}` is not there", &path.replace('/', "."))))
    };
    let number = |path: &str| {
        let text = text(path)?;
        text.parse::<f64>()
            .map_err(|_| of_stream(format!("`{}` is `{text}`, expected a number", path.replace('/', "."))))
    };
    let parameter = |wanted: &str| {
        let processors = destination.pointer("/ProcessingConfiguration/Processors").and_then(Value::as_array)?;
        let lambda = processors.iter().find(|processor| processor.get("Type").is_some_and(|kind| kind == "Lambda"))?;
        let parameters = lambda.get("Parameters")?.as_array()?;
        let parameter = parameters.iter().find(|p| p.get("ParameterName").is_some_and(|name| name == wanted))?;
        parameter.get("ParameterValue").map(scalar)
    };
    let parameter_or = |wanted: &str, default: f64| match parameter(wanted) {
        None => Ok(default),
        Some(text) => text.parse::<f64>().map_err(|_| of_stream(format!("`{wanted}` is `{text}`, expected a number"))),
    };
    for (name, expected) in [("CompressionFormat", "UNCOMPRESSED"), ("CustomTimeZone", "UTC")] {
        if let Ok(found) = text(&format!("/{name}"))
            && found != expected
        {
            return Err(of_stream(format!("`{name}` is `{found}`, of which only `{expected}` is modelled here")));
        }
    }
    if destination.pointer("/DataFormatConversionConfiguration/Enabled").is_some_and(|enabled| enabled == true) {
        return Err(of_stream("`DataFormatConversionConfiguration` is not modelled here".to_owned()));
    }
    let bucket_arn = text("/BucketARN")?;
    let bucket = bucket_arn.rsplit(':').next().unwrap_or_default().to_owned();
    let source_arn = template.property(STREAM, "/KinesisStreamSourceConfiguration/KinesisStreamARN").ok();
    let prefix_text = text("/Prefix")?;
    let prefix =
        Prefix::parse(&prefix_text).map_err(|error| of_stream(format!("`Prefix` is `{prefix_text}`: {error}")))?;
    let error_text = text("/ErrorOutputPrefix")?;
    let error_prefix = ErrorPrefix::parse(&error_text)
        .map_err(|error| of_stream(format!("`ErrorOutputPrefix` is `{error_text}`: {error}")))?;
    for prefix in [&prefix, error_prefix.prefix()] {
        time::check(prefix).map_err(of_stream)?;
    }
    let stream = DeliveryStream {
        arn: template.arn(STREAM)?,
        region: template.pseudo_parameter("AWS::Region"),
        source: source_arn.as_ref().map_or(Source::DirectPut, |arn| Source::Kinesis { arn: scalar(arn) }),
        prefix,
        error_prefix,
        buffer_bytes: megabytes(number("/BufferingHints/SizeInMBs")?),
        buffer_milliseconds: seconds(number("/BufferingHints/IntervalInSeconds")?),
        extension: text("/FileExtension").unwrap_or_default(),
        processor: Processor {
            lambda_arn: parameter("LambdaArn")
                .ok_or_else(|| of_stream("there is no processor of the type `Lambda`".to_owned()))?,
            // Firehose's own defaults: 1 MB, 60 s, three retries.
            buffer_bytes: megabytes(parameter_or("BufferSizeInMBs", 1.0)?),
            buffer_milliseconds: seconds(parameter_or("BufferIntervalInSeconds", 60.0)?),
            retries: whole(parameter_or("NumberOfRetries", 3.0)?),
        },
        name,
    };
    Ok((stream, bucket))
}

fn megabytes(number: f64) -> usize {
    whole(number * 1_048_576.0) as usize
}

fn seconds(number: f64) -> i64 {
    i64::from(whole(number * 1_000.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut to the range of its target"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

fn table(template: &Template) -> Result<(String, Table), String> {
    let database = scalar(&template.property(TABLE, "/DatabaseName")?);
    let input = template.property(TABLE, "/TableInput")?;
    let text = |path: &str| {
        input
            .pointer(path)
            .map(scalar)
            .ok_or_else(|| format!("`{TABLE}`: `TableInput{}` is not there", path.replace('/', ".")))
    };
    let columns = |path: &str| -> Result<Vec<Column>, String> {
        let list = input.pointer(path).and_then(Value::as_array);
        let list = list.ok_or_else(|| format!("`{TABLE}`: `TableInput{}` is no list", path.replace('/', ".")))?;
        let column = |column: &Value| {
            Some(Column { name: scalar(column.get("Name")?).to_lowercase(), hive_type: scalar(column.get("Type")?) })
        };
        list.iter().map(|c| column(c).ok_or_else(|| format!("`{TABLE}`: a column without `Name` or `Type`"))).collect()
    };
    let table = Table {
        location: text("/StorageDescriptor/Location")?,
        serialization_library: text("/StorageDescriptor/SerdeInfo/SerializationLibrary")?,
        columns: columns("/StorageDescriptor/Columns")?,
        partition_keys: columns("/PartitionKeys")?,
        partitions: Vec::new(),
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
