//! A disk that does as it is told: fills up, fails, and remembers what was not synced.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use event_store::{Disk, LogFile, RealDisk};

/// A write that no sync followed.
#[derive(Clone)]
pub(crate) struct Unsynced {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Orders {
    /// Every sync of a segment fails.
    pub(crate) fail_sync: bool,
    /// Every sync of a segment panics.
    pub(crate) panic_in_sync: bool,
    /// The next write into a segment stops after so many bytes, with this error behind it.
    pub(crate) fail_write: Option<(usize, ErrorKind)>,
    /// How many bytes files may still grow by.
    pub(crate) room: Option<u64>,
    pub(crate) unsynced: Vec<Unsynced>,
}

#[derive(Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<Orders>>);

impl FaultyDisk {
    pub(crate) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap()
    }

    fn wrap(&self, path: &Path, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(FaultyFile { disk: self.clone(), path: path.to_owned(), file })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(self.wrap(path, RealDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(self.wrap(path, RealDisk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let length = File::open(path)?.length()?;
        RealDisk.remove(path)?;
        if let Some(room) = &mut self.orders().room {
            *room += length;
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    file: Box<dyn LogFile>,
}

impl LogFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn data_from(&self, offset: u64) -> io::Result<Option<Range<u64>>> {
        self.file.data_from(offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut orders = self.disk.orders();
        let length = self.file.length()?;
        let grows = (offset + bytes.len() as u64).saturating_sub(length);
        if let Some(room) = &mut orders.room {
            *room = room.checked_sub(grows).ok_or(ErrorKind::StorageFull)?;
        }
        if grows > 0 {
            return self.file.write_at(bytes, offset);
        }
        let bytes = match orders.fail_write.take() {
            Some((0, error)) => return Err(error.into()),
            Some((some, error)) => {
                orders.fail_write = Some((0, error));
                &bytes[..some]
            }
            None => bytes,
        };
        let mut before = vec![0; bytes.len()];
        assert_eq!(self.file.read_at(&mut before, offset)?, before.len());
        let written = self.file.write_at(bytes, offset)?;
        let (path, after) = (self.path.clone(), bytes.to_vec());
        orders.unsynced.push(Unsynced { path, offset, before, after });
        Ok(written)
    }

    fn sync(&self) -> io::Result<()> {
        let mut orders = self.disk.orders();
        // Only writes into what exists are recorded; a file being filled is none of them.
        let holds_blocks = orders.unsynced.iter().any(|write| write.path == self.path);
        if orders.fail_sync && holds_blocks {
            return Err(ErrorKind::Other.into());
        }
        if orders.panic_in_sync && holds_blocks {
            drop(orders);
            panic!("as ordered");
        }
        orders.unsynced.retain(|write| write.path != self.path);
        self.file.sync()
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let grows = length.saturating_sub(self.file.length()?);
        if let Some(room) = &mut self.disk.orders().room {
            *room = room.checked_sub(grows).ok_or(ErrorKind::StorageFull)?;
        }
        self.file.reserve(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
