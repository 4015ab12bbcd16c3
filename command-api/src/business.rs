//! A business as one value: what `main` picks by `--system`, and what the application runs. A new
//! business is a module of its own and a line in [`SYSTEMS`].

use std::sync::Arc;

use axum::Router;
use clap::{ArgMatches, Command};
use domain::kernel::Policy;
use event_store::EventStore;

use crate::calls::CallSettings;
use crate::context::{Context, Contexts};
use crate::execute::{Clock, Executor};
use crate::openapi::Description;
use crate::policies::{Decode, Handler, RunPolicy, Runner, RunnerSettings};
use crate::{elearning, rentcar};

/// The businesses that there are; the first one is the default.
pub const SYSTEMS: [System; 2] = [elearning::BUSINESS, rentcar::BUSINESS];

/// A business that can be run.
pub struct System {
    /// Its name in streams and on the command line.
    pub name: &'static str,
    /// Its contexts that write.
    pub contexts: &'static [&'static str],
    /// Adds its own settings to the command line.
    pub settings: fn(Command) -> Command,
    /// Wires it up as the command line says.
    pub wire: fn(&ArgMatches, Environment) -> Result<Business, String>,
}

/// What every business is given by the process that runs it.
pub struct Environment {
    /// Where events are kept.
    pub store: Arc<dyn EventStore>,
    /// Tells the time.
    pub clock: Clock,
    /// Its contexts, and which of them run here.
    pub contexts: Contexts,
    /// How policies are run.
    pub runner: RunnerSettings,
}

/// A business, ready to serve and to react.
pub struct Business {
    /// Its contexts.
    pub contexts: Contexts,
    /// Its JSON API.
    pub api: Router,
    /// Its policies, each with its runner.
    pub policies: Vec<Box<dyn RunPolicy>>,
    /// Its web page, in front of the whole API: its own routes and the queries.
    pub page: fn(Router) -> Router,
    /// What it says of its routes.
    pub description: fn() -> Description,
    /// What can be told how to behave while it runs.
    pub simulators: Router,
}

impl System {
    /// The business of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        static ALL: [System; SYSTEMS.len()] = SYSTEMS;
        ALL.iter().find(|system| system.name == name)
    }
}

impl Environment {
    /// What takes decisions and keeps them.
    pub fn executor(&self) -> Executor {
        Executor::new(Arc::clone(&self.store), Arc::clone(&self.clock))
    }

    /// A context of the business.
    pub fn context(&self, name: &str) -> Context {
        self.contexts.find(name).expect("the contexts are those of the business").clone()
    }

    /// A policy that makes sure must not compete with the request that does it by itself.
    ///
    /// # Errors
    /// When a call may take longer than the head start of the policies.
    pub fn check_head_start<'c>(
        &self,
        calls: impl IntoIterator<Item = &'c CallSettings>,
    ) -> Result<(), String> {
        let slowest = calls.into_iter().map(|call| call.port.timeout).max().unwrap_or_default();
        if self.runner.head_start > slowest {
            return Ok(());
        }
        Err(format!("--head-start-ms must be more than the timeout of every call ({slowest:?})"))
    }

    /// Runs these policies, each in its context.
    pub fn run<E: Send + Sync + 'static, C: Send + Sync + 'static>(
        &self,
        system: &'static str,
        policies: impl IntoIterator<Item = Policy<E, C>>,
        decode: Decode<E>,
        handler: &Arc<dyn Handler<C>>,
    ) -> Vec<Box<dyn RunPolicy>> {
        let run = |policy: Policy<E, C>| {
            let (context, handler) = (self.context(policy.context), Arc::clone(handler));
            let (store, clock, runner) =
                (Arc::clone(&self.store), Arc::clone(&self.clock), self.runner.clone());
            let runner = Runner::new(policy, system, context, decode, handler, store, clock, runner);
            Box::new(runner) as Box<dyn RunPolicy>
        };
        policies.into_iter().map(run).collect()
    }
}
