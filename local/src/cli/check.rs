//! `headgate check`: a deployment's configuration, without data.

use super::{Console, Failure, print};
use crate::check;
use crate::deployment::{Choice, environments, key_value};
use clap::Args;
use std::path::PathBuf;

/// The arguments of `headgate check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// An environment of samconfig.toml; may be given several times.
    #[arg(long, value_name = "NAME", default_value = "component-metrics")]
    config_env: Vec<String>,
    /// Check all environments of samconfig.toml.
    #[arg(long, conflicts_with = "config_env")]
    all: bool,
    /// The SAM template; samconfig.toml stands beside it.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// A parameter of the template, over that of samconfig.toml; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    parameter_overrides: Vec<(String, String)>,
}

impl Check {
    /// Checks, and shows the findings.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let all = self.all.then(|| environments(&self.template)).transpose().map_err(Failure::Wrong)?;
        let checked = all.as_ref().unwrap_or(&self.config_env).iter().map(|config_env| {
            check::check(&Choice {
                template: self.template.clone(),
                config_env: config_env.clone(),
                parameter_overrides: self.parameter_overrides.clone(),
            })
        });
        let (mut reports, mut faults) = (Vec::new(), Vec::new());
        for report in checked {
            match report {
                Ok(report) => reports.push(report),
                Err(more) => faults.extend(more),
            }
        }
        if !faults.is_empty() {
            return Err(Failure::Wrong(faults));
        }
        print(console, &reports.iter().map(ToString::to_string).collect::<String>())?;
        let unsound: Vec<&str> =
            reports.iter().filter(|report| !report.is_sound()).map(|report| report.config_env.as_str()).collect();
        if unsound.is_empty() {
            return Ok(());
        }
        Err(Failure::Broken(format!("the configuration of `{}` has errors", unsound.join("`, `"))))
    }
}
