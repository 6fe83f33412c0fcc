//! Error objects, as Firehose writes them: one JSON object a line, each with a record that it could not deliver.
//!
//! What AWS documents and what is found in S3 differ in the names of members: `lambdaArn` and `lambdaARN`, `errorCode`,
//! `lastErrorCode` and `ErrorCode`, with numbers as numbers or as text. All of them are read.
//!
//! <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html>,
//! <https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::io::{self, BufRead, BufReader, Read};
use thiserror::Error;

/// What a line of an error object tells of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorLine {
    /// The record, as it came to the stream.
    pub data: Vec<u8>,
    /// Which part of Firehose failed, as far as the line tells.
    pub error_type: Option<&'static str>,
    /// The error's code; empty if there is none.
    pub code: String,
    /// The error's message; empty if there is none.
    pub message: String,
    /// How often Firehose tried.
    pub attempts: Option<i64>,
    /// When the record came, in milliseconds since 1970.
    pub arrival: Option<i64>,
}

/// Why a line tells of no record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum LineFault {
    /// It is not JSON.
    #[error("not JSON, expected an object with `rawData`")]
    NotJson,
    /// It is JSON of another kind.
    #[error("{0}, expected an object with `rawData`")]
    NotObject(&'static str),
    /// The record is not there.
    #[error("there is no `rawData`, expected the record in base64")]
    NoData,
    /// The record is not text.
    #[error("`rawData` is {0}, expected the record in base64")]
    DataNotText(&'static str),
    /// The record is not base64.
    #[error("`rawData` is not base64")]
    NotBase64,
    /// It is longer than that of any record.
    #[error("longer than {LONGEST_LINE} bytes, expected a line of an error object")]
    TooLong,
}

/// The values of `!{firehose:error-output-type}`: those that AWS lists, and those that are found in S3 beside them.
///
/// <https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html>
pub const ERROR_TYPES: [&str; 8] = [
    PROCESSING,
    METADATA_EXTRACTION,
    "activePartitionExceeded",
    FORMAT_CONVERSION,
    "decompression-failed",
    "AmazonOpenSearchService-failed",
    "splunk-failed",
    "http-endpoint-failed",
];

const PROCESSING: &str = "processing-failed";
const METADATA_EXTRACTION: &str = "metadata-extraction-failed";
const FORMAT_CONVERSION: &str = "format-conversion-failed";

/// No line of Firehose's is longer: a record of Kinesis has 10 MiB at most, a third more in base64.
pub const LONGEST_LINE: usize = 16 * 1_048_576;

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a line.
pub fn parse(line: &[u8]) -> Result<ErrorLine, LineFault> {
    let members = match serde_json::from_slice(line) {
        Ok(Value::Object(members)) => members,
        Ok(other) => return Err(LineFault::NotObject(kind(&other))),
        Err(_) => return Err(LineFault::NotJson),
    };
    let members = Members(members);
    let data = match members.get("rawdata") {
        Some(Value::String(data)) => STANDARD.decode(data).map_err(|_| LineFault::NotBase64)?,
        Some(other) => return Err(LineFault::DataNotText(kind(other))),
        None => return Err(LineFault::NoData),
    };
    let code = members.text("errorcode");
    Ok(ErrorLine {
        data,
        error_type: members.error_type(&code),
        code,
        message: members.text("errormessage"),
        attempts: members.get("attemptsmade").and_then(whole),
        arrival: members.get("arrivaltimestamp").and_then(moment),
    })
}

/// The error type that an object's name holds, as the error prefix puts it there: in the folder next to the name, or in
/// the name itself.
pub fn error_type_of_name(name: &str) -> Option<&'static str> {
    let known = |segment: &str| ERROR_TYPES.into_iter().find(|error_type| segment.contains(error_type));
    let mut segments = name.rsplit('/');
    let own = segments.next().unwrap_or_default();
    segments.find_map(known).or_else(|| known(own))
}

/// Calls with each line that is not blank, its number from 1 on, until the object ends or the call says no. An object may
/// be compressed with gzip; damaged, its lines come as far as they can be read.
pub fn for_each_line(body: &[u8], call: &mut impl FnMut(u64, Result<&[u8], LineFault>) -> bool) -> io::Result<()> {
    if body.starts_with(&GZIP) { lines(BufReader::new(MultiGzDecoder::new(body)), call) } else { lines(body, call) }
}

fn lines(mut input: impl BufRead, call: &mut impl FnMut(u64, Result<&[u8], LineFault>) -> bool) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let bytes = (&mut input).take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
        if bytes == 0 {
            break;
        }
        let found = if bytes == LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            Err(LineFault::TooLong)
        } else {
            Ok(line.trim_ascii())
        };
        if found != Ok(b"".as_slice()) && !call(number, found) {
            break;
        }
    }
    Ok(())
}

/// The members of a line, in whatever spelling.
struct Members(Map<String, Value>);

