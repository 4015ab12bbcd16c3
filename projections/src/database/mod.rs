//! The only folder that knows which database it is.
//!
//! Everything else says the SQL that SQLite and Postgres share: `$1` parameters, `ON CONFLICT`,
//! `->>` on JSON. Where the two differ, a statement says `{rows}`, `{whole}` or `{in_keys}` and the [`Dialect`]
//! fills it in.

mod bulk;
mod load;
mod pool;
mod postgres;
mod readers;
mod rows;
mod sqlite;
mod transaction;

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::install_default_drivers;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, PgPool, SqlSafeStr};
use tempfile::TempDir;

pub use bulk::Bulk;
pub(crate) use load::Load;
pub(crate) use readers::Readers;
pub(crate) use transaction::Transaction;

/// The changes of the tables, oldest first; run when a database is opened.
const MIGRATIONS: [(&str, &str); 7] = [
    ("read side", include_str!("../../migrations/0001_read_side.sql")),
    ("elearning my page", include_str!("../../migrations/0002_elearning_my_page.sql")),
    ("operations", include_str!("../../migrations/0003_operations.sql")),
    ("skipped", include_str!("../../migrations/0004_skipped.sql")),
    ("applied", include_str!("../../migrations/0005_applied.sql")),
    ("partitions", include_str!("../../migrations/0006_partitions.sql")),
    ("healed", include_str!("../../migrations/0007_healed.sql")),
];

/// The database of the read models: a few connections write (in SQLite one), several read beside
/// them. Clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    writer: AnyPool,
    /// Where rows can be copied into a table: the connection that does.
    loader: Option<PgPool>,
    readers: Readers,
    dialect: &'static Dialect,
    /// The folder of a database that goes when the last clone goes.
    _temporary: Option<Arc<TempDir>>,
}

/// What the two databases say differently.
#[derive(Debug)]
struct Dialect {
    name: &'static str,
    rows: &'static str,
    /// Says that a column is one of many keys.
    in_keys: &'static str,
    whole: Whole,
    /// Makes a JSON array out of a list of columns: what is before and what is behind it.
    array: (&'static str, &'static str),
    /// What keeps the rows of a SELECT from others until the transaction ends.
    held: &'static str,
    begin: &'static str,
    /// The columns of a table, by its name.
    columns: &'static str,
    /// How many indexes of ours a table has.
    indexes: &'static str,
    /// Its clock, in milliseconds since the Unix epoch.
    now: &'static str,
    /// The type of a text that is sorted by.
    key_text: &'static str,
    /// Lets one transaction take its time, and read tables as a whole.
    patient: &'static str,
}

/// Rows with all columns of a table, on their way into it.
#[derive(Debug)]
struct Whole {
    /// A table `r` of what was encoded.
    rows: &'static str,
    /// A column of it, by its place, its name and its type.
    column: fn(usize, &str, &str) -> String,
    /// Makes a text for the database of the JSON of the rows, in which no NUL is.
    encode: fn(&str) -> Cow<'_, str>,
}

/// How long a question may wait for its answer, longer than any limit of the database's own.
pub(crate) const ANSWER: Duration = Duration::from_secs(7);

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that this program knows. What follows the scheme may be a secret.
    #[error(
        "`{0}` is not a database: say `sqlite:<path>`, `sqlite::memory:` or \
         `postgres://<user>:<password>@<host>/<database>`"
    )]
    Unknown(String),
    /// There is no place for a temporary database.
    #[error("no temporary database: {0}")]
    Temporary(std::io::Error),
    /// The database does not answer, or the file is not one.
    #[error("the database cannot be opened: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// Its tables are not those of this program or cannot be brought to its version.
    #[error("the tables cannot be brought to this program's version: {0}")]
    Migrate(MigrateError),
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_away(&error) => {
                Self::Unavailable(error)
            }
            other => Self::Migrate(other),
        }
    }
}

