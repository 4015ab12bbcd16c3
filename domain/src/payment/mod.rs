//! Payment: somebody pays for a sale, once, and may get it back.
//!
//! A generic subdomain: it knows who pays and how much through [`Sale`] and nothing else of the
//! business that sells. Every event carries the whole sale and says alone where the payment stands,
//! so a reader of one event needs no other.

use std::fmt::Debug;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kernel::{Aggregate, Money, RequestId, shared_text, wire};

/// What is paid for.
pub trait Sale: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The business that sells.
    const SYSTEM: &'static str;
    /// The facts of that business, of which those of the payment are some.
    type Fact: From<PaymentEvent<Self>> + Send + Sync + 'static;

    /// The request that is paid for: at most one payment belongs to it.
    fn request(&self) -> RequestId;

    /// How much; `None` where the business leaves prices to somebody else.
    fn amount(&self) -> Option<Money>;
}

/// Where the payment of one request stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Payment<S> {
    /// Nobody asked for money yet.
    #[default]
    Nothing,
    /// The provider is to be asked, is being asked, or did not answer.
    Requested(S),
    /// The money was taken.
    Completed(S, Receipt),
    /// The provider refused for good, or was given up. No money is kept.
    Failed(S, String),
    /// It could not be made in time, and why that is; to be undone, whatever the provider did.
    GivingUp(S, String),
    /// It is to be undone; `Some` when the money is known to be taken.
    Cancelling(S, Option<Receipt>),
    /// Undone, or forestalled before anything happened. Final.
    Cancelled(S),
}

/// The provider's reference for money that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Receipt(#[serde(deserialize_with = "shared_text")] pub Arc<str>);

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentCommand<S> {
    /// Take the money for this sale.
    Request(S),
    /// The provider took the money.
    Confirm(Receipt),
    /// The provider refused for good, and why.
    Fail(String),
    /// It was tried for long enough: unless it is paid, make sure that it never will be, and why.
    GiveUp(S, String),
    /// Undo it, or make sure that it never happens.
    Cancel(S),
    /// Everything that hung on the payment is undone, and no money of it is kept.
    ConfirmCancel,
}

/// What can have happened to a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentEvent<S> {
    /// The provider is about to be asked. On the log before it is, so that a crash cannot hide money.
    PayRequested(PayRequested<S>),
    /// The provider took the money.
    PayCompleted(PayCompleted<S>),
    /// The provider refused for good, or was given up and keeps no money.
    PayFailed(PayFailed<S>),
    /// It was not made in time. Whether the provider took the money is not known: it is to be undone.
    PayGivenUp(PayGivenUp<S>),
    /// It is to be undone.
    PayCancelRequested(PayCancelRequested<S>),
    /// It is undone, or will never happen.
    PayCancelled(PayCancelled<S>),
}

wire! { PaymentEvent<S: Sale> {
    PayRequested = "PayRequested" v 1,
    PayCompleted = "PayCompleted" v 1,
    PayFailed = "PayFailed" v 1,
    PayGivenUp = "PayGivenUp" v 1,
    PayCancelRequested = "PayCancelRequested" v 1,
    PayCancelled = "PayCancelled" v 1,
} }

/// Payload of [`PaymentEvent::PayRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayRequested<S> {
    /// What is paid for.
    pub sale: S,
}

/// Payload of [`PaymentEvent::PayCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayCompleted<S> {
    /// What is paid for.
    pub sale: S,
    /// The provider's reference.
    pub receipt: Receipt,
    /// The money came after the cancel was requested: nothing may be handed over for it.
    pub cancelling: bool,
}

/// Payload of [`PaymentEvent::PayFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayFailed<S> {
    /// What was to be paid for.
    pub sale: S,
    /// The provider's reason, or ours.
    pub reason: String,
}

