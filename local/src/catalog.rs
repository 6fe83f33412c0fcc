//! The catalog of a lake: tables and their partitions.

use crate::ddl::AddPartitions;
use registrar::columns::{ColumnsError, PartitionColumns};
use serde::{Deserialize, Serialize};
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;

/// The tables of a lake, by `database.table`. As JSON it is `catalog.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// What that class is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub serde_parameters: BTreeMap<String, String>,
    /// The columns that are in the objects.
    pub columns: Vec<Column>,
    /// The columns that are in the path.
    pub partition_keys: Vec<Column>,
    /// The location of each partition, by its values in the order of the partition keys.
    #[serde(default, with = "as_list")]
    pub partitions: BTreeMap<Vec<String>, String>,
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

/// What came of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// How many partitions were not there before.
    pub new: usize,
    /// Those that are there, at another location.
    pub elsewhere: Vec<Elsewhere>,
}

/// A partition that is registered elsewhere, which Hive leaves as it is and says nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its values.
    pub values: Vec<String>,
    /// Where it is registered.
    pub registered: String,
    /// Where it was to be.
    pub wanted: String,
}

impl Catalog {
    /// Adds partitions as Hive does, all or none of a statement.
    ///
    /// A partition that is there keeps its location. The same partition twice in one statement is an error, even with
    /// `IF NOT EXISTS`.
    pub fn add_partitions(&mut self, statement: AddPartitions) -> Result<Added, String> {
        let database = statement.database.unwrap_or_else(|| "default".to_owned());
        let name = format!("{database}.{}", statement.table);
        let table = self.tables.get_mut(&name).ok_or_else(|| format!("table `{name}` does not exist"))?;
        let mut added = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for spec in statement.partitions {
            let values = table.values(&spec.values, &name)?;
            let wanted = spec.location.unwrap_or_else(|| table.location.clone());
            match table.partitions.get(&values) {
                Some(_) if !statement.if_not_exists => return Err(format!("partition {values:?} already exists")),
                Some(registered) if *registered != wanted => {
                    elsewhere.push(Elsewhere {
                        values: values.clone(),
                        registered: registered.clone(),
                        wanted: wanted.clone(),
                    });
                }
                _ => {}
            }
            if added.insert(values.clone(), wanted).is_some() {
                return Err(format!("partition {values:?} is given twice"));
            }
        }
        added.retain(|values, _| !table.partitions.contains_key(values));
        let new = added.len();
        table.partitions.extend(added);
        Ok(Added { new, elsewhere })
    }
}

impl Table {
    /// Its partition columns, as the maintainer has them.
    pub fn partition_columns(&self) -> Result<PartitionColumns, ColumnsError> {
        PartitionColumns::new(self.partition_keys.iter().map(|key| (&key.name, &key.hive_type)))
    }

    /// The values of a partition in the order of the table's keys, as their types have them; each key has to be there,
    /// once, and nothing else.
    fn values(&self, given: &[(String, String)], name: &str) -> Result<Vec<String>, String> {
        let keys = &self.partition_keys;
        let names = |names: Vec<&str>| names.join("`, `");
        let expected = || {
            let wanted = names(keys.iter().map(|key| key.name.as_str()).collect());
            let got = names(given.iter().map(|(column, _)| column.as_str()).collect());
            format!("expected the columns `{wanted}` of `{name}`, got `{got}`")
        };
        let value = |key: &Column| given.iter().find(|(column, _)| *column == key.name).map(|(_, value)| value.clone());
        let values: Vec<String> = keys.iter().map(value).collect::<Option<_>>().ok_or_else(expected)?;
        if given.len() != keys.len() {
            return Err(expected());
        }
        let values = values.into_iter().map(PartitionValue::new).collect::<Result<_, _>>();
        let values = values.map_err(|fault| format!("a partition's value cannot be one: {fault}"))?;
        let columns = self.partition_columns().map_err(|error| error.to_string())?;
        let partition = columns.canonical(&Partition::new(values)).map_err(|misfit| misfit.to_string())?;
        Ok(texts(&partition))
    }
}

/// The values of a partition, as [`Table::partitions`] has them.
pub(crate) fn texts(partition: &Partition) -> Vec<String> {
    partition.values().iter().map(ToString::to_string).collect()
}

/// The partitions of a table as a list: JSON has no keys that are lists.
mod as_list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize)]
    struct Partition<T, L> {
        values: T,
        location: L,
    }

    pub(super) fn serialize<S: Serializer>(
        partitions: &BTreeMap<Vec<String>, String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(partitions.iter().map(|(values, location)| Partition { values, location }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Vec<String>, String>, D::Error> {
        let list = Vec::<Partition<Vec<String>, String>>::deserialize(from)?;
        Ok(list.into_iter().map(|partition| (partition.values, partition.location)).collect())
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
            serde_parameters: BTreeMap::new(),
            columns: vec![],
            partition_keys: vec![column("a"), column("b")],
            partitions: BTreeMap::new(),
        };
        Catalog { tables: BTreeMap::from([("db.t".to_owned(), table)]) }
    }

    fn run(catalog: &mut Catalog, sql: &str) -> Result<Added, String> {
        catalog.add_partitions(ddl::parse(sql).unwrap())
    }

    #[test]
    fn partitions_are_added_once_and_keep_their_location() {
        let mut catalog = catalog();
        let sql = "ALTER TABLE db.t ADD IF NOT EXISTS PARTITION (b='2', a='1') LOCATION 's3://lake/1/2/'";
        assert_eq!(run(&mut catalog, sql), Ok(Added { new: 1, elsewhere: vec![] }));
        assert_eq!(run(&mut catalog, sql), Ok(Added::default()));
        let Added { new: 0, elsewhere } = run(&mut catalog, &sql.replace("1/2", "other")).unwrap() else { panic!() };
        assert_eq!(
            (elsewhere[0].registered.as_str(), elsewhere[0].wanted.as_str()),
            ("s3://lake/1/2/", "s3://lake/other/")
        );
        let expected = BTreeMap::from([(vec!["1".to_owned(), "2".to_owned()], "s3://lake/1/2/".to_owned())]);
        assert_eq!(catalog.tables["db.t"].partitions, expected);
        let read: Catalog = serde_json::from_str(&serde_json::to_string(&catalog).unwrap()).unwrap();
        assert_eq!(read, catalog);
    }

    #[test]
    fn errors() {
        let message = |sql: &str| run(&mut catalog(), &format!("ALTER TABLE {sql}")).unwrap_err();
        insta::assert_snapshot!(message("db.other ADD PARTITION (a='1')"), @"table `db.other` does not exist");
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1')"), @"expected the columns `a`, `b` of `db.t`, got `a`");
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1', b='2', c='3')"), @"expected the columns `a`, `b` of `db.t`, got `a`, `b`, `c`");
        insta::assert_snapshot!(message("db.t ADD PARTITION (a='1', b='')"), @"a partition's value cannot be one: it is empty");
        insta::assert_snapshot!(message("db.t ADD IF NOT EXISTS PARTITION (a='1', b='2') PARTITION (a='1', b='2')"), @r#"partition ["1", "2"] is given twice"#);
    }
}
