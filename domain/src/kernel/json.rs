use std::str;

use serde::Deserialize;

/// Reads JSON. That it is text is seen once for all of it: seeing it for every string in it costs more.
///
/// # Errors
/// What does not fit, and where.
///
/// ```
/// assert_eq!(domain::kernel::from_json::<Vec<&str>>(br#"["a", "b"]"#).unwrap(), ["a", "b"]);
/// assert!(domain::kernel::from_json::<Vec<&str>>(b"[\"\xff\"]").is_err());
/// ```
pub fn from_json<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Result<T, serde_json::Error> {
    match str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    }
}
