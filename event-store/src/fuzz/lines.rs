//! What comes in as lines of JSON goes out again as the same.

#[path = "../cli/line.rs"]
mod line;

use line::Line;

use crate::{Decoded, ExpectedRevision, Position, RecordedEvent};

pub(super) fn import(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for append in text.lines().filter_map(|line| Line::read(line).ok()) {
        let [event] = append.events.as_slice() else { panic!("one line is one event") };
        let revision = match append.expected {
            ExpectedRevision::Exact(before) => before + 1,
            ExpectedRevision::NoStream | ExpectedRevision::Any => 0,
        };
        let recorded = RecordedEvent {
            position: Position(0),
            stream: append.stream.clone(),
            revision,
            id: event.id,
            event_type: (*event.event_type).into(),
            data: event.data.clone(),
            metadata: event.metadata.clone(),
            recorded_at: 0,
            decoded: Decoded::default(),
        };
        let line = serde_json::to_string(&Line::from(&recorded)).expect("a line is a plain struct");
        assert!(!line.contains('\n'), "{line}");
        let again = Line::read(&line).expect("what was exported is imported");
        assert_eq!(
            (again.stream, again.expected, again.events),
            (append.stream, append.expected, append.events)
        );
    }
}
