//! The formats in which records are delivered.

use crate::contract::{Column, Contract};
use crate::document::{Document, Kind};
use csv::{Terminator, WriterBuilder};
use std::borrow::Cow;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// One line of JSON, without blanks.
    Json,
    /// One line by RFC 4180 with a plain newline at its end, its columns those of the contract, in their order. What is
    /// missing or `null` is empty, text is as it is, and everything else is JSON.
    Csv,
}

impl OutputFormat {
    /// The format by its name in `OUTPUT_FORMAT`.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("expected `json` or `csv`"),
        }
    }

    /// Appends a record, newline included.
    pub(crate) fn write(self, document: &Document<'_>, contract: &Contract, line: &mut String) {
        match self {
            Self::Json => document.write_line(line),
            Self::Csv => write_csv(document, contract.columns(), line),
        }
    }
}

fn write_csv(document: &Document<'_>, columns: &[Column], line: &mut String) {
    let mut writer =
        WriterBuilder::new().terminator(Terminator::Any(b'\n')).buffer_capacity(512).from_writer(Vec::new());
    let cells = columns.iter().map(|column| document.field(column.name()).map_or("".into(), cell).into_owned());
    // Written to memory, it cannot fail.
    if writer.write_record(cells).is_ok()
        && let Ok(written) = writer.into_inner()
    {
        line.push_str(&String::from_utf8_lossy(&written));
    }
}

/// A value as a cell.
fn cell(json: &str) -> Cow<'_, str> {
    match Kind::of(json) {
        Kind::Null => Cow::Borrowed(""),
        Kind::String => Cow::Owned(text(json)),
        Kind::Boolean | Kind::Number | Kind::Array | Kind::Object => Cow::Borrowed(json),
    }
}

/// The text of a string; half surrogate pairs, which are no characters, are replaced.
fn text(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| crate::query::lossy_text(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bumpalo::Bump;

    #[track_caller]
    fn check(record: &str, line: &str) {
        let contract = Contract::parse("a string, b double, c array<int>").unwrap();
        let mut written = String::new();
        OutputFormat::Csv.write(&Document::parse(record, &Bump::new()).unwrap(), &contract, &mut written);
        assert_eq!(written, line);
    }

    #[test]
    fn columns_are_those_of_the_contract() {
        check(r#"{"b":1.10,"other":1,"a":"x"}"#, "x,1.10,\n");
        check(r#"{"a":null,"c":[1, 2]}"#, ",,\"[1, 2]\"\n");
        check("{}", ",,\n");
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        check(r#"{"a":"say \"hi\""}"#, "\"say \"\"hi\"\"\",,\n");
        check(r#"{"a":"a,b"}"#, "\"a,b\",,\n");
        check(r#"{"a":"two\nlines"}"#, "\"two\nlines\",,\n");
        check(r#"{"a":" blanks "}"#, " blanks ,,\n");
        check(r#"{"a":"\u1ecb\ud800"}"#, "ị\u{fffd},,\n");
    }

    #[test]
    fn a_line_of_nothing_is_told_from_an_empty_line() {
        let contract = Contract::parse("a string").unwrap();
        let mut written = String::new();
        OutputFormat::Csv.write(&Document::parse("{}", &Bump::new()).unwrap(), &contract, &mut written);
        assert_eq!(written, "\"\"\n");
    }
}
