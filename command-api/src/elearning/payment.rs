//! The payment context: takes the money for an application, and undoes it. Every step is on the log
//! before the next one begins, and all of them can be repeated.

use std::sync::Arc;

use async_trait::async_trait;
use domain::elearning::{Application, NOT_PAID_IN_TIME, PayStatus, Payment};
use domain::kernel::{RequestId, Shared};
use domain::payment::PaymentRefusal;

use super::delivery::CancelDelivery;
use crate::calls::{CallError, Callee, Port};
use crate::context::{Context, Stopped};
use crate::execute::{ExecuteError, Executor, Last, Loaded, Origin, Trouble};
use crate::payment_provider::{Charge, PaymentProvider, ProviderDown};
use crate::policies::Failure;

type PaymentCommand = domain::payment::PaymentCommand<Shared<Application>>;

/// What a payment begins with, and what follows at once where nobody has to be asked.
type Opening = (PaymentCommand, Option<PaymentCommand>);

/// Asks for the payment of an application; its id is the idempotency key.
#[derive(Debug, Clone)]
pub struct Pay {
    /// What is to be paid for.
    pub application: Shared<Application>,
    /// The payment as it stands, where its request was put on the log together with the application.
    pub requested: Option<Loaded<Payment>>,
}

/// How a payment went.
#[derive(Debug, Clone)]
pub struct Paid {
    /// Where it stands.
    pub status: PayStatus,
    /// Its last event; `None` when another process made it and did not say.
    pub last: Option<Last>,
}

/// Takes money and gives it back.
pub struct PaymentService {
    pub(super) executor: Executor,
    pub(super) context: Context,
    provider: Arc<dyn PaymentProvider>,
    cancel_delivery: Port<CancelDelivery, ()>,
}

/// Why money was neither taken nor given back.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// The context does not run here.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The business says no.
    #[error(transparent)]
    Refused(PaymentRefusal),
    /// The payment is not at the revision that the caller asked for; it is at this one.
    #[error("the revision is not the expected one")]
    Precondition(Option<u64>),
    /// The provider does not answer.
    #[error(transparent)]
    Provider(#[from] ProviderDown),
    /// The delivery could not be cancelled, so the money is kept for now.
    #[error("the delivery could not be cancelled: {0}")]
    Delivery(CallError),
    /// The log.
    #[error(transparent)]
    Trouble(Trouble),
}

impl From<ExecuteError<PaymentRefusal>> for PayError {
    fn from(error: ExecuteError<PaymentRefusal>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::Precondition(actual) => Self::Precondition(actual),
            ExecuteError::Trouble(trouble) => Self::Trouble(trouble),
        }
    }
}

impl PaymentService {
    /// A service of this context.
    pub fn new(
        executor: Executor,
        context: Context,
        provider: Arc<dyn PaymentProvider>,
        cancel_delivery: Port<CancelDelivery, ()>,
    ) -> Self {
        Self { executor, context, provider, cancel_delivery }
    }

    /// Takes the money for an application, once, however often it is asked.
    ///
    /// # Errors
    /// `PayError`. What was begun is on the log; asking again goes on from there.
    pub async fn pay(
        &self,
        application: &Shared<Application>,
        origin: &Origin,
    ) -> Result<Loaded<Payment>, PayError> {
        self.context.check()?;
        let request = PaymentCommand::Request(application.clone());
        // The provider is asked only on what the log holds now.
        let requested: Loaded<Payment> =
            self.executor.execute_current(&application.id, &request, origin).await?;
        self.charge(requested, origin).await
    }

    /// What the payment of a new application begins with.
    pub(super) fn opening(&self, application: &Shared<Application>) -> Opening {
        let request = PaymentCommand::Request(application.clone());
        let charge = self.provider.foretell(application.id, Some(application.amount));
        (request, charge.and_then(answer))
    }

    /// Takes the money that was requested; leaves alone what was not.
    async fn charge(&self, requested: Loaded<Payment>, origin: &Origin) -> Result<Loaded<Payment>, PayError> {
        let Payment::Requested(sale) = &requested.state else { return Ok(requested) };
        let origin = origin.after(requested.last.map(|last| last.id));
        let id = sale.id;
        match answer(self.provider.charge(id, Some(sale.amount)).await?) {
            Some(answer) => Ok(self.executor.execute_on(&id, requested, &answer, &origin).await?),
            None => self.executor.load(&id).await.map_err(PayError::Trouble),
        }
    }

