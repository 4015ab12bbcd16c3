use std::sync::Mutex;
use std::time::Duration;

use event_store::Position;
use serde::Serialize;
use tokio::time::Instant;

/// How long a projection may stand still behind the log before it is called unhealthy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a projection has come, as its worker publishes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last position that was considered: the rows say everything up to here, whether an event
    /// was of interest or not. `None` before the first event.
    pub considered: Option<Position>,
    /// The position of the last event of interest whose effect is in the rows, as far as this
    /// worker knows. It wakes those who wait for rows.
    pub changed: Option<Position>,
    /// The last position of the log when the worker last looked.
    pub head: Option<Position>,
    /// How many keys wait for an operator.
    pub parked: usize,
    /// The number of the last row that an operator healed. It wakes those who wait for rows.
    pub healed: i64,
    /// What keeps failing at the moment; the worker tries again by itself.
    pub trouble: Option<String>,
    /// Why it gave up. The rows stay as they are.
    pub stopped: Option<String>,
}

impl Progress {
    /// How many positions lie between what was considered and a head.
    pub fn lag(&self, head: Option<Position>) -> u64 {
        let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
        count(head.max(self.head)).saturating_sub(count(self.considered))
    }
}

/// Notices when a projection stands still while the log goes on: not how long ago it moved counts,
/// since a quiet log moves nobody, but how long it has been seen behind at the same place.
#[derive(Debug, Default)]
pub(crate) struct Stillness(Mutex<Option<(Option<Position>, Instant)>>);

impl Stillness {
    /// Why a projection cannot be relied upon, should that be so: it gave up, it stands still, or
    /// keys are parked.
    pub(crate) fn unhealthy(&self, progress: &Progress, head: Option<Position>) -> Option<String> {
        let still = self.look(progress, head);
        if let Some(reason) = &progress.stopped {
            return Some(format!("it stopped: {reason}"));
        }
        if still > PATIENCE {
            let (lag, reason) = (progress.lag(head), progress.trouble.as_deref());
            let reason = reason.unwrap_or("no event reaches it");
            return Some(format!(
                "it has stood still for {} s, {lag} positions behind: {reason}",
                still.as_secs()
            ));
        }
        (progress.parked > 0).then(|| format!("{} keys are parked and wait for an operator", progress.parked))
    }

    fn look(&self, progress: &Progress, head: Option<Position>) -> Duration {
        let mut seen = self.0.lock().expect("no code panics while it looks");
        match *seen {
            _ if progress.lag(head) == 0 => *seen = None,
            Some((at, since)) if at == progress.considered => return since.elapsed(),
            _ => *seen = Some((progress.considered, Instant::now())),
        }
        Duration::ZERO
    }
}

/// One projection, as operators and health checks see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// Its permanent name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The last position that it considered.
    pub position: Option<Position>,
    /// The last position of the log.
    pub head: Option<Position>,
    /// How many positions it is behind.
    pub lag: u64,
    /// How many keys wait for an operator; their rows stand still and say so.
    pub parked: usize,
    /// Why it cannot be relied upon at the moment.
    pub unhealthy: Option<String>,
    /// What keeps failing at the moment; it tries again by itself.
    pub trouble: Option<String>,
    /// Why it gave up.
    pub stopped: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(considered: u64, head: u64) -> Progress {
        Progress { considered: Some(Position(considered)), head: Some(Position(head)), ..Progress::default() }
    }

    /// Operations: standing still is noticed and has a reason, being idle is neither.
    #[tokio::test(start_paused = true)]
    async fn a_projection_that_does_not_move_while_the_log_does_is_unhealthy() {
        let stillness = Stillness::default();
        assert_eq!(stillness.unhealthy(&progress(5, 5), None), None);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(stillness.unhealthy(&progress(5, 9), None), None, "it has only just fallen behind");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(stillness.unhealthy(&progress(6, 9), None), None, "it moves");
        tokio::time::advance(Duration::from_secs(11)).await;
        let stuck = Progress { trouble: Some("the disk is full".to_owned()), ..progress(6, 9) };
        let reason = stillness.unhealthy(&stuck, None).unwrap();
        assert_eq!(reason, "it has stood still for 11 s, 3 positions behind: the disk is full");
    }
}
