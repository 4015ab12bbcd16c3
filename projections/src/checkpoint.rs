//! How far a projection has come, kept beside its rows.

use event_store::{EventStore, Position};
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use crate::database::Transaction;
use crate::projection::Projection;

/// Why a projection may not go on from its checkpoint. Going on would skip events or mix two logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its rows were made from another log.
    #[error(
        "the rows of {projection} were made from the event store {of}, and this one is {this}: open the \
         database that belongs to this store, or give {projection} an empty one, and it is rebuilt"
    )]
    AnotherStore {
        /// Which projection.
        projection: &'static str,
        /// The store of the rows.
        of: Uuid,
        /// The store that is open.
        this: Uuid,
    },
    /// Its rows hold events that the log does not: the log was restored from an older copy.
    #[error(
        "the rows of {projection} reach position {at}, and the event store ends at {}: was it restored from \
         an older copy? Restore the newer one, or give {projection} an empty database, and it is rebuilt",
        end(*.head)
    )]
    BeyondHead {
        /// Which projection.
        projection: &'static str,
        /// The position of the checkpoint.
        at: Position,
        /// The last position of the log.
        head: Option<Position>,
    },
    /// Its rows were made by another version of the program.
    #[error(
        "the rows of {projection} have version {of}, and this program makes version {this}: start the program \
         that fits them, or give {projection} an empty database, and it is rebuilt"
    )]
    AnotherVersion {
        /// Which projection.
        projection: &'static str,
        /// The version of the rows.
        of: u32,
        /// The version of the program.
        this: u32,
    },
    /// Somebody else moved the checkpoint.
    #[error("somebody else moves the checkpoint of {projection}: only one process may write a read model")]
    Shared {
        /// Which projection.
        projection: &'static str,
    },
}

fn end(head: Option<Position>) -> String {
    head.map_or_else(|| "nothing yet".to_owned(), |head| head.to_string())
}

/// Where a projection is to go on; the beginning when it has never run here.
///
/// # Errors
/// The database, or inside it the refusal.
pub(crate) async fn load(
    connection: &mut AnyConnection,
    projection: &dyn Projection,
    store: &dyn EventStore,
) -> Result<Result<Option<Position>, Refused>, sqlx::Error> {
    let (name, this) = (projection.name(), projection.version());
    let row = sqlx::query("SELECT version, store, position FROM checkpoints WHERE projection = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(Ok(None)) };
    let of = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX);
    let from = row.try_get::<String, _>(1)?.parse().unwrap_or(Uuid::nil());
    Ok(if from != store.id() {
        Err(Refused::AnotherStore { projection: name, of: from, this: store.id() })
    } else if of != this {
        Err(Refused::AnotherVersion { projection: name, of, this })
    } else {
        Ok(u64::try_from(row.try_get::<i64, _>(2)?).ok().map(Position))
    })
}

/// Moves the checkpoint, if it is still where this worker left it.
///
/// # Errors
/// The database, or inside it [`Refused::Shared`].
pub(crate) async fn advance(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    store: Uuid,
    from: Option<Position>,
    to: Option<Position>,
) -> Result<Result<(), Refused>, sqlx::Error> {
    // The condition is what keeps two processes on one database from doubling or skipping.
    let moved = sqlx::query(
        "INSERT INTO checkpoints (projection, version, store, position) VALUES ($1, $2, $3, $4)
         ON CONFLICT (projection) DO UPDATE SET position = excluded.position
         WHERE checkpoints.position = $5 AND checkpoints.store = excluded.store
           AND checkpoints.version = excluded.version",
    )
    .bind(projection.name())
    .bind(i64::from(projection.version()))
    .bind(store.to_string())
    .bind(number(to))
    .bind(number(from))
    .execute(transaction.connection())
    .await?;
    let moved = moved.rows_affected() == 1;
    Ok(if moved { Ok(()) } else { Err(Refused::Shared { projection: projection.name() }) })
}

/// A position as the database keeps it: -1 is before the first event.
pub(crate) fn number(position: Option<Position>) -> i64 {
    position.map_or(-1, |position| position.0 as i64)
}
