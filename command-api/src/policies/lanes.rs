//! Which reactions are under way, which wait, and up to where all are done. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use event_store::Position;
use foldhash::HashMap;

/// What has to be done in order belongs to one key: mostly a request.
pub(super) type Key = Arc<str>;

/// One lane per key: within it one after the other, beside it everything at once.
pub(super) struct Lanes<W> {
    lanes: HashMap<Key, Lane<W>>,
    /// Every reaction that is not done.
    open: BTreeMap<Position, Open>,
    /// Every reaction that is not done and was looked at before: whoever entered it keeps account of it.
    again: HashSet<Position>,
    /// The last position that was looked at.
    through: Option<Position>,
}

/// A reaction that is not done.
struct Open {
    /// The last position before it that was looked at.
    before: Option<Position>,
    key: Key,
    since: u64,
}

struct Lane<W> {
    /// Whether one of it is under way.
    busy: bool,
    waiting: VecDeque<Entry<W>>,
}

struct Entry<W> {
    position: Position,
    work: W,
    /// Whether it may be withdrawn.
    yields: bool,
}

impl<W> Lanes<W> {
    /// Nothing under way; everything up to `through` is done.
    pub(super) fn new(through: Option<Position>) -> Self {
        Self { lanes: HashMap::default(), open: BTreeMap::new(), again: HashSet::new(), through }
    }

    /// Nothing up to here concerns anybody beside what was entered.
    pub(super) fn pass(&mut self, position: Option<Position>) {
        self.through = self.through.max(position);
    }

    /// Enters a reaction to what happened at this time behind the others of its key. One that does not
    /// yield itself withdraws the one before it.
    pub(super) fn enter(&mut self, key: &Key, position: Position, since: u64, work: W, yields: bool) {
        if !yields {
            self.withdraw(key);
        }
        let open = Open { before: self.through, key: Arc::clone(key), since };
        self.open.insert(position, open);
        self.through = Some(position);
        self.lane(key).waiting.push_back(Entry { position, work, yields });
    }

