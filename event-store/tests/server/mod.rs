//! A server of the protocol on a port of its own, in this process or as a process.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use event_store::protocol::{self, Settings, Stop, Tls};
use event_store::{EmbeddedStore, EventStore};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The protocol over an embedded store in a temporary folder.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) folder: Arc<tempfile::TempDir>,
    stop: Stop,
    end: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::on(folder, "127.0.0.1:0".parse().unwrap(), Settings::default()).await
    }

    pub(crate) async fn on(folder: Arc<tempfile::TempDir>, address: SocketAddr, settings: Settings) -> Self {
        Self::with(folder, address, settings, None).await
    }

    pub(crate) async fn with(
        folder: Arc<tempfile::TempDir>,
        address: SocketAddr,
        settings: Settings,
        tls: Option<Tls>,
    ) -> Self {
        let store: Arc<dyn EventStore> = Arc::new(open(folder.path()).await);
        let (router, stop) = protocol::router(store, settings).await.unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            let ended = async { drop(ended.await) };
            protocol::serve(listener, router, tls, ended).await.unwrap();
        });
        Self { address, folder, stop, end: Some(end), task: Some(task) }
    }

    pub(crate) fn url(&self) -> String {
        format!("esdb://{}?tls=false", self.address)
    }

    /// Stops it and lets go of the folder.
    pub(crate) async fn stop(mut self) -> (Arc<tempfile::TempDir>, SocketAddr) {
        self.stop.now();
        drop(self.end.take());
        self.task.take().unwrap().await.unwrap();
        (Arc::clone(&self.folder), self.address)
    }

    /// Stops it and starts another one on the same folder and port.
    pub(crate) async fn restart(self) -> Self {
        let (folder, address) = self.stop().await;
        Self::on(folder, address, Settings::default()).await
    }
}

/// Connections that are still ending hold the store for a moment after the server has ended: waits
/// until the last of them lets go of the lock.
async fn open(folder: &Path) -> EmbeddedStore {
    let lock = folder.join("lock");
    if lock.exists() {
        let waited = tokio::task::spawn_blocking(move || std::fs::File::open(lock)?.lock());
        tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap().unwrap().unwrap();
    }
    EmbeddedStore::open(folder).unwrap()
}

/// The program as a server, until it is dropped.
pub(crate) struct Served(pub(crate) Child, pub(crate) String);

impl Served {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_event-store"));
        command.arg("serve").arg(folder).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self(child, format!("esdb://{address}?tls=false"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
