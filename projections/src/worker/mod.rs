//! Follows the log for one projection: one step here, step after step in `run`.

mod run;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Batch, EventStore, Position, ReadError, Subscription};
use futures::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::checkpoint::{self, Moved, Refused, Step};
use crate::database::{self, Database, Transaction};
use crate::healed;
use crate::lease::Tokens;
use crate::parked;
use crate::partition::{PARTITIONS, Positions};
use crate::progress::Progress;
use crate::projection::Projection;
use crate::sorted::Sorted;
use crate::step_error::StepError;
use crate::target::Target;

/// How many waiting events go into one transaction, give or take the last piece that the store
/// hands out. Larger batches write a row once that several events change, hold the one writing
/// connection longer, and take more memory: each event is there as bytes, as a fact, and as rows in text.
const BATCH: usize = 2048;

/// How long the database may take for one batch, longer than any limit of its own: one that hangs would
/// never answer.
const PATIENCE: Duration = Duration::from_secs(35);

/// Keeps the rows of one projection up with the log, or those of some of its partitions.
pub struct Worker {
    store: Arc<dyn EventStore>,
    database: Database,
    projection: Arc<dyn Projection>,
    target: Target,
    /// The leases without which nothing is written, where workers share.
    leases: Option<Tokens>,
    /// The keys that wait for an operator, as of the last transaction.
    parked: BTreeSet<String>,
    subscription: Option<Subscription>,
    /// What was taken from the subscription and is not in the rows yet.
    taken: Option<Batch>,
    /// An error that ended the subscription behind `taken`.
    ended: Option<ReadError>,
    /// Where the checkpoint in the database is.
    saved: Positions,
    /// Whether something failed, so that the checkpoint may be elsewhere: a commit can be done although
    /// its answer never came.
    in_doubt: bool,
    /// Whether much happened in the last transaction, at the end of the log.
    busy: bool,
    /// When the checkpoint was written last.
    written: Instant,
    progress: Arc<watch::Sender<Progress>>,
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

    /// The same for the partitions of these leases, for as long as they are held.
    pub(crate) async fn open_leased(
        store: Arc<dyn EventStore>,
        database: Database,
        projection: Arc<dyn Projection>,
        leases: Option<Tokens>,
    ) -> Result<Self, StepError> {
        let target = Target::live(&*projection);
        let partitions = match &leases {
            Some(leases) => leases.keys().copied().collect(),
            None => (0..PARTITIONS).collect::<Vec<_>>(),
        };
        let (saved, parked) = database::within(PATIENCE, async {
            // Through the writing connection, so that a commit which a dropped worker left under way is
            // seen and not run into.
            let mut transaction = database.begin().await?;
            let (projection, store) = (&*projection, &*store);
            let saved =
                checkpoint::open(&database, &mut transaction, projection, &target, store, &partitions)
                    .await??;
            let parked = parked::keys(transaction.connection(), &target.name).await?;
            transaction.commit().await?;
            Ok::<_, StepError>((saved, parked))
        })
        .await?;
        let (considered, head) = (saved.least(), store.head().await);
        if let (Ok(head), Some(at)) = (&head, saved.most())
            && *head < Some(at)
        {
            let projection = projection.name();
            return Err(Refused::BeyondHead { projection, at, head: *head }.into());
        }
        let head = head.ok().flatten();
        let parked_keys = parked.len();
        let progress =
            Progress { considered, changed: considered, head, parked: parked_keys, ..Progress::default() };
        Ok(Self {
            store,
            database,
            projection,
            target,
            leases,
            parked,
            subscription: None,
            taken: None,
            ended: None,
            saved,
            in_doubt: false,
            busy: false,
            written: Instant::now(),
            progress: Arc::new(watch::channel(progress).0),
        })
    }

    /// Tells those who listen here where it is.
    pub(crate) fn tell(&mut self, listeners: &Arc<watch::Sender<Progress>>) {
        listeners.send_replace(self.progress.borrow().clone());
        self.progress = Arc::clone(listeners);
    }

    /// Where it is, and the news of it.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Waits until there is something behind what was considered, and brings it into the rows.
    /// Dropping the future while it waits loses nothing.
    ///
    /// # Errors
    /// Every [`StepError`]. After one of the passing kind the next step goes on where this one was.
    pub async fn step(&mut self) -> Result<(), StepError> {
        if self.in_doubt {
            self.go_back().await?;
        }
        self.take().await?;
        self.apply().await
    }

