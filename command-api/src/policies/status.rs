use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use event_store::Position;
use serde::Serialize;

use super::ParkedReaction;

/// How a policy is doing.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// Its permanent name.
    pub name: &'static str,
    /// The context that carries out its commands.
    pub context: &'static str,
    /// Whether it is at work; it rests while its context is stopped.
    pub running: bool,
    /// Everything up to here is handled.
    pub position: Option<Position>,
    /// How many reactions are not done: waiting for a head start, under way, or behind another.
    pub open: usize,
    /// How many of them failed and are tried again.
    pub retrying: usize,
    /// The last failure, until nothing is tried again any more.
    pub last_failure: Option<String>,
    /// What failed for good.
    pub parked: Vec<ParkedReaction>,
    /// Why it does not run although it should.
    pub stopped: Option<String>,
}

/// The status as it changes.
#[derive(Default)]
pub(super) struct Status {
    status: Mutex<PolicyStatus>,
    retrying: AtomicUsize,
}

/// Counts one reaction as being tried again.
pub(super) struct Retrying(Arc<Status>);

impl Status {
    pub(super) fn update(&self, change: impl FnOnce(&mut PolicyStatus)) {
        change(&mut self.lock());
    }

    pub(super) fn fails(&self, reason: String) {
        self.lock().last_failure = Some(reason);
    }

    pub(super) fn retrying(self: &Arc<Self>) -> Retrying {
        self.retrying.fetch_add(1, Ordering::Relaxed);
        Retrying(Arc::clone(self))
    }

    pub(super) fn read(&self) -> PolicyStatus {
        let retrying = self.retrying.load(Ordering::Relaxed);
        let status = self.lock().clone();
        let last_failure = status.last_failure.filter(|_| retrying > 0);
        PolicyStatus { retrying, last_failure, ..status }
    }

    fn lock(&self) -> MutexGuard<'_, PolicyStatus> {
        self.status.lock().expect("no code panics while it holds the status")
    }
}

impl Drop for Retrying {
    fn drop(&mut self) {
        self.0.retrying.fetch_sub(1, Ordering::Relaxed);
    }
}
