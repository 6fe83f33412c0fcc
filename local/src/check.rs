//! Whether a deployment's configuration is sound, told without data: by AWS's rules, each with its source, and by what
//! the deployment says of itself.
//!
//! What [`Deployment::read`](crate::deployment::Deployment::read) refuses is found here too. To that come the rules of
//! what a run on a laptop has no need to know (`rules.rs`).

mod rules;

use crate::deployment::{Choice, Examined, Part};
use rules::RULES;
use std::fmt;

/// What is to be said of a deployment's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The environment.
    pub config_env: String,
    /// All findings, the gravest first.
    pub findings: Vec<Finding>,
}

/// One thing to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub gravity: Gravity,
    /// What is wrong, and what was expected.
    pub problem: String,
    /// The name of the rule that it breaks.
    pub rule: &'static str,
    /// That rule in words.
    pub words: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The deployment would fail, or each record, or each query.
    Error,
    /// It works, but not as well as it could, or not always.
    Warning,
    /// Nothing is wrong; it is good to know.
    Note,
}

/// Holds a deployment against all rules, or says why its files cannot be read.
pub fn check(choice: &Choice) -> Result<Report, Vec<String>> {
    let examined = Examined::read(choice)?;
    Ok(Report { config_env: choice.config_env.clone(), findings: findings(&examined) })
}

/// The names of all rules.
pub fn rules() -> impl Iterator<Item = &'static str> {
    OF_PARTS.iter().map(|rule| rule.name).chain(RULES.iter().map(|rule| rule.name))
}

impl Report {
    /// How many findings are of this gravity.
    pub fn count(&self, gravity: Gravity) -> usize {
        self.findings.iter().filter(|finding| finding.gravity == gravity).count()
    }

    /// Whether there is no error.
    pub fn is_sound(&self) -> bool {
        self.count(Gravity::Error) == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let [errors, warnings, notes] = [Gravity::Error, Gravity::Warning, Gravity::Note].map(|gravity| {
            let count = self.count(gravity);
            format!("{count} {gravity}{}", if count == 1 { "" } else { "s" })
        });
        let verdict = if self.is_sound() { "sound" } else { "not sound" };
        writeln!(
            f,
            "`{}` is {verdict}: {errors}, {warnings}, {notes}, by {} rules for its layout, queries, contract, table and template.",
            self.config_env,
            rules().count()
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gravity, problem, rule, words, source } = self;
        writeln!(f, "{gravity}: {problem}")?;
        writeln!(f, "  {rule}: {words}")?;
        writeln!(f, "  {source}")
    }
}

impl fmt::Display for Gravity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A rule of the deployment's own files, of which [`Examined::faults`] are breaches.
struct OfPart {
    name: &'static str,
    gravity: Gravity,
    words: &'static str,
    source: &'static str,
}

/// What cannot be read is an error; what cannot be modelled may work all the same.
const OF_PARTS: [OfPart; 7] = [PARAMETERS, VARIABLES, AGREEMENT, TEMPLATE, TABLE, NOT_MODELLED, NOT_READ];

const PARAMETERS: OfPart = OfPart {
    name: "parameters",
    gravity: Gravity::Error,
    words: "CloudFormation refuses a parameter that the template does not have or allow, and one without a value",
    source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
};

const VARIABLES: OfPart = OfPart {
    name: "variables",
    gravity: Gravity::Error,
    words: "a function that cannot read its variables does not start",
    source: "docs/configuration.md",
};

const AGREEMENT: OfPart = OfPart {
    name: "agreement",
    gravity: Gravity::Error,
    words: "the delivery stream, the functions and the table have one prefix, one error prefix, one bucket and the same columns",
    source: "docs/configuration.md",
};

const TEMPLATE: OfPart = OfPart {
    name: "template",
    gravity: Gravity::Error,
    words: "the template makes each part of the pipeline and refers to what it makes alone, in what `headgate` knows of CloudFormation",
    source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html",
};

const TABLE: OfPart = OfPart {
    name: "table",
    gravity: Gravity::Error,
    words: "one table is made, with a location, a format, columns and partition keys",
    source: "https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html",
};

const NOT_MODELLED: OfPart = OfPart {
    name: "not-modelled",
    gravity: Gravity::Warning,
    words: "`headgate run` cannot show what Firehose does with it",
    source: "ARCHITECTURE.md",
};

const NOT_READ: OfPart = OfPart {
    name: "not-read",
    gravity: Gravity::Warning,
    words: "`headgate` cannot read it, so that whether the delivery stream agrees with the rest was not checked",
    source: "ARCHITECTURE.md",
};

fn findings(examined: &Examined) -> Vec<Finding> {
    let broken = RULES.iter().filter_map(|rule| {
        let &rules::Rule { name, gravity, words, source, broken } = rule;
        Some(Finding { gravity, problem: broken(examined)?, rule: name, words, source })
    });
    let mut findings: Vec<Finding> = broken.collect();
    // A delivery stream that Firehose refuses is not read for a run either, and why has just been said.
    let refused = findings
        .iter()
        .any(|finding| finding.gravity == Gravity::Error && finding.problem.starts_with("`DeliveryStream`: "));
    let faults = examined.faults.iter().filter(|(part, _)| *part != Part::DeliveryStream || !refused);
    let of_parts: Vec<Finding> = faults
        .map(|(part, fault)| {
            let OfPart { name, gravity, words, source } = match part {
                Part::Parameters => PARAMETERS,
                Part::Variables => VARIABLES,
                Part::Agreement => AGREEMENT,
                Part::Table => TABLE,
                Part::NotModelled => NOT_MODELLED,
                Part::DeliveryStream if examined.stream.is_some() => NOT_READ,
                Part::DeliveryStream | Part::Queue => TEMPLATE,
            };
            Finding { gravity, problem: fault.clone(), rule: name, words, source }
        })
        .collect();
    findings.splice(..0, of_parts);
    findings.sort_by_key(|finding| finding.gravity);
    findings
}
