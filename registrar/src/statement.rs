//! The DDL that adds partitions, quoted and split.

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

/// The statements that add these partitions, as few as possible: each has as many as fit into `longest` bytes,
/// [`LONGEST_STATEMENT`] as a rule, and at least one.
///
/// `columns` are the table's partition columns, in its order, which is also that of each partition's values.
pub fn statements<'p>(
    table: &TableName,
    columns: &[String],
    partitions: impl IntoIterator<Item = (&'p Partition, &'p str)>,
    longest: usize,
) -> Vec<Statement> {
    let head = format!("ALTER TABLE {}.{} ADD IF NOT EXISTS", identifier(table.database()), identifier(table.name()));
    let mut statements: Vec<Statement> = Vec::new();
    for (partition, location) in partitions {
        let clause = clause(columns, partition, location);
        match statements.last_mut() {
            Some(statement) if statement.sql.len() + clause.len() <= longest => {
                statement.sql.push_str(&clause);
                statement.partitions.push(partition.clone());
            }
            _ => statements.push(Statement { sql: format!("{head}{clause}"), partitions: vec![partition.clone()] }),
        }
    }
    statements
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

fn clause(columns: &[String], partition: &Partition, location: &str) -> String {
    let value = |(column, value): (&String, &_)| format!("{} = {}", identifier(column), literal(value));
    let values = columns.iter().zip(partition.values().iter().map(PartitionValue::as_str));
    let values: Vec<String> = values.map(value).collect();
    format!("\n  PARTITION ({}) LOCATION {}", values.join(", "), literal(location))
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

    #[test]
    fn one_statement_adds_all() {
        let partitions = [partition(&["a", "2026"]), partition(&["b", "2026"])];
        let columns = ["component".to_owned(), "date".to_owned()];
        let with_locations = partitions.iter().zip(["s3://lake/a/2026/", "s3://lake/b/2026/"]);
        let statements = statements(&table(), &columns, with_locations, LONGEST_STATEMENT);
        let sql: Vec<_> = statements.iter().map(Statement::sql).collect();
        insta::assert_snapshot!(sql.join("\n\n"), @"
        ALTER TABLE `metrics`.`component-metrics` ADD IF NOT EXISTS
          PARTITION (`component` = 'a', `date` = '2026') LOCATION 's3://lake/a/2026/'
          PARTITION (`component` = 'b', `date` = '2026') LOCATION 's3://lake/b/2026/'
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
            let statements = statements(&table(), &["k".to_owned()], with_locations, longest);
            assert!(statements.iter().all(|s| s.sql().len() <= longest.max(120)));
            assert_eq!(statements.iter().flat_map(Statement::partitions).cloned().collect::<Vec<_>>(), partitions);
            statements.iter().map(|statement| statement.partitions().len()).collect::<Vec<_>>()
        };
        assert_eq!(split(LONGEST_STATEMENT), [10]);
        assert_eq!(split(250), [3, 3, 3, 1]);
        assert_eq!(split(1), [1; 10]);
    }
}
