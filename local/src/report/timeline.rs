//! When partitions got their records, and how many were active at once, by the simulated clock.

use super::{breakdown, sizes};
use crate::firehose::Counts;
use crate::summary::{Contents, Delivered, Summary, cut, grouped};
use jiff::{SignedDuration, Timestamp};
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Partitions that have a line; of more, those with the most records.
pub(super) const PARTITIONS_SHOWN: usize = 40;
/// Characters of a partition that are shown.
const PARTITION_SHOWN: usize = 60;
/// The length of a line in time.
pub(super) const LENGTH: i64 = 1_000;
/// Bars of which one begins before the other has been seen to end are one.
const SMALLEST_GAP: i64 = 3;
/// The shortest bar.
const SHORTEST: i64 = 4;
/// Steps of the chart of active partitions.
const STEPS: usize = 200;
/// Lines of the table behind it.
const ROWS: usize = 20;
/// The height of that chart.
const HEIGHT: usize = 100;

/// When each partition got its records.
pub(super) struct Timeline {
    /// The names of the partition columns.
    pub(super) columns: String,
    pub(super) begin: String,
    pub(super) end: String,
    pub(super) lasts: String,
    pub(super) lines: Vec<Line>,
    /// What the partitions without a line have.
    pub(super) more: Option<More>,
}

/// A partition.
pub(super) struct Line {
    pub(super) partition: String,
    pub(super) records: u64,
    pub(super) number: String,
    pub(super) objects: String,
    pub(super) bytes: String,
    pub(super) bars: Vec<Bar>,
}

/// Objects of a partition, from the arrival of their first record until they were written.
pub(super) struct Bar {
    pub(super) from: i64,
    pub(super) length: i64,
    pub(super) title: String,
    end: i64,
    objects: u64,
    records: u64,
    first: i64,
    last: i64,
}

/// Partitions beyond those with a line.
pub(super) struct More {
    pub(super) partitions: String,
    pub(super) records: u64,
    pub(super) number: String,
}

/// How many partitions were active at once.
pub(super) struct Activity {
    pub(super) most: usize,
    pub(super) number: String,
    pub(super) limit: Option<Limit>,
    /// The number at the top of the chart.
    pub(super) top: String,
    pub(super) height: usize,
    pub(super) length: usize,
    /// The outline of the chart, as SVG has paths.
    pub(super) path: String,
    pub(super) begin: String,
    pub(super) end: String,
    /// The table behind the chart: a time, and the most from it to the next.
    pub(super) rows: Vec<(String, String)>,
}

/// How many may be.
pub(super) struct Limit {
    pub(super) number: usize,
    /// How much of it was reached.
    pub(super) share: String,
    pub(super) is_exceeded: bool,
    /// How far below the top of the chart it is, if it is on it.
    pub(super) at: Option<usize>,
}

impl Timeline {
    /// The lines of a run; none if nothing was written.
    pub(super) fn new(summary: &Summary) -> Option<Self> {
        let begin = summary.objects.iter().map(|object| object.oldest).min()?;
        let end = summary.objects.iter().map(|object| object.written_at).max()?;
        let scale = Scale { begin, end };
        let mut by_records: Vec<&Contents> = summary.partitions.values().collect();
        by_records.sort_by_key(|contents| std::cmp::Reverse((contents.records, contents.place)));
        let shown = by_records.iter().take(PARTITIONS_SHOWN).map(|contents| (contents.place, Vec::new()));
        let mut bars: BTreeMap<usize, Vec<Bar>> = shown.collect();
        for object in &summary.objects {
            if let Some(bars) = object.partition.and_then(|place| bars.get_mut(&place)) {
                scale.add(object, bars);
            }
        }
        let line = |(partition, contents): (&Partition, &Contents)| {
            let bars = bars.remove(&contents.place)?;
            let values: Vec<String> =
                partition.values().iter().map(|value| cut(value.as_str(), PARTITION_SHOWN)).collect();
            Some(Line {
                partition: values.join(" / "),
                records: contents.records,
                number: grouped(contents.records),
                objects: grouped(contents.objects),
                bytes: sizes::bytes(contents.bytes),
                bars: bars.into_iter().map(Bar::titled).collect(),
            })
        };
        let lines: Vec<Line> = summary.partitions.iter().filter_map(line).collect();
        let more = summary.partitions.len() - lines.len();
        let records: u64 = by_records.iter().skip(PARTITIONS_SHOWN).map(|contents| contents.records).sum();
        let more = More { partitions: grouped(more as u64), records, number: grouped(records) };
        Some(Self {
            columns: summary.columns.iter().map(|column| cut(column, PARTITION_SHOWN)).collect::<Vec<_>>().join(" / "),
            begin: moment(begin),
            end: moment(end),
            lasts: lasts(end - begin),
            more: (summary.partitions.len() > lines.len()).then_some(more),
            lines,
        })
    }
}

