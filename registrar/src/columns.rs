//! The partition columns of a table, and what their types make of a value.

use crate::catalog::CatalogError;
use jiff::civil;
use shared::layout::{Capture, Layout};
use shared::partition::{Partition, PartitionValue};
use std::fmt;

/// The partition columns of a table, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionColumns(Vec<PartitionColumn>);

/// A column that is in the path of an object, not in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionColumn {
    name: String,
    partition_type: PartitionType,
}

/// The type of a partition column: those Hive types of which each value has one text, which is how a catalog tells partitions
/// apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionType {
    /// `string`.
    String,
    /// `char(n)`, to which spaces at the end say nothing.
    Char(usize),
    /// `varchar(n)`.
    Varchar(usize),
    /// `boolean`.
    Boolean,
    /// `tinyint`, `smallint`, `int` (or `integer`) and `bigint` (or `long`), by their size in bits.
    Integer(u32),
    /// `decimal(p,s)`; `decimal` alone has ten digits, and none after the point.
    Decimal {
        /// Digits in all.
        precision: usize,
        /// Digits after the point.
        scale: usize,
    },
    /// `date`.
    Date,
    /// `timestamp`.
    Timestamp,
}

/// Why there are no partition columns to work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A name that cannot stand between back-ticks.
    #[error("the partition column `{0}` has a back-tick or a control character in its name")]
    Name(String),
    /// A type that cannot tell partitions apart, or that Hive does not know.
    #[error(
        "the partition column `{name}` is of the type `{found}`, expected one of `string char(n) varchar(n) boolean tinyint \
         smallint int bigint decimal(p,s) date timestamp`"
    )]
    Type {
        /// The column.
        name: String,
        /// Its type.
        found: String,
    },
    /// Others than those of the layout, or in another order.
    #[error("the keys of the prefix and of the table differ: `{layout}` and `{table}`")]
    Layout {
        /// The columns of the layout.
        layout: String,
        /// Those of the table.
        table: String,
    },
}

/// Why a partition cannot be one of the table: a value that is none of its column's type.
///
/// It does not name the value, which comes out of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A text that says nothing in the type.
    #[error("the value of `{column}` is not of its type `{expected}`")]
    Value {
        /// The column.
        column: String,
        /// Its type.
        expected: PartitionType,
    },
    /// Fewer values than columns, or more.
    #[error("it has {values} values, expected {columns}")]
    Number {
        /// Values of the partition.
        values: usize,
        /// Columns of the table.
        columns: usize,
    },
}

impl PartitionColumns {
    /// Takes names and types as the Glue catalog has them (`PartitionKeys`).
    pub fn new<N: AsRef<str>, T: AsRef<str>>(keys: impl IntoIterator<Item = (N, T)>) -> Result<Self, ColumnsError> {
        let column = |(name, hive_type): (N, T)| {
            let (name, hive_type) = (name.as_ref().to_lowercase(), hive_type.as_ref());
            if name.contains(|c: char| c == '`' || c.is_control()) {
                return Err(ColumnsError::Name(name));
            }
            match PartitionType::parse(hive_type) {
                Some(partition_type) => Ok(PartitionColumn { name, partition_type }),
                None => Err(ColumnsError::Type { name, found: hive_type.to_owned() }),
            }
        };
        keys.into_iter().map(column).collect::<Result<_, _>>().map(Self)
    }

    /// The columns.
    pub fn columns(&self) -> &[PartitionColumn] {
        &self.0
    }

    /// Whether they are those of the layout, in its order. Names are compared without case, as Glue does.
    pub fn matches(&self, layout: &Layout) -> Result<(), ColumnsError> {
        let of_layout: Vec<&str> = layout.captures().iter().map(Capture::column).collect();
        let of_table: Vec<&str> = self.0.iter().map(PartitionColumn::name).collect();
        if of_layout == of_table {
            return Ok(());
        }
        Err(ColumnsError::Layout { layout: of_layout.join(", "), table: of_table.join(", ") })
    }

