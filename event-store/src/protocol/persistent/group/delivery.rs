//! Handing events out, and taking them back from a client that leaves.

use tokio::time::Instant;
use uuid::Uuid;

use super::super::super::convert::Resolved;
use super::super::consumers::Delivery;
use super::{Group, InFlight, Origin};

impl Group {
    pub(super) fn hand_out(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() && self.consumers.have_room() {
            let strategy = self.config.strategy;
            let Some(consumer) = self.consumers.choose(strategy, &self.waiting[at].event) else {
                // Its client has no room; others of other keys may.
                at += 1;
                continue;
            };
            let Some(message) = self.waiting.remove(at) else { return };
            let resolved = Resolved { event: Some(message.event.clone()), link: message.link.clone() };
            let id = resolved.original().map_or(Uuid::nil(), |original| original.id);
            let (name, sent) =
                (consumer.id, consumer.out.try_send(Delivery { resolved, retries: message.retries }));
            if sent.is_err() {
                self.waiting.insert(at, message);
                self.leave(name);
                at = 0;
                continue;
            }
            consumer.in_flight += 1;
            consumer.total += 1;
            self.total += 1;
            let in_flight = InFlight { message, consumer: name, until: Instant::now() + self.timeout() };
            self.in_flight.entry(id).or_default().push(in_flight);
        }
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.consumers.leave(id);
        let mut back = Vec::new();
        for in_flight in self.in_flight.values_mut() {
            let (theirs, others) = std::mem::take(in_flight).into_iter().partition(|one| one.consumer == id);
            *in_flight = others;
            back.extend(Vec::<InFlight>::into_iter(theirs).map(|one| one.message));
        }
        self.in_flight.retain(|_, in_flight| !in_flight.is_empty());
        back.sort_by_key(|message| match message.from {
            Origin::Source(number) => (1, number),
            Origin::Parked(number) => (0, number),
        });
        for message in back.into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    pub(super) fn in_flight_back(&mut self) {
        let ids: Vec<u64> = self.in_flight.values().flatten().map(|one| one.consumer).collect();
        ids.into_iter().for_each(|id| self.leave(id));
    }
}
