//! The clients of one group, and which of them gets an event.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::mpsc;

use super::config::Strategy;
use crate::RecordedEvent;

use super::super::convert::Resolved;

/// An event on its way to a client.
pub(crate) struct Delivery {
    pub(crate) resolved: Resolved,
    pub(crate) retries: u32,
}

pub(crate) struct Consumer {
    pub(crate) id: u64,
    pub(crate) out: mpsc::Sender<Delivery>,
    pub(crate) capacity: usize,
    pub(crate) in_flight: usize,
    pub(crate) total: i64,
}

impl Consumer {
    fn has_room(&self) -> bool {
        self.in_flight < self.capacity
    }
}

#[derive(Default)]
pub(crate) struct Consumers {
    pub(crate) all: Vec<Consumer>,
    /// Whose turn it is.
    turn: usize,
    /// The name of the next one.
    next: u64,
}

impl Consumers {
    pub(crate) fn join(&mut self, out: mpsc::Sender<Delivery>, capacity: usize) -> u64 {
        self.next += 1;
        self.all.push(Consumer { id: self.next, out, capacity, in_flight: 0, total: 0 });
        self.next
    }

    pub(crate) fn leave(&mut self, id: u64) {
        self.all.retain(|consumer| consumer.id != id);
    }

    pub(crate) fn find(&mut self, id: u64) -> Option<&mut Consumer> {
        self.all.iter_mut().find(|consumer| consumer.id == id)
    }

    pub(crate) fn have_room(&self) -> bool {
        self.all.iter().any(Consumer::has_room)
    }

    /// Who gets an event: nobody, when those who might have no room.
    pub(crate) fn choose(&mut self, strategy: Strategy, event: &RecordedEvent) -> Option<&mut Consumer> {
        let count = self.all.len();
        let at = match strategy {
            Strategy::DispatchToSingle => self.all.iter().position(Consumer::has_room)?,
            Strategy::RoundRobin => {
                let turns = (0..count).map(|turn| (self.turn + turn) % count);
                let at = turns.into_iter().find(|at| self.all[*at].has_room())?;
                self.turn = at + 1;
                at
            }
            Strategy::Pinned => self.pinned(event.stream.as_str())?,
            Strategy::PinnedByCorrelation => {
                let known: serde_json::Value = serde_json::from_slice(&event.metadata).unwrap_or_default();
                let correlation = known.get("$correlationId").and_then(|id| id.as_str());
                self.pinned(correlation.unwrap_or(event.stream.as_str()))?
            }
        };
        Some(&mut self.all[at])
    }

    /// The client that a key belongs to, if it has room. When another one comes or goes, only its
    /// own keys move.
    fn pinned(&self, key: &str) -> Option<usize> {
        let weight = |consumer: &Consumer| {
            let mut hasher = DefaultHasher::new();
            (consumer.id, key).hash(&mut hasher);
            hasher.finish()
        };
        let owner = (0..self.all.len()).max_by_key(|at| weight(&self.all[*at]))?;
        self.all[owner].has_room().then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoded, Position, StreamName};

    fn event(stream: &str, correlation: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(0),
            stream: StreamName::stored(stream),
            revision: 0,
            id: uuid::Uuid::nil(),
            event_type: "E".into(),
            data: "".into(),
            metadata: format!("{{\"$correlationId\":\"{correlation}\"}}").into(),
            decoded: Decoded::default(),
            recorded_at: 0,
        }
    }

    fn three() -> Consumers {
        let mut consumers = Consumers::default();
        for _ in 0..3 {
            consumers.join(mpsc::channel(1).0, 2);
        }
        consumers
    }

    fn chosen(consumers: &mut Consumers, strategy: Strategy, event: &RecordedEvent) -> Option<u64> {
        let consumer = consumers.choose(strategy, event)?;
        consumer.in_flight += 1;
        Some(consumer.id)
    }

    #[test]
    fn taking_turns_passes_over_those_without_room() {
        let mut consumers = three();
        let any = event("a-1", "c");
        let turns: Vec<_> = (0..7).map(|_| chosen(&mut consumers, Strategy::RoundRobin, &any)).collect();
        assert_eq!(turns, [Some(1), Some(2), Some(3), Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_single_one_gets_all_until_it_has_no_room() {
        let mut consumers = three();
        let any = event("a-1", "c");
        let turns: Vec<_> =
            (0..3).map(|_| chosen(&mut consumers, Strategy::DispatchToSingle, &any)).collect();
        assert_eq!(turns, [Some(1), Some(1), Some(2)]);
    }

    #[test]
    fn a_pinned_key_stays_with_its_client_and_waits_for_it() {
        for strategy in [Strategy::Pinned, Strategy::PinnedByCorrelation] {
            let mut consumers = three();
            let owner = chosen(&mut consumers, strategy, &event("a-1", "c"));
            assert!(owner.is_some());
            assert_eq!(chosen(&mut consumers, strategy, &event("a-1", "c")), owner);
            assert_eq!(chosen(&mut consumers, strategy, &event("a-1", "c")), None);
        }
        let mut consumers = three();
        let owner = chosen(&mut consumers, Strategy::PinnedByCorrelation, &event("a-1", "c"));
        assert_eq!(chosen(&mut consumers, Strategy::PinnedByCorrelation, &event("b-2", "c")), owner);
    }
}
