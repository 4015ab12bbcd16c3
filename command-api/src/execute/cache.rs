use std::any::Any;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use event_store::StreamName;
use foldhash::HashMap;

/// How many streams a generation remembers; there are two of them.
const GENERATION: usize = 4096;

/// The place where decisions on one stream queue up, and what the last of them left behind: the folded
/// aggregate.
///
/// Waiting in line is fair and costs nothing but the wait; deciding at once and appending against each
/// other would be decided anew by all but one, again and again.
pub(super) type Place = Arc<tokio::sync::Mutex<Option<Box<dyn Any + Send>>>>;

/// Remembers the places of the streams that were used last.
///
/// Two generations: whatever is used moves into the young one, and when that is full the old one is
/// forgotten. A place that is forgotten while somebody stands in line there may be made a second time:
/// then the two lines meet at the store, where one of them finds that its revision is not the last.
#[derive(Default)]
pub(super) struct Cache(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<StreamName, Place>,
    old: HashMap<StreamName, Place>,
}

impl Cache {
    /// The place of a stream.
    pub(super) fn place(&self, stream: &StreamName) -> Place {
        let mut generations = self.generations();
        if let Some(place) = generations.young.get(stream) {
            return Arc::clone(place);
        }
        let place = generations.old.remove(stream).unwrap_or_default();
        if generations.young.len() >= GENERATION {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(stream.clone(), Arc::clone(&place));
        place
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().expect("no code panics while it holds the cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(n: usize) -> StreamName {
        StreamName::new(format!("a.b-{n}")).unwrap()
    }

    #[test]
    fn what_is_used_is_remembered_and_what_is_not_is_forgotten() {
        let cache = Cache::default();
        let (used, unused) = (cache.place(&stream(0)), cache.place(&stream(1)));
        for n in 2..3 * GENERATION {
            cache.place(&stream(n));
            assert!(Arc::ptr_eq(&used, &cache.place(&stream(0))));
        }
        assert!(!Arc::ptr_eq(&unused, &cache.place(&stream(1))));
        let generations = cache.generations();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
