//! `headgate`: see what a deployment will do to your data, before there is one.

use local::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
