//! Students who go on applying while something else is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_store::EventStore;
use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{append, story};

/// How often everybody does something.
const TICK: Duration = Duration::from_millis(20);

/// Appends so many events a second until the token fires; students from this number on.
pub(crate) async fn apply_steadily(
    store: Arc<dyn EventStore>,
    per_second: usize,
    from: usize,
    appended: Arc<AtomicUsize>,
    stop: CancellationToken,
) {
    let at_once = per_second * TICK.as_millis() as usize / 1000;
    let mut newcomers = (from..).map(|number| story(number).into_iter());
    let mut stories: Vec<_> = newcomers.by_ref().take(at_once).collect();
    let mut clock = interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !stop.is_cancelled() {
        clock.tick().await;
        let mut next = Vec::with_capacity(at_once);
        for story in &mut stories {
            if story.len() == 0 {
                *story = newcomers.next().expect("there is always another student");
            }
            next.extend(story.next());
        }
        join_all(next.iter().map(|(id, fact)| append(&*store, *id, fact))).await;
        appended.fetch_add(next.len(), Ordering::Relaxed);
    }
}
