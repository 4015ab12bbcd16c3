//! Every way in which a request can fail, as RFC 9457 problem details with a stable `code`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use problem_details::ProblemDetails;
use serde::Serialize;

use super::InvalidField;
use crate::context::Stopped;
use crate::execute::{ExecuteError, Trouble};

/// How long a client should wait before it tries again what is unavailable, in seconds.
const RETRY_AFTER: u64 = 2;

/// Why a request was not carried out. Nothing was appended, except where it says otherwise.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// 400 `MALFORMED_BODY`: the body is not a JSON object.
    #[error("{0}")]
    MalformedBody(String),
    /// 400 `INVALID_INPUT`: fields are missing or make no sense; `errors` names each.
    #[error("some fields are missing or invalid")]
    InvalidInput(Vec<InvalidField>),
    /// 404 `NOT_FOUND`: nothing has this id.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// 404 `NO_SUCH_ROUTE`: no route has this path.
    #[error("nothing is served at this path")]
    NoSuchRoute,
    /// 405 `METHOD_NOT_ALLOWED`: the path does not take this method.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// 409 and a code of its own: the business says no.
    #[error("{1}")]
    Refused(&'static str, String),
    /// 409 `CONTENDED`: too many others change the same thing right now.
    #[error("too many others change this right now; try again")]
    Contended,
    /// 412 `PRECONDITION_FAILED`: `If-Match` names another revision than the current one.
    #[error("the resource is not at the revision that If-Match names")]
    PreconditionFailed,
    /// 413 `BODY_TOO_LARGE`: the body is over the limit.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// 422 `IDEMPOTENCY_KEY_REUSED`: the key was used for another request.
    #[error("this Idempotency-Key was used with another body")]
    IdempotencyKeyReused,
    /// 500 `INTERNAL`: a defect or a damaged log; the details are in our log only.
    #[error("something is wrong on our side")]
    Internal(String),
    /// 503 and a code of its own, with `Retry-After`: something that this needs is down. What was
    /// begun is finished later without the client.
    #[error("{1}")]
    Unavailable(&'static str, String),
}

/// What our problem details say beyond the standard.
#[derive(Serialize)]
struct Extension<'e> {
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'e [InvalidField],
}

impl ApiError {
    /// The status and the stable code.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedBody(_) => (StatusCode::BAD_REQUEST, "MALFORMED_BODY"),
            Self::InvalidInput(_) => (StatusCode::BAD_REQUEST, "INVALID_INPUT"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "NO_SUCH_ROUTE"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::Refused(code, _) => (StatusCode::CONFLICT, code),
            Self::Contended => (StatusCode::CONFLICT, "CONTENDED"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"),
            Self::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
            Self::Unavailable(code, _) => (StatusCode::SERVICE_UNAVAILABLE, code),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        match &self {
            Self::Internal(reason) => tracing::error!(code, %reason, "request failed"),
            Self::Unavailable(_, reason) => tracing::warn!(code, %reason, "request failed"),
            refused => tracing::debug!(code, %refused, "request refused"),
        }
        let errors = if let Self::InvalidInput(errors) = &self { errors.as_slice() } else { &[] };
        let problem = ProblemDetails::from_status_code(status)
            .with_detail(self.to_string())
            .with_extensions(Extension { code, errors });
        let mut response = problem.into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        response
    }
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        Self::Unavailable("CONTEXT_STOPPED", stopped.to_string())
    }
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Contended => Self::Contended,
            passing if passing.is_passing() => Self::Unavailable("STORE_UNAVAILABLE", passing.to_string()),
            lasting => Self::Internal(lasting.to_string()),
        }
    }
}

impl<R: Into<ApiError>> From<ExecuteError<R>> for ApiError {
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => refusal.into(),
            ExecuteError::Precondition(_) => Self::PreconditionFailed,
            ExecuteError::Trouble(trouble) => trouble.into(),
        }
    }
}
