//! The variables of the environment, and the maintainer that they ask for.

use crate::handler::Scope;
use crate::table_name::TableName;
use shared::layout::Layout;
use shared::variables::{ConfigError, Variables};

/// What the maintainer is to keep, and through what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The layout and the bucket.
    pub scope: Scope,
    /// The table.
    pub table: TableName,
    /// How partitions are registered.
    pub registration: RegistrationBy,
}

/// What registers partitions. What is registered already is read from Glue either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationBy {
    /// Amazon Athena, by DDL.
    Athena {
        /// The workgroup in which the statements run.
        workgroup: String,
    },
    /// The Glue catalog itself.
    Glue,
}

/// Reads the configuration from the function's variables, or says everything that is wrong with them.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `S3_PREFIX` | the layout, as the delivery stream has it | required |
/// | `DATA_BUCKET` | the only bucket it listens to | required |
/// | `ERROR_PREFIX` | where Firehose puts errors, which are left alone | required |
/// | `TABLE` | `database.table` | required |
/// | `CATALOG` | `athena` or `glue`: what registers partitions | `athena` |
/// | `ATHENA_WORKGROUP` | the workgroup in which the statements run | required with `athena` |
pub fn read(variables: &mut Variables) -> Result<Config, ConfigError> {
    let layout = Layout::from_variables(variables);
    let bucket = variables.required("DATA_BUCKET").and_then(|name| variables.check("DATA_BUCKET", &name, bucket));
    let table = variables.required("TABLE").and_then(|name| variables.check("TABLE", &name, TableName::parse));
    let catalog = variables.optional("CATALOG");
    let registration = match catalog.as_deref().unwrap_or("athena") {
        "glue" => Some(RegistrationBy::Glue),
        catalog => {
            if catalog != "athena" {
                variables.fault("CATALOG", format!("is `{catalog}`: expected `athena` or `glue`"));
            }
            variables.required("ATHENA_WORKGROUP").map(|workgroup| RegistrationBy::Athena { workgroup })
        }
    };
    let config = || {
        Some(Config { scope: Scope { layout: layout?, bucket: bucket? }, table: table?, registration: registration? })
    };
    let config = config();
    variables.finish(config)
}

/// The name of a bucket, by S3's rules, without `s3://` and without a folder
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
fn bucket(name: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (3..=63).contains(&name.len()) && name.starts_with(plain) && name.ends_with(plain);
    if fits && name.chars().all(|c| plain(c) || matches!(c, '.' | '-')) {
        Ok(name.to_owned())
    } else {
        Err("expected a bucket's name, such as `metrics-lake`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&mut Variables::new(variables)).unwrap_err().to_string()
    }

    #[test]
    fn buckets() {
        assert!(["abc", "headgate-data-123456789012-eu-west-1", "a.b.c"].iter().all(|name| bucket(name).is_ok()));
        let long = "a".repeat(64);
        assert!(
            ["", "..", "../x", "a", "s3://lake", "Lake", "lake/", "-ab", &long]
                .iter()
                .all(|name| bucket(name).is_err())
        );
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        insta::assert_snapshot!(message(&[]), @"
        `S3_PREFIX` is not set
        `ERROR_PREFIX` is not set
        `DATA_BUCKET` is not set
        `TABLE` is not set
        `ATHENA_WORKGROUP` is not set
        ");
        let wrong = [
            ("S3_PREFIX", "!{partitionKeyFromLambda:a}"),
            ("ERROR_PREFIX", "errors/"),
            ("DATA_BUCKET", "s3://lake"),
            ("TABLE", "metrics"),
            ("CATALOG", "hive"),
        ];
        insta::assert_snapshot!(message(&wrong), @"
        `S3_PREFIX` is `!{partitionKeyFromLambda:a}`: it does not end in `/`: object names would be glued to its last folder
        `DATA_BUCKET` is `s3://lake`: expected a bucket's name, such as `metrics-lake`
        `TABLE` is `metrics`: expected `database.table`
        `CATALOG` is `hive`: expected `athena` or `glue`
        `ATHENA_WORKGROUP` is not set
        ");
    }
}
