//! `headgate env`: the variables of both functions.

use super::{Console, Deployed, Failure, print};
use clap::Args;
use std::net::SocketAddr;

/// The arguments of `headgate env`.
#[derive(Debug, Args)]
pub(super) struct Env {
    #[command(flatten)]
    deployed: Deployed,
    /// Print also what has the functions call headgate itself instead of AWS, for `headgate run --invoke`; the address is the
    /// one that is given there.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = CATALOG_ADDRESS)]
    catalog_address: Option<SocketAddr>,
}

/// Where `headgate run --invoke` answers for Glue and Athena, unless it is told otherwise.
pub(super) const CATALOG_ADDRESS: &str = "127.0.0.1:9002";

impl Env {
    /// Prints the variables.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let deployment = self.deployed.read().map_err(Failure::Wrong)?;
        let mut variables: Vec<(&str, String)> =
            deployment.variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if let Some(address) = self.catalog_address {
            // Credentials are not looked at, but without any nothing is sent; and a profile's would be of no use.
            variables.extend([
                ("AWS_ENDPOINT_URL", format!("http://{address}")),
                ("AWS_REGION", deployment.stream.region.clone()),
                ("AWS_ACCESS_KEY_ID", "none".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
                ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ]);
        }
        let lines = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value)));
        print(console, &lines.collect::<String>())
    }
}

/// A value as cargo-lambda's env files have it: between quotes of which it holds none, or else double quotes with a backslash
/// before each that is in it, which is the only escape (<https://docs.rs/env-file-reader>).
///
/// A backslash and an `n` become a line break in any quotes. In a text of jq that is the same.
fn quoted(value: &str) -> String {
    if value.contains('\'') { format!("\"{}\"", value.replace('"', "\\\"")) } else { format!("'{value}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_env_files_have_it() {
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted(r#"{a: "$x \(.y)"}"#), r#"'{a: "$x \(.y)"}'"#);
        assert_eq!(quoted(r#"it's "$x \(.y)""#), r#""it's \"$x \(.y)\"""#);
    }
}
