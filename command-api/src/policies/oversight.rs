use std::sync::Arc;
use std::time::Duration;

use event_store::{Direction, EventStore, Filter, ReadError};
use tokio::sync::watch;

use super::parking::Parking;
use super::pulse::Pulse;
use super::status::PolicyStatus;
use crate::execute::Clock;

/// A loop turns every second; one that has not for so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// How old a reaction that is tried again and again may become before somebody should know.
const LONG: Duration = Duration::from_secs(60);

/// How long an event may lie there without being looked at.
const OVERLOOKED: Duration = Duration::from_secs(30);

/// What can be known from outside about a policy that runs, or should.
#[derive(Clone)]
pub struct Oversight {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) clock: Clock,
    pub(super) filter: Filter,
    pub(super) status: watch::Receiver<PolicyStatus>,
    pub(super) pulse: Pulse,
    pub(super) parking: Parking,
}

impl Oversight {
    /// How it is doing, as it changes.
    pub fn status(&self) -> watch::Receiver<PolicyStatus> {
        self.status.clone()
    }

    /// Where its parked reactions are kept.
    pub fn parking(&self) -> &Parking {
        &self.parking
    }

    /// Why only a new process helps; `None` while its loop turns or rests.
    pub fn hangs(&self) -> Option<String> {
        let silence = self.pulse.silence();
        let name = self.status.borrow().name;
        (silence > HANGS).then(|| format!("policy {name} hangs since {} s", silence.as_secs()))
    }

    /// What keeps it from doing its work.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn problem(&self) -> Result<Option<String>, ReadError> {
        let status = self.status.borrow().clone();
        if let Some(reason) = &status.stopped {
            return Ok(Some(format!("policy {} stopped: {reason}", status.name)));
        }
        if let Some(hangs) = self.hangs() {
            return Ok(Some(hangs));
        }
        let stillness = self.pulse.stillness();
        if !status.running || status.open > 0 || stillness < OVERLOOKED {
            return Ok(None);
        }
        let next = self.store.read_all(status.position, Direction::Forwards, &self.filter, 1).await?;
        let problem =
            |position| format!("policy {} overlooks {position} since {} s", status.name, stillness.as_secs());
        Ok(next.events.first().map(|event| problem(event.position)))
    }

    /// What somebody should know although it does its work.
    pub fn warnings(&self) -> Vec<String> {
        let status = self.status.borrow();
        let mut warnings = Vec::new();
        if let (Some(oldest), Some(reason)) = (&status.oldest, &status.last_failure) {
            let age = Duration::from_millis((self.clock)().saturating_sub(oldest.since));
            if age > LONG {
                warnings.push(format!(
                    "policy {} tries for {} s what follows from {} of {}: {reason}",
                    status.name,
                    age.as_secs(),
                    oldest.position,
                    oldest.key,
                ));
            }
        }
        if !status.parked.is_empty() {
            warnings.push(format!("policy {} has parked {}", status.name, status.parked.len()));
        }
        warnings
    }
}
