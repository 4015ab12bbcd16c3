//! What is parked, and what operators order to be done about it.

use event_store::{ExpectedRevision, ReadError, RecordedEvent};
use uuid::Uuid;

use super::{Interrupted, Session};
use crate::policies::lanes::Key;
use crate::policies::parked::{ParkedEvent, ParkedReaction, ReactionRetried, Trigger, WAITS};
use crate::policies::runner::Wanted;

impl<E: Send + Sync + 'static, C: Send + Sync + 'static> Session<'_, E, C> {
    /// Parks a reaction that failed for good.
    pub(super) async fn park(
        &mut self,
        key: &str,
        trigger: Trigger,
        error: String,
    ) -> Result<(), Interrupted> {
        tracing::error!(policy = self.runner.policy.name, key, ?trigger, %error, "reaction parked");
        let store = Some(self.runner.store.id());
        let reaction = ParkedReaction { key: key.to_owned(), trigger, error, ordered: false, store };
        self.note(ParkedEvent::ReactionParked(reaction)).await
    }

    /// Parks a reaction behind an earlier one of its key, unless it is parked there already.
    pub(super) async fn wait_behind(&mut self, key: &str, trigger: Trigger) -> Result<(), Interrupted> {
        if self.parked.knows(key, trigger.event) {
            return Ok(());
        }
        self.park(key, trigger, WAITS.to_owned()).await
    }

    /// A reaction was carried out: if it was parked, it no longer is.
    pub(super) async fn retried(&mut self, key: &str, event: Uuid) -> Result<(), Interrupted> {
        if !self.parked.knows(key, event) {
            return Ok(());
        }
        self.note(ParkedEvent::ReactionRetried(ReactionRetried { key: key.to_owned(), event })).await
    }

    /// Keeps what happened to a parked reaction. Orders of operators may come in between, so nothing is
    /// expected of the stream.
    async fn note(&mut self, event: ParkedEvent) -> Result<(), Interrupted> {
        self.parking.append(ExpectedRevision::Any, &event).await?;
        self.parked.apply(event);
        self.parked_changed = true;
        Ok(())
    }

    /// An operator ordered something about what is parked.
    pub(super) async fn hear_order(&mut self, event: &RecordedEvent) -> Result<(), Interrupted> {
        if Some(event.revision) <= self.ordered_through {
            return Ok(());
        }
        let order = self.parking.decode(event)?;
        let key = match &order {
            ParkedEvent::RetryOrdered(order) => order.key.clone(),
            ParkedEvent::ReactionSkipped(order) => order.skipped.key.clone(),
            ParkedEvent::ReactionParked(_) | ParkedEvent::ReactionRetried(_) => return Ok(()),
        };
        self.parked.apply(order);
        self.parked_changed = true;
        let reactions: Vec<_> = self.parked.of(&key).cloned().collect();
        self.obey(&reactions).await
    }

    /// Enters those again that an operator has ordered to be carried out again.
    pub(super) async fn obey(&mut self, reactions: &[ParkedReaction]) -> Result<(), Interrupted> {
        for ParkedReaction { key, trigger, .. } in reactions.iter().filter(|reaction| reaction.ordered) {
            if self.parked.blocks(key) {
                continue;
            }
            let event = match self.runner.event(trigger).await {
                Err(ReadError::Damaged(reason)) => {
                    self.park(key, trigger.clone(), reason).await?;
                    continue;
                }
                event => event?,
            };
            match self.runner.wanted(&event) {
                Ok(Wanted::Work(work)) => {
                    let key = Key::from(key.as_str());
                    self.lanes.enter_again(&key, trigger.position, (trigger.clone(), work));
                    self.begin(key);
                }
                Ok(Wanted::Nothing | Wanted::Withdraw(_)) => self.retried(key, trigger.event).await?,
                Err(error) => self.park(key, trigger.clone(), error).await?,
            }
        }
        Ok(())
    }
}
