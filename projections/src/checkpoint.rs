//! How far each partition of a projection has come, kept beside its rows.

use event_store::{EventStore, Position};
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use uuid::Uuid;

use crate::database::{Bulk, Database, Transaction};
use crate::lease::Tokens;
use crate::partition::{PARTITIONS, Positions};
use crate::projection::Projection;
use crate::target::Target;

/// Why a projection may not go on from its checkpoint. Going on would skip events or mix two logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its rows were made from another log.
    #[error(
        "the rows of {projection} were made from the event store {of}, and this one is {this}: open the \
         database that belongs to this store; if this store is a copy of that one, take the rows along with \
         `projections migrate --moved-from <the old store>`; or give {projection} an empty one, and it is rebuilt"
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

pub(crate) fn end(head: Option<Position>) -> String {
    head.map_or_else(|| "nothing yet".to_owned(), |head| head.to_string())
}

/// Where these partitions are to go on. When the rows were never begun, their table is made.
///
/// # Errors
/// The database, or inside it the refusal.
pub(crate) async fn open(
    database: &Database,
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
    partitions: &[u8],
) -> Result<Result<Positions, Refused>, sqlx::Error> {
    // Of several processes that begin at once, the others wait here until one has made the table.
    if insert(transaction, projection, target, store.id()).await? > 0 {
        target.create(database, transaction, &projection.table()).await?;
        target.index(transaction, &projection.table()).await?;
        insert(transaction, projection, target, store.id()).await?;
    }
    load(&mut transaction.bulk(), projection, target, store, partitions).await
}

/// Writes the first checkpoint of these rows, unless there is one; how much of it was written.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    projection: &dyn Projection,
    target: &Target,
    store: Uuid,
) -> Result<u64, sqlx::Error> {
    let row = |partition: u8| json!([target.name, partition, projection.version(), store.to_string()]);
    let rows: Value = (0..PARTITIONS).map(row).collect();
    let statement = "
        INSERT INTO checkpoints (projection, partition, version, store, position)
        SELECT r.value ->> 0, CAST(r.value ->> 1 AS BIGINT), CAST(r.value ->> 2 AS BIGINT), r.value ->> 3, -1
        FROM {rows} WHERE true
        ON CONFLICT (projection, partition) DO NOTHING";
    transaction.bulk().write_counted(statement, rows.to_string()).await
}

/// Where partitions that were begun are to go on. They are held until the transaction ends.
///
/// # Errors
/// The database, or inside it the refusal.
pub(crate) async fn load(
    bulk: &mut Bulk<'_>,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
    partitions: &[u8],
) -> Result<Result<Positions, Refused>, sqlx::Error> {
    let found = hold_some(bulk, &target.name, partitions).await?;
    let nowhere = || partitions.iter().map(|partition| (*partition, None)).collect();
    Ok(found.map_or_else(|| Ok(nowhere()), |found| found.of(projection, store)))
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) store: Uuid,
    pub(crate) positions: Positions,
}

impl Checkpoint {
    /// Everything up to here is in the rows, of whatever key.
    pub(crate) fn position(&self) -> Option<Position> {
        self.positions.least()
    }

    /// Its positions, if this program may go on from them on this log.
    pub(crate) fn of(
        self,
        projection: &dyn Projection,
        store: &dyn EventStore,
    ) -> Result<Positions, Refused> {
        let (projection, of, this) = (projection.name(), self.version, projection.version());
        if self.store != store.id() {
            Err(Refused::AnotherStore { projection, of: self.store, this: store.id() })
        } else if of != this {
            Err(Refused::AnotherVersion { projection, of, this })
        } else {
            Ok(self.positions)
        }
    }
}

const SELECT: &str = "SELECT projection, partition, version, store, position FROM checkpoints";

/// The checkpoint of this name.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let statement = AssertSqlSafe(format!("{SELECT} WHERE projection = $1"));
    let rows = sqlx::query(statement).bind(name).fetch_all(connection).await?;
    Ok(collect(&rows)?.pop())
}

/// Every checkpoint; they are few.
pub(crate) async fn all(connection: &mut AnyConnection) -> Result<Vec<Checkpoint>, sqlx::Error> {
    let statement = AssertSqlSafe(format!("{SELECT} ORDER BY projection"));
    collect(&sqlx::query(statement).fetch_all(connection).await?)
}

/// Keeps everybody else from moving a checkpoint until the transaction ends, and says where it is.
pub(crate) async fn hold(
    transaction: &mut Transaction,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let all: Vec<u8> = (0..PARTITIONS).collect();
    hold_some(&mut transaction.bulk(), name, &all).await
}

/// The same for some partitions of it. Everybody takes them in the same order, so that no two wait for
/// each other.
async fn hold_some(
    bulk: &mut Bulk<'_>,
    name: &str,
    partitions: &[u8],
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let partitions: Vec<String> = partitions.iter().map(u8::to_string).collect();
    let partitions = partitions.join(", ");
    let statement =
        format!("{SELECT} WHERE projection = $1 AND partition IN ({partitions}) ORDER BY partition {{held}}");
    // A replay that switches while this waits leaves others of the same name in their place, which only
    // a second look finds.
    let mut rows = bulk.read(&statement, name.to_owned()).await?;
    if rows.is_empty() {
        rows = bulk.read(&statement, name.to_owned()).await?;
    }
    Ok(collect(&rows)?.pop())
}

