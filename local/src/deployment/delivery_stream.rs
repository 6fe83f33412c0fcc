//! The delivery stream of a template, held against the rules by which Firehose refuses one.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-enable.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesisfirehose-deliverystream.html>

mod conversion;

use super::template::{Template, scalar};
use crate::catalog::Column;
use crate::compression::Compression;
use crate::firehose::{DeliveryStream, Processor, Source, time};
use conversion::Unbound;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::prefix::{Element, Prefix};

/// The resource.
pub(super) const STREAM: &str = "DeliveryStream";

/// The type of a delivery stream that producers call; it is the one that counts where none is written.
const DIRECT_PUT: &str = "DirectPut";
/// The type of a delivery stream that reads a Kinesis stream.
const FROM_KINESIS: &str = "KinesisStreamAsSource";

/// A delivery stream as it was read.
pub(super) struct Read {
    /// All of it but for the schema of a conversion.
    pub(super) stream: DeliveryStream,
    conversion: Option<Unbound>,
    /// The name of the bucket that it writes to.
    pub(super) bucket: String,
    /// What Firehose would take, and is not modelled here: a run would be another.
    pub(super) not_modelled: Option<String>,
}

/// Reads the delivery stream.
pub(super) fn read(template: &Template) -> Result<Read, String> {
    let destination = Destination(template.property(STREAM, "/ExtendedS3DestinationConfiguration")?);
    let (prefix, error_prefix) = destination.prefixes()?;
    destination.check(&prefix)?;
    let not_modelled = destination.not_modelled(&prefix, &error_prefix);
    let stream = DeliveryStream {
        name: template.physical_name(STREAM)?,
        arn: template.arn(STREAM)?,
        region: template.pseudo_parameter("AWS::Region"),
        source: source(template)?,
        prefix,
        error_prefix,
        buffer_bytes: megabytes(destination.number("BufferingHints/SizeInMBs")?),
        buffer_milliseconds: milliseconds(destination.number("BufferingHints/IntervalInSeconds")?),
        extension: destination.extension()?,
        compression: destination.compression()?,
        conversion: None,
        processor: Processor {
            lambda_arn: destination
                .parameter("LambdaArn")
                .ok_or_else(|| fault("there is no processor of the type `Lambda`"))?,
            // Firehose's own defaults: 1 MB, 60 s, three retries.
            buffer_bytes: megabytes(destination.parameter_or("BufferSizeInMBs", 1.0)?),
            buffer_milliseconds: milliseconds(destination.parameter_or("BufferIntervalInSeconds", 60.0)?),
            retries: whole(destination.parameter_or("NumberOfRetries", 3.0)?),
        },
    };
    let conversion = destination.conversion(template)?;
    let bucket_arn = destination.required("BucketARN")?;
    let bucket = bucket_arn.rsplit(':').next().unwrap_or_default().to_owned();
    Ok(Read { stream, conversion, bucket, not_modelled })
}

impl Read {
    /// The same with the schema of its conversion, which is that of the template's table.
    pub(super) fn with_schema(mut self, table: &str, columns: &[Column]) -> Result<Self, String> {
        self.stream.conversion =
            self.conversion.take().map(|conversion| conversion.bind(table, columns)).transpose()?;
        Ok(self)
    }
}

/// Where the records come from, by the type of the delivery stream and the part that belongs to it.
fn source(template: &Template) -> Result<Source, String> {
    let kind = template
        .optional_property(STREAM, "/DeliveryStreamType")?
        .map_or_else(|| DIRECT_PUT.to_owned(), |kind| scalar(&kind));
    let kinesis = template.optional_property(STREAM, "/KinesisStreamSourceConfiguration")?;
    match (kind.as_str(), kinesis) {
        (DIRECT_PUT, None) => Ok(Source::DirectPut),
        (FROM_KINESIS, Some(kinesis)) => {
            let arn = kinesis.get("KinesisStreamARN").map(scalar);
            Ok(Source::Kinesis {
                arn: arn.ok_or_else(|| fault("`KinesisStreamSourceConfiguration.KinesisStreamARN` is missing"))?,
            })
        }
        (FROM_KINESIS, None) => {
            Err(fault(&format!("`KinesisStreamSourceConfiguration` is missing, which the type `{kind}` demands")))
        }
        (DIRECT_PUT, Some(_)) => {
            Err(fault(&format!("`KinesisStreamSourceConfiguration` is there, which the type `{kind}` refuses")))
        }
        _ => Err(fault(&format!(
            "`DeliveryStreamType` is `{kind}`, expected `{DIRECT_PUT}` or `{FROM_KINESIS}`: no other is modelled here"
        ))),
    }
}

/// The `ExtendedS3DestinationConfiguration`, resolved.
struct Destination(Value);

impl Destination {
    fn value(&self, path: &str) -> Option<&Value> {
        self.0.pointer(&format!("/{path}")).filter(|value| !value.is_null())
    }

    fn text(&self, path: &str) -> Option<String> {
        self.value(path).map(scalar)
    }

    fn required(&self, path: &str) -> Result<String, String> {
        self.text(path).ok_or_else(|| fault(&format!("`{}` is missing", dotted(path))))
    }

    fn number(&self, path: &str) -> Result<f64, String> {
        number(&dotted(path), &self.required(path)?)
    }

