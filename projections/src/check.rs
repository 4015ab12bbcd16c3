//! Whether this program can read everything that was ever written, before it is let at it.

use event_store::{EventStore, ReadError, RecordedEvent};
use serde::Serialize;

use crate::system::System;

/// How many of the events that cannot be read are named.
const NAMED: usize = 20;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// How many events were read.
    pub events: u64,
    /// How many cannot be read by some projection.
    pub unreadable: u64,
    /// The first of them: which projection, and what is wrong.
    pub named: Vec<String>,
}

/// Reads every event of the log with every projection of a system.
///
/// # Errors
/// When the log cannot be read.
pub async fn check(store: &dyn EventStore, system: &System) -> Result<Checked, ReadError> {
    let head = store.head().await?;
    let mut checked = Checked::default();
    for projection in system.projections() {
        let mut subscription = store.subscribe(None, projection.filter()).await?;
        let mut through = None;
        let mut events = 0;
        while through < head {
            let batch = subscription.next().await?;
            through = batch.through.max(through);
            events += batch.events.len() as u64;
            if projection.prepare(&batch.events).is_ok() {
                continue;
            }
            let poison = |event: &RecordedEvent| projection.prepare(std::slice::from_ref(event)).err();
            for poison in batch.events.iter().filter_map(poison) {
                checked.unreadable += 1;
                if checked.named.len() < NAMED {
                    checked.named.push(format!("{}: {poison}", projection.name()));
                }
            }
        }
        checked.events = checked.events.max(events);
    }
    Ok(checked)
}
