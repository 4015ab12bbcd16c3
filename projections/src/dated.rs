use std::sync::Arc;

use domain::kernel::{DecodeError, FIRST_VERSION, Happened, from_json};
use event_store::RecordedEvent;
use serde::Deserialize;
use uuid::Uuid;

/// What a row needs of the metadata (`domain::kernel::Metadata`): every event is read for several rows, and
/// most never tell who wanted it.
#[derive(Deserialize)]
struct Stamp {
    time: u64,
    #[serde(rename = "schemaVersion")]
    schema_version: u16,
}

/// How a business reads an event: by stream, name, version and JSON.
pub(crate) type Decode<F> = fn(&str, &str, u16, &[u8]) -> Result<Option<F>, DecodeError>;

/// Reads an event; `None` when it is of a type that was never promised: a reader passes over what
/// it does not know (G11). A known type in an unknown version, or with other JSON, is an error.
pub(crate) fn read<F: Send + Sync + 'static>(
    event: &RecordedEvent,
    decode: Decode<F>,
) -> Result<Option<Arc<Happened<F>>>, String> {
    if let Some(happened) = event.decoded.get() {
        return Ok(Some(happened));
    }
    let (version, time) = match &*event.metadata {
        // Written by hand or by another program: the first version, at the store's own time.
        [] => (FIRST_VERSION, event.recorded_at / 1000),
        json => {
            let stamp: Stamp = from_json(json).map_err(|error| format!("malformed metadata: {error}"))?;
            (stamp.schema_version, stamp.time)
        }
    };
    let decode = |version| decode(event.stream.as_str(), &event.event_type, version, &event.data);
    match decode(version) {
        Ok(fact) => Ok(fact.map(|fact| Arc::new(Happened { fact, request: Uuid::nil(), time }))),
        // Every name has a first version, which tells an unknown name from an unknown version.
        Err(DecodeError::Unknown { .. })
            if matches!(decode(FIRST_VERSION), Err(DecodeError::Unknown { .. })) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::Metadata;

    use super::*;

    /// The names are those that are written.
    #[test]
    fn a_stamp_is_part_of_the_metadata() {
        let (correlation_id, causation_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let actor = "student:student1".into();
        let metadata = Metadata { correlation_id, causation_id, actor, time: 1_700, schema_version: 3 };
        let stamp: Stamp = serde_json::from_slice(&metadata.encode()).unwrap();
        assert_eq!((stamp.time, stamp.schema_version), (1_700, 3));
    }
}
