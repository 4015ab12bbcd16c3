use std::borrow::Cow;
use std::collections::BTreeSet;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;

use event_store::RecordedEvent;
use tokio::task::spawn_blocking;

use crate::database::Bulk;
use crate::parked;
use crate::projection::{Change, Projection, Undecodable};

/// From how many events on a batch is read on a thread of its own: what else the runtime has to do would wait
/// for as long as that takes, a few microseconds for each.
const MANY: usize = 128;

/// A batch, taken apart: what can be applied, and what has to wait (G11).
pub(crate) struct Sorted {
    change: Box<dyn Change>,
    /// With the reason, where it is the event itself that cannot be applied.
    waiting: Vec<(RecordedEvent, Option<String>)>,
    /// The keys that wait, those of this batch included.
    pub(crate) parked: BTreeSet<String>,
}

impl Sorted {
    /// The same as [`new`](Self::new), and nobody waits for it but the caller.
    pub(crate) async fn aside(
        projection: &Arc<dyn Projection>,
        events: &Arc<Vec<RecordedEvent>>,
        parked: &BTreeSet<String>,
    ) -> Result<Self, Undecodable> {
        if events.len() < MANY {
            return Self::new(&**projection, events, parked);
        }
        let (projection, events, parked) = (Arc::clone(projection), Arc::clone(events), parked.clone());
        match spawn_blocking(move || Self::new(&*projection, &events, &parked)).await {
            Ok(sorted) => sorted,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and with it whoever waits here.
                Err(_) => pending().await,
            },
        }
    }

    /// Reads the events of a batch, of which the parked keys only wait.
    pub(crate) fn new(
        projection: &dyn Projection,
        events: &[RecordedEvent],
        parked: &BTreeSet<String>,
    ) -> Result<Self, Undecodable> {
        let mut parked = Cow::Borrowed(parked);
        if parked.is_empty()
            && let Ok(change) = projection.prepare(events)
        {
            return Ok(Self { change, waiting: Vec::new(), parked: parked.into_owned() });
        }
        // Rare, so it may cost: every event on its own, to know which.
        let (mut good, mut waiting) = (Vec::new(), Vec::new());
        for event in events {
            if parked.contains(parked::key(event)) {
                waiting.push((event.clone(), None));
            } else if let Err(poison) = projection.prepare(std::slice::from_ref(event)) {
                tracing::error!(projection = projection.name(), %poison, "a key is parked");
                parked.to_mut().insert(parked::key(event).to_owned());
                waiting.push((event.clone(), Some(poison.reason)));
            } else {
                good.push(event.clone());
            }
        }
        Ok(Self { change: projection.prepare(&good)?, waiting, parked: parked.into_owned() })
    }

    /// Writes the rows of what can be applied, and parks the rest under this name.
    pub(crate) async fn apply(&self, bulk: &mut Bulk<'_>, name: &str) -> Result<(), sqlx::Error> {
        self.change.apply(bulk).await?;
        parked::add(bulk, name, &self.waiting).await
    }
}
