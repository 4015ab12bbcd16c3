//! Files of any bytes: whatever is in them, a log opens or refuses to, and what it shows is the same
//! from both ends.
//!
//! Checksums keep nearly every mutation out. So an input whose first byte is odd has its checksums
//! mended, as if somebody had written all of it on purpose.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::block::{self, Header, Place};
use super::bytes::{Fields, put};
use super::disk::{Disk, LogFile};
use super::folder;
use super::frame::{self, Frame};
use super::index::{At, StreamHash};
use super::index_file::IndexFile;
use super::recovery::recover;
use super::scan::Limits;
use super::segment::{self, HEAD};
use super::site::Site;
use crate::{Direction, Filter, RecordedEvent};

const STORE: Uuid = Uuid::from_u128(7);
const SALT: u128 = 77;
/// Stands between the files of an input.
const NEXT: &[u8] = b"==next==";
const EVERYTHING: Limits = Limits { events: usize::MAX, bytes: usize::MAX };

/// The segments of a log, the second one behind [`NEXT`]; a third file is the index of the first.
pub(crate) fn log(input: &[u8]) {
    let Some((mode, input)) = input.split_first() else { return };
    let mended = mode % 2 == 1;
    let disk = Memory::default();
    let mut numbers = Vec::new();
    for (number, file) in files(input).into_iter().enumerate().take(3) {
        let number = number as u64;
        if number == 2 {
            let index = if mended { mended_index(file) } else { file.to_vec() };
            disk.put(segment::index_path(Path::new(""), 0), index);
        } else {
            numbers.push(number);
            let segment = if mended { mended_segment(number, file) } else { file.to_vec() };
            disk.put(segment::path(Path::new(""), number), segment);
        }
    }
    // Whose log it is, is read before anything else.
    let told = folder::id(&File::of(input.to_vec()), Path::new("store"));
    let store = told.unwrap_or(STORE);
    let site = Site { disk: Arc::new(disk), folder: PathBuf::new(), store, segment_bytes: 4096 };
    let Ok(recovered) = recover(&site, &numbers, 0) else { return };
    let all = Filter::all();
    let forwards = recovered.log.scan(None, Direction::Forwards, &all, EVERYTHING);
    let backwards = recovered.log.scan(None, Direction::Backwards, &all, EVERYTHING);
    let (Ok(forwards), Ok(backwards)) = (forwards, backwards) else { return };
    assert!(forwards.events.iter().eq(backwards.events.iter().rev()), "two ends show two logs");
    assert_eq!(forwards.events.len() as u64, recovered.next_position, "positions have no gaps");
    for event in &forwards.events {
        written_as_it_was_read(event);
        // The indexes may promise what is not there; then this is damage.
        if let Ok(plan) = recovered.log.plan(&event.stream, 0, Direction::Forwards, usize::MAX) {
            drop(plan.run());
        }
    }
}

fn written_as_it_was_read(event: &RecordedEvent) {
    let mut bytes = frame::draft(&event.stream, &[event.clone().into()]);
    frame::seal(&mut bytes, event.position.0, event.revision, event.recorded_at);
    let frame = Frame::checked(&bytes).expect("what was written is a frame");
    let again = frame.events().next().expect("a frame has events");
    assert_eq!((again.id, again.revision, again.position), (event.id, event.revision, event.position.0));
    assert_eq!((frame.stream, again.event_type), (event.stream.as_str(), &*event.event_type));
}

/// The index of a sealed segment.
pub(crate) fn index(input: &[u8]) {
    let Some((mode, input)) = input.split_first() else { return };
    let bytes = if mode % 2 == 1 { mended_index(input) } else { input.to_vec() };
    let hashes: Vec<_> = bytes.chunks_exact(16).filter_map(hash).collect();
    let Ok(Some(index)) = IndexFile::open(Box::new(File::of(bytes)), Path::new("a.idx"), SALT) else {
        return;
    };
    drop(index.verify());
    for position in [0, 1, 1000, u64::MAX] {
        let (from, to) = index.regions.around(position);
        assert!(from >= HEAD && to <= index.regions.end.max(from), "{from} to {to} for {position}");
    }
    for hash in hashes {
        let Ok(Some(found)) = index.find(hash) else { continue };
        let At::File { start, count } = found.at else { continue };
        for (lowest, highest) in [(0, u64::MAX), (found.first, found.last), (found.last, found.first)] {
            drop(index.spots(found.first, start, count, lowest, highest));
        }
    }
}

