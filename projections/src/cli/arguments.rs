use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use projections::SYSTEMS;

/// Read models: kept up, rebuilt while they serve, compared, explained.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  projections status --store data/events --read-model sqlite:data/read-model.db
  projections replay my_page --dry-run
  projections replay my_page              builds beside the live rows, compares, switches if equal
  projections replay my_page --accept     switches although rows differ
  projections rollback my_page            takes the switch back
  projections verify my_page || echo 'the live rows are not what the log says'
  projections parked list --format json | jq .[].id

The log is only read, also while a server writes it. Set GIROK_STORE and GIROK_READ_MODEL once to
leave out --store and --read-model.

Exit codes: 0 all is well, 1 it is not (rows differ, keys are parked, something failed), 2 wrong usage."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    /// How to print: for people, or one JSON document for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,

    /// Which business.
    #[arg(long, global = true, env = "GIROK_SYSTEM", default_value = SYSTEMS[0]().name, value_parser = SYSTEMS.map(|system| system().name))]
    pub(super) system: String,

    /// The log: the folder of an event store.
    #[arg(
        long,
        global = true,
        env = "GIROK_STORE",
        value_name = "FOLDER|URL",
        default_value = "data/events"
    )]
    pub(super) store: String,

    /// The database of the rows: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE.
    #[arg(
        long,
        global = true,
        env = "GIROK_READ_MODEL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "sqlite:data/read-model.db"
    )]
    pub(super) read_model: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Keeps the rows up with the log until it is told to stop. Several of them share the projections.
    Run {
        /// How long a projection stands still when the process that follows it dies, in milliseconds.
        #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u64).range(100..))]
        lease: u64,
    },
    /// Answers queries over HTTP, from rows that another process keeps up.
    Serve {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8089")]
        listen: SocketAddr,
    },
    /// Tells where all rows are, live, new and earlier; exits 1 when live ones cannot be relied upon.
    Status,
    /// Makes rows anew beside the live ones, compares them at the same position, and switches.
    #[command(after_help = "\
An interrupted replay goes on where it was when it is started again. Rows that differ are shown and
nothing is switched, until --accept. The rows before the switch are kept for `rollback`.

Examples:
  projections replay my_page --dry-run
  projections replay my_page
  projections replay my_page --as-of 2026-11-01T00:00:00Z")]
    Replay(Replay),
    /// Compares the live rows with a rebuild, changes nothing, and exits 1 when they differ.
    Verify {
        /// Which projection.
        projection: String,
    },
    /// Makes the rows before the last switch live again.
    Rollback {
        /// Which projection.
        projection: String,
    },
    /// Removes a copy of the past.
    Discard {
        /// Which projection.
        projection: String,
        /// The position that it shows.
        #[arg(long = "as-of", value_name = "POSITION")]
        position: u64,
    },
    /// Shows, retries or skips events that could not be applied.
    Parked {
        /// What to do.
        #[command(subcommand)]
        order: Order,
    },
    /// Tells which events, commands, policies and actors made a row.
    Explain {
        /// Which projection.
        projection: String,
        /// The id of the row.
        id: String,
    },
    /// Brings the tables to this program's version; every other command does so too.
    #[command(after_help = "\
After `event-store copy` the rows go along: the new log is compared with the old one, event by event as far
as the rows reach, and the rows go on from there. Stop whatever follows the old log first. Where positions
are others, as in a cluster, rows are made anew in an empty database instead.

Example:
  event-store copy --from data/events --to embedded:new/events
  projections migrate --store new/events --moved-from data/events")]
    Migrate {
        /// Gives the rows that were made from this store to the one of --store, which is a copy of it.
        #[arg(long, value_name = "FOLDER|URL")]
        moved_from: Option<String>,
    },
    /// Reads every stored event with every projection of this program; exits 1 when one cannot be.
    Check,
    /// Prints a script that completes this command line.
    Completions {
        /// Of which shell.
        shell: Shell,
    },
}

#[derive(Args)]
pub(super) struct Replay {
    /// Which projection.
    pub(super) projection: String,
    /// Says what it would do, and does nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Switches although rows differ.
    #[arg(long)]
    pub(super) accept: bool,
    /// Makes a copy as of a position, or of a time (2026-11-01T00:00:00Z), under a name of its own.
    #[arg(long, value_name = "TIME|POSITION", conflicts_with = "accept")]
    pub(super) as_of: Option<String>,
    /// How many events are brought in at once: fewer hold the database for less time each.
    #[arg(long, value_name = "EVENTS", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(super) batch: u32,
}

#[derive(Subcommand)]
pub(super) enum Order {
    /// Shows what is parked; exits 1 when anything is.
    List,
    /// Tries again, with everything that waits behind it.
    Retry {
        /// Which projection.
        projection: String,
        /// The id of the row.
        id: String,
    },
    /// Leaves out the event that cannot be applied, says which, and goes on with what waits.
    Skip {
        /// Which projection.
        projection: String,
        /// The id of the row.
        id: String,
    },
}
