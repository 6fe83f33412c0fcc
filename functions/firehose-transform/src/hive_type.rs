//! Hive's types, and which JSON values are theirs.

use crate::document::{Document, Kind};
use bumpalo::Bump;
use serde_json::value::RawValue;
use std::fmt;

/// A column type of a Hive table, as Athena and Glue write it.
///
/// Validation is strict: a number column takes a JSON number, a string column a string, and nothing is converted. What
/// would be cut off or rounded when the table is read (`varchar(3)`, `decimal(5,2)`, `tinyint`) is refused as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HiveType {
    /// `true` and `false`.
    Boolean,
    /// Whole numbers of 1, 2, 4 or 8 bytes.
    Integer(IntegerSize),
    /// Numbers within the range of an IEEE 754 single.
    Float,
    /// Numbers within the range of an IEEE 754 double.
    Double,
    /// Numbers of at most so many digits, so many of them after the point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point, at most as many.
        scale: u8,
    },
    /// Any text.
    String,
    /// `char(n)`: text of at most n characters.
    Char(u32),
    /// `varchar(n)`: text of at most n characters.
    Varchar(u32),
    /// Text, in base64 by custom; its content is not looked at.
    Binary,
    /// Text such as `2026-11-21`, a day of the calendar.
    Date,
    /// Text such as `2026-11-21 09:30:00.123` or `2026-11-21T09:30:00Z`, or a number, which is epoch time.
    Timestamp,
    /// A list of values of one type.
    Array(Box<HiveType>),
    /// An object whose names are keys and whose values are of one type.
    Map(Box<HiveType>, Box<HiveType>),
    /// An object with known fields; others are not looked at.
    Struct(Vec<(String, HiveType)>),
}

/// The four sizes of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerSize {
    /// 1 byte: `tinyint`.
    Tiny,
    /// 2 bytes: `smallint`.
    Small,
    /// 4 bytes: `int`.
    Int,
    /// 8 bytes: `bigint`.
    Big,
}

/// Why a text is not a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// No type of that name.
    #[error("`{0}` is not a Hive type, expected one of `{NAMES}`")]
    Unknown(String),
    /// A number in parentheses that is missing or out of range.
    #[error("`{found}` is not a type, expected {expected}")]
    Parameters {
        /// What was found.
        found: String,
        /// How it should look.
        expected: &'static str,
    },
    /// A sign that is missing inside a type.
    #[error("expected `{expected}`, got {got}")]
    Sign {
        /// The sign.
        expected: char,
        /// What was found in its place.
        got: String,
    },
    /// A field of a struct that has the name of another.
    #[error("the field `{0}` is given twice (names are compared without case)")]
    Twice(String),
    /// A map whose keys JSON cannot have.
    #[error("`{0}` cannot be the key of a map, expected `string`: the keys of JSON are text")]
    MapKey(String),
}

/// What was expected of a value, and what came: kinds, never the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The type, or the part of it that was not met.
    pub expected: String,
    /// The kind of value that came.
    pub got: &'static str,
}

const NAMES: &str = "boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date \
                     timestamp array<…> map<…,…> struct<…:…>";

impl HiveType {
    /// Reads the type that a text begins with; gives the rest of the text as well.
    pub fn parse_start(text: &str) -> Result<(Self, &str), TypeError> {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let hive_type = match name.to_ascii_lowercase().as_str() {
            "boolean" => Self::Boolean,
            "tinyint" => Self::Integer(IntegerSize::Tiny),
            "smallint" => Self::Integer(IntegerSize::Small),
            "int" | "integer" => Self::Integer(IntegerSize::Int),
            "bigint" => Self::Integer(IntegerSize::Big),
            "float" | "real" => Self::Float,
            "double" => Self::Double,
            "string" => Self::String,
            "binary" => Self::Binary,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "decimal" => return decimal(rest),
            "char" => return sized(name, rest, "`char(n)` with n from 1 to 255", 255, Self::Char),
            "varchar" => {
                return sized(name, rest, "`varchar(n)` with n from 1 to 65535", 65_535, Self::Varchar);
            }
            "array" => {
                let (element, rest) = Self::parse_start(sign(rest, '<')?)?;
                return Ok((Self::Array(Box::new(element)), sign(rest, '>')?));
            }
            "map" => {
                let (key, rest) = Self::parse_start(sign(rest, '<')?)?;
                if !matches!(key, Self::String | Self::Char(_) | Self::Varchar(_)) {
                    return Err(TypeError::MapKey(key.to_string()));
                }
                let (value, rest) = Self::parse_start(sign(rest, ',')?)?;
                return Ok((Self::Map(Box::new(key), Box::new(value)), sign(rest, '>')?));
            }
            "struct" => return fields(sign(rest, '<')?),
            _ => {
                return Err(TypeError::Unknown(next_word(text)));
            }
        };
        Ok((hive_type, rest))
    }

