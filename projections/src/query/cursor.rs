//! The place in a list behind which the next page begins: opaque to clients, so that the order can
//! change without breaking them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Says "behind this id".
pub(crate) fn encode(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Reads it back; empty is the beginning. `None` when it is not one of ours.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}
