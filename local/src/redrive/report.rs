//! What failed and why, and what became of it.

use super::error_object::ErrorLine;
use super::judge::Verdict;
use super::send::{GivenUp, Stopped};
use crate::summary::{grouped, printable, printable_line, table};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

/// The outcome of a redrive. Its `Display` is what the command prints.
#[derive(Debug, Default)]
pub struct Report {
    /// Whether anything is to be sent.
    sends: bool,
    /// Whether payloads are shown.
    shows_payloads: bool,
    /// Objects read.
    pub objects: u64,
    /// Objects that could not be read, or not to their end.
    pub unreadable: u64,
    /// Lines that tell of no record.
    pub damaged: u64,
    /// Records that were not chosen.
    pub left_out: u64,
    /// Why it has ended early.
    pub stopped: Option<Stopped>,
    /// Records that were refused too often, by code.
    pub given_up: BTreeMap<String, GivenUp>,
    groups: Vec<Group>,
    by_kind: BTreeMap<Kind, usize>,
}

/// What records that failed alike have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Which part of Firehose failed, in the words of the error prefix.
    pub error_type: String,
    /// The error's code.
    pub code: String,
    /// Its message, as far as all have it.
    pub message: String,
    /// What the deployment's function makes of them today, if it was asked.
    pub now: Option<Verdict>,
}

/// What becomes of a record at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent, or would be.
    Goes,
    /// It was sent before.
    WentBefore,
    /// It would fail again, and is kept back.
    KeptBack,
    /// It is larger than the destination takes.
    TooLarge,
}

/// Records that failed alike.
#[derive(Debug)]
struct Group {
    records: u64,
    goes: u64,
    sent: u64,
    before: u64,
    kept_back: u64,
    too_large: u64,
    arrivals: Option<(i64, i64)>,
    sample: Sample,
}

/// The first record of a group.
#[derive(Debug, Default)]
struct Sample {
    object: String,
    line: u64,
    bytes: usize,
    attempts: Option<i64>,
    detail: String,
    message: String,
    /// Nothing unless payloads are shown.
    payload: String,
}

/// Groups that are told apart; records that fail in yet other ways count as one more.
const MOST_GROUPS: usize = 1_000;

/// Groups that are printed.
const GROUPS_SHOWN: usize = 40;

/// Bytes of a payload that are printed.
const PAYLOAD_SHOWN: usize = 1_000;

impl Kind {
    /// The kind of a record's failure. Of the message it has no values: those would make a kind of each record, and
    /// show its payload.
    pub fn of(error_type: &str, line: &ErrorLine, now: Option<Verdict>) -> Self {
        let (code, message) = (line.code.clone(), without_values(&line.message));
        Self { error_type: error_type.to_owned(), code, message, now }
    }
}

impl Report {
    /// What is to be told of a run that sends, or only shows.
    pub fn new(sends: bool) -> Self {
        Self { sends, ..Self::default() }
    }

    /// The same, with the first record of each group.
    #[must_use]
    pub fn with_payloads(self) -> Self {
        Self { shows_payloads: true, ..self }
    }

