//! The command line: what is in a log, what comes into it, and whether it is whole; serving it and
//! moving it. Whatever only reads a folder neither writes nor needs the lock, so it works beside a
//! running server.

mod inspect;
mod line;
mod moving;
mod read;
mod serve;
mod show;
mod source;
mod tail;
mod verify;
mod write;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use event_store::protocol::TlsError;
use event_store::{AppendError, CopyError, OpenError, ReadError};

/// Serves, shows and moves event stores. A log is a folder or, for most commands, a server's URL.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  event-store inspect data/events
  event-store tail data/events -n 20 --stream elearning.apply-
  event-store tail data/events --follow --format json | jq .type
  event-store verify data/events
  event-store serve data/events --listen 127.0.0.1:2113
  event-store stats 'esdb://127.0.0.1:2113?tls=false'
  event-store copy --from embedded:data/events --to 'esdb://cluster:2113'
  event-store backup --from data/events --to backups/today

Exit codes: 0 all is well, 1 it is not, 2 wrong usage."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells format, id, head, segments and how many streams, events and bytes there are.
    Inspect(inspect::Arguments),
    /// Prints events, oldest first.
    #[command(after_help = "Example:\n  event-store tail data/events --follow --correlation 0190a5f2-…")]
    Tail(tail::Arguments),
    /// Reads everything and checks all checksums; says where damage is.
    #[command(after_help = "Example:\n  event-store verify data/events && echo whole")]
    Verify(verify::Arguments),
    /// Speaks the EventStoreDB protocol, so that other processes share the log.
    Serve(serve::Arguments),
    /// Lists the streams.
    Streams(read::Streams),
    /// Prints the events of one stream.
    Read(read::Read),
    /// Counts events and bytes by category and by type.
    Stats(read::Stats),
    /// Appends one event.
    #[command(
        after_help = "Example:\n  event-store append data/events note-1 Noted '{\"text\":\"hello\"}' --expected none"
    )]
    Append(write::AppendOne),
    /// Writes all events as lines of JSON.
    Export(write::Export),
    /// Appends the lines of an export, from the standard input.
    Import(write::Import),
    /// Copies a log between any two stores and compares both sides; goes on where it stopped.
    Copy(moving::Between),
    /// Copies the folder of a log as it is now, also while it is written, and checks the copy.
    Backup(moving::Between),
    /// Brings a backup back into a new folder. Checkpoints beyond its end are refused from then on.
    Restore(moving::Between),
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
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0}")]
    Input(String),
    /// Already explained.
    #[error("the log is not whole")]
    Damage,
}

pub(crate) fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Tail(arguments) => wait(tail::run(&arguments)),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Serve(arguments) => wait(serve::run(arguments)),
        Command::Streams(arguments) => wait(read::streams(&arguments)),
        Command::Read(arguments) => wait(read::read(&arguments)),
        Command::Stats(arguments) => wait(read::stats(&arguments)),
        Command::Append(arguments) => wait(write::append(&arguments)),
        Command::Export(arguments) => wait(write::export(&arguments)),
        Command::Import(arguments) => wait(write::import(&arguments)),
        Command::Copy(arguments) => wait(moving::copy(&arguments)),
        Command::Backup(arguments) | Command::Restore(arguments) => moving::backup(&arguments),
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

fn wait(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}
