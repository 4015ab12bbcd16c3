//! A server of the protocol, in this process, on a port of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::path::Path;
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
