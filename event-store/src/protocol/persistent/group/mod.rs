//! One group at work: a task that pulls events, hands them out, and remembers how far it is.
//!
//! Whatever must survive a restart is a stream: `…-checkpoint` holds how far everything is done,
//! `…-parked` links to the events that were put aside. A parked event that is replayed leaves its
//! stream only when a client is done with it.

mod answers;
mod checkpoint;
mod delivery;
mod info;
mod parking;
mod source;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use super::super::subscribe::{self, Items};
use super::super::view::View;
use super::super::{failure, wire::persistent_subscriptions as ps};
use super::config::{Config, Key};
use super::consumers::{Consumers, Delivery};
use crate::{Direction, RecordedEvent};

/// How many events wait to be handed out, at most, whatever a client asks for.
const BUFFER: usize = 1000;

/// What a group is asked.
pub(crate) enum Command {
    Join {
        out: mpsc::Sender<Delivery>,
        buffer: usize,
        answer: oneshot::Sender<Result<u64, Status>>,
    },
    Leave(u64),
    Ack {
        consumer: u64,
        ids: Vec<Uuid>,
    },
    Nack {
        consumer: u64,
        ids: Vec<Uuid>,
        action: ps::read_req::nack::Action,
        reason: String,
    },
    Replay {
        max: Option<u64>,
        answer: oneshot::Sender<Result<(), Status>>,
    },
    Info(oneshot::Sender<ps::SubscriptionInfo>),
    /// Writes the checkpoint and ends.
    End(oneshot::Sender<()>),
}

/// An event that is not done.
struct Message {
    event: RecordedEvent,
    link: Option<RecordedEvent>,
    retries: u32,
    from: Origin,
}

#[derive(Clone, Copy)]
enum Origin {
    /// Its number in the source: a revision, or a position of the wire.
    Source(u64),
    /// Its number in the stream of parked events.
    Parked(u64),
}

struct InFlight {
    message: Message,
    consumer: u64,
    until: Instant,
}

pub(crate) struct Group {
    pub(crate) view: Arc<View>,
    pub(crate) key: Key,
    pub(crate) config: Config,
    source: Option<Items>,
    waiting: VecDeque<Message>,
    in_flight: HashMap<Uuid, Vec<InFlight>>,
    consumers: Consumers,
    /// What was read from the source and is not done.
    open: BTreeSet<u64>,
    /// The last number that was read.
    read: Option<u64>,
    checkpoint: Option<u64>,
    done_since: u32,
    next_checkpoint: Instant,
    total: i64,
    /// Parked events that are being replayed: not done, the next one to read, and the end.
    replayed: BTreeSet<u64>,
    replay: std::ops::Range<u64>,
}

impl Group {
    pub(crate) async fn load(view: Arc<View>, key: Key, config: Config) -> Result<Self, crate::ReadError> {
        let stream = key.stream("checkpoint");
        let state = view.state(&stream).await?;
        let last = view.store.read_stream(&stream, u64::MAX, Direction::Backwards, 1).await?.pop();
        let last = last.filter(|_| !state.is_gone());
        let checkpoint: Option<u64> = last.and_then(|last| serde_json::from_slice(&last.data).ok());
        let parked = view.state(&key.stream("parked")).await?;
        let first = parked.first();
        Ok(Self {
            view,
            key,
            config,
            source: None,
            waiting: VecDeque::new(),
            in_flight: HashMap::new(),
            consumers: Consumers::default(),
            open: BTreeSet::new(),
            read: checkpoint,
            checkpoint,
            done_since: 0,
            next_checkpoint: Instant::now(),
            total: 0,
            replayed: BTreeSet::new(),
            replay: first..first,
        })
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut stopping = self.view.stopping.clone();
        loop {
            self.refill().await;
            self.hand_out();
            let hungry =
                self.source.is_some() && self.waiting.len() < self.buffer() && self.consumers.have_room();
            let wake = self.wake();
            tokio::select! {
                biased;
                () = subscribe::stopped(&mut stopping) => break,
                command = commands.recv() => match command {
                    Some(Command::End(answer)) => {
                        self.write_checkpoint().await;
                        // Whoever asked may have gone.
                        let _ = answer.send(());
                        return;
                    }
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                item = source::next(&mut self.source), if hungry => self.take(item),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.expire().await;
            self.maybe_checkpoint().await;
        }
        self.write_checkpoint().await;
    }

    fn buffer(&self) -> usize {
        (self.config.read_batch.max(self.config.live_buffer) as usize).clamp(1, BUFFER)
    }

    fn timeout(&self) -> Duration {
        match self.config.message_timeout_ms {
            0 => Duration::from_secs(365 * 24 * 3600),
            ms => Duration::from_millis(ms),
        }
    }

    /// When something is due without being asked for.
    fn wake(&self) -> Instant {
        let expiry = self.in_flight.values().flatten().map(|in_flight| in_flight.until).min();
        let idle = Instant::now() + Duration::from_secs(3600);
        let checkpoint = if self.done_since > 0 { self.next_checkpoint } else { idle };
        expiry.unwrap_or(idle).min(checkpoint)
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Join { out, buffer, answer } => {
                let joined = self.join(out, buffer).await;
                if let Err(Ok(id)) = answer.send(joined) {
                    self.leave(id);
                }
            }
            Command::Leave(id) => self.leave(id),
            Command::Ack { consumer, ids } => {
                for id in ids {
                    if let Some(message) = self.land(consumer, id) {
                        self.done(&message);
                    }
                }
            }
            Command::Nack { consumer, ids, action, reason } => {
                for id in ids {
                    if let Some(message) = self.land(consumer, id) {
                        self.refuse(message, action, &reason).await;
                    }
                }
                if action == ps::read_req::nack::Action::Stop {
                    self.leave(consumer);
                }
            }
            Command::Replay { max, answer } => {
                let outcome = self.replay(max).await.map_err(|error| failure::read(&error));
                let _ = answer.send(outcome);
            }
            Command::Info(answer) => {
                let _ = answer.send(self.info().await);
            }
            // Ends the loop before it comes here.
            Command::End(_) => {}
        }
    }
}
