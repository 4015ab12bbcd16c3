//! Looking into a log that another process may be writing: without its lock, without writing a
//! byte, and without taking a write that is under way for damage.
//!
//! A visitor sees a block as soon as all of it can be read, which may be a moment before it is
//! synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use super::block::{self, Header};
use super::disk::read_up_to;
use super::error::OpenError;
use super::frame::Recorder;
use super::segment::{self, SegmentFile};
use super::walk::{self, Block, Rest, Walk};
use super::{Opened, folder};
use crate::RecordedEvent;

/// A log as a visitor sees it.
#[derive(Debug, Clone)]
pub struct Visitor {
    folder: PathBuf,
    store: Uuid,
}

impl Visitor {
    /// Looks into the log of a folder.
    ///
    /// # Errors
    /// [`OpenError::Missing`] when there is none; [`OpenError::Format`] and [`OpenError::Damaged`]
    /// when it is not one that this program can read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder.as_ref().to_owned();
        let path = folder::identity_path(&folder);
        let store = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::Missing(folder)),
            file => folder::id(&file?, &path)?,
        };
        Ok(Self { folder, store })
    }

    /// The id of the log.
    pub fn id(&self) -> Uuid {
        self.store
    }

    /// The version of the files.
    pub fn format(&self) -> u32 {
        segment::FORMAT
    }

    /// The numbers of the segments, spare ones included.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn segments(&self) -> Result<Vec<u64>, OpenError> {
        Ok(folder::list(&self.folder)?.0)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A segment, unless there is none with this number.
    pub(crate) fn segment(&self, number: u64) -> Opened<Option<SegmentFile>> {
        let path = segment::path(&self.folder, number);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(Some(folder::segment(path, Box::new(file?), self.store, number)?)),
        }
    }

    /// Walks through the log from the beginning of the segment that holds this position, or from
    /// the end when it is beyond that.
    ///
    /// # Errors
    /// Every [`OpenError`] of a log that cannot be read.
    pub fn walk(&self, from: u64) -> Result<Stroll, OpenError> {
        let mut stroll = Stroll {
            visitor: self.clone(),
            segment: None,
            number: 0,
            offset: segment::HEAD,
            next: 0,
            window: (Bytes::new(), 0),
        };
        for number in self.segments()? {
            let Some(segment) = self.segment(number)? else { continue };
            match Walk::new(&segment).next()? {
                Some(block) if block.header.first_position <= from => {
                    stroll.number = number;
                    stroll.next = block.header.first_position;
                    stroll.segment = Some(segment);
                }
                _ => {}
            }
        }
        Ok(stroll)
    }
}

/// A walk through a log, block by block.
pub struct Stroll {
    visitor: Visitor,
    segment: Option<SegmentFile>,
    number: u64,
    offset: u64,
    next: u64,
    /// What was read of the segment at once, and where that begins: the next blocks are in it, too.
    window: (Bytes, u64),
}

impl Stroll {
    /// The events of the next block; `None` when there is none yet.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] with the place where the log is not what was written.
    pub fn next_block(&mut self) -> Result<Option<Vec<RecordedEvent>>, OpenError> {
        let Some(block) = self.read(false)? else { return Ok(None) };
        let mut recorder = Recorder::default();
        let mut events = Vec::new();
        for (_, frame) in block.frames() {
            events.extend(frame.events().map(|event| recorder.record(&block.bytes, &frame, &event)));
        }
        Ok(Some(events))
    }

    /// The place of the next block: segment number and offset in bytes.
    pub fn place(&self) -> (u64, u64) {
        (self.number, self.offset)
    }

    /// The position of the next event.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// The next block. Whether the log is damaged where it seems to end is only found out by
    /// looking through the rest of the segment, which is too much for every look of a follower.
    pub(crate) fn read(&mut self, thorough: bool) -> Opened<Option<Block>> {
        loop {
            if self.segment.is_none() {
                self.segment = self.visitor.segment(self.number)?;
            }
            let Some(segment) = &self.segment else { return Ok(None) };
            // What is not in the window may have been written since.
            for window in [std::mem::take(&mut self.window), (Bytes::new(), 0)] {
                let mut walk = Walk::again(segment, self.offset, window);
                if let Some(block) = walk.next()? {
                    self.window = walk.window();
                    return self.take(block).map(Some);
                }
            }
            let behind = self.behind(segment)?;
            if behind.is_none() && !thorough && self.is_blank(segment)? {
                return Ok(None);
            }
            // Whatever lies behind was written after this place was synced. So if there was only a
            // write under way when this place was read, it can be read now.
            if let Some(block) = Walk::from(segment, self.offset).next()? {
                return self.take(block).map(Some);
            }
            match (walk::rest(segment, self.offset)?, behind) {
                (Rest::Zeros, Some(number)) => {
                    (self.segment, self.number, self.offset) = (None, number, segment::HEAD);
                }
                (Rest::Zeros | Rest::Torn, None) => return Ok(None),
                (Rest::BlockAt(at), _) => {
                    return self
                        .broken(&format!("the block is not valid, but one at offset {at} behind it is"));
                }
                (Rest::Torn, Some(_)) => {
                    return self.broken("a block is not valid, and later segments have some");
                }
            }
        }
    }

    fn take(&mut self, block: Block) -> Opened<Block> {
        let first = block.header.first_position;
        if first != self.next {
            return self.broken(&format!("position {} should follow, but {first} does", self.next));
        }
        self.next += block.frames().map(|(_, frame)| frame.count).sum::<u64>();
        self.offset += block.bytes.len() as u64;
        Ok(block)
    }

    /// The next segment that has a block.
    fn behind(&self, segment: &SegmentFile) -> Opened<Option<u64>> {
        for number in self.visitor.segments()? {
            if number > segment.number
                && let Some(later) = self.visitor.segment(number)?
                && begins(&later)?
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Whether nothing was written here yet, as far as the next header goes.
    fn is_blank(&self, segment: &SegmentFile) -> io::Result<bool> {
        let mut head = [0; block::HEAD];
        read_up_to(&*segment.file, &mut head, self.offset)?;
        Ok(head == [0; block::HEAD])
    }

    fn broken<T>(&self, what: &str) -> Opened<T> {
        let path = segment::path(&self.visitor.folder, self.number);
        Err(OpenError::Damaged { path, offset: self.offset, what: what.to_owned() })
    }
}

/// Whether a segment has a first block.
fn begins(segment: &SegmentFile) -> io::Result<bool> {
    let mut head = [0; block::HEAD];
    read_up_to(&*segment.file, &mut head, segment::HEAD)?;
    Ok(Header::parse(&head, segment.number).is_some() && Walk::new(segment).next()?.is_some())
}
