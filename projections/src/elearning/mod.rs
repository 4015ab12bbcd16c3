//! What students see: their applications, payments and deliveries, and MyPage.

pub mod my_page;

use std::sync::Arc;

use domain::elearning::{self, Fact, SYSTEM};
use domain::kernel::{DecodeError, Metadata};
use event_store::RecordedEvent;
use serde_json::value::to_raw_value;

use crate::resources::Resource;
use crate::system::{Collection, System};
use my_page::MyPage;

/// The categories of this business; every one has a collection.
const COLLECTIONS: [Collection; 3] = [
    Collection { category: "elearning.apply", path: "applies", singular: "apply", owner: "studentId" },
    Collection { category: "elearning.payment", path: "pays", singular: "pay", owner: "studentId" },
    Collection {
        category: "elearning.delivery",
        path: "deliveries",
        singular: "delivery",
        owner: "studentId",
    },
];

/// The read side of this business.
pub fn system() -> System {
    System { name: SYSTEM, collections: &COLLECTIONS, resource, screens: vec![Arc::new(MyPage)] }
}

/// A fact and when it happened, in milliseconds since the Unix epoch.
struct Dated {
    fact: Fact,
    time: u64,
}

/// Reads an event; `None` when it is of a type that was never promised: a reader passes over what
/// it does not know (G11). A known type in an unknown version, or with other JSON, is an error.
fn read(event: &RecordedEvent) -> Result<Option<Dated>, String> {
    let (version, time) = match &*event.metadata {
        // Written by hand or by another program: the first version, at the store's own time.
        [] => (1, event.recorded_at / 1000),
        json => {
            let metadata = Metadata::decode(json).map_err(|error| format!("malformed metadata: {error}"))?;
            (metadata.schema_version, metadata.time)
        }
    };
    let decode = |version| Fact::decode(event.stream.as_str(), &event.event_type, version, &event.data);
    match decode(version) {
        Ok(fact) => Ok(fact.map(|fact| Dated { fact, time })),
        // Every name starts with version 1, which tells an unknown name from an unknown version.
        Err(DecodeError::Unknown { .. }) if matches!(decode(1), Err(DecodeError::Unknown { .. })) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn resource(event: &RecordedEvent) -> Result<Option<Resource>, String> {
    let Some(Dated { fact, time }) = read(event)? else { return Ok(None) };
    let resource = elearning::Resource::after(&fact);
    Ok(Some(Resource {
        collection: resource.collection,
        id: resource.id.to_string(),
        owner: resource.student_id.to_string(),
        updated: time,
        body: to_raw_value(&resource).map_err(|error| error.to_string())?,
    }))
}

#[cfg(test)]
mod tests {
    use domain::elearning::sample::every_fact;

    use super::*;

    /// The list of collections is complete and spelled as the business spells it.
    #[test]
    fn every_aggregate_is_listed_where_its_resource_says() {
        let categories = Fact::AGGREGATES.map(|aggregate| format!("{SYSTEM}.{aggregate}"));
        assert_eq!(COLLECTIONS.map(|collection| collection.category.to_owned()), categories);
        for fact in every_fact() {
            let resource = elearning::Resource::after(&fact);
            let listed = COLLECTIONS.iter().find(|collection| collection.path == resource.collection);
            assert_eq!(listed.map(|collection| collection.singular), Some(resource.singular));
        }
    }
}
