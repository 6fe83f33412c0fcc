//! What the pipeline insists on: the fields of a record, in Hive types.

use crate::document::Document;
use crate::hive_type::{HiveType, Mismatch, TypeError};
use std::fmt;

/// The columns that a record must fit, such as `componentName string not null, minValue double`.
///
/// A column names the record's own field, with its case. A field that is missing or null is right unless the column is
/// `not null`; fields that no column names are not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Contract {
    columns: Vec<Column>,
    /// A bit for the length of each name, by which most fields are known to be no column's.
    lengths: u64,
}

/// One column of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    name: String,
    hive_type: HiveType,
    not_null: bool,
}

/// All that is wrong with the text of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractError {
    faults: Vec<ColumnFault>,
}

/// What is wrong with a column of a contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ColumnFault {
    #[error("expected a column, got nothing between two commas")]
    Nothing,
    #[error("expected the name of a column, got nothing between two back-ticks")]
    NoName,
    #[error("the column `{0}` has no type, expected one such as `{0} string`")]
    NoType(String),
    #[error("the column `{column}`: {cause}")]
    Type { column: String, cause: TypeError },
    #[error("the column `{column}` ends in `{rest}`, expected `not null` or nothing")]
    Rest { column: String, rest: String },
    #[error("the column `{0}` is given twice (names are compared without case, as Glue does)")]
    Twice(String),
    #[error("`{0}` has a back-tick that is not closed")]
    OpenQuote(String),
}

/// How a record breaks a contract: which field, what was expected, what came. It holds nothing of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{column}`: expected {expected}, got {got}")]
pub struct Breach {
    column: String,
    expected: String,
    got: &'static str,
}

impl Contract {
    /// Reads a contract; an empty one insists on nothing.
    ///
    /// Names with blanks or commas in them go between back-ticks.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut faults = Vec::new();
        for part in split_columns(text) {
            match column(part.trim()) {
                Ok(column) if columns.iter().any(|c| c.name.to_lowercase() == column.name.to_lowercase()) => {
                    faults.push(ColumnFault::Twice(column.name));
                }
                Ok(column) => columns.push(column),
                Err(fault) => faults.push(fault),
            }
        }
        let lengths = columns.iter().fold(0, |lengths, column| lengths | length_bit(&column.name));
        if faults.is_empty() { Ok(Self { columns, lengths }) } else { Err(ContractError { faults }) }
    }

    /// The columns, in the order in which they were written.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Holds a record against the contract; the first breach counts.
    pub fn check(&self, document: &Document<'_>) -> Result<(), Breach> {
        // Producers write their fields in the same order again and again, so the next column is a good guess.
        let (mut next, mut found) = (0, 0);
        for (name, value) in document.fields() {
            let Some((place, column)) = self.column(name, next) else { continue };
            next = place + 1;
            if column.name != name {
                let expected = "no other field of that name, since tables do not know its case".to_owned();
                return Err(Breach { column: column.name.clone(), expected, got: "one" });
            }
            found += 1;
            if value != "null" || column.not_null {
                column.hive_type.check(value).map_err(|mismatch| column.breach(mismatch))?;
            }
        }
        if found < self.columns.len() {
            let missing = self.columns.iter().find(|column| column.not_null && document.field(&column.name).is_none());
            if let Some(column) = missing {
                return Err(column.breach(Mismatch { expected: column.hive_type.to_string(), got: "nothing" }));
            }
        }
        Ok(())
    }

    /// The column that a field would be read as, and its place; perhaps at the place that is guessed.
    fn column(&self, field: &str, guess: usize) -> Option<(usize, &Column)> {
        if self.lengths & length_bit(field) == 0 {
            return None;
        }
        match self.columns.get(guess) {
            Some(column) if column.name == field => Some((guess, column)),
            _ => {
                let place = |is: &dyn Fn(&Column) -> bool| self.columns.iter().position(is);
                let place =
                    place(&|column| column.name == field).or_else(|| place(&|column| column.is_read_from(field)))?;
                self.columns.get(place).map(|column| (place, column))
            }
        }
    }
}

impl Column {
    /// Whether a field would be read as this column, perhaps although its name has another case: Athena's and Firehose's
    /// readers of JSON compare without case.
    fn is_read_from(&self, field: &str) -> bool {
        self.name.eq_ignore_ascii_case(field)
    }

    fn breach(&self, Mismatch { expected, got }: Mismatch) -> Breach {
        Breach { column: self.name.clone(), expected, got }
    }