/// Gives a checkpoint, which must be held, to another store.
pub(crate) async fn give(transaction: &mut Transaction, name: &str, store: Uuid) -> Result<(), sqlx::Error> {
    let give = sqlx::query("UPDATE checkpoints SET store = $2 WHERE projection = $1");
    let give = give.bind(name).bind(store.to_string());
    give.execute(transaction.connection()).await.map(drop)
}

/// Rows of [`SELECT`], those of one name one behind the other.
fn collect(rows: &[AnyRow]) -> Result<Vec<Checkpoint>, sqlx::Error> {
    let mut found: Vec<Checkpoint> = Vec::new();
    let of_one_name = rows.chunk_by(|a, b| {
        a.try_get::<&str, _>(0).is_ok_and(|name| b.try_get::<&str, _>(0).is_ok_and(|other| name == other))
    });
    for rows in of_one_name {
        let position = |row: &AnyRow| {
            let (partition, position): (i64, i64) = (row.try_get(1)?, row.try_get(4)?);
            Ok((partition as u8, u64::try_from(position).ok().map(Position)))
        };
        found.push(Checkpoint {
            name: rows[0].try_get(0)?,
            version: u32::try_from(rows[0].try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
            store: rows[0].try_get::<String, _>(3)?.parse().unwrap_or(Uuid::nil()),
            positions: rows.iter().map(position).collect::<Result<_, sqlx::Error>>()?,
        });
    }
    Ok(found)
}

/// A part of the log that is brought into rows at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'s> {
    /// From behind these positions,
    pub(crate) from: &'s Positions,
    /// up to these,
    pub(crate) to: &'s Positions,
    /// so many events of interest,
    pub(crate) events: usize,
    /// under these leases, where processes share.
    pub(crate) leases: Option<&'s Tokens>,
}

/// What became of an attempt to move a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It is where it should be, and nobody else can move it until the transaction ends.
    Yes,
    /// It is before where this worker left it: the database lost its last commits, or another
    /// version of the rows took the place of these.
    WentBack,
    /// Another process has the lease of one of the partitions.
    LeaseLost,
    /// Somebody else moved it on, or the rows are of another version or store.
    Refused(Refused),
}

/// Moves the checkpoint, if all its partitions are still where this worker left them and their leases,
/// should they have any, were not given to another. To be called before the rows are written: whoever
/// comes second then waits, and writes nothing.
///
/// # Errors
/// The database.
pub(crate) async fn advance(
    bulk: &mut Bulk<'_>,
    projection: &dyn Projection,
    target: &Target,
    store: &dyn EventStore,
    step: Step<'_>,
) -> Result<Moved, sqlx::Error> {
    let partitions: Vec<u8> = step.from.partitions().collect();
    // What keeps two processes on one database from doubling or skipping.
    match load(bulk, projection, target, store, &partitions).await? {
        Err(refused) => return Ok(Moved::Refused(refused)),
        Ok(at) if at.went_back(step.from) => return Ok(Moved::WentBack),
        Ok(at) if at == *step.from && move_on(bulk, target, step).await? == partitions.len() as u64 => {
            return Ok(Moved::Yes);
        }
        Ok(_) => {}
    }
    let shared = Refused::Shared { projection: projection.name() };
    Ok(if step.leases.is_some() { Moved::LeaseLost } else { Moved::Refused(shared) })
}

/// How many partitions moved to where they go.
async fn move_on(bulk: &mut Bulk<'_>, target: &Target, step: Step<'_>) -> Result<u64, sqlx::Error> {
    let mut events = step.events;
    let row = |(partition, to): (u8, Option<Position>)| {
        let token = step.leases.map(|leases| leases.get(&partition).copied().unwrap_or_default());
        json!([target.name, partition, number(to), std::mem::take(&mut events), token])
    };
    let rows: Value = step.to.iter().map(row).collect();
    let statement = "
        UPDATE checkpoints SET position = CAST(r.value ->> 2 AS BIGINT),
            applied = applied + CAST(r.value ->> 3 AS BIGINT)
        FROM {rows}
        WHERE projection = r.value ->> 0 AND partition = CAST(r.value ->> 1 AS BIGINT)
            AND (r.value ->> 4 IS NULL OR EXISTS (SELECT 1 FROM leases
                WHERE leases.projection = checkpoints.projection
                    AND leases.partition = checkpoints.partition
                    AND leases.token = CAST(r.value ->> 4 AS BIGINT)))";
    bulk.write_counted(statement, rows.to_string()).await
}

/// A position as the database keeps it: -1 is before the first event.
pub(crate) fn number(position: Option<Position>) -> i64 {
    position.map_or(-1, |position| position.0 as i64)
}
