//! Records that Firehose could not deliver go back into the stream that they came from.
//!
//! In reading order:
//!
//! - [`redrive`]: error objects are read, told of, and their records sent;
//! - [`error_object`]: what stands in them, and [`report`], what is told of it;
//! - [`judge`]: the transform function is asked what it makes of a record today;
//! - [`send`]: records go out in batches to a [`destination`], and the [`ledger`] keeps which of them have arrived;
//! - [`folder`]: error objects as files; those in S3, and streams, are in `aws`, with the feature of that name;
//! - [`command`]: the command line.

pub mod command;
pub mod destination;
pub mod error_object;
pub mod folder;
pub mod judge;
pub mod ledger;
pub mod report;
pub mod send;

use error_object::{ErrorLine, LineFault};
use jiff::Timestamp;
use judge::{Judge, Verdict};
use ledger::{Known, LineHash, Place, Sent};
use report::{Fate, Kind, Report};
use send::{Outgoing, Sender, Stopped, Stream};
use std::fmt;

/// Where error objects come from.
pub trait ErrorObjects {
    /// All of them, in the order in which they are read.
    fn list(&mut self) -> Result<Vec<Listed>, String>;
    /// What is in one of those that were listed. They are read one after the other.
    fn read(&mut self, listed: &[Listed], place: usize) -> Result<Vec<u8>, String>;
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, which tells it from all others, everywhere.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// Which records are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those of these error types; of all, if there is none.
    pub error_types: Vec<String>,
    /// Those with these error codes; with all, if there is none.
    pub error_codes: Vec<String>,
    /// Those that came then or later.
    pub since: Option<Timestamp>,
    /// Those that came before then.
    pub until: Option<Timestamp>,
    /// Those that the transform function would not fail again.
    pub skip_failing: bool,
}

/// What is to be done with the records.
pub enum Mode<'m, S> {
    /// Nothing: they are shown, with what was sent before.
    Show(Sent),
    /// They are sent.
    Send(Sender<'m, S>),
}

/// What a run tells while it lasts.
pub struct Watcher<'w> {
    /// Hears what is wrong, a line each.
    pub message: &'w mut dyn FnMut(&str),
    /// Hears how many bytes of objects are done.
    pub progress: &'w mut dyn FnMut(u64),
    /// Whether the user wants no more.
    pub interrupted: &'w dyn Fn() -> bool,
}

/// Reads objects, and shows or sends the records in them, in their order.
///
/// What is damaged is told and left out; the rest goes on. Sending ends early where it has no sense any more.
pub fn redrive<S: Stream>(
    objects: &mut dyn ErrorObjects,
    listed: &[Listed],
    selection: &Selection,
    mode: Mode<'_, S>,
    judge: Option<Judge>,
    report: Report,
    mut watcher: Watcher<'_>,
) -> Report {
    let mut run = Run { selection, mode, judge, report };
    let mut done = 0;
    for (place, object) in listed.iter().enumerate() {
        if run.report.stopped.is_none() && (watcher.interrupted)() {
            run.report.stopped = Some(Stopped::Interrupted);
        }
        if run.report.stopped.is_some() {
            break;
        }
        run.report.objects += 1;
        match objects.read(listed, place) {
            Ok(body) => run.add_object(&object.name, &body, &mut watcher),
            Err(error) => run.unreadable(&object.name, &error, &mut watcher),
        }
        done += object.bytes;
        (watcher.progress)(done);
    }
    run.finish()
}

struct Run<'r, 'm, S> {
    selection: &'r Selection,
    mode: Mode<'m, S>,
    judge: Option<Judge>,
    report: Report,
}

impl<S: Stream> Run<'_, '_, S> {
    fn add_object(&mut self, name: &str, body: &[u8], watcher: &mut Watcher<'_>) {
        let error_type = error_object::error_type_of_name(name);
        let mut damage = Damage::default();
        let read = error_object::for_each_line(body, &mut |number, line| {
            let parsed = line.and_then(|line| Ok((LineHash::of(line), error_object::parse(line)?)));
            match parsed {
                Ok((hash, record)) => {
                    let place = Place { object: name.to_owned(), line: number, hash };
                    let error_type = error_type.or(record.error_type).unwrap_or("unknown");
                    self.add_record(error_type, record, place, watcher);
                }
                Err(fault) => {
                    self.report.damaged += 1;
                    damage.add(name, number, fault, watcher);
                }
            }
            self.report.stopped.is_none()
        });
        damage.tell(name, watcher);
        if let Err(error) = read {
            self.unreadable(name, &format!("damaged from here on: {error}"), watcher);
        }
    }

