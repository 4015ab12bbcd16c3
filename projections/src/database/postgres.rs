//! What is particular to Postgres.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::{AnyPool, PgPool};

use super::pool::{Limits, options, pool};
use super::rows::{RECORDS, write};
use super::{Dialect, OpenError, Readers, Whole};

/// How many projections write, and how many queries read, at the same time.
const WRITERS: u32 = 4;
const READERS: u32 = 8;

/// How long a connection to write may take to be had, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A writer that was paused inside a transaction would hold the checkpoint for ever: after five
/// seconds the server ends it. A statement that takes longer than thirty has lost its way. Rows are found by
/// their keys: plans are kept, and one made for a table that has just begun would read all of it for ever after.
const WRITER: &str = "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '30s'; \
    SET enable_seqscan = off; SET application_name = 'girok-projections'";

/// Its commits do not wait for the disk: whatever is synced later brings them along.
const LOADER: &str = "SET synchronous_commit = off";

/// A page that takes longer is of no use to whoever waits for it.
const READER: &str = "SET default_transaction_read_only = on; SET statement_timeout = '5s'; \
    SET application_name = 'girok-queries'";

/// Keys are compared byte by byte, as SQLite does, whatever language the database was made for. A whole row
/// is a record of the table's own type: its columns are in the order of the table.
pub(super) const DIALECT: Dialect = Dialect {
    name: "Postgres",
    rows: "jsonb_array_elements($1::jsonb) AS r(value)",
    whole: Whole {
        rows: "unnest($1::{table}[]) AS r",
        column: |_, name, _| format!("r.{name}"),
        encode: |json| Cow::Owned(write(json, &RECORDS)),
    },
    in_keys: "= ANY(ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
    array: ("json_build_array(", ")::text"),
    held: "FOR UPDATE",
    begin: "BEGIN",
    columns: "SELECT column_name::text FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
    indexes: "SELECT COUNT(*) - 1 FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1",
    now: "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    key_text: "TEXT COLLATE \"C\"",
    patient: "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
        SET LOCAL enable_seqscan = on",
};

/// Those that write, the one that copies rows into a table, and those that read. The server need not be there yet.
pub(super) fn open(url: &str) -> Result<(AnyPool, PgPool, Readers), OpenError> {
    let writer = pool(options(url)?, WRITER, Limits::server(WRITERS, PATIENCE));
    let loader = pool(options(url)?, &format!("{WRITER}; {LOADER}"), Limits::server(1, PATIENCE));
    let limits = Limits::server(READERS, Duration::from_secs(2));
    let readers = Readers::new(options(url)?, READER.to_owned(), limits);
    Ok((writer, loader, readers))
}
