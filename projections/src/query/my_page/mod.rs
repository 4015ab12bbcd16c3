//! MyPage of any business: the list of one owner's rows, one row, what made it, and rows as they change.
//!
//! A business says by a [`MyPage`] where its rows are and how one is shown; the routes are the same.

mod rows;

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::kernel::RequestId;
use event_store::Position;
use serde_json::json;

use super::{
    AsOf, Base, Change, Changes, Items, Links, List, Parameters, QueryError, Reads, cursor, item, live,
};
use crate::history::history;
use crate::system::Collection;

pub(crate) use rows::{Degraded, Shown};
use rows::{Wanted, query};

/// How many rows a stream of changes reads at once.
const CHUNK: u32 = 256;

/// The MyPage of a business.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MyPage {
    /// The path and the key of the list (`myPages`).
    pub(crate) path: &'static str,
    /// What a row is called in links (`myPage`).
    pub(crate) singular: &'static str,
    /// What a row is about, in errors (`application`).
    pub(crate) subject: &'static str,
    /// By whom the list is filtered.
    pub(crate) owner: Owner,
    /// Whose events made a row.
    pub(crate) collections: &'static [Collection],
    /// Where they are.
    pub(crate) table: &'static str,
    /// The columns that `show` reads.
    pub(crate) columns: &'static str,
    /// Shows a row by the array of these columns.
    pub(crate) show: fn(&str, Option<Degraded>) -> Result<Shown, serde_json::Error>,
}

/// Whose a row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    /// The parameter of the list (`studentId`).
    pub(crate) parameter: &'static str,
    /// The column (`student_id`).
    pub(crate) column: &'static str,
}

/// What every route knows.
struct Context {
    page: MyPage,
    reads: Reads,
}

/// The routes of a MyPage.
pub(crate) fn router(page: MyPage, reads: Reads) -> Router {
    let path = page.path;
    Router::new()
        .route(&format!("/{path}"), get(list))
        .route(&format!("/{path}/events"), get(events))
        .route(&format!("/{path}/{{id}}"), get(one))
        .route(&format!("/{path}/{{id}}/history"), get(told))
        .with_state(Arc::new(Context { page, reads }))
}

async fn list(
    State(context): State<Arc<Context>>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let Context { page, reads } = &*context;
    let (size, behind) = (parameters.size().0, parameters.cursor().unwrap_or_default());
    let (owner, freshness) = (parameters.text(page.owner.parameter), parameters.freshness());
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    // One more than is shown tells whether there is a next page.
    let wanted = Wanted::Behind(&behind);
    let rows = query(page, reads, wanted, owner.as_deref(), size + 1).await?;
    let shown = &rows[..rows.len().min(size as usize)];
    let at = |cursor: String| {
        let mut parameters = vec![("cursor", cursor), ("size", size.to_string())];
        parameters.extend(owner.iter().map(|owner| (page.owner.parameter, owner.clone())));
        base.list(page.path, &parameters)
    };
    let last = shown.last().filter(|_| rows.len() > shown.len());
    let next = last.map(|row| at(cursor::encode(&row.id)));
    let mut items = Items::default();
    shown.iter().for_each(|row| items.push(&row.json, page.singular, &page.address(row, &base)));
    let links = Links { this: at(cursor::encode(&behind)), next, prev: None };
    Ok((as_of, List { name: page.path, items, links, page: None }).into_response())
}

async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    base: Base,
    parameters: Parameters,
) -> Result<Response, QueryError> {
    let Context { page, reads } = &*context;
    let (id, as_of) = asked_for(page, reads, &id, parameters).await?;
    let rows = query(page, reads, Wanted::Id(id), None, 1).await?;
    let Some(row) = rows.first() else { return Err(QueryError::NotFound(page.subject, as_of)) };
    let hal = [(header::CONTENT_TYPE, "application/hal+json")];
    Ok((as_of, hal, item(&row.json, page.singular, &page.address(row, &base))).into_response())
}

/// What made the row: everything that happened to its request, in order.
async fn told(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    base: Base,
    parameters: Parameters,
) -> Result<Response, QueryError> {
    let Context { page, reads } = &*context;
    let (id, as_of) = asked_for(page, reads, &id, parameters).await?;
    let id = id.to_string();
    let categories = page.collections.iter().map(|collection| collection.category);
    let steps = history(&*reads.store, categories, &id).await?;
    if steps.is_empty() {
        return Err(QueryError::NotFound(page.subject, as_of));
    }
    let address = base.one(page.path, &id);
    let links = json!({"self": {"href": format!("{address}/history")}, page.singular: {"href": address}});
    let body = json!({"id": id, "history": steps, "_links": links});
    Ok((as_of, [(header::CONTENT_TYPE, "application/hal+json")], body.to_string()).into_response())
}

/// Which row is asked for, once it is as new as the client wants it.
async fn asked_for(
    page: &MyPage,
    reads: &Reads,
    id: &str,
    mut parameters: Parameters,
) -> Result<(RequestId, AsOf), QueryError> {
    let freshness = parameters.freshness();
    parameters.check()?;
    let as_of = reads.as_of(freshness).await?;
    // An id that is none names no row; one in another spelling names its row.
    match RequestId::from_str(id) {
        Ok(id) => Ok((id, as_of)),
        Err(_) => Err(QueryError::NotFound(page.subject, as_of)),
    }
}

async fn events(
    State(context): State<Arc<Context>>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let Context { page, reads } = &*context;
    let (owner, mut after) = (parameters.text(page.owner.parameter), parameters.after());
    // A browser that connects again repeats the address and knows better than it.
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.parse::<Position>().ok());
        match last.filter(|last| i64::try_from(last.0).is_ok()) {
            Some(last) => after = Some(last),
            None => parameters.refuse("Last-Event-ID", "must be the id of an event of ours"),
        }
    }
    parameters.check()?;
    Ok(live(reads, Rows { page: *page, reads: reads.clone(), owner }, after))
}

/// The rows of one owner, or of all.
struct Rows {
    page: MyPage,
    reads: Reads,
    owner: Option<String>,
}

#[async_trait]
impl Changes for Rows {
    async fn since(&self, position: i64) -> Result<Vec<Change>, sqlx::Error> {
        let (wanted, owner) = (Wanted::ChangedSince(position), self.owner.as_deref());
        let rows = query(&self.page, &self.reads, wanted, owner, CHUNK).await?;
        Ok(rows.into_iter().map(|row| Change { position: row.position, json: row.json }).collect())
    }

    async fn one(&self, id: &str) -> Result<Option<Change>, sqlx::Error> {
        let Ok(id) = RequestId::from_str(id) else { return Ok(None) };
        let (wanted, owner) = (Wanted::Id(id), self.owner.as_deref());
        let rows = query(&self.page, &self.reads, wanted, owner, 1).await?;
        Ok(rows.into_iter().next().map(|row| Change { position: row.position, json: row.json }))
    }
}

impl MyPage {
    fn address(&self, row: &Shown, base: &Base) -> String {
        base.one(self.path, &row.id)
    }
}
