//! What the writer and the readers share: the synced log, and where everything in it is.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use uuid::Uuid;

use super::disk::read_up_to;
use super::frame::Frame;
use super::growing::Growing;
use super::index::{Index, StreamHash};
use super::sealed::{Older, Sealed};
use super::segment::SegmentFile;
use super::tail::{Recent, Tail};
use crate::{Health, Position, ReadError};

/// How much of a frame of unknown length is read at first, in bytes.
const GUESS: usize = 1024;

/// The log up to the last sync. Only the writer changes what it holds, and only after a sync.
pub(crate) struct Log {
    pub(crate) store: Uuid,
    state: RwLock<State>,
    condition: Mutex<Condition>,
}

struct Condition {
    health: Health,
    /// The writer stopped for good.
    broken: bool,
}

pub(crate) struct State {
    pub(crate) older: Older,
    pub(crate) active: Arc<SegmentFile>,
    pub(crate) growing: Growing,
    pub(crate) tail: Tail,
    /// The position of the next event.
    pub(crate) next_position: u64,
}

/// A frame that was written and synced, on its way into the indexes.
pub(crate) struct Placed {
    pub(crate) stream: StreamHash,
    pub(crate) revision: u64,
    pub(crate) last: u64,
    pub(crate) offset: u32,
}

impl Log {
    pub(crate) fn new(store: Uuid, state: State) -> Self {
        Self {
            store,
            state: RwLock::new(state),
            condition: Mutex::new(Condition { health: Health::Ready, broken: false }),
        }
    }

    /// Held for microseconds: nobody reads the disk meanwhile. The other side of the lock is the writer's,
    /// and the keeper's when it has put filters side by side.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self) -> Option<Position> {
        self.state().head()
    }

    fn condition(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn health(&self) -> Health {
        self.condition().health.clone()
    }

    /// Writes are taken or, for the time being, not. A writer that stopped for good stays stopped.
    pub(crate) fn set_health(&self, health: Health) {
        let mut condition = self.condition();
        if !condition.broken {
            condition.health = health;
        }
    }

    /// Nothing will ever be written again.
    pub(crate) fn set_broken(&self, reason: &str) {
        let health = Health::ReadOnly(reason.to_owned());
        *self.condition() = Condition { health, broken: true };
    }

    /// Shows a synced block to the readers. Gives back those that leave the memory for it: to let go of all that
    /// their events hold takes a while, and can wait.
    #[must_use]
    pub(crate) fn publish(
        &self,
        block: Recent,
        frames: impl Iterator<Item = Placed>,
        next_position: u64,
    ) -> Vec<Arc<Recent>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for frame in frames {
            state.growing.insert(frame.stream, frame.revision, frame.last, frame.offset);
        }
        let (first, length) = (block.first_position, block.bytes.len());
        state.growing.regions.push(first, block.offset, length, next_position);
        state.next_position = next_position;
        state.tail.push(block)
    }

    /// Goes on in another segment. Gives back the one that is full, unless nothing is in it.
    pub(crate) fn roll(&self, next: Arc<SegmentFile>) -> Option<Arc<Sealed>> {
        let room = {
            let state = self.state();
            let times = next.capacity as f64 / state.active.capacity as f64;
            (state.growing.streams() as f64 * times * 1.2) as usize
        };
        let fresh = Growing::with_room(room);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let segment = std::mem::replace(&mut state.active, next);
        let growing = std::mem::replace(&mut state.growing, fresh);
        growing.regions.first_position()?;
        let sealed = Arc::new(Sealed::new(segment, Index::Memory(growing)));
        state.older.push(Arc::clone(&sealed));
        Some(sealed)
    }

    /// Puts the filters that came up since the last time beside the others. For one thread.
    pub(crate) fn group_filters(&self) {
        let older = self.state().older.clone();
        let groups = older.group();
        self.state.write().unwrap_or_else(PoisonError::into_inner).older.set_groups(groups);
    }

    /// The revision of a stream's last event, of which so many of the oldest segments are known to have none.
    pub(crate) fn last_revision(&self, stream: StreamHash, absent: usize) -> Result<Option<u64>, ReadError> {
        let state = self.state();
        if let Some(stretch) = state.growing.find(stream) {
            return Ok(Some(stretch.last));
        }
        if state.older.segments.len() == absent {
            return Ok(None);
        }
        let older = state.older.clone();
        drop(state);
        let newest = older.parts(stream).next().transpose()?;
        Ok(newest.map(|part| part.stretch.last))
    }
}

impl State {
    pub(crate) fn head(&self) -> Option<Position> {
        self.next_position.checked_sub(1).map(Position)
    }

    pub(crate) fn check(&self, asked: Option<Position>) -> Result<(), ReadError> {
        match asked {
            Some(asked) if self.head() < Some(asked) => {
                Err(ReadError::BeyondHead { asked, head: self.head() })
            }
            _ => Ok(()),
        }
    }
}

/// Reads the frame at an offset, in bytes of its own, and checks it.
pub(crate) fn read_frame(segment: &SegmentFile, offset: u64) -> Result<Bytes, ReadError> {
    let mut bytes = vec![0; GUESS];
    let mut read = read_up_to(&*segment.file, &mut bytes, offset).map_err(unreadable)?;
    let told = super::bytes::Fields(&bytes[..read]).u32().unwrap_or(0) as usize;
    let length = told.min(segment.capacity.saturating_sub(offset) as usize);
    if length > read {
        bytes.resize(length, 0);
        let more = read_up_to(&*segment.file, &mut bytes[read..], offset + read as u64);
        read += more.map_err(unreadable)?;
    }
    bytes.truncate(length.min(read));
    match Frame::checked(&bytes) {
        Some(_) => Ok(Bytes::from(bytes)),
        None => Err(damaged(segment, offset)),
    }
}

pub(crate) fn damaged(segment: &SegmentFile, offset: u64) -> ReadError {
    let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
    ReadError::Damaged(format!("segment {name} at offset {offset}"))
}

pub(crate) fn unreadable(error: io::Error) -> ReadError {
    if error.kind() == io::ErrorKind::InvalidData {
        return ReadError::Damaged(error.to_string());
    }
    ReadError::Unavailable(error.to_string())
}
