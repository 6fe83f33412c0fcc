//! `headgate reconcile`: what is in a lake and not in its catalog is registered.

use super::{Console, Deployed, Failure, print};
use crate::lake::Lake;
use crate::pipeline::Pipeline;
use crate::reconcile;
use clap::Args;
use registrar::reconcile::{Finding, Reconciliation};
use registrar::report::Elsewhere;
use std::path::PathBuf;

/// The arguments of `headgate reconcile`.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    deployed: Deployed,
    /// Only tell what there is to do, and the statements that would do it.
    #[arg(long)]
    dry_run: bool,
    /// The lake, as `run` has made it.
    #[arg(long, value_name = "DIR", default_value = "lake")]
    lake: PathBuf,
}

impl Reconcile {
    /// Reconciles, and shows what was found.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut faults = Vec::new();
        let mut keep = |more: Vec<String>| faults.extend(more);
        let pipeline = self.deployed.read().map(Pipeline::new).map_err(&mut keep).ok();
        let lake = Lake::open_existing(&self.lake).map_err(|fault| keep(vec![fault])).ok();
        let (Some(pipeline), Some((lake, kept))) = (pipeline, lake) else {
            return Err(Failure::Wrong(faults));
        };
        let table = &pipeline.deployment().table_name;
        if !kept.tables.contains_key(table) {
            let shown = lake.folder().display();
            return Err(Failure::Wrong(vec![format!(
                "the lake `{shown}` has no table `{table}`, expected the `--config-env` that it was made with"
            )]));
        }
        let catalog = pipeline.prepare(&lake, kept).map_err(|fault| Failure::Wrong(vec![fault]))?;
        let mut shown = String::new();
        let mut tell = |finding: Finding| shown.push_str(&told(&finding));
        let done = reconcile::reconcile(pipeline.deployment(), &lake, catalog, self.dry_run, &mut tell);
        print(console, &shown)?;
        let done = done.map_err(|error| Failure::Broken(error.to_string()))?;
        let Reconciliation { folders, registered, missing, added, elsewhere, gone, foreign, failed, .. } = done;
        let of_missing = if self.dry_run { "to be registered".to_owned() } else { format!("{added} registered now") };
        print(
            console,
            &format!(
                "{folders} folders: {missing} missing ({of_missing}), {elsewhere} elsewhere, {failed} failed; {foreign} not of the layout.\n\
             {registered} partitions: {gone} gone.\n"
            ),
        )?;
        done.fault().map_or(Ok(()), |fault| Err(Failure::Broken(fault)))
    }
}

/// A finding, as it is shown: the word that the summary counts it by, and what is to be known of it.
fn told(finding: &Finding) -> String {
    match finding {
        Finding::Missing(location) => format!("missing    {location}\n"),
        Finding::Unfit { location, reason } => format!("failed     {location}: {reason}\n"),
        Finding::Elsewhere(Elsewhere { wanted, registered }) => {
            format!("elsewhere  {wanted}: its partition is registered at {registered}\n")
        }
        Finding::Gone { location, statement } => format!("gone       {location}; to take it out:\n{statement};\n"),
        Finding::Foreign(folder) => format!("foreign    {folder}\n"),
        Finding::Statement(statement) => format!("{statement};\n"),
    }
}
