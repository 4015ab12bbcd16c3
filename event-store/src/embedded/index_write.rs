//! Writes the index of a sealed segment into its file. All of it is as large as the index in memory, so it
//! is written from the front while it is made, and only its head is ever held.

use std::io;
use std::path::Path;

use super::bloom::Bloom;
use super::bytes::put;
use super::disk::{Disk, LogFile, Steps};
use super::growing::Growing;
use super::index::{Spot, StreamHash, Stretch};
use super::index_file::{BUCKET, FIXED, MAGIC, STREAM, bucket};
use super::segment::FORMAT;

/// Writes the index of a segment with this salt, durable in its bytes and by name.
pub(crate) fn write(disk: &dyn Disk, path: &Path, salt: u128, growing: &Growing) -> io::Result<()> {
    let unfinished = path.with_extension("idx-new");
    disk.remove_if_there(&unfinished)?;
    let file = disk.create(&unfinished)?;
    if let Err(error) = fill(&*file, salt, growing) {
        // On a full disk its space is what others wait for.
        disk.remove_if_there(&unfinished)?;
        return Err(error);
    }
    disk.rename(&unfinished, path)?;
    disk.sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn fill(file: &dyn LogFile, salt: u128, growing: &Growing) -> io::Result<()> {
    let streams = growing.sorted();
    let mut steps = Steps::new(file);
    steps.put(&head(salt, growing, &streams))?;
    for entry in entries(growing, &streams) {
        steps.put(&entry.bytes())?;
    }
    for frames in streams.iter().map(|stream| frames(growing, *stream)).filter(|frames| frames.len() > 1) {
        for frame in &frames {
            steps.put(&((frame.revision - frames[0].revision) as u32).to_le_bytes())?;
            steps.put(&frame.offset.to_le_bytes())?;
        }
    }
    steps.step()
}

fn head(salt: u128, growing: &Growing, streams: &[StreamHash]) -> Vec<u8> {
    let mut bloom = Bloom::with_room(streams.len());
    let buckets = streams.len().div_ceil(BUCKET).max(1);
    let mut ends = vec![0u32; buckets];
    let mut crcs = vec![crc32fast::Hasher::new(); buckets];
    let mut spots = 0;
    for entry in entries(growing, streams) {
        bloom.insert(entry.stream);
        let bucket = bucket(entry.stream, buckets);
        ends[bucket] += 1;
        crcs[bucket].update(&entry.bytes());
        spots += entry.count;
    }
    let regions = &growing.regions;
    let mut bytes = vec![0; FIXED];
    for region in &regions.regions {
        bytes.extend(region.first_position.to_le_bytes());
        bytes.extend(region.offset.to_le_bytes());
    }
    bloom.words().for_each(|word| bytes.extend(word.to_le_bytes()));
    let mut end = 0;
    for (count, crc) in ends.into_iter().zip(crcs) {
        end += count;
        bytes.extend(end.to_le_bytes());
        bytes.extend(crc.finalize().to_le_bytes());
    }
    put(&mut bytes, 0, *MAGIC);
    put(&mut bytes, 8, FORMAT.to_le_bytes());
    put(&mut bytes, 16, salt.to_le_bytes());
    put(&mut bytes, 32, regions.end.to_le_bytes());
    put(&mut bytes, 40, regions.next_position.to_le_bytes());
    let words = bloom.words().count();
    let counts = [regions.regions.len(), words, buckets, streams.len(), spots as usize];
    for (number, count) in counts.into_iter().enumerate() {
        put(&mut bytes, 48 + 4 * number, (count as u32).to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    put(&mut bytes, 12, crc.to_le_bytes());
    bytes
}

/// A stream, as the file says it.
struct Entry {
    stream: StreamHash,
    stretch: Stretch,
    from: u32,
    count: u32,
}

impl Entry {
    fn bytes(&self) -> [u8; STREAM] {
        let mut bytes = [0; STREAM];
        put(&mut bytes, 0, self.stream.lower.to_le_bytes());
        put(&mut bytes, 8, self.stream.upper.to_le_bytes());
        put(&mut bytes, 16, self.stretch.first.to_le_bytes());
        put(&mut bytes, 24, self.stretch.last.to_le_bytes());
        put(&mut bytes, 32, self.from.to_le_bytes());
        put(&mut bytes, 36, self.count.to_le_bytes());
        bytes
    }
}

fn entries(growing: &Growing, streams: &[StreamHash]) -> impl Iterator<Item = Entry> {
    let mut spots = 0;
    streams.iter().filter_map(move |stream| {
        let (from, count) = match &*frames(growing, *stream) {
            [only] => (only.offset, 0),
            frames => (spots, frames.len() as u32),
        };
        spots += count;
        Some(Entry { stream: *stream, stretch: growing.find(*stream)?, from, count })
    })
}

fn frames(growing: &Growing, stream: StreamHash) -> Vec<Spot> {
    growing.spots(stream, 0, u64::MAX)
}
