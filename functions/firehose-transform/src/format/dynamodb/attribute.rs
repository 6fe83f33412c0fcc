//! The typed attributes of an item, written as plain JSON while they are read.
//!
//! By the same scanner that reads the record, so that each piece of the text is looked at once. (`serde_json` would hand strings
//! over decoded.)

use super::Fault;
use crate::document::{Kind, text_of};
use crate::json::push_plain;
use crate::object_writer::ObjectWriter;
use crate::scan::Scanner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How deep attributes may lie in another. DynamoDB takes 32 levels, so this is no item of its own.
const LEVELS: usize = 64;

/// The characters of a name that a path shows.
const SHOWN: usize = 40;

/// Writes an item, which is an object of attributes by their names. After a fault half of it is written.
///
/// Without a fault, what was read is JSON. A fault may also be of JSON, and does not say so then.
pub(super) fn write_item(scanner: &mut Scanner<'_>, object: &mut ObjectWriter) -> Result<(), Fault> {
    object.begin(USUAL_ITEM);
    let mut writer = Writer { scanner, object };
    writer.parts("an object", b'{', b'}', |writer, _| {
        let name = writer.string("a name")?;
        writer.object.field_as_json(name);
        writer.expect(b':')?;
        writer.attribute(1).map_err(|fault| fault.inside(&shown(name)))
    })?;
    object.end();
    Ok(())
}

/// The bytes that are made room for at once.
const USUAL_ITEM: usize = 1024;

struct Writer<'t, 'o> {
    /// The text that is read.
    scanner: &'o mut Scanner<'t>,
    /// What has been written.
    object: &'o mut ObjectWriter,
}

