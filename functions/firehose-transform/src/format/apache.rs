//! Lines of an access log, in Apache's common and combined format (which is nginx's as well).
//!
//! Our own, since the crate for it, `access_log_parser`, refuses host names and escaped quotes, and loses what comes after the
//! agent.
//! <https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats>

use super::line::{Reader, Unreadable, unescape};
use crate::calendar::{date_time, month, number, push_date_time};
use crate::json::{is_special, push_plain, push_string};
use crate::object_writer::ObjectWriter;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use memchr::memchr;

/// Writes a line as one JSON object; its end (`\n`, `\r\n`) is tolerated. If it fails, nothing is written.
///
/// The fields are always these, in this order, those of AWS's blueprint first in its names:
///
/// | field | value |
/// |---|---|
/// | `host` | text: a name, or an address of any kind |
/// | `ident`, `authuser` | text, or null for `-`; a user's name may have blanks, and may be empty (`""`) |
/// | `@timestamp` | the time with its own offset: `2015-05-17T10:05:03+02:00` |
/// | `timezone` | the offset as it was logged: `+0200` |
/// | `@timestamp_utc` | the time in UTC: `2015-05-17T08:05:03Z` |
/// | `verb` | the method, or null if the request is not HTTP (`-`, what a TLS client sent to a plain port) |
/// | `request` | the whole first line of the request; a path is `.request \| split(" ")[1]` |
/// | `response`, `bytes` | whole numbers, or null for `-` |
/// | `referrer`, `agent` | text, or null for `-` and in the common format |
/// | `extra` | what the server was told to log after that (`%D`), as text and as logged; null if there is nothing |
///
/// The escapes of Apache and nginx are undone in all texts but `extra`: `\"`, `\\`, `\n`, `\t`, `\r`, `\b`, `\v`, and `\xhh` as far
/// as the bytes are UTF-8. Bytes that are not stay what they are, the text `\xhh`, and so does any other backslash.
///
/// Refused are times that are not of the calendar, more than one line, and lines of `vhost_combined`, whose first field is the
/// server's name.
pub fn decode(line: &str, object: &mut ObjectWriter) -> Result<(), Unreadable> {
    Entry::parse(Reader::new(line))?.write(object);
    Ok(())
}

/// The fields, in their order.
pub(crate) const FIELDS: [&str; 13] = [
    "host",
    "ident",
    "authuser",
    "@timestamp",
    "timezone",
    "@timestamp_utc",
    "verb",
    "request",
    "response",
    "bytes",
    "referrer",
    "agent",
    "extra",
];

/// The parts of a line, as they were logged.
struct Entry<'l> {
    host: &'l str,
    ident: &'l str,
    authuser: &'l str,
    time: Time<'l>,
    request: &'l str,
    response: &'l str,
    bytes: &'l str,
    /// The referrer and the agent.
    client: Option<(&'l str, &'l str)>,
    extra: &'l str,
}

struct Time<'l> {
    local: DateTime,
    utc: DateTime,
    /// `+hhmm`.
    zone: &'l str,
}

impl<'l> Entry<'l> {
    fn parse(mut line: Reader<'l>) -> Result<Self, Unreadable> {
        if let Some(end) = memchr(b'\n', line.rest().as_bytes()) {
            line.take(end);
            return Err(line.unreadable("one line"));
        }
        let host = line.word("a host")?;
        line.sign(" ", "a blank after the host")?;
        let ident = line.word("an ident")?;
        line.sign(" ", "a blank after the ident")?;
        let (authuser, time) = user_and_time(&mut line)?;
        let request = line.until_quote("a quote after the request")?;
        line.sign(" ", "a blank after the request")?;
        let response = number_or_none(&mut line, "a status, which is a number or `-`")?;
        line.sign(" ", "a blank after the status")?;
        let bytes = number_or_none(&mut line, "the bytes sent, which are a number or `-`")?;
        let client = if line.skip(" \"") { Some(client(&mut line)?) } else { None };
        if !line.rest().is_empty() {
            line.sign(" ", "a blank or the end of the line")?;
        }
        Ok(Self { host, ident, authuser, time, request, response, bytes, client, extra: line.rest() })
    }

