//! Subscription data of CloudWatch Logs: log events of one stream, in JSON, in gzip.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
//!
//! Firehose can decompress such records itself, before it calls the function. So a record that is not gzip is JSON.

use crate::document::Kind;
use crate::format::object::{self, Object};
use crate::json::push_in_one_line;
use crate::object_writer::ObjectWriter;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{ErrorKind, Read};

/// What CloudWatch Logs sends.
#[derive(Clone, Copy, Debug)]
pub enum Message<'t> {
    /// It has asked whether it can deliver: there is nothing in this one to keep.
    Control,
    /// Log events.
    Data(LogData<'t>),
}

/// Log events of one log stream.
#[derive(Clone, Copy, Debug)]
pub struct LogData<'t> {
    owner: &'t RawValue,
    log_group: &'t RawValue,
    log_stream: &'t RawValue,
    log_events: &'t RawValue,
}

/// The events of a [`LogData`], read one by one, so that many small ones take no more memory than few.
#[derive(Clone, Debug)]
pub struct LogEvents<'t> {
    data: LogData<'t>,
    /// The text of the array, from the bracket or comma before the next event on; empty after a fault.
    rest: &'t str,
    place: usize,
}

/// One log event, with the stream that it is from.
#[derive(Clone, Copy, Debug)]
pub struct LogEvent<'t> {
    data: LogData<'t>,
    id: &'t RawValue,
    timestamp: &'t RawValue,
    message: &'t RawValue,
    extracted_fields: Option<&'t RawValue>,
}

/// Why a record is not subscription data. It names fields, and holds no value of theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The record begins as gzip, and does not go on so to its end.
    #[error("expected gzip, got {0}")]
    NotGzip(&'static str),
    /// The record is too large when decompressed.
    #[error("expected at most {0} bytes when decompressed, got more")]
    TooLarge(usize),
    /// The text is not UTF-8, from this offset on.
    #[error("expected UTF-8, got an invalid byte at offset {0}")]
    NotUtf8(usize),
    /// The text is not one JSON object; a message.
    #[error("{0}")]
    NotJson(String),
    /// A field is not what it should be.
    #[error("`{path}`: expected {expected}, got {got}")]
    NotLogData {
        /// Where in the object, such as `logEvents[2].message`.
        path: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        got: &'static str,
    },
}

/// The text of a record: decompressed into the buffer, which is cleared first, if it is gzip; as it came, if it is not.
///
/// Gzip may have several members, which are one text, and nothing after them. What it comes to is at most `most` bytes, and
/// the buffer is never made larger than that, whatever the record holds.
pub fn decompress<'b>(record: &'b [u8], most: usize, buffer: &'b mut Vec<u8>) -> Result<&'b str, Fault> {
    let bytes = if record.starts_with(&GZIP) {
        gunzip(record, most, buffer)?;
        buffer.as_slice()
    } else {
        record
    };
    std::str::from_utf8(bytes).map_err(|error| Fault::NotUtf8(error.valid_up_to()))
}

impl<'t> Message<'t> {
    /// Reads a text: one JSON object with `messageType`. Data has its `owner`, `logGroup`, `logStream` and `logEvents`; what
    /// else there is may be anything.
    pub fn parse(text: &'t str) -> Result<Self, Fault> {
        let envelope: Envelope<'t> = object::parse(text).map_err(Fault::NotJson)?;
        let got = match envelope.message_type.map(|name| (name.get(), Kind::of(name.get()))) {
            Some(("\"CONTROL_MESSAGE\"", _)) => return Ok(Self::Control),
            Some(("\"DATA_MESSAGE\"", _)) => return LogData::of(&envelope).map(Self::Data),
            Some((_, Kind::String)) => "another text",
            Some((_, other)) => other.name(),
            None => "nothing",
        };
        Err(Fault::at("messageType", "`DATA_MESSAGE` or `CONTROL_MESSAGE`", got))
    }
}

impl<'t> LogData<'t> {
    /// The events, in their order. There may be none. One that is not as CloudWatch Logs writes it is the last.
    pub fn events(&self) -> LogEvents<'t> {
        LogEvents { data: *self, rest: self.log_events.get(), place: 0 }
    }

    fn of(envelope: &Envelope<'t>) -> Result<Self, Fault> {
        Ok(Self {
            owner: field(envelope.owner, Kind::String, "owner")?,
            log_group: field(envelope.log_group, Kind::String, "logGroup")?,
            log_stream: field(envelope.log_stream, Kind::String, "logStream")?,
            log_events: field(envelope.log_events, Kind::Array, "logEvents")?,
        })
    }
}

