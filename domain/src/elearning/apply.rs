//! A student's application for course material (신청).

use serde::{Deserialize, Serialize};

use super::{Application, Fact, SYSTEM};
use crate::kernel::{Aggregate, Shared, wire};

/// Where an application stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Apply {
    /// Nobody applied under this id.
    #[default]
    Nothing,
    /// The student applied.
    Completed(Shared<Application>),
    /// It is cancelled, and why. Final: who wants it again applies anew.
    Cancelled(Shared<Application>, CancelReason),
}

/// What can be asked of an application.
#[derive(Debug, Clone, PartialEq)]
pub enum ApplyCommand {
    /// The student applies.
    Apply(Shared<Application>),
    /// Somebody states what the application is: true, or refused.
    Amend(Shared<Application>),
    /// Cancel it.
    Cancel(CancelReason),
}

/// What can have happened to an application.
#[derive(Debug, Clone, PartialEq)]
pub enum ApplyEvent {
    /// The student applied (신청됨).
    Applied(Applied),
    /// It was cancelled (신청취소됨).
    ApplyCancelled(ApplyCancelled),
}

wire! { ApplyEvent {
    Applied = "Applied" v 1,
    ApplyCancelled = "ApplyCancelled" v 1,
} }

/// Payload of [`ApplyEvent::Applied`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// What was applied for.
    pub application: Shared<Application>,
}

/// Payload of [`ApplyEvent::ApplyCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplyCancelled {
    /// What had been applied for.
    pub application: Shared<Application>,
    /// Why.
    pub reason: CancelReason,
}

/// Why an application was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "camelCase")]
pub enum CancelReason {
    /// The student wanted it.
    StudentCancelled,
    /// Its payment was cancelled.
    PaymentCancelled,
    /// Its payment was refused for good or given up, and why.
    PaymentFailed {
        /// The provider's reason, or that it was given up.
        reason: String,
    },
}

/// Why an application can say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyRefusal {
    /// Nobody applied under this id.
    #[error("there is no such application")]
    NotFound,
    /// Cancelled is final.
    #[error("the application is cancelled; apply anew")]
    AlreadyCancelled,
    /// What was applied for cannot be changed.
    #[error("the application stands with other data, which cannot be changed")]
    DifferentApplication,
}

impl Aggregate for Apply {
    const SYSTEM: &'static str = SYSTEM;
    const NAME: &'static str = "apply";
    type Command = ApplyCommand;
    type Event = ApplyEvent;
    type Fact = Fact;
    type Refusal = ApplyRefusal;

