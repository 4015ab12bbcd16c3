//! What is particular to SQLite.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use sqlx::AnyPool;
use tempfile::TempDir;

use super::pool::{Limits, options, pool};
use super::{Dialect, OpenError, Readers, Whole, migrator};

/// How many queries read at the same time.
const READERS: u32 = 4;

/// What every connection is told. The log is the truth and the checkpoint is in the same
/// transaction as the rows, so a power cut may take back the last commits, never part of one: no
/// sync per commit is needed.
const EVERY_CONNECTION: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;";

/// The memory of the connection that writes is that of the pages where rows are added, 16 MB at most. Where
/// a million rows have owners at random, half of that makes a row a tenth dearer and twice as much a tenth cheaper.
///
/// It folds the write-ahead log back every megabyte. While that is synced, the event store on the same disk waits
/// with its own syncs: the slowest of a hundred applications, one after the other, takes 4.5 ms. At 4 MB, as SQLite
/// does it by itself, it takes 13 ms, and neither rows nor replays are cheaper; at 40 MB a tenth of a second.
const WRITER: &str = "PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 250;";

/// Whatever a reader remembers is void with every commit, so little more than the upper pages of the
/// indexes is worth it: 4 MB at most for each.
const READER: &str = "PRAGMA cache_size = -4000; PRAGMA query_only = ON;";

/// `jsonb_each` hands each element out as it was parsed, where `json_each` would render it as a text
/// that every column parses again. IMMEDIATE: what is read in the transaction cannot change before it
/// writes, held or not.
pub(super) const DIALECT: Dialect = Dialect {
    name: "SQLite",
    rows: "jsonb_each($1) AS r",
    whole: Whole {
        rows: "jsonb_each($1) AS r",
        column: |at, _, kind| match kind.starts_with("BIGINT") {
            true => format!("CAST(r.value ->> {at} AS BIGINT)"),
            false => format!("r.value ->> {at}"),
        },
        encode: |json| Cow::Borrowed(json),
    },
    in_keys: "IN (SELECT value FROM json_each($1))",
    array: ("json_array(", ")"),
    held: "",
    begin: "BEGIN IMMEDIATE",
    columns: "SELECT name FROM pragma_table_info($1) ORDER BY cid",
    indexes: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = $1",
    now: "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)",
    key_text: "TEXT",
    patient: "SELECT 1",
};

/// The one that writes, those that read, and the folder of a temporary database.
pub(super) async fn open(path: &str) -> Result<(AnyPool, Readers, Option<Arc<TempDir>>), OpenError> {
    // Several connections cannot share a database in memory and still read while one writes.
    let (path, temporary) = match path {
        ":memory:" => {
            let folder = tempfile::tempdir()?;
            (format!("{}", folder.path().join("read.db").display()), Some(Arc::new(folder)))
        }
        path => (path.trim_start_matches("//").to_owned(), None),
    };
    let writer: AnyPool =
        pool(options(&url(&path, "rwc"))?, &format!("{EVERY_CONNECTION} {WRITER}"), Limits::file(1));
    // Whoever else opens this file at the moment waits here, and then finds everything done.
    let mut transaction = writer.begin_with(DIALECT.begin).await?;
    migrator(&DIALECT).set_locking(false).run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    let greeting = format!("{EVERY_CONNECTION} {READER}");
    let readers = Readers::new(options(&url(&path, "rw"))?, greeting, Limits::file(READERS));
    Ok((writer, readers, temporary))
}

pub(super) fn url(path: &str, mode: &str) -> String {
    format!("sqlite:{}?mode={mode}", path.replace('%', "%25").replace('?', "%3F").replace('#', "%23"))
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Temporary(error)
    }
}
