use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{DecodeError, Metadata, Policy, Reaction, Subject};
use event_store::{AppendError, Batch, EventStore, Filter, ReadError, RecordedEvent};
use futures::FutureExt;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

use super::carry_out::{Handler, Work, carry_out};
use super::checkpoint::Checkpoint;
use super::lanes::Lanes;
use super::parked::{Parked, Trigger};
use super::status::{PolicyStatus, Status};
use crate::context::Context;
use crate::execute::{Clock, Origin};

/// How policies are run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerSettings {
    /// How long a request may do by itself what a policy only makes sure of. Longer than the
    /// timeouts of its synchronous calls, so that the two never compete.
    pub head_start: Duration,
    /// How many reactions of one policy are carried out at once.
    pub concurrency: usize,
    /// How many reactions of one policy may wait; beyond that it reads no further.
    pub max_open: usize,
    /// The longest pause before something is tried again.
    pub longest_pause: Duration,
    /// How often the checkpoint is saved while it moves.
    pub checkpoint_every: Duration,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            head_start: Duration::from_secs(2),
            concurrency: 32,
            max_open: 20_000,
            longest_pause: Duration::from_secs(5),
            checkpoint_every: Duration::from_secs(1),
        }
    }
}

/// A position that moved only past events of others is worth a checkpoint after this many. Less, and
/// idle policies would keep each other busy with their checkpoints.
const IDLE_STRETCH: u64 = 10_000;

/// Why a reaction is parked that did not fail itself.
const WAITS: &str = "waits behind an earlier event of the same key";

/// Reads an event of the log as a fact of the business; `None` when it is none.
pub type Decode<E> = fn(&RecordedEvent) -> Result<Option<E>, DecodeError>;

/// Runs one policy.
pub struct Runner<E, C> {
    policy: Policy<E, C>,
    system: &'static str,
    context: Context,
    decode: Decode<E>,
    handler: Arc<dyn Handler<C>>,
    store: Arc<dyn EventStore>,
    clock: Clock,
    settings: RunnerSettings,
    status: Arc<Status>,
}

/// Why a runner has to start anew from its checkpoint.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// A reaction that ended.
struct Ended {
    key: String,
    trigger: Trigger,
    outcome: Result<(), String>,
}

/// What runs from one checkpoint on.
struct Session<C> {
    checkpoint: Checkpoint,
    lanes: Lanes<(Trigger, Work<C>)>,
    parked: Parked,
    tasks: JoinSet<Ended>,
    slots: Arc<Semaphore>,
    /// The keys whose next reaction still has to wait.
    timers: DelayQueue<String>,
    /// How many reactions ended since the checkpoint was saved.
    ended: u64,
}

impl<E: 'static, C: Send + Sync + 'static> Runner<E, C> {
    /// A runner for this policy of a system.
    #[expect(clippy::too_many_arguments, reason = "wiring, called in one place")]
    pub fn new(
        policy: Policy<E, C>,
        system: &'static str,
        context: Context,
        decode: Decode<E>,
        handler: Arc<dyn Handler<C>>,
        store: Arc<dyn EventStore>,
        clock: Clock,
        settings: RunnerSettings,
    ) -> Self {
        let status = Arc::<Status>::default();
        status.update(|status| (status.name, status.context) = (policy.name, policy.context));
        Self { policy, system, context, decode, handler, store, clock, settings, status }
    }

    /// How it is doing, as it changes.
    pub fn status(&self) -> watch::Receiver<PolicyStatus> {
        self.status.watch()
    }

