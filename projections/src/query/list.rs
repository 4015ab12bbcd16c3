//! `GET /applies` and the like: what a collection holds, by page or by cursor, of one owner or of all.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sqlx::{AssertSqlSafe, Row};

use super::hal::Page;
use super::{Base, Items, Links, List, Parameters, QueryError, Reads, Size, cursor, degraded_since};
use crate::database::{ANSWER, Readers, within};
use crate::resources;
use crate::system::Collection;

pub(super) fn router(collections: &'static [Collection], reads: &Reads) -> Router {
    let reads = Arc::new(reads.clone());
    collections.iter().fold(Router::new(), |router, collection| {
        let reads = Arc::clone(&reads);
        let list =
            move |base: Base, parameters: Parameters| list(collection, Arc::clone(&reads), base, parameters);
        router.route(&format!("/{}", collection.path), get(list))
    })
}

async fn list(
    collection: &'static Collection,
    reads: Arc<Reads>,
    base: Base,
    mut parameters: Parameters,
) -> Result<Response, QueryError> {
    let (size, page, cursor) = (parameters.size(), parameters.page(), parameters.cursor());
    let (owner, freshness) = (parameters.text(collection.owner), parameters.freshness());
    parameters.check()?;

    let as_of = reads.as_of(freshness).await?;
    let degraded = reads.degraded(resources::NAME);
    let wanted = Wanted { collection, owner, size, degraded };
    let rows = reads.database.readers();
    let list = match cursor {
        Some(behind) => wanted.behind(rows, &base, behind).await?,
        None => wanted.page(rows, &base, page).await?,
    };
    Ok((as_of, list).into_response())
}

/// What a query found.
struct Listed {
    items: Items,
    /// The last id of these, if there are more behind it.
    behind: Option<String>,
}

/// Which items are listed.
struct Wanted {
    collection: &'static Collection,
    owner: Option<String>,
    size: Size,
    /// What says since when an item stands still.
    degraded: String,
}

impl Wanted {
    /// A page by its number, with the count of all.
    async fn page(&self, rows: &Readers, base: &Base, number: u32) -> Result<List, QueryError> {
        let count = format!("SELECT COUNT(*) FROM resources WHERE {}", self.condition("$1", "$2"));
        let count = sqlx::query(AssertSqlSafe(count)).bind(self.collection.path);
        let count = if let Some(owner) = &self.owner { count.bind(owner) } else { count };
        let counted = within(ANSWER, rows.fetch_all(count)).await?;
        let total = counted.first().map_or(Ok(0), |row| row.try_get::<i64, _>(0))? as u64;

        let (size, pages) = (self.size.0, total.div_ceil(u64::from(self.size.0)));
        let items = format!(
            "SELECT id, body{} FROM resources WHERE {} ORDER BY resources.id LIMIT {size} OFFSET {}",
            self.degraded,
            self.condition("$1", "$2"),
            u64::from(number) * u64::from(size)
        );
        let items = sqlx::query(AssertSqlSafe(items)).bind(self.collection.path);
        let Listed { items, .. } = self.items(base, items, rows).await?;

        let at = |number: u32| self.address(base, vec![("page", number.to_string())]);
        let links = Links {
            this: at(number),
            next: (u64::from(number) + 1 < pages).then(|| at(number + 1)),
            prev: number.checked_sub(1).map(at),
        };
        let page = Page { size, total_elements: total, total_pages: pages, number };
        Ok(List { name: self.collection.path, items, links, page: Some(page) })
    }

    /// A page behind an id: as fast at the millionth item as at the first, and not moved by what is
    /// added meanwhile.
    async fn behind(&self, rows: &Readers, base: &Base, behind: String) -> Result<List, QueryError> {
        let items = format!(
            "SELECT id, body{} FROM resources WHERE resources.id > $1 AND {} ORDER BY resources.id LIMIT {}",
            self.degraded,
            self.condition("$2", "$3"),
            // One more than is shown tells whether there is a next page.
            self.size.0 + 1
        );
        let items = sqlx::query(AssertSqlSafe(items)).bind(&behind).bind(self.collection.path);
        let Listed { items, behind: next } = self.items(base, items, rows).await?;

        let at = |id: &str| self.address(base, vec![("cursor", cursor::encode(id))]);
        let next = next.map(|last| at(&last));
        let links = Links { this: at(&behind), next, prev: None };
        Ok(List { name: self.collection.path, items, links, page: None })
    }

    /// Of this collection and of this owner, if one is asked for.
    fn condition(&self, collection: &str, owner: &str) -> String {
        let owner = self.owner.as_ref().map(|_| format!(" AND owner = {owner}")).unwrap_or_default();
        format!("collection = {collection}{owner}")
    }

    /// Runs a query over `id, body` and since when it stands still, with the owner as its last parameter.
    async fn items<'q>(
        &'q self,
        base: &Base,
        query: sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>,
        rows: &Readers,
    ) -> Result<Listed, QueryError> {
        let query = if let Some(owner) = &self.owner { query.bind(owner) } else { query };
        let Collection { path, singular, .. } = self.collection;
        let rows = within(ANSWER, rows.fetch_all(query)).await?;
        let shown = &rows[..rows.len().min(self.size.0 as usize)];
        let mut items = Items::default();
        for row in shown {
            let (id, body): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
            let degraded = degraded_since(row, 2)?.and_then(|since| {
                let open = body.trim_end().strip_suffix('}')?;
                Some(format!(r#"{open},"degraded":{{"since":{since}}}}}"#))
            });
            items.push(degraded.as_deref().unwrap_or(body), singular, &base.one(path, id));
        }
        let last = shown.last().filter(|_| rows.len() > shown.len());
        let behind = last.map(|last| last.try_get(0)).transpose()?;
        Ok(Listed { items, behind })
    }

    fn address(&self, base: &Base, mut parameters: Vec<(&str, String)>) -> String {
        parameters.push(("size", self.size.0.to_string()));
        if let Some(owner) = &self.owner {
            parameters.push((self.collection.owner, owner.clone()));
        }
        base.list(self.collection.path, &parameters)
    }
}
