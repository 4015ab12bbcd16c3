//! The apply context: `/applies`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use domain::elearning::{
    Application, Apply, ApplyCommand, ApplyRefusal, ApplyStatus, CancelReason, PayStatus, Resource,
};
use domain::kernel::{RequestId, Shared};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::input::{amendment, application};
use super::{Paid, Pay, PaymentService};
use crate::calls::{CallError, Port};
use crate::context::Context;
use crate::execute::{ExecuteError, Executor, Last, Loaded, Origin};
use crate::http::{ApiError, Base, Caller, Fields, Hal, IfMatch, NewId, PathId, answer};

/// What a student reads while the payment waits, in the words of the documents (SPEC 1.4, D1).
const BUSY: &str = "Pay service is BUSY. Try again later";

/// Takes applications and cancels them.
pub(super) struct ApplyService {
    executor: Executor,
    context: Context,
    pay: Port<Pay, Paid>,
    /// The payment context, where it is in this process.
    payment: Option<Arc<PaymentService>>,
    service_type: Arc<str>,
}

impl ApplyService {
    /// A service of this context, which asks for payments through `pay`.
    pub(super) fn new(
        executor: Executor,
        context: Context,
        pay: Port<Pay, Paid>,
        payment: Option<Arc<PaymentService>>,
        service_type: Arc<str>,
    ) -> Self {
        Self { executor, context, pay, payment, service_type }
    }

    /// Takes an application, once, however often it is sent, and asks for its payment.
    async fn apply(
        &self,
        application: &Shared<Application>,
        repeatable: bool,
        origin: &Origin,
    ) -> Result<(Loaded<Apply>, PaymentOutcome), ApiError> {
        let applied = match repeatable && self.executor.knows::<Apply>(&application.id).await? {
            true => self.apply_again(application, origin).await,
            false => self.apply_new(application, origin).await,
        };
        applied.map_err(|error| match error {
            ExecuteError::Refused(ApplyRefusal::DifferentApplication) => ApiError::IdempotencyKeyReused,
            error => error.into(),
        })
    }

    /// Takes an application that nobody sent before, or somebody at this moment. Where its payment is made
    /// here, it begins on the log together with the application: one sync instead of two.
    async fn apply_new(
        &self,
        application: &Shared<Application>,
        origin: &Origin,
    ) -> Result<(Loaded<Apply>, PaymentOutcome), ExecuteError<ApplyRefusal>> {
        let (id, apply) = (application.id, ApplyCommand::Apply(application.clone()));
        let here = self.payment.as_ref().filter(|payment| payment.context.is_running());
        let entered = self.pay.enter();
        let (applied, requested) = match (&entered, here) {
            (Ok(_), Some(payment)) => {
                let (request, at_once) = payment.opening(application);
                let follows = (&request, at_once.as_ref());
                let (applied, requested) = self.executor.execute_both(&id, &apply, follows, origin).await?;
                // What became of a request that is not on the log, a call finds out.
                (applied, requested.ok())
            }
            _ => (self.executor.execute_new(&id, &apply, origin).await?, None),
        };
        let origin = origin.after(applied.last.map(|last| last.id));
        let question = Pay { application: application.clone(), requested };
        let paid = match entered {
            Ok(entered) => entered.call(question, origin).await,
            Err(error) => Err(error),
        };
        Ok((applied, outcome(id, paid)))
    }

    /// Takes an application that is known, and asks for its payment unless it was cancelled since.
    async fn apply_again(
        &self,
        application: &Shared<Application>,
        origin: &Origin,
    ) -> Result<(Loaded<Apply>, PaymentOutcome), ExecuteError<ApplyRefusal>> {
        let (id, apply) = (application.id, ApplyCommand::Apply(application.clone()));
        let applied = self.executor.execute(&id, &apply, origin).await?;
        let payment = match &applied.state {
            Apply::Cancelled(..) => {
                PaymentOutcome { status: PayStatus::Cancelled, last: None, message: None }
            }
            Apply::Nothing | Apply::Completed(_) => {
                let origin = origin.after(applied.last.map(|last| last.id));
                let question = Pay { application: application.clone(), requested: None };
                outcome(id, self.pay.call(question, origin).await)
            }
        };
        Ok((applied, payment))
    }

    /// Cancels an application.
    pub(super) async fn cancel(
        &self,
        id: RequestId,
        reason: CancelReason,
        origin: &Origin,
        revision: Option<u64>,
    ) -> Result<Loaded<Apply>, ExecuteError<ApplyRefusal>> {
        self.executor.execute_at(&id, &ApplyCommand::Cancel(reason), origin, revision).await
    }

    /// Whether this context runs.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }
}