    /// Whether a value, given as JSON, is of this type. `null` is of none: whether it may come is the column's affair.
    pub fn check(&self, text: &str) -> Result<(), Mismatch> {
        let kind = Kind::of(text);
        let mismatch = |got| Mismatch { expected: self.to_string(), got };
        let when = |right: bool, otherwise| if right { Ok(()) } else { Err(mismatch(otherwise)) };
        match (self, kind) {
            (Self::Boolean, Kind::Boolean) | (Self::String | Self::Binary, Kind::String) => Ok(()),
            (Self::Integer(size), Kind::Number) => size.check(text).map_err(mismatch),
            (Self::Float, Kind::Number) => when(text.parse::<f32>().is_ok_and(f32::is_finite), "a number out of range"),
            // Without an exponent, it takes more than 300 digits to be out of range.
            (Self::Double | Self::Timestamp, Kind::Number) => {
                let is_ordinary = text.len() < 300 && !text.bytes().any(|byte| matches!(byte, b'e' | b'E'));
                when(is_ordinary || text.parse::<f64>().is_ok_and(f64::is_finite), "a number out of range")
            }
            (Self::Decimal { precision, scale }, Kind::Number) => {
                when(fits_decimal(text, *precision, *scale), "a number with more digits")
            }
            (Self::Char(most) | Self::Varchar(most), Kind::String) => {
                let characters = serde_json::from_str::<String>(text).map(|text| text.chars().count());
                when(characters.is_ok_and(|characters| characters <= *most as usize), "a longer string")
            }
            (Self::Date, Kind::String) => when(is_date(inner(text)), "a string that is not a date"),
            (Self::Timestamp, Kind::String) => when(is_timestamp(inner(text)), "a string that is not a timestamp"),
            (Self::Array(element), Kind::Array) => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| mismatch(kind.name()))?;
                elements.into_iter().try_for_each(|value| check_inside(element, value.get()))
            }
            (Self::Map(key, element), Kind::Object) => {
                let arena = Bump::new();
                let document = Document::parse(text, &arena).map_err(|_| mismatch(kind.name()))?;
                document.fields().try_for_each(|(name, value)| {
                    let long =
                        matches!(**key, Self::Char(most) | Self::Varchar(most) if name.chars().count() > most as usize);
                    when(!long, "a longer key")?;
                    check_inside(element, value)
                })
            }
            (Self::Struct(fields), Kind::Object) => {
                let arena = Bump::new();
                let document = Document::parse(text, &arena).map_err(|_| mismatch(kind.name()))?;
                fields.iter().try_for_each(|(name, field)| {
                    document.field(name).map_or(Ok(()), |value| {
                        check_inside(field, value)
                            .map_err(|inner| Mismatch { expected: format!("{} in `{name}`", inner.expected), ..inner })
                    })
                })
            }
            _ => Err(mismatch(kind.name())),
        }
    }
}

impl IntegerSize {
    fn check(self, text: &str) -> Result<(), &'static str> {
        if text.contains(['.', 'e', 'E']) {
            return Err("a number that is not written as a whole one");
        }
        let bytes: u32 = match self {
            Self::Tiny => 1,
            Self::Small => 2,
            Self::Int => 4,
            Self::Big => 8,
        };
        let most = i64::MAX >> (64 - bytes * 8);
        match text.parse::<i64>() {
            Ok(number) if (-most - 1..=most).contains(&number) => Ok(()),
            _ => Err("a number out of range"),
        }
    }
}

impl fmt::Display for HiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Integer(IntegerSize::Tiny) => f.write_str("tinyint"),
            Self::Integer(IntegerSize::Small) => f.write_str("smallint"),
            Self::Integer(IntegerSize::Int) => f.write_str("int"),
            Self::Integer(IntegerSize::Big) => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Char(most) => write!(f, "char({most})"),
            Self::Varchar(most) => write!(f, "varchar({most})"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Array(element) => write!(f, "array<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (place, (name, field)) in fields.iter().enumerate() {
                    write!(f, "{}{name}:{field}", if place > 0 { "," } else { "" })?;
                }
                f.write_str(">")
            }
        }
    }
}

/// Inside of arrays, maps and structs `null` is always right: Hive has no `not null` there.
fn check_inside(hive_type: &HiveType, value: &str) -> Result<(), Mismatch> {
    if value == "null" { Ok(()) } else { hive_type.check(value) }
}

fn sign(text: &str, expected: char) -> Result<&str, TypeError> {
    let text = text.trim_start();
    text.strip_prefix(expected).map(str::trim_start).ok_or_else(|| TypeError::Sign { expected, got: shown(text) })
}