    /// Counts a record; gives the group in which it is.
    pub fn add(&mut self, kind: Kind, fate: Fate, line: &ErrorLine, place: (&str, u64), detail: String) -> usize {
        let kind = if self.groups.len() < MOST_GROUPS || self.by_kind.contains_key(&kind) {
            kind
        } else {
            Kind { error_type: "(others)".to_owned(), ..Kind::default() }
        };
        let (groups, shows_payloads) = (&mut self.groups, self.shows_payloads);
        let number = *self.by_kind.entry(kind).or_insert_with(|| {
            let sample = Sample::of(line, place, detail, shows_payloads);
            groups.push(Group::new(sample));
            groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(number) {
            group.records += 1;
            *match fate {
                Fate::Goes => &mut group.goes,
                Fate::WentBefore => &mut group.before,
                Fate::KeptBack => &mut group.kept_back,
                Fate::TooLarge => &mut group.too_large,
            } += 1;
            if let Some(arrival) = line.arrival {
                let (first, last) = group.arrivals.unwrap_or((arrival, arrival));
                group.arrivals = Some((first.min(arrival), last.max(arrival)));
            }
        }
        number
    }

    /// A record of this group was acknowledged.
    pub fn sent(&mut self, group: usize) {
        if let Some(group) = self.groups.get_mut(group) {
            group.sent += 1;
        }
    }

    /// Whether everything could be read, and everything was sent that was to be.
    pub fn is_complete(&self) -> bool {
        let sent = !self.sends || self.sum(|group| group.goes) == self.sum(|group| group.sent);
        sent && self.unreadable == 0
            && self.damaged == 0
            && self.stopped.is_none()
            && self.sum(|group| group.too_large) == 0
    }

    fn sum(&self, count: impl Fn(&Group) -> u64) -> u64 {
        self.groups.iter().map(count).sum()
    }

    /// The counts, in one line.
    fn headline(&self) -> String {
        let records = self.sum(|group| group.records) + self.left_out;
        let (goes, sent) = (self.sum(|group| group.goes), self.sum(|group| group.sent));
        let head =
            format!("{} in {}", counted(records + self.left_out, "failed record"), counted(self.objects, "object"));
        let going = if self.sends { ("sent", sent) } else { ("to send", goes) };
        let unsent = if self.sends { goes - sent } else { 0 };
        let parts = [
            going,
            ("sent before", self.sum(|group| group.before)),
            ("not sent", unsent),
            ("too large", self.sum(|group| group.too_large)),
            ("would fail again", self.sum(|group| group.kept_back)),
            ("not chosen", self.left_out),
        ];
        let parts = parts.iter().enumerate().filter(|(place, (_, count))| *place == 0 || *count > 0);
        let parts: Vec<String> = parts.map(|(_, (what, count))| format!("{} {what}", grouped(*count))).collect();
        format!("{head}: {}", parts.join(", "))
    }

    /// The groups by kind, each with its number from 1 on.
    fn numbered(&self) -> impl Iterator<Item = (usize, &Kind, &Group)> {
        let groups = self.by_kind.iter().filter_map(|(kind, place)| Some((kind, self.groups.get(*place)?)));
        groups.take(GROUPS_SHOWN).zip(1..).map(|((kind, group), number)| (number, kind, group))
    }

    fn groups_table(&self) -> String {
        let judged = self.by_kind.keys().any(|kind| kind.now.is_some());
        let going = if self.sends { "sent" } else { "to send" };
        let now = judged.then_some("now");
        let head = ["#", "error type", "code"].into_iter().chain(now);
        let numbers = 3 + usize::from(judged);
        let mut table =
            table(head.chain(["records", going, "first arrival (UTC)", "last arrival (UTC)"]), numbers..numbers + 2);
        for (number, kind, group) in self.numbered() {
            let code = if kind.code.is_empty() { "none" } else { &kind.code };
            let now = judged.then(|| kind.now.as_ref().map_or_else(String::new, Verdict::to_string));
            let going = if self.sends { group.sent } else { group.goes };
            let (first, last) =
                group.arrivals.map_or(("unknown".to_owned(), String::new()), |(first, last)| (time(first), time(last)));
            let texts = [number.to_string(), printable(&kind.error_type), printable(code)].into_iter().chain(now);
            table.add_row(texts.chain([grouped(group.records), grouped(going), first, last]));
        }
        table.trim_fmt()
    }

    /// One record of each group: what is told of it, and where it lies.
    fn write_samples(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, kind, group) in self.numbered() {
            let sample = &group.sample;
            let message = if self.shows_payloads { &sample.message } else { &kind.message };
            let message = if message.is_empty() { "no message" } else { message };
            writeln!(f, "  #{number} {}", printable_line(message))?;
            let attempts = sample.attempts.map(|attempts| format!(", {}", counted(attempts.unsigned_abs(), "attempt")));
            let (object, line) = (printable_line(&sample.object), sample.line);
            let (bytes, attempts) = (counted(sample.bytes as u64, "byte"), attempts.unwrap_or_default());
            writeln!(f, "     `{object}`, line {line}: {bytes}{attempts}")?;
            if !sample.detail.is_empty() {
                writeln!(f, "     now: {}", printable_line(&sample.detail))?;
            }
            if self.shows_payloads {
                writeln!(f, "     {}", printable_line(&sample.payload))?;
            }
        }
        Ok(())
    }

    /// What somebody should look at, a line each.
    fn write_problems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unreadable > 0 {
            writeln!(f, "\n{} could not be read", counted(self.unreadable, "object"))?;
        }
        if self.damaged > 0 {
            writeln!(f, "\n{} of no record: see the messages", tell(self.damaged))?;
        }
        for (code, GivenUp { records, message }) in &self.given_up {
            let message = printable_line(message);
            writeln!(f, "\n{} refused again and again: {code}: {message}", counted(*records, "record"))?;
        }
        if let Some(stopped) = &self.stopped {
            writeln!(f, "\nended early: {}", printable_line(&stopped.to_string()))?;
        }
        Ok(())
    }
}

impl Group {
    fn new(sample: Sample) -> Self {
        let (records, goes, sent, before, kept_back, too_large) = (0, 0, 0, 0, 0, 0);
        Self { records, goes, sent, before, kept_back, too_large, arrivals: None, sample }
    }
}

impl Sample {
    fn of(line: &ErrorLine, (object, number): (&str, u64), detail: String, shows_payloads: bool) -> Self {
        let shown = line.data.get(..PAYLOAD_SHOWN);
        let more = if shown.is_some() { "…" } else { "" };
        let payload = format!("{}{more}", String::from_utf8_lossy(shown.unwrap_or(&line.data)));
        Self {
            object: object.to_owned(),
            line: number,
            bytes: line.data.len(),
            attempts: line.attempts,
            detail,
            message: line.message.clone(),
            payload: if shows_payloads { payload } else { String::new() },
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        if !self.groups.is_empty() {
            writeln!(f, "\nWhat failed\n{}\n\nFor example", self.groups_table())?;
            self.write_samples(f)?;
        }
        if self.by_kind.len() > GROUPS_SHOWN {
            writeln!(f, "… and {} other ways to fail", grouped((self.by_kind.len() - GROUPS_SHOWN) as u64))?;
        }
        self.write_problems(f)
    }
}

/// A message without what it quotes of a record: all between the first and the last quotation mark, since what is quoted
/// may hold such marks itself, and what follows `with value`.
fn without_values(message: &str) -> String {
    const VALUE: &str = "with value ";
    let quoted = message.split_once('"').and_then(|(before, rest)| Some((before, rest.rsplit_once('"')?.1)));
    let message = quoted.map_or_else(|| message.to_owned(), |(before, after)| format!("{before}\"…\"{after}"));
    match message.split_once(VALUE) {
        Some((before, _)) => format!("{before}{VALUE}…"),
        None => message,
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn tell(lines: u64) -> String {
    format!("{} {}", counted(lines, "line"), if lines == 1 { "tells" } else { "tell" })
}

fn time(milliseconds: i64) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => milliseconds.to_string(),
    }
}
