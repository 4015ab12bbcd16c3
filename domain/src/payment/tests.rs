use serde::{Deserialize, Serialize};

use super::*;
use crate::kernel::spec::given;

/// A sale of no business in particular.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ticket(RequestId, u32);

impl Sale for Ticket {
    const SYSTEM: &'static str = "cinema";
    type Fact = PaymentEvent<Self>;

    fn request(&self) -> RequestId {
        self.0
    }

    fn amount(&self) -> Option<Money> {
        None
    }
}

type Command = PaymentCommand<Ticket>;
type Event = PaymentEvent<Ticket>;

fn ticket() -> Ticket {
    Ticket(RequestId(uuid::Uuid::nil()), 1)
}

fn receipt() -> Receipt {
    Receipt("receipt-1".into())
}

fn request() -> Command {
    PaymentCommand::Request(ticket())
}

fn confirm() -> Command {
    PaymentCommand::Confirm(receipt())
}

fn fail() -> Command {
    PaymentCommand::Fail("card declined".to_owned())
}

fn cancel() -> Command {
    PaymentCommand::Cancel(ticket())
}

fn requested() -> Event {
    PaymentEvent::PayRequested(PayRequested { sale: ticket() })
}

fn completed(cancelling: bool) -> Event {
    PaymentEvent::PayCompleted(PayCompleted { sale: ticket(), receipt: receipt(), cancelling })
}

fn failed() -> Event {
    PaymentEvent::PayFailed(PayFailed { sale: ticket(), reason: "card declined".to_owned() })
}

fn cancel_requested(receipt: Option<Receipt>) -> Event {
    PaymentEvent::PayCancelRequested(PayCancelRequested { sale: ticket(), receipt })
}

fn give_up() -> Command {
    PaymentCommand::GiveUp(ticket(), "too late".to_owned())
}

fn given_up() -> Event {
    PaymentEvent::PayGivenUp(PayGivenUp { sale: ticket(), reason: "too late".to_owned() })
}

fn failed_because_given_up() -> Event {
    PaymentEvent::PayFailed(PayFailed { sale: ticket(), reason: "too late".to_owned() })
}

fn cancelled() -> Event {
    PaymentEvent::PayCancelled(PayCancelled { sale: ticket() })
}

/// EL-F2, EL-I1
#[test]
fn a_payment_is_requested_and_then_completed() {
    given::<Payment<Ticket>>([]).when(request()).then([requested()]);
    given::<Payment<Ticket>>([requested()]).when(confirm()).then([completed(false)]);
}

/// EL-I11, EL-I12, G1: however often the same payment is asked for.
#[test]
fn the_same_payment_is_never_made_twice() {
    given::<Payment<Ticket>>([requested()]).when(request()).then_nothing();
    given::<Payment<Ticket>>([requested(), completed(false)]).when(request()).then_nothing();
    given::<Payment<Ticket>>([requested(), completed(false)]).when(confirm()).then_nothing();
    given::<Payment<Ticket>>([requested(), failed()]).when(request()).then_nothing();
}

#[test]
fn another_sale_under_the_same_id_is_refused() {
    let other = PaymentCommand::Request(Ticket(ticket().0, 2));
    for history in [vec![requested()], vec![requested(), completed(false)], vec![requested(), failed()]] {
        given::<Payment<Ticket>>(history).when(other.clone()).then_refused(PaymentRefusal::DifferentSale);
    }
}

/// EL-I14
#[test]
fn a_declined_payment_has_failed_for_good() {
    given::<Payment<Ticket>>([requested()]).when(fail()).then([failed()]);
    given::<Payment<Ticket>>([requested(), failed()]).when(fail()).then_nothing();
    given::<Payment<Ticket>>([requested(), failed()])
        .when(confirm())
        .then_refused(PaymentRefusal::AlreadyFailed);
}

/// EL-I14: the intention is on the log before the provider is told to keep no money.
#[test]
fn a_payment_that_could_not_be_made_is_given_up_in_two_steps() {
    given::<Payment<Ticket>>([requested()]).when(give_up()).then([given_up()]);
    given::<Payment<Ticket>>([requested(), given_up()])
        .when(PaymentCommand::ConfirmCancel)
        .then([failed_because_given_up()]);
    given::<Payment<Ticket>>([]).when(give_up()).then([failed_because_given_up()]);
}

