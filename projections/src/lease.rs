//! Several processes share the projections of one database: each works on some partitions of each, and
//! those of one that is gone are taken over within seconds (G3).
//!
//! A lease says who should work. It is the transaction of the rows that makes sure: it moves the
//! checkpoint of each partition from where this worker left it, under the token of its lease, or writes
//! nothing. So a process that was paused and wakes up with an old lease changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_store::EventStore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::checkpoint;
use crate::database::{self, Database};
use crate::membership::{Held, Membership};
use crate::projection::Projection;
use crate::step_error::StepError;
use crate::system::System;
use crate::worker::Worker;

/// The token of each partition that a process may work on.
pub(crate) type Tokens = BTreeMap<u8, i64>;

/// How long a round of leases may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a process takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// Its name, unlike that of any other process.
    pub holder: String,
    /// How long a lease lasts that nobody renews: how long partitions stand still when the process that
    /// works on them dies.
    pub lease: Duration,
}

/// Follows the log for its share of every projection of the system, until the token fires.
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
            membership: Membership::new(&*projection, &sharing),
            projection,
            pause: sharing.lease / 4,
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
    membership: Membership,
    /// How long after a round of leases the next one is due.
    pause: Duration,
    shutdown: CancellationToken,
}

/// A worker, and the leases that it works under.
struct Working {
    leases: Tokens,
    stop: CancellationToken,
    task: JoinHandle<Result<(), StepError>>,
}

impl Member {
    async fn take_part(self) {
        let name = self.projection.name();
        let mut working = None;
        while !self.shutdown.is_cancelled() {
            match self.round(&mut working).await {
                Ok(()) => {}
                // Without an answer leases may end; what is written meanwhile is fenced anyway.
                Err(error) if error.is_passing() => {
                    tracing::warn!(projection = name, %error, "leases could not be renewed");
                }
                // Another version's rows, for instance, until somebody switches.
                Err(error) => {
                    tracing::warn!(projection = name, %error, "cannot follow the log yet");
                    self.leave(&mut working).await;
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(self.pause) => {}
            }
        }
        self.leave(&mut working).await;
    }

    /// Renews the leases, takes or gives up some, and works under those that are held then.
    async fn round(&self, working: &mut Option<Working>) -> Result<(), StepError> {
        if working.as_ref().is_some_and(|working| working.task.is_finished()) {
            match Self::end(working).await {
                Err(error) if !matches!(error, StepError::LeaseLost(_)) => return Err(error),
                _ => {}
            }
        }
        let Held { mut leases, surplus } = database::within(PATIENCE, async {
            self.may_work().await?;
            Ok::<_, StepError>(self.membership.renew(&self.database).await?)
        })
        .await?;
        if surplus.is_empty() && working.as_ref().is_some_and(|working| working.leases == leases) {
            return Ok(());
        }
        // Only what nobody works on is given up.
        if let Err(error) = Self::end(working).await {
            tracing::info!(projection = self.projection.name(), %error, "a worker ended early");
        }
        if !surplus.is_empty() {
            database::within(PATIENCE, self.membership.give_up(&self.database, &surplus)).await?;
            leases.retain(|partition, _| !surplus.contains(partition));
        }
        if !leases.is_empty() {
            *working = Some(self.begin(leases).await?);
        }
        Ok(())
    }

    /// Whether the rows are of this program and this log: whoever cannot follow must not hold a lease.
    async fn may_work(&self) -> Result<(), StepError> {
        let mut connection = self.database.readers().acquire().await?;
        let found = checkpoint::find(&mut connection, self.projection.name()).await?;
        connection.rest();
        found.map_or(Ok(()), |found| found.of(&*self.projection, &*self.store).map(drop))?;
        Ok(())
    }

    async fn begin(&self, leases: Tokens) -> Result<Working, StepError> {
        let (store, database) = (Arc::clone(&self.store), self.database.clone());
        let held = Some(leases.clone());
        let worker = Worker::open_leased(store, database, Arc::clone(&self.projection), held).await?;
        tracing::info!(projection = self.projection.name(), ?leases, "follows the log");
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Ok(Working { leases, stop, task })
    }

    /// Ends the worker, if there is one; why it had ended by itself, if it had.
    async fn end(working: &mut Option<Working>) -> Result<(), StepError> {
        let Some(Working { stop, task, .. }) = working.take() else { return Ok(()) };
        stop.cancel();
        match task.await {
            Ok(ended) => ended,
            Err(panic) => {
                tracing::error!(%panic, "a projection panicked");
                Ok(())
            }
        }
    }

    /// Lets others have everything at once, instead of after the leases have ended.
    async fn leave(&self, working: &mut Option<Working>) {
        let ended = Self::end(working).await;
        let left = database::within(PATIENCE, self.membership.leave(&self.database)).await;
        for error in [ended.err(), left.err().map(StepError::from)].into_iter().flatten() {
            tracing::info!(projection = self.projection.name(), %error, "left the rows to others");
        }
    }
}
