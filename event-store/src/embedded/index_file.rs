//! The index of a sealed segment, as a file beside it. It can be deleted: the next start makes it
//! again from the segment.
//!
//! ```text
//!  head, read at the start and kept in memory            read when asked
//!  ├───────┬─────────┬───────┬───────────────────────────┤─────────┬───────┤
//!  │ fixed │ regions │ bloom │ buckets (end, CRC-32)     │ streams │ spots │
//!  └───────┴─────────┴───────┴───────────────────────────┴─────────┴───────┘
//!
//!  fixed:   "GIROKIDX" │ format 4 │ CRC-32 4 │ salt 16 │ end 8 │ next position 8
//!           │ regions 4 │ bloom words 4 │ buckets 4 │ streams 4 │ spots 4 │ zeros 4     = 72 bytes
//!  region:  first position 8 │ offset 4
//!  stream:  hash 16 │ first revision 8 │ last revision 8 │ spots from 4 │ spots 4
//!           a stream with one frame has no spots: "from" is the frame's own offset
//!  spot:    revision, from the stream's first in this segment, 4 │ offset 4
//! ```
//!
//! The CRC in the fixed part covers the head. Streams are ordered by hash and cut into buckets by the
//! hash's upper bits, each with a CRC of its own, so that a question costs one short read. Spots need
//! none: what is found at one is a frame that proves itself.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::bloom::Bloom;
use super::bytes::{Fields, put};
use super::disk::{LogFile, read_exact};
use super::index::{At, Region, Regions, Spot, StreamHash, Stretch};
use super::segment::{self, FORMAT};

pub(crate) const MAGIC: &[u8; 8] = b"GIROKIDX";
pub(crate) const FIXED: usize = 72;
pub(crate) const STREAM: usize = 40;
pub(crate) const SPOT: usize = 8;
/// Streams per bucket, about.
pub(crate) const BUCKET: usize = 16;

/// An open index file.
pub(crate) struct IndexFile {
    file: Box<dyn LogFile>,
    name: String,
    pub(crate) regions: Regions,
    bloom: Arc<Bloom>,
    /// For each bucket the number of the first stream behind it, and its CRC.
    buckets: Vec<(u32, u32)>,
    streams_at: u64,
    spots_at: u64,
    /// How many spots there are.
    spots: u64,
}

/// By the upper bits, so that buckets are in the order of the hashes.
pub(crate) fn bucket(hash: StreamHash, buckets: usize) -> usize {
    ((u128::from(hash.upper) * buckets as u128) >> 64) as usize
}

