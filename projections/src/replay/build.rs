//! Fills the table of a replay: one task reads, another makes rows of what was read, a third one writes
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{Batch, Decoded, EventStore, Filter, Position, RecordedEvent};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::throttle::Throttle;
use super::{Replay, ReplayError, insist};
use crate::checkpoint::{self, Moved, Step};
use crate::database::{Bulk, Transaction};
use crate::parked;
use crate::partition::Positions;
use crate::projection::Change;
use crate::sorted::Sorted;

/// How many events are folded before they are written: the rows of a request change several times
/// close together, and are then written once.
pub(super) const BATCH: usize = 20_000;

/// How far the live rows may fall behind before a replay waits for them.
pub(super) const PATIENCE: u64 = 20_000;

/// How often a replay that waits looks at the live rows.
const LOOK: Duration = Duration::from_millis(200);

/// How a replay is getting on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayProgress {
    /// How many positions it has considered since it was started.
    pub done: u64,
    /// How many there are to consider in this run.
    pub total: u64,
    /// The last position that is in the rows.
    pub position: Option<Position>,
    /// How many per second, since it was started.
    pub per_second: f64,
    /// How many seconds it will take at this pace.
    pub eta_seconds: f64,
    /// How far the live rows are behind the log.
    pub live_lag: u64,
    /// Whether it waits for the live rows to catch up.
    pub waiting: bool,
}

/// A piece of the log as it was read.
struct Read {
    events: Vec<RecordedEvent>,
    through: Option<Position>,
}

/// A piece of the log on its way to the table.
struct Piece {
    events: Vec<RecordedEvent>,
    /// What they do, unless one of them cannot be read.
    change: Option<Box<dyn Change>>,
    through: Option<Position>,
}

