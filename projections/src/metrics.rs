//! How the projections are doing, as monitoring systems read it (OpenMetrics text).

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::progress::ProjectionStatus;

/// What is told about each projection: the name, what it means, and the number.
type Told = (&'static str, &'static str, fn(&ProjectionStatus) -> i64);

const TOLD: [Told; 4] = [
    ("position", "The last position of the log that was considered", |projection| {
        projection.position.map_or(-1, |position| position.0 as i64)
    }),
    ("lag_positions", "How many positions of the log were not considered yet", |projection| {
        projection.lag as i64
    }),
    ("parked_keys", "How many keys wait for an operator", |projection| projection.parked as i64),
    ("healthy", "1 while it can be relied upon", |projection| projection.unhealthy.is_none().into()),
];

/// The numbers of these projections, without an end mark.
pub(crate) fn metrics(projections: &[ProjectionStatus]) -> String {
    let mut registry = Registry::with_prefix("girok_projection");
    for (name, help, number) in TOLD {
        let family = Family::<[(&str, &str); 1], Gauge>::default();
        for projection in projections {
            family.get_or_create(&[("projection", projection.name)]).set(number(projection));
        }
        registry.register(name, help, family);
    }
    let mut text = String::new();
    encode_registry(&mut text, &registry).expect("a string takes any text");
    text
}

#[cfg(test)]
mod tests {
    use event_store::Position;

    use super::*;

    #[test]
    fn a_projection_that_cannot_be_relied_upon_shows() {
        let status = ProjectionStatus {
            name: "my_page",
            version: 1,
            position: Some(Position(6)),
            head: Some(Position(9)),
            lag: 3,
            parked: 2,
            unhealthy: Some("2 keys are parked".to_owned()),
            trouble: None,
            stopped: None,
        };
        let text = metrics(&[status]);
        for line in ["position", "lag_positions", "parked_keys", "healthy"].iter().zip([6, 3, 2, 0]) {
            let line = format!("girok_projection_{}{{projection=\"my_page\"}} {}\n", line.0, line.1);
            assert!(text.contains(&line), "{line} is not in {text}");
        }
    }
}
