//! The only file that knows which database it is.
//!
//! Everything else says the SQL that SQLite and Postgres share: `$1` parameters, `ON CONFLICT`,
//! `->>` on JSON. Where the two differ, a statement says `{rows}` or `{keys}` and this file fills
//! it in.

use std::str::FromStr;
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, AssertSqlSafe, ConnectOptions, Executor, SqlSafeStr};
use tempfile::TempDir;

/// The changes of the tables, oldest first; run when a database is opened.
const MIGRATIONS: [(&str, &str); 2] = [
    ("read side", include_str!("../migrations/0001_read_side.sql")),
    ("elearning my page", include_str!("../migrations/0002_elearning_my_page.sql")),
];

/// How many queries read at the same time.
const READERS: u32 = 4;

/// What every connection is told. The log is the truth and the checkpoint is in the same
/// transaction as the rows, so a power cut may take back the last commits, never part of one: no
/// sync per commit is needed. The write-ahead log is folded back every 40 MB instead of every 4:
/// with random keys that folding costs more than all the rest.
const EVERY_CONNECTION: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 10000; PRAGMA temp_store = MEMORY; \
    PRAGMA cache_size = -32000;";

/// `{rows}`. The LIMIT keeps SQLite from merging this into the statement, where every column would
/// render and parse the element again; that doubles the cost of a row.
const ROWS: &str = "(SELECT jsonb(value) AS value FROM json_each($1) LIMIT -1) AS r";

/// `{keys}`.
const KEYS: &str = "SELECT value FROM json_each($1)";

/// The database of the read models: one connection writes, several read beside it. Clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    writer: AnyPool,
    readers: AnyPool,
    /// The folder of a database that goes when the last clone goes.
    _temporary: Option<Arc<TempDir>>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that this program knows.
    #[error("`{0}` is not a database: say `sqlite:<path>` or `sqlite::memory:`")]
    Unknown(String),
    /// There is no place for a temporary database.
    #[error("no temporary database: {0}")]
    Temporary(#[from] std::io::Error),
    /// The database does not answer, or the file is not one.
    #[error("the database cannot be opened: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// Its tables are not those of this program or cannot be brought to its version.
    #[error("the tables cannot be brought to this program's version: {0}")]
    Migrate(#[from] MigrateError),
}

impl Database {
    /// Opens, and creates or migrates when needed: `sqlite:<path>` is a file, `sqlite::memory:` a
    /// database that is gone when the last clone is dropped.
    ///
    /// # Errors
    /// Every [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(install_default_drivers);

        let Some(path) = url.strip_prefix("sqlite:") else { return Err(OpenError::Unknown(url.to_owned())) };
        // Several connections cannot share a database in memory and still read while one writes.
        let (path, temporary) = match path {
            ":memory:" => {
                let folder = tempfile::tempdir()?;
                (format!("{}", folder.path().join("read.db").display()), Some(Arc::new(folder)))
            }
            "" | "//" => return Err(OpenError::Unknown(url.to_owned())),
            path => (path.trim_start_matches("//").to_owned(), None),
        };
        let writer = pool(&path, "rwc", EVERY_CONNECTION.to_owned(), 1).await?;
        let mut migrations = Migrator::with_migrations(migrations());
        // Its lock is a Postgres notion; here the one writing connection is the lock.
        migrations.set_locking(false).run(&writer).await?;
        let readers =
            pool(&path, "rw", format!("{EVERY_CONNECTION} PRAGMA query_only = ON;"), READERS).await?;
        Ok(Self { writer, readers, _temporary: temporary })
    }

    /// Where queries go.
    pub(crate) fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// Begins to write. It waits until whoever is writing has finished; dropped without a commit,
    /// nothing happened.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        // IMMEDIATE: what is read in the transaction cannot change before it writes.
        Ok(Transaction(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }
}

/// A write that happens as a whole or not at all.
pub struct Transaction(sqlx::Transaction<'static, Any>);

impl Transaction {
    /// Runs a statement over many rows at once. `{rows}` stands for a table `r` with one column
    /// `value`: the elements of this JSON array, each an array itself.
    ///
    /// # Errors
    /// When the database does not answer or does not take it.
    pub async fn write(&mut self, statement: &str, rows: String) -> Result<(), sqlx::Error> {
        let statement = AssertSqlSafe(statement.replace("{rows}", ROWS));
        sqlx::query(statement).bind(rows).execute(&mut *self.0).await.map(drop)
    }

    /// Reads by many keys at once. `{keys}` stands for a list of the elements of this JSON array of
    /// texts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&mut self, statement: &str, keys: String) -> Result<Vec<AnyRow>, sqlx::Error> {
        let statement = AssertSqlSafe(statement.replace("{keys}", KEYS));
        sqlx::query(statement).bind(keys).fetch_all(&mut *self.0).await
    }

    /// For the statements about one row.
    pub fn connection(&mut self) -> &mut sqlx::AnyConnection {
        &mut self.0
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.0.commit().await
    }
}

async fn pool(path: &str, mode: &str, pragmas: String, size: u32) -> Result<AnyPool, sqlx::Error> {
    let url =
        format!("sqlite:{}?mode={mode}", path.replace('%', "%25").replace('?', "%3F").replace('#', "%23"));
    // A statement is logged with its text, and ours are long: the worker logs what it does instead.
    let options = AnyConnectOptions::from_str(&url)?.disable_statement_logging();
    let pragmas: Arc<str> = pragmas.into();
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let pragmas = Arc::clone(&pragmas);
            Box::pin(async move { connection.execute(AssertSqlSafe(pragmas)).await.map(drop) })
        })
        .connect_with(options)
        .await
}

fn migrations() -> Vec<Migration> {
    let numbered = (1..).zip(MIGRATIONS);
    let migration = |(number, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    numbered.map(migration).collect()
}
