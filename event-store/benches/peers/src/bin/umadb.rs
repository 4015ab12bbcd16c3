//! UmaDB: the server of its Python package, and its own client for Rust.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use peers::{Peer, measure, version, writers};
use tokio::process::Command;
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbEventStoreAsync, DcbQuery, DcbQueryItem};

/// The writers of one process share a few.
const CONNECTIONS: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let _server = Command::new("umadb")
        .args(["--listen", &address, "--db-path", "events.db"])
        .args(["--pipelined-writer", "true", "--page-cache-max-mb", "256"])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut clients = vec![connect(&address).await?];
    while clients.len() < CONNECTIONS.min(writers()?) {
        clients.push(connect(&address).await?);
    }
    let clients: Vec<_> = clients.into_iter().map(Arc::new).collect();
    let peer = Peer {
        name: "UmaDB",
        version: version("umadb-client"),
        settings: format!(
            "its server with pipelined writer and 256 MiB of page cache, over gRPC from at most {CONNECTIONS} \
             connections; the stream is a tag that no event may carry yet"
        ),
    };
    measure(peer, move |writer, event| {
        let client = Arc::clone(&clients[writer % clients.len()]);
        async move {
            let stream = DcbQuery::new().item(DcbQueryItem::new().tags([event.stream.as_str()]));
            let event = DcbEvent::default()
                .event_type("Applied")
                .tags([event.stream.as_str()])
                .data(event.data)
                .uuid(event.id);
            client.append(vec![event], Some(DcbAppendCondition::new(stream)), None).await?;
            Ok(())
        }
    })
    .await
}

/// As soon as the server listens.
async fn connect(address: &str) -> Result<AsyncUmaDbClient> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match UmaDbClient::new(format!("http://{address}")).connect_async().await {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > deadline => bail!("the server does not answer: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
