use uuid::Uuid;

/// A fact, and what most of those who hear of it need of its metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened<F> {
    /// What happened.
    pub fact: F,
    /// The request that it belongs to; nil where nobody said so.
    pub request: Uuid,
    /// When it was decided, in milliseconds since the Unix epoch.
    pub time: u64,
}
