//! Lines of syslog: the old form of BSD (RFC 3164), as sent and as found in files, and RFC 5424.
//!
//! Our own, since the crate for it, `syslog_loose`, takes any line for one of syslog, takes the first word of a message for a
//! program, and leaves escapes as they are.
//! <https://www.rfc-editor.org/rfc/rfc3164>, <https://www.rfc-editor.org/rfc/rfc5424>

use super::line::{Reader, Unreadable, unescape};
use crate::calendar::{date_time, month, number, push_date_time};
use crate::json::push_string;
use crate::object_writer::ObjectWriter;
use indexmap::IndexMap;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Writes a line as one JSON object; its end (`\n`, `\r\n`) is no part of it. If it fails, nothing is written.
///
/// `arrival` is when the record came, in milliseconds since 1970: the old form has no year. The fields are these, in
/// this order, those of AWS's blueprint first in its names; the last two only if the line is of RFC 5424. What is not there, or
/// `-`, is null; all others are text.
///
/// | field | value |
/// |---|---|
/// | `timestamp` | RFC 3339: as it is written, or (old form) in UTC, since there is no zone, and in the latest year that does not put it more than a day after the arrival |
/// | `hostname` | a name, or an address of any kind |
/// | `program` | without its `[pid]:`; null if none is marked as one, by a colon or by brackets |
/// | `processid` | |
/// | `message` | all the rest, with its blanks and, if there are any, newlines |
/// | `facility`, `severity` | by name (`auth`, `warning`); null without a priority |
/// | `msgid` | RFC 5424 only |
/// | `structured_data` | RFC 5424 only: an object of an object for each id; a parameter given more than once is an array |
///
/// A line may begin with a priority (`<34>`) or, as in files, with what follows it. The old form's time is `Jun  4 01:02:03`, or
/// one of RFC 3339, as rsyslog writes it into files. Refused are lines without a time, times that are not of the calendar, and
/// priorities above 191.
pub fn decode(line: &str, arrival: Option<i64>, object: &mut ObjectWriter) -> Result<(), Unreadable> {
    Entry::parse(Reader::new(line), arrival)?.write(object);
    Ok(())
}

/// The fields, in their order.
pub(crate) const FIELDS: [&str; 9] =
    ["timestamp", "hostname", "program", "processid", "message", "facility", "severity", "msgid", "structured_data"];

struct Entry<'l> {
    priority: Option<u8>,
    time: Time<'l>,
    hostname: Option<&'l str>,
    program: Option<&'l str>,
    process: Option<&'l str>,
    message: Option<&'l str>,
    /// What only RFC 5424 has.
    more: Option<More<'l>>,
}

struct More<'l> {
    message_id: Option<&'l str>,
    data: Option<StructuredData<'l>>,
}

enum Time<'l> {
    None,
    /// As it is written.
    Rfc3339(&'l str),
    /// In UTC.
    Inferred(DateTime),
}

/// For each id, for each name, the values, still escaped.
type StructuredData<'l> = IndexMap<&'l str, IndexMap<&'l str, Vec<&'l str>>>;

impl<'l> Entry<'l> {
    fn parse(mut line: Reader<'l>, arrival: Option<i64>) -> Result<Self, Unreadable> {
        let priority = priority(&mut line)?;
        if line.skip("1 ") { Self::parse_rfc5424(line, priority) } else { Self::parse_rfc3164(line, priority, arrival) }
    }

    fn parse_rfc5424(mut line: Reader<'l>, priority: Option<u8>) -> Result<Self, Unreadable> {
        let time = if line.skip("- ") { Time::None } else { rfc3339(&mut line)? };
        let hostname = value_or_none(&mut line, "a hostname or `-`")?;
        let program = value_or_none(&mut line, "a program or `-`")?;
        let process = value_or_none(&mut line, "a process or `-`")?;
        let message_id = value_or_none(&mut line, "an id of the message or `-`")?;
        let data = structured_data(&mut line)?;
        let message = if line.rest().is_empty() {
            None
        } else {
            line.sign(" ", "a blank or the end of the line")?;
            line.skip(BYTE_ORDER_MARK);
            Some(line.rest())
        };
        Ok(Self { priority, time, hostname, program, process, message, more: Some(More { message_id, data }) })
    }

