//! What was acknowledged against the log, and the log against the read models.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use event_store::{Direction, EmbeddedStore, EventStore, Filter, RecordedEvent};

use crate::load::{Journal, repeat_the_unanswered};
use crate::process::{Process, main_job};

/// Every event of the business.
pub(crate) async fn events(data: &Path) -> Vec<RecordedEvent> {
    let store = EmbeddedStore::open(data.join("events")).unwrap();
    let filter = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
    store.read_all(None, Direction::Forwards, &filter, usize::MAX).await.unwrap().events
}

/// Starts the process once more, lets everything come to its end, and holds against each other what
/// was acknowledged, what happened, and what is shown. Prints what it found, in `after`'s name.
pub(crate) async fn everything_is_there_exactly_once(
    data: &Path,
    journal: &Arc<Mutex<Journal>>,
    after: &str,
) {
    let process = Process::start(main_job(data));
    repeat_the_unanswered(&process.url, journal).await;
    process.at_rest().await;
    process.stop();
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events(data).await {
        let (_, id) = event.stream.as_str().split_once('-').unwrap();
        stories.entry(id.to_owned()).or_default().push(event.event_type.to_string());
    }
    {
        let journal = journal.lock().unwrap();
        for id in &journal.applied {
            assert!(stories.contains_key(id), "{id} was acknowledged and is lost");
        }
        for (id, story) in &stories {
            assert!(journal.applied.contains(id), "{id} was told to nobody: {story:?}");
            check(story, journal.cancelled.contains(id), id);
        }
        println!(
            "{after}: {} applications and {} cancels acknowledged, 0 lost, 0 doubled",
            journal.applied.len(),
            journal.cancelled.len()
        );
    }
    let store: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(data.join("events")).unwrap());
    let live = database(&data.join("read-model.db")).await;
    let fresh = database(&data.join("rebuilt.db")).await;
    let system = projections::elearning::system();
    let rebuilt = projections::rebuild(store, &fresh, &system).await.unwrap();
    assert_eq!(rebuilt["my_page"].len(), stories.len());
    assert_eq!(projections::rows(&live, &system).await.unwrap(), rebuilt);
}

/// SPEC 1.3: one payment and one delivery at most; nothing is both cancelled and paid, or cancelled and
/// delivered.
fn check(story: &[String], cancel_was_acknowledged: bool, id: &str) {
    let times = |event: &str| story.iter().filter(|happened| *happened == event).count();
    let at_most_once = ["Applied", "ApplyCancelled", "PayCompleted", "PayCancelled", "DeliveryStarted"];
    assert!(at_most_once.iter().all(|event| times(event) <= 1), "{id}: {story:?}");
    if times("ApplyCancelled") == 1 {
        let undone = times("PayCancelled") == 1 && times("DeliveryStarted") <= times("DeliveryCancelled");
        assert!(undone, "{id}: {story:?}");
    } else {
        assert!(!cancel_was_acknowledged, "the cancel of {id} was acknowledged and is lost");
        assert_eq!((times("PayCompleted"), times("DeliveryStarted")), (1, 1), "{id}: {story:?}");
    }
}

async fn database(file: &Path) -> projections::Database {
    projections::Database::open(&format!("sqlite:{}", file.display())).await.unwrap()
}
