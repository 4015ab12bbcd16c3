//! Which groups there are: a stream of what was created, updated and deleted, and a task for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tonic::Status;
use uuid::Uuid;

use super::super::view::{DELETED, View};
use super::super::{convert, failure};
use super::config::{Config, Key, Start};
use super::group::{Command, Group};
use crate::{Decoded, Direction, ExpectedRevision, NewEvent, ReadError, StreamName};

/// The stream that says which groups there are.
pub(crate) const CONFIGURATION: &str = "$persistentSubscriptionConfig";
/// How many commands of clients wait for a group.
const COMMANDS: usize = 64;
const PAGE: usize = 1000;

#[derive(Serialize, Deserialize)]
#[serde(tag = "change")]
enum Change {
    Configured { key: Key, config: Config },
    Deleted { key: Key },
}

/// Whether an event says something that [`Groups::load`] understands.
pub(crate) fn is_change(event: &NewEvent) -> bool {
    serde_json::from_slice::<Change>(&event.data).is_ok()
}

struct Running {
    config: Config,
    commands: mpsc::Sender<Command>,
}

pub(crate) struct Groups {
    view: Arc<View>,
    /// Held over every change, so that changes reach the log in the order in which they are made.
    running: Mutex<BTreeMap<Key, Running>>,
}

