//! Filters of the wire: prefixes or a regular expression, on stream names or on event types.

use fancy_regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::failure;
use super::wire::streams::read_req::options::FilterOptions;
use super::wire::streams::read_req::options::filter_options::Filter as OnWhat;
use crate::{Filter, RecordedEvent};

/// How often a regular expression may step back over one name. Clients choose the expression.
const STEPS: usize = 100_000;

/// A filter as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub(crate) on_stream: bool,
    /// Empty when prefixes are meant.
    pub(crate) regex: String,
    pub(crate) prefixes: Vec<String>,
}

/// A filter that can be asked.
pub(crate) struct Wanted {
    /// What the store itself can leave out.
    pub(crate) coarse: Filter,
    fine: Fine,
}

enum Fine {
    Nothing,
    Stream(Regex),
    Type(Regex),
    TypePrefixes(Vec<String>),
}

impl Rules {
    pub(crate) fn of(options: FilterOptions) -> Option<Self> {
        let (on_stream, expression) = match options.filter? {
            OnWhat::StreamIdentifier(expression) => (true, expression),
            OnWhat::EventType(expression) => (false, expression),
        };
        Some(Self { on_stream, regex: expression.regex, prefixes: expression.prefix })
    }
}

impl Wanted {
    pub(crate) fn everything() -> Self {
        Self { coarse: Filter::all(), fine: Fine::Nothing }
    }

    /// Clients are written against .NET's expressions, which look ahead and behind.
    pub(crate) fn new(rules: &Rules) -> Result<Self, Status> {
        if rules.regex.is_empty() {
            let prefixes = &rules.prefixes;
            if rules.on_stream {
                let stream_prefixes = prefixes.iter().map(|prefix| prefix.as_str().into()).collect();
                let coarse = Filter { stream_prefixes, event_types: Vec::new() };
                return Ok(Self { coarse, fine: Fine::Nothing });
            }
            return Ok(Self { coarse: Filter::all(), fine: Fine::TypePrefixes(prefixes.clone()) });
        }
        let regex = RegexBuilder::new(&rules.regex).backtrack_limit(STEPS).build();
        let regex = regex.map_err(|error| failure::invalid(&format!("the filter is not valid: {error}")))?;
        let fine = if rules.on_stream { Fine::Stream(regex) } else { Fine::Type(regex) };
        Ok(Self { coarse: Filter::all(), fine })
    }

    /// Whether an event that the store let through is wanted.
    pub(crate) fn wants(&self, event: &RecordedEvent) -> Result<bool, Status> {
        let costly = |_| failure::invalid("the filter's expression is too costly for a name in the log");
        match &self.fine {
            Fine::Nothing => Ok(true),
            Fine::Stream(regex) => regex.is_match(event.stream.as_str()).map_err(costly),
            Fine::Type(regex) => regex.is_match(&event.event_type).map_err(costly),
            Fine::TypePrefixes(prefixes) => {
                Ok(prefixes.is_empty()
                    || prefixes.iter().any(|prefix| event.event_type.starts_with(&**prefix)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoded, Position, StreamName};

    fn event(stream: &str, event_type: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(0),
            stream: StreamName::stored(stream),
            revision: 0,
            id: uuid::Uuid::nil(),
            event_type: event_type.into(),
            data: "".into(),
            metadata: "".into(),
            decoded: Decoded::default(),
            recorded_at: 0,
        }
    }

    fn rules(on_stream: bool, regex: &str) -> Rules {
        Rules { on_stream, regex: regex.to_owned(), prefixes: Vec::new() }
    }

    #[test]
    fn an_expression_that_looks_ahead_leaves_system_events_out() {
        let wanted = Wanted::new(&rules(false, r"^(?!(\$.+$|PersistentConfig\d+$|Result$))")).unwrap();
        for (event_type, expected) in [("Applied", true), ("$metadata", false), ("PersistentConfig1", false)]
        {
            assert_eq!(wanted.wants(&event("a-1", event_type)).unwrap(), expected, "{event_type}");
        }
    }

    #[test]
    fn an_expression_that_is_wrong_or_never_ends_is_an_error() {
        assert!(Wanted::new(&rules(true, "(")).is_err());
        let costly = Wanted::new(&rules(true, r"^(?=(a+)+$)(a+)+\1$")).unwrap();
        assert!(
            costly.wants(&event(&"a".repeat(40).replace("aaaaaaaaaa", "aaaaaaaaab"), "E")).is_ok_and(|w| !w)
                || costly.wants(&event(&("a".repeat(60) + "b"), "E")).is_err()
        );
    }
}