/// What came of asking for a payment. Whatever keeps it from being made now, a policy makes sure of it later.
fn outcome(application: RequestId, paid: Result<Paid, CallError>) -> PaymentOutcome {
    match paid {
        Ok(Paid { status, last }) => PaymentOutcome { status, last, message: None },
        Err(CallError::Refused(reason)) => {
            tracing::info!(%application, %reason, "payment refused");
            PaymentOutcome { status: PayStatus::Cancelled, last: None, message: None }
        }
        Err(reason) => {
            tracing::warn!(%application, %reason, "StudentApply {BUSY}");
            PaymentOutcome { status: PayStatus::Pending, last: None, message: Some(BUSY) }
        }
    }
}

/// What came of the synchronous payment.
struct PaymentOutcome {
    status: PayStatus,
    last: Option<Last>,
    message: Option<&'static str>,
}

/// An application just made, and how its payment went.
struct AppliedResource<'p>(Resource, &'p PaymentOutcome);

impl Serialize for AppliedResource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(resource, PaymentOutcome { status, message, .. }) = self;
        let mut json = serializer.serialize_struct("AppliedResource", 13)?;
        resource.serialize_fields(&mut json)?;
        json.serialize_field("payStatus", status)?;
        if message.is_some() {
            json.serialize_field("message", message)?;
        }
        json.end()
    }
}

/// The routes of this context.
pub(super) fn router(service: Arc<ApplyService>) -> Router {
    Router::new()
        .route("/applies", post(apply))
        .route("/applies/{id}", get(show).put(change).patch(change))
        .with_state(service)
}

/// `POST /applies`: apply, then pay.
async fn apply(
    State(service): State<Arc<ApplyService>>,
    NewId { id, repeatable }: NewId,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let (application, status) = application(&mut fields, id, "address")?;
    if status == Some(ApplyStatus::Cancelled) {
        fields.reject("applyStatus", "an application begins completed");
        fields.check()?;
    }
    let origin = caller.origin(id, &format!("student:{}", application.student_id));
    let (applied, payment) = service.apply(&application, repeatable, &origin).await?;
    let resource = resource(&applied)?;
    tracing::info!(application = %id, pay_status = ?payment.status, "applied; CFG_SERVICE_TYPE: {}", service.service_type);
    let position = payment.last.or(applied.last).map(|last| last.position);
    let last = applied.last.map(|last| Last { position: position.unwrap_or(last.position), ..last });
    let resource = AppliedResource(resource, &payment);
    Ok(answer(StatusCode::CREATED, with_links(&resource, id, &base), last))
}

/// `GET /applies/{id}`: the application as it stands on the log.
async fn show(
    State(service): State<Arc<ApplyService>>,
    PathId(id): PathId,
    base: Base,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let loaded = service.executor.load(&id).await?;
    Ok(answer(StatusCode::OK, with_links(&resource(&loaded)?, id, &base), loaded.last))
}

/// `PUT` and `PATCH /applies/{id}`: cancel, or state what is true.
async fn change(
    State(service): State<Arc<ApplyService>>,
    PathId(id): PathId,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let known: Loaded<Apply> = service.executor.load(&id).await?;
    let application = match &known.state {
        Apply::Nothing => None,
        Apply::Completed(application) | Apply::Cancelled(application, _) => Some(application),
    };
    let (amended, status) = amendment(&mut fields, application, "address")?;
    let amended = amended.ok_or(ApiError::NotFound("application"))?;
    let origin = caller.origin(id, &format!("student:{}", amended.student_id));
    let changed = match status {
        ApplyStatus::Cancelled => {
            service.cancel(id, CancelReason::StudentCancelled, &origin, revision).await?
        }
        ApplyStatus::Completed => {
            service.executor.execute_at(&id, &ApplyCommand::Amend(amended), &origin, revision).await?
        }
    };
    Ok(answer(StatusCode::OK, with_links(&resource(&changed)?, id, &base), changed.last))
}

fn resource(loaded: &Loaded<Apply>) -> Result<Resource, ApiError> {
    Resource::apply(&loaded.state).ok_or(ApiError::NotFound("application"))
}

fn with_links(resource: &impl Serialize, id: RequestId, base: &Base) -> Hal {
    let id = id.to_string();
    Hal::new(resource, base, "apply", "/applies/", &id)
        .link("pay", "/pays/", &id)
        .link("delivery", "/deliveries/", &id)
        .link("myPage", "/myPages/", &id)
}

impl From<ApplyRefusal> for ApiError {
    fn from(refusal: ApplyRefusal) -> Self {
        let reason = refusal.to_string();
        match refusal {
            ApplyRefusal::NotFound => Self::NotFound("application"),
            ApplyRefusal::AlreadyCancelled => Self::Refused("APPLY_ALREADY_CANCELLED", reason),
            ApplyRefusal::DifferentApplication => Self::Refused("APPLY_IS_IMMUTABLE", reason),
        }
    }
}
