//! What is printed: data on stdout, the rest on stderr.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::Failure;
use super::arguments::Format;

/// Prints a value: as JSON, or as these lines.
pub(super) fn value(format: Format, value: &impl Serialize, lines: &[String]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(value)?),
        Format::Text => lines.iter().try_for_each(|line| writeln!(out, "{line}")),
    };
    match written {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Says that something was done.
pub(super) fn done(format: Format, what: &str) -> Result<(), Failure> {
    value(format, &json!({"done": what}), &[what.to_owned()])
}

/// A position, also before the first event.
pub(super) fn position(position: Option<event_store::Position>) -> String {
    position.map_or_else(|| "-".to_owned(), |position| position.to_string())
}