    /// Runs until told to shut down; rests while its context is stopped.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.context.until(true) => {}
            }
            let interrupted = self.session(&shutdown).await;
            self.status.update(|status| {
                status.running = false;
                status.stopped = interrupted.as_ref().err().map(ToString::to_string);
            });
            if let Err(reason) = interrupted {
                tracing::error!(policy = self.policy.name, %reason, "policy interrupted, starts anew");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(self.settings.longest_pause) => {}
                }
            }
        }
    }

    /// Runs from the checkpoint until the context is stopped, the process shuts down or the store
    /// fails. What is under way then is dropped: whatever it did, doing it again does nothing.
    async fn session(&self, shutdown: &CancellationToken) -> Result<(), Interrupted> {
        let store = &*self.store;
        let checkpoint = Checkpoint::load(store, self.system, self.policy.name).await?;
        let parked = Parked::load(store, self.system, self.policy.name).await?;
        let filter = Filter {
            stream_prefixes: vec![format!("{}.", self.system).into()],
            event_types: self.policy.hears.iter().map(|name| (*name).into()).collect(),
        };
        let mut events = store.subscribe(checkpoint.saved, filter).await?;
        let mut ticks = interval(self.settings.checkpoint_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let slots = Arc::new(Semaphore::new(self.settings.concurrency));
        let lanes = Lanes::new(checkpoint.saved);
        tracing::info!(policy = self.policy.name, from = ?checkpoint.saved, "policy runs");
        let (tasks, timers) = (JoinSet::new(), DelayQueue::new());
        let mut session = Session { checkpoint, lanes, parked, tasks, slots, timers, ended: 0 };

        let mut told_to_rest = pin!(async {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.context.until(false) => {}
            }
        });
        let ended = loop {
            self.report(&session);
            // In this order: the checkpoint must not wait for a pause in the work.
            tokio::select! {
                biased;
                () = &mut told_to_rest => break Ok(()),
                _ = ticks.tick() => if let Err(error) = self.save(&mut session).await {
                    break Err(error.into());
                },
                Some(ended) = session.tasks.join_next() => {
                    if let Err(error) = self.finish_all(&mut session, ended).await {
                        break Err(error.into());
                    }
                }
                Some(due) = poll_fn(|context| session.timers.poll_expired(context)) => {
                    self.begin(&mut session, due.into_inner());
                }
                batch = events.next(), if session.lanes.open() < self.settings.max_open => {
                    let entered = match batch {
                        Ok(batch) => self.enter(&mut session, batch).await.map_err(Interrupted::from),
                        Err(error) => Err(error.into()),
                    };
                    if let Err(error) = entered {
                        break Err(error);
                    }
                }
            }
        };
        session.tasks.shutdown().await;
        ended.and(self.save(&mut session).await.map_err(Interrupted::from))
    }

    /// Decodes a batch, lets the policy react and starts whatever can be started.
    async fn enter(&self, session: &mut Session<C>, batch: Batch) -> Result<(), AppendError> {
        let mut keys = Vec::new();
        for event in &batch.events {
            let Some(Subject { key, .. }) = Subject::of(event.stream.as_str()) else { continue };
            let trigger = Trigger::of(event);
            match self.work(event) {
                Ok(None) => {}
                Ok(Some(_)) if session.parked.blocks(key) => {
                    session.parked.park(&*self.store, key, trigger, WAITS.to_owned()).await?;
                }
                Ok(Some((work, yields))) => {
                    session.lanes.enter(key, event.position, (trigger, work), yields);
                    keys.push(key);
                }
                Err(error) => self.park(session, key, trigger, error).await?,
            }
            session.lanes.pass(Some(event.position));
        }
        session.lanes.pass(batch.through);
        // Only now, so that what is withdrawn further down never begins.
        keys.into_iter().for_each(|key| self.begin(session, key.to_owned()));
        Ok(())
    }

    /// What the policy wants done about an event, and whether a later reaction takes its place.
    fn work(&self, event: &RecordedEvent) -> Result<Option<(Work<C>, bool)>, String> {
        let fact = match (self.decode)(event) {
            Ok(Some(fact)) => fact,
            Ok(None) => return Ok(None),
            Err(error @ DecodeError::Unknown { .. }) => {
                tracing::debug!(policy = self.policy.name, %error, position = %event.position, "skipped");
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        let (command, head_start, yields) = match (self.policy.react)(&fact) {
            Reaction::Ignore => return Ok(None),
            Reaction::Now(command) => (command, Duration::ZERO, false),
            Reaction::MakeSure(command) => (command, self.settings.head_start, true),
        };
        let metadata = Metadata::decode(&event.metadata).map_err(|error| format!("metadata: {error}"))?;
        let age = Duration::from_millis((self.clock)().saturating_sub(metadata.time));
        let actor = format!("policy:{}", self.policy.name).into();
        let origin = Origin { correlation: metadata.correlation_id, cause: event.id, actor };
        let due = Instant::now() + head_start.saturating_sub(age);
        Ok(Some((Work { command, origin, due }, yields)))
    }

    /// Begins with the next reaction of a key, unless one is under way; or sets a timer for it.
    fn begin(&self, session: &mut Session<C>, key: String) {
        match session.lanes.next(&key) {
            None => return,
            Some((_, work)) if work.due > Instant::now() => {
                session.timers.insert_at(key, work.due);
                return;
            }
            Some(_) => {}
        }
        let Some((trigger, work)) = session.lanes.begin(&key) else { return };
        let (handler, slots) = (Arc::clone(&self.handler), Arc::clone(&session.slots));
        let (status, longest_pause) = (Arc::clone(&self.status), self.settings.longest_pause);
        session.tasks.spawn(async move {
            let outcome = carry_out(&work, &*handler, &slots, longest_pause, &status);
            // A defect in one reaction must not stop the others.
            let outcome = AssertUnwindSafe(outcome).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err("a defect: carrying it out panicked".to_owned()));
            Ended { key, trigger, outcome }
        });
    }

    /// A reaction ended, and with it all that ended meanwhile.
    async fn finish_all(
        &self,
        session: &mut Session<C>,
        ended: Result<Ended, JoinError>,
    ) -> Result<(), AppendError> {
        let mut next = Some(ended);
        while let Some(ended) = next {
            let ended = ended.expect("reactions catch their panics and are aborted only at the end");
            self.finish(session, ended).await?;
            next = session.tasks.try_join_next();
        }
        Ok(())
    }

    /// A reaction ended: parks it if it failed for good, and starts the next of its lane.
    async fn finish(&self, session: &mut Session<C>, ended: Ended) -> Result<(), AppendError> {
        let Ended { key, trigger, outcome } = ended;
        let position = trigger.position;
        if let Err(error) = outcome {
            self.park(session, &key, trigger, error).await?;
        }
        session.ended += 1;
        session.lanes.done(&key, position);
        while session.parked.blocks(&key)
            && let Some((trigger, _)) = session.lanes.begin(&key)
        {
            let position = trigger.position;
            session.parked.park(&*self.store, &key, trigger, WAITS.to_owned()).await?;
            session.lanes.done(&key, position);
        }
        self.begin(session, key);
        Ok(())
    }

    async fn park(
        &self,
        session: &mut Session<C>,
        key: &str,
        trigger: Trigger,
        error: String,
    ) -> Result<(), AppendError> {
        tracing::error!(policy = self.policy.name, key, ?trigger, %error, "reaction parked");
        session.parked.park(&*self.store, key, trigger, error).await
    }

    /// Saves the checkpoint when something was done, or when much was passed over.
    async fn save(&self, session: &mut Session<C>) -> Result<(), AppendError> {
        let Some(watermark) = session.lanes.watermark() else { return Ok(()) };
        let saved = session.checkpoint.saved;
        let passed = watermark.0 - saved.map_or(0, |saved| saved.0);
        if saved < Some(watermark) && (session.ended > 0 || passed >= IDLE_STRETCH) {
            session.checkpoint.save(&*self.store, watermark).await?;
            session.ended = 0;
        }
        Ok(())
    }

    fn report(&self, session: &Session<C>) {
        self.status.update(|status| {
            status.running = true;
            status.stopped = None;
            status.position = session.lanes.watermark();
            status.open = session.lanes.open();
            if status.parked.len() != session.parked.reactions.len() {
                status.parked.clone_from(&session.parked.reactions);
            }
        });
    }
}
