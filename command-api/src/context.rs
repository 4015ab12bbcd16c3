//! The bounded contexts of a system, each of which can be run and stopped alone.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch per context of the system that this process runs.
#[derive(Clone)]
pub struct Contexts(Arc<[Context]>);

/// One bounded context: its routes answer and its policies react only while it runs.
#[derive(Clone)]
pub struct Context {
    /// Its name on the command line and in URLs.
    pub name: &'static str,
    running: Arc<watch::Sender<bool>>,
}

/// The context that was asked is not running here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {0} context is stopped")]
pub struct Stopped(pub &'static str);

impl Contexts {
    /// All contexts of a system, with those running that `runs` says.
    pub fn new(names: &[&'static str], runs: impl Fn(&str) -> bool) -> Self {
        let context = |name| Context { name, running: Arc::new(watch::Sender::new(runs(name))) };
        Self(names.iter().copied().map(context).collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Context> {
        self.0.iter()
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&Context> {
        self.iter().find(|context| context.name == name)
    }
}

impl Context {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        *self.running.borrow()
    }

    /// Starts or stops it.
    pub fn switch(&self, running: bool) {
        if self.running.send_replace(running) != running {
            tracing::info!(context = self.name, running, "context switched");
        }
    }

    /// Passes only while it runs.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_running() { Ok(()) } else { Err(Stopped(self.name)) }
    }

    /// Waits until it runs, or until it is stopped.
    pub async fn until(&self, running: bool) {
        let mut switched = self.running.subscribe();
        let switched = switched.wait_for(|now| *now == running).await;
        switched.expect("the context itself holds the sender");
    }
}