impl Database {
    /// Opens, and creates or migrates when needed: `sqlite:<path>` is a file, `sqlite::memory:` a
    /// database that is gone when the last clone is dropped, `postgres://…` a server's.
    ///
    /// # Errors
    /// Every [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        load_drivers();
        if is_postgres(url) {
            let server = Self::server(url)?;
            server.migrate().await?;
            return Ok(server);
        }
        match url.strip_prefix("sqlite:") {
            None | Some("" | "//") => {
                let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
                Err(OpenError::Unknown(scheme.to_owned()))
            }
            Some(path) => {
                let (writer, readers, temporary) = sqlite::open(path).await?;
                Ok(Self { writer, loader: None, readers, dialect: &sqlite::DIALECT, _temporary: temporary })
            }
        }
    }

    /// The same for a process that only reads: a server need not be there yet, and until it is every
    /// question is answered by an error. Its tables are left to whoever writes them.
    ///
    /// # Errors
    /// Every [`OpenError`]; of a server, only that the URL is none.
    pub async fn open_to_read(url: &str) -> Result<Self, OpenError> {
        if !is_postgres(url) {
            return Self::open(url).await;
        }
        Self::server(url)
    }

    fn server(url: &str) -> Result<Self, OpenError> {
        load_drivers();
        let (writer, loader, readers) = postgres::open(url)?;
        let loader = Some(loader);
        Ok(Self { writer, loader, readers, dialect: &postgres::DIALECT, _temporary: None })
    }

    /// The same when it answers at once, or is no server. A server that does not is opened all the same,
    /// and its tables are as they are: the flag says whether they are those of this program.
    pub(crate) async fn open_if_there(url: &str) -> Result<(Self, bool), OpenError> {
        let database = Self::open_to_read(url).await?;
        if is_postgres(url) {
            let there = match database.readers.acquire().await {
                Ok(reader) => {
                    reader.rest();
                    database.migrate().await
                }
                Err(error) => Err(OpenError::Unavailable(error)),
            };
            return match there {
                Ok(()) => Ok((database, true)),
                Err(OpenError::Unavailable(_)) => Ok((database, false)),
                Err(refused) => Err(refused),
            };
        }
        Ok((database, true))
    }

    /// Brings the tables of a server to this program's version. Of several processes one does so.
    pub(crate) async fn migrate(&self) -> Result<(), OpenError> {
        Ok(migrator(self.dialect).run(&self.writer).await?)
    }

    /// Its kind, for people.
    pub fn kind(&self) -> &'static str {
        self.dialect.name
    }

    /// Where queries go.
    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Begins to write; dropped without a commit, nothing happened. In SQLite it waits until
    /// whoever is writing has finished, in Postgres the checkpoint does.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction::new(self.writer.begin_with(self.dialect.begin).await?, self.dialect))
    }

    /// Begins to fill a table that nobody else knows.
    pub(crate) async fn begin_load(&self) -> Result<Load, sqlx::Error> {
        match &self.loader {
            Some(loader) => loader.begin().await.map(Load::Server),
            None => self.begin().await.map(Load::File),
        }
    }

    /// The names of the columns of a table; none when there is no such table.
    pub(crate) async fn columns(
        &self,
        transaction: &mut Transaction,
        table: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        let columns = sqlx::query_scalar(self.dialect.columns).bind(table);
        columns.fetch_all(transaction.connection()).await
    }

    /// How many indexes a table has beside its primary key.
    pub(crate) async fn count_indexes(
        &self,
        transaction: &mut Transaction,
        table: &str,
    ) -> Result<i64, sqlx::Error> {
        let count = sqlx::query_scalar(self.dialect.indexes).bind(table);
        count.fetch_one(transaction.connection()).await
    }

    /// What its clock says, in milliseconds since the Unix epoch, as an expression.
    pub(crate) fn now(&self) -> &'static str {
        self.dialect.now
    }

    /// These columns as one JSON array. Every column of a row is handed over on its own, at a cost.
    pub(crate) fn array(&self, columns: &str) -> String {
        self.dialect.array(columns)
    }

    /// A definition of columns in the words of this database.
    pub(crate) fn define(&self, columns: &str) -> String {
        self.dialect.define(columns)
    }
}

impl Dialect {
    fn array(&self, columns: &str) -> String {
        let (before, behind) = self.array;
        format!("{before}{columns}{behind}")
    }

    fn define(&self, sql: &str) -> String {
        sql.replace("TEXT", self.key_text)
    }
}

/// Gives up on a database that does not answer in time, whatever it was asked for.
pub(crate) async fn within<T, E: From<sqlx::Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = |_| {
        let silence = format!("the database has not answered for {} s", limit.as_secs());
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, silence)).into())
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(late)
}

/// Whether the database did not answer, or said that it cannot at the moment: it starts, stops, has too
/// many connections, or somebody is in the way.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            ["08", "40", "53", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class))
        }
        _ => false,
    }
}

/// Whether a write failed only because somebody else was in its way: a deadlock of Postgres, a failure
/// to serialize, a busy SQLite. Nothing was written, and the next try may succeed.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "40P01" | "40001" | "5" | "517"))
}

fn load_drivers() {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(install_default_drivers);
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Whether a URL names a database, without opening it.
#[cfg(any(test, fuzzing))]
pub(crate) fn is_understood(url: &str) -> bool {
    use sqlx::any::AnyConnectOptions;

    load_drivers();
    let file = url.strip_prefix("sqlite:").map(|path| sqlite::url(path.trim_start_matches("//"), "rw"));
    pool::options::<AnyConnectOptions>(file.as_deref().unwrap_or(url)).is_ok()
}

fn migrator(dialect: &Dialect) -> Migrator {
    let numbered = (1..).zip(MIGRATIONS);
    let migration = |(number, (name, sql)): (i64, (&'static str, &'static str))| {
        let sql = AssertSqlSafe(dialect.define(sql)).into_sql_str();
        Migration::new(number, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(numbered.map(migration).collect())
}
