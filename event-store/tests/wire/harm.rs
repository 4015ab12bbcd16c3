//! Clients that misbehave harm nobody else (DESIGN 6).

use std::time::Duration;

use event_store::{Decoded, EventStore, EventStoreDb, ExpectedRevision, Filter, NewEvent, StreamName};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::Server;

async fn still_works(server: &Server) {
    let works = async {
        let store = EventStoreDb::connect(&server.url()).await.unwrap();
        let stream = StreamName::new(format!("check-{}", uuid::Uuid::new_v4())).unwrap();
        let event = NewEvent {
            id: uuid::Uuid::new_v4(),
            event_type: "Checked".into(),
            data: "{}".into(),
            metadata: "".into(),
            decoded: Decoded::default(),
        };
        store.append(&stream, ExpectedRevision::NoStream, vec![event]).await.unwrap();
        let mut all = store.subscribe(None, Filter::categories(["check"])).await.unwrap();
        while all.next().await.unwrap().events.is_empty() {}
    };
    tokio::time::timeout(Duration::from_secs(20), works).await.unwrap();
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn garbage_silence_and_half_a_greeting_harm_nobody() {
    let server = Server::start().await;
    let mut open = Vec::new();
    for number in 0..60u8 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        match number % 4 {
            0 => drop(stream.write_all(&[number; 5000]).await),
            1 => stream.write_all(&PREFACE[..usize::from(number) % PREFACE.len()]).await.unwrap(),
            2 => {
                stream.write_all(PREFACE).await.unwrap();
                drop(stream.write_all(&[0xff, number].repeat(2000)).await);
            }
            _ => {}
        }
        open.push(stream);
    }
    still_works(&server).await;
    drop(open);
    still_works(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_disappear_in_the_middle_of_a_call_leave_nothing_behind() {
    let server = Server::start().await;
    let store = EventStoreDb::connect(&server.url()).await.unwrap();
    let stream = StreamName::new("big-1").unwrap();
    for _ in 0..20 {
        let events = vec![NewEvent {
            id: uuid::Uuid::new_v4(),
            event_type: "Big".into(),
            data: vec![b'x'; 4 << 20].into(),
            metadata: "".into(),
            decoded: Decoded::default(),
        }];
        let append = store.append(&stream, ExpectedRevision::Any, events);
        drop(tokio::time::timeout(Duration::from_micros(500), append).await);
        let mut all = store.subscribe(None, Filter::all()).await.unwrap();
        drop(tokio::time::timeout(Duration::from_micros(500), all.next()).await);
    }
    still_works(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls_from_one_connection_leaves_room_for_another_client() {
    let server = Server::start().await;
    let flooding = crate::client(&server);
    let calls = (0..6000).map(|number| {
        let client = flooding.clone();
        tokio::spawn(async move {
            let stream = format!("flood-{}", number % 100);
            client.append_to_stream(stream, &Default::default(), crate::event("Counted", number)).await
        })
    });
    let calls: Vec<_> = calls.collect();
    still_works(&server).await;
    for call in calls {
        // Its own calls may have run out of time; they have ended.
        drop(call.await.unwrap());
    }
    still_works(&server).await;
}
