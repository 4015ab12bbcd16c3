use bytes::Bytes;
use domain::kernel::{Aggregate, Event, Happened, Metadata};
use event_store::{Decoded, NewEvent, StreamName};
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

use super::Origin;

/// An event and its metadata are hardly ever longer, in bytes: made in one piece of memory.
const USUAL: usize = 768;

/// What happened as the log takes it, decided at this time, in milliseconds since the Unix epoch.
pub(super) fn new_event<A: Aggregate>(
    event: &A::Event,
    stream: &StreamName,
    revision: u64,
    origin: &Origin,
    time: u64,
) -> NewEvent {
    let mut json = Vec::with_capacity(USUAL);
    event.encode_to(&mut json);
    let (id, end) = (event_id(origin.cause, stream, revision, &json), json.len());
    let metadata = Metadata {
        correlation_id: origin.correlation,
        causation_id: origin.cause,
        actor: (&*origin.actor).into(),
        time,
        schema_version: event.version(),
    };
    metadata.encode_to(&mut json);
    let mut data = Bytes::from(json);
    let metadata = data.split_off(end);
    NewEvent {
        id,
        event_type: event.name().into(),
        data,
        metadata,
        decoded: Decoded::new(Happened {
            fact: A::Fact::from(event.clone()),
            request: origin.correlation,
            time,
        }),
    }
}

/// Event ids follow from the cause, the place and what happened, so that whatever is repeated after a
/// crash or an unknown outcome is recognised by the store, and nothing else is.
/// A UUID of version 5, whose namespace is the cause, with a digest that processors have instructions for.
fn event_id(cause: Uuid, stream: &StreamName, revision: u64, data: &[u8]) -> Uuid {
    let digest = Sha1::new().chain_update(cause).chain_update(stream.as_str());
    let digest = digest.chain_update("@").chain_update(itoa::Buffer::new().format(revision));
    let digest = digest.chain_update(" ").chain_update(data).finalize();
    let (id, _) = digest.split_first_chunk().expect("a digest has 20 bytes");
    Builder::from_sha1_bytes(*id).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use domain::kernel::DecodeError;
    use domain::{elearning, rentcar};

    use super::*;
    use crate::execute::stream_name;

    type Decode<F> = fn(&str, &str, u16, &[u8]) -> Result<Option<F>, DecodeError>;

    /// G11: what readers in this process are handed is what all others will read.
    fn is_what_was_written<A: Aggregate>(event: &A::Event, decode: Decode<A::Fact>)
    where
        A::Fact: PartialEq + Debug,
    {
        let stream = stream_name::<A>(&Uuid::from_u128(1));
        let (correlation, cause) = (Uuid::from_u128(2), Uuid::from_u128(3));
        let origin = Origin { correlation, cause, actor: "student:1".into() };
        let new = new_event::<A>(event, &stream, 0, &origin, 1_700);
        let metadata = Metadata::decode(&new.metadata).unwrap();
        let fact =
            decode(stream.as_str(), &new.event_type, metadata.schema_version, &new.data).unwrap().unwrap();
        let read = Happened { fact, request: metadata.correlation_id, time: metadata.time };
        assert_eq!(new.decoded.get::<Happened<A::Fact>>().as_deref(), Some(&read));
    }

    #[test]
    fn what_is_at_hand_of_an_application_is_what_was_written() {
        use elearning::{Apply, Delivery, Fact, Payment};
        for fact in elearning::sample::every_fact() {
            match &fact {
                Fact::Apply(event) => is_what_was_written::<Apply>(event, Fact::decode),
                Fact::Payment(event) => is_what_was_written::<Payment>(event, Fact::decode),
                Fact::Delivery(event) => is_what_was_written::<Delivery>(event, Fact::decode),
            }
        }
    }

    #[test]
    fn what_is_at_hand_of_a_reservation_is_what_was_written() {
        use rentcar::{Car, Fact, Rental, Reservation};
        for fact in rentcar::sample::every_fact() {
            match &fact {
                Fact::Car(event) => is_what_was_written::<Car>(event, Fact::decode),
                Fact::Reservation(event) => is_what_was_written::<Reservation>(event, Fact::decode),
                Fact::Rental(event) => is_what_was_written::<Rental>(event, Fact::decode),
            }
        }
    }

    /// The ids that stand on logs already are made in the same way.
    #[test]
    fn an_event_id_is_a_uuid_of_version_5() {
        let (cause, stream) = (Uuid::from_u128(7), StreamName::new("a.b-1").unwrap());
        let id = event_id(cause, &stream, 12, b"{}");
        assert_eq!(id, Uuid::new_v5(&cause, b"a.b-1@12 {}"));
    }
}