    fn write(&self, object: &mut ObjectWriter) {
        let (referrer, agent) = self.client.unwrap_or((NOTHING, NOTHING));
        object.begin(400 + self.request.len() + referrer.len() + agent.len());
        object.put("host", |json| push_text(json, self.host));
        object.put("ident", |json| push_text_or_null(json, self.ident));
        object.put("authuser", |json| match self.authuser {
            NO_NAME => json.push_str("\"\""),
            user => push_text_or_null(json, user),
        });
        self.time.write(object);
        object.put("verb", |json| push_text_or_null(json, verb(self.request).unwrap_or(NOTHING)));
        object.put("request", |json| push_text(json, self.request));
        object.put("response", |json| push_number_or_null(json, self.response));
        object.put("bytes", |json| push_number_or_null(json, self.bytes));
        object.put("referrer", |json| push_text_or_null(json, referrer));
        object.put("agent", |json| push_text_or_null(json, agent));
        object.put("extra", |json| match self.extra {
            "" => json.push_str("null"),
            extra => push_string(json, extra),
        });
        object.end();
    }
}

/// What stands for a value that there is none of.
const NOTHING: &str = "-";

/// What stands for a user without a name. (One who is called that is logged with backslashes.)
const NO_NAME: &str = "\"\"";

/// Reads the user, the time and the quote before the request.
///
/// A name can hold blanks and brackets, but no quote without a backslash: the time is what stands before the first of these.
fn user_and_time<'l>(line: &mut Reader<'l>) -> Result<(&'l str, Time<'l>), Unreadable> {
    const TIME: &str = "a time such as `[17/May/2015:10:05:03 +0000]` before the request";
    if line.rest().starts_with("- ") && !line.rest().starts_with("- [") {
        return Err(line.unreadable("a user and a time (is this `vhost_combined`?)"));
    }
    let start = *line;
    let no_name = line.skip(NO_NAME);
    let before = line.until_quote("a quote before the request")?;
    let (user, time) = before
        .strip_suffix("] ")
        .and_then(|before| before.split_at_checked(before.len().checked_sub(TIME_LENGTH)?))
        .and_then(|(user, time)| Some((user.strip_suffix(" [")?, time)))
        .ok_or_else(|| start.unreadable(TIME))?;
    if user.is_empty() != no_name {
        return Err(start.unreadable("a user"));
    }
    let time = Time::parse(time).ok_or_else(|| {
        let mut place = start;
        place.take(before.len().saturating_sub("] ".len() + TIME_LENGTH));
        place.unreadable("a time of the calendar, such as `17/May/2015:10:05:03 +0000`")
    })?;
    Ok((if no_name { NO_NAME } else { user }, time))
}

/// Reads the referrer and the agent, from after the referrer's first quote.
fn client<'l>(line: &mut Reader<'l>) -> Result<(&'l str, &'l str), Unreadable> {
    let referrer = line.until_quote("a quote after the referrer")?;
    line.sign(" \"", "a blank and the quote before the agent")?;
    let agent = line.until_quote("a quote after the agent")?;
    Ok((referrer, agent))
}

/// Reads digits, up to 2⁶⁴ in value, or `-`.
fn number_or_none<'l>(line: &mut Reader<'l>, expected: &'static str) -> Result<&'l str, Unreadable> {
    let start = *line;
    let word = line.word(expected)?;
    let is_number = || word.bytes().all(|byte| byte.is_ascii_digit()) && word.parse::<u64>().is_ok();
    if word == NOTHING || is_number() { Ok(word) } else { Err(start.unreadable(expected)) }
}

/// The method of a request, if it is one of HTTP: it ends with a version, or it is the `GET` of version 0.9, which had none.
fn verb(request: &str) -> Option<&str> {
    let (verb, rest) = request.split_once(' ')?;
    let is_versioned = || {
        rest.rsplit_once(' ').is_some_and(|(target, protocol)| {
            let version = protocol.strip_prefix("HTTP/").unwrap_or_default();
            let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            !target.is_empty() && !version.is_empty() && is_version
        })
    };
    let is_oldest = || verb == "GET" && !rest.is_empty() && !rest.contains(' ');
    let is_token = || verb.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    (!verb.is_empty() && (is_versioned() || is_oldest()) && is_token()).then_some(verb)
}

