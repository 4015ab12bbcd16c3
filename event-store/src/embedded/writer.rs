//! The one thread that writes: takes the block in the making, writes it, syncs once, shows it to the
//! readers and acknowledges.

use std::io;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tokio::sync::watch;

use super::disk::{PIECE, write_all, write_zeros};
use super::intake::Intake;
use super::keeper::Keeper;
use super::log::Log;
use super::making::Making;
use super::segment::SegmentFile;
use super::tail::Recent;
use crate::{AppendError, Health, Position};

pub(crate) struct Writer {
    pub(crate) log: Arc<Log>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) head: watch::Sender<Option<Position>>,
    pub(crate) keeper: Keeper,
    pub(crate) segment: Arc<SegmentFile>,
    /// Where the next block begins.
    pub(crate) offset: u64,
    /// Up to where the segment has been written, with blocks or zeros.
    pub(crate) filled: u64,
}

/// Why a block is not on the log.
enum Failure {
    /// Not a byte of it was written.
    Refused(AppendError),
    /// Nobody knows what the disk holds.
    Broken(String),
}

/// However it ends, nobody waits for it.
impl Drop for Writer {
    fn drop(&mut self) {
        if thread::panicking() {
            self.log.set_broken("a defect: the writer panicked");
        }
        self.intake.abandon();
    }
}

impl Writer {
    /// Works until every handle is gone.
    pub(crate) fn run(mut self) {
        self.keeper.prepare(self.segment.number + 1);
        while let Some(block) = self.intake.next() {
            self.commit(block);
        }
    }

    fn commit(&mut self, mut block: Making) {
        match self.write(&mut block) {
            Ok(bytes) => self.show(block, bytes),
            Err(Failure::Refused(error)) => self.intake.refuse(block, error),
            Err(Failure::Broken(reason)) => self.intake.give_up(block, reason),
        }
    }

    /// Shows a durable block to the readers, and answers those who wait for it.
    fn show(&mut self, mut block: Making, bytes: Vec<u8>) {
        let (at, length) = ((self.segment.number, self.offset), bytes.len() as u64);
        let recent = Recent::new(block.first_position(), at, Bytes::from(bytes), block.decoded());
        let next_position = block.next_position();
        let gone = self.log.publish(recent, block.frames(self.offset), next_position);
        self.offset += length;
        self.head.send_replace(next_position.checked_sub(1).map(Position));
        block.acknowledge();
        // Behind the answers: nobody waits for that.
        drop(gone);
    }

    /// Writes a block durably. After a failure nothing is known about what the disk holds, and a
    /// second sync that succeeds would prove nothing, so nothing is written ever again.
    fn write(&mut self, block: &mut Making) -> Result<Vec<u8>, Failure> {
        let length = block.length() as u64;
        if self.segment.capacity < self.offset + length
            && let Err(error) = self.roll(length)
        {
            return Err(self.refused(&error));
        }
        let bytes = block.seal(self.segment.place(self.offset));
        let filled = self.fill(self.offset + length).map_err(|error| (0, error));
        let failed = match filled.and_then(|()| write_all(&*self.segment.file, &bytes, self.offset)) {
            // Not a byte arrived, so the place is as empty as before.
            Err((0, error)) if is_full(&error) => return Err(self.refused(&error)),
            Err((_, error)) => format!("writing failed: {error}"),
            Ok(()) => match self.segment.file.sync() {
                Ok(()) => {
                    if self.log.health() != Health::Ready {
                        self.log.set_health(Health::Ready);
                    }
                    return Ok(bytes);
                }
                Err(error) => format!("syncing failed: {error}"),
            },
        };
        tracing::error!(
            reason = failed,
            segment = self.segment.number,
            offset = self.offset,
            "no more writes"
        );
        self.log.set_broken(&failed);
        Err(Failure::Broken(failed))
    }

    /// No block can be written for the time being.
    fn refused(&self, error: &io::Error) -> Failure {
        self.log.set_health(Health::ReadOnly(error.to_string()));
        Failure::Refused(match is_full(error) {
            true => AppendError::Full,
            false => AppendError::Unavailable(error.to_string()),
        })
    }

    /// Has zeros written behind a block that ends here, unless they are there: the same sync makes both durable.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        if end > self.filled {
            let until = end.next_multiple_of(PIECE as u64).min(self.segment.capacity);
            write_zeros(&*self.segment.file, end, until)?;
            self.filled = until;
        }
        Ok(())
    }

    /// Goes on in the next segment, which must have room for a block of this length.
    fn roll(&mut self, length: u64) -> io::Result<()> {
        let number = self.segment.number + 1;
        let next = Arc::new(self.keeper.take(number, length + super::segment::HEAD)?);
        self.segment = Arc::clone(&next);
        self.offset = super::segment::HEAD;
        self.filled = self.offset;
        // First what lets go of memory: the next segment takes as long as this one lasts.
        if let Some(sealed) = self.log.roll(next) {
            self.keeper.write_index(sealed);
        }
        self.keeper.prepare(number + 1);
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
