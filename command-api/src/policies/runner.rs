use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{DecodeError, FIRST_VERSION, Happened, Metadata, Policy, Reaction};
use event_store::{EventStore, Filter, ReadError, RecordedEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::carry_out::{Handler, Work};
use super::landmark;
use super::lease::{Lease, Validity};
use super::oversight::Oversight;
use super::parked::{ParkedEvent, Trigger};
use super::parking::Parking;
use super::pulse::Pulse;
use super::session::{Interrupted, Session};
use super::status::Status;
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
    /// In an outage, how often one of all that failed is tried again.
    pub retry_every: Duration,
    /// How long after its event something is still done that makes sense only in time.
    pub in_time: Duration,
    /// How often the checkpoint is saved while it moves.
    pub checkpoint_every: Duration,
    /// For how long a process takes the right to run a policy, where several processes could;
    /// `None` where this is the only one.
    pub lease: Option<Duration>,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            head_start: Duration::from_secs(2),
            concurrency: 128,
            max_open: 20_000,
            longest_pause: Duration::from_secs(5),
            retry_every: Duration::from_millis(100),
            in_time: Duration::from_secs(24 * 3600),
            checkpoint_every: Duration::from_secs(1),
            lease: None,
        }
    }
}

/// Reads an event of the log, written in this version, as a fact of the business; `None` when it is none.
pub type Decode<E> = fn(&RecordedEvent, u16) -> Result<Option<E>, DecodeError>;

/// What a policy wants done about an event.
pub(super) enum Wanted<C> {
    Nothing,
    /// What waits to be made sure of for this request was done.
    Withdraw(Uuid),
    Work(Work<C>),
}

/// Runs one policy.
pub struct Runner<E, C> {
    pub(super) policy: Policy<E, C>,
    pub(super) system: &'static str,
    context: Context,
    decode: Decode<E>,
    pub(super) handler: Arc<dyn Handler<C>>,
    pub(super) store: Arc<dyn EventStore>,
    clock: Clock,
    /// In whose name its reactions are carried out.
    actor: Arc<str>,
    pub(super) settings: RunnerSettings,
    pub(super) status: Arc<Status>,
    pub(super) pulse: Pulse,
}

/// A runner, whatever the business of its policy.
pub trait RunPolicy: Send {
    /// What can be known from outside about how it is doing.
    fn oversight(&self) -> Oversight;

    /// Runs until told to shut down.
    fn run(self: Box<Self>, shutdown: CancellationToken) -> BoxFuture<'static, ()>;
}

impl<E: Send + Sync + 'static, C: Send + Sync + 'static> RunPolicy for Runner<E, C> {
    fn oversight(&self) -> Oversight {
        Oversight {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            filter: self.filter(),
            status: self.status.watch(),
            pulse: self.pulse.clone(),
            parking: self.parking(),
        }
    }

    fn run(self: Box<Self>, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        self.follow(shutdown).boxed()
    }
}

