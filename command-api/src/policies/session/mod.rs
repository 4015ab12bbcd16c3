//! One run of a policy, from its checkpoint on: what is under way, and how it goes on.

mod desk;

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Metadata, Subject};
use event_store::{AppendError, Batch, ReadError, Subscription};
use futures::FutureExt;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::time::DelayQueue;
use uuid::Uuid;

use super::carry_out::{Carrier, Work};
use super::checkpoint::{Astray, Checkpoint};
use super::landmark;
use super::lanes::{Key, Lanes};
use super::lease::{Lease, LeaseError, Validity};
use super::pace::Pace;
use super::parked::{Parked, Trigger};
use super::parking::Parking;
use super::runner::{Runner, Wanted};
use super::status::Oldest;

/// A position that moved only past events of others is worth a checkpoint after this many. Less, and
/// idle policies would keep each other busy with their checkpoints.
const IDLE_STRETCH: u64 = 10_000;

/// How long it rests after a batch. Under load it is then woken once for many commits and not for each.
const REST: Duration = Duration::from_millis(3);

/// How long after a batch of [`BUSY`] events. Most of what a request does by itself is then seen to be done
/// before anything waits for it.
const LONG_REST: Duration = Duration::from_millis(10);

/// So many events in one batch are a load.
const BUSY: usize = 32;

/// Why a run ended although it should go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the right to run it could not be taken: {0}")]
    Lease(#[from] LeaseError),
    #[error(transparent)]
    Astray(#[from] Astray),
    #[error("another process took it over")]
    Lost,
    #[error("a defect: the runner panicked: {0}")]
    Panicked(String),
}

impl Interrupted {
    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_else(|| "without a word".to_owned()))
    }
}

/// A reaction that ended.
struct Ended {
    key: Key,
    trigger: Trigger,
    outcome: Result<(), String>,
}

/// What runs from one checkpoint on.
pub(super) struct Session<'r, E, C> {
    runner: &'r Runner<E, C>,
    events: Subscription,
    checkpoint: Checkpoint,
    lanes: Lanes<(Trigger, Work<C>)>,
    parking: Parking,
    parked: Parked,
    /// Orders up to this revision are in `parked` from the beginning.
    ordered_through: Option<u64>,
    /// Whether what is parked is other than what was reported.
    parked_changed: bool,
    tasks: JoinSet<Ended>,
    carrier: Arc<Carrier<C>>,
    /// The keys whose next reaction still has to wait.
    timers: DelayQueue<Key>,
    /// How many reactions ended since the checkpoint was saved.
    ended: u64,
}

impl<'r, E: Send + Sync + 'static, C: Send + Sync + 'static> Session<'r, E, C> {
    /// Takes up what the checkpoint says.
    pub(super) async fn open(runner: &'r Runner<E, C>, validity: Validity) -> Result<Self, Interrupted> {
        let (store, system, policy) = (&*runner.store, runner.system, &runner.policy);
        let checkpoint = Checkpoint::load(store, system, policy.name).await?;
        let parking = runner.parking();
        let (parked, ordered_through) = parking.load().await?;
        let saved = checkpoint.saved();
        let events = store.subscribe(saved, runner.filter()).await?;
        tracing::info!(policy = policy.name, from = ?saved, "policy runs");
        let settings = &runner.settings;
        let carrier = Carrier {
            handler: Arc::clone(&runner.handler),
            pace: Pace::new(settings.concurrency, settings.retry_every),
            validity,
            longest_pause: settings.longest_pause,
            status: Arc::clone(&runner.status),
        };
        let mut session = Self {
            runner,
            events,
            checkpoint,
            lanes: Lanes::new(saved),
            parking,
            parked,
            ordered_through,
            parked_changed: true,
            tasks: JoinSet::new(),
            carrier: Arc::new(carrier),
            timers: DelayQueue::new(),
            ended: 0,
        };
        session.obey(&session.parked.all()).await?;
        Ok(session)
    }

    /// Goes on until told to rest, or interrupted.
    pub(super) async fn run(
        &mut self,
        told_to_rest: impl Future<Output = ()>,
        mut lease: Option<&mut Lease>,
    ) -> Result<(), Interrupted> {
        let settings = &self.runner.settings;
        let mut saves = interval(settings.checkpoint_every);
        saves.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renew_every = lease.as_ref().map_or(settings.checkpoint_every, |lease| lease.renew_every());
        let mut renewals = interval(renew_every);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told_to_rest = pin!(told_to_rest);
        let mut rested = Instant::now();
        loop {
            self.report();
            let resting = rested > Instant::now();
            // In this order: neither the lease nor the checkpoint must wait for a pause in the work.
            tokio::select! {
                biased;
                () = &mut told_to_rest => return Ok(()),
                _ = renewals.tick(), if lease.is_some() => {
                    if let Some(lease) = &mut lease {
                        lease.renew(&*self.runner.store).await.map_err(lost)?;
                    }
                }
                _ = saves.tick() => self.save().await?,
                Some(ended) = self.tasks.join_next() => self.finish_all(ended).await?,
                Some(due) = poll_fn(|context| self.timers.poll_expired(context)) => self.begin(due.into_inner()),
                () = sleep_until(rested), if resting => {}
                batch = self.events.next(), if !resting && self.lanes.open() < settings.max_open => {
                    let batch = batch?;
                    let rest = if batch.events.len() < BUSY { REST } else { LONG_REST };
                    self.enter(batch).await?;
                    rested = Instant::now() + rest;
                }
            }
        }
    }

