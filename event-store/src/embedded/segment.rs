//! A segment: one file of the log, filled with zeros before it is used.
//!
//! ```text
//!  0            8        12       16               32               40               56      64
//!  ├────────────┼────────┼────────┼────────────────┼────────────────┼────────────────┼───────┼───────┬──────┬──────
//!  │ "GIROKLOG" │ format │ CRC-32 │ store id       │ segment number │ salt           │ zeros │ block │ block│ zeros
//!  └────────────┴────────┴────────┴────────────────┴────────────────┴────────────────┴───────┴───────┴──────┴──────
//! ```
//!
//! The file has its full length from the start: syncing an overwrite needs no change of the file's
//! own description, which makes it 1.5 times faster than growing the file. It is filled under another
//! name and renamed when all of it is durable, so a segment is never seen half made. The salt is new
//! for every file; the blocks' CRCs depend on it.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::ahead::Ahead;
use super::block::Place;
use super::bytes::{Fields, put};
use super::disk::{Disk, LogFile, STEP, read_exact, write_all};

/// Where the first block begins.
pub(crate) const HEAD: u64 = 64;
/// The version of every file this engine writes.
pub(crate) const FORMAT: u32 = 1;
/// How much is filled between two syncs when the writer is close behind, in bytes.
const LONG_STEP: usize = 8 * STEP;
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
    /// Makes a segment of zeros, durable in all its bytes and by name, as fast as it is due. Gives up
    /// when told to stop.
    pub(crate) fn create(
        disk: &dyn Disk,
        folder: &Path,
        store: Uuid,
        number: u64,
        capacity: u64,
        ahead: &Ahead,
    ) -> io::Result<Self> {
        let unfinished = folder.join(format!("{number:010}.new"));
        let made = Self::fill(disk, folder, store, number, capacity, ahead, &unfinished);
        if made.is_err() {
            // Half a segment is of no use, and on a full disk its space is what others wait for. The
            // next start removes it if this cannot.
            if let Err(error) = disk.remove_if_there(&unfinished) {
                tracing::debug!(%error, path = %unfinished.display(), "an unfinished segment stays");
            }
        }
        made
    }

    fn fill(
        disk: &dyn Disk,
        folder: &Path,
        store: Uuid,
        number: u64,
        capacity: u64,
        ahead: &Ahead,
        unfinished: &Path,
    ) -> io::Result<Self> {
        disk.remove_if_there(unfinished)?;
        let file = disk.create(unfinished)?;
        let salt = Uuid::new_v4().as_u128();
        let mut step = vec![0; LONG_STEP];
        step[..HEAD as usize].copy_from_slice(&head(store, number, salt));
        let mut filled = 0;
        while filled < capacity {
            // Short steps hold nobody up; whoever is behind makes longer ones.
            let behind = ahead.wait(filled, capacity)? - filled;
            let length = behind.clamp(STEP as u64, LONG_STEP as u64).min(capacity - filled);
            write_all(&*file, &step[..length as usize], filled).map_err(|(_, error)| error)?;
            file.sync()?;
            filled += length;
            step[..HEAD as usize].fill(0);
        }
        let path = path(folder, number);
        disk.rename(unfinished, &path)?;
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
