//! Given, when, then: how the rules of an aggregate are told.
//!
//! ```
//! use domain::elearning::{Delivery, DeliveryCommand, DeliveryEvent, sample};
//! use domain::kernel::spec::given;
//!
//! let application = sample::application();
//! given::<Delivery>([])
//!     .when(DeliveryCommand::Start(application.clone()))
//!     .then([DeliveryEvent::started(application)]);
//! ```

use std::fmt::Debug;

use super::{Aggregate, Reaction, fold};

/// What has happened before.
#[must_use]
pub struct Given<A>(A);

/// What came of a command.
#[must_use]
pub struct Outcome<A: Aggregate> {
    before: A,
    answer: Result<Vec<A::Event>, A::Refusal>,
}

/// These have happened.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given(fold(&events.into_iter().collect::<Vec<_>>()))
}

impl<A: Aggregate> Given<A> {
    /// This is asked.
    pub fn when(self, command: A::Command) -> Outcome<A> {
        let answer = self.0.decide(&command);
        Outcome { before: self.0, answer }
    }
}

impl<A: Aggregate> Outcome<A>
where
    A::Event: PartialEq,
{
    /// These happen, in this order. Answers the state after them.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = A::Event>) -> A {
        let expected: Vec<_> = events.into_iter().collect();
        assert_eq!(self.answer.as_ref(), Ok(&expected), "in state {:?}", self.before);
        expected.iter().fold(self.before, A::evolve)
    }

    /// It has already happened.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// The business says no.
    #[track_caller]
    pub fn then_refused(self, refusal: A::Refusal)
    where
        A::Event: Debug,
    {
        assert_eq!(self.answer, Err(refusal), "in state {:?}", self.before);
    }
}

/// What a policy does about each of these facts, as a table of names and reactions; what it ignores is
/// left out.
pub fn reactions<F, C: PartialEq>(
    react: fn(&F) -> Reaction<C>,
    facts: Vec<F>,
    name: fn(&F) -> &'static str,
) -> Vec<(&'static str, Reaction<C>)> {
    let reactions = facts.iter().map(|fact| (name(fact), react(fact)));
    reactions.filter(|(_, reaction)| *reaction != Reaction::Ignore).collect()
}
