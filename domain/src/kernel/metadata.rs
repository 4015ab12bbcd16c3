use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::from_json;

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
    #[serde(borrow)]
    pub actor: Cow<'m, str>,
    /// When it was decided, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The version of the event's JSON.
    #[serde(rename = "schemaVersion")]
    pub schema_version: u16,
}

impl<'m> Metadata<'m> {
    /// The JSON on the log. Spelled out, because every event has it and only the actor may need escaping.
    pub fn encode(&self) -> Vec<u8> {
        let mut json = Vec::new();
        self.encode_to(&mut json);
        json
    }

    /// Writes the same behind what is there.
    pub fn encode_to(&self, json: &mut Vec<u8>) {
        let Self { correlation_id, causation_id, actor, time, schema_version } = self;
        let text = |id: &Uuid| -> [u8; 36] {
            let mut text = [0; 36];
            id.as_hyphenated().encode_lower(&mut text);
            text
        };
        json.extend_from_slice(br#"{"$correlationId":""#);
        json.extend_from_slice(&text(correlation_id));
        json.extend_from_slice(br#"","$causationId":""#);
        json.extend_from_slice(&text(causation_id));
        json.extend_from_slice(br#"","actor":"#);
        serde_json::to_writer(&mut *json, actor).expect("any text can be JSON");
        json.extend_from_slice(br#","time":"#);
        json.extend_from_slice(itoa::Buffer::new().format(*time).as_bytes());
        json.extend_from_slice(br#","schemaVersion":"#);
        json.extend_from_slice(itoa::Buffer::new().format(*schema_version).as_bytes());
        json.push(b'}');
    }

    /// Reads it back.
    ///
    /// # Errors
    /// What does not fit.
    pub fn decode(json: &'m [u8]) -> Result<Self, serde_json::Error> {
        from_json(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_out_is_what_is_read_back() {
        let metadata = Metadata {
            correlation_id: Uuid::from_u128(1),
            causation_id: Uuid::from_u128(u128::MAX),
            actor: "student:\"가\"\n\u{1}".into(),
            time: u64::MAX,
            schema_version: u16::MAX,
        };
        let json = metadata.encode();
        assert_eq!(json, serde_json::to_vec(&metadata).unwrap());
        assert_eq!(Metadata::decode(&json).unwrap(), metadata);
    }
}
