//! An event as a line of text or of JSON.

use std::io::{self, Write};

use event_store::RecordedEvent;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Format;

/// What the metadata of an event says about where it comes from.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) correlation: Option<String>,
    causation: Option<String>,
}

impl Metadata {
    /// Nothing, where the metadata is not JSON.
    pub(super) fn of(event: &RecordedEvent) -> Self {
        let known: serde_json::Value = serde_json::from_slice(&event.metadata).unwrap_or_default();
        let text = |key: &str| known.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        Self { correlation: text("$correlationId"), causation: text("$causationId") }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    position: u64,
    stream: &'a str,
    revision: u64,
    id: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    recorded_at: String,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    data: Payload<'a>,
    metadata: Payload<'a>,
}

/// JSON as it is; other text as a string; anything else in hexadecimal digits.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(&'a str),
    Bytes { hex: String },
}

impl<'a> Payload<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
            (Ok(json), _) => Self::Json(json),
            (_, Ok(text)) => Self::Text(text),
            _ => Self::Bytes { hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect() },
        }
    }
}

pub(super) fn event(out: &mut impl Write, event: &RecordedEvent, format: Format) -> io::Result<()> {
    let metadata = Metadata::of(event);
    match format {
        Format::Json => {
            let line = Line {
                position: event.position.0,
                stream: event.stream.as_str(),
                revision: event.revision,
                id: event.id.to_string(),
                event_type: &event.event_type,
                recorded_at: time(event.recorded_at),
                correlation_id: metadata.correlation,
                causation_id: metadata.causation,
                data: Payload::of(&event.data),
                metadata: Payload::of(&event.metadata),
            };
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)
        }
        Format::Text => {
            let or_none = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
            let data = match std::str::from_utf8(&event.data) {
                // One line per event, whatever is in it.
                Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
                Ok(text) => text.escape_default().to_string(),
                Err(_) => format!("({} bytes)", event.data.len()),
            };
            writeln!(
                out,
                "{:>8}  {}  {} @{}  {}  correlation {}  causation {}  {data}",
                event.position,
                time(event.recorded_at),
                event.stream,
                event.revision,
                event.event_type.escape_default(),
                or_none(metadata.correlation),
                or_none(metadata.causation),
            )
        }
    }
}

/// Microseconds since 1970 as RFC 3339 in UTC.
fn time(micros: u64) -> String {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", month + 1, day + 1)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000001Z"),
            (951_782_399, "2000-02-28T23:59:59.000001Z"),
            (951_782_400, "2000-02-29T00:00:00.000001Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000001Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000001Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000001Z"),
        ] {
            assert_eq!(time(seconds * 1_000_000 + 1), expected);
        }
    }
}
