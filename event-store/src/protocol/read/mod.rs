//! Reading: a stream or everything, both ways, to an end or on and on.

mod all;
mod linked;
mod stream;

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{BoxStream, once};
use tonic::Status;
use uuid::Uuid;

use super::convert::{self, Resolved, UuidForm};
use super::failure;
use super::linked as links;
use super::subscribe::{self, Item};
use super::view::View;
use super::wanted::{Rules, Wanted};
use super::wire::streams::read_req::options::all_options::AllOption;
use super::wire::streams::read_req::options::filter_options::Window;
use super::wire::streams::read_req::options::stream_options::RevisionOption;
use super::wire::streams::read_req::options::{CountOption, FilterOption, StreamOption, uuid_option};
use super::wire::streams::read_resp::{
    CaughtUp, Checkpoint, Content, StreamNotFound, SubscriptionConfirmation,
};
use super::wire::streams::{ReadReq, ReadResp};
use crate::{Direction, RecordedEvent, StreamName};

pub(crate) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

/// How many events are read from the log at once.
const PAGE: usize = 256;

/// How many events a filter looks at before it says so, unless the client asks for another number.
const SEARCH_WINDOW: u32 = 32;

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
    let mut interval = u64::MAX;
    let rules = match options.filter_option {
        Some(FilterOption::Filter(filter)) => {
            if filter.checkpoint_interval_multiplier == 0 {
                return Err(failure::invalid("the checkpoint interval multiplier is zero"));
            }
            let window = match filter.window {
                Some(Window::Max(events)) => events.max(1),
                Some(Window::Count(())) | None => SEARCH_WINDOW,
            };
            interval = u64::from(window) * u64::from(filter.checkpoint_interval_multiplier);
            Rules::of(filter)
        }
        Some(FilterOption::NoFilter(())) | None => None,
    };
    match (options.stream_option, options.count_option) {
        (Some(StreamOption::Stream(stream)), Some(CountOption::Count(count))) => {
            stream::read(view, stream, direction, count, look).await
        }
        (Some(StreamOption::All(all)), Some(CountOption::Count(count))) => {
            all::read(view, all, direction, count, rules, look).await
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
            let items = subscribe::all(Arc::clone(&view), after, wanted, interval, look.links).await?;
            let items = items
                .filter(move |item| std::future::ready(filtered || !matches!(item, Ok(Item::Checkpoint(_)))));
            Ok(subscription(&view, items.boxed(), look.form))
        }
        _ => Err(failure::invalid("what to read, or how much of it, is missing")),
    }
}

fn subscription(view: &View, items: BoxStream<'static, Result<Item, Status>>, form: UuidForm) -> Answers {
    let confirmation = SubscriptionConfirmation { subscription_id: Uuid::new_v4().to_string() };
    let first = once(std::future::ready(message(Content::Confirmation(confirmation))));
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

pub(crate) async fn shown(view: &View, event: RecordedEvent, links: bool) -> Result<Resolved, Status> {
    if !links {
        return Ok(Resolved::plain(event));
    }
    links::resolve(&*view.store, event).await.map_err(|error| failure::read(&error))
}

fn not_found(name: &StreamName) -> Answers {
    let not_found = StreamNotFound { stream_identifier: Some(convert::identifier(name.as_str())) };
    once(std::future::ready(message(Content::StreamNotFound(not_found)))).boxed()
}
