//! The command line: what is in a log, what comes into it, and whether it is whole. None of it
//! writes or needs the lock, so all of it works beside a running server; only `--truncate-at` does
//! both.

mod inspect;
mod show;
mod tail;
mod verify;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use event_store::OpenError;

/// Looks into the folder of an event store, also while a server has it open.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  event-store inspect data/events
  event-store tail data/events -n 20 --stream elearning.apply-
  event-store tail data/events --follow --format json | jq .type
  event-store verify data/events

Exit codes: 0 all is well, 1 it is not, 2 wrong usage."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells format, id, head, segments and how many streams, events and bytes there are.
    Inspect {
        /// The folder of the event store.
        folder: PathBuf,
    },
    /// Prints events, oldest first.
    #[command(after_help = "Example:\n  event-store tail data/events --follow --correlation 0190a5f2-…")]
    Tail(tail::Arguments),
    /// Reads everything and checks all checksums; says where damage is.
    #[command(after_help = "Example:\n  event-store verify data/events && echo whole")]
    Verify(verify::Arguments),
}

/// How to print.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Log(#[from] OpenError),
    #[error(transparent)]
    Output(#[from] io::Error),
    /// Already explained.
    #[error("the log is not whole")]
    Damage,
}

pub(crate) fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Inspect { folder } => inspect::run(&folder),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