    /// Drops the last reaction of a key if it yields and has not begun.
    pub(super) fn withdraw(&mut self, key: &str) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if let Some(entry) = lane.waiting.pop_back_if(|last| last.yields) {
            self.open.remove(&entry.position);
        }
        if !lane.busy && lane.waiting.is_empty() {
            self.lanes.remove(key);
        }
    }

    /// Enters a reaction that was passed before, behind the others of its key.
    pub(super) fn enter_again(&mut self, key: &Key, position: Position, work: W) {
        self.again.insert(position);
        self.lane(key).waiting.push_back(Entry { position, work, yields: false });
    }

    fn lane(&mut self, key: &Key) -> &mut Lane<W> {
        let empty = || Lane { busy: false, waiting: VecDeque::with_capacity(1) };
        self.lanes.entry(Arc::clone(key)).or_insert_with(empty)
    }

    /// The next reaction of a key; `None` while one is under way or when there is none.
    pub(super) fn next(&self, key: &str) -> Option<&W> {
        let lane = self.lanes.get(key).filter(|lane| !lane.busy)?;
        lane.waiting.front().map(|entry| &entry.work)
    }

    /// Takes the next reaction of a key, which is under way from now on.
    pub(super) fn begin(&mut self, key: &str) -> Option<W> {
        let lane = self.lanes.get_mut(key).filter(|lane| !lane.busy)?;
        let entry = lane.waiting.pop_front()?;
        lane.busy = true;
        Some(entry.work)
    }

    /// The reaction of a key that is under way is done.
    pub(super) fn done(&mut self, key: &str, position: Position) {
        self.open.remove(&position);
        self.again.remove(&position);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.busy = false;
            if lane.waiting.is_empty() {
                self.lanes.remove(key);
            }
        }
    }

    /// How many are not done.
    pub(super) fn open(&self) -> usize {
        self.open.len() + self.again.len()
    }

    /// Everything up to here is done.
    pub(super) fn watermark(&self) -> Option<Position> {
        self.open.first_key_value().map_or(self.through, |(_, open)| open.before)
    }

    /// What holds the watermark: position, key and time.
    pub(super) fn oldest(&self) -> Option<(Position, &str, u64)> {
        let (position, open) = self.open.first_key_value()?;
        Some((*position, &open.key, open.since))
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
        lanes.enter(&"a".into(), at(1), 0, "first", false);
        assert_eq!(lanes.begin("a"), Some("first"));
        lanes.enter(&"a".into(), at(2), 0, "second", false);
        lanes.enter(&"b".into(), at(3), 0, "other", false);
        assert_eq!((lanes.begin("a"), lanes.begin("b")), (None, Some("other")));
        lanes.enter(&"a".into(), at(4), 0, "third", true);
        lanes.done("a", at(1));
        assert_eq!(lanes.next("a"), Some(&"second"));
        assert_eq!(lanes.begin("a"), Some("second"));
        lanes.done("a", at(2));
        assert_eq!(lanes.begin("a"), Some("third"));
        lanes.done("a", at(4));
        assert_eq!(lanes.begin("a"), None);
    }

    /// EL-I15: the payment that waits is withdrawn by the cancel.
    #[test]
    fn what_yields_and_has_not_begun_is_withdrawn_by_what_follows() {
        let mut lanes = Lanes::new(None);
        lanes.enter(&"a".into(), at(1), 0, "pay", true);
        lanes.enter(&"a".into(), at(2), 0, "cancel", false);
        assert_eq!((lanes.begin("a"), lanes.open()), (Some("cancel"), 1));
        lanes.done("a", at(2));
        assert_eq!(lanes.watermark(), Some(at(2)));

        lanes.enter(&"b".into(), at(3), 0, "pay", true);
        assert_eq!(lanes.begin("b"), Some("pay"), "what has begun is finished first");
        lanes.enter(&"b".into(), at(4), 0, "cancel", false);
        assert_eq!((lanes.begin("b"), lanes.open()), (None, 2));
    }

    /// EL-I2: it was seen to be done.
    #[test]
    fn what_yields_is_withdrawn_and_nothing_else_is() {
        let mut lanes = Lanes::new(None);
        lanes.enter(&"a".into(), at(1), 0, "pay", true);
        lanes.pass(Some(at(2)));
        lanes.withdraw("a");
        assert_eq!((lanes.begin("a"), lanes.open(), lanes.watermark()), (None, 0, Some(at(2))));

        lanes.enter(&"b".into(), at(3), 0, "pay", true);
        assert_eq!(lanes.begin("b"), Some("pay"));
        lanes.withdraw("b");
        lanes.enter(&"b".into(), at(4), 0, "cancel", false);
        lanes.withdraw("b");
        lanes.withdraw("nobody");
        assert_eq!(lanes.open(), 2, "neither what has begun nor what does not yield");
    }

    /// RC-I2: a request that holds two cars, one after the other, must let go of both.
    #[test]
    fn what_yields_withdraws_nothing() {
        let mut lanes = Lanes::new(None);
        lanes.enter(&"a".into(), at(1), 0, "confirm one hold", true);
        lanes.enter(&"a".into(), at(2), 0, "confirm the other", true);
        assert_eq!(lanes.begin("a"), Some("confirm one hold"));
        lanes.done("a", at(1));
        assert_eq!(lanes.begin("a"), Some("confirm the other"));
    }

    /// What is carried out again holds nobody's checkpoint back, and nobody overtakes it.
    #[test]
    fn a_reaction_that_is_entered_again_keeps_its_place_in_the_lane_and_not_in_the_watermark() {
        let mut lanes = Lanes::new(Some(at(9)));
        lanes.enter_again(&"a".into(), at(3), "again");
        lanes.enter(&"a".into(), at(12), 0, "new", true);
        assert_eq!((lanes.watermark(), lanes.open()), (Some(at(9)), 2));
        assert_eq!(lanes.begin("a"), Some("again"));
        lanes.done("a", at(3));
        assert_eq!((lanes.watermark(), lanes.open(), lanes.begin("a")), (Some(at(9)), 1, Some("new")));
    }

    /// G1, G2: a checkpoint never passes a reaction that is not done.
    #[test]
    fn the_watermark_stays_before_the_first_reaction_that_is_not_done() {
        let mut lanes = Lanes::new(Some(at(4)));
        lanes.pass(Some(at(6)));
        assert_eq!(lanes.watermark(), Some(at(6)));
        lanes.enter(&"a".into(), at(9), 0, (), false);
        lanes.enter(&"b".into(), at(12), 0, (), false);
        lanes.pass(Some(at(20)));
        assert_eq!(lanes.watermark(), Some(at(6)));
        lanes.done("b", at(12));
        assert_eq!((lanes.watermark(), lanes.open()), (Some(at(6)), 1));
        lanes.done("a", at(9));
        assert_eq!((lanes.watermark(), lanes.open()), (Some(at(20)), 0));
    }
}
