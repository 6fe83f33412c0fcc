use super::file::BEGINNING;
use super::timeline::{LENGTH, PARTITIONS_SHOWN, lasts, steps};
use super::*;
use crate::athena::News;
use crate::firehose::{ActivePartitions, Counts};
use crate::summary::{Contents, Delivered, Rejected};
use firehose_transform::outcome::{Dropped, Reason};
use proptest::prelude::*;
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;

/// 2026-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_767_225_600_000;

fn about() -> About {
    About {
        version: "0.0.0",
        config_env: "test".into(),
        facts: vec![("layout", "!{partitionKeyFromLambda:k}/".into())],
        active_partitions: Some(500),
        began: Timestamp::UNIX_EPOCH,
        milliseconds: 1_250,
    }
}

fn page(summary: &Summary) -> String {
    render(&about(), summary).unwrap()
}

fn partition(value: &str) -> Partition {
    Partition::new(vec![PartitionValue::new(value).unwrap()])
}

/// Adds objects of a partition: records, bytes, and the seconds after midnight at which it began and was written.
fn add(summary: &mut Summary, value: &str, objects: &[(u64, u64, i64, i64)]) {
    summary.columns = vec!["k".into()];
    let fresh = Contents { place: summary.partitions.len(), ..Contents::default() };
    let contents = summary.partitions.entry(partition(value)).or_insert(fresh);
    for (records, bytes, oldest, written_at) in objects {
        contents.objects += 1;
        contents.records += records;
        contents.bytes += bytes;
        summary.objects.push(Delivered {
            partition: Some(contents.place),
            oldest: MIDNIGHT + oldest * 1_000,
            written_at: MIDNIGHT + written_at * 1_000,
            records: *records,
            bytes: *bytes,
        });
    }
}

fn sample(record: &str, detail: &str) -> Sample {
    Sample { beginning: record.into(), bytes: record.len(), detail: detail.into() }
}

