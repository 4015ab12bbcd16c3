use crate::query::Reads;
use axum::Router;
pub(super) fn router(_reads: Reads) -> Router {
    Router::new()
}
