//! Rows made anew beside the live ones, while those are read and go on.
//!
//! `build` fills a table of its own, `compare` holds it against the live one at the same position,
//! `switch` lets it take its place, or takes that back.

mod build;
mod compare;
mod switch;
mod throttle;

use std::sync::Arc;

use backon::{BackoffBuilder, ExponentialBuilder};
use event_store::{EventStore, Position, ReadError};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Checkpoint};
use crate::database::{Database, Transaction, is_conflict};
use crate::partition::Positions;
use crate::projection::{Projection, Undecodable};
use crate::target::Target;

pub use build::ReplayProgress;
pub use compare::{Comparison, Difference};
pub use switch::{RolledBack, rollback};

/// How far behind the live rows the last part may be that is brought in while they are held.
const LAST_PART: u64 = 5_000;

/// Why a replay did not come to its end. What it has done is kept, and the next one goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read.
    #[error("the event store: {0}")]
    Store(#[from] ReadError),
    /// The database failed.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// An event cannot be read although it could before.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Two of them build the same rows.
    #[error("another process builds the same rows at the moment")]
    Shared,
    /// It was asked to stop.
    #[error("interrupted; the next replay goes on from where this one was")]
    Interrupted,
    /// A table that was to be there is not.
    #[error("{0}")]
    Missing(String),
}

/// Does it again for as long as somebody was only in the way: nothing was done then.
async fn insist<T>(mut work: impl AsyncFnMut() -> Result<T, ReplayError>) -> Result<T, ReplayError> {
    let in_the_way =
        |error: &ReplayError| matches!(error, ReplayError::Database(error) if is_conflict(error));
    let mut delays = ExponentialBuilder::new().with_jitter().with_max_times(10).build();
    loop {
        match work().await {
            Err(error) if in_the_way(&error) => match delays.next() {
                Some(delay) => {
                    tracing::warn!(%error, "tries again");
                    tokio::time::sleep(delay).await;
                }
                None => return Err(error),
            },
            done => return done,
        }
    }
}

/// What the new rows are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To take the place of the live ones.
    Next,
    /// To be compared with the live ones and thrown away.
    Verify,
    /// To show the past: everything up to this position, under a name of its own.
    AsOf(Position),
}

impl Purpose {
    fn word(&self) -> String {
        match self {
            Self::Next => "next".to_owned(),
            Self::Verify => "verify".to_owned(),
            Self::AsOf(position) => format!("as_of_{position}"),
        }
    }
}

/// What a replay would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Which projection.
    pub projection: &'static str,
    /// The version of the new rows.
    pub version: u32,
    /// The version of the live rows, if there are any.
    pub live_version: Option<u32>,
    /// Where the live rows are.
    pub live: Option<Position>,
    /// The table it fills.
    pub table: String,
    /// Behind which position it goes on; `None` is the beginning.
    pub from: Option<Position>,
    /// Up to where.
    pub to: Option<Position>,
    /// How many positions that is.
    pub events: u64,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The live rows against the new ones; `None` when there were none of this log.
    pub comparison: Option<Comparison>,
    /// Whether the new rows are the live ones now.
    pub switched: bool,
    /// The position of the new rows.
    pub position: Option<Position>,
    /// How many keys could not be brought in whole.
    pub parked: usize,
    /// How long the live rows stood still for the comparison, in milliseconds.
    pub held_ms: u64,
}

/// A replay of one projection.
pub struct Replay {
    store: Arc<dyn EventStore>,
    database: Database,
    projection: Arc<dyn Projection>,
    purpose: Purpose,
    target: Target,
    /// How many events are brought in at once.
    batch: usize,
    /// How far the live rows may fall behind before this one waits for them.
    patience: u64,
}

impl Replay {
    /// Prepares one; nothing is done yet.
    pub fn new(
        store: Arc<dyn EventStore>,
        database: Database,
        projection: Arc<dyn Projection>,
        purpose: Purpose,
    ) -> Self {
        let target = Target::beside(&*projection, &purpose.word());
        Self { store, database, projection, purpose, target, batch: build::BATCH, patience: build::PATIENCE }
    }

