use event_store::Position;

/// How many looks the live rows may stand still before a replay goes on without them.
const LOOKS: u32 = 10;

/// Decides whether a replay waits for the live rows.
#[derive(Debug)]
pub(super) struct Throttle {
    /// How far they may be behind.
    patience: u64,
    seen: Option<Position>,
    still: u32,
}

impl Throttle {
    pub(super) fn new(patience: u64) -> Self {
        Self { patience, seen: None, still: 0 }
    }

    /// Whether to wait and look again: they are far behind and come nearer. Rows that stand still
    /// are not helped by waiting.
    pub(super) fn waits(&mut self, live: Option<Position>, lag: u64) -> bool {
        self.still = if self.seen == live { self.still + 1 } else { 0 };
        self.seen = live;
        lag > self.patience && self.still < LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DESIGN 7: a replay does not take from live rows what they need to keep up.
    #[test]
    fn a_replay_waits_while_the_live_rows_are_far_behind_and_come_nearer() {
        let mut throttle = Throttle::new(10);
        for position in 0..100 {
            assert!(throttle.waits(Some(Position(position)), 110 - position));
        }
        assert!(!throttle.waits(Some(Position(100)), 10));
    }

    /// DESIGN 7: live rows that nobody makes do not keep a replay from its end.
    #[test]
    fn a_replay_goes_on_without_live_rows_that_stand_still() {
        let mut throttle = Throttle::new(10);
        let looks = (0..100).take_while(|_| throttle.waits(Some(Position(7)), 50)).count();
        assert_eq!(looks, LOOKS as usize);
        assert!(!throttle.waits(Some(Position(7)), 50), "nor does it wait again for every piece");
        assert!(throttle.waits(Some(Position(8)), 50), "until they move");
    }
}
