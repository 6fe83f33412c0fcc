//! The DDL that adds partitions, quoted and split.

use crate::catalog::CatalogError;
use crate::columns::{PartitionColumn, PartitionColumns};
use crate::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::fmt::Write;

/// A statement that adds partitions: `ALTER TABLE … ADD IF NOT EXISTS PARTITION (…) LOCATION '…' …`.
///
/// It can only be made here, so that quoting is in one place.
/// <https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-partition.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    sql: String,
    partitions: Vec<Partition>,
}

/// The longest statement that Athena takes, in bytes (`QueryString` of `StartQueryExecution`).
pub const LONGEST_STATEMENT: usize = 262_144;

/// A partition that no statement can add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The partition.
    pub partition: Partition,
    /// Why.
    pub reason: UnwritableReason,
}

/// Why no statement can add a partition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwritableReason {
    /// It does not fit into a statement of its own.
    #[error("its statement would have {length} bytes, expected at most {longest}")]
    TooLong {
        /// The statement's length.
        length: usize,
        /// The longest that is taken.
        longest: usize,
    },
    /// Hive makes paths normal, so that it would register another folder: `a//b` as `a/b`, `a/../b` as `b`.
    #[error("its location has a folder called `{0}`, which Hive leaves out of a path")]
    Location(String),
}

/// The statements that add these partitions, as few as possible: each has as many as fit into `longest` bytes,
/// [`LONGEST_STATEMENT`] as a rule. Those that no statement can add are left out of them and named.
///
/// `columns` are the table's partition columns, in its order, which is also that of each partition's values. These are
/// canonical, and no partition comes twice: Hive fails the whole statement on one that does, even with `IF NOT EXISTS`.
pub fn statements<'p>(
    table: &TableName,
    columns: &PartitionColumns,
    partitions: impl IntoIterator<Item = (&'p Partition, &'p str)>,
    longest: usize,
) -> (Vec<Statement>, Vec<Unwritable>) {
    let head = format!("ALTER TABLE {}.{} ADD IF NOT EXISTS", identifier(table.database()), identifier(table.name()));
    let (mut statements, mut unwritable): (Vec<Statement>, _) = (Vec::new(), Vec::new());
    for (partition, location) in partitions {
        let mut leave_out = |reason| unwritable.push(Unwritable { partition: partition.clone(), reason });
        if let Some(folder) = unkept(location) {
            leave_out(UnwritableReason::Location(folder.to_owned()));
            continue;
        }
        let clause = clause(columns, partition, location);
        let length = head.len() + clause.len();
        match statements.last_mut() {
            _ if length > longest => leave_out(UnwritableReason::TooLong { length, longest }),
            Some(statement) if statement.sql.len() + clause.len() <= longest => {
                statement.sql.push_str(&clause);
                statement.partitions.push(partition.clone());
            }
            _ => statements.push(Statement { sql: format!("{head}{clause}"), partitions: vec![partition.clone()] }),
        }
    }
    (statements, unwritable)
}

/// The statement that takes a partition out of the catalog, for a person to run: nothing here ever does. What lies at its
/// location stays as it is.
///
/// <https://docs.aws.amazon.com/athena/latest/ug/alter-table-drop-partition.html>
pub fn removal(table: &TableName, columns: &PartitionColumns, partition: &Partition) -> String {
    let table = format!("{}.{}", identifier(table.database()), identifier(table.name()));
    format!("ALTER TABLE {table} DROP IF EXISTS PARTITION ({})", specification(columns, partition))
}

impl Statement {
    /// The text, without a semicolon: Athena runs one statement at a time.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The partitions that it adds.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }
}

impl From<UnwritableReason> for CatalogError {
    fn from(reason: UnwritableReason) -> Self {
        Self::Unfit(reason.to_string())
    }
}

fn clause(columns: &PartitionColumns, partition: &Partition, location: &str) -> String {
    format!("\n  PARTITION ({}) LOCATION {}", specification(columns, partition), literal(location))
}

/// A partition's columns with their values.
fn specification(columns: &PartitionColumns, partition: &Partition) -> String {
    let value = |(column, value): (&PartitionColumn, &PartitionValue)| {
        let value = value.as_str();
        // Hive's grammar has no sign before a number; between quotes it takes one.
        let bare = column.partition_type().is_number() && !value.starts_with('-');
        format!("{} = {}", identifier(column.name()), if bare { value.to_owned() } else { literal(value) })
    };
    let values: Vec<String> = columns.columns().iter().zip(partition.values()).map(value).collect();
    values.join(", ")
}

/// A folder in a location that Hive would not keep: one without a name, or one of the names that a path leaves out.
fn unkept(location: &str) -> Option<&str> {
    let path = location.strip_prefix("s3://").unwrap_or(location);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').find(|folder| matches!(*folder, "" | "." | ".."))
}

/// A name between back-ticks. Names with a back-tick in them are refused where they come from.
fn identifier(name: &str) -> String {
    format!("`{name}`")
}

