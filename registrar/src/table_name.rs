//! The name of a table.

use std::fmt;

/// A table of the Glue catalog, `database.table`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    database: String,
    name: String,
}

/// Why a text names no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableNameError {
    /// Not two names.
    #[error("expected `database.table`")]
    Shape,
    /// A character that cannot stand between back-ticks, or upper case, which Glue does not keep.
    #[error("`{0}` cannot be in a name, expected lower case letters, digits, `_` and the like")]
    Character(char),
}

impl TableName {
    /// Reads `database.table`.
    ///
    /// Athena and Glue keep names in lower case
    /// (<https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html>).
    pub fn parse(text: &str) -> Result<Self, TableNameError> {
        let (database, name) = text.split_once('.').ok_or(TableNameError::Shape)?;
        if database.is_empty() || name.is_empty() || name.contains('.') {
            return Err(TableNameError::Shape);
        }
        let wrong = |c: &char| c.is_uppercase() || c.is_control() || c.is_whitespace() || matches!(c, '`' | '\'' | '"');
        match text.chars().find(wrong) {
            Some(character) => Err(TableNameError::Character(character)),
            None => Ok(Self { database: database.to_owned(), name: name.to_owned() }),
        }
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The table within it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let table = TableName::parse("metrics-db.component_metrics").unwrap();
        assert_eq!((table.database(), table.name()), ("metrics-db", "component_metrics"));
        for text in ["table", "a.b.c", ".a", "a.", "A.b", "a.b`", "a .b"] {
            assert!(TableName::parse(text).is_err(), "{text}");
        }
    }
}
