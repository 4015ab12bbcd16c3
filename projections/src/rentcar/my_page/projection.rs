//! Keeps the rows. Reservation and rental each write their own half of a row, and of each stream only
//! the newest event counts: whatever the order of streams, the same row.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::kernel::Aggregate;
use domain::rentcar::{Booking, Fact, Rental, Reservation, SYSTEM};
use event_store::{Filter, RecordedEvent};
use serde::Serialize;

use super::row::{Part, RentalPart, ReservationPart};
use crate::database::Bulk;
use crate::dated;
use crate::projection::{Change, Projection, Table, Undecodable};

/// The permanent name, and that of the table.
pub(super) const NAME: &str = "rentcar_my_page";

/// A revision of -1 means that the stream was not seen yet, an empty status the same.
const COLUMNS: &str = "id TEXT NOT NULL, car_id TEXT NOT NULL, car_name TEXT, user_id TEXT NOT NULL, \
    user_name TEXT, reserved_date TEXT, reservation_status TEXT NOT NULL, rental_status TEXT NOT NULL, \
    reservation_revision BIGINT NOT NULL, rental_revision BIGINT NOT NULL, updated_at BIGINT NOT NULL, \
    position BIGINT NOT NULL";

pub(super) struct MyPageProjection;

impl Projection for MyPageProjection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Filter::categories([Reservation::NAME, Rental::NAME].map(|name| format!("{SYSTEM}.{name}")))
    }

    fn table(&self) -> Table {
        let indexes = &[("by_user", "user_id, id"), ("by_position", "position")];
        Table { name: NAME, key: &["id"], columns: COLUMNS, indexes }
    }

    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        let (mut reservations, mut rentals) = (HashMap::new(), HashMap::new());
        for event in events {
            let happened = dated::read(event, Fact::decode);
            let happened = happened.map_err(|reason| Undecodable::new(event, reason))?;
            let Some(happened) = happened else { continue };
            let half = |booking: &Booking, status| Half::new(booking, status, event, happened.time);
            match &happened.fact {
                Fact::Reservation(fact) => {
                    if let Some((booking, status)) = ReservationPart::after(fact) {
                        newest(&mut reservations, half(&booking, status.word()));
                    }
                }
                Fact::Rental(fact) => {
                    if let Some((booking, status)) = RentalPart::after(fact) {
                        newest(&mut rentals, half(&booking, status.word()));
                    }
                }
                Fact::Car(_) => {}
            }
        }
        Ok(Box::new(Upserts { reservations: json(reservations), rentals: json(rentals) }))
    }
}

/// What one stream says of a row, in the order of the statements.
#[derive(Serialize)]
struct Half(
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    &'static str,
    u64,
    u64,
    u64,
);

impl Half {
    fn new(booking: &Booking, status: &'static str, event: &RecordedEvent, time: u64) -> Self {
        let Booking { reservation_id, car_id, car_name, user_id, user_name, reserved_date } = booking.clone();
        let (id, car, user) = (reservation_id.to_string(), car_id.to_string(), user_id.to_string());
        let (revision, position) = (event.revision, event.position.0);
        Self(id, car, car_name, user, user_name, reserved_date, status, revision, time, position)
    }
}

fn newest(halves: &mut HashMap<String, Half>, half: Half) {
    let known = halves.get(&half.0).map(|known| known.7);
    if known < Some(half.7) {
        halves.insert(half.0.clone(), half);
    }
}

/// By key, so that the database walks its index once.
fn json(halves: HashMap<String, Half>) -> String {
    let mut halves: Vec<_> = halves.into_values().collect();
    halves.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    serde_json::to_string(&halves).expect("halves are plain tuples")
}

struct Upserts {
    reservations: String,
    rentals: String,
}

/// The reservation knows best what is reserved. (`WHERE true` tells SQLite's parser where the SELECT
/// ends.)
const RESERVATIONS: &str = "
    INSERT INTO {table} AS row (id, car_id, car_name, user_id, user_name, reserved_date,
        reservation_status, rental_status, reservation_revision, rental_revision, updated_at, position)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4, r.value ->> 5,
        r.value ->> 6, '', CAST(r.value ->> 7 AS BIGINT), -1, CAST(r.value ->> 8 AS BIGINT),
        CAST(r.value ->> 9 AS BIGINT)
    FROM {rows} WHERE true
    ON CONFLICT (id) DO UPDATE SET
        car_id = excluded.car_id, car_name = excluded.car_name, user_id = excluded.user_id,
        user_name = excluded.user_name, reserved_date = excluded.reserved_date,
        reservation_status = excluded.reservation_status,
        reservation_revision = excluded.reservation_revision,
        updated_at = CASE WHEN row.updated_at > excluded.updated_at
            THEN row.updated_at ELSE excluded.updated_at END,
        position = CASE WHEN row.position > excluded.position THEN row.position ELSE excluded.position END
    WHERE row.reservation_revision < excluded.reservation_revision";

const RENTALS: &str = "
    INSERT INTO {table} AS row (id, car_id, car_name, user_id, user_name, reserved_date,
        reservation_status, rental_status, reservation_revision, rental_revision, updated_at, position)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4, r.value ->> 5,
        '', r.value ->> 6, -1, CAST(r.value ->> 7 AS BIGINT), CAST(r.value ->> 8 AS BIGINT),
        CAST(r.value ->> 9 AS BIGINT)
    FROM {rows} WHERE true
    ON CONFLICT (id) DO UPDATE SET
        rental_status = excluded.rental_status, rental_revision = excluded.rental_revision,
        updated_at = CASE WHEN row.updated_at > excluded.updated_at
            THEN row.updated_at ELSE excluded.updated_at END,
        position = CASE WHEN row.position > excluded.position THEN row.position ELSE excluded.position END
    WHERE row.rental_revision < excluded.rental_revision";

#[async_trait]
impl Change for Upserts {
    async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), sqlx::Error> {
        bulk.write(RESERVATIONS, self.reservations.clone()).await?;
        bulk.write(RENTALS, self.rentals.clone()).await
    }
}