    /// The field's name, with the record's case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    pub fn hive_type(&self) -> &HiveType {
        &self.hive_type
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if place > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ContractError {}

fn length_bit(name: &str) -> u64 {
    1 << (name.len() & 63)
}

/// The texts between the commas that stand neither in a type nor between back-ticks.
fn split_columns(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let mut quoted = false;
    text.split(|character| {
        match character {
            '`' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted => depth -= 1,
            _ => {}
        }
        character == ',' && depth <= 0 && !quoted
    })
    .collect()
}

fn column(text: &str) -> Result<Column, ColumnFault> {
    if text.is_empty() {
        return Err(ColumnFault::Nothing);
    }
    let (name, rest) = match text.strip_prefix('`') {
        Some(quoted) => quoted.split_once('`').ok_or_else(|| ColumnFault::OpenQuote(text.to_owned()))?,
        None => text.split_once(char::is_whitespace).ok_or_else(|| ColumnFault::NoType(text.to_owned()))?,
    };
    if name.is_empty() {
        return Err(ColumnFault::NoName);
    }
    let name = name.to_owned();
    let (hive_type, rest) = match HiveType::parse_start(rest.trim_start()) {
        Ok(parsed) => parsed,
        Err(cause) => return Err(ColumnFault::Type { column: name, cause }),
    };
    let rest: Vec<&str> = rest.split_whitespace().collect();
    let not_null = match rest.as_slice() {
        [] => false,
        [not, null] if not.eq_ignore_ascii_case("not") && null.eq_ignore_ascii_case("null") => true,
        rest => return Err(ColumnFault::Rest { column: name, rest: rest.join(" ") }),
    };
    Ok(Column { name, hive_type, not_null })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The breach of the contract by the record, if it is one.
    #[track_caller]
    fn check(contract: &str, record: &str) -> Result<(), String> {
        let arena = bumpalo::Bump::new();
        let document = Document::parse(record, &arena).unwrap();
        Contract::parse(contract).unwrap().check(&document).map_err(|breach| breach.to_string())
    }

    #[test]
    fn records_that_keep_it() {
        let contract = "componentName string not null, minValue double, `odd name` int, tags array<string>";
        assert_eq!(check(contract, r#"{"componentName": "a", "minValue": 1, "odd name": 2, "tags": []}"#), Ok(()));
        assert_eq!(check(contract, r#"{"componentName": "a", "minValue": null, "other": {}}"#), Ok(()));
        assert_eq!(check("", r#"{"a": 1}"#), Ok(()));
    }

    #[test]
    fn records_that_break_it() {
        let breach = |record| check("componentName string not null, minValue double", record).unwrap_err();
        insta::assert_snapshot!(breach(r"{}"), @"`componentName`: expected string, got nothing");
        insta::assert_snapshot!(breach(r#"{"componentName": null}"#), @"`componentName`: expected string, got null");
        insta::assert_snapshot!(breach(r#"{"componentName": "a", "minValue": 1, "MINVALUE": "1"}"#), @"`minValue`: expected no other field of that name, since tables do not know its case, got one");
        insta::assert_snapshot!(breach(r#"{"componentName": 5}"#), @"`componentName`: expected string, got a number");
        insta::assert_snapshot!(breach(r#"{"componentName": "a", "minValue": "1"}"#), @"`minValue`: expected double, got a string");
    }

    #[test]
    fn contracts_that_are_none() {
        let message = |contract| Contract::parse(contract).unwrap_err().to_string();
        insta::assert_snapshot!(message("a strin"), @"the column `a`: `strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
        insta::assert_snapshot!(message("a"), @"the column `a` has no type, expected one such as `a string`");
        insta::assert_snapshot!(message("a int,"), @"expected a column, got nothing between two commas");
        insta::assert_snapshot!(message("a int not nul"), @"the column `a` ends in `not nul`, expected `not null` or nothing");
        insta::assert_snapshot!(message("a int, A string"), @"the column `A` is given twice (names are compared without case, as Glue does)");
        insta::assert_snapshot!(message("`` int"), @"expected the name of a column, got nothing between two back-ticks");
        insta::assert_snapshot!(message("`a int"), @"``a int` has a back-tick that is not closed");
        insta::assert_snapshot!(message("a array<int, b decimal(40), c, d struct<x int>"), @"the column `a`: expected `>`, got `,`");
    }
}
