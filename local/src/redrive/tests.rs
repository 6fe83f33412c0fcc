use super::destination::Limits;
use super::ledger::Ledger;
use super::send::{PutError, Refusal, Surroundings};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;

const LIMITS: Limits = Limits { records: 3, bytes: 24, record_bytes: 12, overhead: 2 };

/// Objects in memory, by name. One whose body is missing cannot be read.
#[derive(Clone, Debug, Default)]
struct Objects(Vec<(String, Option<Vec<u8>>)>);

impl ErrorObjects for Objects {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let listed = |(name, body): &(String, Option<Vec<u8>>)| {
            let bytes = body.as_ref().map_or(0, Vec::len) as u64;
            Listed { name: name.clone(), bytes }
        };
        Ok(self.0.iter().map(listed).collect())
    }

    fn read(&mut self, _: &[Listed], place: usize) -> Result<Vec<u8>, String> {
        self.0[place].1.clone().ok_or_else(|| "access denied".to_owned())
    }
}

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// All is taken but the records at the places of these bits.
    Refuses(u8),
    /// Nothing is taken, and nothing is heard.
    Throttled,
    /// All is taken, and nothing is heard.
    AnswerLost,
    /// All is taken, and the answer is about fewer records.
    AnswerCut,
    /// Nothing is taken, and would not be the next time.
    Denied,
    /// The program is killed before the call.
    KilledBefore,
    /// The program is killed after the call, before the ledger.
    KilledAfter,
    /// The user interrupts while the call is under way.
    Interrupted,
}

const FINE: Call = Call::Refuses(0);

/// What unwinds in the place of a kill.
struct Killed;

/// A stream that keeps what it takes, and holds each call against the rules.
#[derive(Debug, Default)]
struct Fake {
    /// How the next calls go; then all is fine.
    calls: RefCell<Vec<Call>>,
    /// Each record that was taken, with how often.
    taken: RefCell<Vec<(String, Vec<u8>)>>,
    /// What an answer acknowledged, in this run.
    acknowledged: RefCell<BTreeSet<String>>,
    /// What went out in this run, the first time, in order.
    first_sent: RefCell<Vec<String>>,
    interrupted: Cell<bool>,
    pauses: RefCell<Vec<Duration>>,
}

fn shown(place: &Place) -> String {
    format!("{}:{}", place.object, place.line)
}

impl Stream for Rc<Fake> {
    fn put(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), Refusal>>, PutError> {
        let bytes: usize = records.iter().map(|record| record.data.len() + LIMITS.overhead).sum();
        assert!((1..=LIMITS.records).contains(&records.len()), "{} records", records.len());
        assert!(bytes <= LIMITS.bytes, "{bytes} bytes");
        // What goes out again goes before what was read after it.
        assert!(records.is_sorted_by_key(|record| (&record.place.object, record.place.line)), "{records:?}");
        for record in records {
            let place = shown(&record.place);
            assert!(!self.acknowledged.borrow().contains(&place), "`{place}` was acknowledged, and is sent again");
            if !self.first_sent.borrow().contains(&place) {
                self.first_sent.borrow_mut().push(place);
            }
        }
        let call = if self.calls.borrow().is_empty() { FINE } else { self.calls.borrow_mut().remove(0) };
        let refused = |place: usize| matches!(call, Call::Refuses(bits) if bits & (1 << place) != 0);
        match call {
            Call::KilledBefore => resume_unwind(Box::new(Killed)),
            Call::Throttled => return Err(PutError::Unanswered("`PutRecords`: HTTP 503".to_owned())),
            Call::Denied => return Err(PutError::Refused("`PutRecords`: AccessDeniedException: no".to_owned())),
            Call::Interrupted => self.interrupted.set(true),
            _ => {}
        }
        for (place, record) in records.iter().enumerate() {
            if !refused(place) {
                self.taken.borrow_mut().push((shown(&record.place), record.data.clone()));
            }
        }
        match call {
            Call::KilledAfter => resume_unwind(Box::new(Killed)),
            Call::AnswerLost => return Err(PutError::Unanswered("`PutRecords`: connection reset".to_owned())),
            Call::AnswerCut => return Ok(vec![Ok(()); records.len() - 1]),
            _ => {}
        }
        let answer = |(place, record): (usize, &Outgoing)| {
            if refused(place) {
                let code = "ProvisionedThroughputExceededException".to_owned();
                return Err(Refusal { code, message: "Rate exceeded for shard shardId-000000000000".to_owned() });
            }
            self.acknowledged.borrow_mut().insert(shown(&record.place));
            Ok(())
        };
        Ok(records.iter().enumerate().map(answer).collect())
    }
}

