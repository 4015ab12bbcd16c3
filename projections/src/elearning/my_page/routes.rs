//! `GET /myPages`, `/myPages/{id}`, `/myPages/{id}/history` and `/myPages/events`.

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

use super::table::{self, Shown, Wanted};
use super::view::View;
use crate::database::Database;
use crate::elearning::COLLECTIONS;
use crate::history::history;
use crate::query::{Base, Change, Changes, Links, List, Parameters, QueryError, Reads, cursor, item, live};

/// The path and the key of the list.
const PATH: &str = "myPages";

/// The parameter that filters by student.
const STUDENT: &str = "studentId";

/// How many rows a stream of changes reads at once.
const CHUNK: u32 = 256;

pub(super) fn router(reads: Reads) -> Router {
    Router::new()
        .route("/myPages", get(list))
        .route("/myPages/events", get(events))
        .route("/myPages/{id}", get(one))
        .route("/myPages/{id}/history", get(told))
        .with_state(reads)
}

async fn list(
    State(reads): State<Reads>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let (size, behind) = (parameters.size().0, parameters.cursor().unwrap_or_default());
    let (student, freshness) = (parameters.text(STUDENT), parameters.freshness());
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    // One more than is shown tells whether there is a next page.
    let wanted = Wanted::Behind(&behind);
    let rows = table::query(reads.database.readers(), wanted, student.as_deref(), size + 1).await?;
    let shown = &rows[..rows.len().min(size as usize)];
    let at = |cursor: String| {
        let mut parameters = vec![("cursor", cursor), ("size", size.to_string())];
        parameters.extend(student.iter().map(|student| (STUDENT, student.clone())));
        base.list(PATH, &parameters)
    };
    let last = shown.last().filter(|_| rows.len() > shown.len());
    let next = last.map(|row| at(cursor::encode(&row.row.application.id.to_string())));
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
    let Ok(id) = RequestId::from_str(&id) else { return Err(QueryError::NotFound("application", as_of)) };
    let wanted = id.to_string();
    let rows = table::query(reads.database.readers(), Wanted::Id(&wanted), None, 1).await?;
    let Some(row) = rows.first() else { return Err(QueryError::NotFound("application", as_of)) };
    let hal = [(header::CONTENT_TYPE, "application/hal+json")];
    Ok((as_of, hal, linked(row, &base)).into_response())
}

/// What made the row: everything that happened to its application, in order.
async fn told(
    State(reads): State<Reads>,
    Path(id): Path<String>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let freshness = parameters.freshness();
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    let Ok(id) = RequestId::from_str(&id) else { return Err(QueryError::NotFound("application", as_of)) };
    let id = id.to_string();
    let categories = COLLECTIONS.iter().map(|collection| collection.category);
    let steps = history(&*reads.store, categories, &id).await?;
    if steps.is_empty() {
        return Err(QueryError::NotFound("application", as_of));
    }
    let address = base.one(PATH, &id);
    let links = json!({"self": {"href": format!("{address}/history")}, "myPage": {"href": address}});
    let body = json!({"id": id, "history": steps, "_links": links});
    Ok((as_of, [(header::CONTENT_TYPE, "application/hal+json")], body.to_string()).into_response())
}

async fn events(
    State(reads): State<Reads>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let (student, mut after) = (parameters.text(STUDENT), parameters.after());
    // A browser that connects again repeats the address and knows better than it.
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.parse::<Position>().ok());
        match last.filter(|last| i64::try_from(last.0).is_ok()) {
            Some(last) => after = Some(last),
            None => parameters.refuse("Last-Event-ID", "must be the id of an event of ours"),
        }
    }
    parameters.check()?;
    Ok(live(&reads, Rows { database: reads.database.clone(), student }, after))
}

/// The rows of one student, or of all.
struct Rows {
    database: Database,
    student: Option<String>,
}

#[async_trait]
impl Changes for Rows {
    async fn since(&self, position: i64) -> Result<Vec<Change>, sqlx::Error> {
        let wanted = Wanted::ChangedSince(position);
        let rows = table::query(self.database.readers(), wanted, self.student.as_deref(), CHUNK).await?;
        Ok(rows.iter().map(|row| Change { position: row.row.position, json: shown(row) }).collect())
    }
}

fn shown(row: &Shown) -> String {
    serde_json::to_string(&View::from(row)).expect("a view is a plain struct")
}

fn linked(row: &Shown, base: &Base) -> String {
    item(&shown(row), "myPage", &base.one(PATH, &row.row.application.id.to_string()))
}
