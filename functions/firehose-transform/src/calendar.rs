//! Dates and times, as the texts that most records have of them: digits of fixed width, and the names of months.

use jiff::civil::DateTime;
use std::ops::Range;

/// The names of the months, as logs have them.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The number that some digits are.
pub(crate) fn number<const N: usize>(digits: [u8; N]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |number, digit| {
        let digit = i16::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The number of a month, `Jan` to `Dec`.
pub(crate) fn month(name: [u8; 3]) -> Option<i16> {
    MONTHS.iter().zip(1..).find(|(month, _)| month.as_bytes() == name).map(|(_, number)| number)
}

/// A day and a time of the calendar, in the years 0 to 9999; a minute has 60 seconds.
pub(crate) fn date_time([year, month, day]: [i16; 3], [hour, minute, second]: [i16; 3]) -> Option<DateTime> {
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0)
        .ok()
        .filter(|date_time| (0..=9999).contains(&date_time.year()))
}

/// Appends a time of the years 0 to 9999 as in RFC 3339, without an offset.
pub(crate) fn push_date_time(text: &mut String, time: DateTime) {
    let [century, year] = [time.year() / 100, time.year() % 100].map(two_digits);
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(two_digits);
    text.extend([century, year, "-", month, "-", day, "T", hour, ":", minute, ":", second]);
}

/// A number from 0 to 99, as two digits.
pub(crate) fn two_digits(number: impl TryInto<usize>) -> &'static str {
    digits(number, 1..3)
}

/// The same as JSON.
pub(crate) fn two_digits_in_quotes(number: impl TryInto<usize>) -> &'static str {
    digits(number, 0..4)
}

/// The part of them that is in this range.
#[inline]
fn digits(number: impl TryInto<usize>, part: Range<usize>) -> &'static str {
    let start = number.try_into().map_or(DIGITS.len(), |number| 4 * number);
    let digits = DIGITS.get(start + part.start..start + part.end);
    debug_assert!(digits.is_some(), "the parts of a time have two digits");
    digits.unwrap_or_default()
}

/// All of them.
const DIGITS: &str = concat!(
    r#""00""01""02""03""04""05""06""07""08""09""10""11""12""13""14""15""16""17""18""19""#,
    r#""20""21""22""23""24""25""26""27""28""29""30""31""32""33""34""35""36""37""38""39""#,
    r#""40""41""42""43""44""45""46""47""48""49""50""51""52""53""54""55""56""57""58""59""#,
    r#""60""61""62""63""64""65""66""67""68""69""70""71""72""73""74""75""76""77""78""79""#,
    r#""80""81""82""83""84""85""86""87""88""89""90""91""92""93""94""95""96""97""98""99""#,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let check = |date, time| date_time(date, time).is_some();
        assert!(check([2024, 2, 29], [23, 59, 59]));
        assert!(check([0, 1, 1], [0, 0, 0]));
        for (date, time) in [
            ([2023, 2, 29], [0, 0, 0]),
            ([2023, 4, 31], [0, 0, 0]),
            ([2023, 13, 1], [0, 0, 0]),
            ([2023, 0, 1], [0, 0, 0]),
            ([2023, 1, 0], [0, 0, 0]),
            ([2023, 1, 1], [24, 0, 0]),
            ([2023, 1, 1], [0, 60, 0]),
            ([2016, 12, 31], [23, 59, 60]),
            ([-1, 1, 1], [0, 0, 0]),
        ] {
            assert!(!check(date, time), "{date:?} {time:?}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        let mut text = String::new();
        push_date_time(&mut text, date_time([987, month(*b"Jun").unwrap(), 5], [4, 30, 59]).unwrap());
        assert_eq!(text, "0987-06-05T04:30:59");
        assert_eq!(month(*b"jun"), None);
    }
}
