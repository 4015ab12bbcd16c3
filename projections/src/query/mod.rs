//! The queries over the rows: plain reads, each of which says how fresh it is.
//!
//! `list` serves the collections of every system, `my_page` a MyPage of any; the screens say which
//! routes they have. What they share: `parameters` (what a client may say), `freshness` (how new an answer is), `hal` (what a
//! list looks like), `live` (rows as they change), `error` (how a query fails).

mod base;
pub(crate) mod cursor;
mod error;
mod freshness;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hal;
mod list;
mod live;
pub(crate) mod my_page;
mod parameters;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_store::{EventStore, Position};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::progress::Progress;
use crate::resources;
use crate::system::System;

pub(crate) use base::Base;
pub(crate) use error::QueryError;
pub(crate) use freshness::AsOf;
pub(crate) use hal::{Items, Links, List, item};
pub(crate) use live::{Change, Changes, live};
pub(crate) use parameters::{Parameters, Size};

/// How queries behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryOptions {
    /// How long `after=` waits at most for a position to be considered.
    pub wait: Duration,
    /// How often a silent stream of changes sends a comment, so that nobody on the way closes it.
    pub heartbeat: Duration,
    /// How long a client whose stream of changes broke should wait before it connects again.
    pub reconnect: Duration,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(2),
            heartbeat: Duration::from_secs(15),
            reconnect: Duration::from_secs(2),
        }
    }
}

/// What the queries over one projection need.
#[derive(Clone)]
pub struct Reads {
    /// Which projection.
    pub(crate) projection: &'static str,
    pub(crate) database: Database,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) options: QueryOptions,
    pub(crate) shutdown: CancellationToken,
}

impl Reads {
    /// What a query selects behind its other columns to learn since when a row of this table stands still.
    /// Nobody asks while nothing is known to be parked: what is parked later is behind what the answer says
    /// that it is of.
    pub(crate) fn degraded(&self, table: &str) -> String {
        let Progress { considered, parked, .. } = *self.progress.borrow();
        if considered.is_some() && parked == 0 {
            return String::new();
        }
        let projection = self.projection;
        format!(
            ", (SELECT MIN(parked.position) FROM parked
                WHERE parked.projection = '{projection}' AND parked.id = {table}.id)"
        )
    }
}

/// Since when a row stands still, by the column that [`Reads::degraded`] selects, if it does.
pub(crate) fn degraded_since(row: &AnyRow, column: usize) -> Result<Option<Position>, sqlx::Error> {
    let since: Option<i64> = if row.len() > column { row.try_get(column)? } else { None };
    Ok(since.map(|since| Position(since.unsigned_abs())))
}

/// All queries of a system; `reads` gives each what it needs, by the name of its projection.
pub(crate) fn router(system: &System, reads: impl Fn(&str) -> Reads) -> Router {
    let lists = match system.collections {
        [] => Router::new(),
        collections => list::router(collections, &reads(resources::NAME)),
    };
    let screens = system.screens.iter().map(|screen| screen.routes(reads(screen.projection().name())));
    screens.fold(lists, Router::merge)
}
