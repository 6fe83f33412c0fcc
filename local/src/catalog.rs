//! The catalog of a lake: tables and their partitions.

use crate::ddl::AddPartitions;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The tables of a lake, by `database.table`. As JSON it is `catalog.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The tables.
    pub tables: BTreeMap<String, Table>,
}

/// A table, in Glue's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Where it lies.
    pub location: String,
    /// The class that reads its objects.
    pub serialization_library: String,
    /// The columns that are in the objects.
    pub columns: Vec<Column>,
    /// The columns that are in the path.
    pub partition_keys: Vec<Column>,
    /// The partitions, by their values in the order of the partition keys.
    #[serde(default)]
    pub partitions: Vec<Partition>,
}

/// A column and its Hive type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name, in lower case.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub hive_type: String,
}

/// A registered partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    /// Its values, in the order of the partition keys.
    pub values: Vec<String>,
    /// Where it lies.
    pub location: String,
}

impl Catalog {
    /// Adds partitions as Hive does, all or none of a statement; gives how many are new.
    ///
    /// A partition that is there keeps its location. The same partition twice in one statement is an error, even with
    /// `IF NOT EXISTS`.
    pub fn add_partitions(&mut self, statement: AddPartitions) -> Result<usize, String> {
        let database = statement.database.unwrap_or_else(|| "default".to_owned());
        let name = format!("{database}.{}", statement.table);
        let table = self.tables.get_mut(&name).ok_or_else(|| format!("table `{name}` is not there"))?;
        let mut seen = BTreeSet::new();
        let mut added = Vec::new();
        for spec in statement.partitions {
            let mut given: BTreeMap<String, String> = spec.values.iter().cloned().collect();
            let count = spec.values.len();
            let values: Option<Vec<String>> = table.partition_keys.iter().map(|key| given.remove(&key.name)).collect();
            let values = values.filter(|values| values.len() == count && given.is_empty());
            let values =
                values.ok_or_else(|| format!("partition columns of `{name}` expected, got {:?}", spec.values))?;
            if values.iter().any(String::is_empty) {
                return Err("a partition's value is empty".to_owned());
            }
            if !seen.insert(values.clone()) {
                return Err(format!("partition {values:?} stands there twice"));
            }
            let exists = table.partitions.iter().any(|partition| partition.values == values);
            if exists && !statement.if_not_exists {
                return Err(format!("partition {values:?} already exists"));
            }
            if !exists {
                let location = spec.location.unwrap_or_else(|| table.location.clone());
                added.push(Partition { values, location });
            }
        }
        let count = added.len();
        table.partitions.extend(added);
        table.partitions.sort();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl;

    fn catalog() -> Catalog {
        let column = |name: &str| Column { name: name.into(), hive_type: "string".into() };
        let table = Table {
            location: "s3://lake/".into(),
            serialization_library: "json".into(),
            columns: vec![],
            partition_keys: vec![column("a"), column("b")],
            partitions: vec![],
        };
        Catalog { tables: BTreeMap::from([("db.t".to_owned(), table)]) }
    }

    fn run(catalog: &mut Catalog, sql: &str) -> Result<usize, String> {
        catalog.add_partitions(ddl::parse(sql).unwrap())
    }

    #[test]
    fn partitions_are_added_once_and_keep_their_location() {
        let mut catalog = catalog();
        let sql = "ALTER TABLE db.t ADD IF NOT EXISTS PARTITION (b='2', a='1') LOCATION 's3://lake/1/2/'";
        assert_eq!(run(&mut catalog, sql), Ok(1));
        assert_eq!(run(&mut catalog, &sql.replace("1/2", "other")), Ok(0));
        let expected = Partition { values: vec!["1".into(), "2".into()], location: "s3://lake/1/2/".into() };
        assert_eq!(catalog.tables["db.t"].partitions, [expected]);
    }

    #[test]
    fn errors() {
        let message = |sql: &str| run(&mut catalog(), &format!("ALTER TABLE {sql}")).unwrap_err();
        insta::assert_snapshot!(message("db.other ADD PARTITION (a='1')"), @"table `db.other` is not there");
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1')"), @r#"partition columns of `db.t` expected, got [("a", "1")]"#);
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1', b='2', c='3')"), @r#"partition columns of `db.t` expected, got [("a", "1"), ("b", "2"), ("c", "3")]"#);
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1', b='')"), @"a partition's value is empty");
        insta::assert_snapshot!(message("db.t ADD IF NOT EXISTS PARTITION (a='1', b='2') PARTITION (a='1', b='2')"), @r#"partition ["1", "2"] stands there twice"#);
    }
}