/// From milliseconds since 1970 to places on a line.
struct Scale {
    begin: i64,
    end: i64,
}

impl Scale {
    fn place(&self, at: i64) -> i64 {
        let (since, all) = (i128::from(at - self.begin), i128::from((self.end - self.begin).max(1)));
        i64::try_from(since * i128::from(LENGTH) / all).unwrap_or(LENGTH).clamp(0, LENGTH)
    }

    /// Adds an object to the bars of its partition, in which objects come in the order in which they were written.
    fn add(&self, object: &Delivered, bars: &mut Vec<Bar>) {
        let end = self.place(object.written_at).max(SHORTEST);
        let from = self.place(object.oldest).min(end - SHORTEST);
        if let Some(bar) = bars.last_mut()
            && from < bar.end + SMALLEST_GAP
            && end - bar.end < SHORTEST + SMALLEST_GAP
        {
            bar.end = bar.end.max(end);
            bar.length = bar.end - bar.from;
            bar.objects += 1;
            bar.records += object.records;
            bar.last = bar.last.max(object.written_at);
            return;
        }
        // Objects that follow one another are told apart.
        let after = bars.last().map_or(0, |bar| bar.end + SMALLEST_GAP);
        let from = from.max(after.min(end - 1));
        bars.push(Bar {
            from,
            length: end - from,
            title: String::new(),
            end,
            objects: 1,
            records: object.records,
            first: object.oldest,
            last: object.written_at,
        });
    }
}

impl Bar {
    fn titled(mut self) -> Self {
        let (records, objects) = (super::counted(self.records, "record"), super::counted(self.objects, "object"));
        self.title = format!("{records} in {objects}, {} to {}", moment(self.first), moment(self.last));
        self
    }
}

impl Activity {
    /// The chart of a run; none if nothing was ever active. With a limit on how many may be, unless there is none.
    pub(super) fn new(counts: &Counts, limit: Option<usize>) -> Option<Self> {
        let most = counts.most_active_partitions;
        let begin = counts.active_partitions.first()?.at;
        let end = counts.active_partitions.last()?.at;
        if most == 0 {
            return None;
        }
        let steps = steps(counts, begin, end, STEPS);
        // The limit is on the chart as soon as that does not hide the rest.
        let limit_shown = limit.filter(|limit| most * 4 >= *limit);
        let top = most.max(limit_shown.unwrap_or_default());
        let below_top = |active: usize| HEIGHT - active * HEIGHT / top;
        let mut path = format!("M0 {HEIGHT}");
        for (step, active) in steps.iter().enumerate() {
            // Writing to a text does not fail.
            let _written = write!(path, "V{}H{}", below_top(*active), step + 1);
        }
        let _written = write!(path, "V{HEIGHT}Z");
        let time =
            |row: usize| begin + (end - begin) * i64::try_from(row).unwrap_or(0) / i64::try_from(ROWS).unwrap_or(1);
        let rows = self::steps(counts, begin, end, ROWS).into_iter().enumerate();
        Some(Self {
            most,
            number: grouped(most as u64),
            limit: limit.map(|limit| Limit {
                number: limit,
                share: super::share(most as u64, limit as u64),
                is_exceeded: most > limit,
                at: limit_shown.map(below_top),
            }),
            top: grouped(top as u64),
            height: HEIGHT,
            length: STEPS,
            path,
            begin: moment(begin),
            end: moment(end),
            rows: rows.map(|(row, active)| (moment(time(row)), grouped(active as u64))).collect(),
        })
    }
}

/// The most partitions that were active in each of these parts of the time.
pub(super) fn steps(counts: &Counts, begin: i64, end: i64, number: usize) -> Vec<usize> {
    let mut steps = vec![0; number];
    let place = |at: i64| {
        let of_all = i128::from(at - begin) * number as i128 / i128::from((end - begin).max(1));
        usize::try_from(of_all).unwrap_or(0).min(number - 1)
    };
    let mut left = (0, 0);
    for active in &counts.active_partitions {
        let here = place(active.at);
        // What stayed open was so until now.
        for step in steps.iter_mut().take(here + 1).skip(left.0) {
            *step = left.1.max(*step);
        }
        if let Some(step) = steps.get_mut(here) {
            *step = active.most.max(*step);
        }
        left = (here, active.left);
    }
    steps
}

/// A moment as the page shows it.
fn moment(milliseconds: i64) -> String {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// How long something lasts, in its two largest units.
pub(super) fn lasts(milliseconds: i64) -> String {
    let seconds = SignedDuration::from_millis(milliseconds).as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

const _: () = assert!(LENGTH as u64 == breakdown::LENGTH, "one style draws both");