/// What a run said.
struct Said {
    report: Report,
    messages: String,
}

/// A folder with a ledger, objects, and a stream.
struct Workshop {
    _folder: TempDir,
    ledger: PathBuf,
    objects: Objects,
    fake: Rc<Fake>,
    limits: Limits,
    selection: Selection,
}

impl Workshop {
    fn new(objects: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects.iter().map(|(name, body)| ((*name).to_owned(), Some(body.as_bytes().to_vec())));
        Self {
            ledger: folder.path().join("ledger"),
            _folder: folder,
            objects: Objects(objects.collect()),
            fake: Rc::default(),
            limits: LIMITS,
            selection: Selection::default(),
        }
    }

    fn calls(self, calls: &[Call]) -> Self {
        *self.fake.calls.borrow_mut() = calls.to_vec();
        self
    }

    /// A run that sends.
    fn send(&mut self) -> Said {
        let fake = Rc::clone(&self.fake);
        fake.acknowledged.borrow_mut().clear();
        fake.first_sent.borrow_mut().clear();
        fake.interrupted.set(false);
        let mut pause = |pause| fake.pauses.borrow_mut().push(pause);
        let interrupted = || fake.interrupted.get();
        let ledger = Ledger::open(&self.ledger, "kinesis:a").unwrap();
        let surroundings = Surroundings { pause: &mut pause, interrupted: &interrupted };
        let sender = Sender::new(Rc::clone(&fake), self.limits, ledger, surroundings);
        self.run(Mode::Send(sender), &interrupted, Report::new(true), None)
    }

    /// A run that only shows.
    fn show(&mut self, report: Report, judge: Option<Judge>) -> Said {
        let sent = Sent::read(&self.ledger, None).unwrap();
        self.run(Mode::<Rc<Fake>>::Show(sent), &|| false, report, judge)
    }

    fn run(
        &self,
        mode: Mode<'_, Rc<Fake>>,
        interrupted: &dyn Fn() -> bool,
        report: Report,
        judge: Option<Judge>,
    ) -> Said {
        let mut objects = self.objects.clone();
        let listed = objects.list().unwrap();
        let mut messages = Vec::new();
        let mut message = |text: &str| messages.push(text.to_owned());
        let watcher = Watcher { message: &mut message, progress: &mut |_| (), interrupted };
        let report = redrive(&mut objects, &listed, &self.selection, mode, judge, report, watcher);
        Said { report, messages: messages.join("\n") }
    }

