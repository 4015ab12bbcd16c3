//! What an operator does about parked keys.

use std::sync::Arc;

use event_store::{Direction, EventStore, Filter, Position, ReadError, RecordedEvent};
use serde::Serialize;

use crate::checkpoint;
use crate::database::Database;
use crate::healed;
use crate::parked::{self, Parked};
use crate::projection::Projection;
use crate::step_error::StepError;
use crate::target::Target;

/// What became of a key that was parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Healed {
    /// The events that are left out of the row for good.
    pub skipped: Vec<Skipped>,
    /// How many events were applied to the row.
    pub applied: usize,
    /// How many still wait; 0 is healed.
    pub waiting: usize,
    /// What is still wrong, where anything is.
    pub reason: Option<String>,
}

/// An event that a row does without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Its place.
    pub position: Position,
    /// Its stream.
    pub stream: String,
    /// Its number there.
    pub revision: u64,
    /// Its name.
    pub event_type: String,
    /// Its JSON, as far as it is text.
    pub data: String,
}

/// Whether the event that could not be applied is tried again or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Tried again, with everything behind it.
    Retry,
    /// Left out; what waits behind it is tried.
    Skip,
}

/// Everything that is parked in a database.
///
/// # Errors
/// When the database does not answer.
pub async fn parked(database: &Database) -> Result<Vec<Parked>, sqlx::Error> {
    let mut connection = database.readers().acquire().await?;
    let parked = parked::list(&mut connection).await?;
    connection.rest();
    Ok(parked)
}

/// Retries or skips what is parked under a key of a projection, in one transaction. `None` when
/// nothing is.
///
/// # Errors
/// [`StepError::Store`] and [`StepError::Database`]; nothing was done then.
pub async fn heal(
    store: &Arc<dyn EventStore>,
    database: &Database,
    projection: &dyn Projection,
    id: &str,
    order: Order,
) -> Result<Option<Healed>, StepError> {
    let target = Target::live(projection);
    let mut transaction = database.begin().await?;
    // The workers wait meanwhile, and look at what is parked when they go on.
    let held = checkpoint::hold(&mut transaction, &target.name).await?;
    let positions = parked::positions(transaction.connection(), &target.name, id).await?;
    if positions.is_empty() {
        return Ok(None);
    }
    let mut events = Vec::with_capacity(positions.len());
    for position in positions {
        events.push(event_at(&**store, position).await.map_err(StepError::Store)?);
    }
    let skipped: Vec<RecordedEvent> = match order {
        Order::Retry => Vec::new(),
        Order::Skip => events.drain(..1).collect(),
    };
    parked::skip(&mut transaction, projection.name(), &skipped).await?;
    let poison = |event: &RecordedEvent| projection.prepare(std::slice::from_ref(event)).err();
    let good = events.iter().position(|event| poison(event).is_some()).unwrap_or(events.len());
    projection.prepare(&events[..good])?.apply(&mut transaction.about(&target.table)).await?;
    for event in skipped.iter().chain(&events[..good]) {
        parked::remove(&mut transaction, &target.name, id, Some(event.position)).await?;
    }
    let reason = events.get(good).and_then(poison).map(|poison| poison.reason);
    if let Some(event) = events.get(good) {
        // It only waited, perhaps; now it is what the others wait for.
        parked::remove(&mut transaction, &target.name, id, Some(event.position)).await?;
        parked::add(&mut transaction.bulk(), &target.name, &[(event.clone(), reason.clone())]).await?;
    }
    healed::note(&mut transaction, projection.name(), id, held.and_then(|held| held.position())).await?;
    transaction.commit().await?;
    let skipped = skipped.iter().map(Skipped::from).collect();
    Ok(Some(Healed { skipped, applied: good, waiting: events.len() - good, reason }))
}

impl From<&RecordedEvent> for Skipped {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            position: event.position,
            stream: event.stream.to_string(),
            revision: event.revision,
            event_type: event.event_type.to_string(),
            data: String::from_utf8_lossy(&event.data).into_owned(),
        }
    }
}

async fn event_at(store: &dyn EventStore, position: Position) -> Result<RecordedEvent, ReadError> {
    let before = position.0.checked_sub(1).map(Position);
    let batch = store.read_all(before, Direction::Forwards, &Filter::all(), 1).await?;
    let gone =
        || ReadError::Unavailable(format!("the event at position {position} is not in the log any more"));
    batch.events.into_iter().next().ok_or_else(gone)
}