impl<'t> Iterator for LogEvents<'t> {
    type Item = Result<LogEvent<'t>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = if self.place == 0 { '[' } else { ',' };
        let text = std::mem::take(&mut self.rest).strip_prefix(before)?.trim_ascii_start();
        if text.starts_with(']') {
            return None;
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let event = match values.next()? {
            Ok(Object(event)) => self.event(&event),
            // It is JSON, so only its kind can be wrong.
            Err(_) => Err(Fault::at("", "an object that has each field once", "another value")),
        };
        if event.is_ok() {
            self.rest = text.get(values.byte_offset()..).unwrap_or_default().trim_ascii_start();
        }
        self.place += 1;
        Some(event.map_err(|fault| fault.inside(self.place - 1)))
    }
}

impl<'t> LogEvents<'t> {
    fn event(&self, event: &Event<'t>) -> Result<LogEvent<'t>, Fault> {
        Ok(LogEvent {
            data: self.data,
            id: field(event.id, Kind::String, ".id")?,
            timestamp: field(event.timestamp, Kind::Number, ".timestamp")?,
            message: field(event.message, Kind::String, ".message")?,
            extracted_fields: event.extracted_fields,
        })
    }
}

impl LogEvent<'_> {
    /// Writes the event as a JSON object: `owner`, `logGroup`, `logStream`, `id`, `timestamp` (milliseconds since 1970),
    /// `message`, and `extractedFields` if it has some. The values are written as they came.
    pub fn write(&self, object: &mut ObjectWriter) {
        let fields = [
            ("owner", self.data.owner),
            ("logGroup", self.data.log_group),
            ("logStream", self.data.log_stream),
            ("id", self.id),
            ("timestamp", self.timestamp),
            ("message", self.message),
        ];
        let extracted_fields = self.extracted_fields.map(|value| ("extractedFields", value));
        object.begin(self.message.get().len() + 200);
        for (name, value) in fields.into_iter().chain(extracted_fields) {
            object.put(name, |json| push_in_one_line(json, value.get()));
        }
        object.end();
    }
}

/// The fields, in their order.
pub(crate) const FIELDS: [&str; 7] =
    ["owner", "logGroup", "logStream", "id", "timestamp", "message", "extractedFields"];

/// How gzip begins: <https://www.rfc-editor.org/rfc/rfc1952#page-6>.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bytes that are decompressed at a time.
const CHUNK: usize = 16 * 1024;

fn gunzip(record: &[u8], most: usize, buffer: &mut Vec<u8>) -> Result<(), Fault> {
    buffer.clear();
    let mut decoder = MultiGzDecoder::new(record);
    let mut chunk = [0; CHUNK];
    loop {
        let length = decoder.read(&mut chunk).map_err(|error| {
            let ended = error.kind() == ErrorKind::UnexpectedEof;
            Fault::NotGzip(if ended { "data that ends too early" } else { "corrupt data" })
        })?;
        let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else { return Ok(()) };
        let left = most.saturating_sub(buffer.len());
        if length > left {
            return Err(Fault::TooLarge(most));
        }
        if length > buffer.capacity() - buffer.len() {
            // Twice as much, as vectors do it, but not beyond the limit.
            buffer.reserve_exact(length.max(buffer.len()).min(left));
        }
        buffer.extend_from_slice(read);
    }
}

/// The value of a field, which has to be of a kind.
fn field<'t>(value: Option<&'t RawValue>, kind: Kind, name: &str) -> Result<&'t RawValue, Fault> {
    match value.map(|value| (value, Kind::of(value.get()))) {
        Some((value, of)) if of == kind => Ok(value),
        Some((_, other)) => Err(Fault::at(name, kind.name(), other.name())),
        None => Err(Fault::at(name, kind.name(), "nothing")),
    }
}

impl Fault {
    fn at(path: &str, expected: &'static str, got: &'static str) -> Self {
        Self::NotLogData { path: path.to_owned(), expected, got }
    }

