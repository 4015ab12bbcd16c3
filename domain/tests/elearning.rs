//! The whole of e-learning wired in memory: aggregates and policies, no runner, any order.
//!
//! A history is a random interleaving of what students, contexts and the payment provider do, with
//! repeats and outages; every step is one that a crash may separate from the next. Whatever the
//! order, the invariants of SPEC 1.3 hold after every step, and at rest everything agrees.

use domain::elearning::{
    Application, Apply, ApplyCommand, ApplyEvent, ApplyStatus, CancelReason, Command, Delivery,
    DeliveryCommand, DeliveryEvent, Fact, NOT_PAID_IN_TIME, Particulars, PayStatus, Payment, PaymentEvent,
    Resource, policies, sample::application,
};
use domain::kernel::{Aggregate, Reaction, Shared, fold};
use domain::payment::{PaymentCommand, Receipt};
use proptest::prelude::*;
use std::collections::VecDeque;

/// One request from end to end.
#[derive(Default)]
struct World {
    log: Vec<Fact>,
    apply: Apply,
    payment: Payment,
    delivery: Delivery,
    /// For every policy, how much of the log it has handled.
    handled: [usize; 3],
    provider: Provider,
    delivery_is_down: bool,
    /// It does what it is asked, and nobody hears of it.
    delivery_is_mute: bool,
    provider_is_down: bool,
    /// What is not paid by now is given up.
    time_is_up: bool,
    /// A charge that the provider is working on, whose answer is still to come.
    under_way: VecDeque<()>,
}

#[derive(Default)]
struct Provider {
    charged: bool,
    voided: bool,
    declines: bool,
    charges: u32,
}

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Apply,
    CancelApply,
    CancelPayment,
    /// The request or the policy asks the provider, which answers at some later step.
    AskProvider,
    ProviderAnswers,
    /// A policy handles its next event.
    React(usize),
    /// A policy handles an event that it has handled before.
    ReactAgain(usize, usize),
    DeliveryGoesDown,
    DeliveryGoesMute,
    DeliveryComesBack,
    ProviderGoesDown,
    ProviderComesBack,
    TimeIsUp,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Apply),
        2 => Just(Step::CancelApply),
        1 => Just(Step::CancelPayment),
        4 => Just(Step::AskProvider),
        4 => Just(Step::ProviderAnswers),
        12 => (0..3usize).prop_map(Step::React),
        3 => (0..3usize, 0..12usize).prop_map(|(policy, event)| Step::ReactAgain(policy, event)),
        1 => Just(Step::DeliveryGoesDown),
        1 => Just(Step::DeliveryGoesMute),
        1 => Just(Step::DeliveryComesBack),
        1 => Just(Step::ProviderGoesDown),
        1 => Just(Step::ProviderComesBack),
        1 => Just(Step::TimeIsUp),
    ];
    prop::collection::vec(step, 0..60)
}

/// Something is down: try again later.
struct Later;

impl World {
    fn execute_apply(&mut self, command: ApplyCommand) {
        for event in self.apply.decide(&command).unwrap_or_default() {
            self.apply = self.apply.clone().evolve(&event);
            self.happened(Fact::Apply(event));
        }
    }

    fn execute_payment(&mut self, command: PaymentCommand<Shared<Application>>) {
        for event in self.payment.decide(&command).unwrap_or_default() {
            self.payment = self.payment.clone().evolve(&event);
            self.happened(Fact::Payment(event));
        }
    }

    fn execute_delivery(&mut self, command: DeliveryCommand) -> Result<(), Later> {
        if self.delivery_is_down {
            return Err(Later);
        }
        let Ok(events) = self.delivery.decide(&command);
        for event in events {
            self.delivery = self.delivery.clone().evolve(&event);
            self.happened(Fact::Delivery(event));
        }
        if self.delivery_is_mute { Err(Later) } else { Ok(()) }
    }

    fn happened(&mut self, fact: Fact) {
        self.log.push(fact);
        self.check();
    }

    /// What the payment service does to pay, up to asking the provider.
    fn pay(&mut self) {
        self.execute_payment(PaymentCommand::Request(application()));
        if matches!(self.payment, Payment::Requested(_)) && !self.provider_is_down {
            self.under_way.push_back(());
        }
    }

