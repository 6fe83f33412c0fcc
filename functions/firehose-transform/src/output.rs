//! The formats in which records are delivered.

use crate::contract::{Column, Contract};
use crate::document::{Document, Kind};
use csv::{Terminator, WriterBuilder};
use serde_json::value::RawValue;
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
    pub(crate) fn write(self, document: &Document<'_>, contract: &Contract, line: &mut Vec<u8>) {
        match self {
            Self::Json => document.write_line(line),
            Self::Csv => write_csv(document, contract.columns(), line),
        }
    }
}

fn write_csv(document: &Document<'_>, columns: &[Column], line: &mut Vec<u8>) {
    // Written to memory, it cannot fail.
    let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).buffer_capacity(512).from_writer(line);
    _ = writer
        .write_record(columns.iter().map(|column| document.field(column.name()).map_or("".into(), cell).into_owned()));
    _ = writer.flush();
}

/// A value as a cell.
fn cell(value: &RawValue) -> Cow<'_, str> {
    match Kind::of(value) {
        Kind::Null => Cow::Borrowed(""),
        Kind::String => Cow::Owned(text(value)),
        Kind::Boolean | Kind::Number => Cow::Borrowed(value.get()),
        Kind::Array | Kind::Object => {
            let mut json = Vec::new();
            crate::document::write_compact(value, &mut json);
            Cow::Owned(String::from_utf8_lossy(&json).into_owned())
        }
    }
}

/// The text of a string; half surrogate pairs, which are no characters, are replaced.
fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| crate::query::lossy_text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, line: &str) {
        let contract = Contract::parse("a string, b double, c array<int>").unwrap();
        let mut written = Vec::new();
        OutputFormat::Csv.write(&Document::parse(record).unwrap(), &contract, &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), line);
    }

    #[test]
    fn columns_are_those_of_the_contract() {
        check(r#"{"b":1.10,"other":1,"a":"x"}"#, "x,1.10,\n");
        check(r#"{"a":null,"c":[1, 2]}"#, ",,\"[1,2]\"\n");
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
        let mut written = Vec::new();
        OutputFormat::Csv.write(&Document::parse("{}").unwrap(), &contract, &mut written);
        assert_eq!(written, b"\"\"\n");
    }
}
