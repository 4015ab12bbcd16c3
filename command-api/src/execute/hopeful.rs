//! Decisions in the hope that nobody else decides on the same stream at the moment: without standing in
//! line, and without a look at the log. Where the hope was vain, the log says so by a conflict, and the
//! decision is taken anew in line.

use std::fmt::Display;
use std::iter;

use domain::kernel::Aggregate;
use event_store::{Append, AppendError, Appended, ExpectedRevision};
use uuid::Uuid;

use super::{Basis, ExecuteError, Executor, Last, Loaded, Origin, Trouble, stream_name};

/// What became of two decisions of which the second follows from the first.
pub type Both<A, B> = (Loaded<A>, Result<Loaded<B>, ExecuteError<<B as Aggregate>::Refusal>>);

/// A new aggregate that the log does not know yet.
struct Begun<A> {
    state: A,
    /// Of its last event.
    id: Uuid,
}

impl<A> Begun<A> {
    /// As the log knows it now.
    fn at(self, Appended { revision, position }: Appended) -> Loaded<A> {
        Loaded { state: self.state, last: Some(Last { id: self.id, revision, position }) }
    }
}

impl Executor {
    /// Decides on an aggregate that is most likely new. Not for what is followed by a side effect: a repeat
    /// is answered as the first time was, even if more has happened since.
    ///
    /// # Errors
    /// Every [`ExecuteError`] but [`ExecuteError::Precondition`].
    pub async fn execute_new<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        self.execute_on(key, Loaded::nothing(), command, origin).await
    }

    /// Decides on an aggregate that most likely still stands as it was loaded.
    ///
    /// # Errors
    /// Every [`ExecuteError`] but [`ExecuteError::Precondition`].
    pub async fn execute_on<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        loaded: Loaded<A>,
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        let stream = stream_name::<A>(key);
        // That nothing happens, or may not, is decided on what the log holds.
        if let Ok(events) = loaded.state.decide(command)
            && !events.is_empty()
        {
            match self.append(&stream, &loaded, &events, origin).await {
                Ok(last) => return Ok(loaded.after(&events, last)),
                Err(AppendError::WrongRevision { .. }) => {}
                Err(error) => return Err(Trouble::from(error).into()),
            }
        }
        self.decide(&stream, command, origin, None, Basis::Memory).await
    }

    /// Decides on an aggregate that is new, and on another one of the same key what follows from that: a
    /// command and, only where that one is new too, another command behind it. All of it is on the log at
    /// once, where the store can do that.
    ///
    /// # Errors
    /// Every [`ExecuteError`] of the first but [`ExecuteError::Precondition`]. Then nothing is decided on
    /// the second.
    pub async fn execute_both<A: Aggregate, B: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        (then, at_once): (&B::Command, Option<&B::Command>),
        origin: &Origin,
    ) -> Result<Both<A, B>, ExecuteError<A::Refusal>> {
        if let Some((begins, first)) = self.begin::<A>(key, [command], origin)
            && let commands = iter::once(then).chain(at_once)
            && let Some((follows, second)) = self.begin::<B>(key, commands, &origin.after(Some(first.id)))
        {
            let mut answers = self.store.append_in_turn(vec![begins, follows]).await.into_iter();
            let mut hope = || match answers.next() {
                Some(Ok(appended)) => Ok(Some(appended)),
                None | Some(Err(AppendError::WrongRevision { .. })) => Ok(None),
                Some(Err(error)) => Err(Trouble::from(error)),
            };
            if let Some(appended) = hope()? {
                let first = first.at(appended);
                return Ok(match hope() {
                    Ok(Some(appended)) => (first, Ok(second.at(appended))),
                    Ok(None) => self.follow(key, first, then, origin).await,
                    Err(trouble) => (first, Err(trouble.into())),
                });
            }
        }
        let first = self.execute_current(key, command, origin).await?;
        Ok(self.follow(key, first, then, origin).await)
    }

    /// What a new aggregate begins with, each command in consequence of the one before; `None` where one of
    /// them leads to nothing.
    fn begin<'c, A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        commands: impl IntoIterator<Item = &'c A::Command>,
        origin: &Origin,
    ) -> Option<(Append, Begun<A>)> {
        let stream = stream_name::<A>(key);
        let (mut state, mut events, mut id) = (A::default(), Vec::new(), None);
        for command in commands {
            let decided = state.decide(command).ok()?;
            events.extend(self.draft::<A>(&stream, events.len() as u64, &decided, &origin.after(id)));
            state = decided.iter().fold(state, A::evolve);
            id = Some(events.last()?.id);
        }
        let begun = Begun { state, id: id? };
        Some((Append { stream, expected: ExpectedRevision::NoStream, events }, begun))
    }

    async fn follow<A: Aggregate, B: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        first: Loaded<A>,
        then: &B::Command,
        origin: &Origin,
    ) -> Both<A, B> {
        let origin = origin.after(first.last.map(|last| last.id));
        let second = self.execute_current(key, then, &origin).await;
        (first, second)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::elearning::{Application, Apply, ApplyCommand, Payment, sample};
    use domain::kernel::{Metadata, Shared};
    use domain::payment::{PaymentCommand, PaymentRefusal, Receipt};
    use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};

    use super::*;

    async fn events(store: &MemoryStore) -> Vec<RecordedEvent> {
        store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap().events
    }

    fn executor(store: &MemoryStore) -> Executor {
        Executor::new(Arc::new(store.clone()), Arc::new(|| 0))
    }

    fn origin(cause: u128) -> Origin {
        Origin { correlation: Uuid::nil(), cause: Uuid::from_u128(cause), actor: "student:1".into() }
    }

    async fn both(store: &MemoryStore, cause: u128) -> Both<Apply, Payment> {
        both_and(store, cause, None).await
    }

    async fn both_and(
        store: &MemoryStore,
        cause: u128,
        at_once: Option<PaymentCommand<Shared<Application>>>,
    ) -> Both<Apply, Payment> {
        let application = sample::application();
        let id = application.id;
        let apply = ApplyCommand::Apply(application.clone());
        let then = (&PaymentCommand::Request(application), at_once.as_ref());
        executor(store).execute_both(&id, &apply, then, &origin(cause)).await.unwrap()
    }

    fn paid() -> Option<PaymentCommand<Shared<Application>>> {
        Some(PaymentCommand::Confirm(Receipt("1".into())))
    }

    fn types(recorded: &[RecordedEvent]) -> Vec<&str> {
        recorded.iter().map(|event| &*event.event_type).collect()
    }

    /// EL-F1, EL-F2: the second follows from the first, and says so.
    #[tokio::test]
    async fn two_decisions_are_on_the_log_one_behind_the_other() {
        let store = MemoryStore::default();
        let (applied, requested) = both(&store, 7).await;
        let recorded = events(&store).await;
        assert_eq!(types(&recorded), ["Applied", "PayRequested"]);
        let causes = recorded.iter().map(|event| Metadata::decode(&event.metadata).unwrap().causation_id);
        assert_eq!(causes.collect::<Vec<_>>(), [Uuid::from_u128(7), recorded[0].id]);
        assert_eq!(applied.state, Apply::Completed(sample::application()));
        let requested = requested.unwrap();
        assert_eq!(requested.state, Payment::Requested(sample::application()));
        assert_eq!(
            requested.last.map(|last| (last.id, last.position)),
            Some((recorded[1].id, recorded[1].position))
        );
    }

    /// EL-F2: what is known at once is one append with what it follows from, and says that it follows.
    #[tokio::test]
    async fn what_follows_at_once_is_on_the_log_with_the_second() {
        let store = MemoryStore::default();
        let (_, paid) = both_and(&store, 7, paid()).await;
        let recorded = events(&store).await;
        assert_eq!(types(&recorded), ["Applied", "PayRequested", "PayCompleted"]);
        let causes = recorded.iter().map(|event| Metadata::decode(&event.metadata).unwrap().causation_id);
        assert_eq!(causes.collect::<Vec<_>>(), [Uuid::from_u128(7), recorded[0].id, recorded[1].id]);
        let Loaded { state, last } = paid.unwrap();
        assert_eq!(state, Payment::Completed(sample::application(), Receipt("1".into())));
        let last = last.unwrap();
        assert_eq!((last.id, last.revision, last.position), (recorded[2].id, 1, recorded[2].position));
    }

    /// EL-I2, G5: whoever began the payment before may have asked for the money.
    #[tokio::test]
    async fn nothing_follows_at_once_on_what_somebody_else_began() {
        let store = MemoryStore::default();
        both(&store, 7).await.1.unwrap();
        let (_, requested) = both_and(&store, 8, paid()).await;
        assert_eq!(requested.unwrap().state, Payment::Requested(sample::application()));
        assert_eq!(types(&events(&store).await), ["Applied", "PayRequested"]);
    }

    /// G5: whoever comes second finds what the first one left.
    #[tokio::test]
    async fn what_is_there_already_is_not_there_twice() {
        let store = MemoryStore::default();
        both(&store, 7).await.1.unwrap();
        let (applied, requested) = both(&store, 8).await;
        assert_eq!(events(&store).await.len(), 2);
        assert_eq!((applied.last.unwrap().revision, requested.unwrap().last.unwrap().revision), (0, 0));
    }

    /// EL-I18: a payment that was cancelled before anybody applied is not asked for.
    #[tokio::test]
    async fn the_second_is_decided_on_what_its_stream_holds() {
        let store = MemoryStore::default();
        let application = sample::application();
        let cancel = PaymentCommand::Cancel(application.clone());
        executor(&store).execute_new::<Payment>(&application.id, &cancel, &origin(1)).await.unwrap();
        let (applied, requested) = both(&store, 7).await;
        assert_eq!(applied.state, Apply::Completed(application));
        let refusal = PaymentRefusal::AlreadyCancelled;
        assert!(matches!(requested, Err(ExecuteError::Refused(reason)) if reason == refusal));
        assert_eq!(events(&store).await.len(), 2);
    }
}
