//! Writes the index of a sealed segment into its file. All of it is as large as the index in memory, so it
//! is written from the front while it is made, and only its head is ever held as bytes.

use std::io;
use std::path::Path;

use super::bloom::Bloom;
use super::bytes::put;
use super::disk::{Disk, LogFile, Steps};
use super::growing::{Frames, Growing, Listed};
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
    let (streams, spots) = growing.listed();
    let mut steps = Steps::new(file);
    steps.put(&head(salt, growing, &streams, spots.len()))?;
    for stream in &streams {
        steps.put(&entry(stream))?;
    }
    for stream in &streams {
        let Frames::Several { start, count } = stream.frames else { continue };
        for spot in &spots[start as usize..][..count as usize] {
            steps.put(&((spot.revision - stream.first) as u32).to_le_bytes())?;
            steps.put(&spot.offset.to_le_bytes())?;
        }
    }
    steps.step()
}

fn head(salt: u128, growing: &Growing, streams: &[Listed], spots: usize) -> Vec<u8> {
    let mut bloom = Bloom::with_room(streams.len());
    let buckets = streams.len().div_ceil(BUCKET).max(1);
    let mut ends = vec![0u32; buckets];
    let mut crcs = vec![crc32fast::Hasher::new(); buckets];
    for stream in streams {
        bloom.insert(stream.stream);
        let bucket = bucket(stream.stream, buckets);
        ends[bucket] += 1;
        crcs[bucket].update(&entry(stream));
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
    let counts = [regions.regions.len(), words, buckets, streams.len(), spots];
    for (number, count) in counts.into_iter().enumerate() {
        put(&mut bytes, 48 + 4 * number, (count as u32).to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    put(&mut bytes, 12, crc.to_le_bytes());
    bytes
}

/// A stream, as the file says it.
fn entry(Listed { stream, first, last, frames }: &Listed) -> [u8; STREAM] {
    let (from, count) = match *frames {
        Frames::One(offset) => (offset, 0),
        Frames::Several { start, count } => (start, count),
    };
    let mut bytes = [0; STREAM];
    put(&mut bytes, 0, stream.lower.to_le_bytes());
    put(&mut bytes, 8, stream.upper.to_le_bytes());
    put(&mut bytes, 16, first.to_le_bytes());
    put(&mut bytes, 24, last.to_le_bytes());
    put(&mut bytes, 32, from.to_le_bytes());
    put(&mut bytes, 36, count.to_le_bytes());
    bytes
}
