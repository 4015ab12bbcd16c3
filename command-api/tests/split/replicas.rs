//! Two of everything, and one of each is killed under load.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::protocol::{self, Settings};
use event_store::{Direction, EmbeddedStore, EventStore, EventStoreDb, Filter};
use projections::{Database, ReadSide, Sharing, elearning, rebuild, rows, share};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{NEVER, Process, apply, free_addresses, until};

/// How many stories are told around every death.
const STORIES: usize = 40;
/// How many students apply at once.
const STUDENTS: usize = 4;

/// What `projections run` does, in threads of its own that end in the middle of whatever they do.
struct Worker(Option<Runtime>);

impl Worker {
    fn start(name: &str, esdb: &str, database: &str) -> Self {
        let (name, esdb, database) = (name.to_owned(), esdb.to_owned(), database.to_owned());
        let runtime = Runtime::new().unwrap();
        runtime.spawn(async move {
            let store = Arc::new(EventStoreDb::connect(&esdb).await.unwrap());
            let database = Database::open(&database).await.unwrap();
            let sharing = Sharing { holder: name, lease: Duration::from_secs(3) };
            share(store, database, &elearning::system(), sharing, CancellationToken::new()).await;
        });
        Self(Some(runtime))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// One process of every context. Its synchronous calls go to each other.
struct Replica {
    apply: Option<Process>,
    payment: Option<Process>,
    delivery: Option<Process>,
    url: String,
}

impl Replica {
    fn start(folder: &Path, esdb: &str) -> Self {
        let [apply, payment, delivery] = free_addresses();
        let start = |context: &str, listen: &str| {
            let data = folder.join(context).display().to_string();
            let (pays, delivers) = (format!("http://{payment}"), format!("http://{delivery}"));
            let place = ["--data", &data, "--store", esdb, "--listen", listen, "--without-read-side"];
            let calls = ["--contexts", context, "--payment-url", &pays, "--delivery-url", &delivers];
            Some(Process::start(&[&place[..], &calls].concat()))
        };
        Self {
            delivery: start("delivery", &delivery),
            payment: start("payment", &payment),
            apply: start("apply", &apply),
            url: format!("http://{apply}"),
        }
    }
}

/// Students apply at either replica until all is applied; somebody dies in the middle of it.
async fn load(round: usize, urls: [String; 2], mut dies: impl FnMut()) -> Vec<String> {
    let (applied, mut heard) = tokio::sync::mpsc::channel(STORIES);
    for student in 0..STUDENTS {
        let (urls, applied) = (urls.clone(), applied.clone());
        tokio::spawn(async move {
            for number in 0..STORIES / STUDENTS {
                let key = format!("{round}-{student}-{number}");
                applied.send(applies_somewhere(&urls, number, &key).await).await.unwrap();
            }
        });
    }
    drop(applied);
    let mut ids = Vec::new();
    while let Some(id) = heard.recv().await {
        ids.push(id);
        if ids.len() == STORIES / 4 {
            dies();
        }
    }
    assert_eq!(ids.len(), STORIES);
    ids
}

/// With one key, at one replica or, when that is gone, at the other.
async fn applies_somewhere(urls: &[String; 2], first: usize, key: &str) -> String {
    let client = Client::new();
    let began = Instant::now();
    for turn in first.. {
        if let Some((id, _)) = apply(&client, &urls[turn % 2], key).await {
            return id;
        }
        assert!(began.elapsed() < NEVER, "nobody takes it");
    }
    unreachable!("turns do not end");
}

/// G3, G10, DESIGN 5 and 7: nothing handled twice, nothing lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_of_everything_one_of_each_may_die() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = EmbeddedStore::open(folder.path().join("events")).unwrap();
    let (router, served) = protocol::router(Arc::new(store.clone()), Settings::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let esdb = format!("esdb://{}?tls=false", listener.local_addr().unwrap());
    tokio::spawn(protocol::serve(listener, router, None, std::future::pending()));
    let database = format!("sqlite:{}", folder.path().join("rows.db").display());
    let rows_here = Database::open(&database).await.unwrap();
    let (mut first, second) =
        (Replica::start(&folder.path().join("1"), &esdb), Replica::start(&folder.path().join("2"), &esdb));
    let [one, _other] = ["first", "second"].map(|name| Worker::start(name, &esdb, &database));
    let mut one = Some(one);
    let system = elearning::system();
    let ended = CancellationToken::new();
    let side = ReadSide::observe(Arc::new(store.clone()), rows_here.clone(), &system, ended.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let queries = format!("http://{}", listener.local_addr().unwrap());
    let router = side.router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let urls = [first.url.clone(), second.url.clone()];
    let mut stories = Vec::new();
    let mut deaths: [&mut dyn FnMut(); 4] = [
        &mut || drop(first.payment.take()),
        &mut || drop(first.delivery.take()),
        &mut || drop(one.take()),
        &mut || drop(first.apply.take()),
    ];
    for (round, dies) in deaths.iter_mut().enumerate() {
        stories.extend(load(round, urls.clone(), dies).await);
        for id in &stories[round * STORIES..] {
            let page = format!("{queries}/myPages/{id}");
            until("delivered", &page, |page| page["deliveryStatus"] == "started").await;
        }
    }

    for process in [second.apply, second.payment, second.delivery] {
        process.unwrap().stop();
    }
    told_once(&store, &stories).await;
    let again = Database::open("sqlite::memory:").await.unwrap();
    let rebuilt = rebuild(Arc::new(store), &again, &system).await.unwrap();
    let began = Instant::now();
    while rows(&rows_here, &system).await.unwrap() != rebuilt {
        assert!(began.elapsed() < NEVER, "the rows are never what the log says");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ended.cancel();
    served.now();
}

/// Every story is there, has its four events, and there is no other.
async fn told_once(store: &EmbeddedStore, stories: &[String]) {
    let categories = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
    let all = store.read_all(None, Direction::Forwards, &categories, usize::MAX).await.unwrap();
    for id in stories {
        let of = all.events.iter().filter(|event| event.stream.as_str().ends_with(id.as_str()));
        let of: Vec<_> = of.map(|event| &*event.event_type).collect();
        assert_eq!(of.len(), 4, "{id}: {of:?}");
    }
    assert_eq!(all.events.len(), 4 * stories.len(), "nobody tells another story");
}
