use std::sync::Arc;

use crate::StreamName;

/// Which events a reader wants; an empty list wants everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Stream names must begin with one of these.
    pub stream_prefixes: Vec<Arc<str>>,
    /// Event types must be one of these.
    pub event_types: Vec<Arc<str>>,
}

impl Filter {
    /// Every event of the log.
    pub fn all() -> Self {
        Self::default()
    }

    /// Every event of these categories (`elearning.apply` wants `elearning.apply-…`).
    pub fn categories<C: AsRef<str>>(categories: impl IntoIterator<Item = C>) -> Self {
        let prefixes = categories.into_iter().map(|category| format!("{}-", category.as_ref()).into());
        Self { stream_prefixes: prefixes.collect(), event_types: Vec::new() }
    }

    /// Whether an event of this stream and type is wanted.
    pub fn matches(&self, stream: &StreamName, event_type: &str) -> bool {
        self.wants_stream(stream.as_str()) && self.wants_type(event_type)
    }

    pub(crate) fn wants_stream(&self, stream: &str) -> bool {
        self.stream_prefixes.is_empty() || self.stream_prefixes.iter().any(|p| stream.starts_with(&**p))
    }

    pub(crate) fn wants_type(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || self.event_types.iter().any(|t| **t == *event_type)
    }
}
