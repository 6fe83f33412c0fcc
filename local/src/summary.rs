//! What a person wants to see of a run.

use crate::athena::{News, SharedCatalog};
use crate::catalog::texts;
use crate::deployment::Deployment;
use crate::firehose::{Counts, Object};
use crate::samples::{self, Sample};
use comfy_table::{CellAlignment, Table, presets};
use firehose_transform::outcome::{Dropped, Reason};
use registrar::catalog::CatalogError;
use registrar::handler::Scope;
use registrar::report::Elsewhere;
use shared::layout::{Capture, KeyFault, Layout};
use shared::object_key::ObjectKey;
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// The outcome of a run. Its `Display` is what the command prints.
#[derive(Debug, Default)]
pub struct Summary {
    /// What became of the records.
    pub counts: Counts,
    /// Notifications that were given up.
    pub dead_letters: u64,
    /// The partition columns of the layout.
    pub(crate) columns: Vec<String>,
    /// What this run has put into each partition.
    pub(crate) partitions: BTreeMap<Partition, Contents>,
    /// Each object with records, in the order in which they were written. An object is a file, so that these are the less.
    pub(crate) objects: Vec<Delivered>,
    /// Objects with errors, and their bytes.
    pub(crate) error_objects: (u64, u64),
    /// Records that the function dropped, as far as it told why.
    pub(crate) dropped: BTreeMap<Dropped, u64>,
    /// Records that the function failed, as far as it told why.
    pub(crate) rejected: BTreeMap<Reason, Rejected>,
    /// Records of the error objects, by code.
    pub(crate) samples: BTreeMap<String, Vec<Sample>>,
    /// Partitions that were not registered, and are now, as the maintainer tells.
    pub(crate) added: u64,
    /// The same, as a lake's catalog tells.
    added_to_lake: u64,
    /// The first statements.
    pub(crate) statements: Vec<String>,
    /// Statements beyond those that are kept to be shown.
    pub(crate) more_statements: u64,
    /// The locations at which partitions are that should be at another one, which is the key.
    pub(crate) elsewhere: BTreeMap<String, String>,
    /// Locations that are not registered, though the maintainer has not failed.
    pub(crate) forgotten: Vec<String>,
    /// Whether the functions tell why they reject records: those that run elsewhere do not.
    without_reasons: bool,
    /// Invocations that failed, by what was said of them.
    failed_invocations: BTreeMap<String, u64>,
    /// The first errors.
    errors: Vec<CatalogError>,
    /// Errors beyond those that are kept to be shown.
    more_errors: u64,
}

/// What lies in a partition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contents {
    /// Its place in the order in which partitions were first written to, from 0 on.
    pub(crate) place: usize,
    pub(crate) objects: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// An object that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    /// The place of its partition; none if it lies in no partition of the layout, though it holds no errors.
    pub(crate) partition: Option<usize>,
    /// When its oldest record arrived, in milliseconds since 1970.
    pub(crate) oldest: i64,
    /// When it was written, in milliseconds since 1970.
    pub(crate) written_at: i64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// Records rejected for one reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejected {
    pub(crate) records: u64,
    pub(crate) samples: Vec<Sample>,
}

/// The code of the records that the transform function failed.
pub(crate) const PROCESSING_FAILED: &str = "Lambda.ProcessingFailedStatus";

/// Records that never enter the stream, and why.
pub(crate) const REFUSED: &str = "not taken by the stream";
pub(crate) const WHY_REFUSED: &str = "a stream takes records of at most 1,000 KiB";

/// Statements that are printed; the rest are in the file.
const STATEMENTS_SHOWN: usize = 5;
/// Errors of the catalog that are printed.
const ERRORS_SHOWN: usize = 20;
/// Lines of a statement.
pub(crate) const LINES_SHOWN: usize = 24;
/// Partitions that are printed; the rest are in the catalog.
const PARTITIONS_SHOWN: usize = 50;
/// Ways of failing that invocations are counted by; the rest are counted as one.
const FAULTS_SHOWN: usize = 5;
const OTHERWISE: &str = "failed otherwise";
/// Characters of a value that are printed.
const CHARACTERS_SHOWN: usize = 60;

impl Summary {
    /// Whether every record that was delivered can be queried.
    pub fn is_complete(&self) -> bool {
        self.dead_letters == 0 && self.forgotten.is_empty() && self.elsewhere.is_empty() && self.strays() == 0
    }

    /// Objects that lie in no partition of the layout, though they hold no errors.
    pub(crate) fn strays(&self) -> u64 {
        self.objects.iter().filter(|object| object.partition.is_none()).count() as u64
    }

    pub(crate) fn add_transform_report(
        &mut self,
        report: firehose_transform::report::Report,
        examples: Vec<(Reason, Sample)>,
    ) {
        for (reason, records) in report.dropped {
            *self.dropped.entry(reason).or_default() += records;
        }
        for (reason, records) in report.failed {
            self.rejected.entry(reason).or_default().records += records;
        }
        for (reason, sample) in examples {
            samples::add(sample, &mut self.rejected.entry(reason).or_default().samples);
        }
    }

