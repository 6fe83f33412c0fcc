//! jq's functions of time, on seconds since 1970 and on broken-down times: the year, the month from 0, the day, the hour, the
//! minute, the second, the day of the week from Sunday, the day of the year from 0.
//!
//! jaq's own would take fractions and offsets into account where jq 1.6 does not, and refuse more.

use super::number::Number;
use super::value::{Error, Value};
use super::{Data, names};
use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{RunPtr, ValR};
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// The functions, and ours beside jq's, `rfc3339`.
pub(super) fn functions() -> Vec<Filter<RunPtr<Data>>> {
    vec![
        ("gmtime", v(0), |cv| bome(gmtime(&cv.1))),
        ("mktime", v(0), |cv| bome(mktime(&cv.1))),
        ("rfc3339", v(0), |cv| bome(rfc3339(&cv.1))),
        ("strftime", v(1), |cv| unary(cv, |time, format| strftime(&time, &format))),
        ("strptime", v(1), |cv| unary(cv, |text, format| strptime(&text, &format))),
    ]
}

/// Text of RFC 3339, with any offset and fraction, as seconds since 1970: whole ones if the text has no fraction.
fn rfc3339(value: &Value) -> ValR<Value> {
    let wrong =
        |what: &str| Error::str(format_args!("expected a time such as 2026-11-21T09:30:00.5+01:00, got {what}"));
    let text = value.as_str().ok_or_else(|| wrong(value.kind()))?;
    let time: Timestamp = text.parse().map_err(|_| wrong("another string"))?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of the next 200 years are exact")]
    Ok(match time.subsec_nanosecond() {
        0 => Value::from(time.as_second()),
        _ => Value::from(time.as_microsecond() as f64 / 1e6),
    })
}

fn gmtime(value: &Value) -> ValR<Value> {
    let number = value.as_number().ok_or_else(|| Error::str("gmtime() requires numeric inputs"))?;
    let seconds = number.as_f64();
    let fraction = if seconds.fract() == 0.0 { 0.0 } else { seconds - seconds.floor() };
    Ok(broken_down(of_seconds(seconds)?, fraction))
}

fn mktime(value: &Value) -> ValR<Value> {
    if value.as_array().is_none() {
        return Err(Error::str("mktime requires array inputs"));
    }
    let time = of_broken_down(value, "mktime")?;
    let time = Offset::UTC.to_timestamp(time).map_err(|_| beyond())?;
    Ok(Value::from(time.as_second()))
}

/// Directives that there are not stay as they are.
fn strftime(value: &Value, format: &Value) -> ValR<Value> {
    let format = format.as_str().ok_or_else(|| Error::str("strftime/1 requires a string format"))?;
    let time = match value.as_number() {
        Some(seconds) => of_seconds(seconds.as_f64())?,
        None => of_broken_down(value, "strftime/1")?,
    };
    let time = time.to_zoned(TimeZone::UTC).map_err(|_| beyond())?;
    let config = Config::new().custom(PosixCustom::new()).lenient(true);
    let text = BrokenDownTime::from(&time).to_string_with_config(&config, format);
    Ok(Value::text(text.map_err(|_| Error::str(format_args!("not a format of times{}", quoted(format))))?))
}

/// Offsets and names of zones are read and not heeded. What comes after white space is added to the broken-down time.
fn strptime(value: &Value, format: &Value) -> ValR<Value> {
    let (Some(text), Some(format)) = (value.as_str(), format.as_str()) else {
        return Err(Error::str("strptime/1 requires string inputs and arguments"));
    };
    let (mut time, rest) = parse(text, format)
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(char::is_whitespace))
        .ok_or_else(|| Error::str(format_args!("date does not match format{}", quoted(format))))?;
    time.set_weekday(None);
    time.set_offset(Some(Offset::UTC));
    let time = time.to_zoned().map_err(|_| {
        Error::str(format_args!("format{} gives no full date, or there is no such date", quoted(format)))
    })?;
    let time = broken_down(time.datetime(), 0.0);
    if rest.is_empty() { Ok(time) } else { time + [Value::text(rest)].into_iter().collect() }
}

/// The time, and what comes after it. A zone at the end may be written in any way: jiff knows one for each directive.
fn parse<'t>(text: &'t str, format: &str) -> Option<(BrokenDownTime, &'t str)> {
    let (format, directive) = match format.strip_suffix("%z") {
        Some(before) => (before, "%z"),
        None => format.strip_suffix("%Z").map_or((format, ""), |before| (before, "%Z")),
    };
    let (time, length) = BrokenDownTime::parse_prefix(format, text).ok()?;
    let rest = text.get(length..)?;
    let rest = match directive {
        "" => rest,
        "%Z" => rest.trim_start().trim_start_matches(|character: char| !character.is_whitespace()),
        _ => after_offset(rest.trim_start())?,
    };
    Some((time, rest))
}

/// What comes after `Z`, `+01`, `+0100` or `+01:00`.
fn after_offset(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count().min(4);
    let Some(hours) = text.strip_prefix(['+', '-']) else { return text.strip_prefix('Z') };
    match digits(hours) {
        2 => match hours.get(2..)?.strip_prefix(':') {
            Some(minutes) if digits(minutes) >= 2 => minutes.get(2..),
            _ => hours.get(2..),
        },
        4 => hours.get(4..),
        _ => None,
    }
}

/// The fraction is cut off.
fn of_seconds(seconds: f64) -> Result<DateTime, Error> {
    let time = Timestamp::from_second(Number::from_f64(seconds).truncated()).map_err(|_| beyond())?;
    Ok(Offset::UTC.to_datetime(time))
}

/// Months, days, hours, minutes and seconds beyond their range count on.
fn of_broken_down(value: &Value, function: &str) -> Result<DateTime, Error> {
    let wrong = || Error::str(format_args!("{function} requires parsed datetime inputs"));
    let parts = value.as_array().and_then(|parts| parts.get(..8)).ok_or_else(wrong)?;
    let parts = parts.iter().map(|part| Some(part.as_number()?.truncated())).collect::<Option<Vec<_>>>();
    let &[year, month, day, hour, minute, second, ..] = parts.as_deref().ok_or_else(wrong)? else {
        return Err(wrong());
    };
    let counted = || {
        let span = Span::new;
        let spans = [
            span().try_months(month)?,
            span().try_days(day.saturating_sub(1))?,
            span().try_hours(hour)?,
            span().try_minutes(minute)?,
            span().try_seconds(second)?,
        ];
        let start = Date::new(year.try_into().unwrap_or(i16::MAX), 1, 1)?.to_datetime(Time::midnight());
        spans.into_iter().try_fold(start, DateTime::checked_add)
    };
    counted().map_err(|_: jiff::Error| beyond())
}

/// `fraction` is that of the second.
fn broken_down(time: DateTime, fraction: f64) -> Value {
    let whole = |part: i16| Value::from(i64::from(part));
    [
        whole(time.year()),
        whole(i16::from(time.month()) - 1),
        whole(time.day().into()),
        whole(time.hour().into()),
        whole(time.minute().into()),
        Value::from(f64::from(time.second()) + fraction),
        whole(time.weekday().to_sunday_zero_offset().into()),
        whole(time.day_of_year() - 1),
    ]
    .into_iter()
    .collect()
}

fn beyond() -> Error {
    Error::str("error converting number of seconds since epoch to datetime")
}

/// What `fromdate` asks for.
const ISO_8601: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A text of the program's own, in quotes; a record's text is not told.
fn quoted(text: &str) -> String {
    if text == ISO_8601 || names(text) { format!(" \"{text}\"") } else { String::new() }
}
