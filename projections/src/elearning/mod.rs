//! What students see: their applications, payments and deliveries, and MyPage.

pub mod my_page;

use std::sync::Arc;

use domain::elearning::{self, Fact, SYSTEM};
use domain::kernel::Happened;
use event_store::RecordedEvent;
use serde_json::value::to_raw_value;

use crate::dated;
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

/// Reads an event of this business.
fn read(event: &RecordedEvent) -> Result<Option<Arc<Happened<Fact>>>, String> {
    dated::read(event, Fact::decode)
}

fn resource(event: &RecordedEvent) -> Result<Option<Resource>, String> {
    let Some(happened) = read(event)? else { return Ok(None) };
    let resource = elearning::Resource::after(&happened.fact);
    Ok(Some(Resource {
        collection: resource.collection,
        id: resource.application.id.to_string(),
        owner: resource.application.student_id.to_string(),
        updated: happened.time,
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
