//! The option `--report` of `headgate run`.

use super::{Console, Deployed, Failure, print};
use crate::deployment::Deployment;
use crate::report::file::ReportFile;
use crate::report::{About, render};
use crate::summary::Summary;
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Whether a page is to be written of the run, and where.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Write what became of the records into a page to be shown: one HTML file that needs nothing else. It has up to three
    /// records of each reason for which some were rejected.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// A page of a run that goes on.
pub(super) struct Begun {
    file: ReportFile,
    began: Timestamp,
    clock: Instant,
}

/// Inputs that a page names.
const FILES_SHOWN: usize = 10;

impl Report {
    /// Whether the page can be written, which is known before the run; none if there is to be none. The lake is where it cannot
    /// be.
    pub(super) fn begin(&self, lake: &Path) -> Result<Option<Begun>, String> {
        let Some(path) = &self.report else { return Ok(None) };
        if path == lake {
            return Err(format!("`{}` is the lake, expected another file for the report", path.display()));
        }
        Ok(Some(Begun { file: ReportFile::at(path)?, began: Timestamp::now(), clock: Instant::now() }))
    }
}

impl Begun {
    /// Writes the page, and says where it is. Files are the inputs; what is known of this run alone stands beside what is known
    /// of each.
    pub(super) fn end(
        self,
        deployed: &Deployed,
        deployment: &Deployment,
        files: &[PathBuf],
        more: Vec<(&'static str, String)>,
        summary: &Summary,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let variable = |name| deployment.variables.get(name).cloned().unwrap_or_default();
        let overrides = deployed.parameter_overrides.iter().map(|(key, value)| format!("{key}={value}"));
        let facts = [
            ("records from", names(files)),
            ("environment", deployed.config_env.clone()),
            ("template", deployed.template.display().to_string()),
            ("overrides", overrides.collect::<Vec<_>>().join(", ")),
            ("stack", deployment.stack_name.clone()),
            ("layout", variable("S3_PREFIX")),
            ("error prefix", variable("ERROR_PREFIX")),
            ("bucket", deployment.bucket.clone()),
            ("table", deployment.table_name.clone()),
        ];
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            config_env: deployed.config_env.clone(),
            facts: facts.into_iter().chain(more).filter(|(_, fact)| !fact.is_empty()).collect(),
            active_partitions: deployment.stream.active_partitions,
            began: self.began,
            milliseconds: u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let html = render(&about, summary).map_err(|error| Failure::Broken(format!("the report: {error}")))?;
        self.file.write(&html).map_err(|error| Failure::Broken(error.to_string()))?;
        print(console, &format!("The report is `{}`.\n", self.file.path().display()))
    }
}

/// The names of the inputs, as long as they are few.
fn names(files: &[PathBuf]) -> String {
    let name =
        |file: &PathBuf| if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut names: Vec<String> = files.iter().take(FILES_SHOWN).map(name).collect();
    if files.len() > FILES_SHOWN {
        names.push(format!("and {} more", files.len() - FILES_SHOWN));
    }
    names.join(", ")
}
