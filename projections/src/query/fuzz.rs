//! Any query string: every parameter makes sense or is named as one that does not.

use axum::extract::FromRequestParts;
use axum::http::Request;
use futures::FutureExt;

use super::{Parameters, QueryError, cursor};

pub(crate) fn asked(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    assert_eq!(cursor::decode(&cursor::encode(text)).as_deref(), Some(text));
    if let Some(id) = cursor::decode(text) {
        assert_eq!(cursor::decode(&cursor::encode(&id)), Some(id));
    }
    let Ok(request) = Request::get(format!("/applies?{text}")).body(()) else { return };
    let (mut parts, ()) = request.into_parts();
    let read = Parameters::from_request_parts(&mut parts, &()).now_or_never().expect("nothing is waited for");
    let Ok(mut parameters) = read else { return };
    let (size, page) = (parameters.size().0, parameters.page());
    let (cursor, owner, freshness) = (parameters.cursor(), parameters.text("owner"), parameters.freshness());
    match parameters.check() {
        Ok(()) => {
            assert!((1..=1000).contains(&size) && u64::from(page) * u64::from(size) < 1 << 31);
            assert!(owner.is_none_or(|owner| !owner.trim().is_empty()));
            assert!(freshness.after.is_none_or(|after| i64::try_from(after.0).is_ok()));
            drop(cursor);
        }
        Err(QueryError::InvalidParameters(invalid)) => assert!(!invalid.is_empty()),
        Err(other) => panic!("{text}: {other}"),
    }
}
