//! What a reconcile did and found, for the log, the metrics and the reply.

use super::request::Place;
use crate::catalog::CatalogError;
use crate::registration::Failure;
use crate::report::Elsewhere;
use serde_json::{Value, json};
use shared::telemetry::{Level, Line, Unit};
use std::fmt;

/// The counts of one reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// Why it is not complete; nothing if it is.
    pub stopped: Option<Stopped>,
    /// Where it can be gone on with, if it is not complete.
    pub after: Option<Place>,
    /// Folders of partitions that were held against the catalog.
    pub folders: u64,
    /// Registered partitions that were held against the bucket.
    pub registered: u64,
    /// Folders with data that were not registered.
    pub missing: u64,
    /// Those of them that are now.
    pub added: u64,
    /// Folders with data that are not, although they were to be, or that cannot be.
    pub failed: u64,
    /// Folders with data whose partition is registered at another location.
    pub elsewhere: u64,
    /// Folders that are not registered, and have no data.
    pub empty: u64,
    /// Registered partitions whose folder is not there.
    pub gone: u64,
    /// Registered partitions that lie where the layout puts none: they are left alone.
    pub outside: u64,
    /// Folders that are not of the layout.
    pub foreign: u64,
    /// Calls that listed the bucket.
    pub listings: u64,
    /// Calls that asked the catalog.
    pub lookups: u64,
    /// Calls that added to it, which are statements with Athena.
    pub queries: u64,
    /// Why folders are not registered.
    pub failures: Vec<Failure>,
}

/// Why a reconcile ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The deadline is near.
    Deadline,
    /// Something failed that would fail again at once.
    Failed {
        /// What was tried.
        trying: String,
        /// The error.
        error: CatalogError,
    },
}

/// One thing that a reconcile found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A folder with data that was not registered. Its location.
    Missing(String),
    /// A folder with data that cannot be registered.
    Unfit {
        /// Its location.
        location: String,
        /// Why not.
        reason: String,
    },
    /// A folder with data whose partition is registered at another location.
    Elsewhere(Elsewhere),
    /// A registered partition whose folder is not there.
    Gone {
        /// Where it is registered.
        location: String,
        /// What would take it out of the catalog. It is never run here.
        statement: String,
    },
    /// A folder that is not of the layout.
    Foreign(String),
    /// In a dry run, a statement that registers missing partitions.
    Statement(String),
}

/// Findings in memory: a number of each kind, whatever there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    missing: Vec<Value>,
    unfit: Vec<Value>,
    elsewhere: Vec<Value>,
    gone: Vec<Value>,
    foreign: Vec<Value>,
    statements: Vec<String>,
    statement_bytes: usize,
}

/// Findings of a kind that are kept: enough to see what is wrong, and few enough for a reply (6 MB).
const KEPT: usize = 100;

/// Findings of a kind that a line of the log shows: CloudWatch takes 256 KB, and a location has up to 1 KB.
const SHOWN: usize = 10;

/// Statements that are kept, in bytes.
const STATEMENT_BYTES: usize = 1 << 20;

impl Findings {
    /// Keeps a finding, if there are not too many of its kind.
    pub fn keep(&mut self, finding: Finding) {
        let (kind, value) = match finding {
            Finding::Missing(location) => (&mut self.missing, json!(location)),
            Finding::Unfit { location, reason } => (&mut self.unfit, json!({ "location": location, "reason": reason })),
            Finding::Elsewhere(Elsewhere { wanted, registered }) => {
                (&mut self.elsewhere, json!({ "wanted": wanted, "registered": registered }))
            }
            Finding::Gone { location, statement } => {
                (&mut self.gone, json!({ "location": location, "statement": statement }))
            }
            Finding::Foreign(folder) => (&mut self.foreign, json!(folder)),
            Finding::Statement(statement) => {
                self.statement_bytes += statement.len();
                if self.statement_bytes <= STATEMENT_BYTES {
                    self.statements.push(statement);
                }
                return;
            }
        };
        if kind.len() < KEPT {
            kind.push(value);
        }
    }
}

