//! Follows the log for one projection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use event_store::{Batch, EventStore, Position, ReadError, Subscription};
use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Moved, Refused, Step};
use crate::database::{Database, Transaction};
use crate::parked;
use crate::progress::Progress;
use crate::projection::{Projection, Undecodable};
use crate::sorted::Sorted;
use crate::target::Target;

/// How many waiting events go into one transaction, give or take the last piece that the store
/// hands out. Larger batches write a row once that several events change, and hold the one writing
/// connection longer.
const BATCH: usize = 8192;

/// How many positions without an event of interest may pass before the checkpoint is written for
/// their sake alone. They cost only time at the next start.
const LAZY: u64 = 100_000;

/// Keeps the rows of one projection up with the log.
pub struct Worker {
    store: Arc<dyn EventStore>,
    database: Database,
    projection: Arc<dyn Projection>,
    target: Target,
    /// The token of the lease without which nothing is written, where workers share.
    lease: Option<i64>,
    /// The keys that wait for an operator, as of the last transaction.
    parked: BTreeSet<String>,
    subscription: Option<Subscription>,
    /// What was taken from the subscription and is not in the rows yet.
    taken: Option<Batch>,
    /// An error that ended the subscription behind `taken`.
    ended: Option<ReadError>,
    /// Where the checkpoint in the database is.
    saved: Option<Position>,
    progress: Arc<watch::Sender<Progress>>,
}

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed; the next step asks it again.
    #[error("the event store: {0}")]
    Store(ReadError),
    /// The database failed and nothing was written; the next step tries the same batch again.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// An event cannot be read although it could before.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The database lost its last commits; the next step goes on from what it has.
    #[error("the rows of {0} went back: the database lost its last commits, or they were replaced")]
    WentBack(&'static str),
    /// The checkpoint does not fit.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl StepError {
    /// Whether another try may help.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Store(ReadError::Unavailable(_)) | Self::Database(_) | Self::WentBack(_))
    }
}

impl Worker {
    /// Takes up a projection where its checkpoint says.
    ///
    /// # Errors
    /// [`StepError::Database`], and [`StepError::Refused`] when the checkpoint is not of this log. A
    /// store that cannot be asked for its head is asked again by the first step.
    pub async fn open(
        store: Arc<dyn EventStore>,
        database: Database,
        projection: Arc<dyn Projection>,
    ) -> Result<Self, StepError> {
        Self::open_leased(store, database, projection, None).await
    }

    /// The same, for as long as a lease with this token is held.
    pub(crate) async fn open_leased(
        store: Arc<dyn EventStore>,
        database: Database,
        projection: Arc<dyn Projection>,
        lease: Option<i64>,
    ) -> Result<Self, StepError> {
        // Through the writing connection, so that a commit which a dropped worker left under way is
        // seen and not run into.
        let target = Target::live(&*projection);
        let mut transaction = database.begin().await?;
        let saved = checkpoint::open(&database, &mut transaction, &*projection, &target, &*store).await??;
        let parked = parked::keys(transaction.connection(), &target.name).await?;
        transaction.commit().await?;
        let head = store.head().await;
        if let (Ok(head), Some(at)) = (&head, saved)
            && *head < Some(at)
        {
            let projection = projection.name();
            return Err(Refused::BeyondHead { projection, at, head: *head }.into());
        }
        let head = head.ok().flatten();
        let progress =
            Progress { considered: saved, changed: saved, head, parked: parked.len(), ..Progress::default() };
        Ok(Self {
            store,
            database,
            projection,
            target,
            lease,
            parked,
            subscription: None,
            taken: None,
            ended: None,
            saved,
            progress: Arc::new(watch::channel(progress).0),
        })
    }

