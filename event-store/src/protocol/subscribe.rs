//! Following a stream or the log: first what is there, then what comes. Everything is pulled; a
//! subscriber that does not read holds one batch.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{BoxStream, once};
use tokio::sync::watch;
use tonic::Status;

use super::convert::{self, Resolved};
use super::linked::{self, Linked, Place};
use super::view::{TOMBSTONE, View};
use super::wanted::Wanted;
use super::{failure, read};
use crate::{Direction, Filter, Position, StreamName};

/// How many events are read from the log at once.
const PAGE: usize = 256;

/// What a subscriber hears.
pub(crate) enum Item {
    Event(Box<Resolved>),
    /// Everything up to here was looked at.
    Checkpoint(Position),
    CaughtUp,
}

pub(crate) type Items = BoxStream<'static, Result<Item, Status>>;

/// Where in a stream to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    Start,
    Behind(u64),
    End,
}

/// Waits until the server stops; for ever when nobody is left who could stop it.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Ends with an error when the server stops, because clients take a clean end badly.
pub(crate) fn until_stopped(mut stopping: watch::Receiver<bool>, items: Items) -> Items {
    let stop = Box::pin(async move { stopped(&mut stopping).await });
    items.take_until(stop).chain(once(std::future::ready(Err(failure::stopping())))).boxed()
}

/// Follows the log. Whoever was told of nothing for `interval` events hears how far the log was looked
/// through: told of each, a thousand idle subscribers would make a thousand messages of every append.
pub(crate) async fn all(
    view: Arc<View>,
    after: Option<Position>,
    wanted: Wanted,
    interval: u64,
    links: bool,
) -> Result<Items, Status> {
    let subscription = view.store.subscribe(after, wanted.coarse.clone()).await;
    let mut subscription = subscription.map_err(|error| failure::read(&error))?;
    Ok(async_stream::try_stream! {
        let (mut live, mut told) = (false, after);
        loop {
            let batch = subscription.next().await.map_err(|error| failure::read(&error))?;
            for event in batch.events {
                if wanted.wants(&event)? {
                    told = Some(event.position);
                    yield Item::Event(Box::new(read::shown(&view, event, links).await?));
                }
            }
            let [through, heard] = [batch.through, told].map(|at| at.map_or(0, convert::to_wire));
            let behind = through.saturating_sub(heard);
            let due = behind >= interval || (behind > 0 && batch.at_end && !live);
            if let Some(through) = batch.through.filter(|_| due) {
                told = Some(through);
                yield Item::Checkpoint(through);
            }
            if batch.at_end && !live {
                live = true;
                yield Item::CaughtUp;
            }
        }
    }
    .boxed())
}

/// Follows one stream.
pub(crate) async fn stream(
    view: Arc<View>,
    name: StreamName,
    from: From,
    links: bool,
) -> Result<Items, Status> {
    if let Some(linked) = Linked::of(name.as_str()) {
        return follow_linked(view, name, linked, from, links).await;
    }
    let state = view.state(&name).await.map_err(|error| failure::read(&error))?;
    if state.tombstoned {
        return Err(failure::stream_deleted(&name));
    }
    let next = match from {
        From::Start => 0,
        From::Behind(revision) => revision.saturating_add(1),
        From::End => state.last.map_or(0, |last| last + 1),
    };
    // The log is followed from here on; what the pages below show twice is told by its revision.
    let head = view.store.head().await.map_err(|error| failure::read(&error))?;
    let filter = Filter { stream_prefixes: vec![name.as_str().into()], event_types: Vec::new() };
    let mut subscription = view.store.subscribe(head, filter).await.map_err(|error| failure::read(&error))?;
    Ok(async_stream::try_stream! {
        let mut next = next.max(state.first());
        let oldest = state.metadata.oldest();
        loop {
            let page = view.store.read_stream(&name, next, Direction::Forwards, PAGE).await;
            let page = page.map_err(|error| failure::read(&error))?;
            let full = page.len() == PAGE;
            for event in page {
                next = event.revision + 1;
                if event.recorded_at >= oldest {
                    yield Item::Event(Box::new(read::shown(&view, event, links).await?));
                }
            }
            if !full {
                break;
            }
        }
        yield Item::CaughtUp;
        loop {
            let batch = subscription.next().await.map_err(|error| failure::read(&error))?;
            for event in batch.events {
                if event.stream != name || event.revision < next {
                    continue;
                }
                if &*event.event_type == TOMBSTONE {
                    Err(failure::stream_deleted(&name))?;
                }
                next = event.revision + 1;
                yield Item::Event(Box::new(read::shown(&view, event, links).await?));
            }
        }
    }
    .boxed())
}

/// Follows a system stream by following the log and counting.
async fn follow_linked(
    view: Arc<View>,
    name: StreamName,
    linked: Linked,
    from: From,
    links: bool,
) -> Result<Items, Status> {
    let next = match from {
        From::Start => 0,
        From::Behind(number) => number.saturating_add(1),
        From::End => {
            let count = view.links.forwards(&*view.store, &name, &linked, u64::MAX, 1).await;
            count.map_err(|error| failure::read(&error))?.1.unwrap_or(0)
        }
    };
    let mut place = view.links.before(name.as_str(), next);
    let subscription = view.store.subscribe(place.after, linked.coarse()).await;
    let mut subscription = subscription.map_err(|error| failure::read(&error))?;
    Ok(async_stream::try_stream! {
        let mut live = false;
        loop {
            let batch = subscription.next().await.map_err(|error| failure::read(&error))?;
            for event in batch.events.into_iter().filter(|event| linked.holds(event)) {
                let number = place.number;
                place = Place { number: number + 1, after: Some(event.position) };
                view.links.passed(name.as_str(), place);
                if number >= next {
                    let link = linked::link(&name, number, &event);
                    let shown = if links {
                        Resolved { event: Some(event), link: Some(link) }
                    } else {
                        Resolved::plain(link)
                    };
                    yield Item::Event(Box::new(shown));
                }
            }
            if batch.at_end && !live {
                live = true;
                yield Item::CaughtUp;
            }
        }
    }
    .boxed())
}
