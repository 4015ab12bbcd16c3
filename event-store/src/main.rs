//! Looks into an event store's folder.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
