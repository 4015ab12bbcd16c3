//! Rows that an operator healed. Their position is that of an event long past, so that open pages, which
//! ask for what changed behind the last row they got, would never see them.

use event_store::Position;
use sqlx::{AnyConnection, Row};

use crate::checkpoint::number;
use crate::database::{Readers, Transaction};

/// Notes that a row was healed while the projection was here, which must be held.
pub(crate) async fn note(
    transaction: &mut Transaction,
    projection: &str,
    id: &str,
    at: Option<Position>,
) -> Result<(), sqlx::Error> {
    let statement = "
        INSERT INTO healed (projection, id, position, number)
        SELECT $1, $2, $3, COALESCE(MAX(number), 0) + 1 FROM healed WHERE projection = $1
        ON CONFLICT (projection, id) DO UPDATE SET position = excluded.position, number = excluded.number";
    let note = sqlx::query(statement).bind(projection).bind(id).bind(number(at));
    note.execute(transaction.connection()).await.map(drop)
}

/// The number of the last of them.
pub(crate) async fn last(connection: &mut AnyConnection, projection: &str) -> Result<i64, sqlx::Error> {
    let last = "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM healed WHERE projection = $1";
    sqlx::query_scalar(last).bind(projection).fetch_one(connection).await
}

/// Those behind a number that a reader of everything up to `position` has not seen: the number and the id
/// of each.
pub(crate) async fn since(
    readers: &Readers,
    projection: &str,
    number: i64,
    position: i64,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let statement = "SELECT number, id FROM healed
        WHERE projection = $1 AND number > $2 AND position >= $3 ORDER BY number";
    let healed = sqlx::query(statement).bind(projection).bind(number).bind(position);
    let rows = readers.fetch_all(healed).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