    fn parse_rfc3164(mut line: Reader<'l>, priority: Option<u8>, arrival: Option<i64>) -> Result<Self, Unreadable> {
        let time = match line.rest().bytes().next() {
            Some(b'0'..=b'9') => rfc3339(&mut line)?,
            _ => bsd_time(&mut line, arrival)?,
        };
        let (hostname, content) = match line.rest().split_once(' ') {
            Some((word, content)) if is_host(word) => (Some(word), Some(content)),
            None if is_host(line.rest()) => (Some(line.rest()), None),
            _ => (None, Some(line.rest())),
        };
        let tag = content.and_then(Tag::find);
        Ok(Self {
            priority,
            time,
            hostname: hostname.filter(|hostname| *hostname != NOTHING),
            program: tag.map(|tag| tag.program),
            process: tag.and_then(|tag| tag.process),
            message: tag.map(|tag| tag.message).or(content),
            more: None,
        })
    }

    fn write(&self, object: &mut ObjectWriter) {
        object.begin(200 + self.message.map_or(0, str::len));
        object.put("timestamp", |json| match self.time {
            Time::None => json.push_str("null"),
            Time::Rfc3339(text) => push_string(json, text),
            Time::Inferred(time) => {
                json.push('"');
                push_date_time(json, time);
                json.push_str("Z\"");
            }
        });
        object.put("hostname", |json| push_text_or_null(json, self.hostname));
        object.put("program", |json| push_text_or_null(json, self.program));
        object.put("processid", |json| push_text_or_null(json, self.process));
        object.put("message", |json| push_text_or_null(json, self.message));
        object.put("facility", |json| push_text_or_null(json, self.priority.and_then(facility)));
        object.put("severity", |json| push_text_or_null(json, self.priority.map(severity)));
        if let Some(more) = &self.more {
            object.put("msgid", |json| push_text_or_null(json, more.message_id));
            object.put("structured_data", |json| match &more.data {
                None => json.push_str("null"),
                Some(data) => push_structured_data(json, data),
            });
        }
        object.end();
    }
}

/// What stands for a value that there is none of.
const NOTHING: &str = "-";

const BYTE_ORDER_MARK: &str = "\u{feff}";

fn priority(line: &mut Reader<'_>) -> Result<Option<u8>, Unreadable> {
    const PRIORITY: &str = "a priority from `<0>` to `<191>`";
    let start = *line;
    if !line.skip("<") {
        return Ok(None);
    }
    let digits = line.rest().bytes().take_while(u8::is_ascii_digit).count();
    let number = line.take(digits).and_then(|number| number.parse().ok()).filter(|number| *number <= 191);
    if number.is_some() && digits <= 3 && line.skip(">") { Ok(number) } else { Err(start.unreadable(PRIORITY)) }
}

/// The names that syslog itself has for the facilities; for those that vary from system to system, RFC 5424's.
fn facility(priority: u8) -> Option<&'static str> {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];
    NAMES.get(usize::from(priority / 8)).copied()
}

fn severity(priority: u8) -> &'static str {
    match priority % 8 {
        0 => "emerg",
        1 => "alert",
        2 => "crit",
        3 => "err",
        4 => "warning",
        5 => "notice",
        6 => "info",
        _ => "debug",
    }
}

/// Reads a time of RFC 3339 as RFC 5424 narrows it (`T` and `Z` are capitals), and the blank after it.
fn rfc3339<'l>(line: &mut Reader<'l>) -> Result<Time<'l>, Unreadable> {
    const TIME: &str = "a time such as `2026-11-21T09:30:00.123Z`";
    let start = *line;
    let text = line.word(TIME)?;
    if !is_rfc3339(text) {
        return Err(start.unreadable(TIME));
    }
    line.sign(" ", "a blank after the time")?;
    Ok(Time::Rfc3339(text))
}

fn is_rfc3339(text: &str) -> bool {
    let Some((time, rest)) = text.split_at_checked("2026-11-21T09:30:00".len()) else { return false };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - offset.len())) {
                return false;
            }
            offset
        }
    };
    is_local_time(time) && is_offset(offset)
}

fn is_local_time(text: &str) -> bool {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = text.as_bytes()
    else {
        return false;
    };
    let time = || {
        let date = [number([y1, y2, y3, y4])?, number([m1, m2])?, number([d1, d2])?];
        date_time(date, [number([h1, h2])?, number([n1, n2])?, number([s1, s2])?])
    };
    time().is_some()
}

