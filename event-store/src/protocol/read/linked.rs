//! One system stream, to an end: what it holds is found while it is read.

use std::sync::Arc;

use futures::StreamExt;
use tonic::Status;

use super::super::convert::{self, Resolved};
use super::super::failure;
use super::super::linked::Linked;
use super::super::view::View;
use super::super::wire::streams::read_resp::Content;
use super::{Answers, Look, PAGE, message, not_found};
use crate::{Direction, StreamName};

async fn page(
    view: &View,
    name: &StreamName,
    linked: &Linked,
    from: u64,
    direction: Direction,
    max: usize,
) -> Result<Vec<Resolved>, Status> {
    let store = &*view.store;
    let found = match direction {
        Direction::Forwards => {
            view.links.forwards(store, name, linked, from, max).await.map(|(found, _)| found)
        }
        Direction::Backwards => view.links.backwards(store, name, linked, from, max).await,
    };
    found.map_err(|error| failure::read(&error))
}

pub(super) async fn read(
    view: Arc<View>,
    name: StreamName,
    linked: Linked,
    from: u64,
    direction: Direction,
    count: u64,
    look: Look,
) -> Result<Answers, Status> {
    let first = page(&view, &name, &linked, from, direction, 1).await?;
    if first.is_empty() {
        return Ok(not_found(&name));
    }
    Ok(async_stream::try_stream! {
        let (mut from, mut left) = (from, count);
        while left > 0 {
            let max = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            let found = page(&view, &name, &linked, from, direction, max).await?;
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