    /// Drops what is under way (whatever it did, doing it again does nothing) and saves the checkpoint.
    pub(super) async fn close(mut self) -> Result<(), Interrupted> {
        self.tasks.shutdown().await;
        self.save().await
    }

    /// Decodes a batch, lets the policy react and starts whatever can be started.
    async fn enter(&mut self, batch: Batch) -> Result<(), Interrupted> {
        let mut keys = Vec::new();
        for event in &batch.events {
            if self.parking.has(event) {
                self.hear_order(event).await?;
                continue;
            }
            match self.runner.wanted(event) {
                Ok(Wanted::Nothing) => {}
                Ok(_) if self.parked.was_skipped(event.id) => {}
                Ok(Wanted::Withdraw(request)) => {
                    self.lanes.withdraw(request.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
                }
                Ok(Wanted::Work(work)) => {
                    let trigger = Trigger::of(event);
                    // By request, not by stream: a car has many requests, which must not wait for each
                    // other, let alone withdraw each other's reactions.
                    let key = key(work.origin.correlation);
                    if self.parked.blocks(&key) {
                        self.wait_behind(&key, trigger).await?;
                    } else if !self.parked.knows(&key, event.id) {
                        let (since, yields) = (work.since, work.yields);
                        self.lanes.enter(&key, event.position, since, (trigger, work), yields);
                        keys.push(key);
                    }
                }
                Err(error) => {
                    let request =
                        Metadata::decode(&event.metadata).map(|known| known.correlation_id.to_string());
                    let subject = || Subject::of(event.stream.as_str()).map_or("", |subject| subject.key);
                    let key = request.unwrap_or_else(|_| subject().to_owned());
                    if !self.parked.knows(&key, event.id) && !self.parked.was_skipped(event.id) {
                        self.park(&key, Trigger::of(event), error).await?;
                    }
                }
            }
            self.lanes.pass(Some(event.position));
        }
        self.lanes.pass(batch.through);
        // Only now, so that what is withdrawn further down never begins.
        keys.into_iter().for_each(|key| self.begin(key));
        Ok(())
    }

    /// Begins with the next reaction of a key, unless one is under way; or sets a timer for it.
    fn begin(&mut self, key: Key) {
        match self.lanes.next(&key) {
            None => return,
            Some((_, work)) if work.due > Instant::now() => {
                self.timers.insert_at(key, work.due);
                return;
            }
            Some(_) => {}
        }
        let Some((trigger, work)) = self.lanes.begin(&key) else { return };
        let carrier = Arc::clone(&self.carrier);
        self.tasks.spawn(async move {
            // A defect in one reaction must not stop the others.
            let outcome = AssertUnwindSafe(carrier.carry_out(&work)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err("a defect: carrying it out panicked".to_owned()));
            Ended { key, trigger, outcome }
        });
    }

    /// A reaction ended, and with it all that ended meanwhile.
    async fn finish_all(&mut self, ended: Result<Ended, JoinError>) -> Result<(), Interrupted> {
        let mut next = Some(ended);
        while let Some(ended) = next {
            self.finish(ended.expect("reactions catch their panics and are aborted only at the end")).await?;
            next = self.tasks.try_join_next();
        }
        Ok(())
    }

    /// A reaction ended: parks it if it failed for good, and starts the next of its lane.
    async fn finish(&mut self, Ended { key, trigger, outcome }: Ended) -> Result<(), Interrupted> {
        let position = trigger.position;
        match outcome {
            Err(error) => self.park(&key, trigger, error).await?,
            Ok(()) => self.retried(&key, trigger.event).await?,
        }
        self.ended += 1;
        self.lanes.done(&key, position);
        while self.parked.blocks(&key)
            && let Some((trigger, _)) = self.lanes.begin(&key)
        {
            let position = trigger.position;
            self.wait_behind(&key, trigger).await?;
            self.lanes.done(&key, position);
        }
        self.begin(key);
        Ok(())
    }

    /// Saves the checkpoint when something was done, or when much was passed over.
    async fn save(&mut self) -> Result<(), Interrupted> {
        let Some(watermark) = self.lanes.watermark() else { return Ok(()) };
        let saved = self.checkpoint.saved();
        let passed = watermark.0 - saved.map_or(0, |saved| saved.0);
        if saved < Some(watermark) && (self.ended > 0 || passed >= IDLE_STRETCH) {
            let store = &*self.runner.store;
            let landmark = landmark::up_to(store, self.runner.system, watermark).await?;
            self.checkpoint.save(store, watermark, landmark).await.map_err(lost)?;
            self.ended = 0;
        }
        Ok(())
    }

    fn report(&mut self) {
        let position = self.lanes.watermark();
        self.runner.pulse.beat_at(position);
        self.runner.status.update(|status| {
            status.running = true;
            status.stopped = None;
            status.position = position;
            status.open = self.lanes.open();
            let oldest = self.lanes.oldest();
            if status.oldest.as_ref().map(|oldest| oldest.position) != oldest.map(|(position, ..)| position) {
                let owned =
                    |(position, key, since): (_, &str, _)| Oldest { position, key: key.into(), since };
                status.oldest = oldest.map(owned);
            }
            if self.parked_changed {
                status.parked = self.parked.all();
            }
        });
        self.parked_changed = false;
    }
}

/// A request as the key of what it wants done.
fn key(request: Uuid) -> Key {
    Key::from(&*request.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// A note that was overtaken was overtaken by another process.
fn lost(error: AppendError) -> Interrupted {
    match error {
        AppendError::WrongRevision { .. } => Interrupted::Lost,
        error => error.into(),
    }
}
