//! Style, script and icon, from the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::http::ApiError;

/// A file and the tag of its content.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    etag: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let asset = |name, content_type, content: &'static str| {
        let etag = format!("\"{}\"", Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes()).simple());
        Asset { name, content_type, content, etag }
    };
    [
        asset("style.css", "text/css; charset=utf-8", include_str!("static/style.css")),
        asset("live.js", "text/javascript; charset=utf-8", include_str!("static/live.js")),
        asset("icon.svg", "image/svg+xml", include_str!("static/icon.svg")),
    ]
});

/// `GET /web/{asset}`: kept by browsers, but asked about each time, so that no page ever runs with the
/// script of another version.
pub(super) async fn show(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(ApiError::NoSuchRoute)?;
    let kept = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let tags = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, asset.etag.as_str())];
    if kept.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag)) {
        return Ok((StatusCode::NOT_MODIFIED, tags).into_response());
    }
    Ok((tags, [(header::CONTENT_TYPE, asset.content_type)], asset.content).into_response())
}
