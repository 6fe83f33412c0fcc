//! The formats of times that most programs use, written without a library's detours.

use bumpalo::Bump;
use jiff::Timestamp;
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

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

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

    /// Writes a time in UTC as a JSON string, if its year has four digits.
    pub(super) fn write<'a>(&self, time: Timestamp, arena: &'a Bump) -> Option<&'a str> {
        let time = Offset::UTC.to_datetime(time);
        let year = u16::try_from(time.year()).ok()?;
        let mut text = Short::new();
        text.push(b"\"");
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push(plain.as_bytes()),
                Part::Year => {
                    let digit = |place: u16| b'0' + u8::try_from(year / place % 10).unwrap_or(0);
                    text.push(&[digit(1000), digit(100), digit(10), digit(1)]);
                }
                Part::Month => text.push_two(time.month()),
                Part::Day => text.push_two(time.day()),
                Part::Hour => text.push_two(time.hour()),
                Part::Minute => text.push_two(time.minute()),
                Part::Second => text.push_two(time.second()),
                Part::MonthName => text.push(MONTHS.get(usize::try_from(time.month() - 1).ok()?)?.as_bytes()),
            }
        }
        text.push(b"\"");
        text.written().map(|text| &*arena.alloc_str(text))
    }
}

/// A short text on the stack.
struct Short {
    bytes: [u8; 64],
    length: usize,
}

impl Short {
    fn new() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.length + text.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(text);
        }
        self.length = end;
    }

    fn push_two(&mut self, number: i8) {
        let number = number.unsigned_abs();
        self.push(&[b'0' + number / 10 % 10, b'0' + number % 10]);
    }

    /// The text, unless it was not short.
    fn written(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.length)?).ok()
    }
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
            prop_assert_eq!(Format::parse(format).unwrap().write(time, &arena).unwrap(), expected);
        }
    }

    #[test]
    fn other_formats_are_left_to_jiff() {
        for format in ["%j", "%-d", "%e", "%s", "%A", "%", "%Z", "\"%Y\""] {
            assert_eq!(Format::parse(format), None, "{format}");
        }
    }
}
