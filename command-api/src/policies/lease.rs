//! The right to run a policy, where several processes could: one holds it, the others stand by.
//!
//! A lease is a note in the event store. It is renewed long before it ends; whoever does not renew it
//! loses it, and finds out when the next note is refused. Between two processes that both believe to
//! hold it, the expected revisions decide: of the lease, of the checkpoint, and of every aggregate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_store::{AppendError, EventStore, ReadError};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use uuid::Uuid;

use super::note::Note;
use super::pulse::Pulse;
use crate::execute::Clock;

/// How long a process that stands by waits at most before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The lease of one policy, held by this process.
pub(super) struct Lease {
    note: Note<LeaseTaken>,
    holder: Uuid,
    length: Duration,
    clock: Clock,
    validity: Validity,
}

#[derive(Clone, Serialize, Deserialize)]
struct LeaseTaken {
    holder: Uuid,
    /// Milliseconds since the Unix epoch. The clocks of the processes must agree to a fraction of
    /// the lease.
    until: u64,
}

/// Tells those at work whether they still may.
#[derive(Clone)]
pub(super) struct Validity {
    until: Arc<AtomicU64>,
    clock: Clock,
}

/// Why a lease was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Lease {
    /// Waits until nobody else holds the lease, and takes it.
    pub(super) async fn take(
        store: &dyn EventStore,
        system: &str,
        policy: &str,
        length: Duration,
        clock: &Clock,
        pulse: &Pulse,
    ) -> Result<Self, LeaseError> {
        let note = Note::load(store, [system, "lease", policy], "LeaseTaken").await?;
        let validity = Validity { until: Arc::default(), clock: Arc::clone(clock) };
        let mut lease = Self { note, holder: Uuid::new_v4(), length, clock: Arc::clone(clock), validity };
        loop {
            pulse.beat();
            let left = lease.note.latest.as_ref().map_or(0, |taken| taken.until.saturating_sub(clock()));
            if left == 0 {
                match lease.renew(store).await {
                    Err(AppendError::WrongRevision { .. }) => {}
                    taken => return Ok(taken.map(|()| lease)?),
                }
            } else {
                // It may be given back before it ends.
                sleep(Duration::from_millis(left).min(LOOK_AGAIN)).await;
            }
            lease.note.reload(store).await?;
        }
    }

    /// How often it has to be renewed.
    pub(super) fn renew_every(&self) -> Duration {
        self.length / 3
    }

    /// Holds it for another while.
    pub(super) async fn renew(&mut self, store: &dyn EventStore) -> Result<(), AppendError> {
        let until = (self.clock)() + self.length.as_millis() as u64;
        self.note.put(store, LeaseTaken { holder: self.holder, until }).await?;
        self.validity.until.store(until, Ordering::Release);
        Ok(())
    }

    /// Gives it back, so that nobody has to wait for its end.
    pub(super) async fn give_back(mut self, store: &dyn EventStore) -> Result<(), AppendError> {
        self.note.put(store, LeaseTaken { holder: self.holder, until: 0 }).await
    }

    /// Tells those at work whether they still may.
    pub(super) fn validity(&self) -> Validity {
        self.validity.clone()
    }
}

impl Validity {
    /// Of a policy that only this process can run.
    pub(super) fn for_ever(clock: &Clock) -> Self {
        Self { until: Arc::new(AtomicU64::new(u64::MAX)), clock: Arc::clone(clock) }
    }

    /// Waits as long as the lease is over and not renewed: a process that was stopped in the middle
    /// of its work must not go on before it knows whether it may.
    pub(super) async fn wait(&self) {
        while (self.clock)() >= self.until.load(Ordering::Acquire) {
            sleep(Duration::from_millis(20)).await;
        }
    }
}