/// What a text begins with, for a message.
fn shown(text: &str) -> String {
    match next_word(text) {
        word if word.is_empty() => "the end".to_owned(),
        word => format!("`{word}`"),
    }
}

/// The first word of a text, or its first sign.
fn next_word(text: &str) -> String {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if word.is_empty() { text.chars().take(1).collect() } else { word }
}

fn fields(text: &str) -> Result<(HiveType, &str), TypeError> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let colon = || TypeError::Sign { expected: ':', got: shown(rest) };
        let (name, after) = rest.split_once(':').ok_or_else(colon)?;
        let name = name.trim();
        if name.is_empty() || name.contains([',', '<', '>', ' ']) {
            return Err(colon());
        }
        let (field, after) = HiveType::parse_start(after.trim_start())?;
        if fields.iter().any(|(before, _): &(String, HiveType)| before.eq_ignore_ascii_case(name)) {
            return Err(TypeError::Twice(name.to_owned()));
        }
        fields.push((name.to_owned(), field));
        match sign(after, ',') {
            Ok(after) => rest = after,
            Err(_) => return Ok((HiveType::Struct(fields), sign(after, '>')?)),
        }
    }
}

/// What is in parentheses, and what comes after them.
fn parameters(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('(')?.split_once(')')
}

fn decimal(text: &str) -> Result<(HiveType, &str), TypeError> {
    let Some((inside, rest)) = parameters(text) else {
        return Ok((HiveType::Decimal { precision: 10, scale: 0 }, text));
    };
    let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
    match (precision.trim().parse::<u8>(), scale.trim().parse::<u8>()) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok((HiveType::Decimal { precision, scale }, rest)),
        _ => Err(TypeError::Parameters {
            found: format!("decimal({inside})"),
            expected: "`decimal(p,s)` with p from 1 to 38 and s from 0 to p",
        }),
    }
}

fn sized<'t>(
    name: &str,
    text: &'t str,
    expected: &'static str,
    most: u32,
    make: impl Fn(u32) -> HiveType,
) -> Result<(HiveType, &'t str), TypeError> {
    let refused = |found: String| TypeError::Parameters { found, expected };
    let (inside, rest) = parameters(text).ok_or_else(|| refused(name.to_owned()))?;
    match inside.trim().parse::<u32>() {
        Ok(size) if (1..=most).contains(&size) => Ok((make(size), rest)),
        _ => Err(refused(format!("{name}({inside})"))),
    }
}

/// Whether a JSON number has at most so many digits before and after the point; zeros at either end do not count.
fn fits_decimal(number: &str, precision: u8, scale: u8) -> bool {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.bytes().all(|digit| digit == b'0') {
        return true;
    }
    let Ok(exponent) = exponent.parse::<i64>() else { return false };
    let length = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let leading = length(&digits) - length(digits.trim_start_matches('0'));
    let trailing = length(&digits) - length(digits.trim_end_matches('0'));
    let before_point = length(whole).saturating_add(exponent).saturating_sub(leading);
    let after_point = length(fraction).saturating_sub(exponent).saturating_sub(trailing);
    before_point <= i64::from(precision - scale) && after_point <= i64::from(scale)
}

