//! The variables of the environment, and the transformation that they ask for.

use crate::contract::Contract;
use crate::transform::Transform;
use shared::layout::Layout;
use shared::variables::{ConfigError, Variables};

/// Reads the transformation from the function's variables, or says everything that is wrong with them.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `S3_PREFIX` | the layout, as the delivery stream has it | required |
/// | `ERROR_PREFIX` | where Firehose puts errors | required |
/// | `RECORD_FORMAT` | `json` | `json` |
/// | `RECORD_QUERY` | `.`: the record as it is | `.` |
/// | `PARTITION_QUERY` | must be left out: keys are the record's own fields | |
/// | `CONTRACT` | what the pipeline insists on, in Hive types | nothing |
/// | `OUTPUT_FORMAT` | `json` | `json` |
pub fn read(mut variables: Variables) -> Result<Transform, ConfigError> {
    let layout = Layout::from_variables(&mut variables);
    only(&mut variables, "RECORD_FORMAT", "json");
    only(&mut variables, "RECORD_QUERY", ".");
    only(&mut variables, "OUTPUT_FORMAT", "json");
    if let Some(query) = variables.optional("PARTITION_QUERY") {
        variables.fault("PARTITION_QUERY", format!("is `{query}`, expected none: keys are the record's own fields"));
    }
    let contract = variables.optional("CONTRACT").unwrap_or_default();
    let contract = variables.check("CONTRACT", &contract, Contract::parse);
    variables.finish(layout.zip(contract).map(|(layout, contract)| Transform::new(layout, contract)))
}

/// A variable that can have one value so far: another one is refused, since silence would be taken for consent.
fn only(variables: &mut Variables, variable: &'static str, expected: &str) {
    if let Some(value) = variables.optional(variable)
        && value != expected
    {
        variables.fault(variable, format!("is `{value}`, expected `{expected}`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(Variables::new(variables)).map(|_| ()).unwrap_err().to_string()
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
        `RECORD_FORMAT` is `xml`, expected `json`
        `RECORD_QUERY` is `.a`, expected `.`
        `OUTPUT_FORMAT` is `avro`, expected `json`
        `PARTITION_QUERY` is `{a: .b}`, expected none: keys are the record's own fields
        `CONTRACT` is `a strin, b int, b int, c`: the column `a`: `strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`; the column `b` is given twice (names are compared without case, as Glue does); the column `c` has no type, expected one such as `c string`
        ");
    }
}