/// Payload of [`PaymentEvent::PayGivenUp`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayGivenUp<S> {
    /// What was to be paid for.
    pub sale: S,
    /// Why it is not tried any longer.
    pub reason: String,
}

/// Payload of [`PaymentEvent::PayCancelRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayCancelRequested<S> {
    /// What was paid for.
    pub sale: S,
    /// The provider's reference, when the money is known to be taken.
    pub receipt: Option<Receipt>,
}

/// Payload of [`PaymentEvent::PayCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayCancelled<S> {
    /// What was paid for.
    pub sale: S,
}

/// Why a payment can say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// The request is being paid for on other terms.
    #[error("another sale is being paid for under this id")]
    DifferentSale,
    /// It was cancelled before; cancelled is final.
    #[error("the payment is cancelled")]
    AlreadyCancelled,
    /// The provider took the money before.
    #[error("the payment is completed")]
    AlreadyCompleted,
    /// The provider refused before; refused is final.
    #[error("the payment has failed")]
    AlreadyFailed,
    /// Nobody asked for this.
    #[error("nothing of the kind was requested")]
    NotRequested,
}

impl<S: Sale> Aggregate for Payment<S> {
    const SYSTEM: &'static str = S::SYSTEM;
    const NAME: &'static str = "payment";
    type Command = PaymentCommand<S>;
    type Event = PaymentEvent<S>;
    type Fact = S::Fact;
    type Refusal = PaymentRefusal;

    fn decide(&self, command: &PaymentCommand<S>) -> Result<Vec<PaymentEvent<S>>, PaymentRefusal> {
        match command {
            PaymentCommand::Request(sale) => self.request(sale),
            PaymentCommand::Confirm(receipt) => self.confirm(receipt),
            PaymentCommand::Fail(reason) => self.fail(reason),
            PaymentCommand::GiveUp(sale, reason) => Ok(self.give_up(sale, reason)),
            PaymentCommand::Cancel(sale) => Ok(self.cancel(sale)),
            PaymentCommand::ConfirmCancel => self.confirm_cancel(),
        }
    }

    fn evolve(self, event: &PaymentEvent<S>) -> Self {
        match event.clone() {
            PaymentEvent::PayRequested(event) => Self::Requested(event.sale),
            PaymentEvent::PayCompleted(event) if event.cancelling => {
                Self::Cancelling(event.sale, Some(event.receipt))
            }
            PaymentEvent::PayCompleted(event) => Self::Completed(event.sale, event.receipt),
            PaymentEvent::PayFailed(event) => Self::Failed(event.sale, event.reason),
            PaymentEvent::PayGivenUp(event) => Self::GivingUp(event.sale, event.reason),
            PaymentEvent::PayCancelRequested(event) => Self::Cancelling(event.sale, event.receipt),
            PaymentEvent::PayCancelled(event) => Self::Cancelled(event.sale),
        }
    }
}

impl<S: Sale> Payment<S> {
    /// What is paid for; `None` while there is nothing.
    pub fn sale(&self) -> Option<&S> {
        match self {
            Self::Nothing => None,
            Self::Requested(sale)
            | Self::Completed(sale, _)
            | Self::Failed(sale, _)
            | Self::GivingUp(sale, _)
            | Self::Cancelling(sale, _)
            | Self::Cancelled(sale) => Some(sale),
        }
    }

    fn request(&self, sale: &S) -> Result<Vec<PaymentEvent<S>>, PaymentRefusal> {
        match self {
            Self::Nothing => Ok(vec![PaymentEvent::PayRequested(PayRequested { sale: sale.clone() })]),
            Self::GivingUp(..) | Self::Cancelling(..) | Self::Cancelled(_) => {
                Err(PaymentRefusal::AlreadyCancelled)
            }
            Self::Requested(known) | Self::Completed(known, _) | Self::Failed(known, _) if known == sale => {
                Ok(vec![])
            }
            Self::Requested(_) | Self::Completed(..) | Self::Failed(..) => Err(PaymentRefusal::DifferentSale),
        }
    }