const TIME_LENGTH: usize = "17/May/2015:10:05:03 +0000".len();

impl<'l> Time<'l> {
    /// Reads a time such as `17/May/2015:10:05:03 +0000`.
    #[rustfmt::skip]
    fn parse(text: &'l str) -> Option<Self> {
        let &[
            d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', s1, s2, b' ',
            sign @ (b'+' | b'-'), z1, z2, z3, z4,
        ] = text.as_bytes().first_chunk::<TIME_LENGTH>()?
        else {
            return None;
        };
        let date = [number([y1, y2, y3, y4])?, month([m1, m2, m3])?, number([d1, d2])?];
        let local = date_time(date, [number([h1, h2])?, number([n1, n2])?, number([s1, s2])?])?;
        let (hours, minutes) = (number([z1, z2])?, number([z3, z4])?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = SignedDuration::from_mins(i64::from(hours * 60 + minutes));
        let utc = match sign {
            _ if offset.is_zero() => local,
            b'-' => local.checked_add(offset).ok()?,
            _ => local.checked_sub(offset).ok()?,
        };
        let (_, zone) = text.rsplit_once(' ')?;
        (0..=9999).contains(&utc.year()).then_some(Self { local, utc, zone })
    }

    fn write(&self, object: &mut ObjectWriter) {
        let (hours, minutes) = self.zone.split_at_checked("+hh".len()).unwrap_or((self.zone, ""));
        object.put("@timestamp", |json| push_time(json, self.local, &[hours, ":", minutes]));
        object.put("timezone", |json| push_plain(json, self.zone));
        object.put("@timestamp_utc", |json| push_time(json, self.utc, &["Z"]));
    }
}

fn push_time(json: &mut String, time: DateTime, offset: &[&str]) {
    json.push('"');
    push_date_time(json, time);
    json.extend(offset.iter().copied().chain(["\""]));
}

fn push_text_or_null(json: &mut String, logged: &str) {
    if logged == NOTHING { json.push_str("null") } else { push_text(json, logged) }
}

fn push_text(json: &mut String, logged: &str) {
    // Where there is nothing special there is no backslash either.
    if is_special(logged) { push_string(json, &unescape(logged, escaped)) } else { push_plain(json, logged) }
}

/// JSON numbers have no zeros before them.
fn push_number_or_null(json: &mut String, logged: &str) {
    json.push_str(match logged.trim_start_matches('0') {
        NOTHING => "null",
        "" => "0",
        digits => digits,
    });
}

/// The character that an escape means, and what comes after it.
fn escaped(escape: &str) -> Option<(char, &str)> {
    let mut characters = escape.chars();
    let character = match characters.next()? {
        character @ ('"' | '\\') => character,
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'v' => '\u{b}',
        'x' => return escaped_bytes(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

/// The character of up to four bytes, the first `\x` of which has been read.
fn escaped_bytes(escape: &str) -> Option<(char, &str)> {
    let mut bytes = [0; 4];
    let mut rest = escape;
    for place in 0..bytes.len() {
        let (digits, after) = rest.split_at_checked(2).filter(|(digits, _)| !digits.starts_with('+'))?;
        *bytes.get_mut(place)? = u8::from_str_radix(digits, 16).ok()?;
        let character = std::str::from_utf8(bytes.get(..=place)?).ok().and_then(|text| text.chars().next());
        if let Some(character) = character {
            return Some((character, after));
        }
        rest = after.strip_prefix("\\x")?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::{Offset, TimeZone};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn json(line: &str) -> Result<String, Unreadable> {
        let mut object = ObjectWriter::default();
        decode(line, &mut object).map(|()| object.json().to_owned())
    }

    fn decoded(line: &str) -> Value {
        serde_json::from_str(&json(line).unwrap_or_else(|unreadable| panic!("{unreadable}: {line}"))).unwrap()
    }

    #[track_caller]
    fn check(line: &str, fields: &Value) {
        let decoded = decoded(line);
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(decoded.get(name), Some(value), "{name}");
        }
    }

    /// Checks the fields that a part of a line becomes.
    #[track_caller]
    fn check_request(request: &str, fields: &Value) {
        check(&format!(r#"::1 - - [17/May/2015:10:05:03 +0000] "{request}" 200 5 "-" "-""#), fields);
    }

    #[track_caller]
    fn check_end(end: &str, fields: &Value) {
        check(&format!(r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" {end}"#), fields);
    }

    fn message(line: &str) -> String {
        json(line).unwrap_err().to_string()
    }

    #[test]
    fn a_line_becomes_one_object() {
        let line = "www.example.com - frank [10/Oct/2000:13:55:36 -0700] \"GET /a.gif?b=1 HTTP/1.0\" 200 2326 \
                    \"http://example.com/\" \"Mozilla/4.08 [en] (Win98; I)\" 1043 \"x\"\r\n";
        insta::assert_snapshot!(json(line).unwrap(), @r#"{"host":"www.example.com","ident":null,"authuser":"frank","@timestamp":"2000-10-10T13:55:36-07:00","timezone":"-0700","@timestamp_utc":"2000-10-10T20:55:36Z","verb":"GET","request":"GET /a.gif?b=1 HTTP/1.0","response":200,"bytes":2326,"referrer":"http://example.com/","agent":"Mozilla/4.08 [en] (Win98; I)","extra":"1043 \"x\""}"#);
        assert_eq!(decoded(line).as_object().unwrap().keys().collect::<Vec<_>>(), FIELDS);
    }

    #[test]
    fn the_end_of_a_line_is_the_common_format_or_more() {
        let common = json!({"response": 200, "bytes": 5, "referrer": null, "agent": null, "extra": null});
        check_end("200 5", &common);
        check_end("200 5\n", &common);
        check_end("200 5 ", &common);
        check_end(r#"200 5 "-" "-""#, &common);
        check_end(r#"200 5 "" "a""#, &json!({"referrer": "", "agent": "a", "extra": null}));
        check_end(r#"200 5 "r" "a" "#, &json!({"referrer": "r", "agent": "a", "extra": null}));
        check_end(r#"200 5 "r" "a" "x \" y" 7"#, &json!({"extra": r#""x \" y" 7"#}));
        check_end("200 5 1043", &json!({"referrer": null, "agent": null, "extra": "1043"}));
    }

    #[test]
    fn numbers_are_those_of_json() {
        check_end("- -", &json!({"response": null, "bytes": null}));
        check_end("000 00", &json!({"response": 0, "bytes": 0}));
        check_end("099 0010", &json!({"response": 99, "bytes": 10}));
        check_end("200 18446744073709551615", &json!({"bytes": u64::MAX}));
    }

    #[test]
    fn verbs_are_those_of_http() {
        check_request("GET / HTTP/1.1", &json!({"verb": "GET", "request": "GET / HTTP/1.1"}));
        check_request("M-SEARCH * HTTP/2", &json!({"verb": "M-SEARCH"}));
        check_request("get /a b HTTP/1.1", &json!({"verb": "get", "request": "get /a b HTTP/1.1"}));
        check_request("GET /", &json!({"verb": "GET"}));
        check_request("-", &json!({"verb": null, "request": "-"}));
        check_request("", &json!({"verb": null, "request": ""}));
        check_request(r"\x16\x03\x01", &json!({"verb": null, "request": "\u{16}\u{3}\u{1}"}));
        for request in [
            "GET",
            "GET ",
            "quit now",
            "POST /",
            "GET  HTTP/1.1",
            "OPTIONS * RTSP/1.0",
            r"\n / HTTP/1.1",
            " a HTTP/1.1",
        ] {
            check_request(request, &json!({"verb": null}));
        }
    }

    #[test]
    fn escapes_are_undone() {
        check_request(r#"\"\\\n\t\r\b\v"#, &json!({"request": "\"\\\n\t\r\u{8}\u{b}"}));
        check_request(r"\xc3\xa4\xe2\x82\xac\xF0\x9F\x98\x80\x22\x00", &json!({"request": "ä€😀\"\u{0}"}));
        check_request("ä€", &json!({"request": "ä€"}));
        check_request(r"\xff\xc3a\xe2\x82", &json!({"request": r"\xff\xc3a\xe2\x82"}));
        check_request(r"\xc3\xc3\xa4", &json!({"request": r"\xc3ä"}));
        check_request(r"\x+1\xg0\x1\q\xä", &json!({"request": r"\x+1\xg0\x1\q\xä"}));
        check_end(r#"404 5 "\"a\"" "C:\\""#, &json!({"referrer": "\"a\"", "agent": "C:\\"}));
    }

    #[test]
    fn hosts_and_users_are_what_was_logged() {
        let line = |start: &str| format!("{start} [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5");
        check(&line("2001:db8::1 - -"), &json!({"host": "2001:db8::1", "ident": null, "authuser": null}));
        check(&line("- id a b"), &json!({"host": "-", "ident": "id", "authuser": "a b"}));
        check(&line(r"h - \xc3\xa4"), &json!({"authuser": "ä"}));
        check(&line(r#"h - """#), &json!({"authuser": ""}));
        check(&line(r#"h - \"\""#), &json!({"authuser": "\"\""}));
        check(&line(r#"h - a [17/May/2015:10:05:04 +0000] \"GET"#), &json!({"@timestamp_utc": "2015-05-17T10:05:03Z"}));
    }

    #[test]
    fn times_have_their_offset_and_that_of_utc() {
        let check = |time: &str, local: &str, utc: &str| {
            let line = format!("h - - [{time}] \"GET /\" 200 5");
            check(
                &line,
                &json!({"@timestamp": local, "@timestamp_utc": utc, "timezone": time.split_once(' ').unwrap().1}),
            );
        };
        check("17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03+00:00", "2015-05-17T10:05:03Z");
        check("01/Jan/2024:00:29:59 +0530", "2024-01-01T00:29:59+05:30", "2023-12-31T18:59:59Z");
        check("28/Feb/2024:23:00:00 -0800", "2024-02-28T23:00:00-08:00", "2024-02-29T07:00:00Z");
    }

    #[test]
    fn lines_that_are_refused() {
        let time = |time: &str| message(&format!("1.1.1.1 - - [{time}] \"GET / HTTP/1.1\" 200 5"));
        let calendar = time("32/May/2015:10:05:03 +0000");
        insta::assert_snapshot!(calendar, @"expected a time of the calendar, such as `17/May/2015:10:05:03 +0000`, got something else at offset 13");
        for text in [
            "29/Feb/2015:10:05:03 +0000",
            "01/Foo/2015:10:05:03 +0000",
            "17/May/2015:25:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "31/Dec/2016:23:59:60 +0000",
            "17/May/2015:10:05:03 +2400",
            "17/May/2015:10:05:03 +0060",
            "17/May/2015 10:05:03 +0000",
            "01/Jan/0000:00:00:00 +0100",
            "31/Dec/9999:23:59:59 -0100",
        ] {
            assert_eq!(time(text), calendar, "{text}");
        }
        insta::assert_snapshot!(time("17/May/2015:10:05:03"), @"expected a time such as `[17/May/2015:10:05:03 +0000]` before the request, got something else at offset 10");
        insta::assert_snapshot!(message(""), @"expected a host, got the end of the line");
        insta::assert_snapshot!(message("secret"), @"expected a blank after the host, got the end of the line");
        insta::assert_snapshot!(message("h - secret"), @"expected a quote before the request, got the end of the line");
        insta::assert_snapshot!(message("www:80 1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 5"), @"expected a user and a time (is this `vhost_combined`?), got something else at offset 15");
        insta::assert_snapshot!(message("h -  [17/May/2015:10:05:03 +0000] \"GET /\" 200 5"), @"expected a user, got something else at offset 4");
        let end = |end: &str| message(&format!("h - - [17/May/2015:10:05:03 +0000] {end}"));
        insta::assert_snapshot!(end("\"GET /"), @"expected a quote after the request, got the end of the line");
        insta::assert_snapshot!(end("\"GET /\"a\" 200 5"), @"expected a blank after the request, got something else at offset 42");
        insta::assert_snapshot!(end("\"GET /\" secret 5"), @"expected a status, which is a number or `-`, got something else at offset 43");
        insta::assert_snapshot!(end("\"GET /\" 200"), @"expected a blank after the status, got the end of the line");
        insta::assert_snapshot!(end("\"GET /\" 200 18446744073709551616"), @"expected the bytes sent, which are a number or `-`, got something else at offset 47");
        insta::assert_snapshot!(end("\"GET /\" 200 5 \"r\""), @"expected a blank and the quote before the agent, got the end of the line");
        insta::assert_snapshot!(end("\"GET /\" 200 5 \"r\" \"a\"b\""), @"expected a blank or the end of the line, got something else at offset 56");
        insta::assert_snapshot!(end("\"GET /\" 200 5\nh - -"), @"expected one line, got something else at offset 48");
    }

    #[test]
    fn real_lines_are_read_as_they_look() {
        let lines = include_str!("../../../../samples/access-logs.log").lines();
        assert_eq!(lines.clone().count(), 3000);
        for line in lines {
            let parts: Vec<&str> = line.split('"').collect();
            let numbers: Vec<&str> = parts[2].split_whitespace().collect();
            let text = |text: &str| if text == "-" { Value::Null } else { Value::from(text) };
            check(
                line,
                &json!({
                    "host": parts[0].split(' ').next(),
                    "request": parts[1],
                    "verb": parts[1].split(' ').next(),
                    "response": numbers[0].parse::<u64>().ok(),
                    "bytes": numbers[1].parse::<u64>().ok(),
                    "referrer": text(parts[3]),
                    "agent": text(parts[5]),
                    "extra": null,
                }),
            );
        }
    }

    /// As Apache writes texts that it was sent.
    fn escape(text: &str) -> String {
        let escape = |byte: u8| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b'\n' => "\\n".to_owned(),
            b'\t' => "\\t".to_owned(),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        };
        text.bytes().map(escape).collect()
    }

    fn lines() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            5 => prop::sample::select(vec![
                "h - - [17/May/2015:10:05:03 +0000] \"", "GET / HTTP/1.1", "\" ", "200 5", " \"", "\"", " ", "-", "\\", "\\x",
                "\n", "[", "] \"", "\"\"",
            ])
            .prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        let start = prop::sample::select(vec![
            "",
            "h - - [17/May/2015:10:05:03 +0000] \"",
            "h - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 5 \"",
        ]);
        (start, prop::collection::vec(pieces, 0..8)).prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
    }

    proptest! {
        #[test]
        fn any_line_becomes_all_fields_or_nothing(line in lines()) {
            if let Ok(json) = json(&line) {
                let object: Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), FIELDS);
            }
        }

        #[test]
        fn no_text_is_lost(
            host in "[a-z0-9.:-]{1,20}",
            user in "-?[a-z]|[^-].*".prop_filter("is not `-`", |user| user != "-"),
            request in any::<String>(),
            agent in ".{2,9}",
            bytes in any::<u64>(),
        ) {
            let line = format!(
                "{host} - {} [17/May/2015:10:05:03 +0000] \"{}\" 200 {bytes} \"-\" \"{}\"",
                escape(&user), escape(&request), escape(&agent),
            );
            let decoded = decoded(&line);
            prop_assert_eq!(&decoded["host"], &host);
            prop_assert_eq!(&decoded["authuser"], &user);
            prop_assert_eq!(&decoded["request"], &request);
            prop_assert_eq!(&decoded["bytes"], &json!(bytes));
            prop_assert_eq!(&decoded["agent"], &agent);
        }

        #[test]
        fn times_are_what_jiff_reads(second in -62_000_000_000_i64..253_000_000_000, minutes in -1439..1440) {
            let time = Timestamp::from_second(second).unwrap();
            let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).unwrap());
            let line = format!("h - - [{}] \"GET /\" 200 5", time.to_zoned(zone).strftime("%d/%b/%Y:%H:%M:%S %z"));
            let decoded = decoded(&line);
            for field in ["@timestamp", "@timestamp_utc"] {
                prop_assert_eq!(decoded[field].as_str().unwrap().parse::<Timestamp>().unwrap(), time);
            }
        }
    }
}
