//! A segment: one file of the log.
//!
//! ```text
//!  0            8        12       16               32               40               56      64
//!  ├────────────┼────────┼────────┼────────────────┼────────────────┼────────────────┼───────┼───────┬──────┬──────
//!  │ "GIROKLOG" │ format │ CRC-32 │ store id       │ segment number │ salt           │ zeros │ block │ block│ zeros
//!  └────────────┴────────┴────────┴────────────────┴────────────────┴────────────────┴───────┴───────┴──────┴──────
//! ```
//!
//! The file has its full length, and room for it on the disk, from the start. It is made under another name
//! and renamed when that is durable, so a segment is never seen half made. The [`writer`](super::writer) writes
//! zeros ahead of its blocks: to sync bytes that were written before needs no change of the file's own
//! description, which makes it 1.5 times faster. The salt is new for every file; the blocks' CRCs depend on it.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::block::Place;
use super::bytes::{Fields, put};
use super::disk::{Disk, LogFile, read_exact, write_all};

/// Where the first block begins.
pub(crate) const HEAD: u64 = 64;
/// The version of every file this engine writes.
pub(crate) const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"GIROKLOG";
/// An open segment.
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn LogFile>,
    pub(crate) salt: u128,
    /// The length of the file in bytes.
    pub(crate) capacity: u64,
}

/// Why a file is not the segment it should be.
#[derive(Debug)]
pub(crate) enum Wrong {
    Io(io::Error),
    Format(u32),
    Damaged(&'static str),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Damaged("the file is too short");
        }
        Self::Io(error)
    }
}

impl SegmentFile {
    /// Makes a segment with room for all of it, durable in its bytes and by name.
    pub(crate) fn create(
        disk: &dyn Disk,
        folder: &Path,
        store: Uuid,
        number: u64,
        capacity: u64,
    ) -> io::Result<Self> {
        let unfinished = folder.join(format!("{number:010}.new"));
        disk.remove_if_there(&unfinished)?;
        let file = disk.create(&unfinished)?;
        let salt = Uuid::new_v4().as_u128();
        let made = write_all(&*file, &head(store, number, salt), 0).map_err(|(_, error)| error);
        let made = made.and_then(|()| file.reserve(capacity)).and_then(|()| file.sync());
        if let Err(error) = made {
            // Half a segment is of no use, and on a full disk its space is what others wait for. The
            // next start removes it if this cannot.
            if let Err(error) = disk.remove_if_there(&unfinished) {
                tracing::debug!(%error, path = %unfinished.display(), "an unfinished segment stays");
            }
            return Err(error);
        }
        let path = path(folder, number);
        disk.rename(&unfinished, &path)?;
        disk.sync_folder(folder)?;
        Ok(Self { number, path, file, salt, capacity })
    }

    /// Opens a segment and checks what its head says.
    pub(crate) fn open(
        path: PathBuf,
        file: Box<dyn LogFile>,
        store: Uuid,
        number: u64,
    ) -> Result<Self, Wrong> {
        let bytes = read_exact(&*file, HEAD as usize, 0)?;
        let mut fields = Fields(&bytes[8..]);
        let damaged = Wrong::Damaged("the segment's head is damaged");
        let (Some(format), Some(_), Some(_), Some(_), Some(salt)) =
            (fields.u32(), fields.u32(), fields.u128(), fields.u64(), fields.u128())
        else {
            return Err(damaged);
        };
        if bytes[..8] != *MAGIC {
            return Err(damaged);
        }
        if format != FORMAT {
            return Err(Wrong::Format(format));
        }
        if bytes != head(store, number, salt) {
            return Err(Wrong::Damaged("the segment's head is damaged or of another store"));
        }
        let capacity = file.length()?;
        Ok(Self { number, path, file, salt, capacity })
    }

    pub(crate) fn place(&self, offset: u64) -> Place {
        Place { salt: self.salt, segment: self.number, offset }
    }
}

/// The first bytes of a segment.
pub(crate) fn head(store: Uuid, number: u64, salt: u128) -> [u8; HEAD as usize] {
    let mut head = [0; HEAD as usize];
    put(&mut head, 0, *MAGIC);
    put(&mut head, 8, FORMAT.to_le_bytes());
    put(&mut head, 16, *store.as_bytes());
    put(&mut head, 32, number.to_le_bytes());
    put(&mut head, 40, salt.to_le_bytes());
    let crc = crc32fast::hash(&head);
    put(&mut head, 12, crc.to_le_bytes());
    head
}

/// The segment's file.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.log"))
}

/// The file of a sealed segment's index.
pub(crate) fn index_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.idx"))
}
