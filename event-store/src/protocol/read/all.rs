//! Everything, to an end.

use std::sync::Arc;

use futures::StreamExt;
use tonic::Status;

use super::super::view::View;
use super::super::wanted::{Rules, Wanted};
use super::super::wire::streams::read_req::options::AllOptions;
use super::super::wire::streams::read_req::options::all_options::AllOption;
use super::super::wire::streams::read_resp::Content;
use super::super::{convert, failure};
use super::{Answers, Look, PAGE, message, shown};
use crate::{Direction, Position};

pub(super) async fn read(
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
