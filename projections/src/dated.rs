use domain::kernel::{DecodeError, Metadata};
use event_store::RecordedEvent;

/// A fact and when it happened, in milliseconds since the Unix epoch.
pub(crate) struct Dated<F> {
    pub(crate) fact: F,
    pub(crate) time: u64,
}

/// How a business reads an event: by stream, name, version and JSON.
pub(crate) type Decode<F> = fn(&str, &str, u16, &[u8]) -> Result<Option<F>, DecodeError>;

/// Reads an event; `None` when it is of a type that was never promised: a reader passes over what
/// it does not know (G11). A known type in an unknown version, or with other JSON, is an error.
pub(crate) fn read<F>(event: &RecordedEvent, decode: Decode<F>) -> Result<Option<Dated<F>>, String> {
    let (version, time) = match &*event.metadata {
        // Written by hand or by another program: the first version, at the store's own time.
        [] => (1, event.recorded_at / 1000),
        json => {
            let metadata = Metadata::decode(json).map_err(|error| format!("malformed metadata: {error}"))?;
            (metadata.schema_version, metadata.time)
        }
    };
    let decode = |version| decode(event.stream.as_str(), &event.event_type, version, &event.data);
    match decode(version) {
        Ok(fact) => Ok(fact.map(|fact| Dated { fact, time })),
        // Every name starts with version 1, which tells an unknown name from an unknown version.
        Err(DecodeError::Unknown { .. }) if matches!(decode(1), Err(DecodeError::Unknown { .. })) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
