//! A copy of a log's files while it may be written: everything up to one moment, and nothing behind
//! it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::disk::{Disk, LogFile, RealDisk};
use super::error::OpenError;
use super::visit::Visitor;
use super::{Opened, check, folder, segment};

/// Copies the log of a folder into another folder that is empty or not there yet, reads the copy
/// through with all checksums, and says what it found. Needs no lock: the log may be open and
/// written. The copy is the same log, with the same id and positions, as it was a moment ago.
///
/// Bringing a copy back is the same with the folders exchanged. Whoever had read further than the
/// copy goes is then refused with [`ReadError::BeyondHead`](crate::ReadError::BeyondHead).
///
/// # Errors
/// When the log cannot be read or the copy cannot be written. A copy that was not finished has no
/// file `store` and is no log.
pub fn backup(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<check::Report, OpenError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let visitor = Visitor::open(from)?;
    let mut end = visitor.walk(u64::MAX)?;
    while end.next_block()?.is_some() {}
    // What lies before this place never changes again.
    let (last, offset) = end.place();
    fs::create_dir_all(to)?;
    if fs::read_dir(to)?.next().is_some() {
        let text = format!("{} is not empty", to.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text).into());
    }
    for number in visitor.segments()?.into_iter().filter(|number| *number <= last) {
        let whole = number < last;
        copy(&segment::path(from, number), &segment::path(to, number), (!whole).then_some(offset))?;
    }
    copy(&folder::identity_path(from), &folder::identity_path(to), None)?;
    RealDisk.sync_folder(to)?;
    Visitor::open(to)?.check()
}

/// Copies a file, or the front of it with zeros behind.
fn copy(from: &Path, to: &Path, front: Option<u64>) -> Opened<()> {
    let source = File::open(from)?;
    let length = source.metadata()?.len();
    let mut target = File::create_new(to)?;
    target.reserve(length)?;
    io::copy(&mut source.take(front.unwrap_or(u64::MAX)), &mut target)?;
    target.sync_all()?;
    Ok(())
}
