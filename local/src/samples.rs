//! Records that show what was rejected: a few of each reason, cut.

use crate::redrive::error_object;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firehose_transform::outcome::Reason;
use firehose_transform::report::Report;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A record that was rejected, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// How it begins; what is not UTF-8 is replaced.
    pub(crate) beginning: String,
    /// All its bytes.
    pub(crate) bytes: usize,
    /// What exactly is wrong with it.
    pub(crate) detail: String,
}

/// Finds the records of the function's examples while their request is at hand.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    found: BTreeMap<Reason, Found>,
}

/// What was found of a reason.
#[derive(Debug, Default)]
struct Found {
    samples: usize,
    details: BTreeSet<String>,
}

/// Samples that are kept of each reason.
pub(crate) const SAMPLES: usize = 3;

/// Bytes of a record that are kept.
const BYTES_KEPT: usize = 2_000;

/// Lines of an error object that are read in vain until the rest of it is left alone: a batch seldom fails in many ways.
const LINES_READ_IN_VAIN: usize = 100;

#[derive(Deserialize)]
struct Request<'r> {
    #[serde(borrow)]
    records: Vec<RequestRecord<'r>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestRecord<'r> {
    #[serde(borrow)]
    record_id: Cow<'r, str>,
    #[serde(borrow, default)]
    data: Cow<'r, str>,
}

impl Sample {
    fn new(record: &[u8], detail: &str) -> Self {
        let kept = record.get(..BYTES_KEPT).unwrap_or(record);
        let beginning = String::from_utf8_lossy(kept).into_owned();
        Self { beginning, bytes: record.len(), detail: detail.to_owned() }
    }
}

impl Sampler {
    /// The examples that a report has of reasons of which there are not enough yet, with their records. Three that differ in what
    /// is wrong show more than the first three.
    pub(crate) fn find(&mut self, request: &str, report: &Report) -> Vec<(Reason, Sample)> {
        let mut wanted = Vec::new();
        for (id, failure) in &report.examples {
            let found = self.found.entry(failure.reason).or_default();
            let differs = !found.details.contains(&failure.detail);
            if found.samples < SAMPLES || (differs && found.details.len() < SAMPLES) {
                found.samples += 1;
                found.details.insert(failure.detail.clone());
                wanted.push((id, failure));
            }
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let records = serde_json::from_str::<Request>(request).map(|request| request.records).unwrap_or_default();
        let data: BTreeMap<&str, &str> =
            records.iter().map(|record| (record.record_id.as_ref(), record.data.as_ref())).collect();
        let sample = |(id, failure): (&String, &firehose_transform::outcome::Failure)| {
            let record = data.get(id.as_str()).and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
            (failure.reason, Sample::new(&record, &failure.detail))
        };
        wanted.into_iter().map(sample).collect()
    }
}

/// Adds a sample; one too many takes the place of one that shows nothing of its own.
pub(crate) fn add(sample: Sample, samples: &mut Vec<Sample>) {
    samples.push(sample);
    if samples.len() > SAMPLES {
        let mut seen = BTreeSet::new();
        let again = samples.iter().position(|sample| !seen.insert(sample.detail.as_str()));
        samples.remove(again.unwrap_or(SAMPLES));
    }
}

/// Adds to the samples of each code what an error object has of those of which there are not enough yet.
pub(crate) fn add_error_object(body: &[u8], samples: &mut BTreeMap<String, Vec<Sample>>) {
    let mut in_vain = 0;
    let mut read = |_, line: Result<&[u8], _>| {
        let Some(Ok(line)) = line.ok().map(error_object::parse) else { return true };
        let of_code = samples.entry(line.code).or_default();
        if of_code.len() < SAMPLES {
            of_code.push(Sample::new(&line.data, &line.message));
        } else {
            in_vain += 1;
        }
        in_vain < LINES_READ_IN_VAIN
    };
    // What cannot be read is no sample; whoever reads the error objects is told.
    let _damaged = error_object::for_each_line(body, &mut read);
}

#[cfg(test)]
mod tests {
    use super::*;
    use firehose_transform::outcome::Failure;
    use serde_json::json;

    fn request(records: &[(&str, &[u8])]) -> String {
        let record = |(id, data): &(&str, &[u8])| json!({ "recordId": id, "data": STANDARD.encode(data) });
        json!({ "invocationId": "i", "records": records.iter().map(record).collect::<Vec<_>>() }).to_string()
    }

    fn report(examples: &[(&str, Reason)]) -> Report {
        let failure = |reason| Failure { reason, detail: "expected something else".into() };
        let examples = examples.iter().map(|(id, reason)| ((*id).to_owned(), failure(*reason))).collect();
        Report { examples, ..Report::default() }
    }

    #[test]
    fn records_are_found_by_their_ids_until_there_are_three() {
        let mut sampler = Sampler::default();
        let request = request(&[("1", b"a"), ("2", b"b\xff"), ("3", b"c")]);
        let found = sampler.find(&request, &report(&[("2", Reason::NotUtf8), ("3", Reason::NotJson)]));
        let beginnings: Vec<_> = found.iter().map(|(_, sample)| (sample.beginning.as_str(), sample.bytes)).collect();
        assert_eq!(beginnings, [("b\u{fffd}", 2), ("c", 1)]);
        let mut again = |n| sampler.find(&request, &report(&vec![("3", Reason::NotJson); n])).len();
        assert_eq!([again(1), again(3), again(3)], [1, 1, 0]);
    }

    #[test]
    fn what_differs_is_shown_before_what_does_not() {
        let mut sampler = Sampler::default();
        let mut kept = Vec::new();
        for detail in ["a", "a", "a", "a", "b", "c", "d", "a"] {
            let mut report = report(&[("1", Reason::Contract)]);
            report.examples[0].1.detail = detail.into();
            for (_, sample) in sampler.find(&request(&[("1", detail.as_bytes())]), &report) {
                add(sample, &mut kept);
            }
        }
        let shown: Vec<_> = kept.iter().map(|sample| (sample.detail.as_str(), sample.beginning.as_str())).collect();
        assert_eq!(shown, [("a", "a"), ("b", "b"), ("c", "c")]);
    }

    #[test]
    fn records_are_cut() {
        let sample = Sample::new("é".repeat(5_000_000).as_bytes(), "");
        assert_eq!((sample.beginning.len(), sample.bytes), (BYTES_KEPT, 10_000_000));
    }

    #[test]
    fn error_objects_give_samples_by_code() {
        let line = |code: &str| {
            format!("{}\n", json!({ "rawData": STANDARD.encode("r"), "errorCode": code, "errorMessage": "m" }))
        };
        let mut samples = BTreeMap::new();
        add_error_object(format!("{}junk\n{}", line("A").repeat(50), line("B")).as_bytes(), &mut samples);
        add_error_object(line("A").as_bytes(), &mut samples);
        let counts: Vec<_> = samples.iter().map(|(code, samples)| (code.as_str(), samples.len())).collect();
        assert_eq!(counts, [("A", 3), ("B", 1)]);
        assert_eq!(samples["B"], [Sample { beginning: "r".into(), bytes: 1, detail: "m".into() }]);
    }
}