    /// Undoes the payment of an application: first its delivery, then the money (EL-N1.1).
    ///
    /// # Errors
    /// `PayError`. What was begun is on the log; asking again goes on from there.
    pub async fn cancel(
        &self,
        application: &Shared<Application>,
        origin: &Origin,
        revision: Option<u64>,
    ) -> Result<Loaded<Payment>, PayError> {
        self.context.check()?;
        let id = application.id;
        let cancel = PaymentCommand::Cancel(application.clone());
        let cancelling: Loaded<Payment> = self.executor.execute_at(&id, &cancel, origin, revision).await?;
        self.undo(cancelling, origin).await
    }

    /// Gives the payment of an application up, unless it was made in time: no money is taken any more,
    /// and what was taken all the same goes back (EL-I14).
    ///
    /// # Errors
    /// `PayError`. What was begun is on the log; asking again goes on from there.
    pub async fn give_up(
        &self,
        application: &Shared<Application>,
        origin: &Origin,
    ) -> Result<Loaded<Payment>, PayError> {
        self.context.check()?;
        let give_up = PaymentCommand::GiveUp(application.clone(), NOT_PAID_IN_TIME.to_owned());
        let given_up: Loaded<Payment> = self.executor.execute(&application.id, &give_up, origin).await?;
        self.undo(given_up, origin).await
    }

    /// Finishes what is to be undone; leaves alone what is not.
    async fn undo(&self, payment: Loaded<Payment>, origin: &Origin) -> Result<Loaded<Payment>, PayError> {
        let (Payment::Cancelling(sale, _) | Payment::GivingUp(sale, _)) = &payment.state else {
            return Ok(payment);
        };
        let id = sale.id;
        let origin = origin.after(payment.last.map(|last| last.id));
        let cancelled = self.cancel_delivery.call(CancelDelivery(sale.clone()), origin.clone()).await;
        cancelled.map_err(PayError::Delivery)?;
        self.provider.void(id).await?;
        Ok(self.executor.execute(&id, &PaymentCommand::ConfirmCancel, &origin).await?)
    }

    /// The payment as it stands.
    ///
    /// # Errors
    /// `PayError`.
    pub async fn load(&self, id: RequestId) -> Result<Loaded<Payment>, PayError> {
        self.context.check()?;
        self.executor.load(&id).await.map_err(PayError::Trouble)
    }
}

/// What the provider's answer means for the payment; `None` when somebody else has undone it.
fn answer(charge: Charge) -> Option<PaymentCommand> {
    match charge {
        Charge::Taken(receipt) => Some(PaymentCommand::Confirm(receipt)),
        Charge::Declined(reason) => Some(PaymentCommand::Fail(reason)),
        Charge::Voided => None,
    }
}

impl Paid {
    /// How the payment stands on the log; `None` while there is none.
    pub(super) fn of(payment: &Loaded<Payment>) -> Option<Self> {
        let status = match payment.state {
            Payment::Nothing => return None,
            Payment::Requested(_) => PayStatus::Pending,
            Payment::Completed(..) => PayStatus::Completed,
            Payment::Failed(..) => PayStatus::Failed,
            Payment::GivingUp(..) | Payment::Cancelling(..) => PayStatus::Cancelling,
            Payment::Cancelled(_) => PayStatus::Cancelled,
        };
        Some(Self { status, last: payment.last })
    }
}

#[async_trait]
impl Callee<Pay, Paid> for PaymentService {
    async fn call(&self, Pay { application, requested }: Pay, origin: Origin) -> Result<Paid, CallError> {
        let payment = match requested {
            Some(requested) => self.charge(requested, &origin).await?,
            None => self.pay(&application, &origin).await?,
        };
        Paid::of(&payment).ok_or_else(|| CallError::Unavailable("the payment vanished".to_owned()))
    }
}

impl From<PayError> for CallError {
    fn from(error: PayError) -> Self {
        match error {
            PayError::Refused(refusal) => Self::Refused(refusal.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<PayError> for Failure {
    fn from(error: PayError) -> Self {
        match &error {
            PayError::Refused(_) | PayError::Precondition(_) | PayError::Delivery(CallError::Refused(_)) => {
                Self::Never(error.to_string())
            }
            PayError::Trouble(trouble) if !trouble.is_passing() => Self::Never(error.to_string()),
            PayError::Stopped(_) | PayError::Provider(_) | PayError::Delivery(_) | PayError::Trouble(_) => {
                Self::Later(error.to_string())
            }
        }
    }
}
