//! The connections that write: opened when they are first needed, and again whenever that is necessary.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::{Pool, PoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::within;

/// How long a connection may take to come to rest before it is cut off.
const REST: Duration = Duration::from_secs(5);

/// How connections are treated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) size: u32,
    pub(super) acquire: Duration,
    /// Whether a connection may have died unnoticed.
    pub(super) remote: bool,
}

impl Limits {
    pub(super) fn file(size: u32) -> Self {
        Self { size, acquire: Duration::from_secs(10), remote: false }
    }

    pub(super) fn server(size: u32, acquire: Duration) -> Self {
        Self { size, acquire, remote: true }
    }
}

/// How to connect.
pub(super) fn options<O: ConnectOptions>(url: &str) -> Result<O, sqlx::Error> {
    // A statement is logged with its text, and ours are long: the worker logs what it does instead.
    Ok(O::from_str(url)?.disable_statement_logging())
}

/// Connections that are told this when they are opened.
pub(super) fn pool<DB: sqlx::Database>(
    options: <DB::Connection as Connection>::Options,
    greeting: &str,
    limits: Limits,
) -> Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let greeting: Arc<str> = greeting.into();
    let lifetime = limits.remote.then_some(Duration::from_secs(1800));
    let mut pool = PoolOptions::<DB>::new()
        .max_connections(limits.size)
        .acquire_timeout(limits.acquire)
        .idle_timeout(lifetime)
        .max_lifetime(lifetime)
        .test_before_acquire(limits.remote)
        .after_connect(move |connection, _| {
            let greeting = Arc::clone(&greeting);
            Box::pin(async move { connection.execute(AssertSqlSafe(greeting)).await.map(drop) })
        })
        // SQLite takes back by itself what no longer fits on the disk, and the driver, which then fails to
        // do so again, believes for ever that the transaction goes on.
        .before_acquire(|connection, _| Box::pin(ready(Ok(!connection.is_in_transaction()))));
    if limits.remote {
        // One that was given up on may never answer, and would otherwise be waited for for ever.
        pool = pool.after_release(|connection, _| {
            Box::pin(within(REST, async { connection.ping().await.map(|()| true) }))
        });
    }
    pool.connect_lazy_with(options)
}