    pub(crate) fn add_object(&mut self, layout: &Layout, object: &Object) {
        if self.columns.is_empty() {
            self.columns = layout.captures().iter().map(Capture::column).map(str::to_owned).collect();
        }
        let bytes = object.body.len() as u64;
        let partition = match layout.matches(&ObjectKey::from_plain(object.key.as_str())) {
            Ok(partition) => {
                let fresh = Contents { place: self.partitions.len(), ..Contents::default() };
                let contents = self.partitions.entry(partition).or_insert(fresh);
                contents.objects += 1;
                contents.records += object.records;
                contents.bytes += bytes;
                Some(contents.place)
            }
            Err(KeyFault::ErrorObject) => {
                self.error_objects.0 += 1;
                self.error_objects.1 += bytes;
                samples::add_error_object(&object.body, &mut self.samples);
                return;
            }
            Err(_) => None,
        };
        let Object { oldest, written_at, records, .. } = *object;
        self.objects.push(Delivered { partition, oldest, written_at, records, bytes });
    }

    /// Counts an invocation of a function that is only heard from outside; what it says when it fails.
    pub(crate) fn add_invocation(&mut self, fault: Option<String>) {
        self.without_reasons = true;
        if let Some(fault) = fault {
            let room = self.failed_invocations.len() < FAULTS_SHOWN;
            let fault = if room || self.failed_invocations.contains_key(&fault) { fault } else { OTHERWISE.to_owned() };
            *self.failed_invocations.entry(fault).or_default() += 1;
        }
    }

    pub(crate) fn add_maintainer_report(&mut self, report: registrar::report::Report) {
        self.added += report.added;
        let errors = report.failures.into_iter().map(|failure| failure.error);
        for error in errors {
            if self.errors.len() < ERRORS_SHOWN {
                self.errors.push(error);
            } else {
                self.more_errors += 1;
            }
        }
        let elsewhere = report.elsewhere.into_iter();
        self.elsewhere.extend(elsewhere.map(|Elsewhere { wanted, registered }| (wanted, registered)));
    }

    /// Partitions that were not registered, and are now: a maintainer or a catalog that runs elsewhere does not tell.
    pub(crate) fn added(&self) -> u64 {
        self.added.max(self.added_to_lake)
    }

    /// Holds the partitions that objects were written to against the catalog, where the maintainer does not tell what it has done.
    pub(crate) fn look_for_partitions(&mut self, deployment: &Deployment, catalog: &SharedCatalog) {
        let Scope { layout, bucket } = &deployment.maintainer_config.scope;
        catalog.look(|catalog| {
            let Some(table) = catalog.tables.get(&deployment.table_name) else { return };
            let Ok(columns) = table.partition_columns() else { return };
            for partition in self.partitions.keys() {
                let (Ok(canonical), Ok(folder)) = (columns.canonical(partition), layout.render(partition)) else {
                    continue;
                };
                let wanted = format!("s3://{bucket}/{folder}");
                match table.partitions.get(&texts(&canonical)) {
                    Some(registered) if *registered == wanted => {}
                    Some(registered) => {
                        self.elsewhere.insert(wanted, registered.clone());
                    }
                    // What was given up is told as such.
                    None if self.dead_letters > 0 => {}
                    None => self.forgotten.push(wanted),
                }
            }
        });
    }

    pub(crate) fn add_news(&mut self, news: News) {
        self.added_to_lake += news.added as u64;
        for statement in news.statements {
            if self.statements.len() < STATEMENTS_SHOWN {
                self.statements.push(statement);
            } else {
                self.more_statements += 1;
            }
        }
    }

    fn partitions_table(&self) -> String {
        let head = self.columns.iter().map(String::as_str).chain(["objects", "records", "bytes"]);
        let mut table = table(head, self.columns.len()..self.columns.len() + 3);
        for (partition, contents) in self.partitions.iter().take(PARTITIONS_SHOWN) {
            let values = partition.values().iter().map(|value| printable(value.as_str()));
            let numbers = [contents.objects, contents.records, contents.bytes].map(grouped);
            table.add_row(values.chain(numbers));
        }
        table.trim_fmt()
    }

    fn rejected_table(&self) -> String {
        let mut table = table(["reason", "records", "for example"].into_iter(), 1..2);
        for (reason, rejected) in &self.rejected {
            let example = rejected.samples.first().map(|sample| sample.detail.clone()).unwrap_or_default();
            table.add_row([reason.to_string(), grouped(rejected.records), example]);
        }
        // What Firehose itself could not deliver; the function's own failures are above, by its reasons.
        let told = |code: &str| code == PROCESSING_FAILED && !self.without_reasons;
        let by_firehose = self.counts.failed.iter().filter(|(code, _)| !told(code));
        for (code, records) in by_firehose {
            table.add_row([code.clone(), grouped(*records), "see the error objects".to_owned()]);
        }
        if self.counts.refused > 0 {
            let row = [REFUSED.to_owned(), grouped(self.counts.refused), WHY_REFUSED.to_owned()];
            table.add_row(row);
        }
        table.trim_fmt()
    }

