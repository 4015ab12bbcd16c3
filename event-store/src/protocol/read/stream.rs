//! One stream, to an end.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::once;
use tonic::Status;

use super::super::convert::{self, Resolved};
use super::super::linked::Linked;
use super::super::view::{StreamState, View};
use super::super::wire::streams::read_req::options::StreamOptions;
use super::super::wire::streams::read_req::options::stream_options::RevisionOption;
use super::super::wire::streams::read_resp::Content;
use super::super::{IDENTITY, failure};
use super::{Answers, Look, PAGE, linked, message, not_found, shown};
use crate::{Decoded, Direction, Position, RecordedEvent, StreamName};

pub(super) async fn read(
    view: Arc<View>,
    options: StreamOptions,
    direction: Direction,
    count: u64,
    look: Look,
) -> Result<Answers, Status> {
    let name = convert::stream_name(options.stream_identifier)?;
    if name.as_str() == IDENTITY {
        let event = convert::read_event(Resolved::plain(identity(&view, name)), look.form);
        return Ok(once(std::future::ready(message(Content::Event(event)))).boxed());
    }
    let from = start(options.revision_option, direction);
    if let Some(which) = Linked::of(name.as_str()) {
        return linked::read(view, name, which, from, direction, count, look).await;
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

fn start(asked: Option<RevisionOption>, direction: Direction) -> u64 {
    match (asked, direction) {
        (Some(RevisionOption::Revision(revision)), _) => revision,
        (Some(RevisionOption::Start(())), _) | (None, Direction::Forwards) => 0,
        (Some(RevisionOption::End(())), _) | (None, Direction::Backwards) => u64::MAX,
    }
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
        decoded: Decoded::default(),
    }
}
