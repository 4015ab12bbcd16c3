use std::fmt::Debug;

use super::Event;

/// A unit of decision: one stream, one atomic append.
///
/// The implementing type is the state, an enum of life stages whose default is "nothing happened yet".
/// Both functions are pure; repeating what has already happened decides nothing (`Ok(vec![])`).
pub trait Aggregate: Default + Clone + Debug + Send + Sync + 'static {
    /// The business it belongs to: first part of its stream's name.
    const SYSTEM: &'static str;
    /// Its name within the business: second part of its stream's name.
    const NAME: &'static str;
    /// What can be asked of it.
    type Command: Debug + Send + Sync;
    /// What can have happened to it.
    type Event: Event + Clone + Debug + Send + Sync;
    /// Anything that can have happened in its business.
    type Fact: From<Self::Event> + Send + Sync + 'static;
    /// Why it can say no.
    type Refusal: std::error::Error + PartialEq + Send + Sync;

    /// What happens when this is asked.
    ///
    /// # Errors
    /// A refusal: the business says no, and nothing happens.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after this has happened.
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;

    /// The version of its snapshots: grows when an old one would be misread. `None` where streams are
    /// short, so that none are kept.
    const SNAPSHOT: Option<u16> = None;

    /// The state as a snapshot keeps it.
    fn freeze(&self) -> Option<Vec<u8>> {
        None
    }

    /// The state from a snapshot of this version; `None` when it cannot be read, and all events have to
    /// be folded again.
    fn thaw(_snapshot: &[u8]) -> Option<Self> {
        None
    }
}

/// The state after all of these have happened.
pub fn fold<'e, A: Aggregate>(events: impl IntoIterator<Item = &'e A::Event>) -> A
where
    A::Event: 'e,
{
    events.into_iter().fold(A::default(), A::evolve)
}