    /// The partition as the catalog tells it from others: `07` in a column of integers is `7`.
    pub fn canonical(&self, partition: &Partition) -> Result<Partition, Misfit> {
        let values = partition.values();
        if values.len() != self.0.len() {
            return Err(Misfit::Number { values: values.len(), columns: self.0.len() });
        }
        let canonical = |(column, value): (&PartitionColumn, &PartitionValue)| {
            let misfit = || Misfit::Value { column: column.name.clone(), expected: column.partition_type };
            let text = column.partition_type.canonical(value.as_str()).ok_or_else(misfit)?;
            PartitionValue::new(text).map_err(|_| misfit())
        };
        self.0.iter().zip(values).map(canonical).collect::<Result<_, _>>().map(Partition::new)
    }
}

impl PartitionColumn {
    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type.
    pub fn partition_type(&self) -> PartitionType {
        self.partition_type
    }
}

impl PartitionType {
    /// Reads a Hive type, as the Glue catalog has it.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (name, parameters) = match text.split_once('(') {
            Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')')?)),
            None => (text.as_str(), None),
        };
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let within = |length: usize, most| (1..=most).contains(&length).then_some(length);
        Some(match (name, parameters) {
            ("string", None) => Self::String,
            ("char", Some(length)) => Self::Char(within(number(length)?, 255)?),
            ("varchar", Some(length)) => Self::Varchar(within(number(length)?, 65_535)?),
            ("boolean", None) => Self::Boolean,
            ("tinyint", None) => Self::Integer(8),
            ("smallint", None) => Self::Integer(16),
            ("int" | "integer", None) => Self::Integer(32),
            ("bigint" | "long", None) => Self::Integer(64),
            ("decimal", None) => Self::Decimal { precision: 10, scale: 0 },
            ("decimal", Some(parameters)) => {
                let (precision, scale) = parameters.split_once(',').unwrap_or((parameters, "0"));
                let precision = within(number(precision)?, 38)?;
                let scale = number(scale).filter(|scale| *scale <= precision)?;
                Self::Decimal { precision, scale }
            }
            ("date", None) => Self::Date,
            ("timestamp", None) => Self::Timestamp,
            _ => return None,
        })
    }

    /// The one text of a value, whatever the folder's name wrote; nothing if it is no value of the type.
    fn canonical(self, text: &str) -> Option<String> {
        match self {
            Self::String => Some(text.to_owned()),
            Self::Char(most) => Some(text.trim_end_matches(' ')).filter(|text| fits(text, most)).map(str::to_owned),
            Self::Varchar(most) => fits(text, most).then(|| text.to_owned()),
            Self::Boolean => {
                let text = text.to_ascii_lowercase();
                matches!(text.as_str(), "true" | "false").then_some(text)
            }
            Self::Integer(bits) => {
                let number: i64 = text.parse().ok()?;
                let most = i64::MAX >> (64 - bits);
                (-most - 1..=most).contains(&number).then(|| number.to_string())
            }
            Self::Decimal { precision, scale } => decimal(text, precision, scale),
            Self::Date => date(text).map(|date| date.to_string()),
            Self::Timestamp => timestamp(text),
        }
    }

    /// Whether a value stands in a statement without quotes.
    ///
    /// Athena asks for quotes around what is no number
    /// (<https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-partition.html>).
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer(_) | Self::Decimal { .. })
    }
}

impl fmt::Display for PartitionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Char(most) => write!(f, "char({most})"),
            Self::Varchar(most) => write!(f, "varchar({most})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Integer(8) => f.write_str("tinyint"),
            Self::Integer(16) => f.write_str("smallint"),
            Self::Integer(32) => f.write_str("int"),
            Self::Integer(_) => f.write_str("bigint"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

impl From<ColumnsError> for CatalogError {
    fn from(error: ColumnsError) -> Self {
        Self::Table(error.to_string())
    }
}

impl From<Misfit> for CatalogError {
    fn from(misfit: Misfit) -> Self {
        Self::Unfit(misfit.to_string())
    }
}

/// Whether it has at most so many characters, and one at least.
fn fits(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most
}

/// A decimal number without zeros that say nothing, if it keeps all its digits in the type.
fn decimal(text: &str, precision: usize, scale: usize) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() > precision - scale || fraction.len() > scale {
        return None;
    }
    let point = if fraction.is_empty() { "" } else { "." };
    Some(match (whole, fraction) {
        ("", "") => "0".to_owned(),
        ("", _) => format!("{sign}0.{fraction}"),
        _ => format!("{sign}{whole}{point}{fraction}"),
    })
}

/// `2026-11-21`; month and day may have one digit, as Java's `Date.valueOf` has it, by which Hive reads them.
fn date(text: &str) -> Option<civil::Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str, lengths: [usize; 2]| {
        let digits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i16>().ok())?
    };
    let two = |text| number(text, [1, 2]).and_then(|number| i8::try_from(number).ok());
    let date = civil::Date::new(number(year, [4, 4])?, two(month)?, two(day)?).ok()?;
    parts.next().is_none().then_some(date)
}

