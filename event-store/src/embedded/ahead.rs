//! How far the next segment is filled with zeros: in step with the one that is written, and ready when
//! that one is three quarters full. Filled at once, it would hold back every commit for half a second.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};

/// Full, in the steps in which progress is told.
const FULL: u64 = 1024;
/// How much of the next segment is filled before anything is in the one that is written.
const HEAD_START: u64 = FULL / 16;

/// What the writer tells the thread that fills.
#[derive(Default)]
pub(crate) struct Ahead {
    /// How full the segment is that is written.
    written: AtomicU64,
    /// The writer waits for the next segment.
    hurried: AtomicBool,
    /// Nobody will need it.
    stopped: AtomicBool,
}

impl Ahead {
    /// Somebody waits already.
    pub(crate) fn at_once() -> Self {
        Self { hurried: AtomicBool::new(true), ..Self::default() }
    }

    /// So much is in the segment that is written.
    pub(crate) fn written(&self, bytes: u64, capacity: u64, filler: &Thread) {
        let written = bytes * FULL / capacity;
        if self.written.swap(written, Ordering::Relaxed) != written {
            filler.unpark();
        }
    }

    /// Whether the writer waits.
    pub(crate) fn hurry(&self, hurried: bool, filler: &Thread) {
        self.hurried.store(hurried, Ordering::Relaxed);
        filler.unpark();
    }

    /// Ends all waiting.
    pub(crate) fn stop(&self, filler: &Thread) {
        self.stopped.store(true, Ordering::Relaxed);
        filler.unpark();
    }

    /// Whether nobody will need it any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits until it is time to fill more than so much. Answers how much is due, all in all.
    ///
    /// # Errors
    /// When told to stop.
    pub(crate) fn wait(&self, filled: u64, capacity: u64) -> io::Result<u64> {
        loop {
            if self.is_stopped() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the store is closing"));
            }
            match self.due(capacity) {
                due if due > filled => return Ok(due),
                _ => thread::park(),
            }
        }
    }

    /// How much of the next segment is due.
    fn due(&self, capacity: u64) -> u64 {
        if self.hurried.load(Ordering::Relaxed) {
            return capacity;
        }
        let due = HEAD_START + self.written.load(Ordering::Relaxed) * 4 / 3;
        capacity * due.min(FULL) / FULL
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_next_segment_is_filled_in_step_and_ready_in_time() {
        let (ahead, filler) = (Ahead::default(), thread::current());
        let due = |written| {
            ahead.written(written, 1000, &filler);
            ahead.due(4096)
        };
        assert_eq!((due(0), due(300), due(750), due(1000)), (256, 1892, 4096, 4096));
    }

    #[test]
    fn who_waits_goes_on_when_the_writer_wants_it_and_ends_with_the_store() {
        let ahead = Arc::new(Ahead::default());
        let filling = Arc::clone(&ahead);
        let filler = thread::spawn(move || {
            let hurried = filling.wait(4000, 4096);
            filling.hurried.store(false, Ordering::Relaxed);
            (hurried.is_ok(), filling.wait(4000, 4096).is_ok())
        });
        ahead.hurry(true, filler.thread());
        while ahead.hurried.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        ahead.stop(filler.thread());
        assert_eq!(filler.join().unwrap(), (true, false));
    }
}
