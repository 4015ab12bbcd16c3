//! Events that were put aside: links in a stream of the group's own, which a replay hands out once
//! more and which are cut off when that is done.

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::super::append::Refusal;
use super::super::super::convert::Resolved;
use super::super::super::linked::{self, LINK};
use super::{Group, Message, Origin};
use crate::{Decoded, Direction, ExpectedRevision, NewEvent};

impl Group {
    /// Puts an event aside. Only when that is durable the event is done.
    pub(super) async fn park(&mut self, message: Message, reason: &str) {
        let target = message.link.as_ref().filter(|link| &*link.event_type != LINK).unwrap_or(&message.event);
        let about = json!({ "reason": reason, "retries": message.retries });
        let parked = NewEvent {
            id: Uuid::new_v4(),
            event_type: LINK.into(),
            data: Bytes::from(format!("{}@{}", target.revision, target.stream)),
            metadata: Bytes::from(about.to_string()),
            decoded: Decoded::default(),
        };
        let stream = self.key.stream("parked");
        match self.view.store.append(&stream, ExpectedRevision::Any, vec![parked]).await {
            Ok(_) => self.done(&message),
            Err(error) => {
                tracing::warn!(%error, %stream, "an event could not be parked and is tried again");
                self.waiting.push_front(message);
            }
        }
    }

    /// Has parked events handed out once more.
    pub(super) async fn replay(&mut self, max: Option<u64>) -> Result<(), crate::ReadError> {
        let last = self.view.state(&self.key.stream("parked")).await?.last;
        let end = last.map_or(0, |last| last + 1);
        let until = max.map_or(end, |max| end.min(self.replay.end.saturating_add(max)));
        self.replay.end = until.max(self.replay.end);
        Ok(())
    }

    /// Reads parked events that are to be replayed, as long as there is room.
    pub(super) async fn refill(&mut self) {
        let room = self.buffer().saturating_sub(self.waiting.len());
        if self.replay.is_empty() || room == 0 || self.consumers.all.is_empty() {
            return;
        }
        let stream = self.key.stream("parked");
        let max = room.min((self.replay.end - self.replay.start) as usize);
        let store = &*self.view.store;
        let page = match store.read_stream(&stream, self.replay.start, Direction::Forwards, max).await {
            Ok(page) => page,
            Err(error) => return tracing::warn!(%error, %stream, "parked events cannot be read"),
        };
        for parked in page {
            let number = parked.revision;
            match linked::resolve(store, parked).await {
                Ok(Resolved { event: Some(event), .. }) => {
                    self.replayed.insert(number);
                    let from = Origin::Parked(number);
                    self.waiting.push_back(Message { event, link: None, retries: 0, from });
                }
                Ok(Resolved { event: None, .. }) => {
                    tracing::warn!(number, %stream, "a parked event points to nothing");
                }
                Err(error) => return tracing::warn!(%error, %stream, "a parked event cannot be read"),
            }
            self.replay.start = number + 1;
        }
    }

    /// Parked events that were replayed and are done are seen no more.
    pub(super) async fn cut_parked(&mut self) {
        let first = self.replayed.first().copied().unwrap_or(self.replay.start);
        let stream = self.key.stream("parked");
        let cut = async {
            let state = self.view.state(&stream).await?;
            if state.metadata.truncated_before() < first {
                self.view.describe(&stream, &state, "$tb", Value::from(first)).await?;
            }
            Ok::<_, Refusal>(())
        };
        if cut.await.is_err() {
            tracing::warn!(%stream, "replayed events stay parked until the next checkpoint");
        }
    }
}
