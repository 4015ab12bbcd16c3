use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderName;
use axum::http::request::Parts;
use domain::kernel::RequestId;
use uuid::{Uuid, uuid};

use super::{ApiError, InvalidField, current};
use crate::execute::Origin;

/// In a call between contexts, the event that it follows from.
pub(crate) const CAUSATION_ID: HeaderName = HeaderName::from_static("causation-id");

/// By which a client says that two requests are one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Makes ids from idempotency keys.
const IDEMPOTENCY: Uuid = uuid!("6f1cf6f0-6a2b-4f0e-9a55-2b8f6d0c1e47");

/// On whose behalf a request comes, and from what it follows.
pub struct Caller {
    cause: Uuid,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let cause = parts.headers.get(CAUSATION_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        Ok(Self { cause: cause.or_else(current).unwrap_or_else(Uuid::now_v7) })
    }
}

impl Caller {
    /// The origin of what this caller wants of a request.
    pub fn origin(&self, request: RequestId, actor: &str) -> Origin {
        Origin { correlation: request.0, cause: self.cause, actor: actor.into() }
    }
}

/// The id in a path, of a request unless said otherwise. Anything that is no id is an unknown one.
pub struct PathId<K = RequestId>(pub K);

impl<K: FromStr, S: Send + Sync> FromRequestParts<S> for PathId<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unknown = || ApiError::NotFound("resource");
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| unknown())?;
        id.parse().map(Self).map_err(|_| unknown())
    }
}

/// The revision that the client saw, from `If-Match`; `None` where it does not care.
pub struct IfMatch(pub Option<u64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(etag) = parts.headers.get("if-match") else { return Ok(Self(None)) };
        match etag.to_str().map(str::trim) {
            Ok("*") => Ok(Self(None)),
            Ok(etag) => {
                let revision = etag.trim_matches('"').parse();
                revision.map(|revision| Self(Some(revision))).map_err(|_| ApiError::PreconditionFailed)
            }
            Err(_) => Err(ApiError::PreconditionFailed),
        }
    }
}

/// The id of a new request: made from the `Idempotency-Key`, so that a retry finds what the first
/// attempt left; new where there is none.
pub struct NewId {
    /// The id.
    pub id: RequestId,
    /// Whether a retry has the same one, so that it may be known already.
    pub repeatable: bool,
}

impl<S: Sync> FromRequestParts<S> for NewId {
    type Rejection = ApiError;

    /// Refuses a key that is blank, not printable or longer than 255 characters.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self { id: RequestId(Uuid::now_v7()), repeatable: false });
        };
        match key.to_str().map(str::trim) {
            Ok(key) if (1..=255).contains(&key.len()) => {
                Ok(Self { id: RequestId(Uuid::new_v5(&IDEMPOTENCY, key.as_bytes())), repeatable: true })
            }
            _ => {
                let message = "must have 1 to 255 printable characters".to_owned();
                Err(ApiError::InvalidInput(vec![InvalidField { field: "Idempotency-Key", message }]))
            }
        }
    }
}

/// The id of the next attempt of a request that was given up under this one: the same for every retry.
pub fn next_attempt(id: RequestId) -> RequestId {
    RequestId(Uuid::new_v5(&id.0, b"next attempt"))
}
