//! The thread behind the writer: makes the next segment before it is needed, writes the indexes of sealed
//! ones and puts their filters side by side. In the writer, each would be a pause.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Health;

use super::log::Log;
use super::sealed::Sealed;
use super::segment::SegmentFile;
use super::site::Site;

/// How often a full disk is asked whether there is room again.
const RETRY: Duration = Duration::from_secs(1);

enum Task {
    Prepare { number: u64, capacity: u64, done: mpsc::Sender<io::Result<SegmentFile>> },
    WriteIndex(Arc<Sealed>),
}

/// A handle on the thread; dropping it ends the thread.
pub(crate) struct Keeper {
    site: Arc<Site>,
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    /// The next segment, being prepared.
    next: Option<mpsc::Receiver<io::Result<SegmentFile>>>,
}

impl Keeper {
    /// Begins with a spare segment if the last start left one.
    pub(crate) fn start(site: Site, log: Arc<Log>, spare: Option<SegmentFile>) -> io::Result<Self> {
        let site = Arc::new(site);
        let (tasks, todo) = mpsc::channel();
        let worker = Worker { site: Arc::clone(&site), log, wanted: None, spare: None };
        let thread =
            thread::Builder::new().name("event-store-keeper".to_owned()).spawn(move || worker.run(&todo))?;
        let next = spare.map(|spare| {
            let (done, next) = mpsc::channel();
            // The receiver is right here.
            let _ = done.send(Ok(spare));
            next
        });
        Ok(Self { site, tasks: Some(tasks), thread: Some(thread), next })
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
        self.tasks = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the preparing thread of the event store panicked");
        }
    }
}

/// The thread's own side.
struct Worker {
    site: Arc<Site>,
    log: Arc<Log>,
    /// A segment that could not be made for lack of space. It is tried again without being asked,
    /// because a server that says it takes no writes may never get another one.
    wanted: Option<(u64, u64)>,
    /// The segment that was wanted, made in the meantime.
    spare: Option<SegmentFile>,
}

impl Worker {
    fn run(mut self, todo: &mpsc::Receiver<Task>) {
        self.log.group_filters();
        loop {
            let task = match self.wanted {
                Some(_) => todo.recv_timeout(RETRY),
                None => todo.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            };
            match task {
                Ok(Task::Prepare { number, capacity, done }) => {
                    // A writer that is gone needs no segment; the next start finds it.
                    let _ = done.send(self.prepare(number, capacity));
                }
                Ok(Task::WriteIndex(sealed)) => {
                    if let Err(error) = self.site.write_index(&sealed) {
                        let number = sealed.segment.number;
                        tracing::warn!(%error, number, "the index stays in memory until the next start");
                    }
                    self.log.group_filters();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.retry(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn prepare(&mut self, number: u64, capacity: u64) -> io::Result<SegmentFile> {
        self.wanted = None;
        if let Some(spare) = self.spare.take()
            && spare.number == number
            && spare.capacity >= capacity
        {
            return Ok(spare);
        }
        let made = self.site.segment(number, capacity);
        if let Err(error) = &made {
            tracing::warn!(%error, number, "the next segment could not be prepared");
            self.wanted = Some((number, capacity));
        }
        made
    }

    fn retry(&mut self) {
        let Some((number, capacity)) = self.wanted else { return };
        match self.site.segment(number, capacity) {
            Ok(spare) => {
                (self.wanted, self.spare) = (None, Some(spare));
                self.log.set_health(Health::Ready);
            }
            Err(error) => tracing::debug!(%error, number, "the next segment still cannot be prepared"),
        }
    }
}
