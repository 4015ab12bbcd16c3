//! The thread behind the writer: fills the next segment with zeros before it is needed, and writes
//! the indexes of sealed ones. In the writer, either would be a pause of tens of milliseconds.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use uuid::Uuid;

use super::disk::Disk;
use super::index::Index;
use super::index_file::{self, IndexFile};
use super::log::Sealed;
use super::segment::{self, SegmentFile};

/// Where segments are made.
pub(crate) struct Site {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) store: Uuid,
    /// The length of a segment, in bytes, once the log has grown to it.
    pub(crate) segment_bytes: u64,
}

/// The first segments are smaller, so that a new store opens at once and a small one stays small.
const FIRST: u64 = 4 * 1024 * 1024;

impl Site {
    /// The length of a segment that must have room for so many bytes.
    pub(crate) fn capacity(&self, number: u64, at_least: u64) -> u64 {
        let grown = FIRST.saturating_mul(4u64.saturating_pow(number.min(16) as u32));
        grown.min(self.segment_bytes).max(at_least).next_multiple_of(4096)
    }
}

enum Task {
    Prepare { number: u64, capacity: u64, done: mpsc::Sender<io::Result<SegmentFile>> },
    WriteIndex(Arc<Sealed>),
}

/// A handle on the thread; dropping it ends the thread.
pub(crate) struct Keeper {
    site: Arc<Site>,
    tasks: Option<mpsc::Sender<Task>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// The next segment, being prepared.
    next: Option<mpsc::Receiver<io::Result<SegmentFile>>>,
}

impl Keeper {
    /// Begins with a spare segment if the last start left one.
    pub(crate) fn start(site: Site, spare: Option<SegmentFile>) -> io::Result<Self> {
        let site = Arc::new(site);
        let stop = Arc::new(AtomicBool::new(false));
        let (tasks, todo) = mpsc::channel();
        let thread = {
            let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
            thread::Builder::new().name("event-store-keeper".to_owned()).spawn(move || {
                for task in todo {
                    site.work(task, &stop);
                }
            })?
        };
        let next = spare.map(|spare| {
            let (done, next) = mpsc::channel();
            // The receiver is right here.
            let _ = done.send(Ok(spare));
            next
        });
        Ok(Self { site, tasks: Some(tasks), stop, thread: Some(thread), next })
    }

    /// Has a segment prepared unless one is.
    pub(crate) fn prepare(&mut self, number: u64) {
        if self.next.is_none() {
            self.next = Some(self.ask(number, 0));
        }
    }

    /// The next segment, with room for so many bytes. Waits for it if it is not ready; when
    /// preparing it failed, it is tried once more, for the reason may be gone.
    pub(crate) fn take(&mut self, number: u64, at_least: u64) -> io::Result<SegmentFile> {
        if let Some(Ok(Ok(next))) = self.next.take().map(|next| next.recv())
            && next.capacity >= at_least
        {
            return Ok(next);
        }
        let gone = |_| Err(io::Error::other("the preparing thread ended"));
        self.ask(number, at_least).recv().unwrap_or_else(gone)
    }

    pub(crate) fn write_index(&self, sealed: Arc<Sealed>) {
        self.send(Task::WriteIndex(sealed));
    }

    fn ask(&self, number: u64, at_least: u64) -> mpsc::Receiver<io::Result<SegmentFile>> {
        let (done, next) = mpsc::channel();
        self.send(Task::Prepare { number, capacity: self.site.capacity(number, at_least), done });
        next
    }

    fn send(&self, task: Task) {
        if self.tasks.as_ref().is_none_or(|tasks| tasks.send(task).is_err()) {
            tracing::error!("the preparing thread of the event store ended");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the preparing thread of the event store panicked");
        }
    }
}

impl Site {
    fn work(&self, task: Task, stop: &AtomicBool) {
        match task {
            Task::Prepare { number, capacity, done } => {
                let made = self.segment(number, capacity, stop);
                if let Err(error) = &made
                    && !stop.load(Ordering::Relaxed)
                {
                    tracing::warn!(%error, number, "the next segment could not be prepared");
                }
                // A writer that is gone needs no segment; the next start finds it.
                let _ = done.send(made);
            }
            Task::WriteIndex(sealed) => {
                if let Err(error) = self.write_index(&sealed) {
                    let number = sealed.segment.number;
                    tracing::warn!(%error, number, "the index stays in memory until the next start");
                }
            }
        }
    }

    /// A new segment of zeros. A smaller one that waits under this number makes room for it.
    pub(crate) fn segment(&self, number: u64, capacity: u64, stop: &AtomicBool) -> io::Result<SegmentFile> {
        match self.disk.remove(&segment::path(&self.folder, number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        SegmentFile::create(&*self.disk, &self.folder, self.store, number, capacity, stop)
    }

    /// Writes the index of a sealed segment and from then on asks the file instead of the memory.
    fn write_index(&self, sealed: &Sealed) -> io::Result<()> {
        let Index::Memory(growing) = &*sealed.index() else { return Ok(()) };
        let (number, salt) = (sealed.segment.number, sealed.segment.salt);
        let path = segment::index_path(&self.folder, number);
        index_file::write(&*self.disk, &path, salt, growing)?;
        if let Some(file) = IndexFile::open(self.disk.open(&path)?, &path, salt)? {
            sealed.replace_index(Index::File(file));
        }
        Ok(())
    }

    /// The index of a sealed segment from its file, which is made if it is not there.
    pub(crate) fn index(
        &self,
        segment: &SegmentFile,
        rebuild: impl FnOnce() -> super::Opened<Index>,
    ) -> super::Opened<Index> {
        let path = segment::index_path(&self.folder, segment.number);
        if let Some(file) = self.open_index(&path, segment.salt)? {
            return Ok(Index::File(file));
        }
        tracing::warn!(path = %path.display(), "the index is missing or damaged and is made again");
        let index = rebuild()?;
        let Index::Memory(growing) = &index else { return Ok(index) };
        if let Err(error) = index_file::write(&*self.disk, &path, segment.salt, growing) {
            tracing::warn!(%error, path = %path.display(), "the index stays in memory until the next start");
            return Ok(index);
        }
        Ok(self.open_index(&path, segment.salt)?.map_or(index, Index::File))
    }

    fn open_index(&self, path: &std::path::Path, salt: u128) -> io::Result<Option<IndexFile>> {
        match self.disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => IndexFile::open(opened?, path, salt),
        }
    }
}