/// A run in which a little of everything has happened.
fn small() -> Summary {
    let mut summary = Summary::default();
    add(&mut summary, "a", &[(5, 500, 0, 60), (1, 100, 70, 120)]);
    add(&mut summary, "b", &[(2, 2_000, 0, 120)]);
    let active = |(at, most, left)| ActivePartitions { at: MIDNIGHT + at, most, left };
    summary.counts = Counts {
        read: 14,
        delivered: 8,
        dropped: 2,
        failed: [(PROCESSING_FAILED.to_owned(), 2), ("Lambda.FunctionError".to_owned(), 1)].into(),
        refused: 1,
        most_active_partitions: 2,
        active_partitions: [(10_000, 2, 2), (60_000, 2, 1), (120_000, 2, 0)].map(active).to_vec(),
        ..Counts::default()
    };
    summary.dropped = [(Dropped::Query, 2)].into();
    let samples = vec![sample(r#"{"a":1}"#, "`k`: expected string, got nothing")];
    summary.rejected = [(Reason::Contract, Rejected { records: 2, samples })].into();
    summary.samples = [("Lambda.FunctionError".to_owned(), vec![sample("{}", "it returned an error result")])].into();
    summary.error_objects = (2, 300);
    summary.added = 1;
    summary.statements = vec!["ALTER TABLE `d`.`t` ADD IF NOT EXISTS\n  PARTITION (`k` = 'a')".into()];
    summary
}

/// The values of two attributes that stand in one tag of a page, in order.
fn attributes<'h>(html: &'h str, first: &str, second: &str) -> Vec<(&'h str, u64)> {
    let value = |tag: &'h str, name: &str| {
        tag.split_once(&format!("{name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap())
    };
    let tags = html.split('<').filter_map(|tag| Some((value(tag, first)?, value(tag, second)?)));
    tags.map(|(first, second)| (first, second.parse().unwrap())).collect()
}

/// What of each thing the page says, after it is checked that all parts of a thing are the thing.
fn stages(html: &str) -> BTreeMap<&str, u64> {
    let counts: BTreeMap<&str, u64> = attributes(html, "data-stage", "data-count").into_iter().collect();
    let mut parts: BTreeMap<&str, u64> = BTreeMap::new();
    for (of, count) in attributes(html, "data-of", "data-count") {
        *parts.entry(of).or_default() += count;
    }
    for (of, sum) in parts {
        if !of.is_empty() {
            assert_eq!(counts[of], sum, "the parts of `{of}`");
        }
    }
    counts
}

/// The text of a page as a reader goes through it, a line for each block.
fn text(html: &str) -> String {
    let (_, body) = html.split_once("<body>").unwrap();
    let mut text = String::new();
    for piece in body.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        if tag.starts_with(|first| "/hpdtus".contains(first))
            && !tag.starts_with("/b")
            && !tag.starts_with("/span")
            && !tag.starts_with("span")
        {
            text.push('\n');
        }
        text.push_str(words);
        text.push(' ');
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty() && line != "&nbsp;").collect();
    lines.join("\n").replace("&#96;", "`").replace("&#39;", "'").replace("&#34;", "\"")
}

#[test]
fn a_small_run_as_it_is_read() {
    insta::assert_snapshot!(text(&page(&small())));
}

#[test]
fn what_is_told_of_a_thing_adds_up_to_it() {
    let summary = small();
    let html = page(&summary);
    let expected = [
        ("read", 14),
        ("refused", 1),
        ("handed", 13),
        ("delivered", 8),
        ("dropped", 2),
        ("dropped-query", 2),
        ("failed", 3),
        ("failed-contract", 2),
        ("failed-Lambda.FunctionError", 1),
        ("objects", 5),
        ("objects-in-partitions", 3),
        ("objects-errors", 2),
        ("partitions", 2),
        ("partitions-added", 1),
        ("partitions-before", 1),
    ];
    assert_eq!(stages(&html), expected.into());
    let partitions = attributes(&html, "data-partition", "data-records");
    assert_eq!(partitions, [("a", 6), ("b", 2)]);
    assert_eq!(attributes(&html, "data-size", "data-objects"), [("below 1 KiB", 2), ("1 KiB to 4 KiB", 1)]);
}

#[test]
fn records_that_were_not_written_are_told() {
    let mut summary = small();
    summary.counts.read += 5;
    let html = page(&summary);
    assert_eq!(stages(&html)["unwritten"], 5);
}

#[test]
fn without_reasons_there_are_the_codes_of_firehose() {
    let mut summary = small();
    summary.rejected.clear();
    summary.dropped.clear();
    summary.samples.insert(PROCESSING_FAILED.to_owned(), vec![sample("the record", "ProcessingFailed status set")]);
    let html = page(&summary);
    let stages = stages(&html);
    assert_eq!((stages["failed-Lambda.ProcessingFailedStatus"], stages["dropped-otherwise"]), (2, 2));
    assert!(html.contains("the record"));
}

#[test]
fn a_maintainer_that_does_not_tell_is_told_of_by_the_catalog() {
    let mut summary = small();
    summary.added = 0;
    summary.add_news(News { statements: vec![], added: 2 });
    assert_eq!(stages(&page(&summary))["partitions-added"], 2);
}

#[test]
fn nothing_was_read() {
    let html = page(&Summary::default());
    assert!(html.starts_with(BEGINNING));
    insta::assert_snapshot!(text(&html), @"
    headgate run &middot; 1970-01-01 00:00:00 UTC
    test : 0 records read
    There was no record in the input.
    The run
    layout
    !{partitionKeyFromLambda:k}/
    began
    1970-01-01 00:00:00 UTC, and took 1.2 s
    headgate
    0.0.0
    Firehose, S3 and the catalog are modelled on this machine; the functions are those that are deployed. Times of records and objects are UTC.
    ");
}

#[test]
fn everything_was_rejected() {
    let mut summary = Summary::default();
    summary.counts.read = 1;
    summary.counts.refused = 1;
    let html = page(&summary);
    assert!(html.contains("1 record (100 %) was rejected."), "{html}");
    assert_eq!(
        stages(&html),
        [("read", 1), ("refused", 1), ("handed", 0), ("delivered", 0), ("dropped", 0), ("failed", 0)].into()
    );
}

#[test]
fn what_cannot_be_queried_comes_first() {
    let mut summary = small();
    summary.elsewhere = [("s3://lake/b/".to_owned(), "s3://old/b/".to_owned())].into();
    let html = page(&summary);
    assert!(html.contains(r#"data-tone="bad""#));
    assert_eq!(stages(&html)["partitions-elsewhere"], 1);
    let problem = "not registered: `s3://lake/b/` cannot be queried: its partition is registered at `s3://old/b/`";
    let place = |wanted: &str| text(&html).find(wanted).unwrap_or_else(|| panic!("{wanted}"));
    assert!(place(problem) < place("What became of them"));
}

/// A text that would do harm if it was anything but text.
const HARMFUL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;</pre></svg>--> {{ version }}\u{0}\u{1b}[31m\r\n\t\
                       \u{85}\u{200f}\u{202e}\u{2066}\u{61c}\u{feff}\u{fffe}\u{10ffff}";

/// A run that holds this text wherever a text is not ours.
fn holding(text: &str) -> (About, Summary) {
    let mut summary = small();
    let short: String = text.chars().take(1_000).collect();
    add(&mut summary, &format!("a{short}"), &[(1, 1, 0, 1)]);
    summary.columns = vec![text.into()];
    let samples = || vec![sample(text, text)];
    summary.rejected = [(Reason::QueryFailed, Rejected { records: 2, samples: samples() })].into();
    summary.counts.failed = [(PROCESSING_FAILED.to_owned(), 2), (text.to_owned(), 1)].into();
    summary.samples = [(text.to_owned(), samples())].into();
    // A statement has lines of its own.
    summary.statements = vec![text.replace(['\r', '\n'], "")];
    summary.elsewhere = [(text.to_owned(), text.to_owned())].into();
    let facts = vec![("layout", text.into()), ("records from", text.into())];
    (About { config_env: text.into(), facts, ..about() }, summary)
}

/// The tags of a page, without what is in them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').map(|tag| tag.split([' ', '>', '\n']).next().unwrap()).collect()
}

#[track_caller]
fn is_harmless(text: &str) {
    let (about, summary) = holding(text);
    let html = render(&about, &summary).unwrap();
    let (about, summary) = holding("plain");
    let plain = render(&about, &summary).unwrap();
    assert_eq!(tags(&html), tags(&plain));
    let invisible = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(html.chars().find(|c| invisible(*c)), None);
    assert!(html.len() < plain.len() + 100_000, "{} bytes", html.len());
}

#[test]
fn values_are_text_and_nothing_else() {
    is_harmless(HARMFUL);
    is_harmless(&HARMFUL.repeat(10));
    for character in ["<", ">", "\"", "'", "&", "`", "{{", "{%", "\u{0}", "\u{202e}", "]]>", "<!--", "-->"] {
        is_harmless(character);
    }
}

#[test]
fn values_are_cut_however_long() {
    is_harmless(&"x".repeat(10_000_000));
    is_harmless(&"\u{202e}".repeat(3_000_000));
}

#[test]
fn many_partitions_are_those_with_the_most_records() {
    let mut summary = Summary::default();
    for place in 0..100_000_u64 {
        add(&mut summary, &format!("{place:06}"), &[(1 + place % 1_000, 10, 0, 60)]);
    }
    let html = page(&summary);
    let lines = attributes(&html, "data-partition", "data-records");
    assert_eq!(lines.len(), PARTITIONS_SHOWN);
    assert!(lines.iter().all(|(_, records)| *records == 1_000));
    let more = attributes(&html, "data-more", "data-records");
    let all: u64 = summary.objects.iter().map(|object| object.records).sum();
    assert_eq!(more, [("99,960", all - 40_000)]);
    assert!(html.len() < 100_000, "{} bytes", html.len());
}

#[test]
fn many_objects_of_a_partition_are_few_bars() {
    let mut summary = Summary::default();
    let objects: Vec<_> = (0..100_000).map(|minute| (1, 10, minute * 60, minute * 60 + 60)).collect();
    add(&mut summary, "a", &objects);
    let timeline = Timeline::new(&summary).unwrap();
    let [line] = timeline.lines.as_slice() else { panic!("one line") };
    assert!(line.bars.len() < 200, "{} bars", line.bars.len());
    assert!(line.bars.last().unwrap().title.ends_with("to 2026-03-11 10:40:00"), "{}", line.bars.last().unwrap().title);
}

#[test]
fn active_partitions_stay_so_between_two_calls() {
    let active = |(at, most, left)| ActivePartitions { at, most, left };
    let counts = |active_partitions| Counts { active_partitions, ..Counts::default() };
    let of = |calls: &[(i64, usize, usize)]| {
        let counts = counts(calls.iter().copied().map(active).collect());
        steps(&counts, 0, 100, 10)
    };
    assert_eq!(of(&[(0, 3, 3), (100, 3, 0)]), [3; 10]);
    assert_eq!(of(&[(0, 3, 1), (55, 7, 0), (90, 1, 1)]), [3, 1, 1, 1, 1, 7, 0, 0, 0, 1]);
    assert_eq!(of(&[(50, 600, 0)]), [0, 0, 0, 0, 0, 600, 0, 0, 0, 0]);
}

#[test]
fn the_limit_is_on_the_chart_when_it_is_near() {
    let chart = |most, limit| {
        let active_partitions = vec![ActivePartitions { at: 0, most, left: 0 }];
        let counts = Counts { most_active_partitions: most, active_partitions, ..Counts::default() };
        let chart = Activity::new(&counts, limit).unwrap();
        let limit = chart.limit.map(|limit| (limit.at, limit.share, limit.is_exceeded));
        (chart.top, limit)
    };
    let with = |at, share: &str, is_exceeded| Some((at, share.to_owned(), is_exceeded));
    assert_eq!(chart(4, Some(500)), ("4".into(), with(None, "0.8 %", false)));
    assert_eq!(chart(400, Some(500)), ("500".into(), with(Some(0), "80.0 %", false)));
    assert_eq!(chart(1_000, Some(500)), ("1,000".into(), with(Some(50), "100 %", true)));
    assert_eq!(chart(1_000, None), ("1,000".into(), None));
}

#[test]
fn numbers_as_they_are_read() {
    let shares =
        [(0, 0), (0, 5), (5, 5), (1, 3), (1, 1_000_000), (999_999, 1_000_000)].map(|(part, whole)| share(part, whole));
    assert_eq!(shares, ["0 %", "0 %", "100 %", "33.3 %", "< 0.1 %", "> 99.9 %"]);
    let bytes = [0, 1_023, 1_024, 1_536, 134_217_728, 1_395_864_371].map(sizes::bytes);
    assert_eq!(bytes, ["0 B", "1,023 B", "1 KiB", "1.5 KiB", "128 MiB", "1.3 GiB"]);
    assert_eq!(
        [0, 59_999, 60_000, 7_260_000, 90_000_000].map(lasts),
        ["0 s", "59 s", "1 min 0 s", "2 h 1 min", "1 d 1 h"]
    );
    assert_eq!([0, 999, 12_345, 1_234_567].map(took), ["0 ms", "999 ms", "12.3 s", "1,234.5 s"]);
}

proptest! {
    /// Whatever became of the records, the page says it, and it adds up; all that is drawn is on the drawing.
    #[test]
    fn pages_add_up(
        delivered in prop::collection::vec((0_usize..60, 1_u64..1_000, 0_u64..1_000_000_000, 0_i64..100_000, 0_i64..10_000), 0..200),
        dropped in 0_u64..1_000,
        dropped_by_query in 0_u64..1_000,
        contract in 0_u64..1_000,
        not_json in 0_u64..1_000,
        crashed in 0_u64..1_000,
        refused in 0_u64..1_000,
        unwritten in 0_u64..1_000,
    ) {
        let mut summary = Summary::default();
        for (partition, records, bytes, oldest, lasts) in &delivered {
            add(&mut summary, &partition.to_string(), &[(*records, *bytes, *oldest, oldest + lasts)]);
        }
        let records: u64 = delivered.iter().map(|(_, records, ..)| records).sum();
        let failed = [(PROCESSING_FAILED.to_owned(), contract + not_json), ("Lambda.FunctionError".to_owned(), crashed)];
        let dropped_by_query = dropped_by_query.min(dropped);
        let read = records + dropped + contract + not_json + crashed + refused + unwritten;
        summary.counts = Counts { read, delivered: records, dropped, failed: failed.into(), refused, ..Counts::default() };
        summary.dropped = [(Dropped::Query, dropped_by_query)].into();
        let rejected = |records| Rejected { records, samples: vec![] };
        summary.rejected = [(Reason::Contract, rejected(contract)), (Reason::NotJson, rejected(not_json))].into();
        let html = page(&summary);
        let stages = stages(&html);
        let of = |stage: &str| stages.get(stage).copied().unwrap_or_default();
        prop_assert_eq!(
            [of("read"), of("refused"), of("delivered"), of("dropped"), of("dropped-query"), of("dropped-otherwise"), of("unwritten")],
            [read, refused, records, dropped, dropped_by_query, dropped - dropped_by_query, unwritten]
        );
        prop_assert_eq!(
            [of("failed-contract"), of("failed-not-json"), of("failed-Lambda.FunctionError")],
            [contract, not_json, crashed]
        );
        let of_partitions = attributes(&html, "data-partition", "data-records").into_iter();
        let of_more = attributes(&html, "data-more", "data-records").into_iter();
        prop_assert_eq!(of_partitions.chain(of_more).map(|(_, records)| records).sum::<u64>(), records);
        let sizes = attributes(&html, "data-size", "data-objects").into_iter();
        prop_assert_eq!(sizes.map(|(_, objects)| objects).sum::<u64>(), delivered.len() as u64);
        for line in Timeline::new(&summary).into_iter().flat_map(|timeline| timeline.lines) {
            for bar in &line.bars {
                prop_assert!(bar.from >= 0 && bar.length > 0 && bar.from + bar.length <= LENGTH, "{} {}", bar.from, bar.length);
            }
        }
    }

    /// The median is that of all, whatever their sizes, and each is in its class.
    #[test]
    fn sizes_are_those_of_the_objects(mut objects in prop::collection::vec(0_u64..300_000_000, 1..100)) {
        let sizes = Sizes::new(objects.iter().copied()).unwrap();
        objects.sort_unstable();
        prop_assert_eq!(sizes.exactly, [objects[0], objects[(objects.len() - 1) / 2], *objects.last().unwrap()]);
        prop_assert_eq!(sizes.classes.iter().map(|class| class.objects).sum::<u64>(), objects.len() as u64);
        prop_assert!(sizes.classes.first().unwrap().objects > 0 && sizes.classes.last().unwrap().objects > 0);
    }
}
