//! What one append may hold. Every store refuses the same, so that a log can move between stores.

use crate::event::MAX_NAME;
use crate::{AppendError, NewEvent};

/// The most bytes one append may hold: its event types, data and metadata together (16 MiB).
pub const MAX_APPEND_BYTES: usize = 16 * 1024 * 1024;

/// The most events one append may hold.
pub const MAX_APPEND_EVENTS: usize = 65_536;

/// Refuses what no store takes.
pub(crate) fn check(events: &[NewEvent]) -> Result<(), AppendError> {
    let invalid = |reason: String| Err(AppendError::Invalid(reason));
    if events.is_empty() {
        return invalid("there are no events".to_owned());
    }
    if events.len() > MAX_APPEND_EVENTS {
        return invalid(format!("{} events, more than {MAX_APPEND_EVENTS}", events.len()));
    }
    if let Some(event) = events.iter().find(|event| !(1..=MAX_NAME).contains(&event.event_type.len())) {
        let length = event.event_type.len();
        return invalid(format!("an event type of {length} bytes, not 1 to {MAX_NAME}"));
    }
    let bytes: usize = events.iter().map(|e| e.event_type.len() + e.data.len() + e.metadata.len()).sum();
    if bytes > MAX_APPEND_BYTES {
        return invalid(format!("{bytes} bytes, more than {MAX_APPEND_BYTES}"));
    }
    Ok(())
}
