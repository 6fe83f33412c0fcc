//! Times in paths, as Java's `DateTimeFormatter` writes them in UTC.

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

/// A moment, in milliseconds since 1970, by a pattern.
pub(crate) fn format(pattern: &TimestampPattern, milliseconds: i64) -> String {
    let at = date_time(milliseconds);
    let item = |item: &Item| match item {
        Item::Text(text) => text.clone(),
        Item::Field { letter, count } => field(*letter, *count, at),
    };
    pattern.items().iter().map(item).collect()
}

/// The time in an object's name: `yyyy-MM-dd-HH-mm-ss`.
pub(super) fn name(milliseconds: i64) -> String {
    date_time(milliseconds).strftime("%Y-%m-%d-%H-%M-%S").to_string()
}

fn date_time(milliseconds: i64) -> DateTime {
    let timestamp = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(TimeZone::UTC).datetime()
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
        let text = format(&pattern, milliseconds);
        assert_eq!(text, expected);
        assert!(pattern.accepts(&text), "`{pattern}` does not accept what it writes");
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