fn is_offset(text: &str) -> bool {
    match *text.as_bytes() {
        [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let below = |digits, limit| number(digits).is_some_and(|number| number < limit);
            below([h1, h2], 24) && below([m1, m2], 60)
        }
        _ => false,
    }
}

/// Reads a time such as `Jun  4 01:02:03` (or `Jun 4 01:02:03`), and the blank after it.
fn bsd_time<'l>(line: &mut Reader<'l>, arrival: Option<i64>) -> Result<Time<'l>, Unreadable> {
    let start = *line;
    let (month, day, time) =
        month_day_and_time(line).ok_or_else(|| start.unreadable("a time such as `Jun  4 01:02:03`"))?;
    let arrival = arrival
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .ok_or(Unreadable::missing("the time of the record's arrival, which tells the year"))?;
    let inferred = latest(arrival, |year| date_time([year, month, day], time))
        .ok_or_else(|| start.unreadable("a time of the calendar in the years around the arrival"))?;
    line.sign(" ", "a blank after the time")?;
    Ok(Time::Inferred(inferred))
}

fn month_day_and_time(line: &mut Reader<'_>) -> Option<(i16, i16, [i16; 3])> {
    let &[m1, m2, m3, b' '] = line.take("Jun ".len())?.as_bytes() else { return None };
    line.skip(" ");
    let digits = line.rest().bytes().take_while(u8::is_ascii_digit).count();
    let day = match *line.take(digits)?.as_bytes() {
        [digit] => number([digit])?,
        [tens, ones] => number([tens, ones])?,
        _ => return None,
    };
    let &[b' ', h1, h2, b':', n1, n2, b':', s1, s2] = line.take(" 01:02:03".len())?.as_bytes() else { return None };
    Some((month([m1, m2, m3])?, day, [number([h1, h2])?, number([n1, n2])?, number([s1, s2])?]))
}

/// How far the clock of a sender may be ahead, and its zone: up to so much after the arrival a time is believed.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Of the times that a text means in the year of the arrival, the one before and the one after: the latest that has come by
/// the arrival, or is [about to](AHEAD). Old lines are more likely than lines from the future.
fn latest(arrival: Timestamp, in_year: impl Fn(i16) -> Option<DateTime>) -> Option<DateTime> {
    let limit = Offset::UTC.to_datetime(arrival.saturating_add(AHEAD).unwrap_or(arrival));
    (limit.year() - 1..=limit.year()).rev().filter_map(in_year).find(|time| *time <= limit)
}

/// Whether the word after the time is a host, and not yet the program, as in what programs send to their own machine. (`::` is
/// how an address can end.)
fn is_host(word: &str) -> bool {
    !word.is_empty() && (!word.ends_with(':') || word.ends_with("::"))
}

/// What a message of the old form begins with.
#[derive(Clone, Copy, Debug)]
struct Tag<'l> {
    program: &'l str,
    process: Option<&'l str>,
    /// What comes after it.
    message: &'l str,
}

impl<'l> Tag<'l> {
    /// Finds the tag, if there is a mark that it is one: `cron[5]`, `cron:`, `syslogd 1.4.1:`, `Google Chrome[5]:`.
    fn find(content: &'l str) -> Option<Self> {
        let content = content.trim_start_matches(' ');
        Self::in_brackets(content).or_else(|| Self::before_colon(content)).or_else(|| Self::with_version(content))
    }

    fn in_brackets(content: &'l str) -> Option<Self> {
        // As long as RFC 5424 lets a name be.
        const LONGEST: usize = 48;
        let (program, rest) = content.split_once('[')?;
        let (process, rest) = rest.split_once(']')?;
        let is_tag = if program.contains(' ') {
            let is_name = program.len() <= LONGEST && !program.contains(':') && !program.ends_with(' ');
            is_name && process.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with(':')
        } else {
            let is_name = !program.is_empty() && !program.ends_with(':');
            let is_followed =
                rest.starts_with(':') || !process.is_empty() && (rest.is_empty() || rest.starts_with(' '));
            is_name && !process.contains(' ') && is_followed
        };
        let message = rest.strip_prefix(':').unwrap_or(rest);
        let message = message.strip_prefix(' ').unwrap_or(message);
        let process = Some(process).filter(|process| !process.is_empty());
        is_tag.then_some(Self { program, process, message })
    }

