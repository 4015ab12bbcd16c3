use std::sync::Arc;

use event_store::Position;
use serde::Serialize;
use tokio::sync::watch;

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
    /// The first event whose reaction is not done; its position goes no further.
    pub oldest: Option<Oldest>,
    /// How many of them failed and are tried again.
    pub retrying: usize,
    /// The last failure, until nothing is tried again any more.
    pub last_failure: Option<String>,
    /// What failed for good.
    pub parked: Vec<ParkedReaction>,
    /// Why it does not run although it should.
    pub stopped: Option<String>,
}

/// What a policy has not done for longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Oldest {
    /// The position of the event.
    pub position: Position,
    /// The request that it belongs to.
    pub key: String,
    /// When it happened, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// The status as it changes.
#[derive(Default)]
pub(super) struct Status(watch::Sender<PolicyStatus>);

/// Counts one reaction as being tried again.
pub(super) struct Retrying(Arc<Status>);

impl Status {
    pub(super) fn update(&self, change: impl FnOnce(&mut PolicyStatus)) {
        self.0.send_modify(change);
    }

    pub(super) fn fails(&self, reason: String) {
        self.update(|status| status.last_failure = Some(reason));
    }

    pub(super) fn retrying(self: &Arc<Self>) -> Retrying {
        self.update(|status| status.retrying += 1);
        Retrying(Arc::clone(self))
    }

    pub(super) fn watch(&self) -> watch::Receiver<PolicyStatus> {
        self.0.subscribe()
    }
}

impl Drop for Retrying {
    fn drop(&mut self) {
        self.0.update(|status| {
            status.retrying -= 1;
            if status.retrying == 0 {
                status.last_failure = None;
            }
        });
    }
}
