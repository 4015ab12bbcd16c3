use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::watch;

use super::disk::{Disk, RealDisk};
use super::error::OpenError;
use super::intake::Intake;
use super::keeper::Keeper;
use super::recovery::{identify, recover};
use super::site::Site;
use super::writer::Writer;
use super::{EmbeddedStore, Owner, folder};
use crate::Position;

/// How an [`EmbeddedStore`] is opened. The defaults are meant to be kept.
#[derive(Clone)]
pub struct Options {
    segment_bytes: u64,
    recent_bytes: usize,
    disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, recent_bytes: 4 << 20, disk: Arc::new(RealDisk) }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a segment is, in bytes: 4 KiB to 1 GiB, 64 MiB by default. The first ones are shorter,
    /// and one that a great append needs is longer. A log may have segments of any lengths.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes.clamp(4 << 10, 1 << 30);
        self
    }

    /// How much of the newest part of the log stays in memory, in bytes; 4 MiB by default.
    #[must_use]
    pub fn recent_bytes(mut self, bytes: usize) -> Self {
        self.recent_bytes = bytes;
        self
    }

    /// Another disk than the real one, for tests.
    #[must_use]
    pub fn disk(mut self, disk: impl Disk) -> Self {
        self.disk = Arc::new(disk);
        self
    }

    /// Opens the log in a folder, or begins one in a folder that is empty or not there yet.
    ///
    /// # Errors
    /// Every [`OpenError`] but [`OpenError::Missing`].
    pub fn open(self, folder: impl AsRef<Path>) -> Result<EmbeddedStore, OpenError> {
        let at = folder.as_ref();
        if !at.exists() {
            fs::create_dir_all(at)?;
            let parent = at.parent().filter(|parent| !parent.as_os_str().is_empty());
            self.disk.sync_folder(parent.unwrap_or(Path::new(".")))?;
        }
        let lock = folder::lock(at)?;
        let (store, numbers) = identify(&*self.disk, at)?;
        let site = Site { disk: self.disk, folder: at.to_owned(), store, segment_bytes: self.segment_bytes };
        let recovered = recover(&site, &numbers, self.recent_bytes)?;
        let head = recovered.next_position.checked_sub(1).map(Position);
        let (head, follow) = watch::channel(head);
        let intake = Arc::new(Intake::new(Arc::clone(&recovered.log), recovered.next_position));
        let writer = Writer {
            log: Arc::clone(&recovered.log),
            intake: Arc::clone(&intake),
            head,
            keeper: Keeper::start(site, Arc::clone(&recovered.log), recovered.spare)?,
            segment: recovered.active,
            offset: recovered.end,
            filled: recovered.end,
        };
        let thread = thread::Builder::new().name("event-store-writer".to_owned()).spawn(|| writer.run())?;
        let owner = Owner { intake, writer: Mutex::new(Some(thread)), _lock: lock };
        Ok(EmbeddedStore { log: recovered.log, head: follow, owner: Arc::new(owner) })
    }
}