    /// The same fault, in the event of this place.
    fn inside(mut self, place: usize) -> Self {
        if let Self::NotLogData { path, .. } = &mut self {
            path.insert_str(0, &format!("logEvents[{place}]"));
        }
        self
    }
}

/// The message, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'t> {
    #[serde(borrow)]
    message_type: Option<&'t RawValue>,
    #[serde(borrow)]
    owner: Option<&'t RawValue>,
    #[serde(borrow)]
    log_group: Option<&'t RawValue>,
    #[serde(borrow)]
    log_stream: Option<&'t RawValue>,
    #[serde(borrow)]
    log_events: Option<&'t RawValue>,
}

/// One of its `logEvents`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'t> {
    #[serde(borrow)]
    id: Option<&'t RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'t RawValue>,
    #[serde(borrow)]
    message: Option<&'t RawValue>,
    #[serde(borrow)]
    extracted_fields: Option<&'t RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    const MOST: usize = 1024 * 1024;

    const DATA: &str = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"group/\u0061","logStream":"stream",
        "subscriptionFilters":["filter"],"policyLevel":"ACCOUNT_LEVEL_POLICY","logEvents":[
        {"id":"1","timestamp":1432826855000,"message":"{\"a\": \"b\\n\"}","more":[{}]} ,
        {"extractedFields":{"k": "v"},"message":"ị","timestamp":1432826855001,"id":"2"}]}"#;

    fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_ref()).unwrap();
        encoder.finish().unwrap()
    }

    /// The events of a record, or `None` if it is a control message.
    fn events(record: &[u8]) -> Result<Option<Vec<String>>, Fault> {
        let mut buffer = Vec::new();
        let Message::Data(data) = Message::parse(decompress(record, MOST, &mut buffer)?)? else { return Ok(None) };
        let event = |event: Result<LogEvent<'_>, Fault>| {
            let mut object = ObjectWriter::default();
            event?.write(&mut object);
            Ok(object.json().to_owned())
        };
        data.events().map(event).collect::<Result<_, _>>().map(Some)
    }

    #[test]
    fn fields_are_written_in_their_order() {
        let written = events(DATA.as_bytes()).unwrap().unwrap();
        let keys = |event: &String| -> Vec<String> {
            serde_json::from_str::<serde_json::Value>(event).unwrap().as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&written[0]), FIELDS[..6]);
        assert_eq!(keys(&written[1]), FIELDS);
    }

    fn data(log_events: &str) -> String {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"o","logGroup":"g","logStream":"s","logEvents":{log_events}}}"#
        )
    }

    #[track_caller]
    fn check(log_events: &str, written: &[&str]) {
        let text = data(log_events);
        let written: Vec<_> =
            written.iter().map(|event| format!(r#"{{"owner":"o","logGroup":"g","logStream":"s",{event}}}"#)).collect();
        assert_eq!(events(text.as_bytes()), Ok(Some(written.clone())));
        assert_eq!(events(&gzip(text)), Ok(Some(written)));
    }

    #[test]
    fn each_event_comes_with_its_stream_and_is_written_as_it_came() {
        let written = [
            r#"{"owner":"123456789012","logGroup":"group/\u0061","logStream":"stream","id":"1","timestamp":1432826855000,"message":"{\"a\": \"b\\n\"}"}"#,
            r#"{"owner":"123456789012","logGroup":"group/\u0061","logStream":"stream","id":"2","timestamp":1432826855001,"message":"ị","extractedFields":{"k": "v"}}"#,
        ];
        assert_eq!(events(&gzip(DATA)), Ok(Some(written.map(str::to_owned).to_vec())));
    }

    #[test]
    fn records_that_firehose_has_decompressed_are_taken_too() {
        assert_eq!(events(DATA.as_bytes()), events(&gzip(DATA)));
    }

    #[test]
    fn there_may_be_any_number_of_events() {
        check("[]", &[]);
        check(" [ ] ", &[]);
        check(r#"[{"id":"1","timestamp":5,"message":"]"}]"#, &[r#""id":"1","timestamp":5,"message":"]""#]);
        let (event, written) = (r#"{"id":"","timestamp":0,"message":""}"#, r#""id":"","timestamp":0,"message":"""#);
        check(&format!("[{}]", vec![event; 1000].join("\n,\t")), &vec![written; 1000]);
    }

    #[test]
    fn extracted_fields_are_there_if_they_are_not_null() {
        let event = |fields: &str| format!(r#"[{{"id":"1","timestamp":5,"message":"","extractedFields":{fields}}}]"#);
        check(&event("null"), &[r#""id":"1","timestamp":5,"message":"""#]);
        check(&event("{}"), &[r#""id":"1","timestamp":5,"message":"","extractedFields":{}"#]);
    }

    #[test]
    fn control_messages_need_nothing_else() {
        let message = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],
            "logEvents":[{"id":"","timestamp":1510254469274,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
        assert_eq!(events(&gzip(message)), Ok(None));
        assert_eq!(events(br#"{"messageType":"CONTROL_MESSAGE","owner":5,"logEvents":"none"}"#), Ok(None));
    }

    #[test]
    fn members_of_gzip_are_one_text() {
        let (start, end) = DATA.as_bytes().split_at(100);
        assert_eq!(events(&[gzip(start), gzip(""), gzip(end)].concat()), events(DATA.as_bytes()));
    }

    #[test]
    fn gzip_is_whole() {
        let record = gzip(DATA);
        for end in GZIP.len()..record.len() {
            assert_eq!(events(&record[..end]), Err(Fault::NotGzip("data that ends too early")), "{end}");
        }
        let mut checksum = record.clone();
        checksum[record.len() - 8] ^= 1;
        assert_eq!(events(&checksum), Err(Fault::NotGzip("corrupt data")));
        for garbage in ["\0", "garbage after the end", "{}"] {
            let record = [record.as_slice(), garbage.as_bytes()].concat();
            assert!(matches!(events(&record), Err(Fault::NotGzip(_))), "{garbage}");
        }
    }

    #[test]
    fn the_limit_is_of_the_text_and_of_the_memory() {
        let limit = |record: &[u8], most: usize| {
            let mut buffer = Vec::new();
            let outcome = decompress(record, most, &mut buffer).map(str::len);
            assert!(buffer.capacity() <= most, "{} bytes for at most {most}", buffer.capacity());
            outcome
        };
        let bomb = gzip(vec![b' '; 50_000_000]);
        assert!(bomb.len() < 100_000);
        assert_eq!(limit(&bomb, 1_000_000), Err(Fault::TooLarge(1_000_000)));
        assert_eq!(limit(&gzip(vec![b' '; 100_000]), 100_000), Ok(100_000));
        assert_eq!(limit(&gzip(vec![b' '; 100_000]), 99_999), Err(Fault::TooLarge(99_999)));
        assert_eq!(limit(&gzip("1"), 0), Err(Fault::TooLarge(0)));
        assert_eq!(limit(&gzip(""), 0), Ok(0));
        let members = gzip([b' '; 1000]).repeat(100);
        assert_eq!(limit(&members, 100_000), Ok(100_000));
        assert_eq!(limit(&members, 99_999), Err(Fault::TooLarge(99_999)));
    }

    #[test]
    fn the_buffer_can_be_used_again() {
        let mut buffer = b"before".to_vec();
        assert_eq!(decompress(&gzip("one"), MOST, &mut buffer), Ok("one"));
        assert_eq!(decompress(&gzip("2"), MOST, &mut buffer), Ok("2"));
        assert_eq!(decompress(b"plain", 0, &mut buffer), Ok("plain"));
    }

    #[test]
    fn a_fault_is_the_last_of_the_events() {
        let text = data(r#"[{"id":"1","timestamp":5,"message":""},{"id":"2"},{"id":"3","timestamp":5,"message":""}]"#);
        let Message::Data(data) = Message::parse(&text).unwrap() else { panic!("no data") };
        assert_eq!(data.events().map(|event| event.is_ok()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn faults_name_the_place_and_show_no_value() {
        let message = |record: &[u8]| events(record).unwrap_err().to_string();
        insta::assert_snapshot!(message(b""), @"EOF while parsing a value at line 1 column 0");
        insta::assert_snapshot!(message(b"secret"), @"expected value at line 1 column 1");
        insta::assert_snapshot!(message(b"\"secret\""), @"expected an object, got another value at line 1 column 8");
        insta::assert_snapshot!(message(&gzip("[\"secret\"]")), @"expected an object, got another value at line 1 column 0");
        insta::assert_snapshot!(message(&gzip(b"{\"messageType\":\"\xff\"}")), @"expected UTF-8, got an invalid byte at offset 16");
        insta::assert_snapshot!(message(&gzip(DATA)[..20]), @"expected gzip, got data that ends too early");
        insta::assert_snapshot!(message(&[gzip(DATA).as_slice(), b"secret, and more of it"].concat()), @"expected gzip, got corrupt data");
        insta::assert_snapshot!(message(&gzip(vec![b' '; MOST + 1])), @"expected at most 1048576 bytes when decompressed, got more");
        insta::assert_snapshot!(message(b"{}"), @"`messageType`: expected `DATA_MESSAGE` or `CONTROL_MESSAGE`, got nothing");
        insta::assert_snapshot!(message(br#"{"messageType":"SECRET"}"#), @"`messageType`: expected `DATA_MESSAGE` or `CONTROL_MESSAGE`, got another text");
        insta::assert_snapshot!(message(br#"{"messageType":["SECRET"]}"#), @"`messageType`: expected `DATA_MESSAGE` or `CONTROL_MESSAGE`, got an array");
        insta::assert_snapshot!(message(br#"{"messageType":"DATA_MESSAGE","messageType":"CONTROL_MESSAGE"}"#), @"duplicate field `messageType` at line 1 column 43");
        insta::assert_snapshot!(message(br#"{"messageType":"DATA_MESSAGE","logEvents":[]}"#), @"`owner`: expected a string, got nothing");
        insta::assert_snapshot!(message(br#"{"messageType":"DATA_MESSAGE","owner":"o","logGroup":5}"#), @"`logGroup`: expected a string, got a number");
        insta::assert_snapshot!(message(data("null").as_bytes()), @"`logEvents`: expected an array, got nothing");
        insta::assert_snapshot!(message(data("{}").as_bytes()), @"`logEvents`: expected an array, got an object");
        insta::assert_snapshot!(message(data("[\"secret\"]").as_bytes()), @"`logEvents[0]`: expected an object that has each field once, got another value");
        insta::assert_snapshot!(message(data(r#"[{"id":"1","id":"2"}]"#).as_bytes()), @"`logEvents[0]`: expected an object that has each field once, got another value");
        insta::assert_snapshot!(message(data(r#"[{"id":"1","timestamp":"5","message":""}]"#).as_bytes()), @"`logEvents[0].timestamp`: expected a number, got a string");
        insta::assert_snapshot!(message(data(r#"[{"id":"1","timestamp":5,"message":""},{"id":"2","timestamp":5}]"#).as_bytes()), @"`logEvents[1].message`: expected a string, got nothing");
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_were_logged(
            messages in prop::collection::vec(any::<String>(), 0..5),
            group in any::<String>(),
            compressed in any::<bool>(),
        ) {
            let log_events: Vec<_> = (0..)
                .zip(&messages)
                .map(|(place, message)| serde_json::json!({"id": place.to_string(), "timestamp": place, "message": message}))
                .collect();
            let text = serde_json::json!({
                "messageType": "DATA_MESSAGE", "owner": "o", "logGroup": group, "logStream": "s", "logEvents": log_events,
            })
            .to_string();
            let record = if compressed { gzip(&text) } else { text.into_bytes() };
            let written = events(&record).unwrap().unwrap();
            prop_assert_eq!(written.len(), messages.len());
            for (json, message) in written.iter().zip(&messages) {
                let event: serde_json::Value = serde_json::from_str(json).unwrap();
                prop_assert_eq!(&event["message"], message);
                prop_assert_eq!(&event["logGroup"], &group);
            }
        }

        #[test]
        fn whatever_comes_the_answer_is_objects_or_a_fault(
            record in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..64),
                any::<String>().prop_map(gzip),
                "[\\[\\]{},:5 ]{0,12}".prop_map(|text| data(&text).into_bytes()),
                (0..200_usize, any::<u8>()).prop_map(|(place, byte)| {
                    let mut record = gzip(DATA);
                    let place = place % record.len();
                    record[place] = byte;
                    record
                }),
            ],
        ) {
            for json in events(&record).into_iter().flatten().flatten() {
                prop_assert!(serde_json::from_str::<Object<Event<'_>>>(&json).is_ok());
            }
        }
    }
}
