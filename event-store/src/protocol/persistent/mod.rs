//! Persistent subscriptions: groups of clients that share the events of a stream, or of the whole
//! log, each event to one of them, until one says that it is done.

mod config;
mod consumers;
mod group;
mod groups;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{BoxStream, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::{Request, Response, Status, Streaming};

use super::convert::{self, UuidForm};
use super::wire::StreamIdentifier;
use super::wire::persistent_subscriptions as ps;
use super::wire::persistent_subscriptions::persistent_subscriptions_server::PersistentSubscriptions;
use super::{failure, wire};
use config::{ALL, Key};
use consumers::Delivery;
use group::Command;

pub(crate) use groups::{CONFIGURATION, Groups, is_change};

/// How many events one client may have at once, whatever it asks for.
const BUFFER: usize = 10_000;

pub(crate) struct Service(pub(crate) Arc<Groups>);

fn key(stream: Option<StreamIdentifier>, group: String) -> Result<Key, Status> {
    let source = match stream {
        Some(stream) => convert::stream_name(Some(stream))?.to_string(),
        None => ALL.to_owned(),
    };
    Key::new(source, group)
}

fn missing() -> Status {
    failure::invalid("the options are missing")
}

/// A group that ended between being found and being asked.
fn gone(key: &Key) -> Status {
    failure::dropped(&key.source, &key.group)
}

#[tonic::async_trait]
impl PersistentSubscriptions for Service {
    type ReadStream = BoxStream<'static, Result<ps::ReadResp, Status>>;

    async fn create(&self, request: Request<ps::CreateReq>) -> Result<Response<ps::CreateResp>, Status> {
        let (key, start, config) = config::created(request.into_inner())?;
        self.0.create(key, start, config).await?;
        Ok(Response::new(ps::CreateResp {}))
    }

    async fn update(&self, request: Request<ps::UpdateReq>) -> Result<Response<ps::UpdateResp>, Status> {
        let (key, start, config) = config::updated(request.get_ref())?;
        self.0.update(key, start, config).await?;
        Ok(Response::new(ps::UpdateResp {}))
    }

    async fn delete(&self, request: Request<ps::DeleteReq>) -> Result<Response<ps::DeleteResp>, Status> {
        use ps::delete_req::options::StreamOption;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let stream = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => Some(stream),
            StreamOption::All(()) => None,
        };
        self.0.delete(key(stream, options.group_name)?).await?;
        Ok(Response::new(ps::DeleteResp {}))
    }

    async fn get_info(&self, request: Request<ps::GetInfoReq>) -> Result<Response<ps::GetInfoResp>, Status> {
        use ps::get_info_req::options::StreamOption;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let stream = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => Some(stream),
            StreamOption::All(()) => None,
        };
        let key = key(stream, options.group_name)?;
        let info = info(&self.0.find(&key).await?).await.ok_or_else(|| gone(&key))?;
        Ok(Response::new(ps::GetInfoResp { subscription_info: Some(info) }))
    }

    async fn replay_parked(
        &self,
        request: Request<ps::ReplayParkedReq>,
    ) -> Result<Response<ps::ReplayParkedResp>, Status> {
        use ps::replay_parked_req::options::{StopAtOption, StreamOption};
        let options = request.into_inner().options.ok_or_else(missing)?;
        let stream = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => Some(stream),
            StreamOption::All(()) => None,
        };
        let max = match options.stop_at_option {
            Some(StopAtOption::StopAt(count)) => Some(u64::try_from(count).unwrap_or(0)),
            Some(StopAtOption::NoLimit(())) | None => None,
        };
        let key = key(stream, options.group_name)?;
        let group = self.0.find(&key).await?;
        let (answer, answered) = oneshot::channel();
        group.send(Command::Replay { max, answer }).await.map_err(|_| gone(&key))?;
        answered.await.map_err(|_| gone(&key))??;
        Ok(Response::new(ps::ReplayParkedResp {}))
    }

    async fn list(&self, request: Request<ps::ListReq>) -> Result<Response<ps::ListResp>, Status> {
        use ps::list_req::options::ListOption;
        use ps::list_req::stream_option::StreamOption;
        let option = request.into_inner().options.and_then(|options| options.list_option);
        let source = match option.ok_or_else(missing)? {
            ListOption::ListAllSubscriptions(()) => None,
            ListOption::ListForStream(stream) => Some(match stream.stream_option.ok_or_else(missing)? {
                StreamOption::Stream(stream) => convert::stream_name(Some(stream))?.to_string(),
                StreamOption::All(()) => ALL.to_owned(),
            }),
        };
        let groups = self.0.list(source.as_deref()).await;
        if let Some(source) = source.filter(|_| groups.is_empty()) {
            return Err(failure::no_group(&source, "*"));
        }
        let infos = futures::future::join_all(groups.iter().map(info)).await;
        Ok(Response::new(ps::ListResp { subscriptions: infos.into_iter().flatten().collect() }))
    }

    async fn restart_subsystem(&self, _: Request<()>) -> Result<Response<()>, Status> {
        self.0.restart().await.map(Response::new)
    }

    async fn read(
        &self,
        request: Request<Streaming<ps::ReadReq>>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        use ps::read_req::options::{StreamOption, uuid_option};
        let mut requests = request.into_inner();
        let Some(ps::ReadReq { content: Some(ps::read_req::Content::Options(options)) }) =
            requests.message().await?
        else {
            return Err(failure::invalid("the first message says which group"));
        };
        let stream = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => Some(stream),
            StreamOption::All(()) => None,
        };
        let form = match options.uuid_option.and_then(|form| form.content) {
            Some(uuid_option::Content::Structured(())) => UuidForm::Structured,
            Some(uuid_option::Content::String(())) => UuidForm::Text,
            None => return Err(failure::invalid("the form of ids is missing")),
        };
        let key = key(stream, options.group_name)?;
        let group = self.0.find(&key).await?;
        let buffer = usize::try_from(options.buffer_size).unwrap_or(1).clamp(1, BUFFER);
        let (out, deliveries) = mpsc::channel(buffer);
        let (answer, answered) = oneshot::channel();
        group.send(Command::Join { out, buffer, answer }).await.map_err(|_| gone(&key))?;
        let consumer = answered.await.map_err(|_| gone(&key))??;
        let left = Arc::new(AtomicBool::new(false));
        let (over, ended) = oneshot::channel();
        tokio::spawn(listen(requests, ended, group, consumer, Arc::clone(&left)));
        let end = End { key, left, stopping: self.0.stopping(), _over: over };
        Ok(Response::new(deliver(deliveries, form, end)))
    }
}

