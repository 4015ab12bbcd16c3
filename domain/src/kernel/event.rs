/// A fact as it stands on the log: a name and a version that are promises, and JSON.
///
/// The name is separate from the Rust type. A change that an old reader would get wrong gets a new
/// version, and an arm in `decode` that lifts the old one.
pub trait Event: Sized {
    /// The name on the log.
    fn name(&self) -> &'static str;

    /// The version in which [`encode`](Self::encode) writes it.
    fn version(&self) -> u16;

    /// The JSON on the log.
    fn encode(&self) -> Vec<u8>;

    /// Reads any version that was ever written.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] when no such event was ever promised, [`DecodeError::Malformed`] when
    /// the JSON is not what was promised.
    fn decode(name: &str, version: u16, data: &[u8]) -> Result<Self, DecodeError>;
}

/// Why bytes from the log are not an event of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The name or version was never promised here.
    #[error("unknown event {name} v{version}")]
    Unknown {
        /// The name on the log.
        name: String,
        /// The version on the log.
        version: u16,
    },
    /// Name and version are known, the JSON does not fit them.
    #[error("malformed {name} v{version}: {reason}")]
    Malformed {
        /// The name on the log.
        name: String,
        /// The version on the log.
        version: u16,
        /// What does not fit.
        reason: String,
    },
}

/// Spells the wire names of an enum whose variants each wrap their JSON payload:
/// `wire! { ApplyEvent { Applied = "Applied" v 1, … } }`.
macro_rules! wire {
    ($event:ident $(<$sort:ident: $bound:ident>)? { $($variant:ident = $name:literal v $version:literal),+ $(,)? }) => {
        impl $(<$sort: $bound>)? $crate::kernel::Event for $event $(<$sort>)? {
            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),+ }
            }

            fn version(&self) -> u16 {
                match self { $(Self::$variant(_) => $version),+ }
            }

            fn encode(&self) -> Vec<u8> {
                let json = match self { $(Self::$variant(payload) => serde_json::to_vec(payload)),+ };
                json.expect("payloads are plain structs with text keys")
            }

            fn decode(name: &str, version: u16, data: &[u8]) -> Result<Self, $crate::kernel::DecodeError> {
                let payload = match (name, version) {
                    $(($name, $version) => serde_json::from_slice(data).map(Self::$variant),)+
                    _ => return Err($crate::kernel::DecodeError::Unknown { name: name.to_owned(), version }),
                };
                payload.map_err(|error| $crate::kernel::DecodeError::Malformed {
                    name: name.to_owned(),
                    version,
                    reason: error.to_string(),
                })
            }
        }
    };
}
pub(crate) use wire;
