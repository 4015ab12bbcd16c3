//! What becomes of an event: what its client says, or that it said nothing in time.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::super::super::wire::persistent_subscriptions as ps;
use super::{Group, InFlight, Message, Origin};

impl Group {
    /// Takes a message back from a client that says what became of it.
    pub(super) fn land(&mut self, consumer: u64, id: Uuid) -> Option<Message> {
        let in_flight = self.in_flight.get_mut(&id)?;
        let at = in_flight.iter().position(|one| one.consumer == consumer)?;
        let landed = in_flight.remove(at).message;
        if in_flight.is_empty() {
            self.in_flight.remove(&id);
        }
        if let Some(consumer) = self.consumers.find(consumer) {
            consumer.in_flight = consumer.in_flight.saturating_sub(1);
        }
        Some(landed)
    }

    pub(super) fn done(&mut self, message: &Message) {
        match message.from {
            Origin::Source(number) => {
                self.open.remove(&number);
            }
            Origin::Parked(number) => {
                self.replayed.remove(&number);
            }
        }
        if self.done_since == 0 {
            self.next_checkpoint = Instant::now() + Duration::from_millis(self.config.checkpoint_after_ms);
        }
        self.done_since += 1;
    }

    pub(super) async fn refuse(
        &mut self,
        message: Message,
        action: ps::read_req::nack::Action,
        reason: &str,
    ) {
        use ps::read_req::nack::Action;
        match action {
            Action::Skip => self.done(&message),
            Action::Park => self.park(message, reason).await,
            Action::Retry | Action::Unknown | Action::Stop => self.retry(message, reason).await,
        }
    }

    pub(super) async fn retry(&mut self, mut message: Message, reason: &str) {
        message.retries += 1;
        if message.retries > self.config.max_retries {
            self.park(message, reason).await;
        } else {
            self.waiting.push_front(message);
        }
    }

    pub(super) async fn expire(&mut self) {
        let now = Instant::now();
        let due = |one: &InFlight| (one.until <= now).then_some(one.consumer);
        let late: Vec<_> = self
            .in_flight
            .iter()
            .flat_map(|(id, all)| all.iter().filter_map(|one| Some((*id, due(one)?))))
            .collect();
        for (id, consumer) in late {
            if let Some(message) = self.land(consumer, id) {
                self.retry(message, "the client did not say what became of it in time").await;
            }
        }
    }
}