impl<E: Send + Sync + 'static, C: Send + Sync + 'static> Runner<E, C> {
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
        let actor = format!("policy:{}", policy.name).into();
        Self {
            policy,
            system,
            context,
            decode,
            handler,
            store,
            clock,
            actor,
            settings,
            status,
            pulse: Pulse::default(),
        }
    }

    /// Runs until told to shut down; rests while its context is stopped, and stands by while another
    /// process has the right to run it.
    async fn follow(self: Box<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.context.until(true) => {}
            }
            self.pulse.beat();
            // A defect in the runner itself is seen, and does not end the policy for good.
            let ended = AssertUnwindSafe(self.run_once(&shutdown)).catch_unwind().await;
            let ended = ended.unwrap_or_else(|panic| Err(Interrupted::panicked(&*panic)));
            self.pulse.rest();
            self.status.update(|status| {
                status.running = false;
                status.stopped = ended.as_ref().err().map(ToString::to_string);
            });
            if let Err(reason) = ended {
                tracing::error!(policy = self.policy.name, %reason, "policy interrupted, starts anew");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(self.settings.longest_pause) => {}
                }
            }
        }
    }

    /// Runs until the context is stopped, the process shuts down, the lease is lost or the store fails.
    async fn run_once(&self, shutdown: &CancellationToken) -> Result<(), Interrupted> {
        let (store, name) = (&*self.store, self.policy.name);
        let mut lease = match self.settings.lease {
            None => None,
            Some(length) => tokio::select! {
                () = self.told_to_rest(shutdown) => return Ok(()),
                lease = Lease::take(store, self.system, name, length, &self.clock, &self.pulse) => Some(lease?),
            },
        };
        let validity = lease.as_ref().map_or_else(|| Validity::for_ever(&self.clock), Lease::validity);
        let mut session = Session::open(self, validity).await?;
        let ended = session.run(self.told_to_rest(shutdown), lease.as_mut()).await;
        session.close().await?;
        if let (Some(lease), Ok(())) = (lease, &ended) {
            lease.give_back(store).await?;
        }
        ended
    }

    /// Waits until this process shuts down or the context is stopped.
    async fn told_to_rest(&self, shutdown: &CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.context.until(false) => {}
        }
    }

    /// What it wants to hear of: the events that it may react to, and orders about what is parked.
    pub(super) fn filter(&self) -> Filter {
        let orders = [ParkedEvent::RETRY_ORDERED, ParkedEvent::REACTION_SKIPPED];
        let heard = self.policy.hears.iter().copied().chain(orders);
        let stream_prefixes = vec![format!("{}.", self.system).into()];
        Filter { stream_prefixes, event_types: heard.map(|name| name.into()).collect() }
    }

    /// Where its parked reactions are kept.
    pub(super) fn parking(&self) -> Parking {
        Parking::new(Arc::clone(&self.store), Arc::clone(&self.clock), self.system, self.policy.name)
    }

    /// Reads the event of a trigger again.
    pub(super) async fn event(&self, trigger: &Trigger) -> Result<RecordedEvent, ReadError> {
        let gone = || ReadError::Damaged(format!("{} at {} is gone", trigger.stream, trigger.revision));
        landmark::find(&*self.store, trigger).await?.ok_or_else(gone)
    }

    /// What the policy wants done about an event.
    pub(super) fn wanted(&self, event: &RecordedEvent) -> Result<Wanted<C>, String> {
        let Some(happened) = self.read(event)? else { return Ok(Wanted::Nothing) };
        let (command, instead, yields) = match (self.policy.react)(&happened.fact) {
            Reaction::Ignore => return Ok(Wanted::Nothing),
            Reaction::Done => return Ok(Wanted::Withdraw(happened.request)),
            Reaction::Now(command) => (command, None, false),
            Reaction::MakeSure(command) => (command, None, true),
            Reaction::MakeSureInTime(command, instead) => (command, Some(instead), true),
        };
        let head_start = if yields { self.settings.head_start } else { Duration::ZERO };
        let age = Duration::from_millis((self.clock)().saturating_sub(happened.time));
        let origin =
            Origin { correlation: happened.request, cause: event.id, actor: Arc::clone(&self.actor) };
        let now = Instant::now();
        let due = now + head_start.saturating_sub(age);
        let until = now.checked_add(self.settings.in_time.saturating_sub(age));
        let in_time = until.zip(instead);
        Ok(Wanted::Work(Work { command, in_time, origin, since: happened.time, due, yields }))
    }

    /// An event as a fact of the business; `None` when it is none, none that is known, or none that matters.
    fn read(&self, event: &RecordedEvent) -> Result<Option<Arc<Happened<E>>>, String> {
        if let Some(happened) = event.decoded.get() {
            return Ok(Some(happened));
        }
        let metadata = Metadata::decode(&event.metadata);
        let version = metadata.as_ref().map_or(FIRST_VERSION, |metadata| metadata.schema_version);
        let fact = match (self.decode)(event, version) {
            Ok(Some(fact)) => fact,
            Ok(None) => return Ok(None),
            Err(error @ DecodeError::Unknown { .. }) => {
                tracing::debug!(policy = self.policy.name, %error, position = %event.position, "skipped");
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        // Whoever wants nothing done about it needs to know no more.
        if matches!((self.policy.react)(&fact), Reaction::Ignore) {
            return Ok(None);
        }
        let Metadata { correlation_id, time, .. } = metadata.map_err(|error| format!("metadata: {error}"))?;
        Ok(Some(Arc::new(Happened { fact, request: correlation_id, time })))
    }
}
