//! Every way in which a query can fail, as RFC 9457 problem details with a stable `code`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_store::{Position, ReadError};
use problem_details::ProblemDetails;
use serde::Serialize;

use super::freshness::AsOf;

/// How long a client should wait before it asks again, in seconds.
const RETRY_AFTER: u64 = 1;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// 400 `INVALID_INPUT`: parameters make no sense; `errors` names each.
    #[error("some parameters are invalid")]
    InvalidParameters(Vec<InvalidParameter>),
    /// 404 `NOT_FOUND`: no row has this id, as of the position in `As-Of`.
    #[error("there is no such {0}")]
    NotFound(&'static str, AsOf),
    /// 503 `NOT_YET_CONSIDERED`, with `Retry-After` and `As-Of`: the client said `strict=true`, and
    /// the position it waits for was not considered in time.
    #[error("position {0} was not considered in time")]
    NotYet(Position, AsOf),
    /// 503 `READ_MODEL_UNAVAILABLE`, with `Retry-After`: the database does not answer. Logged.
    #[error("the read model does not answer")]
    Database(#[from] sqlx::Error),
    /// 503 `EVENT_STORE_UNAVAILABLE`, with `Retry-After`: the log does not answer. Logged.
    #[error("the event store does not answer")]
    Store(#[from] ReadError),
}

/// A parameter that makes no sense, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct InvalidParameter {
    /// Its name.
    pub(crate) field: String,
    /// What it must be.
    pub(crate) message: String,
}

/// What our problem details say beyond the standard.
#[derive(Serialize)]
struct Extension {
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidParameter>,
}

impl QueryError {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidParameters(_) => (StatusCode::BAD_REQUEST, "INVALID_INPUT"),
            Self::NotFound(..) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::NotYet(..) => (StatusCode::SERVICE_UNAVAILABLE, "NOT_YET_CONSIDERED"),
            Self::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_UNAVAILABLE"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "EVENT_STORE_UNAVAILABLE"),
        }
    }
}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        let detail = self.to_string();
        let (errors, as_of) = match self {
            Self::InvalidParameters(errors) => (errors, None),
            Self::NotFound(_, as_of) | Self::NotYet(_, as_of) => (Vec::new(), Some(as_of)),
            Self::Database(error) => {
                tracing::error!(code, %error, "a query failed");
                (Vec::new(), None)
            }
            Self::Store(error) => {
                tracing::error!(code, %error, "a query failed");
                (Vec::new(), None)
            }
        };
        let problem = ProblemDetails::from_status_code(status)
            .with_detail(detail)
            .with_extensions(Extension { code, errors });
        let mut response = (as_of, problem).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        response
    }
}
