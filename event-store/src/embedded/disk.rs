//! The seam between the engine and the disk: what it needs of a file system and nothing else, so
//! that a test can stand in for a disk that lies, fills up or breaks.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::{Errno, retry_on_intr};

/// A file system.
pub trait Disk: Send + Sync + 'static {
    /// Makes a new file for reading and writing.
    ///
    /// # Errors
    /// When it exists already, or cannot be made.
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>>;

    /// Opens a file that exists, for reading and writing.
    ///
    /// # Errors
    /// When it does not exist or cannot be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// When the file system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// When the file system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a file that may not be there.
    ///
    /// # Errors
    /// When the file system refuses.
    fn remove_if_there(&self, path: &Path) -> io::Result<()> {
        match self.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the names in a folder durable: a file that appeared or vanished stays so.
    ///
    /// # Errors
    /// When the file system refuses.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// A file that is read and written at offsets, in bytes.
pub trait LogFile: Send + Sync {
    /// Reads some bytes; 0 means the end.
    ///
    /// # Errors
    /// When the disk does.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Where, from an offset on, anything but zeros may be, up to where there is nothing again. Whoever cannot
    /// tell says that it may be everywhere.
    ///
    /// # Errors
    /// When the disk does.
    fn data_from(&self, offset: u64) -> io::Result<Option<Range<u64>>> {
        Ok(all_from(offset, self.length()?))
    }

    /// Writes some bytes, perhaps fewer than given.
    ///
    /// # Errors
    /// When the disk does. Nothing of this call was written then.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes everything written durable.
    ///
    /// # Errors
    /// When the disk does; what was written since the last success may be lost in any part.
    fn sync(&self) -> io::Result<()>;

    /// Makes a file so long, in bytes, unless it is longer. There is room for all of it then; what is new
    /// reads as zeros.
    ///
    /// # Errors
    /// When there is no room, or the disk fails.
    fn reserve(&self, length: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// When the disk does.
    fn length(&self) -> io::Result<u64>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl LogFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn data_from(&self, offset: u64) -> io::Result<Option<Range<u64>>> {
        let data = seek(self, SeekFrom::Data(offset));
        match data.and_then(|data| Ok(data..seek(self, SeekFrom::Hole(data))?)) {
            Err(Errno::NXIO) => Ok(None),
            // Not every file system can tell.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(all_from(offset, self.length()?)),
            known => Ok(Some(known?)),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        match retry_on_intr(|| fallocate(self, FallocateFlags::empty(), 0, length)) {
            // Not every file system can; zeros take the room on all of them.
            Err(Errno::OPNOTSUPP) => write_zeros(self, self.length()?, length),
            done => Ok(done?),
        }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

fn all_from(offset: u64, length: u64) -> Option<Range<u64>> {
    (offset < length).then_some(offset..length)
}

/// Reads until the buffer is full or the file ends; gives back how much was read.
pub(crate) fn read_up_to(file: &dyn LogFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(some) => read += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads exactly so many bytes.
pub(crate) fn read_exact(file: &dyn LogFile, length: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    if read_up_to(file, &mut buffer, offset)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(buffer)
}

/// How much more than appends one sync carries, in bytes: zeros, or a piece of an index. No append waits for
/// more than this.
pub(crate) const PIECE: usize = 256 * 1024;

/// Writes a file from its front, durable step by step.
pub(crate) struct Steps<'a> {
    file: &'a dyn LogFile,
    written: u64,
    waiting: Vec<u8>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(file: &'a dyn LogFile) -> Self {
        Self { file, written: 0, waiting: Vec::with_capacity(PIECE) }
    }

    pub(crate) fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((now, rest)) = bytes.split_at_checked(PIECE - self.waiting.len()) {
            self.waiting.extend_from_slice(now);
            self.step()?;
            bytes = rest;
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// Makes the last step.
    pub(crate) fn step(&mut self) -> io::Result<()> {
        write_all(self.file, &self.waiting, self.written).map_err(|(_, error)| error)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        self.file.sync()
    }
}

/// As many as are ever written at once.
pub(crate) static ZEROS: [u8; PIECE] = [0; PIECE];

/// Writes zeros from one offset up to another.
pub(crate) fn write_zeros(file: &dyn LogFile, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let length = (to - at).min(ZEROS.len() as u64);
        write_all(file, &ZEROS[..length as usize], at).map_err(|(_, error)| error)?;
        at += length;
    }
    Ok(())
}

/// Writes everything; an error says how much was written before it.
pub(crate) fn write_all(file: &dyn LogFile, bytes: &[u8], offset: u64) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write_at(&bytes[written..], offset + written as u64) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(some) => written += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// What was reserved has its room, and reads as zeros around what was written.
    #[test]
    fn a_reserved_file_has_all_its_room_and_keeps_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = RealDisk.create(&path).unwrap();
        file.reserve(1 << 20).unwrap();
        write_all(&*file, b"kept", 500_000).unwrap();
        file.reserve(2 << 20).unwrap();
        file.reserve(4096).unwrap();
        assert_eq!(file.length().unwrap(), 2 << 20);
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 2 << 20);
        let mut expected = vec![0; 2 << 20];
        expected[500_000..500_004].copy_from_slice(b"kept");
        assert!(read_exact(&*file, 2 << 20, 0).unwrap() == expected);
    }

    #[test]
    fn data_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&folder.path().join("file")).unwrap();
        file.reserve(1 << 20).unwrap();
        for synced in [false, true] {
            let at = if synced { 900_000 } else { 500_000 };
            write_all(&*file, b"data", at).unwrap();
            if synced {
                file.sync().unwrap();
            }
            let found = file.data_from(at - 20_000).unwrap().unwrap();
            assert!(found.start >= at - 20_000 && found.start <= at && found.end >= at + 4, "{found:?}");
            assert_eq!(file.data_from(at + 1).unwrap().unwrap().start, at + 1);
        }
        assert_eq!(file.data_from(1 << 20).unwrap(), None);
    }
}