    /// Whether a part is switched on. What Firehose stores where `Enabled` is left out differs from part to part.
    fn is_enabled(&self, part: &str, if_left_out: bool) -> bool {
        let enabled = self.value(part).map(|part| part.get("Enabled").map(scalar));
        enabled.is_some_and(|enabled| enabled.map_or(if_left_out, |enabled| enabled == "true"))
    }

    /// How objects are compressed.
    fn compression(&self) -> Result<Compression, String> {
        let name = self.text("CompressionFormat").unwrap_or_else(|| Compression::default().name().to_owned());
        Compression::of_name(&name).ok_or_else(|| {
            let names = Compression::ALL.map(Compression::name).join("`, `");
            fault(&format!("`CompressionFormat` is `{name}`, expected one of `{names}`"))
        })
    }

    /// What the names of objects end in: what `FileExtension` says, or else Firehose's own.
    fn extension(&self) -> Result<String, String> {
        let own = if self.converts() { ".parquet" } else { self.compression()?.extension() };
        Ok(self.text("FileExtension").filter(|given| !given.is_empty()).unwrap_or_else(|| own.to_owned()))
    }

    /// A parameter of the Lambda processor.
    fn parameter(&self, wanted: &str) -> Option<String> {
        let processors = self.value("ProcessingConfiguration/Processors")?.as_array()?;
        let lambda = processors.iter().find(|processor| processor.get("Type").is_some_and(|kind| kind == "Lambda"))?;
        let parameters = lambda.get("Parameters")?.as_array()?;
        let parameter = parameters.iter().find(|p| p.get("ParameterName").is_some_and(|name| name == wanted))?;
        parameter.get("ParameterValue").map(scalar)
    }

    fn parameter_or(&self, wanted: &str, default: f64) -> Result<f64, String> {
        self.parameter(wanted).map_or(Ok(default), |text| number(wanted, &text))
    }

    /// Refuses a number beyond its limits, if it is there.
    fn within(&self, path: &str, least: u32, most: u32, why: &str) -> Result<(), String> {
        let Some(text) = self.text(path) else { return Ok(()) };
        let name = dotted(path);
        if (f64::from(least)..=f64::from(most)).contains(&number(&name, &text)?) {
            return Ok(());
        }
        Err(fault(&format!("`{name}` is `{text}`, expected {least} to {most}{why}")))
    }

    fn prefixes(&self) -> Result<(Prefix, ErrorPrefix), String> {
        let text = self.required("Prefix")?;
        let prefix = Prefix::parse(&text).map_err(|error| fault(&format!("`Prefix` is `{text}`: {error}")))?;
        let text = self.required("ErrorOutputPrefix")?;
        let error_prefix =
            ErrorPrefix::parse(&text).map_err(|error| fault(&format!("`ErrorOutputPrefix` is `{text}`: {error}")))?;
        Ok((prefix, error_prefix))
    }

    /// What Firehose would refuse, and queries, without which there is no layout.
    fn check(&self, prefix: &Prefix) -> Result<(), String> {
        if !self.is_enabled("ProcessingConfiguration", false) {
            return Err(fault(
                "`ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called",
            ));
        }
        let has = |wanted: fn(&Element) -> bool| prefix.elements().iter().any(wanted);
        if has(|element| matches!(element, Element::KeyFromQuery(_))) {
            return Err(fault("`Prefix` has a `partitionKeyFromQuery`: queries of Firehose are not modelled here"));
        }
        let dynamic = self.is_enabled("DynamicPartitioningConfiguration", false);
        match (dynamic, has(|element| matches!(element, Element::KeyFromLambda(_)))) {
            (true, false) => {
                return Err(fault("`Prefix` has no partition key, which Firehose demands with dynamic partitioning"));
            }
            (false, true) => {
                return Err(fault("`Prefix` has a partition key, which Firehose refuses without dynamic partitioning"));
            }
            _ => {}
        }
        let (megabytes, seconds, why) =
            if dynamic { (64, 60, ", which dynamic partitioning demands") } else { (1, 0, "") };
        self.within("BufferingHints/SizeInMBs", megabytes, 128, why)?;
        self.within("BufferingHints/IntervalInSeconds", seconds, 900, why)?;
        self.within("DynamicPartitioningConfiguration/RetryOptions/DurationInSeconds", 0, 7_200, "")?;
        Ok(())
    }

    fn not_modelled(&self, prefix: &Prefix, error_prefix: &ErrorPrefix) -> Option<String> {
        if let Some(zone) = self.text("CustomTimeZone").filter(|zone| zone != "UTC") {
            return Some(fault(&format!("`CustomTimeZone` is `{zone}`, expected `UTC`: no other is modelled here")));
        }
        if let Some(fault) = self.not_converted() {
            return Some(fault);
        }
        [prefix, error_prefix.prefix()]
            .into_iter()
            .find_map(|prefix| time::check(prefix).err().map(|error| fault(&error)))
    }
}

fn fault(problem: &str) -> String {
    format!("`{STREAM}`: {problem}")
}

fn dotted(path: &str) -> String {
    path.replace('/', ".")
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| fault(&format!("`{name}` is `{text}`, expected a number")))
}

fn megabytes(number: f64) -> usize {
    whole(number * 1_048_576.0) as usize
}

fn milliseconds(seconds: f64) -> i64 {
    i64::from(whole(seconds * 1_000.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut to the range of its target"
)]
fn whole(number: f64) -> u32 {
    number as u32
}
