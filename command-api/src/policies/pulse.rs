use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use event_store::Position;
use tokio::time::Instant;

/// Whether the loop of a policy still turns, and whether it gets anywhere.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Beat>>);

#[derive(Default)]
struct Beat {
    /// When it turned last; `None` while it rests.
    last: Option<Instant>,
    position: Option<Position>,
    /// When the position changed last.
    moved: Option<Instant>,
}

impl Pulse {
    /// The loop turned.
    pub(super) fn beat(&self) {
        self.lock().last = Some(Instant::now());
    }

    /// The loop turned, and everything is handled up to here.
    pub(super) fn beat_at(&self, position: Option<Position>) {
        let (mut beat, now) = (self.lock(), Instant::now());
        if beat.moved.is_none() || beat.position != position {
            (beat.position, beat.moved) = (position, Some(now));
        }
        beat.last = Some(now);
    }

    /// The loop rests, and is not expected to turn.
    pub(super) fn rest(&self) {
        *self.lock() = Beat::default();
    }

    /// For how long it has not turned although it should.
    pub(super) fn silence(&self) -> Duration {
        self.lock().last.map_or(Duration::ZERO, |last| last.elapsed())
    }

    /// For how long its position has not changed.
    pub(super) fn stillness(&self) -> Duration {
        self.lock().moved.map_or(Duration::ZERO, |moved| moved.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().expect("no code panics while it holds the beat")
    }
}