    /// What was taken, in order: `a:1 a:2 …`.
    fn taken(&self) -> String {
        self.fake.taken.borrow().iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// A line of an error object.
fn line(data: &str) -> String {
    let line = json!({ "rawData": STANDARD.encode(data), "errorCode": "Lambda.FunctionError",
        "errorMessage": "it failed", "attemptsMade": 4, "arrivalTimestamp": 1_767_225_600_000_i64 });
    format!("{line}\n")
}

fn lines(records: &[&str]) -> String {
    records.iter().copied().map(line).collect()
}

#[test]
fn all_is_sent_once_in_order() {
    let records = lines(&["1", "2", "3", "4"]);
    let mut workshop = Workshop::new(&[("a", &records), ("b", &records)]);
    let said = workshop.send();
    assert!(said.report.is_complete());
    assert_eq!(workshop.taken(), "a:1 a:2 a:3 a:4 b:1 b:2 b:3 b:4");
    assert_eq!(workshop.fake.taken.borrow()[3].1, b"4");
    assert_snapshot!(said.report, @"
    8 failed records in 2 objects: 8 sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         8      8   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts
    ");
    let again = workshop.send();
    assert!(again.report.is_complete());
    assert_eq!(workshop.fake.taken.borrow().len(), 8);
    assert_snapshot!(again.report.to_string().lines().next().unwrap(), @"8 failed records in 2 objects: 0 sent, 8 sent before");
}

#[test]
fn what_is_refused_goes_first_the_next_time() {
    let records = lines(&["1", "2", "3", "4", "5"]);
    let mut workshop = Workshop::new(&[("a", &records)]).calls(&[Call::Refuses(0b101), Call::Refuses(0b001)]);
    assert!(workshop.send().report.is_complete());
    assert_eq!(workshop.taken(), "a:2 a:3 a:4 a:1 a:5");
    let pauses: Vec<_> = workshop.fake.pauses.borrow().iter().map(Duration::as_millis).collect();
    assert!(matches!(pauses[..], [50..=100, 100..=200]), "{pauses:?}");
}

#[test]
fn what_had_no_answer_is_sent_again() {
    let calls = [Call::Throttled, Call::AnswerLost, Call::AnswerCut];
    let mut workshop = Workshop::new(&[("a", &lines(&["1", "2"]))]).calls(&calls);
    assert!(workshop.send().report.is_complete());
    assert_eq!(workshop.taken(), "a:1 a:2 a:1 a:2 a:1 a:2");
    assert_eq!(workshop.fake.pauses.borrow().len(), 3);
}

#[test]
fn what_is_refused_too_often_is_left_for_the_next_run() {
    let records = lines(&["1", "2"]);
    let mut workshop = Workshop::new(&[("a", &records)]).calls(&[Call::Refuses(0b01); 10]);
    let said = workshop.send();
    assert!(!said.report.is_complete());
    assert_snapshot!(said.report, @"
    2 failed records in 1 object: 1 sent, 1 not sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         2      1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts

    1 record refused again and again: ProvisionedThroughputExceededException: Rate exceeded for shard shardId-000000000000
    ");
    assert_eq!(workshop.taken(), "a:2");
    assert!(workshop.send().report.is_complete());
    assert_eq!(workshop.taken(), "a:2 a:1");
}

#[test]
fn a_stream_that_does_not_answer_ends_the_run() {
    let mut workshop = Workshop::new(&[("a", &lines(&["1"])), ("b", "{}")]).calls(&[Call::Throttled; 12]);
    let said = workshop.send();
    assert_snapshot!(said.report, @"
    1 failed record in 2 objects: 0 sent, 1 not sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         1      0   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts

    1 line tells of no record: see the messages

    ended early: the stream has not answered 10 times in a row: `PutRecords`: HTTP 503
    ");
    let longest = *workshop.fake.pauses.borrow().iter().max().unwrap();
    assert!(longest <= Duration::from_secs(10) && longest >= Duration::from_secs(5), "{longest:?}");
}

#[test]
fn a_stream_that_refuses_calls_ends_the_run_at_once() {
    let records = lines(&["1", "2", "3", "4", "5", "6"]);
    let mut workshop = Workshop::new(&[("a", &records), ("b", "{}")]).calls(&[FINE, Call::Denied]);
    let said = workshop.send();
    assert_snapshot!(said.report, @"
    6 failed records in 1 object: 3 sent, 3 not sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         6      3   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts

    ended early: the stream refuses calls: `PutRecords`: AccessDeniedException: no
    ");
    assert!(workshop.send().report.damaged == 1);
    assert_eq!(workshop.taken(), "a:1 a:2 a:3 a:4 a:5 a:6");
}

#[test]
fn an_interrupt_waits_for_the_answer() {
    let records = lines(&["1", "2", "3", "4", "5", "6"]);
    let mut workshop = Workshop::new(&[("a", &records), ("b", &records)]).calls(&[Call::Interrupted]);
    let said = workshop.send();
    assert_eq!(workshop.taken(), "a:1 a:2 a:3");
    assert_snapshot!(said.report, @"
    6 failed records in 1 object: 3 sent, 3 not sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         6      3   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts

    ended early: interrupted
    ");
    assert!(workshop.send().report.is_complete());
    assert_eq!(workshop.fake.taken.borrow().len(), 12);
}

#[test]
fn what_is_too_large_is_told() {
    let mut workshop = Workshop::new(&[("a", &lines(&["1", "12345678901", "1234567890"]))]);
    let said = workshop.send();
    assert!(!said.report.is_complete());
    assert_eq!(workshop.taken(), "a:1 a:3");
    assert_snapshot!(said.messages, @"`a`, line 2: 11 bytes, expected at most 10");
    assert_snapshot!(said.report, @"
    3 failed records in 1 object: 2 sent, 1 too large

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         3      2   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts
    ");
}

#[test]
fn what_is_damaged_is_told_and_nothing_else_is_lost() {
    let good = line("1");
    let torn = good.split_at(good.len() / 2).0;
    let body = format!("{good}a,b\nc,d\n{{\"a\":1}}\n\n{good}{torn}\n{good}");
    let mut workshop = Workshop::new(&[("a", &body), ("b", "x\ny\n\nz"), ("c", &good)]);
    workshop.objects.0.insert(1, ("denied".to_owned(), None));
    workshop.objects.0.insert(2, ("torn.gz".to_owned(), Some(vec![0x1f, 0x8b, 8, 0, 0])));
    let said = workshop.send();
    assert!(!said.report.is_complete());
    assert_eq!(workshop.taken(), "a:1 a:6 a:8 c:1");
    assert_snapshot!(said.messages, @"
    `a`, lines 2 to 3: not JSON, expected an object with `rawData`
    `a`, line 4: there is no `rawData`, expected the record in base64
    `a`, line 7: not JSON, expected an object with `rawData`
    `denied`: access denied
    `torn.gz`: damaged from here on: unexpected end of file
    `b`, lines 1 to 2: not JSON, expected an object with `rawData`
    `b`, line 4: not JSON, expected an object with `rawData`
    ");
    assert_snapshot!(said.report, @"
    4 failed records in 5 objects: 4 sent

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                   records   sent   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.FunctionError         4      4   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 it failed
         `a`, line 1: 1 byte, 4 attempts

    2 objects could not be read

    7 lines tell of no record: see the messages
    ");
}

#[test]
fn a_changed_object_is_noticed() {
    let mut workshop = Workshop::new(&[("a", &lines(&["1", "2"]))]);
    workshop.send();
    workshop.objects.0[0].1 = Some(lines(&["1", "3"]).into_bytes());
    let said = workshop.send();
    assert_eq!(workshop.taken(), "a:1 a:2 a:2");
    assert_snapshot!(said.messages, @"`a`, line 2: another text was sent of it: the object has changed");
}

/// Error objects of each kind, as Firehose writes them.
fn each_kind() -> Workshop {
    let line = |code: &str, message: &str, arrival: i64, data: &str| {
        let line = json!({ "rawData": STANDARD.encode(data), "errorCode": code, "errorMessage": message,
            "attemptsMade": 1, "arrivalTimestamp": arrival, "attemptEndingTimestamp": arrival + 60_000,
            "lambdaARN": "arn:aws:lambda:eu-west-1:123456789012:function:x:$LATEST" });
        format!("{line}\n")
    };
    let converted = |message: &str| {
        let line = json!({ "attemptsMade": 1, "arrivalTimestamp": 1_767_229_200_000_i64,
            "lastErrorCode": "DataFormatConversion.MalformedData", "lastErrorMessage": message,
            "attemptEndingTimestamp": 1_767_229_260_000_i64, "rawData": STANDARD.encode(r#"{"componentName":"pay"}"#),
            "sequenceNumber": "4962", "subSequenceNumber": null,
            "dataCatalogTable": { "databaseName": "d", "tableName": "t" } });
        format!("{line}\n")
    };
    let metric = r#"{"componentName":"pay","fromTimestamp":"t","metricName":"cpu"}"#;
    let status = "ProcessingFailed status set for record";
    let failed = [
        line("Lambda.ProcessingFailedStatus", status, 1_767_225_600_000, "not json"),
        line("Lambda.ProcessingFailedStatus", status, 1_767_225_601_000, r#"{"fromTimestamp":"t"}"#),
        line("Lambda.ProcessingFailedStatus", status, 1_767_312_000_000, "nor this"),
        line(
            "Lambda.FunctionError",
            "The Lambda function was successfully invoked but it returned an error result.",
            1_767_225_600_000,
            metric,
        ),
    ];
    let no_key = line(
        "DynamicPartitioning.MetadataExtractionFailed",
        "partitionKeys values must not be null or empty",
        1_767_225_600_000,
        metric,
    );
    let too_many =
        json!({ "rawData": STANDARD.encode(metric), "errorCode": "DynamicPartitioning.ActivePartitionExceeded" });
    let unconverted = [
        converted(r#"Data does not match the schema. For input string: "secret""#),
        converted(r#"Data does not match the schema. For input string: "other""#),
    ];
    Workshop::new(&[
        ("s3://b/errors/processing-failed/2026/01/01/s-1", &failed.concat()),
        ("s3://b/errors/metadata-extraction-failed/2026/01/01/s-1", &no_key),
        ("s3://b/errors/activePartitionExceeded/2026/01/01/s-1", &too_many.to_string()),
        ("s3://b/errors/format-conversion-failed/2026/01/01/s-1", &unconverted.concat()),
        (
            "s3://b/errors/decompression-failed/2026/01/01/s-1",
            &json!({ "rawData": STANDARD.encode([0x1f, 0x8b, 1]) }).to_string(),
        ),
        ("s3://b/other/s-1", &json!({ "rawData": "" }).to_string()),
    ])
}

/// The transform function of the default environment.
fn judge() -> Judge {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let choice = crate::deployment::Choice {
        template: project.join("template.yaml"),
        config_env: "default".to_owned(),
        parameter_overrides: vec![],
    };
    Judge::new(crate::deployment::Deployment::read(&choice).unwrap())
}

#[test]
fn each_kind_is_shown() {
    assert_snapshot!(each_kind().show(Report::new(false), None).report, @r#"
    10 failed records in 6 objects: 10 to send

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type                   code                                           records   to send   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   activePartitionExceeded      DynamicPartitioning.ActivePartitionExceeded          1         1   unknown                                   │
    │ 2   decompression-failed         none                                                 1         1   unknown                                   │
    │ 3   format-conversion-failed     DataFormatConversion.MalformedData                   2         2   2026-01-01 01:00:00   2026-01-01 01:00:00 │
    │ 4   metadata-extraction-failed   DynamicPartitioning.MetadataExtractionFailed         1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 5   processing-failed            Lambda.FunctionError                                 1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 6   processing-failed            Lambda.ProcessingFailedStatus                        3         3   2026-01-01 00:00:00   2026-01-02 00:00:00 │
    │ 7   unknown                      none                                                 1         1   unknown                                   │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 no message
         `s3://b/errors/activePartitionExceeded/2026/01/01/s-1`, line 1: 62 bytes
      #2 no message
         `s3://b/errors/decompression-failed/2026/01/01/s-1`, line 1: 3 bytes
      #3 Data does not match the schema. For input string: "…"
         `s3://b/errors/format-conversion-failed/2026/01/01/s-1`, line 1: 23 bytes, 1 attempt
      #4 partitionKeys values must not be null or empty
         `s3://b/errors/metadata-extraction-failed/2026/01/01/s-1`, line 1: 62 bytes, 1 attempt
      #5 The Lambda function was successfully invoked but it returned an error result.
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 4: 62 bytes, 1 attempt
      #6 ProcessingFailed status set for record
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 1: 8 bytes, 1 attempt
      #7 no message
         `s3://b/other/s-1`, line 1: 0 bytes
    "#);
}

#[test]
fn the_function_is_asked_again() {
    assert_snapshot!(each_kind().show(Report::new(false), Some(judge())).report, @r#"
    10 failed records in 6 objects: 10 to send

    What failed
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type                   code                                           now         records   to send   first arrival (UTC)   last arrival (UTC)  │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   activePartitionExceeded      DynamicPartitioning.ActivePartitionExceeded    delivered         1         1   unknown                                   │
    │ 2   decompression-failed         none                                           not-utf8          1         1   unknown                                   │
    │ 3   format-conversion-failed     DataFormatConversion.MalformedData             contract          2         2   2026-01-01 01:00:00   2026-01-01 01:00:00 │
    │ 4   metadata-extraction-failed   DynamicPartitioning.MetadataExtractionFailed   delivered         1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 5   processing-failed            Lambda.FunctionError                           delivered         1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 6   processing-failed            Lambda.ProcessingFailedStatus                  contract          1         1   2026-01-01 00:00:01   2026-01-01 00:00:01 │
    │ 7   processing-failed            Lambda.ProcessingFailedStatus                  not-json          2         2   2026-01-01 00:00:00   2026-01-02 00:00:00 │
    │ 8   unknown                      none                                           not-json          1         1   unknown                                   │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 no message
         `s3://b/errors/activePartitionExceeded/2026/01/01/s-1`, line 1: 62 bytes
      #2 no message
         `s3://b/errors/decompression-failed/2026/01/01/s-1`, line 1: 3 bytes
         now: expected UTF-8, got an invalid byte at offset 1
      #3 Data does not match the schema. For input string: "…"
         `s3://b/errors/format-conversion-failed/2026/01/01/s-1`, line 1: 23 bytes, 1 attempt
         now: `fromTimestamp`: expected string, got nothing
      #4 partitionKeys values must not be null or empty
         `s3://b/errors/metadata-extraction-failed/2026/01/01/s-1`, line 1: 62 bytes, 1 attempt
      #5 The Lambda function was successfully invoked but it returned an error result.
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 4: 62 bytes, 1 attempt
      #6 ProcessingFailed status set for record
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 2: 21 bytes, 1 attempt
         now: `componentName`: expected string, got nothing
      #7 ProcessingFailed status set for record
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 1: 8 bytes, 1 attempt
         now: expected ident at line 1 column 2
      #8 no message
         `s3://b/other/s-1`, line 1: 0 bytes
         now: EOF while parsing a value at line 1 column 0
    "#);
}

#[test]
fn payloads_are_shown_on_demand() {
    let without = each_kind().show(Report::new(false), None).report.to_string();
    assert!(!without.contains("secret") && !without.contains("not json") && !without.contains("pay"));
    let with = each_kind().show(Report::new(false).with_payloads(), None).report.to_string();
    let samples = with.lines().skip_while(|line| *line != "For example").collect::<Vec<_>>().join("\n");
    assert_snapshot!(samples, @r#"
    For example
      #1 no message
         `s3://b/errors/activePartitionExceeded/2026/01/01/s-1`, line 1: 62 bytes
         {"componentName":"pay","fromTimestamp":"t","metricName":"cpu"}
      #2 no message
         `s3://b/errors/decompression-failed/2026/01/01/s-1`, line 1: 3 bytes
         \u{1f}�\u{1}
      #3 Data does not match the schema. For input string: "secret"
         `s3://b/errors/format-conversion-failed/2026/01/01/s-1`, line 1: 23 bytes, 1 attempt
         {"componentName":"pay"}
      #4 partitionKeys values must not be null or empty
         `s3://b/errors/metadata-extraction-failed/2026/01/01/s-1`, line 1: 62 bytes, 1 attempt
         {"componentName":"pay","fromTimestamp":"t","metricName":"cpu"}
      #5 The Lambda function was successfully invoked but it returned an error result.
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 4: 62 bytes, 1 attempt
         {"componentName":"pay","fromTimestamp":"t","metricName":"cpu"}
      #6 ProcessingFailed status set for record
         `s3://b/errors/processing-failed/2026/01/01/s-1`, line 1: 8 bytes, 1 attempt
         not json
      #7 no message
         `s3://b/other/s-1`, line 1: 0 bytes
    "#);
}

#[test]
fn some_can_be_chosen() {
    let headline = |selection: Selection| {
        let mut workshop = each_kind();
        workshop.selection = selection;
        let report = workshop.show(Report::new(false), Some(judge())).report.to_string();
        report.lines().next().unwrap().to_owned()
    };
    let of_type = Selection { error_types: vec!["format-conversion-failed".to_owned()], ..Selection::default() };
    assert_snapshot!(headline(of_type), @"18 failed records in 6 objects: 2 to send, 8 not chosen");
    let unknown = Selection {
        error_types: vec!["unknown".to_owned(), "decompression-failed".to_owned()],
        ..Selection::default()
    };
    assert_snapshot!(headline(unknown), @"18 failed records in 6 objects: 2 to send, 8 not chosen");
    let of_code = Selection { error_codes: vec!["Lambda.FunctionError".to_owned()], ..Selection::default() };
    assert_snapshot!(headline(of_code), @"19 failed records in 6 objects: 1 to send, 9 not chosen");
    let day = |text: &str| Some(text.parse().unwrap());
    let since =
        Selection { since: day("2026-01-01T00:00:01Z"), until: day("2026-01-02T00:00:00Z"), ..Selection::default() };
    assert_snapshot!(headline(since), @"17 failed records in 6 objects: 3 to send, 7 not chosen");
    let mended = Selection { skip_failing: true, ..Selection::default() };
    assert_snapshot!(headline(mended), @"10 failed records in 6 objects: 3 to send, 7 would fail again");
}

#[test]
fn there_are_only_so_many_kinds() {
    let kinds: Vec<_> = (0..1_200).map(|n| json!({ "rawData": "", "errorCode": n }).to_string()).collect();
    let body = kinds.join("\n");
    let mut workshop = Workshop::new(&[("a", &body)]);
    let report = workshop.show(Report::new(false), None).report.to_string();
    assert_snapshot!(report.lines().last().unwrap(), @"… and 961 other ways to fail");
    assert!(report.starts_with("1,200 failed records in 1 object: 1,200 to send\n"), "{report}");
}

#[test]
fn terminals_see_no_control_characters() {
    let line =
        json!({ "rawData": STANDARD.encode("\u{1b}[2J"), "errorCode": "\u{1b}[31m", "errorMessage": "\u{1b}[0m\n" });
    let mut workshop = Workshop::new(&[("\u{1b}]0;x", &line.to_string())]);
    let said = workshop.show(Report::new(false).with_payloads(), None);
    assert!(!said.report.to_string().contains('\u{1b}'), "{}", said.report);
}

/// What an object holds, a line each.
#[derive(Clone, Debug)]
enum Line {
    Record(String),
    Damaged,
    Blank,
}

fn any_line() -> impl Strategy<Value = Line> {
    prop_oneof![8 => "[a-z]{0,14}".prop_map(Line::Record), 1 => Just(Line::Damaged), 1 => Just(Line::Blank)]
}

fn any_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => Just(FINE),
        4 => any::<u8>().prop_map(Call::Refuses),
        1 => Just(Call::Throttled),
        1 => Just(Call::AnswerLost),
        1 => Just(Call::AnswerCut),
        1 => Just(Call::Denied),
        1 => Just(Call::KilledBefore),
        1 => Just(Call::KilledAfter),
        1 => Just(Call::Interrupted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 4_000 }))]

    /// Whatever a stream does, and wherever the program is killed: run again and again, each record is taken at least once, none
    /// that the ledger has is sent again, and what is sent for the first time is sent in order.
    #[test]
    fn no_record_is_lost_and_none_is_sent_twice_that_the_ledger_has(
        objects in prop::collection::vec(prop::collection::vec(any_line(), 0..8), 0..4),
        calls in prop::collection::vec(any_call(), 0..24),
        torn in 0..40_u64,
    ) {
        let mut expected = Vec::new();
        let mut damaged = 0;
        let mut bodies = Vec::new();
        for (name, object) in ["a", "b", "c", "d"].into_iter().zip(&objects) {
            let mut body = String::new();
            for (number, line) in (1..).zip(object) {
                match line {
                    Line::Record(data) => {
                        body += &self::line(data);
                        // The limit less the overhead.
                        if data.len() <= 10 {
                            expected.push((format!("{name}:{number}"), data.clone().into_bytes()));
                        }
                    }
                    Line::Damaged => {
                        body += "{\n";
                        damaged += 1;
                    }
                    Line::Blank => body += " \n",
                }
            }
            bodies.push((name, body));
        }
        let bodies: Vec<_> = bodies.iter().map(|(name, body)| (*name, body.as_str())).collect();
        let mut workshop = Workshop::new(&bodies).calls(&calls);
        let lossy = calls.iter().any(|call| matches!(call, Call::AnswerLost | Call::AnswerCut | Call::KilledAfter));
        let mut runs = 0;
        loop {
            runs += 1;
            prop_assert!(runs <= calls.len() + 1, "it does not end");
            let before = Sent::read(&workshop.ledger, None).unwrap();
            let length = std::fs::metadata(&workshop.ledger).map_or(0, |metadata| metadata.len());
            let taken = workshop.fake.taken.borrow().len();
            let run = catch_unwind(AssertUnwindSafe(|| workshop.send()));
            let first_sent = workshop.fake.first_sent.borrow().clone();
            prop_assert!(first_sent.is_sorted(), "{first_sent:?}");
            for place in &first_sent {
                let (object, number) = place.split_once(':').unwrap();
                let body = &workshop.objects.0.iter().find(|(name, _)| name == object).unwrap().1;
                let text = String::from_utf8(body.clone().unwrap()).unwrap();
                let number: u64 = number.parse().unwrap();
                let line = text.lines().nth(usize::try_from(number).unwrap() - 1).unwrap();
                prop_assert_eq!(before.known(object, number, LineHash::of(line.as_bytes())), Known::No);
            }
            match run {
                Ok(said) => {
                    if said.report.stopped.is_none() && said.report.given_up.is_empty() {
                        prop_assert_eq!(said.report.damaged, damaged);
                        break;
                    }
                }
                Err(killed) => {
                    prop_assert!(killed.is::<Killed>(), "it panicked");
                    // A kill can leave the last line half written: what it said is not known then.
                    let now = std::fs::metadata(&workshop.ledger).unwrap().len();
                    if now > length && length > 0 && taken < workshop.fake.taken.borrow().len() {
                        let text = std::fs::read(&workshop.ledger).unwrap();
                        let last = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() as u64 + 1;
                        if last >= length {
                            let file = std::fs::File::options().write(true).open(&workshop.ledger).unwrap();
                            file.set_len(last + torn.min(now - last - 1)).unwrap();
                        }
                    }
                }
            }
        }
        let mut taken = workshop.fake.taken.borrow().clone();
        let all = taken.len();
        taken.sort();
        taken.dedup();
        expected.sort();
        prop_assert_eq!(&taken, &expected);
        let killed = calls.contains(&Call::KilledBefore);
        prop_assert!(lossy || killed || all == expected.len(), "{} were taken {} times", expected.len(), all);
    }
}

#[test]
fn a_value_of_any_kind_is_a_line() {
    for value in [json!(null), json!(1), json!([{ "rawData": "" }]), Value::from("x")] {
        assert!(error_object::parse(value.to_string().as_bytes()).is_err(), "{value}");
    }
}