impl Reconciliation {
    /// Whether all was done that was to be done.
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none()
    }

    /// Why it has to be looked at, or tried again: it stopped for another reason than the time, or folders were not
    /// registered.
    pub fn fault(&self) -> Option<String> {
        let stopped = self.stopped.as_ref().filter(|stopped| **stopped != Stopped::Deadline);
        match (stopped, self.failures.first()) {
            (Some(stopped), _) => Some(stopped.to_string()),
            (None, Some(Failure { error, .. })) => {
                Some(format!("partitions not registered: {}; first: {error}", self.failed))
            }
            (None, None) => None,
        }
    }

    /// The reply: the counts, and what was found as far as it was kept.
    pub fn reply(&self, found: &Findings) -> Value {
        json!({
            "dry_run": self.dry_run,
            "complete": self.is_complete(),
            "after": self.after,
            "folders": self.folders,
            "registered": self.registered,
            "missing": self.missing,
            "added": self.added,
            "failed": self.failed,
            "elsewhere": self.elsewhere,
            "empty": self.empty,
            "gone": self.gone,
            "outside": self.outside,
            "foreign": self.foreign,
            "found": {
                "missing": found.missing,
                "unfit": found.unfit,
                "elsewhere": found.elsewhere,
                "gone": found.gone,
                "foreign": found.foreign,
                "statements": found.statements,
            },
        })
    }

    /// The lines of the log: one for each failure, for each kind of finding that somebody should look at and, in a dry run, for
    /// each statement; and one for all.
    pub fn lines(&self, found: &Findings) -> Vec<Line> {
        let failures = self.failures.iter().map(|Failure { error, partitions, example }| {
            Line::new(error.level(), &format!("failed to register partitions: {error}"))
                .field("class", error.class())
                .field("partitions", *partitions)
                .field("example", example.as_str())
        });
        let stopped = self.stopped.iter().map(|stopped| {
            let (level, class) = match stopped {
                Stopped::Deadline => (Level::Warn, "deadline"),
                Stopped::Failed { error, .. } => (error.level(), error.class()),
            };
            Line::new(level, &stopped.to_string()).field("class", class).field("after", json!(self.after))
        });
        let examples = |level, message: &str, class: &str, count: u64, kept: &[Value]| {
            let shown: Vec<Value> = kept.iter().take(SHOWN).cloned().collect();
            let line = Line::new(level, message).field("class", class).field("partitions", count);
            (count > 0).then(|| line.field("examples", shown))
        };
        let elsewhere = "partitions are registered at other locations";
        let elsewhere = examples(Level::Error, elsewhere, "elsewhere", self.elsewhere, &found.elsewhere);
        let gone = "partitions are registered whose folder is not there";
        let gone = examples(Level::Warn, gone, "gone", self.gone, &found.gone);
        let statements = found
            .statements
            .iter()
            .map(|statement| Line::new(Level::Info, "would run a statement").field("statement", statement.as_str()));
        let found_all = failures.chain(stopped).chain(elsewhere).chain(gone).chain(statements);
        found_all.chain([self.summary(found)]).collect()
    }

    fn summary(&self, found: &Findings) -> Line {
        let foreign: Vec<Value> = found.foreign.iter().take(SHOWN).cloned().collect();
        let mut line = Line::new(Level::Info, "reconciled folders and partitions")
            .field("dry_run", self.dry_run)
            .field("complete", self.is_complete())
            .field("foreign", foreign);
        let counts = [
            ("FoldersSeen", self.folders),
            ("FoldersEmpty", self.empty),
            ("FoldersForeign", self.foreign),
            ("PartitionsSeen", self.registered),
            ("PartitionsMissing", self.missing),
            ("PartitionsAdded", self.added),
            ("PartitionsFailed", self.failed),
            ("PartitionsElsewhere", self.elsewhere),
            ("PartitionsGone", self.gone),
            ("PartitionsOutside", self.outside),
            ("Listings", self.listings),
            ("Lookups", self.lookups),
            ("Queries", self.queries),
        ];
        for (name, count) in counts {
            line = line.metric(name, Unit::Count, count);
        }
        line
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("stopped before the deadline, and can be gone on with"),
            Self::Failed { trying, error } => write!(f, "failed to {trying}: {error}"),
        }
    }
}
