//! What must stand any bytes from outside: what is stored of a business, what clients ask, URLs of
//! databases, times on the command line.
//!
//! It exists for tests and the fuzzer only: they reach through it what nobody else may.

mod facts;
mod records;
#[path = "../../../command-api/fuzz/trial.rs"]
mod trial;
#[path = "../cli/when.rs"]
mod when;

use crate::{database, query};
use when::When;

trial::targets! {
    facts: facts::happen, 3000;
    records: records::are_read, 5000;
    queries: query::fuzz::asked, 5000;
    places: named, 5000;
}

/// What names a database, or a moment of the log.
fn named(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    database::is_understood(text);
    if let Ok(when) = text.parse::<When>() {
        assert_eq!(when.to_string().parse(), Ok(when));
    }
}