    fn provider_answers(&mut self) {
        if self.under_way.pop_front().is_none() || self.provider.voided {
            return;
        }
        if self.provider.declines {
            return self.execute_payment(PaymentCommand::Fail("card declined".to_owned()));
        }
        self.provider.charges += u32::from(!self.provider.charged);
        self.provider.charged = true;
        self.execute_payment(PaymentCommand::Confirm(Receipt("receipt".into())));
    }

    /// What the payment service does to cancel.
    fn cancel_payment(&mut self) -> Result<(), Later> {
        self.execute_payment(PaymentCommand::Cancel(application()));
        self.undo_payment()
    }

    /// What it does to undo what is to be undone.
    fn undo_payment(&mut self) -> Result<(), Later> {
        if matches!(self.payment, Payment::Cancelling(..) | Payment::GivingUp(..)) {
            self.execute_delivery(DeliveryCommand::Cancel(application()))?;
            if self.provider_is_down {
                return Err(Later);
            }
            (self.provider.voided, self.provider.charged) = (true, false);
            self.execute_payment(PaymentCommand::ConfirmCancel);
        }
        Ok(())
    }

    fn handle(&mut self, command: Command) -> Result<(), Later> {
        match command {
            Command::Pay(_) => {
                self.pay();
                // The runner asks until the payment is decided one way or the other.
                if matches!(self.payment, Payment::Requested(_)) { Err(Later) } else { Ok(()) }
            }
            Command::GiveUpPayment(sale) => {
                let reason = NOT_PAID_IN_TIME.to_owned();
                self.execute_payment(PaymentCommand::GiveUp(sale, reason));
                self.undo_payment()
            }
            Command::CancelPayment(_) => self.cancel_payment(),
            Command::StartDelivery(application) => self.execute_delivery(DeliveryCommand::Start(application)),
            Command::CancelApply(_, reason) => {
                self.execute_apply(ApplyCommand::Cancel(reason));
                Ok(())
            }
        }
    }

    /// A policy handles an event; answers whether it is done with it.
    fn react(&mut self, policy: usize, event: usize) -> bool {
        let Some(fact) = self.log.get(event).cloned() else { return false };
        match (policies()[policy].react)(&fact) {
            Reaction::Ignore | Reaction::Done => true,
            Reaction::Now(command) | Reaction::MakeSure(command) => self.handle(command).is_ok(),
            Reaction::MakeSureInTime(_, too_late) if self.time_is_up => self.handle(too_late).is_ok(),
            Reaction::MakeSureInTime(command, _) => self.handle(command).is_ok(),
        }
    }