    fn before_colon(content: &'l str) -> Option<Self> {
        let (word, message) = content.split_once(' ').unwrap_or((content, ""));
        let program = word.strip_suffix(':').filter(|program| !program.is_empty() && !program.starts_with('['))?;
        Some(Self { program, process: None, message })
    }

    /// A version is two or three numbers: four would be an address.
    fn with_version(content: &'l str) -> Option<Self> {
        let (word, rest) = content.split_once(' ')?;
        let (version, message) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut numbers = version.strip_suffix(':')?.split('.');
        let is_number = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_version = (2..=3).contains(&numbers.clone().count()) && numbers.all(is_number);
        let (program, _) = content.split_at_checked(word.len() + version.len())?;
        is_version.then_some(Self { program, process: None, message })
    }
}

/// Reads a field of RFC 5424's header, and the blank after it.
fn value_or_none<'l>(line: &mut Reader<'l>, expected: &'static str) -> Result<Option<&'l str>, Unreadable> {
    let word = line.word(expected)?;
    line.sign(" ", "a blank and the rest of the header")?;
    Ok(Some(word).filter(|word| *word != NOTHING))
}

fn structured_data<'l>(line: &mut Reader<'l>) -> Result<Option<StructuredData<'l>>, Unreadable> {
    const DATA: &str = "structured data such as `[id name=\"value\"]`, or `-`";
    if line.skip(NOTHING) {
        return Ok(None);
    }
    let mut data = StructuredData::new();
    line.sign("[", DATA)?;
    loop {
        let parameters = data.entry(name(line, DATA)?).or_default();
        while !line.skip("]") {
            line.sign(" ", DATA)?;
            let name = name(line, DATA)?;
            line.sign("=\"", DATA)?;
            parameters.entry(name).or_default().push(line.until_quote(DATA)?);
        }
        if !line.skip("[") {
            return Ok(Some(data));
        }
    }
}

/// Reads an id or the name of a parameter.
fn name<'l>(line: &mut Reader<'l>, expected: &'static str) -> Result<&'l str, Unreadable> {
    let end = line.rest().bytes().take_while(|byte| !matches!(byte, b' ' | b'=' | b']' | b'"')).count();
    line.take(end).filter(|name| !name.is_empty()).ok_or_else(|| line.unreadable(expected))
}

fn push_structured_data(json: &mut String, data: &StructuredData<'_>) {
    push_object(json, data.iter(), |json, parameters| {
        push_object(json, parameters.iter(), |json, values| match values.as_slice() {
            [value] => push_parameter(json, value),
            values => {
                json.push('[');
                for (place, value) in values.iter().enumerate() {
                    json.push_str(if place > 0 { "," } else { "" });
                    push_parameter(json, value);
                }
                json.push(']');
            }
        });
    });
}

fn push_object<'d, V: 'd>(
    json: &mut String,
    fields: impl Iterator<Item = (&'d &'d str, &'d V)>,
    push_value: impl Fn(&mut String, &V),
) {
    json.push('{');
    for (place, (name, value)) in fields.enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        push_string(json, name);
        json.push(':');
        push_value(json, value);
    }
    json.push('}');
}

fn push_parameter(json: &mut String, value: &str) {
    push_string(json, &unescape(value, escaped));
}

/// The character that an escape means, and what comes after it.
fn escaped(escape: &str) -> Option<(char, &str)> {
    let mut characters = escape.chars();
    let character = characters.next().filter(|character| ['"', '\\', ']'].contains(character))?;
    Some((character, characters.as_str()))
}

