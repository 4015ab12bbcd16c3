//! How far everything is done, written now and then.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use super::Group;
use crate::{Decoded, ExpectedRevision, NewEvent};

impl Group {
    pub(super) async fn maybe_checkpoint(&mut self) {
        let due =
            self.done_since >= self.config.min_checkpoint.max(1) && Instant::now() >= self.next_checkpoint;
        let full = self.config.max_checkpoint > 0 && self.done_since >= self.config.max_checkpoint;
        if due || full {
            self.write_checkpoint().await;
        } else if self.done_since > 0 && Instant::now() >= self.next_checkpoint {
            // Too few to write; looked at again.
            self.next_checkpoint =
                Instant::now() + Duration::from_millis(self.config.checkpoint_after_ms.max(100));
        }
    }

    /// Everything up to the checkpoint is done.
    pub(super) async fn write_checkpoint(&mut self) {
        if self.done_since == 0 {
            return;
        }
        let reached = match self.open.first() {
            Some(first) => first.checked_sub(1),
            None => self.read,
        };
        if reached > self.checkpoint
            && let Some(reached) = reached
        {
            let event = NewEvent {
                id: Uuid::new_v4(),
                event_type: "$SubscriptionCheckpoint".into(),
                data: Bytes::from(reached.to_string()),
                metadata: Bytes::new(),
                decoded: Decoded::default(),
            };
            let stream = self.key.stream("checkpoint");
            match self.view.store.append(&stream, ExpectedRevision::Any, vec![event]).await {
                Ok(_) => self.checkpoint = Some(reached),
                Err(error) => {
                    tracing::warn!(%error, %stream, "the checkpoint could not be written");
                    self.next_checkpoint = Instant::now() + Duration::from_secs(1);
                    return;
                }
            }
        }
        self.done_since = 0;
        self.cut_parked().await;
    }
}
