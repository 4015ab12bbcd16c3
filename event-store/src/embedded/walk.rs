//! Walking through a segment block by block, and finding out why a walk ended.

use std::io;

use bytes::Bytes;

use super::block::{self, ALIGN, Header};
use super::disk::{ZEROS, read_up_to, write_zeros};
use super::frame::Frame;
use super::segment::{self, SegmentFile};

/// How much is read at once, in bytes. A longer block is read whole.
const WINDOW: usize = 1024 * 1024;

/// A block that is valid in its place.
pub(crate) struct Block {
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) bytes: Bytes,
}

impl Block {
    /// The frames with their offsets in the segment; a frame's bytes begin at that place.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (u64, Frame<'_>)> {
        frames(&self.bytes).map(|(at, frame)| (self.offset + at as u64, frame))
    }
}

/// The frames of a checked block, with their offsets in it.
pub(crate) fn frames(block: &[u8]) -> impl Iterator<Item = (usize, Frame<'_>)> {
    let mut at = block::HEAD;
    std::iter::from_fn(move || {
        let frame = Frame::parse(block.get(at..)?)?;
        let here = at;
        at += frame.length;
        Some((here, frame))
    })
}

/// Goes through the blocks of a segment from the front.
pub(crate) struct Walk<'a> {
    segment: &'a SegmentFile,
    /// Where the next block begins, or where there is none.
    pub(crate) offset: u64,
    window: Bytes,
    window_at: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(segment: &'a SegmentFile) -> Self {
        Self::from(segment, segment::HEAD)
    }

    pub(crate) fn from(segment: &'a SegmentFile, offset: u64) -> Self {
        Self { segment, offset, window: Bytes::new(), window_at: 0 }
    }

    /// Goes on with what an earlier walk through the same segment had read at once.
    pub(crate) fn again(segment: &'a SegmentFile, offset: u64, (window, window_at): (Bytes, u64)) -> Self {
        Self { segment, offset, window, window_at }
    }

    /// What was read at once, for another walk.
    pub(crate) fn window(self) -> (Bytes, u64) {
        (self.window, self.window_at)
    }

    /// Reads a part of the segment at once, to be walked through.
    pub(crate) fn within(segment: &'a SegmentFile, from: u64, to: u64) -> io::Result<Self> {
        // What an index says about its segment proves nothing.
        let mut window = vec![0; to.min(segment.capacity).saturating_sub(from) as usize];
        let read = read_up_to(&*segment.file, &mut window, from)?;
        window.truncate(read);
        Ok(Self { segment, offset: from, window: Bytes::from(window), window_at: from })
    }

    /// The next valid block; `None` where none begins.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let (segment, offset) = (self.segment, self.offset);
        let head = self.bytes(block::HEAD)?;
        let Some(header) = Header::parse(&head, segment.number) else { return Ok(None) };
        if header.length as u64 > segment.capacity.saturating_sub(offset) {
            return Ok(None);
        }
        let bytes = self.bytes(header.length)?;
        if block::check(&bytes, segment.place(offset)).is_none() {
            return Ok(None);
        }
        self.offset += header.length as u64;
        Ok(Some(Block { offset, header, bytes }))
    }

    /// So many bytes from here, fewer at the end of the file.
    fn bytes(&mut self, length: usize) -> io::Result<Bytes> {
        let at = (self.offset - self.window_at) as usize;
        if self.window.len() < at + length {
            let mut window = vec![0; length.max(WINDOW).min((self.segment.capacity - self.offset) as usize)];
            let read = read_up_to(&*self.segment.file, &mut window, self.offset)?;
            window.truncate(read);
            (self.window, self.window_at) = (Bytes::from(window), self.offset);
            return Ok(self.window.slice(..length.min(read)));
        }
        Ok(self.window.slice(at..at + length))
    }
}

/// What lies behind the place where a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing was ever written there.
    Zeros,
    /// Something that is no block, and no block behind it: a write that was not finished.
    Torn,
    /// A valid block after something that is not one, at this offset.
    BlockAt(u64),
}

/// Looks through everything from an offset to the end of the file.
pub(crate) fn rest(segment: &SegmentFile, from: u64) -> io::Result<Rest> {
    let mut written = false;
    let mut window = vec![0; WINDOW];
    for at in windows(segment, from)? {
        let read = read_up_to(&*segment.file, &mut window, at)?;
        if is_zero(&window[..read]) {
            continue;
        }
        written = true;
        let candidates = window[..read].chunks(ALIGN).enumerate().filter(|(_, c)| c.starts_with(b"GBLK"));
        for (number, _) in candidates {
            let offset = at + (number * ALIGN) as u64;
            if offset > from && Walk::from(segment, offset).next()?.is_some() {
                return Ok(Rest::BlockAt(offset));
            }
        }
    }
    Ok(if written { Rest::Torn } else { Rest::Zeros })
}

/// Where to read, window by window, so as to see everything from an offset on that was ever written. What is
/// only reserved need not be read; once it is, for being near to what was asked for, it looks written.
fn windows(segment: &SegmentFile, from: u64) -> io::Result<Vec<u64>> {
    let (mut windows, mut at) = (Vec::new(), from);
    while let Some(data) = segment.file.data_from(at)? {
        windows.extend((data.start..data.end).step_by(WINDOW));
        at = data.end;
    }
    Ok(windows)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

/// Overwrites with zeros whatever was written in a segment from an offset on, and syncs.
pub(crate) fn zero(segment: &SegmentFile, from: u64) -> io::Result<()> {
    let mut at = from;
    while let Some(data) = segment.file.data_from(at)? {
        write_zeros(&*segment.file, data.start, data.end)?;
        at = data.end;
    }
    segment.file.sync()
}
