//! Opening a log, which is the same work whether it was closed, killed or lost its power.
//!
//! A block that is not valid is either the last thing ever written, and then nobody was told that
//! its events are in, or it was synced and broke later. Since a block is written only after the one
//! before it was synced, anything valid behind it proves the second. So the first kind is cut off
//! and the second refused, with the bytes left as they are.
//!
//! One case cannot be told apart: if the very last acknowledged block breaks on disk while the store
//! is down, it looks like a torn one, and is cut.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::disk::Disk;
use super::error::OpenError;
use super::growing::Growing;
use super::index::{Index, StreamHash};
use super::log::{Log, State};
use super::sealed::{Older, Sealed};
use super::segment::{self, SegmentFile};
use super::site::Site;
use super::tail::Tail;
use super::walk::{self, Rest, Walk};
use super::{Opened, folder};

/// A log that is ready, and what its writer goes on with.
pub(crate) struct Recovered {
    pub(crate) log: Arc<Log>,
    pub(crate) active: Arc<SegmentFile>,
    /// Behind the last block.
    pub(crate) end: u64,
    pub(crate) next_position: u64,
    pub(crate) spare: Option<SegmentFile>,
}

/// The store's id; a folder without segments becomes a new store.
pub(crate) fn identify(disk: &dyn Disk, at: &Path) -> Opened<(Uuid, Vec<u64>)> {
    let (numbers, unfinished) = folder::list(at)?;
    for path in unfinished {
        disk.remove(&path)?;
    }
    let identity = folder::identity_path(at);
    let store = match disk.open(&identity) {
        Ok(file) => folder::id(&*file, &identity)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && numbers.is_empty() => {
            folder::found(disk, at)?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = "the file is missing, but there are segments".to_owned();
            return Err(OpenError::Damaged { path: identity, offset: 0, what });
        }
        Err(error) => return Err(error.into()),
    };
    Ok((store, numbers))
}

/// Brings the log of a folder into a state in which it can be served.
pub(crate) fn recover(site: &Site, numbers: &[u64], recent_bytes: usize) -> Opened<Recovered> {
    let mut segments = open_all(site, numbers)?;
    let mut spares = spares(&mut segments)?;
    let active = match segments.pop() {
        Some(active) => active,
        None => match spares.pop() {
            Some((empty, Rest::Zeros)) => empty,
            // The very first write was torn: the file is made anew.
            _ => site.segment(0, site.capacity(0, 0))?,
        },
    };
    let mut sealed = Vec::new();
    let mut next_position = 0;
    for segment in segments {
        let index = site.index(&segment, || {
            let (growing, end) = index(site.store, &segment, next_position)?;
            match walk::rest(&segment, end)? {
                Rest::Zeros => Ok(Index::Memory(growing)),
                _ => Err(damaged(&segment, end, "a block is not valid, and later segments have some")),
            }
        })?;
        let regions = index.regions();
        // A segment that was too small for a great append has no blocks.
        let Some(first) = regions.first_position() else { continue };
        if first != next_position {
            let what = format!("position {next_position} should follow, but {first} does");
            return Err(damaged(&segment, segment::HEAD, &what));
        }
        next_position = regions.next_position;
        sealed.push(Arc::new(Sealed::new(Arc::new(segment), index)));
    }
    let (growing, end) = index(site.store, &active, next_position)?;
    cut(&active, end, spares.iter().any(|(_, rest)| *rest == Rest::Torn))?;
    let spare = keep_one(site, active.number, spares)?;
    if let Err(error) = active.file.reserve(active.capacity) {
        // A copy may be without the room that the original had.
        tracing::warn!(%error, path = %active.path.display(), "there is no room for the rest of the segment");
    }
    next_position = growing.regions.next_position;
    let active = Arc::new(active);
    let state = State {
        older: Older::new(sealed),
        active: Arc::clone(&active),
        growing,
        tail: Tail::new(recent_bytes),
        next_position,
    };
    Ok(Recovered { log: Arc::new(Log::new(site.store, state)), active, end, next_position, spare })
}

