//! Reading everything with its checksums, and cutting a log where its operator says.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::disk::{Disk, RealDisk};
use super::error::OpenError;
use super::index::{Regions, StreamHash};
use super::index_file::IndexFile;
use super::segment::{self, SegmentFile};
use super::visit::Visitor;
use super::walk::{self, Rest};
use super::{Opened, folder};

/// What a check found in one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentReport {
    /// The number in the file's name.
    pub number: u64,
    /// The length of the file.
    pub bytes: u64,
    /// How much of it is used.
    pub used: u64,
    /// Commit blocks.
    pub blocks: u64,
    /// The position of its first event, and how many events it has.
    pub first_position: u64,
    /// See [`first_position`](Self::first_position).
    pub events: u64,
    /// Its index.
    pub index: IndexReport,
}

/// What a check found of the index of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexReport {
    /// The segment needs none yet, or it is being made.
    None,
    /// Whole.
    Whole,
    /// Damaged, or of another segment. It can be deleted and is made again at the next start.
    Damaged,
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    /// The segments that have events, oldest first.
    pub segments: Vec<SegmentReport>,
    /// How many events could be read, from position 0 on without a gap.
    pub events: u64,
    /// How many streams they belong to.
    pub streams: u64,
    /// A write that is under way, or was not finished: the next start cuts it off.
    pub unfinished: Option<(u64, u64)>,
    /// Where the log is damaged, and how.
    pub damage: Option<OpenError>,
}

impl Report {
    /// Whether anything acknowledged is lost or an index is damaged.
    pub fn is_whole(&self) -> bool {
        self.damage.is_none() && self.segments.iter().all(|segment| segment.index != IndexReport::Damaged)
    }
}

impl Visitor {
    /// Reads the whole log and checks all of its checksums, up to the first damage.
    ///
    /// # Errors
    /// When the disk fails. Damage is no error here but in the report.
    pub fn check(&self) -> Result<Report, OpenError> {
        let mut report =
            Report { segments: Vec::new(), events: 0, streams: 0, unfinished: None, damage: None };
        let mut streams = std::collections::HashSet::new();
        let mut stroll = self.walk(0)?;
        loop {
            let block = match stroll.read(true) {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(OpenError::Io(error)) => return Err(error.into()),
                Err(damage) => {
                    report.damage = Some(damage);
                    break;
                }
            };
            let (number, used) = stroll.place();
            if report.segments.last().is_none_or(|last| last.number != number) {
                report.segments.push(self.begin(number, block.header.first_position)?);
            }
            for (at, frame) in block.frames() {
                streams.insert(StreamHash::new(self.id(), frame.stream));
                let bytes = &block.bytes[(at - block.offset) as usize..];
                if super::frame::Frame::checked(bytes).is_none()
                    || frame.events().count() as u64 != frame.count
                {
                    let path = segment::path(self.folder(), number);
                    let what = "a frame in a valid block is not valid".to_owned();
                    report.damage.get_or_insert(OpenError::Damaged { path, offset: at, what });
                }
            }
            let next = stroll.next_position();
            if let Some(last) = report.segments.last_mut() {
                last.used = used;
                last.blocks += 1;
                last.events = next - last.first_position;
            }
        }
        (report.events, report.streams) = (stroll.next_position(), streams.len() as u64);
        let (number, offset) = stroll.place();
        if report.damage.is_none()
            && let Some(segment) = self.segment(number)?
            && walk::rest(&segment, offset)? != Rest::Zeros
        {
            report.unfinished = Some((number, offset));
        }
        Ok(report)
    }

    fn begin(&self, number: u64, first_position: u64) -> Opened<SegmentReport> {
        let segment = self.segment(number)?;
        let index = match &segment {
            Some(segment) => self.index(segment)?,
            None => IndexReport::None,
        };
        let bytes = segment.map_or(0, |segment| segment.capacity);
        Ok(SegmentReport { number, bytes, used: 0, blocks: 0, first_position, events: 0, index })
    }

    fn index(&self, segment: &SegmentFile) -> Opened<IndexReport> {
        let path = segment::index_path(self.folder(), segment.number);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(IndexReport::None),
            file => file?,
        };
        let Some(index) = IndexFile::open(Box::new(file), &path, segment.salt)? else {
            return Ok(IndexReport::Damaged);
        };
        let Regions { end, .. } = index.regions;
        let whole = end <= segment.capacity && index.verify()?;
        Ok(if whole { IndexReport::Whole } else { IndexReport::Damaged })
    }
}

/// Cuts a log at a place: everything from this offset of this segment on is gone for good. For an
/// operator who has read what [`Visitor::check`] says and has no better copy.
///
/// # Errors
/// [`OpenError::Locked`] when the log is open; [`OpenError::Damaged`] when the place is not the
/// beginning of a block that can be reached from the front, or the end of one.
pub fn truncate(at: impl AsRef<Path>, number: u64, offset: u64) -> Result<(), OpenError> {
    let at = at.as_ref();
    let visitor = Visitor::open(at)?;
    let _lock = folder::lock(at)?;
    let mut stroll = visitor.walk(0)?;
    while stroll.place() < (number, offset) && matches!(stroll.read(true), Ok(Some(_))) {}
    let path = segment::path(at, number);
    if stroll.place() != (number, offset) {
        let what = "no block begins here, or the log is damaged before it".to_owned();
        return Err(OpenError::Damaged { path, offset, what });
    }
    let last = visitor.segments()?;
    for later in last.into_iter().rev().take_while(|later| *later > number) {
        RealDisk.remove_if_there(&segment::index_path(at, later))?;
        fs::remove_file(segment::path(at, later))?;
    }
    RealDisk.remove_if_there(&segment::index_path(at, number))?;
    RealDisk.sync_folder(at)?;
    let segment = folder::segment(path.clone(), RealDisk.open(&path)?, visitor.id(), number)?;
    Ok(walk::zero(&segment, offset)?)
}
