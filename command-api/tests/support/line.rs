//! A line to a server, which can be cut, and which can lose everything that is sent over it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It arrives.
    Whole,
    /// Connections end, and new ones at once.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
}

/// Passes on what it gets while it is whole.
pub(crate) struct Line {
    /// Where to connect to.
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Line {
    /// A line to a server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State::Whole);
        let now = state.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, now.clone()));
            }
        });
        Self { address, state }
    }

    /// Ends every connection, and every new one at once.
    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets nothing through; nobody is told.
    #[allow(dead_code, reason = "not every test that cuts a line silences it")]
    pub(crate) fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Lets everything through again.
    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn pass(client: TcpStream, server: SocketAddr, state: watch::Receiver<State>) {
    let mut cut = state.clone();
    let both = async {
        speaks(&mut state.clone()).await;
        let Ok(server) = TcpStream::connect(server).await else { return };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::join!(carry(from_client, to_server, state.clone()), carry(from_server, to_client, state));
    };
    tokio::select! {
        () = both => {}
        _cut = cut.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Carries one direction, until one of both ends it.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        // What was on its way when the line fell silent arrives late, as packets that are sent again do.
        speaks(&mut state).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    let _already_closed = to.shutdown().await;
}

/// Waits while the line is silent.
async fn speaks(state: &mut watch::Receiver<State>) {
    // Once the line itself is gone nothing holds back what it carries.
    let _ = state.wait_for(|state| *state != State::Silent).await.is_ok();
}