/// A text as Hive reads it: a backslash escapes, and a doubled quote would be lost (`'a''b'` is `ab`). Control characters
/// go as `\u` and four hexadecimal digits; all else stands as it is.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            control if control.is_ascii_control() => {
                // Writing to a string cannot fail.
                write!(literal, "\\u{:04x}", u32::from(control)).unwrap_or_default();
            }
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(values: &[&str]) -> Partition {
        Partition::new(values.iter().map(|value| PartitionValue::new(*value).unwrap()).collect())
    }

    fn table() -> TableName {
        TableName::parse("metrics.component-metrics").unwrap()
    }

    fn columns(keys: &[(&str, &str)]) -> PartitionColumns {
        PartitionColumns::new(keys.iter().copied()).unwrap()
    }

    #[test]
    fn one_statement_adds_all() {
        let partitions = [partition(&["a", "2026"]), partition(&["b", "2026"])];
        let columns = columns(&[("component", "string"), ("date", "string")]);
        let with_locations = partitions.iter().zip(["s3://lake/a/2026/", "s3://lake/b/2026/"]);
        let (statements, _) = statements(&table(), &columns, with_locations, LONGEST_STATEMENT);
        let sql: Vec<_> = statements.iter().map(Statement::sql).collect();
        insta::assert_snapshot!(sql.join("\n\n"), @"
        ALTER TABLE `metrics`.`component-metrics` ADD IF NOT EXISTS
          PARTITION (`component` = 'a', `date` = '2026') LOCATION 's3://lake/a/2026/'
          PARTITION (`component` = 'b', `date` = '2026') LOCATION 's3://lake/b/2026/'
        ");
    }

    #[test]
    fn numbers_stand_bare() {
        let columns = columns(&[("a", "int"), ("b", "bigint"), ("c", "decimal(3,1)"), ("d", "date"), ("e", "boolean")]);
        let partition = partition(&["7", "-7", "7.5", "2026-11-21", "true"]);
        insta::assert_snapshot!(clause(&columns, &partition, "s3://lake/07/").trim_start(), @"PARTITION (`a` = 7, `b` = '-7', `c` = 7.5, `d` = '2026-11-21', `e` = 'true') LOCATION 's3://lake/07/'");
    }

    #[test]
    fn a_removal_is_quoted_as_an_addition_is() {
        let columns = columns(&[("k", "string"), ("n", "int")]);
        let statements = [["it's", "7"], ["x')", "-7"]].map(|values| removal(&table(), &columns, &partition(&values)));
        insta::assert_snapshot!(statements.join("\n"), @r"
        ALTER TABLE `metrics`.`component-metrics` DROP IF EXISTS PARTITION (`k` = 'it\'s', `n` = 7)
        ALTER TABLE `metrics`.`component-metrics` DROP IF EXISTS PARTITION (`k` = 'x\')', `n` = '-7')
        ");
    }

    #[test]
    fn values_never_end_the_literal_they_stand_in() {
        insta::assert_snapshot!(literal("plain é 漢 😀"), @"'plain é 漢 😀'");
        insta::assert_snapshot!(literal("it's"), @r"'it\'s'");
        insta::assert_snapshot!(literal("a\\"), @r"'a\\'");
        insta::assert_snapshot!(literal("a\n\t\u{0}\u{7f}"), @r"'a\u000a\u0009\u0000\u007f'");
        insta::assert_snapshot!(literal("x') LOCATION 's3://evil/'; DROP TABLE t --"), @r"'x\') LOCATION \'s3://evil/\'; DROP TABLE t --'");
    }

    #[test]
    fn statements_are_split_where_they_grow_too_long() {
        let partitions: Vec<Partition> = (0..10).map(|n| partition(&[&format!("v{n}")])).collect();
        let split = |longest| {
            let with_locations = partitions.iter().map(|partition| (partition, "s3://lake/x/"));
            let (statements, unwritable) = statements(&table(), &columns(&[("k", "string")]), with_locations, longest);
            assert!(statements.iter().all(|statement| statement.sql().len() <= longest));
            let written = statements.iter().flat_map(Statement::partitions);
            let all: Vec<_> =
                written.chain(unwritable.iter().map(|unwritable| &unwritable.partition)).cloned().collect();
            assert_eq!(all, partitions);
            statements.iter().map(|statement| statement.partitions().len()).collect::<Vec<_>>()
        };
        assert_eq!(split(LONGEST_STATEMENT), [10]);
        assert_eq!(split(250), [3, 3, 3, 1]);
        assert_eq!(split(110), [1; 10]);
        assert_eq!(split(100), [0; 0]);
    }

    #[test]
    fn what_cannot_be_written_is_left_out_of_the_others_statement() {
        let given = [
            ("a", "s3://lake/a/"),
            ("b", "s3://lake//b/"),
            ("c", "s3://lake/c/../d/"),
            ("d", &format!("s3://lake/{}/", "d".repeat(100))),
            ("e", "s3://lake/e/"),
        ];
        let given = given.map(|(value, location)| (partition(&[value]), location));
        let with_locations = given.iter().map(|(partition, location)| (partition, *location));
        let (statements, unwritable) = statements(&table(), &columns(&[("k", "string")]), with_locations, 180);
        insta::assert_snapshot!(statements.iter().map(Statement::sql).collect::<String>(), @"
        ALTER TABLE `metrics`.`component-metrics` ADD IF NOT EXISTS
          PARTITION (`k` = 'a') LOCATION 's3://lake/a/'
          PARTITION (`k` = 'e') LOCATION 's3://lake/e/'
        ");
        let reasons: Vec<_> =
            unwritable.into_iter().map(|unwritable| CatalogError::from(unwritable.reason).to_string()).collect();
        insta::assert_snapshot!(reasons.join("\n"), @"
        not a partition of the table: its location has a folder called ``, which Hive leaves out of a path
        not a partition of the table: its location has a folder called `..`, which Hive leaves out of a path
        not a partition of the table: its statement would have 206 bytes, expected at most 180
        ");
    }
}
