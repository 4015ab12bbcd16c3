/// Reacts to what happened with what shall be done about it: a decider turned round.
///
/// A policy is a value: a permanent name and a pure function. It has no failure handling of its own;
/// order, retries, timers and parking are the runner's.
#[derive(Debug)]
pub struct Policy<E, C> {
    /// Permanent: its checkpoint is kept under this name.
    pub name: &'static str,
    /// The context that carries out its commands; it rests while that context is stopped.
    pub context: &'static str,
    /// The names of the events that it may react to; it is not bothered with others.
    pub hears: &'static [&'static str],
    /// What shall be done about an event. Lists every event of its inputs.
    pub react: fn(&E) -> Reaction<C>,
}

/// What a policy makes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction<C> {
    /// Nothing.
    Ignore,
    /// Do this.
    Now(C),
    /// The request that caused the event is doing this itself: give it a head start, then make sure.
    /// If the policy wants something [`Now`](Self::Now) for the same request before that, or sees it
    /// [`Done`](Self::Done), this is withdrawn.
    MakeSure(C),
    /// As [`MakeSure`](Self::MakeSure), but not for ever: what could not be done in time after the
    /// event is not tried again, and the second is done instead. How long that is, is the runner's to
    /// know.
    MakeSureInTime(C, C),
    /// The request has done itself what was to be made sure of last. Without it, one would make sure of
    /// what is done already, which does nothing and costs a decision.
    Done,
}
