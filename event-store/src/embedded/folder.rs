//! The folder around the segments: whose log it is, who has it open, which segments there are.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Opened;
use super::bytes::{Fields, put};
use super::disk::{Disk, LogFile, read_up_to, write_all};
use super::error::OpenError;
use super::segment::{FORMAT, SegmentFile, Wrong};

const MAGIC: &[u8; 8] = b"GIROKEVS";
const LENGTH: usize = 32;

/// Keeps other processes out until it is dropped.
pub(crate) fn lock(folder: &Path) -> Opened<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The store's id, from the file `store`: magic, format version, CRC-32, id.
pub(crate) fn id(file: &dyn LogFile, path: &Path) -> Opened<Uuid> {
    let mut bytes = vec![0; LENGTH + 1];
    let read = read_up_to(file, &mut bytes, 0)?;
    let damaged = |what: &str| OpenError::Damaged { path: path.to_owned(), offset: 0, what: what.to_owned() };
    let mut fields = Fields(&bytes[..read]);
    let magic = fields.take(8);
    let (Some(format), Some(_), Some(id)) = (fields.u32(), fields.u32(), fields.take(16)) else {
        return Err(damaged("the file is too short"));
    };
    if magic != Some(MAGIC) {
        return Err(damaged("it does not begin as the file of an event store"));
    }
    if format != FORMAT {
        return Err(OpenError::Format { path: path.to_owned(), found: format, known: FORMAT });
    }
    let id = Uuid::from_slice(id).map_err(|_| damaged("there is no id"))?;
    if bytes[..read] == identity(id) { Ok(id) } else { Err(damaged("its checksum is wrong")) }
}

/// Gives a new store its id.
pub(crate) fn found(disk: &dyn Disk, folder: &Path) -> io::Result<Uuid> {
    let id = Uuid::new_v4();
    let unfinished = folder.join("store.new");
    disk.remove_if_there(&unfinished)?;
    let file = disk.create(&unfinished)?;
    write_all(&*file, &identity(id), 0).map_err(|(_, error)| error)?;
    file.sync()?;
    disk.rename(&unfinished, &identity_path(folder))?;
    disk.sync_folder(folder)?;
    Ok(id)
}

fn identity(id: Uuid) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    put(&mut bytes, 0, *MAGIC);
    put(&mut bytes, 8, FORMAT.to_le_bytes());
    put(&mut bytes, 16, *id.as_bytes());
    let crc = crc32fast::hash(&bytes);
    put(&mut bytes, 12, crc.to_le_bytes());
    bytes
}

pub(crate) fn identity_path(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// The numbers of the segments that are there, and the files that were not finished.
pub(crate) fn list(folder: &Path) -> io::Result<(Vec<u64>, Vec<PathBuf>)> {
    let (mut segments, mut unfinished) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        match (path.extension().and_then(|extension| extension.to_str()), number) {
            (Some("log"), Some(number)) => segments.push(number),
            (Some("new" | "idx-new"), Some(_)) => unfinished.push(path),
            _ => {}
        }
    }
    segments.sort_unstable();
    Ok((segments, unfinished))
}

/// Opens a segment for an owner or, with a file that only reads, for a visitor.
pub(crate) fn segment(
    path: PathBuf,
    file: Box<dyn LogFile>,
    store: Uuid,
    number: u64,
) -> Opened<SegmentFile> {
    SegmentFile::open(path.clone(), file, store, number).map_err(|wrong| match wrong {
        Wrong::Io(error) => error.into(),
        Wrong::Format(found) => OpenError::Format { path, found, known: FORMAT },
        Wrong::Damaged(what) => OpenError::Damaged { path, offset: 0, what: what.to_owned() },
    })
}
