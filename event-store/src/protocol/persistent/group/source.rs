//! Where a group takes its events from: opened with the first client.

use std::sync::Arc;

use futures::StreamExt;
use tokio::sync::mpsc;
use tonic::Status;

use super::super::super::convert::{self, Resolved};
use super::super::super::failure;
use super::super::super::subscribe::{self, From, Item, Items};
use super::super::super::wanted::Wanted;
use super::super::consumers::Delivery;
use super::{Group, Message, Origin};
use crate::StreamName;

/// Streams that groups write. A group of the whole log does not hear of them, or it would hear of
/// its own checkpoints for ever.
const OWN: &str = "$persistentsubscription-";

impl Group {
    pub(super) async fn join(&mut self, out: mpsc::Sender<Delivery>, buffer: usize) -> Result<u64, Status> {
        let most = self.config.max_subscribers as usize;
        if most > 0 && self.consumers.all.len() >= most {
            return Err(failure::too_many_subscribers(&self.key.source, &self.key.group));
        }
        if self.source.is_none() {
            self.source = Some(self.open_source().await?);
        }
        Ok(self.consumers.join(out, buffer))
    }

    /// Behind what was read so far; what was read and is not done is still here.
    pub(super) async fn open_source(&mut self) -> Result<Items, Status> {
        let (view, links) = (Arc::clone(&self.view), self.config.resolve_links);
        let behind = self.read.or_else(|| self.config.start.checked_sub(1));
        if self.key.is_all() {
            let wanted = self.config.rules.as_ref().map_or(Ok(Wanted::everything()), Wanted::new)?;
            return subscribe::all(view, behind.and_then(convert::from_wire), wanted, 1, links).await;
        }
        let name = StreamName::new(self.key.source.as_str());
        let name = name.map_err(|error| failure::invalid(&error.to_string()))?;
        subscribe::stream(view, name, behind.map_or(From::Start, From::Behind), links).await
    }

    pub(super) fn take(&mut self, item: Option<Result<Item, Status>>) {
        match item {
            Some(Ok(Item::Event(resolved))) => {
                let Some(original) = resolved.original() else { return };
                let number =
                    if self.key.is_all() { convert::to_wire(original.position) } else { original.revision };
                self.read = Some(number);
                let Resolved { event, link } = *resolved;
                // A link whose event is gone has nothing to hand out.
                let Some(event) = event else { return };
                if self.key.is_all() && event.stream.as_str().starts_with(OWN) {
                    return;
                }
                self.open.insert(number);
                self.waiting.push_back(Message { event, link, retries: 0, from: Origin::Source(number) });
            }
            Some(Ok(Item::Checkpoint(position))) if self.key.is_all() => {
                self.read = Some(convert::to_wire(position));
            }
            Some(Ok(Item::Checkpoint(_) | Item::CaughtUp)) => {}
            Some(Err(status)) => {
                tracing::warn!(%status, group = self.key.group, "the source of a group ended");
                self.source = None;
                // They come back, and with the first of them the source.
                self.consumers.all.clear();
                self.in_flight_back();
            }
            None => self.source = None,
        }
    }
}

pub(super) async fn next(source: &mut Option<Items>) -> Option<Result<Item, Status>> {
    source.as_mut()?.next().await
}