    /// Whether a policy has seen that this is done, or wants something else now, before it began to make
    /// sure of it.
    fn withdrawn(&self, policy: usize, event: usize) -> bool {
        let react = policies()[policy].react;
        let makes_sure =
            |fact: &Fact| matches!(react(fact), Reaction::MakeSure(_) | Reaction::MakeSureInTime(..));
        self.log.get(event).is_some_and(makes_sure)
            && self.log[event + 1..]
                .iter()
                .any(|later| matches!(react(later), Reaction::Now(_) | Reaction::Done))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Apply => self.execute_apply(ApplyCommand::Apply(application())),
            Step::CancelApply => self.execute_apply(ApplyCommand::Cancel(CancelReason::StudentCancelled)),
            // Nobody cancels a payment that is not there: the route answers 404.
            Step::CancelPayment if self.payment == Payment::Nothing => {}
            Step::CancelPayment => drop(self.cancel_payment()),
            Step::AskProvider if matches!(self.apply, Apply::Completed(_)) => self.pay(),
            Step::AskProvider => {}
            Step::ProviderAnswers => self.provider_answers(),
            Step::React(policy) => {
                let event = self.handled[policy];
                self.handled[policy] +=
                    usize::from(self.withdrawn(policy, event) || self.react(policy, event));
            }
            Step::ReactAgain(policy, event) if event < self.handled[policy] => {
                self.react(policy, event);
            }
            Step::ReactAgain(..) => {}
            Step::DeliveryGoesDown => self.delivery_is_down = true,
            Step::DeliveryGoesMute => self.delivery_is_mute = true,
            Step::DeliveryComesBack => (self.delivery_is_down, self.delivery_is_mute) = (false, false),
            Step::ProviderGoesDown => self.provider_is_down = true,
            Step::ProviderComesBack => self.provider_is_down = false,
            Step::TimeIsUp => self.time_is_up = true,
        }
    }

    /// Everything works again, and everybody finishes what there is to do.
    fn come_to_rest(&mut self) {
        self.step(Step::DeliveryComesBack);
        self.provider_is_down = false;
        for _ in 0..1000 {
            self.provider_answers();
            (0..3).for_each(|policy| self.step(Step::React(policy)));
            if self.under_way.is_empty() && self.handled.iter().all(|handled| *handled == self.log.len()) {
                return;
            }
        }
        panic!("never comes to rest: {:?}", self.log);
    }

    fn count(&self, is: impl Fn(&Fact) -> bool) -> usize {
        self.log.iter().filter(|fact| is(fact)).count()
    }

    /// SPEC 1.3, after every event.
    fn check(&self) {
        let place = |is: fn(&Fact) -> bool| self.log.iter().position(is);
        // I1: the payment is cancelled only after its delivery is, unless nothing was ever paid.
        let pay_cancelled = place(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayCancelled(_))));
        let pay_requested = place(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayRequested(_))));
        let delivery_cancelled =
            place(|fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryCancelled(_))));
        if let (Some(cancelled), Some(_)) = (pay_cancelled, pay_requested) {
            assert!(delivery_cancelled.is_some_and(|delivery| delivery < cancelled), "{:?}", self.log);
        }
        // I2: nothing twice.
        for event in [
            |fact: &Fact| matches!(fact, Fact::Apply(ApplyEvent::Applied(_))),
            |fact: &Fact| matches!(fact, Fact::Apply(ApplyEvent::ApplyCancelled(_))),
            |fact: &Fact| matches!(fact, Fact::Payment(PaymentEvent::PayCompleted(_))),
            |fact: &Fact| matches!(fact, Fact::Payment(PaymentEvent::PayGivenUp(_))),
            |fact: &Fact| matches!(fact, Fact::Payment(PaymentEvent::PayCancelRequested(_))),
            |fact: &Fact| matches!(fact, Fact::Payment(PaymentEvent::PayCancelled(_))),
            |fact: &Fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryStarted(_))),
            |fact: &Fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryCancelled(_))),
        ] {
            assert!(self.count(event) <= 1, "{:?}", self.log);
        }
        assert!(self.provider.charges <= 1);
        // I3: delivery starts only after the payment completed, in time.
        let started = place(|fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryStarted(_))));
        let paid = place(
            |fact| matches!(fact, Fact::Payment(PaymentEvent::PayCompleted(event)) if !event.cancelling),
        );
        assert!(started.is_none() || paid < started, "{:?}", self.log);
        assert!(started.is_none() || paid.is_some(), "{:?}", self.log);
    }

    /// At rest an application is paid for and delivered, or nothing of it is left.
    fn check_at_rest(&self) {
        let log = &self.log;
        match &self.apply {
            Apply::Nothing => assert!(log.is_empty(), "{log:?}"),
            Apply::Completed(_) => {
                assert!(matches!(self.payment, Payment::Completed(..)), "{log:?}");
                assert!(matches!(self.delivery, Delivery::Started(_)), "{log:?}");
                assert!(self.provider.charged, "{log:?}");
            }
            Apply::Cancelled(..) => {
                assert!(matches!(self.payment, Payment::Cancelled(_) | Payment::Failed(..)), "{log:?}");
                assert!(!matches!(self.delivery, Delivery::Started(_)), "{log:?}");
                assert!(!self.provider.charged, "the money is kept: {log:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// EL-I1 to EL-I15, EL-I18, G1, G4, G6, G8: any order, any repeat, any outage.
    #[test]
    fn whatever_the_order_everything_is_delivered_or_undone(steps in steps(), declines in prop::bool::weighted(0.2)) {
        let mut world = World { provider: Provider { declines, ..Provider::default() }, ..World::default() };
        steps.into_iter().for_each(|step| world.step(step));
        world.come_to_rest();
        world.check_at_rest();
    }

    /// Every event carries the whole state, so the last one alone says what the stream says.
    #[test]
    fn the_last_event_of_a_stream_says_everything(steps in steps()) {
        let mut world = World::default();
        steps.into_iter().for_each(|step| world.step(step));
        let (mut apply, mut payment, mut delivery) = (vec![], vec![], vec![]);
        for fact in &world.log {
            match fact {
                Fact::Apply(event) => apply.push(event.clone()),
                Fact::Payment(event) => payment.push(event.clone()),
                Fact::Delivery(event) => delivery.push(event.clone()),
            }
        }
        prop_assert_eq!(fold::<Apply>(&apply), fold::<Apply>(apply.last()));
        prop_assert_eq!(fold::<Payment>(&payment), fold::<Payment>(payment.last()));
        prop_assert_eq!(fold::<Delivery>(&delivery), fold::<Delivery>(delivery.last()));
        prop_assert_eq!(fold::<Apply>(&apply), world.apply);
    }
}

/// A history that a person can read.
fn story(steps: &[Step]) -> World {
    let mut world = World::default();
    steps.iter().for_each(|step| world.step(*step));
    world.come_to_rest();
    world.check_at_rest();
    world
}

/// EL-I1
#[test]
fn applied_paid_delivered() {
    let world = story(&[Step::Apply, Step::AskProvider, Step::ProviderAnswers]);
    assert_eq!(world.log.len(), 4);
    let resource = Resource::after(&world.log[3]);
    assert_eq!((resource.collection, resource.apply_status), ("deliveries", ApplyStatus::Completed));
}

/// EL-I3: the money comes late, is recorded, and goes back; nothing is delivered.
#[test]
fn cancelled_while_the_payment_is_under_way() {
    let world = story(&[
        Step::Apply,
        Step::AskProvider,
        Step::CancelApply,
        Step::DeliveryGoesDown,
        // To the application, to the payment that was requested, and to the cancel.
        Step::React(0),
        Step::React(0),
        Step::React(0),
        Step::ProviderAnswers,
    ]);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryStarted(_)))), 0);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayCompleted(_)))), 1);
}