impl Members {
    /// The first member of this name, without case and without `last`, that is not null.
    fn get(&self, wanted: &str) -> Option<&Value> {
        let same = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.strip_prefix("last").unwrap_or(&name) == wanted
        };
        self.0.iter().find(|(name, value)| same(name) && !value.is_null()).map(|(_, value)| value)
    }

    fn text(&self, wanted: &str) -> String {
        match self.get(wanted) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// Which part failed, where the members or the code show it.
    fn error_type(&self, code: &str) -> Option<&'static str> {
        if code.starts_with("DynamicPartitioning.") {
            Some(METADATA_EXTRACTION)
        } else if code.starts_with("Lambda.") || self.get("lambdaarn").is_some() {
            Some(PROCESSING)
        } else if self.get("datacatalogtable").is_some() {
            Some(FORMAT_CONVERSION)
        } else {
            None
        }
    }
}

/// A whole number, also as text.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

/// Milliseconds since 1970, as a number, as digits, or as a time of RFC 3339.
fn moment(value: &Value) -> Option<i64> {
    let of_text = || value.as_str()?.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    whole(value).or_else(of_text)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use insta::{Settings, assert_snapshot};
    use std::io::Write;

    /// What is read of a line, in one line.
    fn read(line: &str) -> String {
        match parse(line.as_bytes()) {
            Err(fault) => fault.to_string(),
            Ok(ErrorLine { data, error_type, code, message, attempts, arrival }) => {
                let (data, error_type) = (String::from_utf8_lossy(&data), error_type.unwrap_or("?"));
                let arrival = arrival.map(|at| Timestamp::from_millisecond(at).unwrap().to_string());
                format!("{error_type}, {code:?}, {message:?}, {attempts:?} attempts, {arrival:?}: {data}")
            }
        }
    }

    #[test]
    fn what_lambda_failed() {
        let found = r#"{"rawData":"eyJhIjoxfQ==","errorCode":"Lambda.FunctionError","errorMessage":"The Lambda function was successfully invoked but it returned an error result.","attemptsMade":4,"arrivalTimestamp":1741088912364,"attemptEndingTimestamp":1741089007666,"lambdaARN":"arn:aws:lambda:eu-west-1:123456789012:function:x:$LATEST"}"#;
        assert_snapshot!(read(found), @r#"processing-failed, "Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error result.", Some(4) attempts, Some("2025-03-04T11:48:32.364Z"): {"a":1}"#);
        let older = r#"{"attemptsMade":4,"arrivalTimestamp":1613148632141,"errorCode":"Lambda.MissingRecordId","errorMessage":"One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.","attemptEndingTimestamp":1613148707666,"rawData":"eyJhIjoxfQ==","lambdaArn":"arn:aws:lambda:eu-west-1:123456789012:function:x"}"#;
        assert_snapshot!(read(older), @r#"processing-failed, "Lambda.MissingRecordId", "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.", Some(4) attempts, Some("2021-02-12T16:50:32.141Z"): {"a":1}"#);
        let as_documented = r#"{"attemptsMade":"4","arrivalTimestamp":"1613148632141","errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptEndingTimestamp":"1613148707666","rawData":"eyJhIjoxfQ==","lambdaArn":"x"}"#;
        assert_snapshot!(read(as_documented), @r#"processing-failed, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record", Some(4) attempts, Some("2021-02-12T16:50:32.141Z"): {"a":1}"#);
    }

    #[test]
    fn what_has_no_partition() {
        let line = r#"{"rawData":"eyJhIjoxfQ==","errorCode":"DynamicPartitioning.MetadataExtractionFailed","errorMessage":"partitionKeys values must not be null or empty","attemptsMade":1,"arrivalTimestamp":1613148632141,"attemptEndingTimestamp":1613148632999}"#;
        assert_snapshot!(read(line), @r#"metadata-extraction-failed, "DynamicPartitioning.MetadataExtractionFailed", "partitionKeys values must not be null or empty", Some(1) attempts, Some("2021-02-12T16:50:32.141Z"): {"a":1}"#);
        let line = r#"{"rawData":"eyJhIjoxfQ==","errorCode":"DynamicPartitioning.ActivePartitionExceeded","errorMessage":"","attemptsMade":1,"arrivalTimestamp":1613148632141}"#;
        let name = "errors/activePartitionExceeded/2026/01/01/stream-1-2026-01-01-00-00-00-x";
        assert!(read(line).starts_with("metadata-extraction-failed"), "the line alone does not tell");
        assert_eq!(error_type_of_name(name), Some("activePartitionExceeded"));
    }

    #[test]
    fn what_could_not_be_converted() {
        let found = r#"{"attemptsMade":1,"arrivalTimestamp":1613148632141,"lastErrorCode":"DataFormatConversion.MalformedData","lastErrorMessage":"Data does not match the schema. For input string: \"oops\"","attemptEndingTimestamp":1613148707666,"rawData":"eyJhIjoxfQ==","sequenceNumber":"49623566795604093650577098460464614514870532055362437122000000","subSequenceNumber":null,"dataCatalogTable":{"catalogId":null,"databaseName":"conversion_db","tableName":"conversion_table","region":"eu-west-1","versionId":"LATEST","roleArn":"arn:aws:iam::123456789012:role/x"}}"#;
        assert_snapshot!(read(found), @r#"format-conversion-failed, "DataFormatConversion.MalformedData", "Data does not match the schema. For input string: \"oops\"", Some(1) attempts, Some("2021-02-12T16:50:32.141Z"): {"a":1}"#);
        let as_documented = found.replace("lastErrorCode", "ErrorCode").replace("lastErrorMessage", "ErrorMessage");
        assert_eq!(read(&as_documented), read(found));
    }

    #[test]
    fn what_tells_little() {
        assert_snapshot!(read(r#"{"rawData":""}"#), @r#"?, "", "", None attempts, None: "#);
        assert_snapshot!(read(r#"{"RAWDATA":"YQ==","errorCode":null,"lastErrorCode":7,"arrivalTimestamp":"2026-01-01T00:00:00Z","attemptsMade":"many"}"#), @r#"?, "7", "", None attempts, Some("2026-01-01T00:00:00Z"): a"#);
    }

    #[test]
    fn what_is_damaged() {
        assert_snapshot!(read("{\"rawData\":\"eyJ"), @"not JSON, expected an object with `rawData`");
        assert_snapshot!(read("a,b,c"), @"not JSON, expected an object with `rawData`");
        assert_snapshot!(read(r#"{"rawData":"YQ=="}{"rawData":"YQ=="}"#), @"not JSON, expected an object with `rawData`");
        assert_snapshot!(read("[1]"), @"an array, expected an object with `rawData`");
        assert_snapshot!(read(r#"{"componentName":"a"}"#), @"there is no `rawData`, expected the record in base64");
        assert_snapshot!(read(r#"{"rawData":null}"#), @"there is no `rawData`, expected the record in base64");
        assert_snapshot!(read(r#"{"rawData":{"a":1}}"#), @"`rawData` is an object, expected the record in base64");
        assert_snapshot!(read(r#"{"rawData":"not base64"}"#), @"`rawData` is not base64");
        assert_eq!(parse(b"{\"rawData\":\"\xff\"}"), Err(LineFault::NotJson));
    }

    #[test]
    fn the_type_is_in_the_name() {
        let mut settings = Settings::clone_current();
        settings.set_omit_expression(true);
        let read = |name: &str| error_type_of_name(name).unwrap_or("none").to_owned();
        assert_eq!(read("s3://b/errors/processing-failed/2026/01/01/s-1-2026-01-01-00-00-00-x"), "processing-failed");
        assert_eq!(read("kinesis-errors-metadata-extraction-failed/2023/06/01/s-1"), "metadata-extraction-failed");
        assert_eq!(read("errors-format-conversion-failed-s-1-2026"), "format-conversion-failed");
        assert_eq!(read("errors/decompression-failed/my-processing-failed-stream-1-2026"), "decompression-failed");
        assert_eq!(read("/home/processing-failed/errors/splunk-failed/2026/x"), "splunk-failed");
        assert_eq!(read("order-service/s-1-2026"), "none");
    }

    /// The lines that are found, with their numbers, and how the object ends.
    fn lines_of(body: &[u8]) -> (Vec<(u64, String)>, Option<String>) {
        let mut found = Vec::new();
        let ended = for_each_line(body, &mut |number, line| {
            found.push((
                number,
                line.map_or_else(|fault| fault.to_string(), |line| String::from_utf8_lossy(line).into()),
            ));
            true
        });
        (found, ended.err().map(|error| error.to_string()))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn blank_lines_are_counted_and_skipped() {
        let expected = vec![(1, "a".to_owned()), (3, "b".to_owned()), (4, "c".to_owned())];
        assert_eq!(lines_of(b"a\n\nb\r\nc"), (expected.clone(), None));
        assert_eq!(lines_of(b"a\n \nb\nc\n\n"), (expected, None));
        assert_eq!(lines_of(b""), (vec![], None));
    }

    #[test]
    fn gzip_is_read_as_far_as_it_goes() {
        let lines = (0..10_000).map(|n| format!("{{\"n\":{n},\"hash\":{}}}", n * 7_919 % 10_007)).collect::<Vec<_>>();
        let lines = lines.join("\n") + "\n";
        let whole = gzip(lines.as_bytes());
        assert_eq!(lines_of(&whole).0.len(), 10_000);
        let twice = [whole.clone(), whole.clone()].concat();
        assert_eq!(lines_of(&twice).0.len(), 20_000);
        let (found, fault) = lines_of(&whole[..whole.len() / 2]);
        assert!(found.len() > 1_000, "{}", found.len());
        assert_snapshot!(fault.unwrap(), @"incomplete deflate stream");
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let body = [vec![b'a'; LONGEST_LINE + 10], b"\nb\n".to_vec()].concat();
        let (found, _) = lines_of(&gzip(&body));
        assert_eq!(found[0].1, "longer than 16777216 bytes, expected a line of an error object");
        assert_eq!(found[1], (2, "b".to_owned()));
    }
}