async fn info(group: &mpsc::Sender<Command>) -> Option<ps::SubscriptionInfo> {
    let (answer, answered) = oneshot::channel();
    group.send(Command::Info(answer)).await.ok()?;
    answered.await.ok()
}

/// Passes on what a client says, until it says no more or its answers have ended: a client that
/// keeps talking after that would keep its connection, and with it the store.
async fn listen(
    mut requests: Streaming<ps::ReadReq>,
    mut ended: oneshot::Receiver<()>,
    group: mpsc::Sender<Command>,
    consumer: u64,
    left: Arc<AtomicBool>,
) {
    use ps::read_req::Content;
    let ids = |ids: Vec<wire::WireUuid>| {
        ids.into_iter().map(|id| convert::uuid(Some(id))).collect::<Result<Vec<_>, _>>()
    };
    loop {
        let request = tokio::select! {
            biased;
            request = requests.message() => request,
            // Nobody sends; the other side is dropped.
            _ = &mut ended => break,
        };
        let command = match request {
            Ok(Some(ps::ReadReq { content: Some(Content::Ack(ack)) })) => {
                ids(ack.ids).map(|ids| Command::Ack { consumer, ids })
            }
            Ok(Some(ps::ReadReq { content: Some(Content::Nack(nack)) })) => {
                let (action, reason) = (nack.action(), nack.reason.clone());
                ids(nack.ids).map(|ids| Command::Nack { consumer, ids, action, reason })
            }
            Ok(Some(_)) => Err(failure::invalid("only acknowledgements follow the first message")),
            Ok(None) => {
                left.store(true, Ordering::Relaxed);
                break;
            }
            Err(status) => Err(status),
        };
        match command {
            Ok(command) => {
                if group.send(command).await.is_err() {
                    return;
                }
            }
            Err(status) => {
                tracing::debug!(%status, "a client of a group is gone");
                break;
            }
        }
    }
    // A group that ended has no clients.
    let _ = group.send(Command::Leave(consumer)).await;
}

/// Why a client's call may end.
struct End {
    key: Key,
    left: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
    /// Dropped with the answers.
    _over: oneshot::Sender<()>,
}

/// Ends well only when the client itself ended the call.
fn deliver(
    mut deliveries: mpsc::Receiver<Delivery>,
    form: UuidForm,
    end: End,
) -> BoxStream<'static, Result<ps::ReadResp, Status>> {
    use ps::read_resp::{Content, SubscriptionConfirmation};
    async_stream::try_stream! {
        let End { key, left, stopping, _over } = end;
        let subscription_id = format!("{}::{}", key.source, key.group);
        let confirmation = Content::SubscriptionConfirmation(SubscriptionConfirmation { subscription_id });
        yield ps::ReadResp { content: Some(confirmation) };
        while let Some(delivery) = deliveries.recv().await {
            yield ps::ReadResp { content: Some(Content::Event(event(delivery, form))) };
        }
        if *stopping.borrow() {
            Err(failure::stopping())?;
        } else if !left.load(Ordering::Relaxed) {
            Err(failure::dropped(&key.source, &key.group))?;
        }
    }
    .boxed()
}

/// The same event in the words of this service.
fn event(delivery: Delivery, form: UuidForm) -> ps::read_resp::ReadEvent {
    use ps::read_resp::read_event::{Count, Position, RecordedEvent};
    use wire::streams::read_resp::read_event as other;
    let recorded = |event: other::RecordedEvent| RecordedEvent {
        id: event.id,
        stream_identifier: event.stream_identifier,
        stream_revision: event.stream_revision,
        prepare_position: event.prepare_position,
        commit_position: event.commit_position,
        metadata: event.metadata,
        custom_metadata: event.custom_metadata,
        data: event.data,
    };
    let read = convert::read_event(delivery.resolved, form);
    let position = match read.position {
        Some(other::Position::CommitPosition(position)) => Position::CommitPosition(position),
        Some(other::Position::NoPosition(())) | None => Position::NoPosition(()),
    };
    ps::read_resp::ReadEvent {
        event: read.event.map(recorded),
        link: read.link.map(recorded),
        position: Some(position),
        count: Some(Count::RetryCount(i32::try_from(delivery.retries).unwrap_or(i32::MAX))),
    }
}
