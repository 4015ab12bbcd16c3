//! One process of each context, killed and started again.

use std::path::Path;
use std::time::Instant;

use event_store::{Direction, EmbeddedStore, EventStore, Filter};
use reqwest::Client;
use serde_json::Value;

use crate::support::{NEVER, Process, apply, free_addresses, until};

/// DESIGN 2 and 6, G12, G15, EL-I2, EL-I5, EL-I11, EL-I20.
#[tokio::test]
async fn contexts_in_processes_of_their_own_survive_each_other() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [store, delivery, payment, apply_at] = free_addresses();
    let esdb = format!("esdb://{store}?tls=false");
    let (delivery_url, payment_url) = (format!("http://{delivery}"), format!("http://{payment}"));
    let url = format!("http://{apply_at}");
    let (d, p, a) = (at("delivery"), at("payment"), at("apply"));
    let start_delivery = || {
        let arguments =
            ["--data", &d, "--contexts", "delivery", "--listen", &delivery, "--serve-store", &store];
        Process::start(&[&arguments[..], &["--without-read-side"]].concat())
    };
    let start_payment = || {
        let arguments = ["--data", &p, "--contexts", "payment", "--listen", &payment, "--store", &esdb];
        Process::start(&[&arguments[..], &["--delivery-url", &delivery_url, "--without-read-side"]].concat())
    };
    let start_apply = || {
        let arguments = ["--data", &a, "--contexts", "apply", "--listen", &apply_at, "--store", &esdb];
        Process::start(&[&arguments[..], &["--payment-url", &payment_url]].concat())
    };
    let (mut delivers, mut pays, applies) = (start_delivery(), start_payment(), start_apply());
    let client = Client::new();
    let my_page = |id: &str| format!("{url}/myPages/{id}");
    let started = |page: &Value| page["deliveryStatus"] == "started";

    let (first, applied) = apply(&client, &url, "first").await.unwrap();
    assert_eq!(applied["payStatus"], "completed", "asked over HTTP");
    until("delivered", &my_page(&first), started).await;

    drop(pays);
    let (second, applied) = apply(&client, &url, "second").await.unwrap();
    assert_eq!(applied["payStatus"], "pending", "payment is killed");
    pays = start_payment();
    until("paid for and delivered later", &my_page(&second), started).await;

    drop(delivers);
    let cancel = client.patch(format!("{url}/applies/{first}")).body(r#"{"applyStatus":"cancelled"}"#);
    assert_eq!(cancel.send().await.unwrap().status(), 503, "the store is killed: nothing half done");
    delivers = start_delivery();
    let (third, _) = apply(&client, &url, "third").await.unwrap();
    until("delivered by the next process", &my_page(&third), started).await;
    until("still as it was", &my_page(&first), |page| page["applyStatus"] == "completed").await;
    let began = Instant::now();
    while client
        .patch(format!("{url}/applies/{first}"))
        .body(r#"{"applyStatus":"cancelled"}"#)
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(began.elapsed() < NEVER, "never cancelled");
    }
    let undone = |page: &Value| page["payStatus"] == "cancelled" && page["deliveryStatus"] == "cancelled";
    until("undone across processes", &my_page(&first), undone).await;

    applies.stop();
    pays.stop();
    delivers.stop();
    check(&folder.path().join("delivery/events"), [(first, 8), (second, 4), (third, 4)]).await;
}

/// Every story has as many events as it should: nothing twice, nothing lost.
async fn check(log: &Path, stories: [(String, usize); 3]) {
    let store = EmbeddedStore::open(log).unwrap();
    let categories = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
    let all = store.read_all(None, Direction::Forwards, &categories, usize::MAX).await.unwrap();
    for (id, events) in stories {
        let of = all.events.iter().filter(|event| event.stream.as_str().ends_with(&id));
        let of: Vec<_> = of.map(|event| &*event.event_type).collect();
        assert_eq!(of.len(), events, "{of:?}");
    }
}
