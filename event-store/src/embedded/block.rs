//! A commit block: the frames that one sync covers.
//!
//! ```text
//!  0        4        8        12       16               24               32
//!  ├────────┼────────┼────────┼────────┼────────────────┼────────────────┼───────┬───────┬──────────
//!  │ "GBLK" │ CRC-32 │ length │ frames │ segment number │ first position │ frame │ frame │ … zeros
//!  └────────┴────────┴────────┴────────┴────────────────┴────────────────┴───────┴───────┴──────────
//! ```
//!
//! The length counts the whole block and is a multiple of 8, filled up with zeros. The CRC covers the
//! segment's salt and the block's offset, which are not written, and then everything behind the CRC
//! field. So a block is valid in one place of one life of one segment: one left over from a file
//! that was there before, or copied to another offset, is never taken for one that belongs there.
//!
//! The next block is written only after this one was synced. That makes every torn write the last
//! thing in the log, whatever order its sectors arrived in, and makes a valid block behind an
//! invalid one the proof that the invalid one was damaged later.

use super::bytes::{Fields, put};

pub(crate) const HEAD: usize = 32;
/// Blocks begin at multiples of this many bytes, so that a search for one looks at few places.
pub(crate) const ALIGN: usize = 8;
const MAGIC: [u8; 4] = *b"GBLK";

/// Where a block lies, as far as its CRC knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) salt: u128,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// What a block says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The whole block in bytes.
    pub(crate) length: usize,
    pub(crate) frames: u32,
    pub(crate) first_position: u64,
}

impl Header {
    /// What the first 32 bytes say, if they can be those of a block in this segment. Only a CRC over
    /// the whole block proves it.
    pub(crate) fn parse(bytes: &[u8], segment: u64) -> Option<Self> {
        let mut fields = Fields(bytes);
        let magic = fields.take(4)?;
        fields.u32()?;
        let (length, frames) = (fields.u32()? as usize, fields.u32()?);
        let (number, first_position) = (fields.u64()?, fields.u64()?);
        let possible = magic == MAGIC
            && number == segment
            && length > HEAD
            && length.is_multiple_of(ALIGN)
            && frames > 0
            && length / frames as usize >= super::frame::HEAD;
        possible.then_some(Self { length, frames, first_position })
    }
}

/// Completes a block: the first 32 bytes are free for the header, the frames follow.
pub(crate) fn seal(block: &mut Vec<u8>, place: Place, frames: u32, first_position: u64) {
    block.resize(block.len().next_multiple_of(ALIGN), 0);
    let length = block.len() as u32;
    put(block, 0, MAGIC);
    put(block, 8, length.to_le_bytes());
    put(block, 12, frames.to_le_bytes());
    put(block, 16, place.segment.to_le_bytes());
    put(block, 24, first_position.to_le_bytes());
    let crc = crc(block, place);
    put(block, 4, crc.to_le_bytes());
}

/// The block that fills these bytes exactly, if it is one and belongs there.
pub(crate) fn check(block: &[u8], place: Place) -> Option<Header> {
    let header = Header::parse(block, place.segment)?;
    let told = Fields(&block[4..]).u32()?;
    (header.length == block.len() && told == crc(block, place)).then_some(header)
}

fn crc(block: &[u8], place: Place) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.salt.to_le_bytes());
    hasher.update(&place.offset.to_le_bytes());
    hasher.update(&block[8..]);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { salt: 77, segment: 3, offset: 64 };

    fn block() -> Vec<u8> {
        let mut block = vec![0; HEAD];
        block.extend([5; 45]);
        seal(&mut block, PLACE, 1, 9);
        block
    }

    #[test]
    fn a_block_is_valid_in_its_own_place_only() {
        let block = block();
        assert_eq!(check(&block, PLACE), Some(Header { length: 80, frames: 1, first_position: 9 }));
        for elsewhere in
            [Place { salt: 78, ..PLACE }, Place { segment: 4, ..PLACE }, Place { offset: 72, ..PLACE }]
        {
            assert_eq!(check(&block, elsewhere), None);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..block().len() * 8 {
            let mut flipped = block();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&flipped, PLACE), None, "bit {bit}");
        }
    }
}
