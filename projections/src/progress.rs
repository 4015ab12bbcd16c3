use event_store::Position;
use serde::Serialize;

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
    /// What keeps failing at the moment; it tries again by itself.
    pub trouble: Option<String>,
    /// Why it gave up.
    pub stopped: Option<String>,
}