fn push_text_or_null(json: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_string(json, text),
        None => json.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn milliseconds(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn json_of(line: &str, arrival: Option<i64>) -> Result<String, Unreadable> {
        let mut object = ObjectWriter::default();
        decode(line, arrival, &mut object).map(|()| object.json().to_owned())
    }

    fn decoded_at(line: &str, arrival: &str) -> Value {
        let json = json_of(line, Some(milliseconds(arrival)));
        serde_json::from_str(&json.unwrap_or_else(|unreadable| panic!("{unreadable}: {line}"))).unwrap()
    }

    #[track_caller]
    fn check(line: &str, fields: &Value) {
        let decoded = decoded_at(line, "2005-08-01T00:00:00Z");
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(decoded.get(name), Some(value), "{name}");
        }
    }

    /// Checks what comes after the host in the old form: program, process and message.
    #[track_caller]
    fn check_content(content: &str, [program, process, message]: [Value; 3]) {
        let fields = json!({"hostname": "combo", "program": program, "processid": process, "message": message});
        check(&format!("Jun  4 01:02:03 combo {content}"), &fields);
    }

    fn text(text: &str) -> Value {
        Value::from(text)
    }

    fn message_at(line: &str, arrival: Option<&str>) -> String {
        json_of(line, arrival.map(milliseconds)).unwrap_err().to_string()
    }

    fn message(line: &str) -> String {
        message_at(line, Some("2005-08-01T00:00:00Z"))
    }

    #[test]
    fn a_line_becomes_one_object() {
        let decoded = |line: &str| json_of(line, Some(milliseconds("2005-08-01T00:00:00Z"))).unwrap();
        insta::assert_snapshot!(decoded("<34>Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown \r\n"), @r#"{"timestamp":"2005-06-14T15:16:01Z","hostname":"combo","program":"sshd(pam_unix)","processid":"19939","message":"check pass; user unknown ","facility":"auth","severity":"crit"}"#);
        insta::assert_snapshot!(decoded(r#"<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [x@1 iut="3" ip="::1" ip="::2"][y] An event"#), @r#"{"timestamp":"2003-10-11T22:14:15.003Z","hostname":"h","program":"evntslog","processid":null,"message":"An event","facility":"local4","severity":"notice","msgid":"ID47","structured_data":{"x@1":{"iut":"3","ip":["::1","::2"]},"y":{}}}"#);
    }

    #[test]
    fn programs_are_what_is_marked_as_one() {
        let null = Value::Null;
        check_content("su(pam_unix)[1]: a: b", [text("su(pam_unix)"), text("1"), text("a: b")]);
        check_content("kernel: x", [text("kernel"), null.clone(), text("x")]);
        check_content("kernel:   x ", [text("kernel"), null.clone(), text("  x ")]);
        check_content("kernel:", [text("kernel"), null.clone(), text("")]);
        check_content("CRON[5] (root) CMD (a: b)", [text("CRON"), text("5"), text("(root) CMD (a: b)")]);
        check_content("a[]: b", [text("a"), null.clone(), text("b")]);
        check_content("a[5]:b", [text("a"), text("5"), text("b")]);
        check_content("a[main-1]: b", [text("a"), text("main-1"), text("b")]);
        check_content("postfix/smtpd[5]: a", [text("postfix/smtpd"), text("5"), text("a")]);
        check_content("Foo::Bar[5]: a", [text("Foo::Bar"), text("5"), text("a")]);
        check_content("%ASA-6-302013: Built", [text("%ASA-6-302013"), null.clone(), text("Built")]);
        check_content("--root[2421]: ROOT LOGIN", [text("--root"), text("2421"), text("ROOT LOGIN")]);
        check_content(" -- root[2421]: ROOT LOGIN", [text("-- root"), text("2421"), text("ROOT LOGIN")]);
        check_content("Google Chrome[5]: a", [text("Google Chrome"), text("5"), text("a")]);
        check_content("syslogd 1.4.1: restart.", [text("syslogd 1.4.1"), null.clone(), text("restart.")]);
        check_content("kernel: a[5]: b", [text("kernel"), null, text("a[5]: b")]);
    }

    #[test]
    fn messages_without_a_program_are_whole() {
        for message in [
            "last message repeated 2 times",
            "Use the BFG!",
            "connection 10.0.0.1: refused",
            "http://a/ is down: 5",
            " a  b ",
            "eth0 is[up]: yes",
            "[5]: a",
            "a[] b",
            "a[5 6]: b",
            ":",
            "",
        ] {
            check_content(message, [Value::Null, Value::Null, text(message)]);
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_or_missing() {
        let check = |rest: &str, hostname: Value, program: Value| {
            check(&format!("Jun  4 01:02:03 {rest}"), &json!({"hostname": hostname, "program": program}));
        };
        check("10.0.0.1 a: b", text("10.0.0.1"), text("a"));
        check("2001:db8::1 a: b", text("2001:db8::1"), text("a"));
        check("fe80:: a: b", text("fe80::"), text("a"));
        check("- a: b", Value::Null, text("a"));
        check("cron[5]: b", Value::Null, text("cron"));
        check("cron: b", Value::Null, text("cron"));
        check(" cron: b", Value::Null, text("cron"));
        check("combo", text("combo"), Value::Null);
    }

    #[test]
    fn the_year_is_the_latest_before_the_arrival_or_just_after() {
        let check = |time: &str, arrival: &str, timestamp: &str| {
            assert_eq!(decoded_at(&format!("{time} h a: b"), arrival)["timestamp"], timestamp);
        };
        check("Jun  4 01:02:03", "2005-06-04T01:02:04Z", "2005-06-04T01:02:03Z");
        check("Jun 4 01:02:03", "2005-06-04T01:02:04Z", "2005-06-04T01:02:03Z");
        check("Jun 04 01:02:03", "2005-06-04T01:02:04Z", "2005-06-04T01:02:03Z");
        check("Dec 31 23:59:59", "2006-01-01T00:00:01Z", "2005-12-31T23:59:59Z");
        check("Jan  1 00:00:01", "2005-12-31T23:59:59Z", "2006-01-01T00:00:01Z");
        check("Jan  2 00:00:01", "2005-12-31T23:59:59Z", "2005-01-02T00:00:01Z");
        check("Jun  4 01:02:03", "2005-06-03T05:00:00Z", "2005-06-04T01:02:03Z");
        check("Jun  6 01:02:03", "2005-06-03T05:00:00Z", "2004-06-06T01:02:03Z");
        check("Sep  1 00:00:00", "2006-02-01T00:00:00Z", "2005-09-01T00:00:00Z");
        check("Feb 29 12:00:00", "2024-03-01T00:00:00Z", "2024-02-29T12:00:00Z");
        check("Feb 29 12:00:00", "2025-01-05T00:00:00Z", "2024-02-29T12:00:00Z");
        check("Feb 29 12:00:00", "2005-08-01T00:00:00Z", "2004-02-29T12:00:00Z");
        check("Dec 31 23:00:00", "1970-01-01T00:00:00Z", "1969-12-31T23:00:00Z");
    }

    #[test]
    fn times_of_rfc_3339_stay_as_they_are() {
        for time in [
            "2023-01-02T03:04:05.678+01:00",
            "2023-01-02T03:04:05Z",
            "2023-01-02T03:04:05.123456789Z",
            "2024-02-29T23:59:59-00:00",
        ] {
            check(
                &format!("{time} host prog[1]: msg"),
                &json!({"timestamp": time, "hostname": "host", "program": "prog"}),
            );
            check(&format!("<13>{time} host prog[1]: msg"), &json!({"timestamp": time, "severity": "notice"}));
            check(&format!("<13>1 {time} host prog 1 - - msg"), &json!({"timestamp": time, "processid": "1"}));
        }
    }

    #[test]
    fn priorities_are_names() {
        let check = |priority: &str, facility: &str, severity: &str| {
            let fields = json!({"facility": facility, "severity": severity});
            check(&format!("<{priority}>Jun  4 01:02:03 h a: b"), &fields);
            check(&format!("<{priority}>1 - - - - - -"), &fields);
        };
        check("0", "kern", "emerg");
        check("13", "user", "notice");
        check("013", "user", "notice");
        check("36", "auth", "warning");
        check("86", "authpriv", "info");
        check("191", "local7", "debug");
        super::tests::check("Jun  4 01:02:03 h a: b", &json!({"facility": null, "severity": null}));
    }

    #[test]
    fn the_fields_of_rfc_5424() {
        check(
            "<34>1 - - - - - -",
            &json!({"timestamp": null, "hostname": null, "program": null, "processid": null, "message": null, "msgid": null,
                "structured_data": null}),
        );
        check(
            "<34>1 - ::1 su x ID47 - \u{feff}'su root' failed ",
            &json!({"hostname": "::1", "program": "su", "processid": "x", "msgid": "ID47", "message": "'su root' failed "}),
        );
        check("<34>1 - - - - - - ", &json!({"message": ""}));
        check("<34>1 - - - - - - a\nb", &json!({"message": "a\nb"}));
        check("1 - - su - - - a: b", &json!({"program": "su", "message": "a: b", "facility": null}));
        check(r#"<34>1 - - - - - [a b="c"]"#, &json!({"structured_data": {"a": {"b": "c"}}, "message": null}));
        check(
            r#"<34>1 - - - - - [a b="\"\\\]\n]" c=""][d]"#,
            &json!({"structured_data": {"a": {"b": "\"\\]\\n]", "c": ""}, "d": {}}}),
        );
        check(
            r#"<34>1 - - - - - [a b="1"][c][a b="2" d="3"] x"#,
            &json!({"structured_data": {"a": {"b": ["1", "2"], "d": "3"}, "c": {}}}),
        );
        check(r#"<34>1 - - - - - [ä\ b\="1"]"#, &json!({"structured_data": {"ä\\": {"b\\": "1"}}}));
    }

    #[test]
    fn lines_that_are_refused() {
        insta::assert_snapshot!(message(""), @"expected a time such as `Jun  4 01:02:03`, got the end of the line");
        insta::assert_snapshot!(message("secret"), @"expected a time such as `Jun  4 01:02:03`, got something else at offset 0");
        insta::assert_snapshot!(message("<34>Jun  4 01:02 secret"), @"expected a time such as `Jun  4 01:02:03`, got something else at offset 4");
        insta::assert_snapshot!(message("Jun 31 01:02:03 h a: b"), @"expected a time of the calendar in the years around the arrival, got something else at offset 0");
        insta::assert_snapshot!(message("Jun  4 01:02:03.5 h a: b"), @"expected a blank after the time, got something else at offset 15");
        insta::assert_snapshot!(message_at("Jun  4 01:02:03 h a: b", None), @"expected the time of the record's arrival, which tells the year, got nothing");
        insta::assert_snapshot!(message("<34>1 - h a"), @"expected a blank and the rest of the header, got the end of the line");
        insta::assert_snapshot!(message("<34>1 -  a - - -"), @"expected a hostname or `-`, got something else at offset 8");
        insta::assert_snapshot!(message("<34>1 - - - - - -secret"), @"expected a blank or the end of the line, got something else at offset 17");
        insta::assert_snapshot!(message("<34>1 - - - - - secret"), @r#"expected structured data such as `[id name="value"]`, or `-`, got something else at offset 16"#);
        insta::assert_snapshot!(message("<34>1 - - - - - [id a=\"secret]"), @r#"expected structured data such as `[id name="value"]`, or `-`, got the end of the line"#);
        for priority in ["192", "999", "0013", "", "-1", "+1", "1 "] {
            assert_eq!(
                message(&format!("<{priority}>Jun  4 01:02:03 h a: b")),
                "expected a priority from `<0>` to `<191>`, got something else at offset 0"
            );
        }
        for time in ["Foo  4 01:02:03", "Jun 004 01:02:03", "Jun   4 01:02:03", "Jun 4 1:02:03", "jun  4 01:02:03"] {
            assert_eq!(message(&format!("{time} h a: b")), message("secret"), "{time}");
        }
        for time in ["Jun  0 01:02:03", "Jun  4 24:02:03", "Dec 31 23:59:60"] {
            assert_eq!(message(&format!("{time} h a: b")), message("Jun 31 01:02:03 h a: b"), "{time}");
        }
        let no_leap_year = message_at("Feb 29 01:02:03 h a: b", Some("2006-03-01T00:00:00Z"));
        assert_eq!(no_leap_year, message("Jun 31 01:02:03 h a: b"));
        insta::assert_snapshot!(message("2023-02-29T03:04:05Z h a: b"), @"expected a time such as `2026-11-21T09:30:00.123Z`, got something else at offset 0");
        for time in [
            "2023-01-02T03:04:05",
            "2023-01-02T03:04:05.Z",
            "2023-01-02T03:04:05.1234567890Z",
            "2023-01-02t03:04:05Z",
            "2023-01-02T03:04:05z",
            "2023-01-02T03:04:60Z",
            "2023-01-02T03:04:05+0100",
            "2023-01-02T03:04:05+24:00",
            "2023-1-02T03:04:05Z",
        ] {
            assert_eq!(message(&format!("{time} h a: b")), message("2023-02-29T03:04:05Z h a: b"), "{time}");
        }
    }

    #[test]
    fn real_lines_are_read_as_they_look() {
        let lines = include_str!("../../../../samples/syslog.log").split_inclusive('\n');
        assert_eq!(lines.clone().count(), 1000);
        for line in lines {
            let (time, rest) = line.trim_end_matches(['\r', '\n']).split_at(15);
            let (date, clock) = time.split_at(7);
            let (tag, message) = rest.split_once(':').unwrap();
            let tag = tag.strip_prefix(" combo ").unwrap();
            let (program, process) = match tag.split_once('[') {
                Some((program, process)) => (program, text(process.strip_suffix(']').unwrap())),
                None => (tag, Value::Null),
            };
            let (month, day) = date.split_once(' ').unwrap();
            let month = if month == "Jun" { "06" } else { "07" };
            check(
                line,
                &json!({
                    "timestamp": format!("2005-{month}-{:0>2}T{clock}Z", day.trim()),
                    "hostname": "combo",
                    "program": program.trim(),
                    "processid": process,
                    "message": message.strip_prefix(' ').unwrap(),
                    "facility": null,
                    "severity": null,
                }),
            );
        }
    }

    fn lines() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            5 => prop::sample::select(vec![
                "- ", " - - - - ", "[a b=\"", "\"]", "[", "]", "[5]", ": ", ":", "a", " ", "\\", "\"", "\n", "1.2:",
                "Jun  4 01:02:03 ",
            ])
            .prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        let start = prop::sample::select(vec![
            "",
            "<34>",
            "Jun  4 01:02:03 ",
            "Feb 29 01:02:03 ",
            "<34>1 ",
            "1 - - - - - [",
            "1 - - - - - ",
        ]);
        (start, prop::collection::vec(pieces, 0..8)).prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
    }

    /// As RFC 5424 wants it in structured data.
    fn escape(text: &str) -> String {
        text.replace('\\', r"\\").replace('"', r#"\""#).replace(']', r"\]")
    }

    proptest! {
        #[test]
        fn any_line_becomes_all_fields_or_nothing(line in lines(), arrival in any::<Option<i64>>()) {
            let arrival = arrival.map(|arrival| arrival % 400_000_000_000_000);
            if let Ok(json) = json_of(&line, arrival) {
                let object: Value = serde_json::from_str(&json).unwrap();
                let fields: Vec<&String> = object.as_object().unwrap().keys().collect();
                prop_assert!(fields == FIELDS || fields == FIELDS[..7]);
            }
        }

        #[test]
        fn no_text_of_rfc_5424_is_lost(
            priority in 0..=191_u8,
            header in prop::array::uniform4("[!-~]{2,9}"),
            data in btree_map("[a-z@]{1,9}", btree_map("[a-z]{1,9}", any::<String>(), 0..3), 1..3),
            message in ".*",
        ) {
            let [host, program, process, id] = header;
            let mut elements = String::new();
            for (id, parameters) in &data {
                let parameters = parameters.iter().map(|(name, value)| format!(" {name}=\"{}\"", escape(value)));
                elements.extend([format!("[{id}"), parameters.collect::<Vec<_>>().concat(), "]".to_owned()]);
            }
            let time = "2003-10-11T22:14:15.003Z";
            let line = format!("<{priority}>1 {time} {host} {program} {process} {id} {elements} \u{feff}{message}\n");
            let json = json_of(&line, None).unwrap();
            let expected = json!({
                "timestamp": time, "hostname": host, "program": program, "processid": process,
                "message": message.strip_suffix('\r').unwrap_or(&message), "facility": facility(priority),
                "severity": severity(priority), "msgid": id, "structured_data": data,
            });
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
        }

        #[test]
        fn nothing_of_the_old_form_is_lost(
            second in 0..253_000_000_000_i64,
            delay in -86_400_i64..364 * 86_400,
            program in "[A-Za-z][A-Za-z0-9_./()-]{0,20}",
            process in 1..99_999_u32,
            message in ".*",
        ) {
            let time = Timestamp::from_second(second).unwrap();
            let line = format!("{} host {program}[{process}]: {message}\n", time.strftime("%b %e %H:%M:%S"));
            let json = json_of(&line, Some((second + delay) * 1000)).unwrap();
            let expected = json!({
                "timestamp": time.to_string(), "hostname": "host", "program": program, "processid": process.to_string(),
                "message": message.strip_suffix('\r').unwrap_or(&message), "facility": null, "severity": null,
            });
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
        }
    }
}
