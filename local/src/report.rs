//! A run as a page to be shown: one HTML file that needs nothing else, no script and no network.
//!
//! Everything on it is of the [`Summary`], which is what the command prints, too. What comes from records is cut, made
//! printable, and escaped by the template, so that it is text and nothing else; the template's Content-Security-Policy lets
//! nothing run or load in any case.

mod breakdown;
pub mod file;
mod sizes;
#[cfg(test)]
mod tests;
mod timeline;

use crate::samples::Sample;
use crate::summary::{LINES_SHOWN, PROCESSING_FAILED, REFUSED, Summary, WHY_REFUSED, cut, grouped, printable};
use askama::Template;
use breakdown::{Part, Tone, breakdown};
use jiff::Timestamp;
use sizes::Sizes;
use timeline::{Activity, Timeline};

/// What a page says of the run itself.
#[derive(Clone, Debug)]
pub struct About {
    /// The version of headgate.
    pub version: &'static str,
    /// The environment of `samconfig.toml`.
    pub config_env: String,
    /// What else is known, each with its name, in order.
    pub facts: Vec<(&'static str, String)>,
    /// The partitions that the delivery stream keeps active; none if it does not partition dynamically, so that any number is.
    pub active_partitions: Option<usize>,
    /// When the run began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// The page of a run, as HTML.
pub fn render(about: &About, summary: &Summary) -> Result<String, askama::Error> {
    Page::new(about, summary).render()
}

/// Characters of a fact about the run that are shown.
const FACT_SHOWN: usize = 500;
/// Characters of a record that are shown.
const RECORD_SHOWN: usize = 600;
/// Characters of what is wrong with a record that are shown.
const DETAIL_SHOWN: usize = 400;
/// Characters of a problem that are shown; two locations fit.
const PROBLEM_SHOWN: usize = 2_500;
/// Characters of a line of a statement that are shown.
const LINE_SHOWN: usize = 400;

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    version: &'static str,
    config_env: String,
    began: String,
    took: String,
    facts: Vec<(&'static str, String)>,
    read: String,
    is_empty: bool,
    verdict: Verdict,
    tiles: Vec<Tile>,
    breakdowns: Vec<Breakdown>,
    timeline: Option<Timeline>,
    activity: Option<Activity>,
    rejected: Vec<RejectedRecords>,
    sizes: Option<Sizes>,
    statements: Vec<String>,
    more_statements: Option<String>,
    problems: Vec<String>,
}

/// What the page says first.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    tone: Tone,
    text: String,
}

/// A number to be seen at once.
struct Tile {
    label: &'static str,
    value: String,
    note: String,
}

/// Things of one kind and what became of them.
struct Breakdown {
    /// What it is called in the page's own references.
    id: &'static str,
    /// What is counted.
    title: &'static str,
    parts: Vec<Part>,
}

/// Records rejected for one reason.
struct RejectedRecords {
    reason: String,
    count: u64,
    records: String,
    samples: Vec<SampleShown>,
}

struct SampleShown {
    detail: String,
    record: String,
    bytes: String,
}

impl Page {
    fn new(about: &About, summary: &Summary) -> Self {
        let facts = about.facts.iter().map(|(name, fact)| (*name, cut(fact, FACT_SHOWN))).collect();
        let statement = |statement: &String| {
            let lines = statement.lines().count();
            let mut shown: Vec<String> =
                statement.lines().take(LINES_SHOWN).map(|line| cut(line, LINE_SHOWN)).collect();
            if lines > LINES_SHOWN {
                shown.push(format!("… and {} more partitions", grouped((lines - LINES_SHOWN) as u64)));
            }
            shown.join("\n")
        };
        Self {
            version: about.version,
            config_env: cut(&about.config_env, FACT_SHOWN),
            began: about.began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            took: took(about.milliseconds),
            facts,
            read: counted(summary.counts.read, "record"),
            is_empty: summary.counts.read == 0,
            verdict: verdict(summary),
            tiles: tiles(summary),
            breakdowns: breakdowns(summary),
            timeline: Timeline::new(summary),
            activity: Activity::new(&summary.counts, about.active_partitions),
            rejected: rejected(summary),
            sizes: Sizes::new(summary.objects.iter().map(|object| object.bytes)),
            statements: summary.statements.iter().map(statement).collect(),
            more_statements: (summary.more_statements > 0).then(|| grouped(summary.more_statements)),
            problems: summary.problems().iter().map(|problem| cut(problem, PROBLEM_SHOWN)).collect(),
        }
    }
}

fn verdict(summary: &Summary) -> Verdict {
    let rejected = summary.counts.rejected();
    let (tone, text) = if summary.counts.read == 0 {
        (Tone::Neutral, "There was no record in the input.".to_owned())
    } else if !summary.is_complete() {
        (Tone::Bad, "Not everything that was delivered can be queried: see the problems below.".to_owned())
    } else if rejected > 0 {
        let share = share(rejected, summary.counts.read);
        let verb = if rejected == 1 { "was" } else { "were" };
        (Tone::Warning, format!("{} ({share}) {verb} rejected.", counted(rejected, "record")))
    } else {
        (Tone::Good, "No record was rejected, and everything that was delivered can be queried.".to_owned())
    };
    Verdict { tone, text }
}

fn tiles(summary: &Summary) -> Vec<Tile> {
    let read = summary.counts.read;
    let of_read = |label, records| Tile { label, value: grouped(records), note: share(records, read) };
    let bytes = summary.objects.iter().map(|object| object.bytes).sum();
    let objects = summary.objects.len() as u64;
    let partitions = summary.partitions.len() as u64;
    vec![
        of_read("delivered", summary.counts.delivered),
        of_read("dropped", summary.counts.dropped),
        of_read("rejected", summary.counts.rejected()),
        Tile {
            label: if objects == 1 { "object" } else { "objects" },
            value: grouped(objects),
            note: sizes::bytes(bytes),
        },
        Tile {
            label: if partitions == 1 { "partition" } else { "partitions" },
            value: grouped(partitions),
            note: format!("{} new in the catalog", grouped(summary.added())),
        },
    ]
}

/// Records, objects and partitions, and what became of them. What is said of a thing adds up to what is said above it.
fn breakdowns(summary: &Summary) -> Vec<Breakdown> {
    let breakdown = |id, title, parts: Vec<Part>| Breakdown { id, title, parts };
    let all = [
        breakdown("records", "Records", records(summary)),
        breakdown("objects", "Objects written", objects(summary)),
        breakdown("partitions", "Partitions written to", partitions(summary)),
    ];
    all.into_iter().filter(|breakdown| !breakdown.parts.is_empty()).collect()
}

fn records(summary: &Summary) -> Vec<Part> {
    let counts = &summary.counts;
    let all = counts.read + counts.taken_out;
    let handed = all.saturating_sub(counts.refused);
    let failed: u64 = counts.failed.values().sum();
    let label = if counts.taken_out == 0 { "read" } else { "read, and taken out of those" };
    let mut tree = breakdown("read", label, Tone::Neutral, all);
    tree.add(1, "refused", REFUSED, Tone::Bad, counts.refused);
    tree.add_always(1, "handed", "handed to the function", Tone::Neutral, handed);
    tree.add_always(2, "delivered", "delivered", Tone::Good, counts.delivered);
    tree.add_always(2, "dropped", "dropped", Tone::Muted, counts.dropped);
    for (reason, records) in &summary.dropped {
        tree.add(3, &format!("dropped-{reason}"), reason.name(), Tone::Muted, *records);
    }
    tree.rest(3, "dropped-otherwise", "the function did not tell why", Tone::Muted, counts.dropped);
    tree.add_always(2, "failed", "failed", Tone::Bad, failed);
    for (reason, _, records) in failures(summary) {
        tree.add(3, &format!("failed-{reason}"), &reason, Tone::Bad, records);
    }
    tree.rest(2, "unwritten", "not written when the run ended", Tone::Warning, handed);
    tree.parts()
}

fn objects(summary: &Summary) -> Vec<Part> {
    let written = summary.objects.len() as u64;
    let mut tree = breakdown("objects", "all", Tone::Neutral, written + summary.error_objects.0);
    tree.add_always(1, "objects-in-partitions", "in partitions", Tone::Good, written.saturating_sub(summary.strays()));
    tree.add(1, "objects-strays", "in no partition of the layout", Tone::Bad, summary.strays());
    tree.add(1, "objects-errors", "with errors", Tone::Bad, summary.error_objects.0);
    tree.parts()
}

fn partitions(summary: &Summary) -> Vec<Part> {
    let partitions = summary.partitions.len() as u64;
    let mut tree = breakdown("partitions", "all", Tone::Neutral, partitions);
    tree.add_always(1, "partitions-added", "registered by this run", Tone::Good, summary.added());
    tree.add(1, "partitions-elsewhere", "registered at another location", Tone::Bad, summary.elsewhere.len() as u64);
    tree.add(1, "partitions-forgotten", "not registered", Tone::Bad, summary.forgotten.len() as u64);
    // Whatever was given up may be known or not.
    let (rest, tone) = if summary.dead_letters == 0 {
        ("registered before", Tone::Muted)
    } else {
        ("registered before, or not at all", Tone::Bad)
    };
    tree.rest(1, "partitions-before", rest, tone, partitions);
    tree.parts()
}

/// Failed records by the function's reasons and, where it is another's failure or no reason is known, by Firehose's codes;
/// each with its samples.
fn failures(summary: &Summary) -> Vec<(String, &[Sample], u64)> {
    let by_function: u64 = summary.rejected.values().map(|rejected| rejected.records).sum();
    let of_reason = summary
        .rejected
        .iter()
        .map(|(reason, rejected)| (reason.to_string(), rejected.samples.as_slice(), rejected.records));
    let of_code = summary.counts.failed.iter().map(|(code, records)| {
        let known = if code == PROCESSING_FAILED { by_function } else { 0 };
        (
            printable(code),
            summary.samples.get(code).map(Vec::as_slice).unwrap_or_default(),
            records.saturating_sub(known),
        )
    });
    let mut failures: Vec<_> = of_reason.chain(of_code).filter(|(_, _, records)| *records > 0).collect();
    failures.sort_by_key(|(_, _, records)| std::cmp::Reverse(*records));
    failures
}

fn rejected(summary: &Summary) -> Vec<RejectedRecords> {
    let shown = |sample: &Sample| SampleShown {
        detail: cut(&sample.detail, DETAIL_SHOWN),
        record: cut(&sample.beginning, RECORD_SHOWN),
        bytes: counted(sample.bytes as u64, "byte"),
    };
    let of_reason = |(reason, samples, count): (String, &[Sample], u64)| RejectedRecords {
        reason,
        count,
        records: counted(count, "record"),
        samples: samples.iter().map(shown).collect(),
    };
    let mut rejected: Vec<_> = failures(summary).into_iter().map(of_reason).collect();
    if summary.counts.refused > 0 {
        let count = summary.counts.refused;
        let records = format!("{}: {WHY_REFUSED}", counted(count, "record"));
        rejected.push(RejectedRecords { reason: REFUSED.to_owned(), count, records, samples: Vec::new() });
    }
    rejected
}

/// A number of things, by the name of one.
fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A part of a whole in percent; what is there is never 0 %, and what is missing is never 100 %.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn share(part: u64, whole: u64) -> String {
    match (part, whole) {
        (0, _) => "0 %".to_owned(),
        (part, whole) if part >= whole => "100 %".to_owned(),
        (part, whole) => {
            let percent = part as f64 * 100.0 / whole as f64;
            match percent {
                0.0..0.1 => "< 0.1 %".to_owned(),
                99.9.. => "> 99.9 %".to_owned(),
                _ => format!("{percent:.1} %"),
            }
        }
    }
}

fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        _ => format!("{}.{} s", grouped(milliseconds / 1_000), milliseconds % 1_000 / 100),
    }
}