    fn unreadable(&mut self, name: &str, error: &str, watcher: &mut Watcher<'_>) {
        self.report.unreadable += 1;
        (watcher.message)(&format!("`{name}`: {error}"));
    }

    fn add_record(&mut self, error_type: &str, record: ErrorLine, place: Place, watcher: &mut Watcher<'_>) {
        if !self.selection.has(error_type, &record) {
            self.report.left_out += 1;
            return;
        }
        let (now, detail) = self.judge.as_mut().map(|judge| judge.ask(&record)).unzip();
        let fails = matches!(now, Some(Verdict::Fails(_)));
        let (sent, too_large) = match &self.mode {
            Mode::Show(sent) => (sent, false),
            Mode::Send(sender) => (sender.ledger().sent(), record.data.len() > sender.largest()),
        };
        let known = sent.known(&place.object, place.line, place.hash);
        let fate = match known {
            Known::Sent => Fate::WentBefore,
            Known::No | Known::OtherText if self.selection.skip_failing && fails => Fate::KeptBack,
            Known::No | Known::OtherText if too_large => Fate::TooLarge,
            Known::No | Known::OtherText => Fate::Goes,
        };
        if known == Known::OtherText {
            let Place { object, line, .. } = &place;
            (watcher.message)(&format!("`{object}`, line {line}: another text was sent of it: the object has changed"));
        }
        if let (Fate::TooLarge, Mode::Send(sender)) = (fate, &self.mode) {
            let (Place { object, line, .. }, bytes, most) = (&place, record.data.len(), sender.largest());
            (watcher.message)(&format!("`{object}`, line {line}: {bytes} bytes, expected at most {most}"));
        }
        let kind = Kind::of(error_type, &record, now);
        let group = self.report.add(kind, fate, &record, (&place.object, place.line), detail.unwrap_or_default());
        if let (Fate::Goes, Mode::Send(sender)) = (fate, &mut self.mode) {
            let outgoing = Outgoing { place, data: record.data, refusals: 0, group };
            let report = &mut self.report;
            if let Err(stopped) = sender.push(outgoing, &mut |group| report.sent(group)) {
                self.report.stopped = Some(stopped);
            }
        }
    }

    fn finish(mut self) -> Report {
        let report = &mut self.report;
        if let Mode::Send(sender) = &mut self.mode {
            if report.stopped.is_none()
                && let Err(stopped) = sender.finish(&mut |group| report.sent(group))
            {
                report.stopped = Some(stopped);
            }
            report.given_up.clone_from(sender.given_up());
        }
        self.report
    }
}

impl Selection {
    /// Whether a record is meant. One of which it is not known when it came is not, if that matters.
    fn has(&self, error_type: &str, record: &ErrorLine) -> bool {
        let one_of = |wanted: &[String], found: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == found);
        let arrival = record.arrival;
        one_of(&self.error_types, error_type)
            && one_of(&self.error_codes, &record.code)
            && self.since.is_none_or(|since| arrival.is_some_and(|arrival| arrival >= since.as_millisecond()))
            && self.until.is_none_or(|until| arrival.is_some_and(|arrival| arrival < until.as_millisecond()))
    }
}

/// Lines that follow each other and are damaged alike, so that an object which is none of Firehose's is told in one line.
#[derive(Default)]
struct Damage(Option<(LineFault, u64, u64)>);

impl Damage {
    fn add(&mut self, name: &str, number: u64, fault: LineFault, watcher: &mut Watcher<'_>) {
        match &mut self.0 {
            Some((same, _, last)) if *same == fault && *last + 1 == number => *last = number,
            _ => {
                self.tell(name, watcher);
                self.0 = Some((fault, number, number));
            }
        }
    }

    fn tell(&mut self, name: &str, watcher: &mut Watcher<'_>) {
        if let Some((fault, first, last)) = self.0.take() {
            let lines = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
            (watcher.message)(&format!("`{name}`, {lines}: {fault}"));
        }
    }
}

impl<S> fmt::Debug for Mode<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Show(_) => "Show",
            Self::Send(_) => "Send",
        })
    }
}

#[cfg(test)]
mod tests;
