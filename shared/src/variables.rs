//! Configuration from the environment, with everything wrong in one message.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The environment variables of a function, read once.
///
/// A function's `config` asks for what it needs; each fault is kept, and [`Variables::finish`] tells them all.
#[derive(Debug)]
pub struct Variables {
    values: BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

/// One variable that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it, to be read after the name.
    pub problem: String,
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The faults, in the order in which the variables were asked for.
    pub faults: Vec<Fault>,
}

impl Variables {
    /// The variables that a configuration is read from.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect(), asked: BTreeSet::new(), faults: Vec::new() }
    }

    /// A variable that may be left out. An empty one counts as left out: templates cannot leave one out otherwise.
    pub fn optional(&mut self, variable: &'static str) -> Option<String> {
        self.asked.insert(variable);
        self.values.get(variable).filter(|value| !value.is_empty()).cloned()
    }

    /// A variable that must be there.
    pub fn required(&mut self, variable: &'static str) -> Option<String> {
        let value = self.optional(variable);
        if value.is_none() {
            self.fault(variable, "is not set".to_owned());
        }
        value
    }

    /// Keeps what is right of a variable's value, and the fault if it is wrong.
    pub fn check<T, E: fmt::Display>(
        &mut self,
        variable: &'static str,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(value).map_err(|cause| self.fault(variable, format!("is `{value}`: {cause}"))).ok()
    }

    /// Keeps a fault.
    pub fn fault(&mut self, variable: &'static str, problem: String) {
        self.faults.push(Fault { variable, problem });
    }

    /// The names of all that was asked for until now: the variables that there are, for whoever documents them.
    pub fn asked(&self) -> &BTreeSet<&'static str> {
        &self.asked
    }

    /// The configuration, or all that is wrong.
    pub fn finish<T>(&mut self, config: Option<T>) -> Result<T, ConfigError> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(ConfigError { faults: std::mem::take(&mut self.faults) }),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.faults.iter();
        if let Some(fault) = lines.next() {
            write!(f, "{fault}")?;
        }
        lines.try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.variable, self.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_one_message() {
        let mut variables = Variables::new([("A".to_owned(), String::new()), ("B".to_owned(), "x".to_owned())]);
        let a = variables.required("A");
        let b = variables.required("B").and_then(|b| variables.check("B", &b, str::parse::<u8>));
        let error = variables.finish(a.zip(b)).unwrap_err();
        insta::assert_snapshot!(error, @r"
        `A` is not set
        `B` is `x`: invalid digit found in string
        ");
        assert_eq!(Vec::from_iter(variables.asked()), [&"A", &"B"]);
    }
}
