//! Where segments and indexes are made.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::Opened;
use super::disk::Disk;
use super::index::Index;
use super::index_file::IndexFile;
use super::index_write;
use super::sealed::Sealed;
use super::segment::{self, SegmentFile};

/// The first segments are smaller, so that a small store stays small. Each is twice as long as the one before.
const FIRST: u64 = 4 * 1024 * 1024;

/// The folder of a log, and how its files are made.
pub(crate) struct Site {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) store: Uuid,
    /// The length of a segment, in bytes, once the log has grown to it.
    pub(crate) segment_bytes: u64,
}

impl Site {
    /// The length of a segment that must have room for so many bytes.
    pub(crate) fn capacity(&self, number: u64, at_least: u64) -> u64 {
        let grown = FIRST.saturating_mul(2u64.saturating_pow(number.min(16) as u32));
        grown.min(self.segment_bytes).max(at_least).next_multiple_of(4096)
    }

    /// A new segment. A smaller one that waits under this number makes room for it.
    pub(crate) fn segment(&self, number: u64, capacity: u64) -> io::Result<SegmentFile> {
        self.disk.remove_if_there(&segment::path(&self.folder, number))?;
        SegmentFile::create(&*self.disk, &self.folder, self.store, number, capacity)
    }

    /// Writes the index of a sealed segment and from then on asks the file instead of the memory.
    pub(crate) fn write_index(&self, sealed: &Sealed) -> io::Result<()> {
        let Index::Memory(growing) = &*sealed.index() else { return Ok(()) };
        let (number, salt) = (sealed.segment.number, sealed.segment.salt);
        let path = segment::index_path(&self.folder, number);
        index_write::write(&*self.disk, &path, salt, growing)?;
        if let Some(file) = IndexFile::open(self.disk.open(&path)?, &path, salt)? {
            sealed.replace_index(Index::File(file));
        }
        Ok(())
    }

    /// The index of a sealed segment from its file, which is made if it is not there.
    pub(crate) fn index(
        &self,
        segment: &SegmentFile,
        rebuild: impl FnOnce() -> Opened<Index>,
    ) -> Opened<Index> {
        let path = segment::index_path(&self.folder, segment.number);
        if let Some(file) = self.open_index(&path, segment.salt)? {
            return Ok(Index::File(file));
        }
        tracing::warn!(path = %path.display(), "the index is missing or damaged and is made again");
        let index = rebuild()?;
        let Index::Memory(growing) = &index else { return Ok(index) };
        if let Err(error) = index_write::write(&*self.disk, &path, segment.salt, growing) {
            tracing::warn!(%error, path = %path.display(), "the index stays in memory until the next start");
            return Ok(index);
        }
        Ok(self.open_index(&path, segment.salt)?.map_or(index, Index::File))
    }

    fn open_index(&self, path: &Path, salt: u128) -> io::Result<Option<IndexFile>> {
        match self.disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => IndexFile::open(opened?, path, salt),
        }
    }
}
