//! Which reactions are under way, which wait behind them, and up to where all are done. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};

use event_store::Position;

/// One lane per key: within it one after the other, beside it everything at once.
pub(super) struct Lanes<W> {
    lanes: HashMap<String, VecDeque<(Position, W)>>,
    /// Every reaction that is not done, with the last position before it that was looked at.
    open: BTreeMap<Position, Option<Position>>,
    /// The last position that was looked at.
    through: Option<Position>,
}

impl<W> Lanes<W> {
    /// Nothing under way; everything up to `through` is done.
    pub(super) fn new(through: Option<Position>) -> Self {
        Self { lanes: HashMap::new(), open: BTreeMap::new(), through }
    }

    /// Nothing up to here concerns anybody beside what was entered.
    pub(super) fn pass(&mut self, position: Option<Position>) {
        self.through = self.through.max(position);
    }

    /// Enters a reaction. Gives it back when its lane is free: do it now.
    pub(super) fn enter(&mut self, key: &str, position: Position, work: W) -> Option<W> {
        self.open.insert(position, self.through);
        self.through = Some(position);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.push_back((position, work));
            return None;
        }
        self.lanes.insert(key.to_owned(), VecDeque::new());
        Some(work)
    }

    /// A reaction is done. Gives the next one of its lane: do it now.
    pub(super) fn done(&mut self, key: &str, position: Position) -> Option<(Position, W)> {
        self.open.remove(&position);
        let next = self.lanes.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.lanes.remove(key);
        }
        next
    }

    /// How many are not done.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Everything up to here is done.
    pub(super) fn watermark(&self) -> Option<Position> {
        self.open.first_key_value().map_or(self.through, |(_, before)| *before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> Position {
        Position(position)
    }

    /// G3: per-key order.
    #[test]
    fn reactions_of_one_key_run_one_after_the_other() {
        let mut lanes = Lanes::new(None);
        assert_eq!(lanes.enter("a", at(1), "first"), Some("first"));
        assert_eq!(lanes.enter("a", at(2), "second"), None);
        assert_eq!(lanes.enter("b", at(3), "other"), Some("other"));
        assert_eq!(lanes.done("a", at(1)), Some((at(2), "second")));
        assert_eq!(lanes.done("a", at(2)), None);
        assert_eq!(lanes.enter("a", at(4), "third"), Some("third"), "the lane is free again");
    }

    /// G1, G2: a checkpoint never passes a reaction that is not done.
    #[test]
    fn the_watermark_stays_before_the_first_reaction_that_is_not_done() {
        let mut lanes = Lanes::new(Some(at(4)));
        lanes.pass(Some(at(6)));
        assert_eq!(lanes.watermark(), Some(at(6)));
        lanes.enter("a", at(9), ());
        lanes.enter("b", at(12), ());
        lanes.pass(Some(at(20)));
        assert_eq!(lanes.watermark(), Some(at(6)));
        lanes.done("b", at(12));
        assert_eq!((lanes.watermark(), lanes.open()), (Some(at(6)), 1));
        lanes.done("a", at(9));
        assert_eq!((lanes.watermark(), lanes.open()), (Some(at(20)), 0));
    }
}