    /// Brings in this many events at once.
    #[must_use]
    pub fn in_batches_of(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Waits whenever the live rows are further behind than this.
    #[must_use]
    pub fn patient_beyond(mut self, lag: u64) -> Self {
        self.patience = lag;
        self
    }

    /// What it would do.
    ///
    /// # Errors
    /// [`ReplayError::Store`] and [`ReplayError::Database`].
    pub async fn plan(&self) -> Result<Plan, ReplayError> {
        let live = self.live().await?;
        let begun = self.find(&self.target.name).await?.filter(|begun| self.fits(begun));
        let from = begun.and_then(|begun| begun.position());
        let to = self.goal().await?.most();
        let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
        Ok(Plan {
            projection: self.projection.name(),
            version: self.projection.version(),
            live_version: live.as_ref().map(|live| live.version),
            live: live.and_then(|live| live.position()),
            table: self.target.table.clone(),
            from,
            to,
            events: count(to).saturating_sub(count(from)),
        })
    }

    /// Builds the rows and, as far as it is for that, compares them and switches. Differences keep
    /// it from switching unless they are accepted; a later replay that accepts them has nothing left
    /// to build.
    ///
    /// # Errors
    /// Every [`ReplayError`].
    pub async fn run(
        &self,
        accept: bool,
        stop: &CancellationToken,
        mut report: impl FnMut(&ReplayProgress),
    ) -> Result<Outcome, ReplayError> {
        insist(|| self.begin()).await?;
        loop {
            let goal = self.goal().await?;
            self.build(&goal, stop, &mut report).await?;
            // While this was at work, the live rows went on.
            let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
            if count(self.goal().await?.most()) <= count(goal.most()) + LAST_PART {
                break;
            }
        }
        insist(|| self.index()).await?;
        if let Purpose::AsOf(_) = self.purpose {
            let position = self.find(&self.target.name).await?.and_then(|built| built.position());
            let parked = self.parked().await?;
            return Ok(Outcome { comparison: None, switched: false, position, parked, held_ms: 0 });
        }
        insist(|| self.finish(accept)).await
    }

    /// Up to where the rows are to be built: as far as the live ones are, so that the two can be
    /// compared; without live rows of this log, to its head.
    async fn goal(&self) -> Result<Positions, ReplayError> {
        let head = self.store.head().await?;
        if let Purpose::AsOf(position) = self.purpose {
            return Ok(Positions::all_at(head.min(Some(position))));
        }
        Ok(self.live().await?.map_or_else(|| Positions::all_at(head), |live| live.positions))
    }

    /// The live rows, if they are of this log.
    async fn live(&self) -> Result<Option<Checkpoint>, ReplayError> {
        let live = self.find(self.projection.name()).await?;
        Ok(live.filter(|live| live.store == self.store.id()))
    }

    async fn find(&self, name: &str) -> Result<Option<Checkpoint>, ReplayError> {
        let mut connection = self.database.readers().acquire().await?;
        let found = checkpoint::find(&mut connection, name).await?;
        connection.rest();
        Ok(found)
    }

    async fn parked(&self) -> Result<usize, ReplayError> {
        let mut connection = self.database.readers().acquire().await?;
        let parked = crate::parked::keys(&mut connection, &self.target.name).await?;
        connection.rest();
        Ok(parked.len())
    }

    /// Whether what was begun can be gone on with.
    fn fits(&self, begun: &Checkpoint) -> bool {
        begun.version == self.projection.version() && begun.store == self.store.id()
    }

    /// Makes the table, unless there is one to go on with.
    async fn begin(&self) -> Result<(), ReplayError> {
        let mut transaction = self.database.begin().await?;
        let begun = checkpoint::hold(&mut transaction, &self.target.name).await?;
        if !begun.is_some_and(|begun| self.fits(&begun)) {
            self.target.create(&self.database, &mut transaction, &self.projection.table()).await?;
            let (projection, store) = (&*self.projection, self.store.id());
            checkpoint::insert(&mut transaction, projection, &self.target, store).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Makes the indexes, once the table is full.
    async fn index(&self) -> Result<(), ReplayError> {
        let mut transaction = self.database.begin().await?;
        transaction.be_patient().await?;
        if self.database.count_indexes(&mut transaction, &self.target.table).await? == 0 {
            self.target.index(&mut transaction, &self.projection.table()).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Removes the rows of this replay.
    ///
    /// # Errors
    /// [`ReplayError::Database`].
    pub async fn discard(&self) -> Result<(), ReplayError> {
        let mut transaction = self.database.begin().await?;
        self.discard_in(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn discard_in(&self, transaction: &mut Transaction) -> Result<(), ReplayError> {
        Ok(self.target.drop(transaction).await?)
    }
}
