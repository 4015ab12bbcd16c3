//! The connections that answer questions.
//!
//! The pool of the driver asks a connection whether it is well whenever it is taken and whenever it comes
//! back, each time a round trip as long as most questions. Here the question itself finds out: only
//! a connection that came to the end of all it was asked is kept, and one that rested is tried first.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::is_away;
use super::pool::Limits;

/// After this time without a question the server may have gone and come back unnoticed.
const REST: Duration = Duration::from_millis(10);

/// How often a server that is away is looked for.
const RETRY: Duration = Duration::from_millis(50);

/// After this time a connection is no longer wanted: somebody on the way may have forgotten it.
const LIFETIME: Duration = Duration::from_secs(1800);

/// Up to so many connections, opened when they are first needed.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    options: Arc<AnyConnectOptions>,
    greeting: Arc<str>,
    limits: Limits,
    permits: Arc<Semaphore>,
    /// Those that nobody uses, the one that was used last at the end.
    resting: Arc<Mutex<Vec<Resting>>>,
}

#[derive(Debug)]
struct Resting {
    connection: AnyConnection,
    since: Instant,
}

impl Readers {
    pub(super) fn new(options: AnyConnectOptions, greeting: String, limits: Limits) -> Self {
        Self {
            options: Arc::new(options),
            greeting: greeting.into(),
            limits,
            permits: Arc::new(Semaphore::new(limits.size as usize)),
            resting: Arc::default(),
        }
    }

    /// A connection for several questions. It is closed when it is dropped; [`Reader::rest`] keeps it.
    pub(crate) async fn acquire(&self) -> Result<Reader, sqlx::Error> {
        let taken = tokio::time::timeout(self.limits.acquire, self.take()).await;
        taken.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// The answer to one question.
    pub(crate) async fn fetch_all(
        &self,
        question: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let mut reader = self.acquire().await?;
        let rows = question.fetch_all(&mut *reader).await?;
        reader.rest();
        Ok(rows)
    }

    async fn take(&self) -> Result<Reader, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match self.rested().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Reader { connection, resting: Arc::clone(&self.resting), _permit: permit })
    }

    /// A new one. A server that starts, or has no room, is waited for as long as somebody is patient.
    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = loop {
            match self.options.connect().await {
                Err(error) if self.limits.remote && is_away(&error) => tokio::time::sleep(RETRY).await,
                connected => break connected?,
            }
        };
        connection.execute(AssertSqlSafe(Arc::clone(&self.greeting))).await?;
        Ok(connection)
    }

    /// One that was used before and is well.
    async fn rested(&self) -> Option<AnyConnection> {
        loop {
            let Resting { mut connection, since } = lock(&self.resting).pop()?;
            let rested = since.elapsed();
            if !self.limits.remote || rested < REST {
                return Some(connection);
            }
            if rested < LIFETIME && connection.ping().await.is_ok() {
                return Some(connection);
            }
        }
    }
}

/// A connection, for as long as somebody uses it.
pub(crate) struct Reader {
    connection: AnyConnection,
    resting: Arc<Mutex<Vec<Resting>>>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// Everything that it was asked has been answered: it is there for the next one.
    pub(crate) fn rest(self) {
        let Self { connection, resting, _permit } = self;
        lock(&resting).push(Resting { connection, since: Instant::now() });
    }
}

impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

fn lock(resting: &Mutex<Vec<Resting>>) -> MutexGuard<'_, Vec<Resting>> {
    resting.lock().expect("no code panics while it takes or leaves a connection")
}
