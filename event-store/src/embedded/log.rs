//! What the writer and the readers share: the synced log, and where everything in it is.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use uuid::Uuid;

use super::bloom::Bloom;
use super::disk::read_up_to;
use super::frame::Frame;
use super::index::{Growing, Index, StreamHash, Stretch};
use super::segment::SegmentFile;
use super::tail::{Recent, Tail};
use crate::{Health, Position, ReadError};

/// How much of a frame of unknown length is read at first, in bytes.
const GUESS: usize = 2048;

/// The log up to the last sync. Only the writer changes it, and only after a sync.
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
    /// Older segments, oldest first; none is empty.
    pub(crate) sealed: Arc<Vec<Arc<Sealed>>>,
    pub(crate) active: Arc<SegmentFile>,
    pub(crate) growing: Growing,
    pub(crate) tail: Tail,
    /// The position of the next event.
    pub(crate) next_position: u64,
}

/// A segment that is full.
pub(crate) struct Sealed {
    pub(crate) segment: Arc<SegmentFile>,
    index: RwLock<Arc<Index>>,
    /// The filter of an index that is a file. Beside it, because a new stream asks every segment, and locks
    /// and counts would cost more than the answers.
    filter: OnceLock<Arc<Bloom>>,
}

/// A frame that was written and synced, on its way into the indexes.
pub(crate) struct Placed {
    pub(crate) stream: StreamHash,
    pub(crate) revision: u64,
    pub(crate) last: u64,
    pub(crate) offset: u32,
}

impl Sealed {
    pub(crate) fn new(segment: Arc<SegmentFile>, index: Index) -> Self {
        let filter = match &index {
            Index::Memory(_) => OnceLock::new(),
            Index::File(file) => OnceLock::from(file.filter()),
        };
        Self { segment, index: RwLock::new(Arc::new(index)), filter }
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace_index(&self, index: Index) {
        if let Index::File(file) = &index {
            self.filter.get_or_init(|| file.filter());
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }
}

impl Log {
    pub(crate) fn new(store: Uuid, state: State) -> Self {
        Self {
            store,
            state: RwLock::new(state),
            condition: Mutex::new(Condition { health: Health::Ready, broken: false }),
        }
    }

    /// Held for microseconds: nobody reads the disk meanwhile except the writer, who is the only
    /// one that takes the other side of the lock.
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

    /// Shows a synced block to the readers.
    pub(crate) fn publish(&self, block: Recent, frames: &[Placed], next_position: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for frame in frames {
            state.growing.insert(frame.stream, frame.revision, frame.last, frame.offset);
        }
        let (first, length) = (block.first_position, block.bytes.len());
        state.growing.regions.push(first, block.offset, length, next_position);
        state.next_position = next_position;
        state.tail.push(block);
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
        let mut all = Vec::clone(&state.sealed);
        all.push(Arc::clone(&sealed));
        state.sealed = Arc::new(all);
        Some(sealed)
    }

    /// The revision of a stream's last event.
    pub(crate) fn last_revision(&self, stream: StreamHash) -> Result<Option<u64>, ReadError> {
        let state = self.state();
        if let Some(stretch) = state.growing.find(stream) {
            return Ok(Some(stretch.last));
        }
        let sealed = Arc::clone(&state.sealed);
        drop(state);
        for segment in sealed.iter().rev() {
            if let Some((_, stretch)) = segment.find(stream)? {
                return Ok(Some(stretch.last));
            }
        }
        Ok(None)
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

impl Sealed {
    /// The part of a stream that is here, and the index that knows it.
    pub(crate) fn find(&self, stream: StreamHash) -> Result<Option<(Arc<Index>, Stretch)>, ReadError> {
        if self.filter.get().is_some_and(|filter| !filter.may_have(stream)) {
            return Ok(None);
        }
        let index = self.index();
        let found = index.find(stream).map_err(unreadable)?;
        Ok(found.map(|stretch| (index, stretch)))
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
