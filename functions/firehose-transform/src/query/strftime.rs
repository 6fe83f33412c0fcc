//! The formats of times that most programs use, read and written without a library's detours.

use crate::calendar::{MONTHS, date_time, number, two_digits, two_digits_in_quotes};
use bumpalo::Bump;
use bumpalo::collections::String as BumpString;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A format of `strftime`, of digits, signs and the names of months.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    MonthName,
}

impl Format {
    /// Reads a format, unless there is something else in it.
    pub(super) fn parse(format: &str) -> Option<Self> {
        use Part::{Day, Hour, Minute, Month, MonthName, Second, Text, Year};
        // What is written is JSON at once.
        if crate::json::is_special(format) {
            return None;
        }
        let mut parts = Vec::new();
        let text = |text: &str| Text(text.to_owned());
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                parts.push(Text(character.to_string()));
                continue;
            }
            match characters.next()? {
                'Y' => parts.push(Year),
                'm' => parts.push(Month),
                'd' => parts.push(Day),
                'H' => parts.push(Hour),
                'M' => parts.push(Minute),
                'S' => parts.push(Second),
                'b' | 'h' => parts.push(MonthName),
                'F' => parts.extend([Year, text("-"), Month, text("-"), Day]),
                'T' => parts.extend([Hour, text(":"), Minute, text(":"), Second]),
                '%' => parts.push(text("%")),
                _ => return None,
            }
        }
        Some(Self(parts))
    }

    /// Writes a time as a JSON string, if its year has four digits.
    pub(super) fn write<'a>(&self, time: DateTime, arena: &'a Bump) -> Option<&'a str> {
        let year = u16::try_from(time.year()).ok()?;
        if let [part] = self.0.as_slice()
            && let Some(number) = part.of_two_digits(time)
        {
            return Some(two_digits_in_quotes(number));
        }
        let mut text = BumpString::with_capacity_in(2 + 4 * self.0.len(), arena);
        text.push('"');
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Year => {
                    text.push_str(two_digits(year / 100));
                    text.push_str(two_digits(year % 100));
                }
                Part::Month | Part::Day | Part::Hour | Part::Minute | Part::Second => {
                    text.push_str(two_digits(part.of_two_digits(time)?));
                }
                Part::MonthName => text.push_str(MONTHS.get(usize::try_from(time.month() - 1).ok()?)?),
            }
        }
        text.push('"');
        Some(text.into_bump_str())
    }
}

impl Part {
    /// The number of a part that has two digits.
    fn of_two_digits(&self, time: DateTime) -> Option<i8> {
        match self {
            Self::Month => Some(time.month()),
            Self::Day => Some(time.day()),
            Self::Hour => Some(time.hour()),
            Self::Minute => Some(time.minute()),
            Self::Second => Some(time.second()),
            Self::Text(_) | Self::Year | Self::MonthName => None,
        }
    }
}

/// The time that a text of RFC 3339 tells, with any offset and fraction, in UTC.
pub(super) fn parse_rfc3339(text: &str) -> Option<DateTime> {
    let by_jiff = || Some(Offset::UTC.to_datetime(text.parse::<Timestamp>().ok()?));
    parse_ordinary(text.as_bytes()).or_else(by_jiff)
}

/// A time such as `2026-11-21T09:30:00.5Z`, which most are: in UTC, and not near the ends of jiff's range.
#[rustfmt::skip]
fn parse_ordinary(text: &[u8]) -> Option<DateTime> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2], rest) =
        text.split_first_chunk()?
    else {
        return None;
    };
    let rest = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00:00"))?;
    let nanosecond = match rest {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => digits
            .iter()
            .chain([b'0'; 9].iter().skip(digits.len()))
            .try_fold(0_i32, |nanosecond, digit| Some(nanosecond * 10 + i32::from(number([*digit])?)))?,
        _ => return None,
    };
    let date = [number([y1, y2, y3, y4])?, number([m1, m2])?, number([d1, d2])?];
    let time = date_time(date, [number([h1, h2])?, number([n1, n2])?, number([s1, s2])?])?;
    let time = time.with().subsec_nanosecond(nanosecond).build().ok()?;
    (1..9999).contains(&time.year()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_are_written_as_jiff_writes_them(
            second in -62_000_000_000_i64..250_000_000_000,
            format in prop::sample::select(vec!["%Y", "%m", "%d", "%H", "%M:%S", "%F", "%T", "%d/%b/%Y:%T +0000", "100%%", ""]),
        ) {
            let time = Timestamp::from_second(second).unwrap();
            let expected = format!("\"{}\"", time.strftime(format));
            let arena = Bump::new();
            let time = Offset::UTC.to_datetime(time);
            prop_assert_eq!(Format::parse(format).unwrap().write(time, &arena).unwrap(), expected);
        }

        #[test]
        fn times_are_read_as_jiff_reads_them(
            text in "([01][0-9]{3}|[0-9]{4})-(0[1-9]|1[0-2]|[0-9]{2})-([0-3][0-9])[Tt ]([0-2][0-9]):[0-5][0-9]:([0-5][0-9]|60)([.,][0-9]{0,10})?(Z|z|[+-]0[0-9]:00)?.?",
        ) {
            let by_jiff = text.parse::<Timestamp>().ok().map(|time| Offset::UTC.to_datetime(time));
            prop_assert_eq!(parse_rfc3339(&text), by_jiff);
        }
    }

    #[test]
    fn other_formats_are_left_to_jiff() {
        for format in ["%j", "%-d", "%e", "%s", "%A", "%", "%Z", "\"%Y\""] {
            assert_eq!(Format::parse(format), None, "{format}");
        }
    }
}
