use std::any::Any;
use std::sync::{Arc, Mutex};

use event_store::StreamName;
use foldhash::fast::RandomState;
use hashlink::LruCache;

/// How many streams are remembered.
const ROOM: usize = 4096;

/// The place where decisions on one stream queue up, and what the last of them left behind: the folded
/// aggregate.
///
/// Waiting in line is fair and costs nothing but the wait; deciding at once and appending against each
/// other would be decided anew by all but one, again and again.
pub(super) type Place = Arc<tokio::sync::Mutex<Option<Box<dyn Any + Send>>>>;

/// Remembers the places of the streams that were used last.
///
/// A place that is forgotten while somebody stands in line there may be made a second time: then the two
/// lines meet at the store, where one of them finds that its revision is not the last.
pub(super) struct Cache(Mutex<LruCache<StreamName, Place, RandomState>>);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::with_hasher(usize::MAX, RandomState::default())))
    }
}

impl Cache {
    /// The place of a stream.
    pub(super) fn place(&self, stream: &StreamName) -> Place {
        let mut places = self.0.lock().expect("no code panics while it holds the cache");
        if let Some(place) = places.get(stream) {
            return Arc::clone(place);
        }
        let place = Place::default();
        places.insert(stream.clone(), Arc::clone(&place));
        let forgotten = if places.len() > ROOM { places.remove_lru() } else { None };
        // An aggregate may be large: nobody waits until it is gone.
        drop(places);
        drop(forgotten);
        place
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
        for n in 2..3 * ROOM {
            cache.place(&stream(n));
            assert!(Arc::ptr_eq(&used, &cache.place(&stream(0))));
        }
        assert!(!Arc::ptr_eq(&unused, &cache.place(&stream(1))));
        assert_eq!(cache.0.lock().unwrap().len(), ROOM);
    }
}