/// EL-I7: the second time delivery answers that it is cancelled already.
#[test]
fn the_delivery_was_cancelled_and_its_answer_was_lost() {
    let world = story(&[
        Step::Apply,
        Step::AskProvider,
        Step::ProviderAnswers,
        Step::React(1),
        Step::React(1),
        Step::React(1),
        Step::CancelApply,
        Step::DeliveryGoesMute,
        Step::CancelPayment,
    ]);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryCancelled(_)))), 1);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayCancelled(_)))), 1);
}

/// EL-I14
#[test]
fn a_declined_card_cancels_the_application() {
    let mut world =
        World { provider: Provider { declines: true, ..Provider::default() }, ..World::default() };
    for step in [Step::Apply, Step::AskProvider, Step::ProviderAnswers] {
        world.step(step);
    }
    world.come_to_rest();
    world.check_at_rest();
    assert!(matches!(world.apply, Apply::Cancelled(_, CancelReason::PaymentFailed { .. })));
    let failed = world.log.iter().find(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayFailed(_))));
    let Particulars::Pay { pay_status, .. } = Resource::after(failed.unwrap()).particulars else {
        panic!("not a payment")
    };
    assert_eq!(pay_status, PayStatus::Failed);
}

/// EL-I14: the provider took the money and nobody heard of it; when the time is up it goes back, and
/// nothing is delivered.
#[test]
fn given_up_while_the_outcome_was_unknown() {
    let steps = [Step::Apply, Step::AskProvider, Step::TimeIsUp, Step::DeliveryGoesDown, Step::React(0)];
    let mut world = story(&steps);
    assert!(
        matches!(&world.apply, Apply::Cancelled(_, CancelReason::PaymentFailed { reason }) if reason == NOT_PAID_IN_TIME)
    );
    assert_eq!(world.count(|fact| matches!(fact, Fact::Delivery(DeliveryEvent::DeliveryStarted(_)))), 0);
    assert_eq!(world.count(|fact| matches!(fact, Fact::Payment(PaymentEvent::PayGivenUp(_)))), 1);
    world.step(Step::AskProvider);
    assert!(world.under_way.is_empty(), "what is given up is not asked for again");
}

/// EL-I14: what is paid when the time is up stays paid.
#[test]
fn paid_at_the_last_moment() {
    let world = story(&[Step::Apply, Step::AskProvider, Step::ProviderAnswers, Step::TimeIsUp]);
    assert!(matches!(world.apply, Apply::Completed(_)));
    assert_eq!(world.log.len(), 4);
}