impl Groups {
    pub(crate) async fn load(view: Arc<View>) -> Result<Arc<Self>, ReadError> {
        let mut known = BTreeMap::new();
        let (stream, mut from) = (StreamName::stored(CONFIGURATION), 0);
        loop {
            let page = view.store.read_stream(&stream, from, Direction::Forwards, PAGE).await?;
            from += page.len() as u64;
            for event in &page {
                match serde_json::from_slice(&event.data) {
                    Ok(Change::Configured { key, config }) => drop(known.insert(key, config)),
                    Ok(Change::Deleted { key }) => drop(known.remove(&key)),
                    Err(error) => {
                        let place = format!("revision {} of {CONFIGURATION}", event.revision);
                        return Err(ReadError::Damaged(format!("{place} is no change of a group: {error}")));
                    }
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
        let mut running = BTreeMap::new();
        for (key, config) in known {
            running.insert(key.clone(), start(Arc::clone(&view), key, config).await?);
        }
        Ok(Arc::new(Self { view, running: Mutex::new(running) }))
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.view.stopping.clone()
    }

    async fn write(&self, change: &Change) -> Result<(), Status> {
        let data = serde_json::to_vec(change).map_err(|error| Status::internal(error.to_string()))?;
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: "$PersistentConfig".into(),
            data: Bytes::from(data),
            metadata: Bytes::new(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::stored(CONFIGURATION);
        let written = self.view.store.append(&stream, ExpectedRevision::Any, vec![event]).await;
        written.map(|_| ()).map_err(|error| failure::append(&error))
    }

    /// The number that "from the end" means now.
    async fn begin(&self, key: &Key, start: Start) -> Result<u64, Status> {
        match start {
            Start::At(number) => Ok(number),
            Start::Beginning => Ok(0),
            Start::End if key.is_all() => {
                let head = self.view.store.head().await.map_err(|error| failure::read(&error))?;
                Ok(head.map_or(0, |head| convert::to_wire(head) + 1))
            }
            Start::End => {
                let stream = StreamName::new(key.source.as_str());
                let stream = stream.map_err(|error| failure::invalid(&error.to_string()))?;
                if let Some(linked) = super::super::linked::Linked::of(stream.as_str()) {
                    let count =
                        self.view.links.forwards(&*self.view.store, &stream, &linked, u64::MAX, 1).await;
                    return Ok(count.map_err(|error| failure::read(&error))?.1.unwrap_or(0));
                }
                let state = self.view.state(&stream).await.map_err(|error| failure::read(&error))?;
                Ok(state.last.map_or(0, |last| last + 1))
            }
        }
    }

    pub(crate) async fn create(&self, key: Key, start_at: Start, mut config: Config) -> Result<(), Status> {
        let mut running = self.running.lock().await;
        if running.contains_key(&key) {
            return Err(failure::group_exists(&key.source, &key.group));
        }
        config.start = self.begin(&key, start_at).await?;
        if let Some(rules) = &config.rules {
            super::super::wanted::Wanted::new(rules)?;
        }
        self.write(&Change::Configured { key: key.clone(), config: config.clone() }).await?;
        let started = start(Arc::clone(&self.view), key.clone(), config).await;
        running.insert(key, started.map_err(|error| failure::read(&error))?);
        Ok(())
    }

    /// Clients of the group are sent away and come back to the new settings.
    pub(crate) async fn update(&self, key: Key, start_at: Start, mut config: Config) -> Result<(), Status> {
        let mut running = self.running.lock().await;
        let Some(before) = running.get(&key) else {
            return Err(failure::no_group(&key.source, &key.group));
        };
        config.start = self.begin(&key, start_at).await?;
        config.rules.clone_from(&before.config.rules);
        self.write(&Change::Configured { key: key.clone(), config: config.clone() }).await?;
        end(&before.commands).await;
        let started = start(Arc::clone(&self.view), key.clone(), config).await;
        running.insert(key, started.map_err(|error| failure::read(&error))?);
        Ok(())
    }

    pub(crate) async fn delete(&self, key: Key) -> Result<(), Status> {
        let mut running = self.running.lock().await;
        let Some(before) = running.remove(&key) else {
            return Err(failure::no_group(&key.source, &key.group));
        };
        self.write(&Change::Deleted { key: key.clone() }).await?;
        end(&before.commands).await;
        // A group of the same name later begins anew.
        for what in ["checkpoint", "parked"] {
            let stream = key.stream(what);
            let state = self.view.state(&stream).await.map_err(|error| failure::read(&error))?;
            if let Some(last) = state.last {
                let hidden = if what == "parked" { last + 1 } else { DELETED };
                let described = self.view.describe(&stream, &state, "$tb", Value::from(hidden)).await;
                if described.is_err() {
                    return Err(Status::aborted(format!("{stream} could not be hidden")));
                }
            }
        }
        Ok(())
    }

    /// Ends all groups and begins them again from what the log says.
    pub(crate) async fn restart(&self) -> Result<(), Status> {
        let mut running = self.running.lock().await;
        for (key, group) in running.iter_mut() {
            end(&group.commands).await;
            let started = start(Arc::clone(&self.view), key.clone(), group.config.clone()).await;
            *group = started.map_err(|error| failure::read(&error))?;
        }
        Ok(())
    }

    pub(crate) async fn find(&self, key: &Key) -> Result<mpsc::Sender<Command>, Status> {
        let running = self.running.lock().await;
        let found = running.get(key).ok_or_else(|| failure::no_group(&key.source, &key.group))?;
        Ok(found.commands.clone())
    }

    /// All groups, or those of one source.
    pub(crate) async fn list(&self, source: Option<&str>) -> Vec<mpsc::Sender<Command>> {
        let running = self.running.lock().await;
        let wanted = running.iter().filter(|(key, _)| source.is_none_or(|source| key.source == source));
        wanted.map(|(_, running)| running.commands.clone()).collect()
    }
}

async fn start(view: Arc<View>, key: Key, config: Config) -> Result<Running, ReadError> {
    let (commands, queue) = mpsc::channel(COMMANDS);
    let group = Group::load(view, key, config.clone()).await?;
    tokio::spawn(group.run(queue));
    Ok(Running { config, commands })
}

async fn end(commands: &mpsc::Sender<Command>) {
    let (answer, ended) = oneshot::channel();
    if commands.send(Command::End(answer)).await.is_ok() {
        // It has ended either way.
        let _ = ended.await;
    }
}