impl IndexFile {
    /// Reads the head of an index; `None` when this is not the whole index of the segment with this
    /// salt, for whatever reason.
    pub(crate) fn open(file: Box<dyn LogFile>, path: &Path, salt: u128) -> io::Result<Option<Self>> {
        let length = file.length()?;
        if length < FIXED as u64 {
            return Ok(None);
        }
        let fixed = read_exact(&*file, FIXED, 0)?;
        let Some((counts, known)) = Self::fixed(&fixed) else { return Ok(None) };
        let [regions, words, buckets, streams, spots] = counts;
        let head = FIXED as u64 + regions * 12 + words * 8 + buckets * 8;
        let streams_at = head;
        let spots_at = streams_at + streams * STREAM as u64;
        if known != salt || length != spots_at + spots * SPOT as u64 {
            return Ok(None);
        }
        let mut bytes = read_exact(&*file, head as usize, 0)?;
        let told = Fields(&bytes[12..]).u32();
        put(&mut bytes, 12, [0; 4]);
        if told != Some(crc32fast::hash(&bytes)) {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let index = Self::head(file, name, &bytes, counts, streams_at, spots_at);
        Ok(index)
    }

    fn fixed(bytes: &[u8]) -> Option<([u64; 5], u128)> {
        let mut fields = Fields(bytes);
        let known = fields.take(8)? == MAGIC && fields.u32()? == FORMAT;
        fields.u32()?;
        let salt = fields.u128()?;
        fields.take(16)?;
        let mut counts = [0; 5];
        for count in &mut counts {
            *count = u64::from(fields.u32()?);
        }
        known.then_some((counts, salt))
    }

    fn head(
        file: Box<dyn LogFile>,
        name: String,
        bytes: &[u8],
        counts: [u64; 5],
        streams_at: u64,
        spots_at: u64,
    ) -> Option<Self> {
        let mut fields = Fields(bytes.get(32..)?);
        let (end, next_position) = (fields.u64()?, fields.u64()?);
        fields.take(24)?;
        let mut regions = Regions { regions: Vec::with_capacity(counts[0] as usize), end, next_position };
        for _ in 0..counts[0] {
            regions.regions.push(Region { first_position: fields.u64()?, offset: fields.u32()? });
        }
        let mut bloom = Vec::with_capacity(counts[1] as usize);
        for _ in 0..counts[1] {
            bloom.push(fields.u64()?);
        }
        let mut buckets = Vec::with_capacity(counts[2] as usize);
        for _ in 0..counts[2] {
            buckets.push((fields.u32()?, fields.u32()?));
        }
        let bloom = Arc::new(Bloom::of(&bloom)?);
        let index = Self { file, name, regions, bloom, buckets, streams_at, spots_at, spots: counts[4] };
        index.fits(counts[3]).then_some(index)
    }

    /// Whether everything that the head names is where it can be, so that nobody reads, or makes room
    /// for, more than there is.
    fn fits(&self, streams: u64) -> bool {
        let offsets = self.regions.regions.iter().map(|region| u64::from(region.offset));
        let places = [segment::HEAD].into_iter().chain(offsets).chain([self.regions.end]);
        // A segment may have been too small for the first append that it was to hold.
        (self.regions.regions.is_empty() || places.is_sorted())
            && self.regions.regions.is_sorted_by_key(|region| region.first_position)
            && self.buckets.is_sorted_by_key(|(end, _)| *end)
            && self.buckets.last().map(|(end, _)| u64::from(*end)) == Some(streams)
    }

    pub(crate) fn find(&self, stream: StreamHash) -> io::Result<Option<Stretch>> {
        let bytes = self.bucket(bucket(stream, self.buckets.len()))?;
        let found = bytes.chunks_exact(STREAM).filter_map(entry).find(|(hash, _)| *hash == stream);
        match found {
            Some((_, Stretch { at: At::File { start, count }, .. }))
                if u64::from(start) + u64::from(count) > self.spots =>
            {
                Err(self.damaged())
            }
            found => Ok(found.map(|(_, found)| found)),
        }
    }

    /// What says of most streams that they are not here; whoever looks for one asks it first.
    pub(crate) fn filter(&self) -> Arc<Bloom> {
        Arc::clone(&self.bloom)
    }

    /// A bucket's streams, with their CRC checked.
    fn bucket(&self, number: usize) -> io::Result<Vec<u8>> {
        let start = number.checked_sub(1).map_or(0, |before| self.buckets[before].0);
        let (end, crc) = self.buckets[number];
        let length = end.saturating_sub(start) as usize * STREAM;
        let bytes = read_exact(&*self.file, length, self.streams_at + u64::from(start) * STREAM as u64)?;
        if crc32fast::hash(&bytes) == crc { Ok(bytes) } else { Err(self.damaged()) }
    }

    pub(crate) fn spots(
        &self,
        first: u64,
        start: u32,
        count: u32,
        lowest: u64,
        highest: u64,
    ) -> io::Result<Vec<Spot>> {
        let read = |from: u32, count: u32| -> io::Result<Vec<Spot>> {
            let at = self.spots_at + u64::from(start + from) * SPOT as u64;
            let bytes = read_exact(&*self.file, count as usize * SPOT, at)?;
            let spot = |bytes: &[u8]| {
                let mut fields = Fields(bytes);
                Some(Spot { revision: first.saturating_add(fields.u32()?.into()), offset: fields.u32()? })
            };
            Ok(bytes.chunks_exact(SPOT).filter_map(spot).collect())
        };
        // The last spot at or before the lowest revision, found by halves while the list is long.
        let (mut from, mut to) = (0, count);
        while to - from > 256 {
            let middle = from + (to - from) / 2;
            if read(middle, 1)?[0].revision <= lowest { from = middle } else { to = middle }
        }
        // Every frame has at least one revision, so the list behind `from` is no longer than that.
        let needed = highest.saturating_sub(lowest).saturating_add(257).min(u64::from(count - from)) as u32;
        let mut spots = read(from, needed)?;
        spots.truncate(spots.partition_point(|spot| spot.revision <= highest));
        let before = spots.partition_point(|spot| spot.revision <= lowest).saturating_sub(1);
        spots.drain(..before);
        Ok(spots)
    }

    /// Reads everything; `false` when a part does not hold what its CRC says.
    pub(crate) fn verify(&self) -> io::Result<bool> {
        for number in 0..self.buckets.len() {
            match self.bucket(number) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
                read => read?,
            };
        }
        Ok(true)
    }

    fn damaged(&self) -> io::Error {
        let advice = "it can be deleted and is made again at the next start";
        io::Error::new(io::ErrorKind::InvalidData, format!("the index {} is damaged; {advice}", self.name))
    }
}

fn entry(bytes: &[u8]) -> Option<(StreamHash, Stretch)> {
    let mut fields = Fields(bytes);
    let (lower, upper, first, last) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
    let (start, count) = (fields.u32()?, fields.u32()?);
    let at = if count == 0 { At::Frame(start) } else { At::File { start, count } };
    Some((StreamHash { upper, lower }, Stretch { first, last, at }))
}
