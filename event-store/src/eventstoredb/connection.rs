//! One client, made anew when the old one gave up for good, and when to try again.

use std::fmt;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventstore::{Client, ClientSettings, Error};
use tokio::task::JoinSet;

use crate::{Health, OpenError, ReadError};

/// How often a call is tried, with pauses that double: together some seconds, as long as a server
/// takes to restart.
const ATTEMPTS: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A call without an answer has taken so long already that it is made once more, not seven times.
const ATTEMPTS_IN_SILENCE: u32 = 2;
/// How long a call waits for its answer, and for every further part of it, unless the URL says otherwise
/// (`defaultDeadline`). The client tells the server the same, and waits for ever if nothing comes: a host that
/// is gone says nothing, and a connection that ends in the very moment of a call can forget it.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a call did not work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The position lies beyond the end of the log.
    Beyond,
    /// The server's answer makes no sense here.
    Nonsense(&'static str),
    Client(Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond => f.write_str("the position is beyond the end of the log"),
            Self::Nonsense(what) => f.write_str(what),
            Self::Client(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Grpc { ref message, .. } if message.contains("invalid position") => Self::Beyond,
            error => Self::Client(error),
        }
    }
}

impl Trouble {
    /// Whether the same call may work a moment later.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Client(
                Error::ServerError(_)
                    | Error::NotLeaderException(_)
                    | Error::ConnectionClosed
                    | Error::GrpcConnectionError(_)
                    | Error::DeadlineExceeded
            )
        )
    }
}

#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    settings: ClientSettings,
    deadline: Duration,
    client: Mutex<Client>,
    health: Mutex<Health>,
}

impl Connection {
    pub(super) fn new(url: &str) -> Result<Self, OpenError> {
        let parameters = url.to_ascii_lowercase();
        let given = |name: &str| parameters.split(['?', '&']).find_map(|given| given.strip_prefix(name));
        // The client waits for this long before its very first call, too.
        let joint = if url.contains('?') { '&' } else { '?' };
        let url = match given("discoveryinterval=") {
            Some(_) => url.to_owned(),
            None => format!("{url}{joint}discoveryInterval=50"),
        };
        let settings: ClientSettings = url
            .parse()
            .map_err(|error: eventstore::ClientSettingsParseError| OpenError::Url(error.to_string()))?;
        let deadline = given("defaultdeadline=").map_or(DEADLINE, |given| {
            // The client has taken it for a number; less than nothing means no deadline.
            given.parse().map_or(Duration::MAX, Duration::from_millis)
        });
        let client = Client::new(settings.clone()).map_err(|error| OpenError::Url(error.to_string()))?;
        let (client, health) = (Mutex::new(client), Mutex::new(Health::Ready));
        Ok(Self(Arc::new(Shared { settings, deadline, client, health })))
    }

    pub(super) fn client(&self) -> Client {
        self.0.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an answer no longer than the deadline.
    pub(super) async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Trouble> {
        let answer = tokio::time::timeout(self.0.deadline, answer).await;
        answer.unwrap_or(Err(Error::DeadlineExceeded)).map_err(Trouble::from)
    }

    /// A client whose first connection failed never works again.
    pub(super) fn renew(&self) {
        match Client::new(self.0.settings.clone()) {
            Ok(client) => *self.0.client.lock().unwrap_or_else(PoisonError::into_inner) = client,
            Err(error) => tracing::warn!(%error, "no new client for the event store"),
        }
    }

    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts { connection: self, made: 0 }
    }

    pub(super) fn health(&self) -> Health {
        self.0.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn works(&self) {
        let mut health = self.0.health.lock().unwrap_or_else(PoisonError::into_inner);
        if *health != Health::Ready {
            *health = Health::Ready;
        }
    }

    pub(super) fn fails(&self, trouble: &Trouble) -> ReadError {
        let health = Health::Down(trouble.to_string());
        *self.0.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
        ReadError::Unavailable(trouble.to_string())
    }
}

/// Carries out a call in a task of its own, which ends when nobody waits for it any longer.
///
/// The calls of a client share its connection, and the first that needs a new one makes it. Were that call
/// not polled for a while, because its caller does something else in between, all others would wait for as
/// long; and for ever, if it is one of them that the caller waits for.
pub(super) async fn carry_out<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> T {
    let mut task = JoinSet::new();
    task.spawn(call);
    match task.join_next().await {
        Some(Ok(answer)) => answer,
        Some(Err(failure)) if failure.is_panic() => resume_unwind(failure.into_panic()),
        // The runtime ends.
        Some(Err(_)) | None => pending().await,
    }
}

/// Tries of one call.
pub(super) struct Attempts<'a> {
    connection: &'a Connection,
    made: u32,
}

impl Attempts<'_> {
    /// Pauses before the next try; false when there is none.
    pub(super) async fn next(&mut self, trouble: &Trouble) -> bool {
        self.made += 1;
        let (attempts, renewed) = match trouble {
            Trouble::Client(Error::DeadlineExceeded) => (ATTEMPTS_IN_SILENCE, true),
            Trouble::Client(Error::ConnectionClosed | Error::GrpcConnectionError(_)) => (ATTEMPTS, true),
            Trouble::Client(_) | Trouble::Beyond | Trouble::Nonsense(_) => (ATTEMPTS, false),
        };
        if !trouble.passes() || self.made >= attempts {
            return false;
        }
        tracing::debug!(%trouble, "the event store is tried again");
        tokio::time::sleep(FIRST_PAUSE * 2u32.pow(self.made - 1)).await;
        if renewed {
            self.connection.renew();
        }
        true
    }
}
