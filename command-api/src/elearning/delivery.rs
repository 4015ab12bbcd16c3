//! The delivery context: `/deliveries`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use domain::elearning::{Application, ApplyStatus, Delivery, DeliveryCommand, Resource};
use domain::kernel::{RequestId, Shared};

use super::input::{application, id};
use crate::calls::{CallError, Callee};
use crate::context::{Context, Stopped};
use crate::execute::{ExecuteError, Executor, Loaded, Origin, Trouble};
use crate::http::{ApiError, Base, Caller, Fields, Hal, PathId, answer};
use crate::policies::Failure;

/// Asks that the delivery of an application be cancelled; its id is the idempotency key.
#[derive(Debug, Clone)]
pub struct CancelDelivery(pub Shared<Application>);

/// Starts deliveries and cancels them.
pub struct DeliveryService {
    executor: Executor,
    context: Context,
}

/// Why nothing was done about a delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The context does not run here.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The log.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl DeliveryService {
    /// A service of this context.
    pub fn new(executor: Executor, context: Context) -> Self {
        Self { executor, context }
    }

    /// Starts a delivery, or cancels it.
    ///
    /// # Errors
    /// `DeliveryError`.
    pub async fn execute(
        &self,
        id: RequestId,
        command: &DeliveryCommand,
        origin: &Origin,
    ) -> Result<Loaded<Delivery>, DeliveryError> {
        self.context.check()?;
        let executed = match command {
            DeliveryCommand::Start(_) => self.executor.execute_new(&id, command, origin).await,
            DeliveryCommand::Cancel(_) => self.executor.execute(&id, command, origin).await,
        };
        executed.map_err(|error| match error {
            ExecuteError::Refused(never) => match never {},
            ExecuteError::Precondition(_) => Trouble::Contended.into(),
            ExecuteError::Trouble(trouble) => trouble.into(),
        })
    }

    async fn load(&self, id: RequestId) -> Result<Loaded<Delivery>, DeliveryError> {
        self.context.check()?;
        Ok(self.executor.load(&id).await?)
    }
}

#[async_trait]
impl Callee<CancelDelivery, ()> for DeliveryService {
    async fn call(
        &self,
        CancelDelivery(application): CancelDelivery,
        origin: Origin,
    ) -> Result<(), CallError> {
        let id = application.id;
        match self.execute(id, &DeliveryCommand::Cancel(application), &origin).await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::Unavailable(error.to_string())),
        }
    }
}

/// The routes of this context.
pub(super) fn router(service: Arc<DeliveryService>) -> Router {
    Router::new()
        .route("/deliveries", post(change))
        .route("/deliveries/{id}", get(show))
        .route("/deliveries/{id}/cancel", post(cancel))
        .with_state(service)
}

/// `POST /deliveries`: the command between the contexts, which is a cancel in disguise (SPEC 1.2).
async fn change(
    State(service): State<Arc<DeliveryService>>,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let id = id(&mut fields)?;
    let (application, status) = application(&mut fields, id, "deliveryAddress")?;
    if status != Some(ApplyStatus::Cancelled) {
        fields.reject("applyStatus", "must be cancelled: a delivery starts by itself once it is paid for");
        fields.check()?;
    }
    let origin = caller.origin(id, "context:payment");
    let delivery = service.execute(id, &DeliveryCommand::Cancel(application), &origin).await?;
    respond(StatusCode::CREATED, &delivery, id, &base)
}

/// `POST /deliveries/{id}/cancel`: cancels a delivery that is there.
async fn cancel(
    State(service): State<Arc<DeliveryService>>,
    PathId(id): PathId,
    caller: Caller,
    base: Base,
) -> Result<Response, ApiError> {
    let delivery = service.load(id).await?;
    let (Delivery::Started(application) | Delivery::Cancelled(application)) = delivery.state else {
        return Err(ApiError::NotFound("delivery"));
    };
    let origin = caller.origin(id, "operator");
    let delivery = service.execute(id, &DeliveryCommand::Cancel(application), &origin).await?;
    respond(StatusCode::OK, &delivery, id, &base)
}

/// `GET /deliveries/{id}`: the delivery as it stands on the log.
async fn show(
    State(service): State<Arc<DeliveryService>>,
    PathId(id): PathId,
    base: Base,
) -> Result<Response, ApiError> {
    respond(StatusCode::OK, &service.load(id).await?, id, &base)
}

fn respond(
    status: StatusCode,
    delivery: &Loaded<Delivery>,
    id: RequestId,
    base: &Base,
) -> Result<Response, ApiError> {
    let resource = Resource::delivery(&delivery.state).ok_or(ApiError::NotFound("delivery"))?;
    let id = id.to_string();
    let resource = Hal::new(&resource, base, "delivery", "/deliveries/", &id)
        .link("apply", "/applies/", &id)
        .link("pay", "/pays/", &id);
    Ok(answer(status, resource, delivery.last))
}

impl From<DeliveryError> for ApiError {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Stopped(stopped) => stopped.into(),
            DeliveryError::Trouble(trouble) => trouble.into(),
        }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        match &error {
            DeliveryError::Trouble(trouble) if !trouble.is_passing() => Self::Never(error.to_string()),
            DeliveryError::Trouble(_) | DeliveryError::Stopped(_) => Self::Later(error.to_string()),
        }
    }
}