/// The text between the quotes. Dates and timestamps have nothing in them that JSON would escape.
fn inner(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// The two forms that Firehose's and Athena's readers know: `2026-11-21 09:30:00[.123456789]`, and the same with a `T` and
/// perhaps a `Z`.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text
        .split_once('T')
        .map(|(date, time)| (date, time.strip_suffix('Z').unwrap_or(time)))
        .or_else(|| text.split_once(' '))
    else {
        return false;
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    let below = |text: &str, limit| number(text, 2).is_some_and(|number| number < limit);
    is_date(date)
        && below(hour, 24)
        && below(minute, 60)
        && below(second, 60)
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hive_type(text: &str) -> HiveType {
        let (hive_type, rest) = HiveType::parse_start(text).unwrap();
        assert_eq!(rest, "");
        hive_type
    }

    #[track_caller]
    fn check(text: &str, right: &[&str], wrong: &[&str]) {
        let hive_type = hive_type(text);
        let check = |value: &str| hive_type.check(value);
        for value in right {
            assert_eq!(check(value), Ok(()), "`{value}` is a {text}");
        }
        for value in wrong {
            assert!(check(value).is_err(), "`{value}` is not a {text}");
        }
    }

    #[test]
    fn scalars_are_strict() {
        check("boolean", &["true", "false"], &["\"true\"", "1", "null"]);
        check("string", &["\"\"", "\"5\""], &["5", "null", "{}", "[]"]);
        check("tinyint", &["-128", "127", "-0"], &["128", "-129", "1.0", "1e1", "\"1\""]);
        check("smallint", &["32767"], &["32768"]);
        check("int", &["2147483647", "-2147483648"], &["2147483648"]);
        check("bigint", &["9223372036854775807"], &["9223372036854775808", "5.0"]);
        check("double", &["1", "1.5e308"], &["1e999", "\"1\""]);
        check("float", &["1.5"], &["1e39"]);
        check("varchar(3)", &["\"äöü\"", "\"\\u00e4bc\""], &["\"abcd\"", "1"]);
        check("binary", &["\"AAA=\""], &["1"]);
    }

    #[test]
    fn decimals_keep_all_their_digits_or_are_refused() {
        check(
            "decimal(5,2)",
            &["123.45", "0.10", "-999.99", "1e2", "12345e-2", "100.000", "0", "0e99999999999999999999"],
            &["1000", "0.001", "1e3", "1e-3"],
        );
        check("decimal", &["1234567890"], &["12345678901", "0.5"]);
        check("decimal(38,0)", &["12345678901234567890123456789012345678"], &["1e38"]);
    }

    #[test]
    fn days_and_times_are_those_of_the_calendar() {
        check("date", &["\"2024-02-29\""], &["\"2023-02-29\"", "\"2024-2-1\"", "\"2024-13-01\"", "20240101"]);
        check(
            "timestamp",
            &["\"2026-11-21 09:30:00\"", "\"2026-11-21T09:30:00.123Z\"", "\"2026-11-21T09:30:00\"", "1795000000"],
            &[
                "\"2026-11-21\"",
                "\"2026-11-21T25:00:00Z\"",
                "\"2026-11-21 09:30:00Z\"",
                "\"2026-11-21T09:30:00+01:00\"",
                "\"\"",
            ],
        );
    }

    #[test]
    fn nested_values_are_checked_to_the_bottom() {
        check("array<int>", &["[]", "[1, null]"], &["[\"1\"]", "1", "{}"]);
        check("map<string,double>", &["{\"a\": 1.5}"], &["{\"a\": \"1.5\"}", "[]"]);
        check(
            "struct<a:int,b:array<string>>",
            &["{\"a\": 1, \"b\": [\"x\"], \"c\": 0}", "{}"],
            &["{\"b\": [1]}", "[]"],
        );
    }

    #[test]
    fn mismatches_say_what_came_and_show_no_value() {
        let message = |text: &str, value: &str| {
            let Mismatch { expected, got } = hive_type(text).check(value).unwrap_err();
            format!("expected {expected}, got {got}")
        };
        insta::assert_snapshot!(message("int", "\"5\""), @"expected int, got a string");
        insta::assert_snapshot!(message("int", "5.0"), @"expected int, got a number that is not written as a whole one");
        insta::assert_snapshot!(message("tinyint", "300"), @"expected tinyint, got a number out of range");
        insta::assert_snapshot!(message("array<int>", "[true]"), @"expected int, got a boolean");
        insta::assert_snapshot!(message("struct<a:date>", "{\"a\": \"today\"}"), @"expected date in `a`, got a string that is not a date");
    }

    #[test]
    fn types_are_read_and_written() {
        for text in ["decimal(10,2)", "array<map<string,struct<a:int,b:varchar(3)>>>", "bigint", "char(255)"] {
            assert_eq!(hive_type(text).to_string(), text);
        }
        assert_eq!(hive_type("STRUCT< a : INTEGER , b : string >").to_string(), "struct<a:int,b:string>");
    }

    #[test]
    fn errors() {
        let message = |text: &str| HiveType::parse_start(text).unwrap_err().to_string();
        insta::assert_snapshot!(message("strin not null"), @"`strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
        insta::assert_snapshot!(message("decimal(39,1)"), @"`decimal(39,1)` is not a type, expected `decimal(p,s)` with p from 1 to 38 and s from 0 to p");
        insta::assert_snapshot!(message("varchar"), @"`varchar` is not a type, expected `varchar(n)` with n from 1 to 65535");
        insta::assert_snapshot!(message("map<int,string>"), @"`int` cannot be the key of a map, expected `string`: the keys of JSON are text");
        insta::assert_snapshot!(message("array<int"), @"expected `>`, got the end");
        insta::assert_snapshot!(message("struct<a:int,A:string>"), @"the field `A` is given twice (names are compared without case)");
        insta::assert_snapshot!(message("varchar(0), b int"), @"`varchar(0)` is not a type, expected `varchar(n)` with n from 1 to 65535");
        insta::assert_snapshot!(message("strukt,y:int>"), @"`strukt` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
        insta::assert_snapshot!(message("array<>"), @"`>` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
        insta::assert_snapshot!(message("struct<a int>"), @"expected `:`, got `a`");
    }
}
