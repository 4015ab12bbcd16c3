//! `GET /mypages`, `/mypages/{id}`, `/mypages/{id}/history` and `/mypages/events`.

use std::str::FromStr;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::kernel::RequestId;
use event_store::Position;
use serde_json::json;

use super::row::{Row, Wanted, query};
use crate::database::Database;
use crate::history::history;
use crate::query::{Base, Change, Changes, Links, List, Parameters, QueryError, Reads, cursor, item, live};
use crate::rentcar::COLLECTIONS;

/// The path and the key of the list.
const PATH: &str = "mypages";

/// The parameter that filters by customer.
const USER: &str = "userId";

/// How many rows a stream of changes reads at once.
const CHUNK: u32 = 256;

pub(super) fn router(reads: Reads) -> Router {
    Router::new()
        .route("/mypages", get(list))
        .route("/mypages/events", get(events))
        .route("/mypages/{id}", get(one))
        .route("/mypages/{id}/history", get(told))
        .with_state(reads)
}

async fn list(
    State(reads): State<Reads>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let (size, behind) = (parameters.size().0, parameters.cursor().unwrap_or_default());
    let (user, freshness) = (parameters.text(USER), parameters.freshness());
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    // One more than is shown tells whether there is a next page.
    let wanted = Wanted::Behind(&behind);
    let rows = query(reads.database.readers(), wanted, user.as_deref(), size + 1).await?;
    let shown = &rows[..rows.len().min(size as usize)];
    let at = |cursor: String| {
        let mut parameters = vec![("cursor", cursor), ("size", size.to_string())];
        parameters.extend(user.iter().map(|user| (USER, user.clone())));
        base.list(PATH, &parameters)
    };
    let last = shown.last().filter(|_| rows.len() > shown.len());
    let next = last.map(|row| at(cursor::encode(&row.reservation_id)));
    let items = shown.iter().map(|row| linked(row, &base)).collect();
    let links = Links { this: at(cursor::encode(&behind)), next, prev: None };
    Ok((as_of, List { name: PATH, items, links, page: None }).into_response())
}

async fn one(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let freshness = parameters.freshness();
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    // An id that is none names no row; one in another spelling names its row.
    let Ok(id) = RequestId::from_str(&id) else { return Err(QueryError::NotFound("reservation", as_of)) };
    let rows = query(reads.database.readers(), Wanted::Id(id), None, 1).await?;
    let Some(row) = rows.first() else { return Err(QueryError::NotFound("reservation", as_of)) };
    let hal = [(header::CONTENT_TYPE, "application/hal+json")];
    Ok((as_of, hal, linked(row, &base)).into_response())
}

/// What made the row: everything that happened to its reservation, in order.
async fn told(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let freshness = parameters.freshness();
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    let Ok(id) = RequestId::from_str(&id) else { return Err(QueryError::NotFound("reservation", as_of)) };
    let id = id.to_string();
    let categories = COLLECTIONS.iter().map(|collection| collection.category);
    let steps = history(&*reads.store, categories, &id).await?;
    if steps.is_empty() {
        return Err(QueryError::NotFound("reservation", as_of));
    }
    let address = base.one(PATH, &id);
    let links = json!({"self": {"href": format!("{address}/history")}, "mypage": {"href": address}});
    let body = json!({"id": id, "history": steps, "_links": links});
    Ok((as_of, [(header::CONTENT_TYPE, "application/hal+json")], body.to_string()).into_response())
}

async fn events(
    State(reads): State<Reads>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let (user, mut after) = (parameters.text(USER), parameters.after());
    // A browser that connects again repeats the address and knows better than it.
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.parse::<Position>().ok());
        match last.filter(|last| i64::try_from(last.0).is_ok()) {
            Some(last) => after = Some(last),
            None => parameters.refuse("Last-Event-ID", "must be the id of an event of ours"),
        }
    }
    parameters.check()?;
    Ok(live(&reads, Rows { database: reads.database.clone(), user }, after))
}

/// The rows of one customer, or of all.
struct Rows {
    database: Database,
    user: Option<String>,
}

#[async_trait]
impl Changes for Rows {
    async fn since(&self, position: i64) -> Result<Vec<Change>, sqlx::Error> {
        let wanted = Wanted::ChangedSince(position);
        let rows = query(self.database.readers(), wanted, self.user.as_deref(), CHUNK).await?;
        Ok(rows.iter().map(|row| Change { position: Position(row.position), json: shown(row) }).collect())
    }
}

fn shown(row: &Row) -> String {
    serde_json::to_string(row).expect("a row is a plain struct")
}

fn linked(row: &Row, base: &Base) -> String {
    item(&shown(row), "mypage", &base.one(PATH, &row.reservation_id))
}
