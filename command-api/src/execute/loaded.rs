use domain::kernel::Aggregate;
use event_store::Position;
use uuid::Uuid;

/// An aggregate as it stands on the log.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// The fold of its events.
    pub state: A,
    /// Its last event; `None` when there is none.
    pub last: Option<Last>,
}

/// The last event of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Last {
    /// Its id.
    pub id: Uuid,
    /// Its revision.
    pub revision: u64,
    /// Its position.
    pub position: Position,
}

impl<A: Aggregate> Loaded<A> {
    /// Nothing has happened yet.
    pub(super) fn nothing() -> Self {
        Self { state: A::default(), last: None }
    }

    /// The revision of the event that comes next.
    pub(super) fn next(&self) -> u64 {
        self.last.map_or(0, |last| last.revision + 1)
    }

    /// After these events, of which this one is the last.
    pub(super) fn after(self, events: &[A::Event], last: Last) -> Self {
        Self { state: events.iter().fold(self.state, A::evolve), last: Some(last) }
    }
}