    fn confirm(&self, receipt: &Receipt) -> Result<Vec<PaymentEvent<S>>, PaymentRefusal> {
        let completed = |sale: &S, cancelling| {
            let (sale, receipt) = (sale.clone(), receipt.clone());
            Ok(vec![PaymentEvent::PayCompleted(PayCompleted { sale, receipt, cancelling })])
        };
        match self {
            Self::Requested(sale) => completed(sale, false),
            Self::GivingUp(sale, _) | Self::Cancelling(sale, None) => completed(sale, true),
            // The provider was told to void before the cancel was confirmed: the money is back.
            Self::Completed(..) | Self::Cancelling(_, Some(_)) | Self::Cancelled(_) => Ok(vec![]),
            Self::Failed(..) => Err(PaymentRefusal::AlreadyFailed),
            Self::Nothing => Err(PaymentRefusal::NotRequested),
        }
    }

    fn fail(&self, reason: &str) -> Result<Vec<PaymentEvent<S>>, PaymentRefusal> {
        match self {
            Self::Requested(sale) => {
                let (sale, reason) = (sale.clone(), reason.to_owned());
                Ok(vec![PaymentEvent::PayFailed(PayFailed { sale, reason })])
            }
            // No money was taken, which is what a cancel wants.
            Self::Failed(..) | Self::GivingUp(..) | Self::Cancelling(..) | Self::Cancelled(_) => Ok(vec![]),
            Self::Completed(..) => Err(PaymentRefusal::AlreadyCompleted),
            Self::Nothing => Err(PaymentRefusal::NotRequested),
        }
    }

    fn give_up(&self, sale: &S, reason: &str) -> Vec<PaymentEvent<S>> {
        let reason = reason.to_owned();
        match self {
            // The provider was never asked, and never will be.
            Self::Nothing => vec![PaymentEvent::PayFailed(PayFailed { sale: sale.clone(), reason })],
            Self::Requested(sale) => {
                vec![PaymentEvent::PayGivenUp(PayGivenUp { sale: sale.clone(), reason })]
            }
            // In time after all, or ended otherwise.
            Self::Completed(..)
            | Self::Failed(..)
            | Self::GivingUp(..)
            | Self::Cancelling(..)
            | Self::Cancelled(_) => vec![],
        }
    }

    fn cancel(&self, sale: &S) -> Vec<PaymentEvent<S>> {
        let requested = |sale: &S, receipt: Option<&Receipt>| {
            let (sale, receipt) = (sale.clone(), receipt.cloned());
            vec![PaymentEvent::PayCancelRequested(PayCancelRequested { sale, receipt })]
        };
        match self {
            // A tombstone: the provider was never asked, and never will be.
            Self::Nothing => vec![PaymentEvent::PayCancelled(PayCancelled { sale: sale.clone() })],
            Self::Requested(sale) => requested(sale, None),
            Self::Completed(sale, receipt) => requested(sale, Some(receipt)),
            Self::Failed(..) | Self::GivingUp(..) | Self::Cancelling(..) | Self::Cancelled(_) => vec![],
        }
    }

    fn confirm_cancel(&self) -> Result<Vec<PaymentEvent<S>>, PaymentRefusal> {
        match self {
            Self::Cancelling(sale, _) => {
                Ok(vec![PaymentEvent::PayCancelled(PayCancelled { sale: sale.clone() })])
            }
            Self::GivingUp(sale, reason) => {
                let (sale, reason) = (sale.clone(), reason.clone());
                Ok(vec![PaymentEvent::PayFailed(PayFailed { sale, reason })])
            }
            Self::Cancelled(_) | Self::Failed(..) => Ok(vec![]),
            Self::Nothing | Self::Requested(_) | Self::Completed(..) => Err(PaymentRefusal::NotRequested),
        }
    }
}

#[cfg(test)]
mod tests;
