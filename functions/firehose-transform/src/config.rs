//! The variables of the environment, and the transformation that they ask for.

use crate::contract::Contract;
use crate::format::RecordFormat;
use crate::object_writer::Wanted;
use crate::output::OutputFormat;
use crate::query::Query;
use crate::transform::{Transform, VARIABLES};
use shared::layout::Layout;
use shared::variables::{ConfigError, Variables};

/// Reads the transformation from the function's variables, or says everything that is wrong with them.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `S3_PREFIX` | the layout, as the delivery stream has it | required |
/// | `ERROR_PREFIX` | where Firehose puts errors | required |
/// | `RECORD_FORMAT` | [how records come](RecordFormat) | `json` |
/// | `RECORD_QUERY` | a [query](Query): a record in, the delivered record out; no output drops it | `.` |
/// | `PARTITION_QUERY` | a query: the delivered record in, an object with the layout's keys out | its own fields |
/// | `CONTRACT` | what the pipeline insists on, in Hive types | nothing |
/// | `OUTPUT_FORMAT` | [how records are delivered](OutputFormat) | `json` |
pub fn read(variables: &mut Variables) -> Result<Transform, ConfigError> {
    let layout = Layout::from_variables(variables);
    let record_format = parsed(variables, "RECORD_FORMAT", "json", RecordFormat::parse);
    let record_query = query(variables, "RECORD_QUERY");
    let partition_query = query(variables, "PARTITION_QUERY");
    let contract = parsed(variables, "CONTRACT", "", Contract::parse);
    let output_format = parsed(variables, "OUTPUT_FORMAT", "json", OutputFormat::parse);
    if let (Some(layout), Some(query)) = (&layout, &partition_query) {
        check_names(variables, layout, query);
    }
    if let (Some(OutputFormat::Csv), Some([])) = (output_format, contract.as_ref().map(Contract::columns)) {
        variables.fault("OUTPUT_FORMAT", "is `csv`: expected a `CONTRACT`, which says the columns".to_owned());
    }
    let transform = || {
        Some(Transform {
            record_format: record_format?,
            // Those that the record query reads; without one, all are delivered.
            wanted: Wanted::of(record_format?.fields(), record_query.as_ref().and_then(Query::reads).as_deref()),
            record_query,
            partition_query,
            contract: contract?,
            output_format: output_format?,
            layout: layout?,
        })
    };
    let transform = transform();
    variables.finish(transform)
}

/// A variable that has a default.
fn parsed<T, E: std::fmt::Display>(
    variables: &mut Variables,
    variable: &'static str,
    default: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = variables.optional(variable).unwrap_or_else(|| default.to_owned());
    variables.check(variable, &text, parse)
}

/// A query, or nothing for one that changes nothing.
fn query(variables: &mut Variables, variable: &'static str) -> Option<Query> {
    let text = variables.optional(variable).filter(|text| text.trim() != ".")?;
    variables.check(variable, &text, |text| Query::compile(text, VARIABLES))
}

/// Holds the names that the query makes against the layout's keys, as Firehose does with its own query, if they can be told.
fn check_names(variables: &mut Variables, layout: &Layout, query: &Query) {
    let keys: Vec<&str> = layout.lambda_keys().collect();
    let Some(names) = query.object_names() else { return };
    let missing: Vec<&str> = keys.iter().copied().filter(|key| !names.iter().any(|name| name == key)).collect();
    let more: Vec<&str> = names.iter().map(String::as_str).filter(|name| !keys.contains(name)).collect();
    if !missing.is_empty() {
        variables.fault("PARTITION_QUERY", format!("does not make `{}`, which `S3_PREFIX` has", missing.join("`, `")));
    }
    if !more.is_empty() {
        variables.fault("PARTITION_QUERY", format!("makes `{}`, which `S3_PREFIX` does not have", more.join("`, `")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&mut Variables::new(variables)).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        insta::assert_snapshot!(message(&[]), @r"
        `S3_PREFIX` is not set
        `ERROR_PREFIX` is not set
        ");
        let wrong = [
            ("S3_PREFIX", "!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}/"),
            ("ERROR_PREFIX", "errors/"),
            ("RECORD_FORMAT", "xml"),
            ("RECORD_QUERY", ".a"),
            ("PARTITION_QUERY", "{a: .b}"),
            ("CONTRACT", "a strin, b int, b int, c"),
            ("OUTPUT_FORMAT", "avro"),
        ];
        insta::assert_snapshot!(message(&wrong), @"
        `S3_PREFIX` is `!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}/`: in the folder `!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}` it cannot be told where `a` ends, expected a `/` after it
        `RECORD_FORMAT` is `xml`: expected one of `json`, `dynamodb`, `cloudwatch-logs`, `apache`, `syslog`
        `CONTRACT` is `a strin, b int, b int, c`: the column `a`: `strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`; the column `b` is given twice (names are compared without case, as Glue does); the column `c` has no type, expected one such as `c string`
        `OUTPUT_FORMAT` is `avro`: expected `json` or `csv`
        ");
    }
}
