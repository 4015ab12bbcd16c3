//! How far a projection has come, kept beside its rows.

use event_store::{EventStore, Position};
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use crate::database::{Database, Transaction};
use crate::projection::Projection;
use crate::target::Target;

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

/// Where these rows are to go on. When they were never begun, their table is made.
///
/// # Errors
/// The database, or inside it the refusal.
pub(crate) async fn open(
    database: &Database,
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
) -> Result<Result<Option<Position>, Refused>, sqlx::Error> {
    // Of several processes that begin at once, the others wait here until one has made the table.
    let begun = sqlx::query(
        "INSERT INTO checkpoints (projection, version, store, position) VALUES ($1, $2, $3, -1)
         ON CONFLICT (projection) DO NOTHING",
    )
    .bind(&target.name)
    .bind(i64::from(projection.version()))
    .bind(store.id().to_string())
    .execute(transaction.connection())
    .await?;
    if begun.rows_affected() == 1 {
        target.create(database, transaction, &projection.table()).await?;
        target.index(transaction, &projection.table()).await?;
        insert(transaction, projection, target, store.id(), None).await?;
        return Ok(Ok(None));
    }
    load(transaction, projection, target, store).await
}

/// Writes the first checkpoint of these rows.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: Uuid,
    position: Option<Position>,
) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO checkpoints (projection, version, store, position) VALUES ($1, $2, $3, $4)";
    let insert = sqlx::query(statement)
        .bind(&target.name)
        .bind(i64::from(projection.version()))
        .bind(store.to_string())
        .bind(number(position));
    insert.execute(transaction.connection()).await.map(drop)
}

/// Where rows that were begun are to go on.
///
/// # Errors
/// The database, or inside it the refusal.
pub(crate) async fn load(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
) -> Result<Result<Option<Position>, Refused>, sqlx::Error> {
    let (name, this) = (projection.name(), projection.version());
    let Some(Checkpoint { version: of, store: from, position, .. }) =
        find(transaction.connection(), &target.name).await?
    else {
        return Ok(Ok(None));
    };
    Ok(if from != store.id() {
        Err(Refused::AnotherStore { projection: name, of: from, this: store.id() })
    } else if of != this {
        Err(Refused::AnotherVersion { projection: name, of, this })
    } else {
        Ok(position)
    })
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) store: Uuid,
    pub(crate) position: Option<Position>,
}

/// The checkpoint of this name.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    Ok(all(connection).await?.into_iter().find(|checkpoint| checkpoint.name == name))
}

/// Every checkpoint; they are few.
pub(crate) async fn all(connection: &mut AnyConnection) -> Result<Vec<Checkpoint>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT projection, version, store, position FROM checkpoints ORDER BY projection");
    let checkpoint = |row: &sqlx::any::AnyRow| {
        Ok(Checkpoint {
            name: row.try_get(0)?,
            version: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u32::MAX),
            store: row.try_get::<String, _>(2)?.parse().unwrap_or(Uuid::nil()),
            position: u64::try_from(row.try_get::<i64, _>(3)?).ok().map(Position),
        })
    };
    rows.fetch_all(connection).await?.iter().map(checkpoint).collect()
}

/// Keeps everybody else from moving a checkpoint until the transaction ends, and says where it is.
pub(crate) async fn hold(
    transaction: &mut Transaction,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let hold = sqlx::query("UPDATE checkpoints SET position = position WHERE projection = $1").bind(name);
    hold.execute(transaction.connection()).await?;
    find(transaction.connection(), name).await
}

/// A part of the log that is brought into rows at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Behind this position,
    pub(crate) from: Option<Position>,
    /// up to this one,
    pub(crate) to: Option<Position>,
    /// so many events of interest.
    pub(crate) events: usize,
}

/// What became of an attempt to move a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It is where it should be, and nobody else can move it until the transaction ends.
    Yes,
    /// It is before where this worker left it: the database lost its last commits, or another
    /// version of the rows took the place of these.
    WentBack,
    /// Somebody else moved it on, or the rows are of another version or store.
    Refused(Refused),
}

/// Moves the checkpoint, if it is still where this worker left it and its lease, should it have one,
/// was not given to another. To be called before the rows are
/// written: whoever comes second then waits, and writes nothing.
///
/// # Errors
/// The database.
pub(crate) async fn advance(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
    step: Step,
    lease: Option<i64>,
) -> Result<Moved, sqlx::Error> {
    // A replay that switches while this waits for the checkpoint leaves another of the same name and
    // position in its place, which only a second look finds.
    for last in [false, true] {
        if move_on(transaction, projection, target, store, step, lease).await? {
            return Ok(Moved::Yes);
        }
        match load(transaction, projection, target, store).await? {
            Err(refused) => return Ok(Moved::Refused(refused)),
            Ok(at) if at < step.from => return Ok(Moved::WentBack),
            Ok(at) if at == step.from && !last => {}
            Ok(_) => break,
        }
    }
    Ok(Moved::Refused(Refused::Shared { projection: projection.name() }))
}

/// Whether the checkpoint was where it should be, and now is where it goes.
async fn move_on(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
    step: Step,
    lease: Option<i64>,
) -> Result<bool, sqlx::Error> {
    // The condition is what keeps two processes on one database from doubling or skipping.
    let moved = sqlx::query(
        "UPDATE checkpoints SET position = $1, applied = applied + $7
         WHERE projection = $2 AND position = $3 AND version = $4 AND store = $5
           AND ($6 < 0 OR EXISTS (SELECT 1 FROM leases WHERE slot = $2 AND token = $6))",
    )
    .bind(number(step.to))
    .bind(&target.name)
    .bind(number(step.from))
    .bind(i64::from(projection.version()))
    .bind(store.id().to_string())
    .bind(lease.unwrap_or(-1))
    .bind(step.events as i64)
    .execute(transaction.connection())
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// A position as the database keeps it: -1 is before the first event.
pub(crate) fn number(position: Option<Position>) -> i64 {
    position.map_or(-1, |position| position.0 as i64)
}
