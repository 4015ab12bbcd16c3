//! Rows that go along with a log to another store.

use std::future::ready;
use std::pin::pin;

use event_store::{EventStore, Filter, Position, ReadError, RecordedEvent};
use futures::future::try_join;
use futures::{Stream, TryStreamExt, stream};
use serde::Serialize;
use uuid::Uuid;

use crate::checkpoint::{self, Checkpoint, end};
use crate::database::Database;

/// A set of rows that belongs to the new store now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Adopted {
    /// Its name: that of the projection, and behind a `~` what it is instead of live.
    pub name: String,
    /// The position that it goes on behind, in both logs.
    pub position: Option<Position>,
}

/// Why rows stay with the store that they were made from.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// They were made from a third store.
    #[error(
        "the rows of {name} were made from the event store {of}, and the old one is {old}: name the store that \
         they were made from"
    )]
    Foreign {
        /// Which rows.
        name: String,
        /// The store of the rows.
        of: Uuid,
        /// The store that is said to be it.
        old: Uuid,
    },
    /// The old log does not hold all that is in them.
    #[error("the rows reach position {at}, and the old event store ends at {}: was it restored from an older copy?", end(*.head))]
    OldEnds {
        /// How far the rows reach.
        at: Position,
        /// The last position of the old log.
        head: Option<Position>,
    },
    /// The new log does not hold all that is in them.
    #[error("the rows reach position {at}, and the new event store ends at {}: copy what is missing first", end(*.head))]
    NewEnds {
        /// How far the rows reach.
        at: Position,
        /// The last position of the new log.
        head: Option<Position>,
    },
    /// Rows, parked keys and skipped events name positions, which would be those of other events.
    #[error(
        "the new event store has another event at position {at} than the old one, or none: either it is no copy \
         of it or it counts in another way, and the rows would name the wrong events. Give the new store an empty \
         database, and they are made anew"
    )]
    Differs {
        /// The first such position.
        at: Position,
    },
    /// Somebody still brings in events of the old log.
    #[error("the rows of {0} went on meanwhile: stop the processes that follow the old event store first")]
    InUse(String),
    /// The old log cannot be read.
    #[error("the old event store cannot be read: {0}")]
    Old(#[source] ReadError),
    /// The new log cannot be read.
    #[error("the new event store cannot be read: {0}")]
    New(#[source] ReadError),
    /// The database does not answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Gives all rows of a database that were made from the store `old` to the store `new`, a copy of it, in
/// one transaction. Nothing is left to do when it is called again. Both logs are compared, event by event,
/// as far as the rows reach: everything that names a position must mean the same event in both.
///
/// # Errors
/// Every [`AdoptError`]; nothing was changed then.
pub async fn adopt(
    old: &dyn EventStore,
    new: &dyn EventStore,
    database: &Database,
) -> Result<Vec<Adopted>, AdoptError> {
    let mut connection = database.readers().acquire().await?;
    let mut theirs = checkpoint::all(&mut connection).await?;
    connection.rest();
    theirs.retain(|found| found.store != new.id());
    let foreign = |found: &&Checkpoint| found.store != old.id();
    if let Some(Checkpoint { name, store: of, .. }) = theirs.iter().find(foreign) {
        return Err(AdoptError::Foreign { name: name.clone(), of: *of, old: old.id() });
    }
    if let Some(at) = theirs.iter().filter_map(|found| found.positions.most()).max() {
        compare(old, new, at).await?;
    }
    let mut transaction = database.begin().await?;
    for found in &theirs {
        if checkpoint::hold(&mut transaction, &found.name).await?.as_ref() != Some(found) {
            return Err(AdoptError::InUse(found.name.clone()));
        }
        checkpoint::give(&mut transaction, &found.name, new.id()).await?;
    }
    transaction.commit().await?;
    let adopted = |found: Checkpoint| Adopted { position: found.position(), name: found.name };
    Ok(theirs.into_iter().map(adopted).collect())
}

/// Whether everything up to a position is the same in both logs, at the same positions.
async fn compare(old: &dyn EventStore, new: &dyn EventStore, at: Position) -> Result<(), AdoptError> {
    let head = old.head().await.map_err(AdoptError::Old)?;
    if head < Some(at) {
        return Err(AdoptError::OldEnds { at, head });
    }
    let head = new.head().await.map_err(AdoptError::New)?;
    if head < Some(at) {
        return Err(AdoptError::NewEnds { at, head });
    }
    let mut ours = pin!(events(old, at).await.map_err(AdoptError::Old)?.map_err(AdoptError::Old));
    let mut theirs = pin!(events(new, at).await.map_err(AdoptError::New)?.map_err(AdoptError::New));
    loop {
        match try_join(ours.try_next(), theirs.try_next()).await? {
            (None, None) => return Ok(()),
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => {
                return Err(AdoptError::Differs { at: ours.or(theirs).map_or(at, |event| event.position) });
            }
        }
    }
}

/// The log up to a position that it has, without what each store says for itself: when it took an event.
async fn events(
    store: &dyn EventStore,
    through: Position,
) -> Result<impl Stream<Item = Result<RecordedEvent, ReadError>> + use<>, ReadError> {
    let subscription = store.subscribe(None, Filter::all()).await?;
    let batches = stream::try_unfold(Some(subscription), move |subscription| async move {
        let Some(mut subscription) = subscription else { return Ok(None) };
        let batch = subscription.next().await?;
        let goes_on = batch.through < Some(through);
        Ok(Some((stream::iter(batch.events.into_iter().map(Ok)), goes_on.then_some(subscription))))
    });
    let events = batches.try_flatten().map_ok(|event| RecordedEvent { recorded_at: 0, ..event });
    Ok(events.try_take_while(move |event| ready(Ok(event.position <= through))))
}