    /// Where it is, and the news of it.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(crate) fn publisher(&self) -> Arc<watch::Sender<Progress>> {
        Arc::clone(&self.progress)
    }

    /// Waits until there is something behind what was considered, and brings it into the rows.
    /// Dropping the future while it waits loses nothing.
    ///
    /// # Errors
    /// Every [`StepError`]. After one of the passing kind the next step goes on where this one was.
    pub async fn step(&mut self) -> Result<(), StepError> {
        self.take().await.map_err(|error| self.store_failed(error))?;
        self.apply().await
    }

    /// Steps until the token fires, then writes its last checkpoint. Waits longer and longer while
    /// something fails; gives up on what cannot pass.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times();
        let mut delays = backoff.build();
        loop {
            let taken = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                taken = self.take() => taken,
            };
            let outcome = match taken {
                Ok(()) => self.apply().await,
                Err(error) => Err(self.store_failed(error)),
            };
            match outcome {
                Ok(()) => delays = backoff.build(),
                Err(error) if error.is_passing() => {
                    let name = self.projection.name();
                    tracing::warn!(projection = name, %error, "a projection waits for better times");
                    self.progress.send_modify(|progress| progress.trouble = Some(error.to_string()));
                    let delay = delays.next().unwrap_or(Duration::from_secs(5));
                    tokio::select! {
                        () = shutdown.cancelled() => break,
                        () = tokio::time::sleep(delay) => {}
                    }
                }
                Err(error) => {
                    tracing::error!(projection = self.projection.name(), %error, "a projection stopped");
                    self.progress.send_modify(|progress| progress.stopped = Some(error.to_string()));
                    break;
                }
            }
        }
        if let Err(error) = self.save().await {
            // Only positions without an event of interest are looked at again.
            tracing::warn!(projection = self.projection.name(), %error, "the last checkpoint was not written");
        }
    }

    /// Waits for events and takes what waits, up to [`BATCH`]. Only the waiting can be cancelled.
    async fn take(&mut self) -> Result<(), ReadError> {
        if self.taken.is_some() {
            return Ok(());
        }
        if let Some(error) = self.ended.take() {
            self.subscription = None;
            return Err(error);
        }
        let subscription = match &mut self.subscription {
            Some(subscription) => subscription,
            none => {
                let after = self.progress.borrow().considered;
                none.insert(self.store.subscribe(after, self.projection.filter()).await?)
            }
        };
        let mut batch = match subscription.next().await {
            Ok(batch) => batch,
            Err(error) => {
                self.subscription = None;
                return Err(error);
            }
        };
        let mut pieces = 1;
        while batch.events.len() < BATCH && pieces < BATCH {
            match subscription.next().now_or_never() {
                Some(Ok(more)) => {
                    batch.events.extend(more.events);
                    (batch.through, batch.at_end) = (more.through, more.at_end);
                    pieces += 1;
                }
                Some(Err(error)) => {
                    self.ended = Some(error);
                    break;
                }
                None => break,
            }
        }
        self.taken = Some(batch);
        Ok(())
    }

    /// Brings what was taken into the rows.
    async fn apply(&mut self) -> Result<(), StepError> {
        let Some(batch) = self.taken.take() else { return Ok(()) };
        let applied = self.apply_batch(&batch).await;
        if applied.as_ref().is_err_and(|error| !matches!(error, StepError::WentBack(_))) {
            // The next step tries it again.
            self.taken = Some(batch);
        }
        applied
    }

    async fn apply_batch(&mut self, batch: &Batch) -> Result<(), StepError> {
        let through = batch.through.max(self.progress.borrow().considered);
        let changed = batch.events.last().map(|event| event.position);
        if changed.is_some() {
            // Read before the database is asked, so that another projection can write meanwhile.
            let mut sorted = Sorted::new(&*self.projection, &batch.events, &self.parked)?;
            let mut transaction = self.database.begin().await?;
            if let Err(error) = self.advance(&mut transaction, through, batch.events.len()).await {
                drop(transaction);
                if matches!(error, StepError::WentBack(_)) {
                    self.go_back().await?;
                }
                return Err(error);
            }
            let parked = parked::keys(transaction.connection(), &self.target.name).await?;
            if parked != self.parked {
                // An operator came in between.
                sorted = Sorted::new(&*self.projection, &batch.events, &parked)?;
            }
            transaction.about(&self.target.table);
            sorted.apply(&mut transaction, &self.target.name).await?;
            transaction.commit().await?;
            self.saved = through;
            self.parked = sorted.parked;
        }
        self.publish(through, changed, batch.at_end).await;
        if checkpoint::number(through) - checkpoint::number(self.saved) > LAZY as i64 {
            self.save().await?;
        }
        Ok(())
    }

    async fn advance(
        &mut self,
        transaction: &mut Transaction,
        to: Option<Position>,
        events: usize,
    ) -> Result<(), StepError> {
        let (projection, store) = (&*self.projection, &*self.store);
        let step = Step { from: self.saved, to, events };
        match checkpoint::advance(transaction, projection, &self.target, store, step, self.lease).await? {
            Moved::Yes => Ok(()),
            Moved::WentBack => Err(StepError::WentBack(projection.name())),
            Moved::Refused(refused) => Err(refused.into()),
        }
    }

    /// Starts over from what the database has.
    async fn go_back(&mut self) -> Result<(), StepError> {
        let mut transaction = self.database.begin().await?;
        let (projection, store) = (&*self.projection, &*self.store);
        self.saved = checkpoint::load(&mut transaction, projection, &self.target, store).await??;
        (self.subscription, self.taken, self.ended) = (None, None, None);
        let saved = self.saved;
        self.progress.send_modify(|progress| progress.considered = saved);
        Ok(())
    }

    async fn publish(&mut self, through: Option<Position>, changed: Option<Position>, at_end: bool) {
        // A store that does not tell its head now tells it by its next batch.
        let head = if at_end { through } else { self.store.head().await.ok().flatten() };
        let parked = self.parked.len();
        self.progress.send_modify(|progress| {
            progress.considered = through;
            progress.changed = changed.or(progress.changed);
            progress.head = head.max(progress.head).max(through);
            progress.trouble = None;
            progress.parked = parked;
        });
    }

    /// Writes the checkpoint when it lies behind what was considered.
    async fn save(&mut self) -> Result<(), StepError> {
        let considered = self.progress.borrow().considered;
        if considered <= self.saved {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        self.advance(&mut transaction, considered, 0).await?;
        transaction.commit().await?;
        self.saved = considered;
        Ok(())
    }

    fn store_failed(&self, error: ReadError) -> StepError {
        let projection = self.projection.name();
        match error {
            ReadError::BeyondHead { asked: at, head } => Refused::BeyondHead { projection, at, head }.into(),
            ReadError::Damaged(_) | ReadError::Unavailable(_) => StepError::Store(error),
        }
    }
}
