//! Events that could not be applied, and those that wait behind them (G11).

use std::collections::BTreeSet;

use event_store::{Position, RecordedEvent};
use serde::Serialize;
use serde_json::json;
use sqlx::{AnyConnection, Row};

use crate::checkpoint::number;
use crate::database::{Bulk, Transaction};

/// A key whose row stands still, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// Which rows it is missing from.
    pub projection: String,
    /// The key: what follows the category in the names of its streams.
    pub id: String,
    /// The event that could not be applied: its place,
    pub since: Position,
    /// its stream,
    pub stream: String,
    /// its number there,
    pub revision: u64,
    /// its name,
    pub event_type: String,
    /// and what is wrong with it.
    pub reason: String,
    /// How many later events wait behind it.
    pub waiting: u64,
}

/// What an event is about: all streams of one request share it.
pub(crate) fn key(event: &RecordedEvent) -> &str {
    let stream = event.stream.as_str();
    stream.split_once('-').map_or(stream, |(_, id)| id)
}

/// The parked keys of these rows.
pub(crate) async fn keys(
    connection: &mut AnyConnection,
    projection: &str,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let keys = sqlx::query_scalar("SELECT DISTINCT id FROM parked WHERE projection = $1").bind(projection);
    Ok(keys.fetch_all(connection).await?.into_iter().collect())
}

/// Everything that is parked, the oldest first.
pub(crate) async fn list(connection: &mut AnyConnection) -> Result<Vec<Parked>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT f.projection, f.id, f.position, f.stream, f.revision, f.event_type, f.reason,
            (SELECT COUNT(*) FROM parked AS w
             WHERE w.projection = f.projection AND w.id = f.id AND w.position > f.position)
         FROM parked AS f
         WHERE f.position = (SELECT MIN(m.position) FROM parked AS m
             WHERE m.projection = f.projection AND m.id = f.id)
         ORDER BY f.position, f.projection",
    );
    let parked = |row: &sqlx::any::AnyRow| {
        Ok(Parked {
            projection: row.try_get(0)?,
            id: row.try_get(1)?,
            since: Position(row.try_get::<i64, _>(2)? as u64),
            stream: row.try_get(3)?,
            revision: row.try_get::<i64, _>(4)? as u64,
            event_type: row.try_get(5)?,
            reason: row.try_get::<Option<String>, _>(6)?.unwrap_or_default(),
            waiting: row.try_get::<i64, _>(7)? as u64,
        })
    };
    rows.fetch_all(connection).await?.iter().map(parked).collect()
}

/// The positions of everything that waits under one key, in order.
pub(crate) async fn positions(
    connection: &mut AnyConnection,
    projection: &str,
    id: &str,
) -> Result<Vec<Position>, sqlx::Error> {
    let positions = "SELECT position FROM parked WHERE projection = $1 AND id = $2 ORDER BY position";
    let positions = sqlx::query_scalar::<_, i64>(positions).bind(projection).bind(id);
    Ok(positions.fetch_all(connection).await?.into_iter().map(|at| Position(at as u64)).collect())
}

/// Adds events; those of no reason only wait.
pub(crate) async fn add(
    bulk: &mut Bulk<'_>,
    projection: &str,
    events: &[(RecordedEvent, Option<String>)],
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let row = |(event, reason): &(RecordedEvent, Option<String>)| {
        let (stream, at) = (event.stream.as_str(), number(Some(event.position)));
        json!([projection, key(event), at, stream, event.revision, *event.event_type, reason])
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    let statement = "
        INSERT INTO parked (projection, id, position, stream, revision, event_type, reason)
        SELECT r.value ->> 0, r.value ->> 1, CAST(r.value ->> 2 AS BIGINT), r.value ->> 3,
            CAST(r.value ->> 4 AS BIGINT), r.value ->> 5, r.value ->> 6
        FROM {rows} WHERE true
        ON CONFLICT (projection, id, position) DO NOTHING";
    bulk.write(statement, serde_json::Value::from(rows).to_string()).await
}

/// Removes one event, or with `None` every event of the key.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    projection: &str,
    id: &str,
    position: Option<Position>,
) -> Result<(), sqlx::Error> {
    let one = if position.is_some() { "AND position = $3" } else { "" };
    let statement = format!("DELETE FROM parked WHERE projection = $1 AND id = $2 {one}");
    let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(projection).bind(id);
    let query = match position {
        Some(position) => query.bind(number(Some(position))),
        None => query,
    };
    query.execute(transaction.connection()).await.map(drop)
}

/// Remembers that these events are left out of the rows of a projection, however often they are made.
pub(crate) async fn skip(
    transaction: &mut Transaction,
    projection: &str,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    for event in events {
        let statement = "INSERT INTO skipped (projection, position) VALUES ($1, $2) \
            ON CONFLICT (projection, position) DO NOTHING";
        let skip = sqlx::query(statement).bind(projection).bind(number(Some(event.position)));
        skip.execute(transaction.connection()).await?;
    }
    Ok(())
}

/// The events that are left out of the rows of a projection.
pub(crate) async fn skipped(
    connection: &mut AnyConnection,
    projection: &str,
) -> Result<BTreeSet<Position>, sqlx::Error> {
    let skipped = "SELECT position FROM skipped WHERE projection = $1";
    let skipped = sqlx::query_scalar::<_, i64>(skipped).bind(projection);
    Ok(skipped.fetch_all(connection).await?.into_iter().map(|at| Position(at as u64)).collect())
}