fn open_all(site: &Site, numbers: &[u64]) -> Opened<Vec<SegmentFile>> {
    let mut segments = Vec::new();
    for (expected, number) in (0..).zip(numbers) {
        let path = segment::path(&site.folder, expected);
        if expected != *number {
            return Err(OpenError::Damaged { path, offset: 0, what: "the segment is missing".to_owned() });
        }
        let file = site.disk.open(&path)?;
        segments.push(folder::segment(path, file, site.store, expected)?);
    }
    Ok(segments)
}

/// Takes off the segments behind the last one that has a valid block.
fn spares(segments: &mut Vec<SegmentFile>) -> Opened<Vec<(SegmentFile, Rest)>> {
    let mut spares: Vec<(SegmentFile, Rest)> = Vec::new();
    while let Some(last) = segments.pop() {
        if Walk::new(&last).next()?.is_some() {
            segments.push(last);
            break;
        }
        match walk::rest(&last, segment::HEAD)? {
            Rest::BlockAt(valid) => return Err(damaged(&last, segment::HEAD, &behind(valid))),
            // Only one write can have been under way.
            Rest::Torn if spares.iter().any(|(_, rest)| *rest == Rest::Torn) => {
                return Err(damaged(&last, segment::HEAD, "two segments have an invalid first block"));
            }
            rest => spares.push((last, rest)),
        }
    }
    Ok(spares)
}

/// Indexes every valid block from the front, and finds where they end.
fn index(store: Uuid, segment: &SegmentFile, mut next_position: u64) -> Opened<(Growing, u64)> {
    let mut growing = Growing::default();
    let mut walk = Walk::new(segment);
    while let Some(block) = walk.next()? {
        if block.header.first_position != next_position {
            let what =
                format!("position {next_position} should follow, but {} does", block.header.first_position);
            return Err(damaged(segment, block.offset, &what));
        }
        for (offset, frame) in block.frames() {
            let stream = StreamHash::new(store, frame.stream);
            let follows = growing.find(stream).is_none_or(|known| known.last + 1 == frame.revision);
            if frame.position != next_position || !follows {
                let what = format!("{}@{} does not follow what is before it", frame.stream, frame.revision);
                return Err(damaged(segment, offset, &what));
            }
            let last = frame.revision + (frame.count - 1);
            growing.insert(stream, frame.revision, last, offset as u32);
            next_position += frame.count;
        }
        growing.regions.push(block.header.first_position, block.offset, block.bytes.len(), next_position);
    }
    growing.regions.end = walk.offset;
    growing.regions.next_position = next_position;
    Ok((growing, walk.offset))
}

/// Takes a torn write off the end of the log.
fn cut(active: &SegmentFile, end: u64, torn_spare: bool) -> Opened<()> {
    match walk::rest(active, end)? {
        Rest::Zeros => Ok(()),
        Rest::Torn if torn_spare => {
            Err(damaged(active, end, "a block is not valid, and the next segment was written to"))
        }
        Rest::Torn => {
            tracing::warn!(segment = active.number, offset = end, "a write that was not finished is cut off");
            Ok(walk::zero(active, end)?)
        }
        Rest::BlockAt(valid) => Err(damaged(active, end, &behind(valid))),
    }
}

/// Keeps the next segment if it is as good as new; the others are only in the way.
fn keep_one(site: &Site, active: u64, spares: Vec<(SegmentFile, Rest)>) -> Opened<Option<SegmentFile>> {
    let mut spare = None;
    let mut removed = false;
    for (segment, rest) in spares {
        if segment.number == active + 1 && rest == Rest::Zeros {
            spare = Some(segment);
        } else if segment.number != active {
            site.disk.remove(&segment.path)?;
            removed = true;
        }
    }
    if removed {
        site.disk.sync_folder(&site.folder)?;
    }
    Ok(spare)
}

fn behind(valid: u64) -> String {
    format!("the block is not valid, but one at offset {valid} behind it is")
}

fn damaged(segment: &SegmentFile, offset: u64, what: &str) -> OpenError {
    OpenError::Damaged { path: segment.path.clone(), offset, what: what.to_owned() }
}
