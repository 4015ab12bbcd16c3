//! A frame: one append, of one or several events of one stream.
//!
//! ```text
//!  0        4        8                16               24               32       36   38
//!  ├────────┼────────┼────────────────┼────────────────┼────────────────┼────────┼────┼────────┬─────────
//!  │ length │ CRC-32 │ first position │ first revision │ recorded at µs │ events │ n  │ stream │ event …
//!  └────────┴────────┴────────────────┴────────────────┴────────────────┴────────┴────┴────────┴─────────
//!
//!  each event:
//!  0                16   18       22       26
//!  ├────────────────┼────┼────────┼────────┼──────┬──────┬──────────┐
//!  │ event id       │ t  │ d      │ m      │ type │ data │ metadata │
//!  └────────────────┴────┴────────┴────────┴──────┴──────┴──────────┘
//! ```
//!
//! Numbers are little-endian; `n`, `t`, `d` and `m` are lengths in bytes. The length counts the whole
//! frame; the CRC covers everything behind it. A frame has a CRC of its own, besides its block's, so
//! that one append can be read and checked without the rest of the block.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::bytes::{Fields, put};
use crate::{Decoded, NewEvent, Position, RecordedEvent, StreamName};

/// How long the fixed part is, in bytes.
pub(crate) const HEAD: usize = 38;

/// A frame whose place is not known yet. Made before the append is judged, so
/// that only a copy is made of it while the others wait.
pub(crate) fn draft(stream: &StreamName, events: &[NewEvent]) -> Vec<u8> {
    let name = stream.as_str().as_bytes();
    let payload: usize =
        events.iter().map(|e| 26 + e.event_type.len() + e.data.len() + e.metadata.len()).sum();
    let mut frame = Vec::with_capacity(HEAD + name.len() + payload);
    frame.resize(HEAD, 0);
    // Limits on names and on the size of an append keep every length within its field.
    put(&mut frame, 32, (events.len() as u32).to_le_bytes());
    put(&mut frame, 36, (name.len() as u16).to_le_bytes());
    frame.extend_from_slice(name);
    for event in events {
        frame.extend_from_slice(event.id.as_bytes());
        frame.extend_from_slice(&(event.event_type.len() as u16).to_le_bytes());
        frame.extend_from_slice(&(event.data.len() as u32).to_le_bytes());
        frame.extend_from_slice(&(event.metadata.len() as u32).to_le_bytes());
        frame.extend_from_slice(event.event_type.as_bytes());
        frame.extend_from_slice(&event.data);
        frame.extend_from_slice(&event.metadata);
    }
    let length = frame.len() as u32;
    put(&mut frame, 0, length.to_le_bytes());
    frame
}

/// Gives a draft its place.
pub(crate) fn seal(frame: &mut [u8], position: u64, revision: u64, recorded_at: u64) {
    put(frame, 8, position.to_le_bytes());
    put(frame, 16, revision.to_le_bytes());
    put(frame, 24, recorded_at.to_le_bytes());
    let crc = crc32fast::hash(&frame[8..]);
    put(frame, 4, crc.to_le_bytes());
}

/// A frame as it lies in memory.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The whole frame in bytes.
    pub(crate) length: usize,
    /// Position of the first event.
    pub(crate) position: u64,
    /// Revision of the first event.
    pub(crate) revision: u64,
    recorded_at: u64,
    /// How many events, never 0.
    pub(crate) count: u64,
    pub(crate) stream: &'a str,
    events: Fields<'a>,
}