/// EL-I14: whoever was first on the stream of the payment has decided.
#[test]
fn what_was_paid_or_ended_in_time_is_not_given_up() {
    for history in [
        vec![requested(), completed(false)],
        vec![requested(), failed()],
        vec![requested(), cancel_requested(None)],
        vec![cancelled()],
    ] {
        given::<Payment<Ticket>>(history).when(give_up()).then_nothing();
    }
}

/// EL-I14: no money is taken any more; what was under way is recorded, and goes back.
#[test]
fn a_payment_that_is_given_up_is_never_made() {
    let history = || [requested(), given_up()];
    given::<Payment<Ticket>>(history()).when(request()).then_refused(PaymentRefusal::AlreadyCancelled);
    for again in [give_up(), cancel(), fail()] {
        given::<Payment<Ticket>>(history()).when(again).then_nothing();
    }
    given::<Payment<Ticket>>(history()).when(confirm()).then([completed(true)]);
    let late = history().into_iter().chain([completed(true)]);
    given::<Payment<Ticket>>(late).when(PaymentCommand::ConfirmCancel).then([cancelled()]);
    let over = || history().into_iter().chain([failed_because_given_up()]);
    given::<Payment<Ticket>>(over()).when(PaymentCommand::ConfirmCancel).then_nothing();
    given::<Payment<Ticket>>(over()).when(request()).then_nothing();
}

/// EL-I3, EL-I15: the cancel came first; the payment that comes late is refused.
#[test]
fn a_payment_that_was_cancelled_before_it_was_asked_for_never_happens() {
    given::<Payment<Ticket>>([]).when(cancel()).then([cancelled()]);
    given::<Payment<Ticket>>([cancelled()]).when(request()).then_refused(PaymentRefusal::AlreadyCancelled);
}

/// EL-I2: what hangs on the payment is undone between the two.
#[test]
fn a_completed_payment_is_cancelled_in_two_steps() {
    let paid = || vec![requested(), completed(false)];
    given::<Payment<Ticket>>(paid()).when(cancel()).then([cancel_requested(Some(receipt()))]);
    let cancelling = paid().into_iter().chain([cancel_requested(Some(receipt()))]);
    given::<Payment<Ticket>>(cancelling).when(PaymentCommand::ConfirmCancel).then([cancelled()]);
}

/// EL-I3: the money that comes late is recorded, and nothing is handed over for it.
#[test]
fn money_that_arrives_while_cancelling_is_recorded_and_stays_to_be_undone() {
    let history = || [requested(), cancel_requested(None)];
    let after = given::<Payment<Ticket>>(history()).when(confirm()).then([completed(true)]);
    assert_eq!(after, Payment::Cancelling(ticket(), Some(receipt())));
    given::<Payment<Ticket>>(history()).when(fail()).then_nothing();
}

/// EL-I8, EL-I10, G8
#[test]
fn a_second_cancel_changes_nothing() {
    let histories = [
        vec![cancelled()],
        vec![requested(), cancel_requested(None)],
        vec![requested(), failed()],
        vec![requested(), completed(false), cancel_requested(Some(receipt())), cancelled()],
    ];
    for history in histories {
        given::<Payment<Ticket>>(history).when(cancel()).then_nothing();
    }
    given::<Payment<Ticket>>([cancelled()]).when(PaymentCommand::ConfirmCancel).then_nothing();
}

/// EL-I3: what the provider answers after the void changes nothing any more.
#[test]
fn a_cancelled_payment_stays_cancelled_whatever_the_provider_answers_late() {
    given::<Payment<Ticket>>([cancelled()]).when(confirm()).then_nothing();
    given::<Payment<Ticket>>([cancelled()]).when(fail()).then_nothing();
}

/// EL 1.3 I1: nothing becomes cancelled that nobody asked to cancel.
#[test]
fn a_cancel_is_confirmed_only_after_it_was_requested() {
    for history in [vec![], vec![requested()], vec![requested(), completed(false)]] {
        given::<Payment<Ticket>>(history)
            .when(PaymentCommand::ConfirmCancel)
            .then_refused(PaymentRefusal::NotRequested);
    }
}

#[test]
fn the_answer_to_a_question_that_nobody_asked_is_refused() {
    given::<Payment<Ticket>>([]).when(confirm()).then_refused(PaymentRefusal::NotRequested);
    given::<Payment<Ticket>>([]).when(fail()).then_refused(PaymentRefusal::NotRequested);
    given::<Payment<Ticket>>([requested(), completed(false)])
        .when(fail())
        .then_refused(PaymentRefusal::AlreadyCompleted);
}
