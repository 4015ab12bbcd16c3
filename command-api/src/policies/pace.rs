//! How hard a policy tries: how much at once, and how often again what has failed.

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, sleep_until};

/// How many tries again one success is worth: twice as many after every round of calls, until the slots
/// are full, and never more than two calls for one that is answered.
const WORTH: usize = 2;

/// The slots of a policy, and the turns of what has failed.
///
/// In an outage thousands may wait, each with a pause of its own; together they would be a flood. So
/// they take turns: one now and then to find out, and as soon as one succeeds, more and more, as fast
/// as successes follow.
pub(super) struct Pace {
    slots: Semaphore,
    most: usize,
    earned: Semaphore,
    /// When the next one may try that nobody earned. Whoever waits longest holds it.
    next: Mutex<Instant>,
    now_and_then: Duration,
}

impl Pace {
    /// So many at once; in an outage one that tries again in this while.
    pub(super) fn new(at_once: usize, now_and_then: Duration) -> Self {
        let (slots, earned) = (Semaphore::new(at_once), Semaphore::new(0));
        Self { slots, most: at_once, earned, next: Mutex::new(Instant::now()), now_and_then }
    }

    /// Waits for a slot.
    pub(super) async fn slot(&self) -> SemaphorePermit<'_> {
        self.slots.acquire().await.expect("the slots are never closed")
    }

    /// Waits for the turn of something that has failed. Who came first goes first.
    pub(super) async fn turn(&self) {
        let mut next = self.next.lock().await;
        tokio::select! {
            biased;
            earned = self.earned.acquire() => earned.expect("what is earned is never closed").forget(),
            () = sleep_until(*next) => *next = Instant::now() + self.now_and_then,
        }
    }

    /// Something succeeded.
    pub(super) fn earn(&self) {
        if self.earned.available_permits() < self.most {
            self.earned.add_permits(WORTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    const NOW_AND_THEN: Duration = Duration::from_millis(100);

    /// EL-I13: whoever waits behind an outage is no flood.
    #[tokio::test(start_paused = true)]
    async fn without_success_one_tries_now_and_then() {
        let pace = Pace::new(32, NOW_AND_THEN);
        let began = Instant::now();
        for _ in 0..=100 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), 100 * NOW_AND_THEN);
    }

    /// EL-I13: afterwards everybody has a turn without waiting for the clock.
    #[tokio::test(start_paused = true)]
    async fn every_success_lets_two_more_try_at_once() {
        let pace = Arc::new(Pace::new(32, NOW_AND_THEN));
        let began = Instant::now();
        let mut waiting = JoinSet::new();
        for _ in 0..1000 {
            let pace = Arc::clone(&pace);
            waiting.spawn(async move {
                pace.turn().await;
                pace.earn();
            });
        }
        assert_eq!(waiting.join_all().await.len(), 1000);
        assert!(began.elapsed() <= 2 * NOW_AND_THEN, "{:?}", began.elapsed());
    }
}
