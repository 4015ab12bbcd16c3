//! Reading: a stream or everything, both ways, to an end or on and on.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tonic::Status;
use uuid::Uuid;

use super::convert::{self, Resolved, UuidForm};
use super::linked::{self, Linked};
use super::subscribe::{self, Item};
use super::view::{StreamState, View};
use super::wanted::{Rules, Wanted};
use super::wire::streams::read_req::options::all_options::AllOption;
use super::wire::streams::read_req::options::stream_options::RevisionOption;
use super::wire::streams::read_req::options::{
    self, AllOptions, CountOption, FilterOption, StreamOption, StreamOptions, uuid_option,
};
use super::wire::streams::read_resp::{
    CaughtUp, Checkpoint, Content, StreamNotFound, SubscriptionConfirmation,
};
use super::wire::streams::{ReadReq, ReadResp};
use super::{IDENTITY, failure};
use crate::{Direction, Position, RecordedEvent, StreamName};

pub(crate) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

/// How many events are read from the log at once.
const PAGE: usize = 256;

/// How the events of an answer look.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) form: UuidForm,
    pub(crate) links: bool,
    /// The client understands positions of the stream's ends.
    ends: bool,
}

pub(crate) fn message(content: Content) -> Result<ReadResp, Status> {
    Ok(ReadResp { content: Some(content) })
}

pub(crate) async fn call(view: Arc<View>, request: ReadReq) -> Result<Answers, Status> {
    let options = request.options.ok_or_else(|| failure::invalid("the options are missing"))?;
    let form = match options.uuid_option.and_then(|form| form.content) {
        Some(uuid_option::Content::Structured(())) => UuidForm::Structured,
        Some(uuid_option::Content::String(())) => UuidForm::Text,
        None => return Err(failure::invalid("the form of ids is missing")),
    };
    let ends = options.control_option.is_some_and(|control| control.compatibility >= 1);
    let look = Look { form, links: options.resolve_links, ends };
    let direction = match options.read_direction {
        0 => Direction::Forwards,
        1 => Direction::Backwards,
        _ => return Err(failure::invalid("the direction is neither forwards nor backwards")),
    };
    let rules = match options.filter_option {
        Some(FilterOption::Filter(filter)) => {
            if filter.checkpoint_interval_multiplier == 0 {
                return Err(failure::invalid("the checkpoint interval multiplier is zero"));
            }
            Rules::of(filter)
        }
        Some(FilterOption::NoFilter(())) | None => None,
    };
    match (options.stream_option, options.count_option) {
        (Some(StreamOption::Stream(stream)), Some(CountOption::Count(count))) => {
            read_stream(view, stream, direction, count, look).await
        }
        (Some(StreamOption::All(all)), Some(CountOption::Count(count))) => {
            read_all(view, all, direction, count, rules, look).await
        }
        (Some(_), Some(CountOption::Subscription(_))) if direction == Direction::Backwards => {
            Err(failure::invalid("a subscription goes forwards"))
        }
        (Some(StreamOption::Stream(stream)), Some(CountOption::Subscription(_))) => {
            let name = convert::stream_name(stream.stream_identifier)?;
            let from = match stream.revision_option {
                Some(RevisionOption::Revision(revision)) => subscribe::From::Behind(revision),
                Some(RevisionOption::Start(())) => subscribe::From::Start,
                Some(RevisionOption::End(())) | None => subscribe::From::End,
            };
            let items = subscribe::stream(Arc::clone(&view), name, from, look.links).await?;
            Ok(subscription(&view, items, look.form))
        }
        (Some(StreamOption::All(all)), Some(CountOption::Subscription(_))) => {
            let after = match all.all_option {
                Some(AllOption::Position(position)) => convert::from_wire(position.commit_position),
                Some(AllOption::Start(())) => None,
                Some(AllOption::End(())) | None => {
                    view.store.head().await.map_err(|error| failure::read(&error))?
                }
            };
            let filtered = rules.is_some();
            let wanted = rules.map_or(Ok(Wanted::everything()), |rules| Wanted::new(&rules))?;
            let items = subscribe::all(Arc::clone(&view), after, wanted, look.links).await?;
            let items = items
                .filter(move |item| std::future::ready(filtered || !matches!(item, Ok(Item::Checkpoint(_)))));
            Ok(subscription(&view, items.boxed(), look.form))
        }
        _ => Err(failure::invalid("what to read, or how much of it, is missing")),
    }
}

