//! The command line of the read side.

mod cli;

use std::process::ExitCode;

/// A replay makes many small values on one thread and drops them on another (`command-api/decisions/6`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run().await
}
