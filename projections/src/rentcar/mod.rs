//! What customers and admins see: cars, reservations, rentals, and MyPage.

pub mod my_page;

use std::sync::Arc;

use domain::rentcar::{self, Fact, SYSTEM};
use event_store::RecordedEvent;
use serde_json::value::to_raw_value;

use crate::dated;
use crate::resources::Resource;
use crate::system::{Collection, System};
use my_page::MyPage;

/// The categories of this business; every one has a collection. A car is nobody's: the filter by user
/// finds none.
const COLLECTIONS: [Collection; 3] = [
    Collection { category: "rentcar.car", path: "cars", singular: "car", owner: "userId" },
    Collection {
        category: "rentcar.reservation",
        path: "reservations",
        singular: "reservation",
        owner: "userId",
    },
    Collection { category: "rentcar.rental", path: "rentals", singular: "rental", owner: "userId" },
];

/// The read side of this business.
pub fn system() -> System {
    System { name: SYSTEM, collections: &COLLECTIONS, resource, screens: vec![Arc::new(MyPage)] }
}

fn resource(event: &RecordedEvent) -> Result<Option<Resource>, String> {
    let Some(happened) = dated::read(event, Fact::decode)? else { return Ok(None) };
    let Some(resource) = rentcar::Resource::after(&happened.fact) else { return Ok(None) };
    Ok(Some(Resource {
        collection: resource.collection().0,
        id: resource.id().to_string(),
        owner: resource.user().map(ToString::to_string).unwrap_or_default(),
        updated: happened.time,
        body: to_raw_value(&resource).map_err(|error| error.to_string())?,
    }))
}

#[cfg(test)]
mod tests {
    use domain::rentcar::sample::every_fact;

    use super::*;

    /// The list of collections is complete and spelled as the business spells it.
    #[test]
    fn every_aggregate_is_listed_where_its_resource_says() {
        let categories = Fact::AGGREGATES.map(|aggregate| format!("{SYSTEM}.{aggregate}"));
        assert_eq!(COLLECTIONS.map(|collection| collection.category.to_owned()), categories);
        for (path, singular) in
            every_fact().iter().filter_map(rentcar::Resource::after).map(|r| r.collection())
        {
            let listed = COLLECTIONS.iter().find(|collection| collection.path == path);
            assert_eq!(listed.map(|collection| collection.singular), Some(singular));
        }
    }
}