/// An event as it lies in memory.
pub(crate) struct Event<'a> {
    pub(crate) position: u64,
    pub(crate) revision: u64,
    pub(crate) id: Uuid,
    pub(crate) event_type: &'a str,
    data: &'a [u8],
    metadata: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the front of these bytes; `None` when there is none. Does not look at the CRC.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let length = Fields(bytes).u32()? as usize;
        let mut fields = Fields(bytes.get(8..length)?);
        let (position, revision, recorded_at) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let (count, name) = (u64::from(fields.u32()?), fields.u16()?);
        let stream = std::str::from_utf8(fields.take(usize::from(name))?).ok()?;
        // Whoever counts on from the first event gets to the last one.
        let fits = position.checked_add(count).is_some() && revision.checked_add(count).is_some();
        (count > 0 && fits).then_some(Self {
            length,
            position,
            revision,
            recorded_at,
            count,
            stream,
            events: fields,
        })
    }

    /// The frame at the front of these bytes if its CRC holds.
    pub(crate) fn checked(bytes: &'a [u8]) -> Option<Self> {
        let frame = Self::parse(bytes)?;
        let crc = Fields(&bytes[4..]).u32()?;
        (crc == crc32fast::hash(&bytes[8..frame.length])).then_some(frame)
    }

    /// Its events in order; ends early where the bytes make no sense.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        let (mut fields, position, revision) = (self.events, self.position, self.revision);
        (0..self.count).map_while(move |number| {
            let id = Uuid::from_bytes(fields.take(16)?.try_into().ok()?);
            let (name, data, metadata) = (fields.u16()?, fields.u32()?, fields.u32()?);
            Some(Event {
                position: position + number,
                revision: revision + number,
                id,
                event_type: std::str::from_utf8(fields.take(usize::from(name))?).ok()?,
                data: fields.take(data as usize)?,
                metadata: fields.take(metadata as usize)?,
            })
        })
    }
}

/// Turns events in memory into events of the trait. Payloads stay slices of the bytes they lie in;
/// the last few event types and the last stream name are shared instead of made anew.
#[derive(Default)]
pub(crate) struct Recorder {
    types: Vec<Arc<str>>,
    stream: Option<StreamName>,
}

impl Recorder {
    /// `whole` are the bytes that `frame` and `event` were parsed from.
    pub(crate) fn record(&mut self, whole: &Bytes, frame: &Frame<'_>, event: &Event<'_>) -> RecordedEvent {
        RecordedEvent {
            position: Position(event.position),
            stream: self.stream(frame.stream),
            revision: event.revision,
            id: event.id,
            event_type: self.event_type(event.event_type),
            data: whole.slice_ref(event.data),
            metadata: whole.slice_ref(event.metadata),
            decoded: Decoded::default(),
            recorded_at: frame.recorded_at,
        }
    }

    fn event_type(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.types.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        // More than a few would cost more to look through than to make.
        if self.types.len() == 32 {
            self.types.clear();
        }
        self.types.push(Arc::clone(&new));
        new
    }

    fn stream(&mut self, name: &str) -> StreamName {
        match &self.stream {
            Some(known) if known.as_str() == name => known.clone(),
            _ => {
                let new = StreamName::stored(name);
                self.stream = Some(new.clone());
                new
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let event = NewEvent {
            id: Uuid::from_u128(7),
            event_type: "Opened".into(),
            data: Bytes::from_static(b"data"),
            metadata: Bytes::from_static(b"meta"),
            decoded: Decoded::default(),
        };
        let mut frame = draft(&StreamName::new("a-1").unwrap(), &[event.clone(), event]);
        seal(&mut frame, 10, 3, 99);
        frame
    }

    #[test]
    fn a_frame_is_read_back_as_it_was_written() {
        let whole = Bytes::from(sealed());
        let frame = Frame::checked(&whole).unwrap();
        let mut recorder = Recorder::default();
        let events: Vec<_> = frame.events().map(|event| recorder.record(&whole, &frame, &event)).collect();
        assert_eq!(events.len(), 2);
        assert_eq!((events[1].position, events[1].revision), (Position(11), 4));
        assert_eq!((&events[1].data[..], &events[1].metadata[..]), (&b"data"[..], &b"meta"[..]));
        assert_eq!((events[1].recorded_at, events[1].id), (99, Uuid::from_u128(7)));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = sealed();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::checked(&flipped).is_none(), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(Frame::checked(&whole[..length]).is_none(), "cut to {length}");
        }
    }
}