fn subscription(view: &View, items: BoxStream<'static, Result<Item, Status>>, form: UuidForm) -> Answers {
    let confirmation = SubscriptionConfirmation { subscription_id: Uuid::new_v4().to_string() };
    let first = stream::once(std::future::ready(message(Content::Confirmation(confirmation))));
    let answers = subscribe::until_stopped(view.stopping.clone(), items).map(move |item| {
        message(match item? {
            Item::Event(event) => Content::Event(convert::read_event(*event, form)),
            Item::Checkpoint(position) => {
                let position = convert::to_wire(position);
                Content::Checkpoint(Checkpoint { commit_position: position, prepare_position: position })
            }
            Item::CaughtUp => Content::CaughtUp(CaughtUp {}),
        })
    });
    first.chain(answers).boxed()
}

fn events(resolved: Vec<Resolved>, form: UuidForm) -> impl Iterator<Item = Result<ReadResp, Status>> {
    resolved.into_iter().map(move |event| message(Content::Event(convert::read_event(event, form))))
}

async fn read_all(
    view: Arc<View>,
    all: AllOptions,
    direction: Direction,
    count: u64,
    rules: Option<Rules>,
    look: Look,
) -> Result<Answers, Status> {
    let wanted = rules.map_or(Ok(Wanted::everything()), |rules| Wanted::new(&rules))?;
    let mut after = place(&view, all.all_option, direction).await?;
    Ok(async_stream::try_stream! {
        let mut left = count;
        if direction == Direction::Backwards && after == Place::Front {
            return;
        }
        while left > 0 {
            let max = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            let from = match after { Place::At(position) => Some(position), Place::Front | Place::End => None };
            if direction == Direction::Forwards && after == Place::End {
                return;
            }
            let batch = view.store.read_all(from, direction, &wanted.coarse, max).await;
            let batch = batch.map_err(|error| failure::read(&error))?;
            for event in batch.events {
                if !wanted.wants(&event)? {
                    continue;
                }
                left -= 1;
                let resolved = shown(&view, event, look.links).await?;
                yield message(Content::Event(convert::read_event(resolved, look.form)))?;
            }
            if batch.at_end {
                return;
            }
            after = batch.through.map_or(after, Place::At);
        }
    }
    .boxed())
}

/// Where reading begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Front,
    At(Position),
    End,
}

/// Positions are included forwards and excluded backwards; the log itself excludes both.
async fn place(view: &View, asked: Option<AllOption>, direction: Direction) -> Result<Place, Status> {
    let Some(AllOption::Position(asked)) = asked else {
        return Ok(if matches!(asked, Some(AllOption::Start(()))) { Place::Front } else { Place::End });
    };
    let Some(position) = convert::from_wire(asked.commit_position) else { return Ok(Place::Front) };
    let head = view.store.head().await.map_err(|error| failure::read(&error))?;
    if Some(position) > head {
        return Err(failure::read(&crate::ReadError::BeyondHead { asked: position, head }));
    }
    Ok(match (direction, position.0.checked_sub(1)) {
        (Direction::Backwards, _) => Place::At(position),
        (Direction::Forwards, Some(before)) => Place::At(Position(before)),
        (Direction::Forwards, None) => Place::Front,
    })
}

pub(crate) async fn shown(view: &View, event: RecordedEvent, links: bool) -> Result<Resolved, Status> {
    if !links {
        return Ok(Resolved::plain(event));
    }
    linked::resolve(&*view.store, event).await.map_err(|error| failure::read(&error))
}

async fn read_stream(
    view: Arc<View>,
    options: StreamOptions,
    direction: Direction,
    count: u64,
    look: Look,
) -> Result<Answers, Status> {
    let name = convert::stream_name(options.stream_identifier)?;
    if name.as_str() == IDENTITY {
        return Ok(stream::iter(events(vec![Resolved::plain(identity(&view, name))], look.form)).boxed());
    }
    let from = start(options.revision_option, direction);
    if let Some(linked) = Linked::of(name.as_str()) {
        return read_linked(view, name, linked, from, direction, count, look).await;
    }
    let state = view.state(&name).await.map_err(|error| failure::read(&error))?;
    if state.tombstoned {
        return Err(failure::stream_deleted(&name));
    }
    if state.is_gone() {
        return Ok(not_found(&name));
    }
    Ok(page_through(view, name, state, from, direction, count, look))
}

