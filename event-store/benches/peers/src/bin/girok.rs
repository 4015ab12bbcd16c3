//! Girok's engine, in this process.

use anyhow::Result;
use bytes::Bytes;
use event_store::{Decoded, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, StreamName};
use peers::{Peer, measure};

#[tokio::main]
async fn main() -> Result<()> {
    let store = EmbeddedStore::open("events")?;
    let peer = Peer {
        name: "**Girok**",
        version: "this commit".into(),
        settings: "in process, as it opens by default: one order over all streams".into(),
    };
    measure(peer, move |_, event| {
        let store = store.clone();
        async move {
            let stream = StreamName::new(event.stream)?;
            let event = NewEvent {
                id: event.id,
                event_type: "Applied".into(),
                data: Bytes::from(event.data),
                metadata: Bytes::new(),
                decoded: Decoded::default(),
            };
            store.append(&stream, ExpectedRevision::NoStream, vec![event]).await?;
            Ok(())
        }
    })
    .await
}