impl<'t> Writer<'t, '_> {
    /// An `M`: an object of attributes by their names.
    fn attributes(&mut self, level: usize) -> Result<(), Fault> {
        self.each("an object", b'{', b'}', |writer, _| {
            let name = writer.string("a name")?;
            writer.expect(b':')?;
            writer.push(name);
            writer.push(":");
            writer.attribute(level).map_err(|fault| fault.inside(&shown(name)))
        })
    }

    /// The value of an attribute: an object of one field, whose name is a type.
    fn attribute(&mut self, level: usize) -> Result<(), Fault> {
        if level > LEVELS {
            return Err(Fault::at("", "at most 64 levels of attributes", "more"));
        }
        if !self.scanner.eat(b'{') {
            return Err(self.fault("an object with a type"));
        }
        if self.scanner.eat(b'}') {
            return Err(Fault::at("", "an object with a type", "an empty one"));
        }
        let name = self.string("a type")?;
        self.expect(b':')?;
        match text_of(name).as_deref() {
            Some("S") => self.text(),
            Some("N") => self.number(),
            Some("B") => self.binary(),
            Some("BOOL") => self.boolean(),
            Some("NULL") => self.null(),
            Some("M") => self.attributes(level + 1),
            Some("L") => self.list(|writer| writer.attribute(level + 1)),
            Some("SS") => self.list(Self::text),
            Some("NS") => self.list(Self::number),
            Some("BS") => self.list(Self::binary),
            _ => Err(Fault::at("", "one of the types `S N B BOOL NULL M L SS NS BS`", "another name")),
        }?;
        if self.scanner.eat(b'}') {
            Ok(())
        } else {
            Err(Fault::at("", "an object with one type", "one with more fields"))
        }
    }

    fn text(&mut self) -> Result<(), Fault> {
        let text = self.string("a string")?;
        self.push(text);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let text = self.string("a number in a string")?;
        let written = text_of(text).and_then(|text| write_number(&text, self.object.text()));
        written.ok_or_else(|| Fault::at("", "a number in a string", "another text"))
    }

    fn binary(&mut self) -> Result<(), Fault> {
        let text = self.string("base64")?;
        let binary = text_of(text).and_then(decode_once);
        let binary = binary.ok_or_else(|| Fault::at("", "base64", "another text"))?;
        // Base64 has no characters that JSON would escape.
        push_plain(self.object.text(), &binary);
        Ok(())
    }

    fn boolean(&mut self) -> Result<(), Fault> {
        let boolean = if self.scanner.eat_word("true") {
            "true"
        } else if self.scanner.eat_word("false") {
            "false"
        } else {
            return Err(self.fault("a boolean"));
        };
        self.push(boolean);
        Ok(())
    }

    fn null(&mut self) -> Result<(), Fault> {
        if !self.scanner.eat_word("true") {
            return Err(self.fault("true"));
        }
        self.push("null");
        Ok(())
    }

    /// An array, whose elements are written one by one.
    fn list(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.each("an array", b'[', b']', |writer, place| {
            element(writer).map_err(|fault| fault.inside(&format!("[{place}]")))
        })
    }

    /// What is between two brackets, with commas between: it is written as it is read, part by part.
    fn each(
        &mut self,
        expected: &'static str,
        open: u8,
        close: u8,
        mut part: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.object.text().push(char::from(open));
        self.parts(expected, open, close, |writer, place| {
            writer.push(if place > 0 { "," } else { "" });
            part(writer, place)
        })?;
        self.object.text().push(char::from(close));
        Ok(())
    }

    /// What is between two brackets, with commas between, part by part.
    fn parts(
        &mut self,
        expected: &'static str,
        open: u8,
        close: u8,
        mut part: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.scanner.eat(open) {
            return Err(self.fault(expected));
        }
        let mut place = 0;
        while !self.scanner.eat(close) {
            if place > 0 {
                self.expect(b',')?;
            }
            part(self, place)?;
            place += 1;
        }
        Ok(())
    }

    /// Goes over blanks and a string, and gives it as it is written, with its quotes.
    fn string(&mut self, expected: &'static str) -> Result<&'t str, Fault> {
        let before = *self.scanner;
        self.scanner.skip_blanks();
        self.scanner.string().ok_or_else(|| {
            *self.scanner = before;
            self.fault(expected)
        })
    }

    /// Goes over blanks and a sign of JSON's.
    fn expect(&mut self, sign: u8) -> Result<(), Fault> {
        if self.scanner.eat(sign) { Ok(()) } else { Err(self.fault("JSON")) }
    }

    fn push(&mut self, text: &str) {
        self.object.text().push_str(text);
    }

    /// Something else comes next.
    fn fault(&self, expected: &'static str) -> Fault {
        let next = serde_json::Deserializer::from_str(self.scanner.rest()).into_iter::<&RawValue>().next();
        Fault::at("", expected, next.and_then(Result::ok).map_or("nothing", |value| Kind::of(value.get()).name()))
    }
}

/// An attribute's part of a path.
fn shown(name: &str) -> String {
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    match name.char_indices().nth(SHOWN).and_then(|(end, _)| name.get(..end)) {
        Some(start) => format!(".{start}…"),
        None => format!(".{name}"),
    }
}

/// Appends a number as JSON writes it: with the digits that it has, all but zeros at its front.
fn write_number(text: &str, json: &mut String) -> Option<()> {
    if Scanner::new(text).is_number() {
        json.push_str(text);
        return Some(());
    }
    let (minus, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, exponent) = rest.strip_prefix('.').map_or(("", rest), digits);
    if (whole.is_empty() && fraction.is_empty()) || !is_exponent(exponent) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    json.push_str(minus);
    json.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        json.push('.');
        json.push_str(fraction);
    }
    json.push_str(exponent);
    Some(())
}

/// The digits that a text begins with, and what comes after them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Whether a text is an exponent as JSON takes it, or nothing.
fn is_exponent(text: &str) -> bool {
    let Some(power) = text.strip_prefix(['e', 'E']) else { return text.is_empty() };
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    !power.is_empty() && power.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes one of two layers of base64 off; where there is only one, it stays.
fn decode_once(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let decoded = STANDARD.decode(text.as_bytes()).ok()?;
    match String::from_utf8(decoded) {
        Ok(inner) if STANDARD.decode(&inner).is_ok() => Some(Cow::Owned(inner)),
        _ => Some(text),
    }
}
