/// A fact as it stands on the log: a name and a version that are promises, and JSON.
///
/// The name is separate from the Rust type. A change that an old reader would get wrong gets a new
/// version, and an arm in `decode` that lifts the old one.
pub trait Event: Sized {
    /// The name on the log.
    fn name(&self) -> &'static str;

    /// The version in which [`encode`](Self::encode) writes it.
    fn version(&self) -> u16;

    /// Writes the JSON on the log behind what is there.
    fn encode_to(&self, json: &mut Vec<u8>);

    /// The JSON on the log.
    fn encode(&self) -> Vec<u8> {
        let mut json = Vec::new();
        self.encode_to(&mut json);
        json
    }

    /// Reads any version that was ever written.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] when no such event was ever promised, [`DecodeError::Malformed`] when
    /// the JSON is not what was promised.
    fn decode(name: &str, version: u16, data: &[u8]) -> Result<Self, DecodeError>;
}

/// The version of an event of which nobody said one: written by hand, or by another program.
pub const FIRST_VERSION: u16 = 1;

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
/// `wire! { ApplyEvent { Applied = "Applied" v 1, … } }`. An event whose JSON has changed lifts its
/// old versions when they are read: `Applied = "Applied" v 2 (1 => from_v1)`, where `from_v1` makes the
/// JSON of today out of that of then.
macro_rules! wire {
    ($event:ident $(<$sort:ident: $bound:ident>)? { $(
        $variant:ident = $name:literal v $version:literal $(($($old:literal => $lift:path),+))?
    ),+ $(,)? }) => {
        impl $(<$sort: $bound>)? $crate::kernel::Event for $event $(<$sort>)? {
            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),+ }
            }

            fn version(&self) -> u16 {
                match self { $(Self::$variant(_) => $version),+ }
            }

            fn encode_to(&self, json: &mut Vec<u8>) {
                match self { $(Self::$variant(payload) => serde_json::to_writer(json, payload)),+ }
                    .expect("payloads are plain structs with text keys");
            }

            fn decode(name: &str, version: u16, data: &[u8]) -> Result<Self, $crate::kernel::DecodeError> {
                let payload = match (name, version) {
                    $(
                        ($name, $version) => $crate::kernel::from_json(data).map(Self::$variant),
                        $($(($name, $old) => $crate::kernel::from_json(data)
                            .and_then(|then| serde_json::from_value($lift(then)))
                            .map(Self::$variant),)+)?
                    )+
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

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Moved {
        street: String,
        city: String,
    }

    #[derive(Debug, PartialEq)]
    enum Resident {
        Moved(Moved),
    }

    wire! { Resident { Moved = "Moved" v 3 (1 => from_v1, 2 => from_v2) } }

    /// The first version had one line.
    fn from_v1(then: Value) -> Value {
        from_v2(json!({"street": then["address"]}))
    }

    /// The second did not know the city: there was only one.
    fn from_v2(mut then: Value) -> Value {
        then["city"] = json!("Seoul");
        then
    }

    fn moved(city: &str) -> Resident {
        Resident::Moved(Moved { street: "Main 1".to_owned(), city: city.to_owned() })
    }

    /// G11: what was ever written can be read for ever; a new version is written, old ones are lifted.
    #[test]
    fn an_old_version_is_lifted_when_it_is_read() {
        assert_eq!(Resident::decode("Moved", 1, br#"{"address":"Main 1"}"#), Ok(moved("Seoul")));
        assert_eq!(Resident::decode("Moved", 2, br#"{"street":"Main 1"}"#), Ok(moved("Seoul")));
        let now = moved("Busan");
        assert_eq!((now.version(), Resident::decode("Moved", 3, &now.encode())), (3, Ok(now)));
    }

    /// A version that was never promised, and an old one that is not what was promised.
    #[test]
    fn what_cannot_be_lifted_is_refused() {
        assert!(matches!(Resident::decode("Moved", 4, b"{}"), Err(DecodeError::Unknown { version: 4, .. })));
        let refused = Resident::decode("Moved", 1, b"[]");
        assert!(matches!(refused, Err(DecodeError::Malformed { version: 1, .. })), "{refused:?}");
    }
}
