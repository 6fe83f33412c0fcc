//! `headgate`: see what a deployment will do to your data, before there is one.

use local::cli::{self, Console};
use local::interrupt::{self, Interruptible};
use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let _unheard = interrupt::listen();
    let input = Box::new(Interruptible::new(stdin()));
    let console = Console { input, output: &mut stdout(), errors: &mut stderr() };
    ExitCode::from(cli::main(std::env::args_os(), console))
}