    fn write_statements(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.statements.is_empty() {
            writeln!(f, "\nStatements that the maintainer ran")?;
        }
        for statement in &self.statements {
            let lines = statement.lines().count();
            statement.lines().take(LINES_SHOWN).try_for_each(|line| writeln!(f, "{}", printable_line(line)))?;
            if lines > LINES_SHOWN {
                writeln!(f, "  … and {} more partitions", grouped((lines - LINES_SHOWN) as u64))?;
            }
        }
        if self.more_statements > 0 {
            writeln!(f, "… and {} more statements, all in statements.sql", grouped(self.more_statements))?;
        }
        Ok(())
    }

    /// What somebody should look at.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (wanted, registered) in self.elsewhere.iter().take(STATEMENTS_SHOWN) {
            let line = format!("`{wanted}` cannot be queried: its partition is registered at `{registered}`");
            problems.push(format!("not registered: {}", printable_line(&line)));
        }
        if self.elsewhere.len() > STATEMENTS_SHOWN {
            let more = grouped((self.elsewhere.len() - STATEMENTS_SHOWN) as u64);
            problems.push(format!("{more} more are registered at other locations"));
        }
        if let Some(first) = self.forgotten.first() {
            let (number, first) = (grouped(self.forgotten.len() as u64), printable_line(first));
            let reason = "one that has run before remembers what it has registered, in whichever lake";
            let remedy = "start the function anew, or run `headgate reconcile`";
            problems.push(format!(
                "not registered: {number} partitions, such as `{first}`, of which the maintainer knows: {reason}; {remedy}"
            ));
        }
        if self.strays() > 0 {
            problems.push(format!("{} objects lie in no partition of the layout", grouped(self.strays())));
        }
        if self.counts.untold > 0 {
            let untold = grouped(self.counts.untold);
            problems.push(format!("without a time of arrival: {untold}, each of which came with the record before it"));
        }
        if self.counts.late > 0 {
            let late = grouped(self.counts.late);
            let rule = "each of which came with that";
            problems.push(format!("with an earlier time of arrival than the record before: {late}, {rule}"));
        }
        problems.extend(self.failed_invocations.iter().map(|(fault, times)| {
            let times = if *times == 1 { "once".to_owned() } else { format!("{} times", grouped(*times)) };
            format!("failed {times}: {}", printable_line(fault))
        }));
        problems
            .extend(self.errors.iter().map(|error| format!("not registered: {}", printable_line(&error.to_string()))));
        if self.more_errors > 0 {
            problems.push(format!("the catalog refused {} times more", grouped(self.more_errors)));
        }
        if self.dead_letters > 0 {
            problems.push(format!("{} notifications went to the dead-letter queue", grouped(self.dead_letters)));
        }
        problems
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { read, taken_out, delivered, dropped, not_written, .. } = self.counts;
        let records = if read == 1 { "record" } else { "records" };
        let held = if taken_out > 0 { format!(", which held {}", grouped(read + taken_out)) } else { String::new() };
        let [read, delivered, dropped, rejected] = [read, delivered, dropped, self.counts.rejected()].map(grouped);
        write!(f, "{read} {records} read{held}: {delivered} delivered, {dropped} dropped, {rejected} rejected")?;
        if not_written > 0 {
            write!(f, ", {} not written", grouped(not_written))?;
        }
        writeln!(f)?;
        if !self.partitions.is_empty() {
            writeln!(f, "\nPartitions\n{}", self.partitions_table())?;
        }
        if self.partitions.len() > PARTITIONS_SHOWN {
            let more = grouped((self.partitions.len() - PARTITIONS_SHOWN) as u64);
            writeln!(f, "… and {more} more, all in the catalog")?;
        }
        if self.counts.rejected() > 0 {
            writeln!(f, "\nRejected records, by reason\n{}", self.rejected_table())?;
        }
        self.write_statements(f)?;
        self.problems().iter().try_for_each(|problem| writeln!(f, "\n{problem}"))
    }
}

/// A table with these columns, of which some hold numbers.
pub(crate) fn table<'h>(head: impl Iterator<Item = &'h str>, numbers: Range<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(head.collect::<Vec<_>>());
    for place in numbers {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with a comma at each thousand.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A value as a terminal may see it: no control characters, and not endless.
pub(crate) fn printable(value: &str) -> String {
    cut(value, CHARACTERS_SHOWN)
}

/// The first characters of a text that may hold anything, as a terminal may see them.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    let beginning: String = text.chars().take(characters).collect();
    let more = if text.chars().nth(characters).is_some() { "…" } else { "" };
    printable_line(&beginning) + more
}

/// A text that may hold anything, as a terminal may see it.
pub(crate) fn printable_line(text: &str) -> String {
    // Controls, invisible characters, and those that turn the direction of what follows.
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let printable = |c: char| if harmful(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn terminals_see_no_control_characters() {
        assert_eq!(printable("a\u{1b}[31m\u{85}é"), "a\\u{1b}[31m\\u{85}é");
        assert_eq!(printable(&"x".repeat(100)).chars().count(), 61);
    }
}
