//! The events of a log, wherever it is: a folder is read beside whoever has it open.

use std::path::Path;
use std::sync::Arc;

use event_store::{
    Direction, EventStore, Filter, IndexReport, Position, RecordedEvent, SegmentReport, Stroll, Visitor,
    is_remote, open,
};

use serde_json::{Value, json};

use super::Failure;

const PAGE: usize = 2000;

/// A log that is read from the front.
pub(super) enum Source {
    Folder(Stroll),
    Store { store: Arc<dyn EventStore>, after: Option<Position>, at_end: bool },
}

impl Source {
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        if is_remote(url) || url == "memory:" {
            return Ok(Self::Store { store: open(url).await?, after: None, at_end: false });
        }
        Ok(Self::Folder(Visitor::open(folder(url))?.walk(0)?))
    }

    /// Some of the next events; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RecordedEvent>>, Failure> {
        match self {
            Self::Folder(stroll) => Ok(stroll.next_block()?),
            Self::Store { at_end: true, .. } => Ok(None),
            Self::Store { store, after, at_end } => {
                let batch = store.read_all(*after, Direction::Forwards, &Filter::all(), PAGE).await?;
                (*after, *at_end) = (batch.through, batch.at_end);
                Ok(Some(batch.events))
            }
        }
    }
}

/// The folder that a URL names.
pub(super) fn folder(url: &str) -> &str {
    url.strip_prefix("embedded:").unwrap_or(url)
}

/// The folder itself, for commands that look at its files.
pub(super) fn local(url: &str) -> Result<&Path, Failure> {
    if is_remote(url) {
        let reason = "a server keeps its files to itself: name the folder, on the server's machine";
        return Err(Failure::Input(reason.to_owned()));
    }
    Ok(Path::new(folder(url)))
}

/// A segment and its index, for programs.
pub(super) fn described(segment: &SegmentReport) -> Value {
    json!({
        "number": segment.number,
        "firstPosition": segment.first_position,
        "events": segment.events,
        "blocks": segment.blocks,
        "used": segment.used,
        "bytes": segment.bytes,
        "index": match segment.index {
            IndexReport::None => "none",
            IndexReport::Whole => "whole",
            IndexReport::Damaged => "damaged",
        },
    })
}
