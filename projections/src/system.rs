use std::sync::Arc;

use axum::Router;
use event_store::RecordedEvent;

use crate::projection::Projection;
use crate::query::Reads;
use crate::resources::{Resource, Resources};
use crate::{elearning, rentcar};

/// The read sides of all businesses; the first one is the default.
pub const SYSTEMS: [fn() -> System; 2] = [elearning::system, rentcar::system];

/// The read side of one business: what it lists and what its screens show. A new business is a new
/// value of this type.
#[derive(Clone)]
pub struct System {
    /// Its name in streams and on the command line.
    pub name: &'static str,
    /// What it lists.
    pub collections: &'static [Collection],
    /// How an event reads as a resource.
    pub resource: ResourceOf,
    /// Its screens.
    pub screens: Vec<Arc<dyn Screen>>,
}

/// The state that an event leaves behind; `None` when it is of no collection or of a type that was
/// never promised. The error says why it cannot be read.
pub type ResourceOf = fn(&RecordedEvent) -> Result<Option<Resource>, String>;

/// What one kind of aggregate is called where it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// The category of its streams (`elearning.apply`).
    pub category: &'static str,
    /// The path and the key of the list (`applies`).
    pub path: &'static str,
    /// What one of them is called in links (`apply`).
    pub singular: &'static str,
    /// The parameter that filters by owner (`studentId`).
    pub owner: &'static str,
}

/// A read model made for one screen, with its queries.
pub trait Screen: Send + Sync + 'static {
    /// What keeps its rows.
    fn projection(&self) -> Arc<dyn Projection>;

    /// Its queries.
    fn routes(&self, reads: Reads) -> Router;
}

impl System {
    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        SYSTEMS.into_iter().map(|system| system()).find(|system| system.name == name)
    }

    /// Everything that keeps rows for it: the resources first, if it lists any.
    pub fn projections(&self) -> Vec<Arc<dyn Projection>> {
        let resources = || Arc::new(Resources::new(self.collections, self.resource)) as Arc<dyn Projection>;
        let resources = (!self.collections.is_empty()).then(resources);
        resources.into_iter().chain(self.screens.iter().map(|screen| screen.projection())).collect()
    }

    /// The one of this name.
    pub fn projection(&self, name: &str) -> Option<Arc<dyn Projection>> {
        self.projections().into_iter().find(|projection| projection.name() == name)
    }
}