    /// Waits for events and takes what waits, up to [`BATCH`]. Only the waiting can be cancelled.
    async fn take(&mut self) -> Result<(), StepError> {
        if self.taken.is_some() {
            return Ok(());
        }
        if let Some(error) = self.ended.take() {
            self.subscription = None;
            return Err(StepError::of_store(self.projection.name(), error));
        }
        let subscription = match &mut self.subscription {
            Some(subscription) => subscription,
            none => {
                let after = self.progress.borrow().considered;
                let subscribed = self.store.subscribe(after, self.projection.filter()).await;
                none.insert(subscribed.map_err(|error| StepError::of_store(self.projection.name(), error))?)
            }
        };
        let mut batch = match subscription.next().await {
            Ok(batch) => batch,
            Err(error) => {
                self.subscription = None;
                return Err(StepError::of_store(self.projection.name(), error));
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
        let applied = database::within(PATIENCE, self.apply_batch(batch)).await;
        // The next step looks where the rows are, and goes on from there.
        self.in_doubt = applied.is_err();
        applied
    }

    async fn apply_batch(&mut self, batch: Batch) -> Result<(), StepError> {
        let through = batch.through.max(self.progress.borrow().considered);
        let (changed, count) = (batch.events.last().map(|event| event.position), batch.events.len());
        let mut healed = None;
        // Also where no event is of these partitions: the projection is where its last partition is.
        if changed.is_some() {
            let events = Arc::new(self.saved.lacking(batch.events));
            // Read before the database is asked, so that another projection can write meanwhile.
            let mut sorted = Sorted::aside(&self.projection, &events, &self.parked).await?;
            let mut transaction = self.database.begin().await?;
            let saved = self.advance(&mut transaction, through, events.len()).await?;
            if !events.is_empty() {
                let parked = parked::keys(transaction.connection(), &self.target.name).await?;
                // Together with where it then is, so that no open page goes on without what was healed before.
                healed = Some(healed::last(transaction.connection(), &self.target.name).await?);
                if parked != self.parked {
                    // An operator came in between.
                    sorted = Sorted::aside(&self.projection, &events, &parked).await?;
                }
                sorted.apply(&mut transaction.about(&self.target.table), &self.target.name).await?;
            }
            transaction.commit().await?;
            self.saved = saved;
            self.parked = sorted.parked;
        }
        self.busy = batch.at_end && count >= run::BUSY;
        self.publish(through, changed, healed, batch.at_end).await;
        if changed.is_some() {
            self.written = Instant::now();
        } else if self.written.elapsed() > run::QUIET {
            self.save().await?;
        }
        Ok(())
    }

    /// Moves the checkpoint; where it then is.
    async fn advance(
        &mut self,
        transaction: &mut Transaction,
        to: Option<Position>,
        events: usize,
    ) -> Result<Positions, StepError> {
        let (projection, store) = (&*self.projection, &*self.store);
        let to = self.saved.through(to);
        let step = Step { from: &self.saved, to: &to, events, leases: self.leases.as_ref() };
        match checkpoint::advance(&mut transaction.bulk(), projection, &self.target, store, step).await? {
            Moved::Yes => Ok(to),
            Moved::WentBack => Err(StepError::WentBack(projection.name())),
            Moved::LeaseLost => Err(StepError::LeaseLost(projection.name())),
            Moved::Refused(refused) => Err(refused.into()),
        }
    }

    /// Starts over from what the database has.
    async fn go_back(&mut self) -> Result<(), StepError> {
        let partitions: Vec<u8> = self.saved.partitions().collect();
        let (projection, store) = (&*self.projection, &*self.store);
        self.saved = database::within(PATIENCE, async {
            let mut transaction = self.database.begin().await?;
            let target = &self.target;
            Ok::<_, StepError>(
                checkpoint::load(&mut transaction.bulk(), projection, target, store, &partitions).await??,
            )
        })
        .await?;
        (self.subscription, self.taken, self.ended) = (None, None, None);
        self.in_doubt = false;
        let least = self.saved.least();
        self.progress.send_modify(|progress| {
            progress.considered = least;
            progress.changed = progress.changed.max(least);
        });
        Ok(())
    }

    async fn publish(
        &mut self,
        through: Option<Position>,
        changed: Option<Position>,
        healed: Option<i64>,
        at_end: bool,
    ) {
        // A store that does not tell its head now tells it by its next batch.
        let head = if at_end { through } else { self.store.head().await.ok().flatten() };
        let parked = self.parked.len();
        self.progress.send_modify(|progress| {
            progress.considered = through;
            progress.changed = changed.or(progress.changed);
            progress.healed = progress.healed.max(healed.unwrap_or_default());
            progress.head = head.max(progress.head).max(through);
            progress.trouble = None;
            progress.parked = parked;
        });
    }

    /// Writes the checkpoint when it lies behind what was considered.
    async fn save(&mut self) -> Result<(), StepError> {
        let considered = self.progress.borrow().considered;
        if considered <= self.saved.least() || self.in_doubt {
            return Ok(());
        }
        let saved = database::within(PATIENCE, async {
            let mut transaction = self.database.begin().await?;
            let saved = self.advance(&mut transaction, considered, 0).await?;
            transaction.commit().await?;
            Ok::<_, StepError>(saved)
        });
        let saved = saved.await;
        self.written = Instant::now();
        self.in_doubt = saved.is_err();
        self.saved = saved?;
        Ok(())
    }
}
