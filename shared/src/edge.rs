//! Where a function meets the world: the environment, the clock, the log. The only module here that does.

#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use crate::telemetry::{Level, Line};
use crate::variables::{ConfigError, Variables};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The log of a function: what it prints is kept by CloudWatch.
#[derive(Clone, Debug)]
pub struct Log {
    function: String,
}

impl Log {
    /// The log of the function that Lambda says this is.
    pub fn from_environment() -> Self {
        Self { function: std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default() }
    }

    /// Prints a line.
    #[expect(clippy::print_stdout, reason = "what Lambda's functions print is their log")]
    pub fn print(&self, line: &Line) {
        println!("{}", line.to_json(now(), &self.function));
    }
}

/// Milliseconds since 1970, now.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// When an invocation ends that has just begun, given what Lambda says of it.
///
/// Emulators (`cargo lambda watch` is one) name a moment long past; an invocation by Lambda never begins after its end.
pub fn deadline(told: SystemTime) -> SystemTime {
    // As `Timeout` in template.yaml.
    const UNKNOWN: Duration = Duration::from_mins(1);
    let now = SystemTime::now();
    if told < now { now + UNKNOWN } else { told }
}

/// The variables of this process.
pub fn variables() -> Variables {
    Variables::new(std::env::vars())
}

/// Logs what is wrong with a configuration, and gives the exit status. The function does not start then.
pub fn refuse(error: &ConfigError) -> ExitCode {
    let faults: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
    Log::from_environment().print(&Line::new(Level::Error, "the configuration is wrong").field("faults", faults));
    ExitCode::from(2)
}

/// The exit status once the Lambda runtime has stopped, which it does only on an error.
pub fn ended<E: std::fmt::Display>(served: Result<(), E>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("the Lambda runtime ended: {error}");
            Log::from_environment().print(&Line::new(Level::Error, &message));
            ExitCode::FAILURE
        }
    }
}
