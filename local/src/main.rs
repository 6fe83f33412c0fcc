//! `headgate`: see what a deployment will do to your data, before there is one.

use local::cli::{self, Console};
use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let console = Console { input: Box::new(stdin()), output: &mut stdout(), errors: &mut stderr() };
    ExitCode::from(cli::main(std::env::args_os(), console))
}
