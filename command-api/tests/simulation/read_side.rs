//! The read side of a history: it follows the log in pieces of any size, dies and begins again, and
//! shows in the end what happened.

use std::collections::HashMap;
use std::sync::Arc;

use event_store::{EventStore, ExpectedRevision, MemoryStore};
use projections::{Database, System, Worker, rebuild, rows};
use serde_json::Value;
use tokio::runtime::Builder;

use crate::deed::Deed;
use crate::random::{Random, hash};
use crate::script::Script;
use crate::world::Ending;

/// What is wrong with what the read side shows of a history; `None` when nothing is.
pub(crate) fn wrong<D: Deed>(script: &Script<D>, ending: &Ending<D>) -> Option<String> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(follow(script.seed, ending))
}

async fn follow<D: Deed>(seed: u64, ending: &Ending<D>) -> Option<String> {
    let system = System::find(D::SYSTEM).unwrap();
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let followed = Database::open("sqlite::memory:").await.unwrap();
    let mut random = Random::new(hash(&[seed, 7]));
    let mut workers: HashMap<&str, Worker> = HashMap::new();
    for (index, event) in ending.log.iter().enumerate() {
        store.append(&event.stream, ExpectedRevision::Any, vec![event.clone().into()]).await.unwrap();
        let last = index + 1 == ending.log.len();
        for projection in system.projections() {
            if !last && random.percent(70) {
                continue;
            }
            let name = projection.name();
            if random.percent(30) {
                // It dies, and takes with it what it had taken.
                workers.remove(name);
            }
            let worker = match workers.remove(name) {
                Some(worker) => worker,
                None => Worker::open(Arc::clone(&store), followed.clone(), projection).await.unwrap(),
            };
            workers.insert(name, catch_up(worker, &*store).await);
        }
    }
    let whole = Database::open("sqlite::memory:").await.unwrap();
    let shown = rows(&followed, &system).await.unwrap();
    if shown != rebuild(store, &whole, &system).await.unwrap() {
        return Some("the rows that followed the log are not those of a rebuild".to_owned());
    }
    let page = &shown[D::MY_PAGE];
    page.iter().find_map(|row| {
        let id = row["id"].as_str().unwrap();
        let of = ending.log.iter().filter(|event| event.stream.as_str().ends_with(id));
        let story: Vec<&str> = of.map(|event| &*event.event_type).collect();
        (!D::shows(row, &story)).then(|| format!("MyPage shows {row} of {story:?}"))
    })
}

async fn catch_up(mut worker: Worker, store: &dyn EventStore) -> Worker {
    let head = store.head().await.unwrap();
    while worker.progress().borrow().considered < head {
        worker.step().await.unwrap();
    }
    worker
}

/// A word in a column.
pub(crate) fn word<'r>(row: &'r Value, column: &str) -> &'r str {
    row[column].as_str().unwrap()
}
