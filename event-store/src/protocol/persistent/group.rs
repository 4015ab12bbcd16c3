//! One group at work: a task that pulls events, hands them out, and remembers how far it is.
//!
//! Whatever must survive a restart is a stream: `…-checkpoint` holds how far everything is done,
//! `…-parked` links to the events that were put aside. A parked event that is replayed leaves its
//! stream only when a client is done with it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use super::super::append::Refusal;
use super::super::convert::{self, Resolved};
use super::super::linked::{self, LINK};
use super::super::subscribe::{self, From, Item, Items};
use super::super::view::View;
use super::super::wanted::Wanted;
use super::super::{failure, wire::persistent_subscriptions as ps};
use super::config::{Config, Key};
use super::consumers::{Consumers, Delivery};
use crate::{Direction, ExpectedRevision, NewEvent, RecordedEvent, StreamName};

/// Streams that groups write. A group of the whole log does not hear of them, or it would hear of
/// its own checkpoints for ever.
const OWN: &str = "$persistentsubscription-";
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
                item = next(&mut self.source), if hungry => self.take(item),
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

    async fn join(&mut self, out: mpsc::Sender<Delivery>, buffer: usize) -> Result<u64, Status> {
        let most = self.config.max_subscribers as usize;
        if most > 0 && self.consumers.all.len() >= most {
            return Err(failure::too_many_subscribers(&self.key.source, &self.key.group));
        }
        if self.source.is_none() {
            self.source = Some(self.open_source().await?);
        }
        Ok(self.consumers.join(out, buffer))
    }

    /// Behind what was read so far; what was read and is not done is still here.
    async fn open_source(&mut self) -> Result<Items, Status> {
        let (view, links) = (Arc::clone(&self.view), self.config.resolve_links);
        let behind = self.read.or_else(|| self.config.start.checked_sub(1));
        if self.key.is_all() {
            let wanted = self.config.rules.as_ref().map_or(Ok(Wanted::everything()), Wanted::new)?;
            return subscribe::all(view, behind.and_then(convert::from_wire), wanted, links).await;
        }
        let name = StreamName::new(self.key.source.as_str());
        let name = name.map_err(|error| failure::invalid(&error.to_string()))?;
        subscribe::stream(view, name, behind.map_or(From::Start, From::Behind), links).await
    }

    fn leave(&mut self, id: u64) {
        self.consumers.leave(id);
        let mut back = Vec::new();
        for in_flight in self.in_flight.values_mut() {
            let (theirs, others) = std::mem::take(in_flight).into_iter().partition(|one| one.consumer == id);
            *in_flight = others;
            back.extend(Vec::<InFlight>::into_iter(theirs).map(|one| one.message));
        }
        self.in_flight.retain(|_, in_flight| !in_flight.is_empty());
        back.sort_by_key(|message| match message.from {
            Origin::Source(number) => (1, number),
            Origin::Parked(number) => (0, number),
        });
        for message in back.into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    fn take(&mut self, item: Option<Result<Item, Status>>) {
        match item {
            Some(Ok(Item::Event(resolved))) => {
                let Some(original) = resolved.original() else { return };
                let number =
                    if self.key.is_all() { convert::to_wire(original.position) } else { original.revision };
                self.read = Some(number);
                let Resolved { event, link } = *resolved;
                // A link whose event is gone has nothing to hand out.
                let Some(event) = event else { return };
                if self.key.is_all() && event.stream.as_str().starts_with(OWN) {
                    return;
                }
                self.open.insert(number);
                self.waiting.push_back(Message { event, link, retries: 0, from: Origin::Source(number) });
            }
            Some(Ok(Item::Checkpoint(position))) if self.key.is_all() => {
                self.read = Some(convert::to_wire(position));
            }
            Some(Ok(Item::Checkpoint(_) | Item::CaughtUp)) => {}
            Some(Err(status)) => {
                tracing::warn!(%status, group = self.key.group, "the source of a group ended");
                self.source = None;
                // They come back, and with the first of them the source.
                self.consumers.all.clear();
                self.in_flight_back();
            }
            None => self.source = None,
        }
    }

    fn in_flight_back(&mut self) {
        let ids: Vec<u64> = self.in_flight.values().flatten().map(|one| one.consumer).collect();
        ids.into_iter().for_each(|id| self.leave(id));
    }

    fn hand_out(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() && self.consumers.have_room() {
            let strategy = self.config.strategy;
            let Some(consumer) = self.consumers.choose(strategy, &self.waiting[at].event) else {
                // Its client has no room; others of other keys may.
                at += 1;
                continue;
            };
            let Some(message) = self.waiting.remove(at) else { return };
            let resolved = Resolved { event: Some(message.event.clone()), link: message.link.clone() };
            let id = resolved.original().map_or(Uuid::nil(), |original| original.id);
            let (name, sent) =
                (consumer.id, consumer.out.try_send(Delivery { resolved, retries: message.retries }));
            if sent.is_err() {
                self.waiting.insert(at, message);
                self.leave(name);
                at = 0;
                continue;
            }
            consumer.in_flight += 1;
            consumer.total += 1;
            self.total += 1;
            let in_flight = InFlight { message, consumer: name, until: Instant::now() + self.timeout() };
            self.in_flight.entry(id).or_default().push(in_flight);
        }
    }

    /// Takes a message back from a client that says what became of it.
    fn land(&mut self, consumer: u64, id: Uuid) -> Option<Message> {
        let in_flight = self.in_flight.get_mut(&id)?;
        let at = in_flight.iter().position(|one| one.consumer == consumer)?;
        let landed = in_flight.remove(at).message;
        if in_flight.is_empty() {
            self.in_flight.remove(&id);
        }
        if let Some(consumer) = self.consumers.find(consumer) {
            consumer.in_flight = consumer.in_flight.saturating_sub(1);
        }
        Some(landed)
    }

    fn done(&mut self, message: &Message) {
        match message.from {
            Origin::Source(number) => {
                self.open.remove(&number);
            }
            Origin::Parked(number) => {
                self.replayed.remove(&number);
            }
        }
        if self.done_since == 0 {
            self.next_checkpoint = Instant::now() + Duration::from_millis(self.config.checkpoint_after_ms);
        }
        self.done_since += 1;
    }

    async fn refuse(&mut self, message: Message, action: ps::read_req::nack::Action, reason: &str) {
        use ps::read_req::nack::Action;
        match action {
            Action::Skip => self.done(&message),
            Action::Park => self.park(message, reason).await,
            Action::Retry | Action::Unknown | Action::Stop => self.retry(message, reason).await,
        }
    }

    async fn retry(&mut self, mut message: Message, reason: &str) {
        message.retries += 1;
        if message.retries > self.config.max_retries {
            self.park(message, reason).await;
        } else {
            self.waiting.push_front(message);
        }
    }

    async fn expire(&mut self) {
        let now = Instant::now();
        let due = |one: &InFlight| (one.until <= now).then_some(one.consumer);
        let late: Vec<_> = self
            .in_flight
            .iter()
            .flat_map(|(id, all)| all.iter().filter_map(|one| Some((*id, due(one)?))))
            .collect();
        for (id, consumer) in late {
            if let Some(message) = self.land(consumer, id) {
                self.retry(message, "the client did not say what became of it in time").await;
            }
        }
    }

    /// Puts an event aside. Only when that is durable the event is done.
    async fn park(&mut self, message: Message, reason: &str) {
        let target = message.link.as_ref().filter(|link| &*link.event_type != LINK).unwrap_or(&message.event);
        let about = json!({ "reason": reason, "retries": message.retries });
        let parked = NewEvent {
            id: Uuid::new_v4(),
            event_type: LINK.into(),
            data: Bytes::from(format!("{}@{}", target.revision, target.stream)),
            metadata: Bytes::from(about.to_string()),
        };
        let stream = self.key.stream("parked");
        match self.view.store.append(&stream, ExpectedRevision::Any, vec![parked]).await {
            Ok(_) => self.done(&message),
            Err(error) => {
                tracing::warn!(%error, %stream, "an event could not be parked and is tried again");
                self.waiting.push_front(message);
            }
        }
    }

    /// Has parked events handed out once more.
    async fn replay(&mut self, max: Option<u64>) -> Result<(), crate::ReadError> {
        let last = self.view.state(&self.key.stream("parked")).await?.last;
        let end = last.map_or(0, |last| last + 1);
        let until = max.map_or(end, |max| end.min(self.replay.end.saturating_add(max)));
        self.replay.end = until.max(self.replay.end);
        Ok(())
    }

    /// Reads parked events that are to be replayed, as long as there is room.
    async fn refill(&mut self) {
        let room = self.buffer().saturating_sub(self.waiting.len());
        if self.replay.is_empty() || room == 0 || self.consumers.all.is_empty() {
            return;
        }
        let stream = self.key.stream("parked");
        let max = room.min((self.replay.end - self.replay.start) as usize);
        let store = &*self.view.store;
        let page = match store.read_stream(&stream, self.replay.start, Direction::Forwards, max).await {
            Ok(page) => page,
            Err(error) => return tracing::warn!(%error, %stream, "parked events cannot be read"),
        };
        for parked in page {
            let number = parked.revision;
            match linked::resolve(store, parked).await {
                Ok(Resolved { event: Some(event), .. }) => {
                    self.replayed.insert(number);
                    let from = Origin::Parked(number);
                    self.waiting.push_back(Message { event, link: None, retries: 0, from });
                }
                Ok(Resolved { event: None, .. }) => {
                    tracing::warn!(number, %stream, "a parked event points to nothing");
                }
                Err(error) => return tracing::warn!(%error, %stream, "a parked event cannot be read"),
            }
            self.replay.start = number + 1;
        }
    }

    async fn maybe_checkpoint(&mut self) {
        let due =
            self.done_since >= self.config.min_checkpoint.max(1) && Instant::now() >= self.next_checkpoint;
        let full = self.config.max_checkpoint > 0 && self.done_since >= self.config.max_checkpoint;
        if due || full {
            self.write_checkpoint().await;
        } else if self.done_since > 0 && Instant::now() >= self.next_checkpoint {
            // Too few to write; looked at again.
            self.next_checkpoint =
                Instant::now() + Duration::from_millis(self.config.checkpoint_after_ms.max(100));
        }
    }

    /// Everything up to the checkpoint is done.
    async fn write_checkpoint(&mut self) {
        if self.done_since == 0 {
            return;
        }
        let reached = match self.open.first() {
            Some(first) => first.checked_sub(1),
            None => self.read,
        };
        if reached > self.checkpoint
            && let Some(reached) = reached
        {
            let event = NewEvent {
                id: Uuid::new_v4(),
                event_type: "$SubscriptionCheckpoint".into(),
                data: Bytes::from(reached.to_string()),
                metadata: Bytes::new(),
            };
            let stream = self.key.stream("checkpoint");
            match self.view.store.append(&stream, ExpectedRevision::Any, vec![event]).await {
                Ok(_) => self.checkpoint = Some(reached),
                Err(error) => {
                    tracing::warn!(%error, %stream, "the checkpoint could not be written");
                    self.next_checkpoint = Instant::now() + Duration::from_secs(1);
                    return;
                }
            }
        }
        self.done_since = 0;
        self.cut_parked().await;
    }

    /// Parked events that were replayed and are done are seen no more.
    async fn cut_parked(&mut self) {
        let first = self.replayed.first().copied().unwrap_or(self.replay.start);
        let stream = self.key.stream("parked");
        let cut = async {
            let state = self.view.state(&stream).await?;
            if state.metadata.truncated_before() < first {
                self.view.describe(&stream, &state, "$tb", Value::from(first)).await?;
            }
            Ok::<_, Refusal>(())
        };
        if cut.await.is_err() {
            tracing::warn!(%stream, "replayed events stay parked until the next checkpoint");
        }
    }

    async fn info(&mut self) -> ps::SubscriptionInfo {
        let number = |number: Option<u64>| match (self.key.is_all(), number) {
            (_, None) => String::new(),
            (true, Some(at)) => format!("C:{at}/P:{at}"),
            (false, Some(at)) => at.to_string(),
        };
        let parked = self.view.state(&self.key.stream("parked")).await.ok();
        let parked = parked.and_then(|parked| Some(parked.last? + 1 - parked.first().min(parked.last? + 1)));
        let in_flight = self.in_flight.values().map(Vec::len).sum::<usize>();
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let config = &self.config;
        let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let connections = self.consumers.all.iter().map(|consumer| ps::subscription_info::ConnectionInfo {
            connection_name: consumer.id.to_string(),
            total_items: consumer.total,
            available_slots: count(consumer.capacity - consumer.in_flight.min(consumer.capacity)),
            in_flight_messages: count(consumer.in_flight),
            ..Default::default()
        });
        ps::SubscriptionInfo {
            event_source: self.key.source.clone(),
            group_name: self.key.group.clone(),
            status: "Live".to_owned(),
            connections: connections.collect(),
            total_items: self.total,
            last_checkpointed_event_position: number(self.checkpoint),
            last_known_event_position: number(self.read),
            resolve_link_tos: config.resolve_links,
            start_from: number(Some(config.start)),
            message_timeout_milliseconds: count(config.message_timeout_ms as usize),
            extra_statistics: config.extra_statistics,
            max_retry_count: small(config.max_retries),
            live_buffer_size: small(config.live_buffer),
            buffer_size: small(config.history_buffer),
            read_batch_size: small(config.read_batch),
            check_point_after_milliseconds: count(config.checkpoint_after_ms as usize),
            min_check_point_count: small(config.min_checkpoint),
            max_check_point_count: small(config.max_checkpoint),
            read_buffer_count: count(self.waiting.len()),
            retry_buffer_count: count(self.waiting.iter().filter(|message| message.retries > 0).count()),
            total_in_flight_messages: count(in_flight),
            outstanding_messages_count: count(in_flight),
            named_consumer_strategy: config.strategy.name().to_owned(),
            max_subscriber_count: small(config.max_subscribers),
            parked_message_count: i64::try_from(parked.unwrap_or(0)).unwrap_or(i64::MAX),
            ..Default::default()
        }
    }
}

async fn next(source: &mut Option<Items>) -> Option<Result<Item, Status>> {
    source.as_mut()?.next().await
}
