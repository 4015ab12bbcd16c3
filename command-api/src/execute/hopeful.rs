//! Decisions in the hope that nobody else decides on the same stream at the moment: without standing in
//! line, and without a look at the log. Where the hope was vain, the log says so by a conflict, and the
//! decision is taken anew in line.

use std::fmt::Display;

use domain::kernel::Aggregate;
use event_store::{AppendError, Appended};

use super::{Basis, ExecuteError, Executor, Last, Loaded, Origin, Trouble, stream_name};

/// What became of two decisions of which the second follows from the first.
pub type Both<A, B> = (Loaded<A>, Result<Loaded<B>, ExecuteError<<B as Aggregate>::Refusal>>);

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

    /// Decides on an aggregate that is new, and on another one of the same key what follows from that. Both
    /// are on the log at once, where the store can do that.
    ///
    /// # Errors
    /// Every [`ExecuteError`] of the first but [`ExecuteError::Precondition`]. Then nothing is decided on
    /// the second.
    pub async fn execute_both<A: Aggregate, B: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        (command, then): (&A::Command, &B::Command),
        origin: &Origin,
    ) -> Result<Both<A, B>, ExecuteError<A::Refusal>> {
        let (first, second) = (Loaded::<A>::nothing(), Loaded::<B>::nothing());
        if let (Ok(begun), Ok(followed)) = (first.state.decide(command), second.state.decide(then))
            && !begun.is_empty()
            && !followed.is_empty()
        {
            let begins = self.draft(stream_name::<A>(key), &first, &begun, origin);
            let cause = begins.events.last().map(|event| event.id);
            let follows = self.draft(stream_name::<B>(key), &second, &followed, &origin.after(cause));
            let ids = [&begins, &follows].map(|append| append.events.last().map(|event| event.id));
            let mut answers = self.store.append_in_turn(vec![begins, follows]).await.into_iter();
            let mut last = |id: Option<_>| match answers.next() {
                Some(Ok(Appended { revision, position })) => {
                    Ok(Some(Last { id: id.unwrap_or(origin.cause), revision, position }))
                }
                None | Some(Err(AppendError::WrongRevision { .. })) => Ok(None),
                Some(Err(error)) => Err(Trouble::from(error)),
            };
            if let Some(done) = last(ids[0])? {
                let first = first.after(&begun, done);
                return Ok(match last(ids[1]) {
                    Ok(Some(done)) => (first, Ok(second.after(&followed, done))),
                    Ok(None) => self.follow(key, first, then, origin).await,
                    Err(trouble) => (first, Err(trouble.into())),
                });
            }
        }
        let first = self.execute_current(key, command, origin).await?;
        Ok(self.follow(key, first, then, origin).await)
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

    use domain::elearning::{Apply, ApplyCommand, Payment, sample};
    use domain::kernel::Metadata;
    use domain::payment::{PaymentCommand, PaymentRefusal};
    use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};
    use uuid::Uuid;

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
        let application = sample::application();
        let id = application.id;
        let commands = (&ApplyCommand::Apply(application.clone()), &PaymentCommand::Request(application));
        executor(store).execute_both(&id, commands, &origin(cause)).await.unwrap()
    }

    /// EL-F1, EL-F2: the second follows from the first, and says so.
    #[tokio::test]
    async fn two_decisions_are_on_the_log_one_behind_the_other() {
        let store = MemoryStore::default();
        let (applied, requested) = both(&store, 7).await;
        let recorded = events(&store).await;
        assert_eq!(
            recorded.iter().map(|event| &*event.event_type).collect::<Vec<_>>(),
            ["Applied", "PayRequested"]
        );
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
