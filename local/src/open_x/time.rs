//! Days and moments, as Firehose's copy of the SerDe reads them.

use super::number;
use jiff::civil::{Date, DateTime, Time};

/// A day such as `2026-11-21` or `2026-3-7`.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = digits(year, 4..=4)?;
    if parts.next().is_some() {
        return None;
    }
    Date::new(year, i8::try_from(digits(month, 1..=2)?).ok()?, i8::try_from(digits(day, 1..=2)?).ok()?).ok()
}

/// A moment in nanoseconds since 1970: of text such as `2026-11-21 9:30:00.25` or `2026-11-21T09:30:00.25Z`, or of a number,
/// which is seconds below 10¹² and milliseconds from there on. One beyond the years 1677 to 2262 becomes another, without
/// notice, since nanoseconds have 64 bits.
pub(super) fn moment(text: &str) -> Option<i64> {
    if let Some((day, time)) = text.split_once('T') {
        let time = time.strip_suffix('Z').unwrap_or(time);
        return (day.len() == 10).then(|| nanoseconds(date(day)?, time, 2..=2))?;
    }
    if let Some((day, time)) = text.split_once(' ') {
        return nanoseconds(date(day)?, time, 1..=2);
    }
    let billionths = number::decimal(text, 9)?;
    let are_seconds = billionths.unsigned_abs() < 10_u128.pow(12 + 9);
    Some(wrapped(if are_seconds { billionths } else { billionths / 1_000 }))
}

fn nanoseconds(day: Date, time: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':').map(|part| i8::try_from(digits(part, length.clone())?).ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1..=9).contains(&fraction.len()) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let subseconds = format!("{fraction:0<9}").parse().ok()?;
    let moment = DateTime::from_parts(day, Time::new(hour, minute, second, subseconds).ok()?);
    Some(wrapped(DateTime::constant(1970, 1, 1, 0, 0, 0, 0).duration_until(moment).as_nanos()))
}

#[expect(clippy::cast_possible_truncation, reason = "the bits above are what AWS loses as well")]
fn wrapped(nanoseconds: i128) -> i64 {
    nanoseconds as i64
}

/// A number of so many digits.
fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i16> {
    (length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