    fn decide(&self, command: &ApplyCommand) -> Result<Vec<ApplyEvent>, ApplyRefusal> {
        match (self, command) {
            (Self::Nothing, ApplyCommand::Apply(application)) => {
                Ok(vec![ApplyEvent::Applied(Applied { application: application.clone() })])
            }
            (Self::Completed(known) | Self::Cancelled(known, _), ApplyCommand::Apply(application)) => {
                unchanged(known, application)
            }

            (Self::Nothing, ApplyCommand::Amend(_)) => Err(ApplyRefusal::NotFound),
            (Self::Completed(known), ApplyCommand::Amend(application)) => unchanged(known, application),
            (Self::Cancelled(..), ApplyCommand::Amend(_)) => Err(ApplyRefusal::AlreadyCancelled),

            (Self::Nothing, ApplyCommand::Cancel(CancelReason::StudentCancelled)) => {
                Err(ApplyRefusal::NotFound)
            }
            // A payment that no application stands behind ended: there is nothing to cancel here.
            (Self::Nothing, ApplyCommand::Cancel(_)) => Ok(vec![]),
            (Self::Completed(application), ApplyCommand::Cancel(reason)) => {
                let (application, reason) = (application.clone(), reason.clone());
                Ok(vec![ApplyEvent::ApplyCancelled(ApplyCancelled { application, reason })])
            }
            (Self::Cancelled(..), ApplyCommand::Cancel(_)) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &ApplyEvent) -> Self {
        match event.clone() {
            ApplyEvent::Applied(event) => Self::Completed(event.application),
            ApplyEvent::ApplyCancelled(event) => Self::Cancelled(event.application, event.reason),
        }
    }
}

fn unchanged(known: &Application, stated: &Application) -> Result<Vec<ApplyEvent>, ApplyRefusal> {
    if known == stated { Ok(vec![]) } else { Err(ApplyRefusal::DifferentApplication) }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{another_application, application};
    use super::*;
    use crate::kernel::spec::given;

    fn applied() -> ApplyEvent {
        ApplyEvent::Applied(Applied { application: application() })
    }

    fn cancelled(reason: CancelReason) -> ApplyEvent {
        ApplyEvent::ApplyCancelled(ApplyCancelled { application: application(), reason })
    }

    fn by_student() -> ApplyCommand {
        ApplyCommand::Cancel(CancelReason::StudentCancelled)
    }

    /// EL-F1
    #[test]
    fn a_student_applies() {
        given::<Apply>([]).when(ApplyCommand::Apply(application())).then([applied()]);
    }

    /// G5: the retry of a request finds its own application, cancelled or not.
    #[test]
    fn applying_again_under_the_same_id_changes_nothing() {
        given::<Apply>([applied()]).when(ApplyCommand::Apply(application())).then_nothing();
        given::<Apply>([applied(), cancelled(CancelReason::StudentCancelled)])
            .when(ApplyCommand::Apply(application()))
            .then_nothing();
    }

    /// G5
    #[test]
    fn applying_for_something_else_under_the_same_id_is_refused() {
        given::<Apply>([applied()])
            .when(ApplyCommand::Apply(another_application()))
            .then_refused(ApplyRefusal::DifferentApplication);
    }

    /// EL-F6, EL-I2: the recorded data survives the cancel (EL 1.3 I5).
    #[test]
    fn a_student_cancels_and_the_address_is_kept() {
        let after =
            given::<Apply>([applied()]).when(by_student()).then([cancelled(CancelReason::StudentCancelled)]);
        assert_eq!(after, Apply::Cancelled(application(), CancelReason::StudentCancelled));
    }

    /// EL-I8
    #[test]
    fn a_second_cancel_changes_nothing_whatever_its_reason() {
        let given_cancelled = || given::<Apply>([applied(), cancelled(CancelReason::StudentCancelled)]);
        given_cancelled().when(by_student()).then_nothing();
        given_cancelled().when(ApplyCommand::Cancel(CancelReason::PaymentCancelled)).then_nothing();
    }

    /// EL-I9
    #[test]
    fn a_cancelled_payment_cancels_the_application() {
        given::<Apply>([applied()])
            .when(ApplyCommand::Cancel(CancelReason::PaymentCancelled))
            .then([cancelled(CancelReason::PaymentCancelled)]);
    }

    /// EL-I14
    #[test]
    fn a_refused_payment_cancels_the_application_with_its_reason() {
        let reason = CancelReason::PaymentFailed { reason: "card declined".to_owned() };
        given::<Apply>([applied()]).when(ApplyCommand::Cancel(reason.clone())).then([cancelled(reason)]);
    }

    /// EL-I19
    #[test]
    fn an_unknown_application_can_neither_be_cancelled_nor_amended() {
        given::<Apply>([]).when(by_student()).then_refused(ApplyRefusal::NotFound);
        given::<Apply>([]).when(ApplyCommand::Amend(application())).then_refused(ApplyRefusal::NotFound);
    }

    /// EL-I18: a payment without an application ends on its own.
    #[test]
    fn the_end_of_a_payment_without_an_application_concerns_nobody() {
        given::<Apply>([]).when(ApplyCommand::Cancel(CancelReason::PaymentCancelled)).then_nothing();
    }

    /// EL-I19
    #[test]
    fn stating_what_is_true_changes_nothing_and_anything_else_is_refused() {
        given::<Apply>([applied()]).when(ApplyCommand::Amend(application())).then_nothing();
        given::<Apply>([applied()])
            .when(ApplyCommand::Amend(another_application()))
            .then_refused(ApplyRefusal::DifferentApplication);
    }

    /// EL-I19: no reactivation.
    #[test]
    fn a_cancelled_application_cannot_be_completed_again() {
        given::<Apply>([applied(), cancelled(CancelReason::StudentCancelled)])
            .when(ApplyCommand::Amend(application()))
            .then_refused(ApplyRefusal::AlreadyCancelled);
    }
}