fn start(asked: Option<options::stream_options::RevisionOption>, direction: Direction) -> u64 {
    match (asked, direction) {
        (Some(RevisionOption::Revision(revision)), _) => revision,
        (Some(RevisionOption::Start(())), _) | (None, Direction::Forwards) => 0,
        (Some(RevisionOption::End(())), _) | (None, Direction::Backwards) => u64::MAX,
    }
}

fn not_found(name: &StreamName) -> Answers {
    let not_found = StreamNotFound { stream_identifier: Some(convert::identifier(name.as_str())) };
    stream::once(std::future::ready(message(Content::StreamNotFound(not_found)))).boxed()
}

fn page_through(
    view: Arc<View>,
    name: StreamName,
    state: StreamState,
    asked: u64,
    direction: Direction,
    count: u64,
    look: Look,
) -> Answers {
    async_stream::try_stream! {
        let (first, last, oldest) = (state.first(), state.last.unwrap_or(0), state.metadata.oldest());
        let mut from = if direction == Direction::Forwards { asked.max(first) } else { asked.min(last) };
        let (mut left, mut sent) = (count, false);
        'pages: while left > 0 {
            let max = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            let page = view.store.read_stream(&name, from, direction, max).await;
            let page = page.map_err(|error| failure::read(&error))?;
            let full = page.len() == max;
            for event in page {
                let revision = event.revision;
                if revision < first {
                    break 'pages;
                }
                from = match direction {
                    Direction::Forwards => revision + 1,
                    Direction::Backwards => revision.saturating_sub(1),
                };
                if event.recorded_at >= oldest {
                    left -= 1;
                    sent = true;
                    let resolved = shown(&view, event, look.links).await?;
                    yield message(Content::Event(convert::read_event(resolved, look.form)))?;
                }
                if revision == 0 && direction == Direction::Backwards {
                    break 'pages;
                }
            }
            if !full {
                break;
            }
        }
        if look.ends {
            if !sent && direction == Direction::Forwards && first != asked {
                yield message(Content::FirstStreamPosition(first))?;
            }
            yield message(Content::LastStreamPosition(last))?;
        }
    }
    .boxed()
}

async fn read_linked(
    view: Arc<View>,
    name: StreamName,
    linked: Linked,
    from: u64,
    direction: Direction,
    count: u64,
    look: Look,
) -> Result<Answers, Status> {
    let page = |from: u64, max: usize| {
        let (view, name, linked) = (&view, &name, &linked);
        async move {
            let store = &*view.store;
            let found = match direction {
                Direction::Forwards => {
                    view.links.forwards(store, name, linked, from, max).await.map(|(found, _)| found)
                }
                Direction::Backwards => view.links.backwards(store, name, linked, from, max).await,
            };
            found.map_err(|error| failure::read(&error))
        }
    };
    let first = page(from, 1).await?;
    if first.is_empty() {
        return Ok(not_found(&name));
    }
    Ok(async_stream::try_stream! {
        let (mut from, mut left) = (from, count);
        while left > 0 {
            let max = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            let store = &*view.store;
            let found = match direction {
                Direction::Forwards => view.links.forwards(store, &name, &linked, from, max).await.map(|f| f.0),
                Direction::Backwards => view.links.backwards(store, &name, &linked, from, max).await,
            };
            let found = found.map_err(|error| failure::read(&error))?;
            let full = found.len() == max;
            for mut resolved in found {
                let Some(number) = resolved.link.as_ref().map(|link| link.revision) else { continue };
                left -= 1;
                if !look.links {
                    resolved = Resolved { event: resolved.link, link: None };
                }
                yield message(Content::Event(convert::read_event(resolved, look.form)))?;
                match (direction, number) {
                    (Direction::Forwards, number) => from = number + 1,
                    (Direction::Backwards, 0) => return,
                    (Direction::Backwards, number) => from = number - 1,
                }
            }
            if !full {
                return;
            }
        }
    }
    .boxed())
}

/// The one event of the stream that says which log this is.
fn identity(view: &View, stream: StreamName) -> RecordedEvent {
    let id = view.store.id();
    RecordedEvent {
        position: Position(0),
        stream,
        revision: 0,
        id,
        event_type: "LogIdentified".into(),
        data: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
        metadata: Bytes::new(),
        recorded_at: 0,
    }
}
