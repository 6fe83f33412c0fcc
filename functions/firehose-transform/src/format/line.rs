//! What the formats of log lines have in common.

use memchr::{memchr, memchr_iter};
use std::borrow::Cow;
use std::fmt;

/// Why a line is not of its format. It holds nothing of the line: what was expected, and where, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    expected: &'static str,
    got: Got,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Nothing,
    TheEnd,
    SomethingElse { offset: usize },
}

impl Unreadable {
    /// Something is missing that is not in the line at all.
    pub(crate) fn missing(expected: &'static str) -> Self {
        Self { expected, got: Got::Nothing }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got ", self.expected)?;
        match self.got {
            Got::Nothing => f.write_str("nothing"),
            Got::TheEnd => f.write_str("the end of the line"),
            Got::SomethingElse { offset } => write!(f, "something else at offset {offset}"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A line, read from left to right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'l> {
    length: usize,
    rest: &'l str,
}

impl<'l> Reader<'l> {
    /// Begins to read a line. Its end (`\n` or `\r\n`) is no part of it, if it has one.
    pub(crate) fn new(line: &'l str) -> Self {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Self { length: line.len(), rest: line }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'l str {
        self.rest
    }

    /// Something else stands here.
    pub(crate) fn unreadable(&self, expected: &'static str) -> Unreadable {
        let offset = self.length.saturating_sub(self.rest.len());
        let got = if self.rest.is_empty() { Got::TheEnd } else { Got::SomethingElse { offset } };
        Unreadable { expected, got }
    }

    /// Reads this text, if it stands here.
    pub(crate) fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads this text, which must stand here.
    pub(crate) fn sign(&mut self, text: &str, expected: &'static str) -> Result<(), Unreadable> {
        if self.skip(text) { Ok(()) } else { Err(self.unreadable(expected)) }
    }

    /// Reads a word, which is not empty and ends before a blank or with the line.
    pub(crate) fn word(&mut self, expected: &'static str) -> Result<&'l str, Unreadable> {
        let end = memchr(b' ', self.rest.as_bytes()).unwrap_or(self.rest.len());
        self.take(end).filter(|word| !word.is_empty()).ok_or_else(|| self.unreadable(expected))
    }

    /// Reads up to a quote that no backslash escapes, and the quote.
    pub(crate) fn until_quote(&mut self, expected: &'static str) -> Result<&'l str, Unreadable> {
        let is_escaped = |before: &str| before.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
        let end = memchr_iter(b'"', self.rest.as_bytes())
            .filter_map(|place| self.rest.split_at_checked(place))
            .find(|(before, _)| !is_escaped(before));
        let (text, quote) = end.ok_or(Unreadable { expected, got: Got::TheEnd })?;
        self.rest = quote.strip_prefix('"').unwrap_or(quote);
        Ok(text)
    }

    /// Reads so many bytes, if there are as many and they end with a character.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<&'l str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }
}

/// Undoes the escapes in a text. `escaped` is given what follows a backslash, and gives the character that it means and what
/// comes after it; or nothing, and then the backslash is one.
pub(crate) fn unescape(text: &str, escaped: impl Fn(&str) -> Option<(char, &str)>) -> Cow<'_, str> {
    if memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        unescaped.push_str(plain);
        let (character, after) = escaped(escape).unwrap_or(('\\', escape));
        unescaped.push(character);
        rest = after;
    }
    unescaped.push_str(rest);
    Cow::Owned(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_no_part_of_a_line() {
        for (line, text) in [("a\r\n", "a"), ("a\n", "a"), ("a\r", "a"), ("a \n\n", "a \n"), ("\r\n", "")] {
            assert_eq!(Reader::new(line).rest(), text);
        }
    }

    #[test]
    fn quotes_end_a_text_unless_they_are_escaped() {
        for (text, before, after) in
            [(r#"a" b"#, "a", " b"), (r#"a\"b" c"#, r#"a\"b"#, " c"), (r#"a\\" b"#, r"a\\", " b"), (r#"""#, "", "")]
        {
            let mut reader = Reader::new(text);
            assert_eq!(reader.until_quote("a quote"), Ok(before));
            assert_eq!(reader.rest(), after);
        }
        insta::assert_snapshot!(Reader::new(r#"a\""#).until_quote("a quote").unwrap_err(), @"expected a quote, got the end of the line");
    }
}
