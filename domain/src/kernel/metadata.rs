use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Metadata is hardly ever longer, in bytes: made in one piece of memory.
const USUAL: usize = 256;

/// What the log knows about an event beside the fact itself. Set in one place, by whoever appends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<'m> {
    /// The request that this belongs to.
    #[serde(rename = "$correlationId")]
    pub correlation_id: Uuid,
    /// The event (or the HTTP request) that this followed from.
    #[serde(rename = "$causationId")]
    pub causation_id: Uuid,
    /// Who wanted it: `student:…`, `policy:…`.
    pub actor: Cow<'m, str>,
    /// When it was decided, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The version of the event's JSON.
    #[serde(rename = "schemaVersion")]
    pub schema_version: u16,
}

impl Metadata<'_> {
    /// The JSON on the log.
    pub fn encode(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut json, self).expect("metadata is a plain struct");
        json
    }

    /// Reads it back.
    ///
    /// # Errors
    /// What does not fit.
    pub fn decode(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}
