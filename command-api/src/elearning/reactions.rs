//! Carries out what the policies of e-learning want.

use std::sync::Arc;

use async_trait::async_trait;
use domain::elearning::{Command, DeliveryCommand};
use domain::payment::PaymentRefusal;

use super::apply::ApplyService;
use super::payment::PayError;
use super::{DeliveryService, PaymentService};
use crate::execute::Origin;
use crate::policies::{Failure, Handler};

/// The services that the commands of policies go to.
pub(super) struct Reactions {
    pub(super) applies: Arc<ApplyService>,
    pub(super) payments: Arc<PaymentService>,
    pub(super) deliveries: Arc<DeliveryService>,
}

#[async_trait]
impl Handler<Command> for Reactions {
    async fn handle(&self, command: &Command, origin: &Origin) -> Result<(), Failure> {
        match command {
            Command::Pay(application) => match self.payments.pay(application, origin).await {
                // Cancelled or given up before it was paid: there is nothing to make sure of any more
                // (EL-I15), whatever the provider said at last.
                Ok(_)
                | Err(PayError::Refused(PaymentRefusal::AlreadyCancelled | PaymentRefusal::AlreadyFailed)) => {
                    Ok(())
                }
                Err(error) => Err(error.into()),
            },
            Command::GiveUpPayment(application) => {
                self.payments.give_up(application, origin).await?;
                Ok(())
            }
            Command::CancelPayment(application) => {
                self.payments.cancel(application, origin, None).await?;
                Ok(())
            }
            Command::StartDelivery(application) => {
                let start = DeliveryCommand::Start(application.clone());
                self.deliveries.execute(application.id, &start, origin).await?;
                Ok(())
            }
            Command::CancelApply(id, reason) => {
                let stopped = |stopped| Failure::Later(format!("{stopped}"));
                self.applies.context().check().map_err(stopped)?;
                self.applies.cancel(*id, reason.clone(), origin, None).await?;
                Ok(())
            }
        }
    }
}
