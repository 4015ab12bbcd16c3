//! Several processes share the projections of one database: each projection is followed by one of
//! them at a time, and taken over within seconds when that one is gone (G3).
//!
//! A lease says who should work. It is the transaction of the rows that makes sure: it moves the
//! checkpoint from where this worker left it, under the token of its lease, or writes nothing. So a
//! process that was paused and wakes up with an old lease changes nothing.

use std::sync::Arc;
use std::time::Duration;

use event_store::EventStore;
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::Database;
use crate::projection::Projection;
use crate::system::System;
use crate::worker::{StepError, Worker};

/// How a process takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// Its name, unlike that of any other process.
    pub holder: String,
    /// How long a lease lasts that nobody renews: how long a projection stands still when the process
    /// that follows it dies.
    pub lease: Duration,
}

/// Follows the log for whatever projections of the system this process gets, until the token fires.
pub async fn share(
    store: Arc<dyn EventStore>,
    database: Database,
    system: &System,
    sharing: Sharing,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    for projection in system.projections() {
        let member = Member {
            store: Arc::clone(&store),
            database: database.clone(),
            projection,
            sharing: sharing.clone(),
            shutdown: shutdown.clone(),
        };
        tasks.spawn(member.take_part());
    }
    tasks.close();
    tasks.wait().await;
}

/// This process's part in one projection.
struct Member {
    store: Arc<dyn EventStore>,
    database: Database,
    projection: Arc<dyn Projection>,
    sharing: Sharing,
    shutdown: CancellationToken,
}

impl Member {
    async fn take_part(self) {
        let name = self.projection.name();
        while !self.shutdown.is_cancelled() {
            match self.acquire().await {
                Ok(Some(token)) => match self.follow(token).await {
                    Ok(()) => {}
                    // Another version's rows, for instance, until somebody switches.
                    Err(error) => tracing::warn!(projection = name, %error, "cannot follow the log yet"),
                },
                Ok(None) => {}
                Err(error) => tracing::warn!(projection = name, %error, "no lease can be had"),
            }
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(self.sharing.lease / 4) => {}
            }
        }
    }

    /// Works for as long as the lease can be kept.
    async fn follow(&self, token: i64) -> Result<(), StepError> {
        let (store, database) = (Arc::clone(&self.store), self.database.clone());
        let worker = Worker::open_leased(store, database, Arc::clone(&self.projection), Some(token)).await?;
        tracing::info!(projection = self.projection.name(), token, "follows the log");
        let stop = self.shutdown.child_token();
        let mut running = tokio::spawn(worker.run(stop.clone()));
        loop {
            tokio::select! {
                ended = &mut running => {
                    if let Err(panic) = ended {
                        tracing::error!(projection = self.projection.name(), %panic, "a projection panicked");
                    }
                    break;
                }
                () = tokio::time::sleep(self.sharing.lease / 3) => match self.acquire().await {
                    Ok(Some(same)) if same == token => {}
                    // Without an answer the lease may end; what is written meanwhile is fenced anyway.
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                    Ok(_) => stop.cancel(),
                }
            }
        }
        self.release(token).await?;
        Ok(())
    }

    /// Takes the lease, if it is free or this process's own already; its token.
    async fn acquire(&self) -> Result<Option<i64>, sqlx::Error> {
        let now = self.database.now();
        let statement = format!(
            "INSERT INTO leases (slot, holder, token, expires) VALUES ($1, $2, 1, {now} + $3)
             ON CONFLICT (slot) DO UPDATE SET holder = excluded.holder, expires = excluded.expires,
                 token = CASE WHEN leases.holder = excluded.holder THEN leases.token ELSE leases.token + 1 END
             WHERE leases.holder = excluded.holder OR leases.expires < {now}
             RETURNING token"
        );
        let milliseconds = i64::try_from(self.sharing.lease.as_millis()).unwrap_or(i64::MAX / 2);
        let mut transaction = self.database.begin().await?;
        let token = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(self.projection.name())
            .bind(&self.sharing.holder)
            .bind(milliseconds)
            .fetch_optional(transaction.connection())
            .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Gives it back, so that nobody waits for it to end.
    async fn release(&self, token: i64) -> Result<(), sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let statement = "UPDATE leases SET expires = 0 WHERE slot = $1 AND token = $2";
        let release = sqlx::query(statement).bind(self.projection.name()).bind(token);
        release.execute(transaction.connection()).await?;
        transaction.commit().await
    }
}
