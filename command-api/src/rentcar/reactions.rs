//! Carries out what the policies of car rental want.

use async_trait::async_trait;
use domain::kernel::RequestId;
use domain::rentcar::{
    Car, CarCommand, CarId, Command, ReleaseReason, Rental, RentalCommand, Reservation, ReservationCommand,
};

use crate::execute::{Executor, Loaded, Origin};
use crate::policies::{Failure, Handler};

/// Everything that policies want is a decision of an aggregate.
pub(super) struct Reactions {
    pub(super) executor: Executor,
}

impl Reactions {
    async fn rental(&self, id: RequestId, command: RentalCommand, origin: &Origin) -> Result<(), Failure> {
        self.executor.execute::<Rental>(&id, &command, origin).await?;
        Ok(())
    }

    async fn release(
        &self,
        car: &CarId,
        request: RequestId,
        reason: ReleaseReason,
        origin: &Origin,
    ) -> Result<(), Failure> {
        self.executor.execute::<Car>(car, &CarCommand::Release(request, reason), origin).await?;
        Ok(())
    }
}

#[async_trait]
impl Handler<Command> for Reactions {
    async fn handle(&self, command: &Command, origin: &Origin) -> Result<(), Failure> {
        match command {
            Command::Allocate(booking) => {
                let allocate = RentalCommand::Allocate(booking.clone());
                self.executor.execute_new::<Rental>(&booking.reservation_id, &allocate, origin).await?;
                Ok(())
            }
            Command::CancelAllocation(booking) => {
                let cancel = RentalCommand::CancelAllocation(booking.clone());
                self.rental(booking.reservation_id, cancel, origin).await
            }
            Command::CompleteUse(booking) => {
                self.rental(booking.reservation_id, RentalCommand::CompleteUse, origin).await
            }
            Command::Release(car, request, reason) => self.release(car, *request, *reason, origin).await,
            Command::ConfirmHold(car, request) => {
                let reject = ReservationCommand::Reject(*request, car.clone());
                let reservation: Loaded<Reservation> =
                    self.executor.execute(request, &reject, origin).await?;
                if reservation.state.needs(car) {
                    return Ok(());
                }
                self.release(car, *request, ReleaseReason::ReservationRejected, origin).await
            }
        }
    }
}