impl Replay {
    /// Brings everything up to the goal into the table.
    pub(super) async fn build(
        &self,
        goal: &Positions,
        stop: &CancellationToken,
        report: &mut impl FnMut(&ReplayProgress),
    ) -> Result<(), ReplayError> {
        let built = self.find(&self.target.name).await?.ok_or(ReplayError::Shared)?;
        let mut at = built.positions;
        if at.reach(goal) {
            return Ok(());
        }
        let mut through = at.least();
        let began = Pace { start: Instant::now(), from: through, goal: goal.most() };
        let (mut parked, skipped) = {
            let mut connection = self.database.readers().acquire().await?;
            let parked = parked::keys(&mut connection, &self.target.name).await?;
            let skipped = parked::skipped(&mut connection, self.projection.name()).await?;
            connection.rest();
            (parked, skipped)
        };
        let (mut incoming, reader) = self.reader(at.clone(), goal.clone(), skipped);
        let mut throttle = Throttle::new(self.patience);
        while let Some(piece) = incoming.recv().await {
            self.wait_for_live(&mut throttle, stop, |lag| report(&began.at(through, lag, true))).await?;
            if stop.is_cancelled() {
                return Err(ReplayError::Interrupted);
            }
            let to = at.towards(goal, piece.through);
            parked = insist(async || {
                // Nobody reads these rows before the switch, which is synced.
                let mut load = self.database.begin_load().await?;
                let bulk = load.about_own(&self.target.table);
                let parked = self.bring(bulk, &piece, (&at, &to), &parked).await?;
                load.commit().await?;
                Ok(parked)
            })
            .await?;
            (at, through) = (to, piece.through);
            report(&began.at(through, self.live_lag().await?, false));
        }
        match reader.await {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Brings the small rest into the table, in a transaction that holds the live rows.
    pub(super) async fn bring_rest(
        &self,
        transaction: &mut Transaction,
        from: &Positions,
        goal: &Positions,
    ) -> Result<(), ReplayError> {
        let skipped = parked::skipped(transaction.connection(), self.projection.name()).await?;
        let (mut incoming, reader) = self.reader(from.clone(), goal.clone(), skipped);
        let mut parked = parked::keys(transaction.connection(), &self.target.name).await?;
        let mut at = from.clone();
        while let Some(piece) = incoming.recv().await {
            let to = at.towards(goal, piece.through);
            let bulk = transaction.about(&self.target.table).own();
            parked = self.bring(bulk, &piece, (&at, &to), &parked).await?;
            at = to;
        }
        match reader.await {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// The pieces between these positions, and why they ended. One waits at most behind each task: memory
    /// does not grow with the log.
    fn reader(
        &self,
        from: Positions,
        goal: Positions,
        skipped: BTreeSet<Position>,
    ) -> (mpsc::Receiver<Piece>, JoinHandle<Result<(), ReplayError>>) {
        let (store, projection) = (Arc::clone(&self.store), Arc::clone(&self.projection));
        let (batch, filter) = (self.batch, projection.filter());
        let (ahead, mut read_ahead) = mpsc::channel(1);
        let reading =
            tokio::spawn(async move { read(&*store, filter, (&from, &goal), &skipped, batch, ahead).await });
        let (pieces, incoming) = mpsc::channel(1);
        let preparing = tokio::spawn(async move {
            while let Some(Read { events, through }) = read_ahead.recv().await {
                let change = projection.prepare(&events).ok();
                if pieces.send(Piece { events, change, through }).await.is_err() {
                    // Whoever took them has failed and says why.
                    return Ok(());
                }
            }
            match reading.await {
                Ok(read) => read,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        });
        (incoming, preparing)
    }

    async fn bring(
        &self,
        mut bulk: Bulk<'_>,
        piece: &Piece,
        (from, to): (&Positions, &Positions),
        parked: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, ReplayError> {
        let projection = &*self.projection;
        let store = &*self.store;
        let step = Step { from, to, events: piece.events.len(), leases: None };
        match checkpoint::advance(&mut bulk, projection, &self.target, store, step).await? {
            Moved::Yes => {}
            Moved::WentBack | Moved::LeaseLost | Moved::Refused(_) => return Err(ReplayError::Shared),
        }
        match &piece.change {
            Some(change) if parked.is_empty() => {
                change.apply(&mut bulk).await?;
                Ok(BTreeSet::new())
            }
            _ => {
                let sorted = Sorted::new(projection, &piece.events, parked)?;
                sorted.apply(&mut bulk, &self.target.name).await?;
                Ok(sorted.parked)
            }
        }
    }

    async fn live_lag(&self) -> Result<u64, ReplayError> {
        let live = self.live().await?;
        let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
        let head = count(self.store.head().await?);
        Ok(live.map_or(0, |live| head.saturating_sub(count(live.position()))))
    }

    /// Waits while the throttle says so.
    async fn wait_for_live(
        &self,
        throttle: &mut Throttle,
        stop: &CancellationToken,
        mut report: impl FnMut(u64),
    ) -> Result<(), ReplayError> {
        loop {
            let live = self.live().await?.and_then(|live| live.position());
            let lag = self.live_lag().await?;
            if !throttle.waits(live, lag) || stop.is_cancelled() {
                return Ok(());
            }
            report(lag);
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Where a run began.
struct Pace {
    start: Instant,
    from: Option<Position>,
    goal: Option<Position>,
}

impl Pace {
    fn at(&self, position: Option<Position>, live_lag: u64, waiting: bool) -> ReplayProgress {
        let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
        let done = count(position) - count(self.from);
        let total = count(self.goal) - count(self.from);
        let per_second = done as f64 / self.start.elapsed().as_secs_f64().max(0.001);
        let eta_seconds = (total - done) as f64 / per_second.max(1.0);
        ReplayProgress { done, total, position, per_second, eta_seconds, live_lag, waiting }
    }
}

/// Reads what lies between for each partition, in pieces of about this size.
async fn read(
    store: &dyn EventStore,
    filter: Filter,
    (at, goals): (&Positions, &Positions),
    skipped: &BTreeSet<Position>,
    size: usize,
    pieces: mpsc::Sender<Read>,
) -> Result<(), ReplayError> {
    let (from, goal) = (at.least(), goals.most());
    let together = at.are_all_together() && goals.are_all_together();
    let wanted = |event: &RecordedEvent| together || (at.lack(event) && !goals.lack(event));
    let mut subscription = store.subscribe(from, filter).await?;
    let mut events = Vec::with_capacity(size);
    let (mut through, mut sent) = (from, from);
    while through < goal {
        let Batch { events: more, through: looked, .. } = subscription.next().await?;
        through = looked.max(through).min(goal);
        let more = more.into_iter().take_while(|event| Some(event.position) <= goal);
        for event in more.filter(|event| wanted(event) && !skipped.contains(&event.position)) {
            sent = Some(event.position);
            // It is what the log says that is compared with the live rows, not what its writer meant.
            events.push(RecordedEvent { decoded: Decoded::default(), ..event });
            if events.len() == size {
                let piece = std::mem::replace(&mut events, Vec::with_capacity(size));
                if pieces.send(Read { events: piece, through: sent }).await.is_err() {
                    // Whoever took them has ended and says why.
                    return Ok(());
                }
            }
        }
    }
    // Behind the last event of all there may be some that were of no interest.
    if !events.is_empty() || sent < goal {
        // Whoever does not take it has ended and says why.
        pieces.send(Read { events, through }).await.ok();
    }
    Ok(())
}
