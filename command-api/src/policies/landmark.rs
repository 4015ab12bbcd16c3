//! Events by which a place in the log is found again in a copy of it, where positions may be others.

use std::sync::Arc;

use event_store::{Direction, EventStore, Filter, Position, ReadError, RecordedEvent, StreamName};

use super::parked::Trigger;

/// The newest event of a system up to a position. What was kept about other systems is no business of its
/// policies, and might not be there for long.
pub(super) async fn up_to(
    store: &dyn EventStore,
    system: &str,
    position: Position,
) -> Result<Option<Trigger>, ReadError> {
    let filter = Filter { stream_prefixes: vec![format!("{system}.").into()], event_types: Vec::new() };
    // Backwards, the event at the position itself is left out: so from the one behind it.
    let behind = store.read_all(Some(position), Direction::Forwards, &filter, 1).await?;
    let mut before = behind.events.first().map(|event| event.position);
    loop {
        let newest = store.read_all(before, Direction::Backwards, &filter, 1).await?;
        match newest.events.first() {
            Some(event) if event.position > position => before = Some(event.position),
            event => return Ok(event.map(Trigger::of)),
        }
    }
}

/// The event itself, wherever it lies in this store; `None` when it is not there.
pub(super) async fn find(
    store: &dyn EventStore,
    trigger: &Trigger,
) -> Result<Option<RecordedEvent>, ReadError> {
    let Ok(stream) = StreamName::new(Arc::clone(&trigger.stream)) else { return Ok(None) };
    let there = store.read_stream(&stream, trigger.revision, Direction::Forwards, 1).await?;
    Ok(there.into_iter().next().filter(|event| event.id == trigger.event))
}