fn hash(bytes: &[u8]) -> Option<StreamHash> {
    let mut fields = Fields(bytes);
    Some(StreamHash { lower: fields.u64()?, upper: fields.u64()? })
}

fn files(input: &[u8]) -> Vec<&[u8]> {
    let (mut files, mut rest) = (Vec::new(), input);
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        files.push(&rest[..at]);
        rest = &rest[at + NEXT.len()..];
    }
    files.push(rest);
    files
}

/// A segment with these blocks, all of which belong where they are, and some room behind them.
fn mended_segment(number: u64, blocks: &[u8]) -> Vec<u8> {
    let mut bytes = segment::head(STORE, number, SALT).to_vec();
    bytes.extend(blocks);
    bytes.resize(bytes.len().next_multiple_of(block::ALIGN) + 64, 0);
    let mut at = HEAD as usize;
    while let Some(header) = Header::parse(&bytes[at..], number) {
        let Some(whole) = bytes.get(at..at + header.length) else { break };
        let mut whole = whole.to_vec();
        let mut inside = block::HEAD;
        while let Some(length) = whole.get(inside..).and_then(Frame::parse).map(|frame| frame.length) {
            let crc = crc32fast::hash(&whole[inside + 8..inside + length]);
            put(&mut whole, inside + 4, crc.to_le_bytes());
            inside += length;
        }
        let place = Place { salt: SALT, segment: number, offset: at as u64 };
        block::seal(&mut whole, place, header.frames, header.first_position);
        bytes[at..at + header.length].copy_from_slice(&whole);
        at += header.length;
    }
    bytes
}

/// An index of the mended segment: salt and checksum of its head are right, and those of its buckets
/// where there are any.
fn mended_index(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < 72 {
        return bytes;
    }
    put(&mut bytes, 16, SALT.to_le_bytes());
    let count = |at: usize| Fields(&bytes[at..]).u32().map_or(0, |count| count as usize);
    let [regions, words, buckets] = [48, 52, 56].map(count);
    let buckets_at = 72 + regions.saturating_mul(12).saturating_add(words.saturating_mul(8));
    let head = buckets_at.saturating_add(buckets.saturating_mul(8));
    if head > bytes.len() {
        return bytes;
    }
    let mut start = 0;
    for at in (buckets_at..head).step_by(8) {
        let end = Fields(&bytes[at..]).u32().map_or(0, |end| end as usize);
        if let Some(streams) = bytes.get(head + start * 40..head + end * 40) {
            let crc = crc32fast::hash(streams);
            put(&mut bytes, at + 4, crc.to_le_bytes());
        }
        start = end;
    }
    put(&mut bytes, 12, [0; 4]);
    let crc = crc32fast::hash(&bytes[..head]);
    put(&mut bytes, 12, crc.to_le_bytes());
    bytes
}

/// A disk in memory.
#[derive(Default)]
struct Memory(Mutex<HashMap<PathBuf, File>>);

#[derive(Clone, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn put(&self, path: PathBuf, bytes: Vec<u8>) -> File {
        let file = File::of(bytes);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, file.clone());
        file
    }

    fn take(&self, path: &Path) -> io::Result<File> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Memory {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(self.put(path.to_owned(), Vec::new())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.take(from)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.take(path).map(drop)
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl File {
    fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }
}

impl LogFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let length = buffer.len().min(bytes.len() - from);
        buffer[..length].copy_from_slice(&bytes[from..from + length]);
        Ok(length)
    }

    fn write_at(&self, new: &[u8], offset: u64) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = offset as usize;
        let length = bytes.len().max(from + new.len());
        bytes.resize(length, 0);
        bytes[from..from + new.len()].copy_from_slice(new);
        Ok(new.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = bytes.len().max(length as usize);
        bytes.resize(length, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }
}
