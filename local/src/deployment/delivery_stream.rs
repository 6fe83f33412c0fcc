//! The delivery stream of a template, held against the rules by which Firehose refuses one.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-enable.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesisfirehose-deliverystream.html>

mod conversion;

use super::template::{Template, scalar};
use crate::assumptions::ACTIVE_PARTITIONS;
use crate::catalog::Column;
use crate::compression::Compression;
use crate::firehose::{DeAggregation, DeliveryStream, Processor, Source, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conversion::Unbound;
use firehose_transform::query::Query;
use jiff::tz::TimeZone;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::prefix::{Element, Prefix};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The resource.
pub(super) const STREAM: &str = "DeliveryStream";

/// The type of a delivery stream that producers call; it is the one that counts where none is written.
const DIRECT_PUT: &str = "DirectPut";
/// The type of a delivery stream that reads a Kinesis stream.
const FROM_KINESIS: &str = "KinesisStreamAsSource";

/// The types of processors that are modelled.
const LAMBDA: &str = "Lambda";
const DE_AGGREGATION: &str = "RecordDeAggregation";
const EXTRACTION: &str = "MetadataExtraction";
const APPEND_DELIMITER: &str = "AppendDelimiterToRecord";
/// Those that are not.
const NOT_MODELLED: [&str; 2] = ["Decompression", "CloudWatchLogProcessing"];

/// The only language of queries.
const QUERY_ENGINE: &str = "JQ-1.6";

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
        // One that is not known is not modelled.
        time_zone: destination.time_zone().unwrap_or(TimeZone::UTC),
        active_partitions: destination.is_dynamic().then_some(ACTIVE_PARTITIONS),
        buffer_bytes: megabytes(destination.number("BufferingHints/SizeInMBs")?),
        buffer_milliseconds: milliseconds(destination.number("BufferingHints/IntervalInSeconds")?),
        extension: destination.extension()?,
        compression: destination.compression()?,
        conversion: None,
        de_aggregation: destination.de_aggregation()?,
        processor: destination.lambda()?,
        extraction: destination.extraction()?,
        appends_delimiter: destination.processor(APPEND_DELIMITER).is_some(),
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

    fn is_dynamic(&self) -> bool {
        self.is_enabled("DynamicPartitioningConfiguration", false)
    }

    /// The zone of its times, if Firehose knows it; UTC, if none is named.
    fn time_zone(&self) -> Option<TimeZone> {
        match self.text("CustomTimeZone").filter(|zone| !zone.is_empty()) {
            None => Some(TimeZone::UTC),
            Some(zone) => time::zone(&zone),
        }
    }

    /// The types of all processors. Their order is of no effect.
    fn processor_types(&self) -> Vec<String> {
        let processors = self.value("ProcessingConfiguration/Processors").and_then(Value::as_array);
        let kind = |processor: &Value| processor.get("Type").map(scalar).unwrap_or_default();
        processors.into_iter().flatten().map(kind).collect()
    }

    /// The processor of this type.
    fn processor(&self, kind: &str) -> Option<&Value> {
        let mut processors = self.value("ProcessingConfiguration/Processors")?.as_array()?.iter();
        processors.find(|processor| processor.get("Type").is_some_and(|found| found == kind))
    }

    /// The processor that calls the function.
    fn lambda(&self) -> Result<Processor, String> {
        let number_or =
            |name: &str, default: f64| self.parameter(LAMBDA, name).map_or(Ok(default), |text| number(name, &text));
        Ok(Processor {
            lambda_arn: self
                .parameter(LAMBDA, "LambdaArn")
                .ok_or_else(|| fault(&format!("there is no processor of the type `{LAMBDA}`")))?,
            // Firehose's own defaults: 1 MB, 60 s, three retries.
            buffer_bytes: megabytes(number_or("BufferSizeInMBs", 1.0)?),
            buffer_milliseconds: milliseconds(number_or("BufferIntervalInSeconds", 60.0)?),
            retries: whole(number_or("NumberOfRetries", 3.0)?),
        })
    }

    /// How records are taken apart that hold several.
    fn de_aggregation(&self) -> Result<Option<DeAggregation>, String> {
        if self.processor(DE_AGGREGATION).is_none() {
            return Ok(None);
        }
        let parameter = |name: &str| {
            let missing = || fault(&format!("a processor of the type `{DE_AGGREGATION}` has no `{name}`"));
            self.parameter(DE_AGGREGATION, name).ok_or_else(missing)
        };
        match parameter("SubRecordType")?.as_str() {
            "JSON" => Ok(Some(DeAggregation::Json)),
            "DELIMITED" => {
                let delimiter = parameter("Delimiter")?;
                match STANDARD.decode(&delimiter) {
                    Ok(bytes) if !bytes.is_empty() => Ok(Some(DeAggregation::Delimited(bytes))),
                    _ => Err(fault(&format!("the parameter `Delimiter` is `{delimiter}`, expected it in base64"))),
                }
            }
            other => Err(fault(&format!("the parameter `SubRecordType` is `{other}`, expected `JSON` or `DELIMITED`"))),
        }
    }

    /// The query that makes partition keys.
    fn extraction(&self) -> Result<Option<Rc<Query>>, String> {
        let Some(text) = self.parameter(EXTRACTION, "MetadataExtractionQuery") else { return Ok(None) };
        let engine = self.parameter(EXTRACTION, "JsonParsingEngine").unwrap_or_default();
        if engine != QUERY_ENGINE {
            return Err(fault(&format!("the parameter `JsonParsingEngine` is `{engine}`, expected `{QUERY_ENGINE}`")));
        }
        let query = Query::compile(&text, &[])
            .map_err(|error| fault(&format!("the parameter `MetadataExtractionQuery` is `{text}`: {error}")))?;
        Ok(Some(Rc::new(query)))
    }

    /// A parameter of the processor of this type.
    fn parameter(&self, kind: &str, wanted: &str) -> Option<String> {
        let parameters = self.processor(kind)?.get("Parameters")?.as_array()?;
        let parameter = parameters.iter().find(|p| p.get("ParameterName").is_some_and(|name| name == wanted))?;
        parameter.get("ParameterValue").map(scalar)
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

    /// What Firehose would refuse.
    fn check(&self, prefix: &Prefix) -> Result<(), String> {
        if !self.is_enabled("ProcessingConfiguration", false) {
            return Err(fault(
                "`ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called",
            ));
        }
        let known = [LAMBDA, DE_AGGREGATION, EXTRACTION, APPEND_DELIMITER].into_iter().chain(NOT_MODELLED);
        let known: Vec<&str> = known.collect();
        if let Some(unknown) = self.processor_types().iter().find(|kind| !known.contains(&kind.as_str())) {
            let known = known.join("`, `");
            return Err(fault(&format!("a processor is of the type `{unknown}`, expected one of `{known}`")));
        }
        let has = |wanted: fn(&Element) -> bool| prefix.elements().iter().any(wanted);
        let of_query = has(|element| matches!(element, Element::KeyFromQuery(_)));
        self.check_keys_of_query(prefix)?;
        let dynamic = self.is_dynamic();
        match (dynamic, of_query || has(|element| matches!(element, Element::KeyFromLambda(_)))) {
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

    /// The keys that the query makes, if that can be told from its text, are those of the prefix.
    fn check_keys_of_query(&self, prefix: &Prefix) -> Result<(), String> {
        let wanted = prefix.elements().iter().filter_map(|element| match element {
            Element::KeyFromQuery(key) => Some(key.as_str()),
            _ => None,
        });
        let wanted: BTreeSet<&str> = wanted.collect();
        let made = match self.extraction()? {
            Some(query) => query.object_names(),
            None if wanted.is_empty() => return Ok(()),
            None => {
                return Err(fault("`Prefix` has a `partitionKeyFromQuery`, expected a `MetadataExtractionQuery`"));
            }
        };
        let made: Option<BTreeSet<&str>> = made.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let shown = |keys: BTreeSet<&str>| keys.into_iter().collect::<Vec<_>>().join(", ");
        match made {
            Some(made) if made != wanted => {
                Err(fault(&format!("`MetadataExtractionQuery` makes `{}`, expected `{}`", shown(made), shown(wanted))))
            }
            _ => Ok(()),
        }
    }

    fn not_modelled(&self, prefix: &Prefix, error_prefix: &ErrorPrefix) -> Option<String> {
        if let Some(found) = self.text("CustomTimeZone").filter(|_| self.time_zone().is_none()) {
            return Some(fault(&format!("`CustomTimeZone` is `{found}`, expected one that Firehose knows")));
        }
        if let Some(found) = self.processor_types().iter().find(|kind| NOT_MODELLED.contains(&kind.as_str())) {
            return Some(fault(&format!("a processor of the type `{found}` is not modelled here")));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firehose::DeAggregation;
    use serde_json::json;

    /// A destination with dynamic partitioning and these processors beside the one that calls the function.
    fn destination(prefix: &str, processors: &Value) -> (Destination, Prefix) {
        let mut all = vec![json!({
            "Type": "Lambda",
            "Parameters": [{ "ParameterName": "LambdaArn", "ParameterValue": "arn" }],
        })];
        all.extend(processors.as_array().unwrap().iter().cloned());
        let value = json!({
            "Prefix": prefix,
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "DynamicPartitioningConfiguration": { "Enabled": true },
            "ProcessingConfiguration": { "Enabled": true, "Processors": all },
        });
        (Destination(value), Prefix::parse(prefix).unwrap())
    }

    fn processor(kind: &str, parameters: &[(&str, &str)]) -> Value {
        let parameter = |(name, value): &(&str, &str)| json!({ "ParameterName": name, "ParameterValue": value });
        json!({ "Type": kind, "Parameters": parameters.iter().map(parameter).collect::<Vec<_>>() })
    }

    const LAMBDA_PREFIX: &str = "k=!{partitionKeyFromLambda:k}/";
    const QUERY_PREFIX: &str = "k=!{partitionKeyFromQuery:k}/";

    #[test]
    fn records_are_taken_apart_as_the_processor_says() {
        let de_aggregation = |parameters: &[(&str, &str)]| {
            let processors = json!([processor("RecordDeAggregation", parameters)]);
            destination(LAMBDA_PREFIX, &processors).0.de_aggregation()
        };
        assert_eq!(de_aggregation(&[("SubRecordType", "JSON")]), Ok(Some(DeAggregation::Json)));
        assert_eq!(
            de_aggregation(&[("SubRecordType", "DELIMITED"), ("Delimiter", "IyMjIw==")]),
            Ok(Some(DeAggregation::Delimited(b"####".to_vec())))
        );
        let message = |parameters: &[(&str, &str)]| de_aggregation(parameters).unwrap_err();
        insta::assert_snapshot!(message(&[]), @"`DeliveryStream`: a processor of the type `RecordDeAggregation` has no `SubRecordType`");
        insta::assert_snapshot!(message(&[("SubRecordType", "CSV")]), @"`DeliveryStream`: the parameter `SubRecordType` is `CSV`, expected `JSON` or `DELIMITED`");
        insta::assert_snapshot!(message(&[("SubRecordType", "DELIMITED")]), @"`DeliveryStream`: a processor of the type `RecordDeAggregation` has no `Delimiter`");
        insta::assert_snapshot!(message(&[("SubRecordType", "DELIMITED"), ("Delimiter", "####")]), @"`DeliveryStream`: the parameter `Delimiter` is `####`, expected it in base64");
    }

    #[test]
    fn keys_of_a_query_are_those_of_the_prefix() {
        let check = |prefix: &str, parameters: &[(&str, &str)]| {
            let (destination, prefix) = destination(prefix, &json!([processor("MetadataExtraction", parameters)]));
            destination.check(&prefix)
        };
        let (query, engine) = (("MetadataExtractionQuery", "{k: .a}"), ("JsonParsingEngine", "JQ-1.6"));
        assert_eq!(check(QUERY_PREFIX, &[query, engine]), Ok(()));
        let message = |prefix: &str, parameters: &[(&str, &str)]| check(prefix, parameters).unwrap_err();
        insta::assert_snapshot!(message(QUERY_PREFIX, &[]), @"`DeliveryStream`: `Prefix` has a `partitionKeyFromQuery`, expected a `MetadataExtractionQuery`");
        insta::assert_snapshot!(message(QUERY_PREFIX, &[query]), @"`DeliveryStream`: the parameter `JsonParsingEngine` is ``, expected `JQ-1.6`");
        insta::assert_snapshot!(message(QUERY_PREFIX, &[("MetadataExtractionQuery", "{k: .a"), engine]), @"`DeliveryStream`: the parameter `MetadataExtractionQuery` is `{k: .a`: expected closing brace at line 1, column 7");
        insta::assert_snapshot!(message(QUERY_PREFIX, &[("MetadataExtractionQuery", "{k: .a, j: .b}"), engine]), @"`DeliveryStream`: `MetadataExtractionQuery` makes `j, k`, expected `k`");
        insta::assert_snapshot!(message(LAMBDA_PREFIX, &[query, engine]), @"`DeliveryStream`: `MetadataExtractionQuery` makes `k`, expected ``");
    }

    #[test]
    fn processors_that_are_not_modelled_or_not_known_are_named() {
        let beside = |kind: &str| {
            let (destination, prefix) = destination(LAMBDA_PREFIX, &json!([processor(kind, &[])]));
            let error_prefix = ErrorPrefix::parse("errors/").unwrap();
            destination.check(&prefix).map(|()| destination.not_modelled(&prefix, &error_prefix))
        };
        assert_eq!(beside("AppendDelimiterToRecord"), Ok(None));
        insta::assert_snapshot!(beside("Decompression").unwrap().unwrap(), @"`DeliveryStream`: a processor of the type `Decompression` is not modelled here");
        insta::assert_snapshot!(beside("CloudWatchLogProcessing").unwrap().unwrap(), @"`DeliveryStream`: a processor of the type `CloudWatchLogProcessing` is not modelled here");
        insta::assert_snapshot!(beside("Filter").unwrap_err(), @"`DeliveryStream`: a processor is of the type `Filter`, expected one of `Lambda`, `RecordDeAggregation`, `MetadataExtraction`, `AppendDelimiterToRecord`, `Decompression`, `CloudWatchLogProcessing`");
    }

    #[test]
    fn time_zones_are_those_of_firehose() {
        let zone = |name: &str| {
            let (mut destination, _) = destination(LAMBDA_PREFIX, &json!([]));
            destination.0["CustomTimeZone"] = name.into();
            destination.time_zone().and_then(|zone| zone.iana_name().map(str::to_owned))
        };
        assert_eq!(zone("Europe/Brussels").as_deref(), Some("Europe/Brussels"));
        assert_eq!((zone("").as_deref(), zone("UTC").as_deref(), zone("CET")), (Some("UTC"), Some("UTC"), None));
    }
}