/// `2026-11-21 09:30:00`, with a fraction of up to nine digits if there is one; a `T` may stand between day and time.
fn timestamp(text: &str) -> Option<String> {
    let (day, time) = text.split_once(['T', ' '])?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':');
    let mut below = |limit: u8| {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse::<u8>().ok().filter(|number| *number < limit)
    };
    let (hour, minute, second) = (below(24)?, below(60)?, below(60)?);
    let digits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !digits {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{} {hour:02}:{minute:02}:{second:02}{point}{fraction}", date(day)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::error_prefix::ErrorPrefix;

    fn columns(keys: &[(&str, &str)]) -> PartitionColumns {
        PartitionColumns::new(keys.iter().copied()).unwrap()
    }

    fn canonical(hive_type: &str, text: &str) -> Option<String> {
        PartitionType::parse(hive_type).unwrap().canonical(text)
    }

    /// Texts, each with the one text of its value.
    #[track_caller]
    fn check(hive_type: &str, right: &[(&str, &str)], wrong: &[&str]) {
        for (text, expected) in right {
            assert_eq!(canonical(hive_type, text).as_deref(), Some(*expected), "`{text}` as a {hive_type}");
        }
        for text in wrong {
            assert_eq!(canonical(hive_type, text), None, "`{text}` is not a {hive_type}");
        }
    }

    #[test]
    fn a_value_has_one_text_in_its_type() {
        check("string", &[("07", "07"), (" a ", " a "), ("'", "'")], &[]);
        check("varchar(3)", &[("äöü", "äöü"), ("a ", "a ")], &["abcd"]);
        check("char(3)", &[("abc", "abc"), ("a  ", "a"), ("abc   ", "abc")], &["abcd", "   "]);
        check("boolean", &[("true", "true"), ("FALSE", "false")], &["1", "yes", " true"]);
        check("tinyint", &[("-128", "-128"), ("127", "127")], &["128", "-129"]);
        check("smallint", &[("32767", "32767")], &["32768"]);
        check(
            "int",
            &[("07", "7"), ("7", "7"), ("+7", "7"), ("-007", "-7"), ("-0", "0")],
            &["2147483648", "7.0", " 7", "7 ", "0x7", "1e1", "٧"],
        );
        check("bigint", &[("9223372036854775807", "9223372036854775807"), ("00", "0")], &["9223372036854775808"]);
        check(
            "decimal(5,2)",
            &[
                ("007.50", "7.5"),
                ("-.5", "-0.5"),
                ("100.000", "100"),
                ("-0.00", "0"),
                ("999.99", "999.99"),
                ("1.", "1"),
            ],
            &["1000", "0.001", "1e2", ".", "-", "1.2.3", "--1"],
        );
        check(
            "date",
            &[("2026-11-21", "2026-11-21"), ("2024-2-9", "2024-02-09")],
            &["2023-02-29", "20261121", "2026-11", "2026-11-21-1", "26-11-21", "2026-11-021"],
        );
        check(
            "timestamp",
            &[
                ("2026-11-21 09:30:00", "2026-11-21 09:30:00"),
                ("2026-11-21T09:30:00.100", "2026-11-21 09:30:00.1"),
                ("2026-11-21 09:30:00.0", "2026-11-21 09:30:00"),
            ],
            &[
                "2026-11-21",
                "2026-11-21 24:00:00",
                "2026-11-21T09:30:00Z",
                "2026-11-21 9:30:00",
                "2026-11-21 09:30",
                "2026-11-21 09:30:00.",
            ],
        );
    }

    #[test]
    fn types_are_read_and_written() {
        let name = |text: &str| PartitionType::parse(text).map(|partition_type| partition_type.to_string());
        for text in [
            "string",
            "char(255)",
            "varchar(3)",
            "boolean",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "decimal(10,2)",
            "date",
            "timestamp",
        ] {
            assert_eq!(name(text).as_deref(), Some(text));
        }
        assert_eq!(name("INTEGER").as_deref(), Some("int"));
        assert_eq!(name("long").as_deref(), Some("bigint"));
        assert_eq!(name("Decimal ( 10 , 2 )").as_deref(), Some("decimal(10,2)"));
        assert_eq!(name("decimal").as_deref(), Some("decimal(10,0)"));
        for text in [
            "",
            "double",
            "float",
            "binary",
            "array<int>",
            "int(3)",
            "char",
            "char(0)",
            "decimal(39)",
            "decimal(2,3)",
            "varchar(x)",
            "string)",
        ] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn a_partition_is_canonical_as_a_whole_or_not_at_all() {
        let columns = columns(&[("Year", "int"), ("component", "string")]);
        let canonical = |values: &[&str]| {
            let values = values.iter().map(|value| PartitionValue::new(*value).unwrap()).collect();
            columns
                .canonical(&Partition::new(values))
                .map(|partition| partition.values().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(canonical(&["02026", "07"]).unwrap(), ["2026", "07"]);
        insta::assert_snapshot!(canonical(&["this", "x"]).unwrap_err(), @"the value of `year` is not of its type `int`");
        insta::assert_snapshot!(canonical(&["2026"]).unwrap_err(), @"it has 1 values, expected 2");
    }

    #[test]
    fn columns_are_those_of_the_layout() {
        let layout = |prefix: &str| Layout::parse(prefix, &ErrorPrefix::parse("errors/").unwrap()).unwrap();
        let layout = layout("!{partitionKeyFromLambda:componentName}/!{timestamp:yyyy}/");
        assert_eq!(columns(&[("componentname", "string"), ("year", "int")]).matches(&layout), Ok(()));
        assert_eq!(columns(&[("COMPONENTNAME", "string"), ("year", "int")]).matches(&layout), Ok(()));
        let message = |keys: &[(&str, &str)]| columns(keys).matches(&layout).unwrap_err().to_string();
        insta::assert_snapshot!(message(&[("year", "int"), ("componentname", "string")]), @"the keys of the prefix and of the table differ: `componentname, year` and `year, componentname`");
        insta::assert_snapshot!(message(&[]), @"the keys of the prefix and of the table differ: `componentname, year` and ``");
    }

    #[test]
    fn errors() {
        let message = |name: &str, hive_type: &str| PartitionColumns::new([(name, hive_type)]).unwrap_err().to_string();
        insta::assert_snapshot!(message("ratio", "double"), @"the partition column `ratio` is of the type `double`, expected one of `string char(n) varchar(n) boolean tinyint smallint int bigint decimal(p,s) date timestamp`");
        insta::assert_snapshot!(message("a`b", "int"), @"the partition column `a`b` has a back-tick or a control character in its name");
    }

    proptest! {
        #[test]
        fn what_is_canonical_stays_as_it_is(
            hive_type in proptest::sample::select(&["string", "char(4)", "varchar(4)", "boolean", "tinyint", "bigint", "decimal(6,3)", "date", "timestamp"][..]),
            text in "[-+]?[0-9]{0,5}[.]?[0-9]{0,5}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?)?|true|FALSE|.{0,5}",
        ) {
            if let Some(once) = canonical(hive_type, &text) {
                prop_assert_eq!(canonical(hive_type, &once), Some(once));
            }
        }

        #[test]
        fn integers_are_equal_where_their_texts_are(one in -300_i64..300, other in -300_i64..300, zeros in 0_usize..3) {
            let written = |number: i64| format!("{}{}{}", if number < 0 { "-" } else { "" }, "0".repeat(zeros), number.abs());
            prop_assert_eq!(canonical("int", &written(one)) == canonical("int", &other.to_string()), one == other);
        }
    }
}
