//! The rows in the database.

use domain::elearning::{Application, ApplyStatus, BookId, DeliveryStatus, PayStatus, StudentId};
use domain::kernel::{Money, Quantity, RequestId, Shared};
use event_store::Position;
use foldhash::HashMap;
use serde::de::Error as _;
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::projection::NAME;
use super::row::{Revisions, Row};
use crate::checkpoint::number;
use crate::database::Bulk;
use crate::projection::Table;
use crate::upsert::{JsonRows, Upsert, insert};

pub(super) const COLUMNS: &str = "id, student_id, student_name, book_id, book_name, book_qty, amount, apply_status, \
    delivery_address, pay_status, delivery_status, cancel_reason, fail_reason, updated_at, apply_revision, \
    payment_revision, delivery_revision, position";

/// The table, as it is made.
pub(super) const TABLE: Table = Table {
    name: NAME,
    key: &["id"],
    columns: "id TEXT NOT NULL, student_id TEXT NOT NULL, student_name TEXT, \
        book_id TEXT NOT NULL, book_name TEXT, book_qty BIGINT NOT NULL, amount TEXT NOT NULL, \
        apply_status TEXT NOT NULL, delivery_address TEXT, pay_status TEXT NOT NULL, \
        delivery_status TEXT NOT NULL, cancel_reason TEXT, fail_reason TEXT, updated_at BIGINT NOT NULL, \
        apply_revision BIGINT NOT NULL, payment_revision BIGINT NOT NULL, delivery_revision BIGINT NOT NULL, \
        position BIGINT NOT NULL",
    indexes: &[("by_student", "student_id, id"), ("by_position", "position")],
};

/// The rows of these applications, as far as there are any.
pub(super) async fn read(
    bulk: &mut Bulk<'_>,
    ids: impl Iterator<Item = &RequestId>,
) -> Result<Vec<Row>, sqlx::Error> {
    let keys = serde_json::to_string(&ids.collect::<Vec<_>>()).expect("ids are plain texts");
    let columns = bulk.array(COLUMNS);
    let statement = format!("SELECT {columns} FROM {{table}} WHERE id {{in_keys}}");
    let rows = bulk.read(&statement, keys).await?;
    let row = |row: &AnyRow| decode(row.try_get(0)?).map_err(|odd| sqlx::Error::Decode(odd.into()));
    rows.iter().map(row).collect()
}

/// These rows as [`write()`] takes them.
pub(super) fn json(rows: HashMap<RequestId, Option<Row>>) -> JsonRows {
    let mut rows: Vec<Row> = rows.into_values().flatten().collect();
    rows.sort_unstable_by_key(|row| row.application.id);
    JsonRows::new(&rows)
}

/// Writes rows that begin, and others over what was there.
pub(super) async fn write(bulk: &mut Bulk<'_>, new: &JsonRows, others: JsonRows) -> Result<(), sqlx::Error> {
    let others = match bulk.owns_table() {
        true => {
            insert(bulk, &TABLE, new).await?;
            others
        }
        // A table that others write too may hold what they should not have written: it is overwritten.
        false => new.and(others),
    };
    Upsert::new(TABLE, "student_id", None, others).apply(bulk).await
}

/// A row, from the array of its columns in the order of [`COLUMNS`].
fn decode(columns: &str) -> Result<Row, serde_json::Error> {
    serde_json::from_str::<Columns>(columns).map(Row::from)
}

/// A row as the array of its columns.
#[cfg(test)]
pub(super) fn encode(row: Row) -> String {
    serde_json::to_string(&row).expect("columns are plain values")
}

/// As the array of its columns, in the order of [`COLUMNS`].
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Application { id, student_id, student_name, book_id, book_name, qty, amount, address } =
            &*self.application;
        let revision = |revision: Option<u64>| number(revision.map(Position));
        let mut columns = serializer.serialize_tuple(18)?;
        columns.serialize_element(id)?;
        columns.serialize_element(student_id)?;
        columns.serialize_element(student_name)?;
        columns.serialize_element(book_id)?;
        columns.serialize_element(book_name)?;
        columns.serialize_element(qty)?;
        columns.serialize_element(amount)?;
        columns.serialize_element(&self.apply_status)?;
        columns.serialize_element(address)?;
        columns.serialize_element(&self.pay_status)?;
        columns.serialize_element(&self.delivery_status)?;
        columns.serialize_element(&self.cancel_reason)?;
        columns.serialize_element(&self.fail_reason)?;
        columns.serialize_element(&self.updated_at)?;
        columns.serialize_element(&revision(self.revisions.apply))?;
        columns.serialize_element(&revision(self.revisions.payment))?;
        columns.serialize_element(&revision(self.revisions.delivery))?;
        columns.serialize_element(&self.position.0)?;
        columns.end()
    }
}

/// The same, to be read.
#[derive(Deserialize)]
struct Columns(
    RequestId,
    StudentId,
    Option<String>,
    BookId,
    Option<String>,
    Quantity,
    Money,
    #[serde(deserialize_with = "status")] ApplyStatus,
    Option<String>,
    PayStatus,
    #[serde(deserialize_with = "status")] DeliveryStatus,
    Option<String>,
    Option<String>,
    u64,
    i64,
    i64,
    i64,
    u64,
);

impl From<Columns> for Row {
    fn from(columns: Columns) -> Self {
        let Columns(id, student_id, student_name, book_id, book_name, qty, amount, ..) = columns;
        let Columns(_, _, _, _, _, _, _, apply_status, address, pay_status, delivery_status, ..) = columns;
        let Columns(.., cancel_reason, fail_reason, updated_at, apply, payment, delivery, position) = columns;
        let revision = |revision: i64| u64::try_from(revision).ok();
        Self {
            application: Shared::new(Application {
                id,
                student_id,
                student_name,
                book_id,
                book_name,
                qty,
                amount,
                address,
            }),
            apply_status,
            pay_status,
            delivery_status,
            cancel_reason,
            fail_reason,
            updated_at,
            revisions: Revisions {
                apply: revision(apply),
                payment: revision(payment),
                delivery: revision(delivery),
            },
            position: Position(position),
        }
    }
}

/// A status that the domain only writes, and each by the word that it is on the wire.
pub(super) trait Status: Copy + 'static {
    const ALL: &'static [(&'static str, Self)];
}

impl Status for ApplyStatus {
    const ALL: &'static [(&'static str, Self)] =
        &[("completed", Self::Completed), ("cancelled", Self::Cancelled)];
}

impl Status for DeliveryStatus {
    const ALL: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("started", Self::Started), ("cancelled", Self::Cancelled)];
}

/// Reads a status by its word.
pub(super) fn status<'de, D: Deserializer<'de>, S: Status>(deserializer: D) -> Result<S, D::Error> {
    let word = <&str>::deserialize(deserializer)?;
    let known = S::ALL.iter().find(|(known, _)| *known == word);
    known.map(|(_, status)| *status).ok_or_else(|| D::Error::custom(format!("`{word}` is no such word")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are those that are written.
    #[test]
    fn a_status_is_read_by_its_word() {
        fn check(all: &[(&str, impl Serialize)]) {
            all.iter().for_each(|(word, status)| assert_eq!(serde_json::to_value(status).unwrap(), *word));
        }
        check(ApplyStatus::ALL);
        check(DeliveryStatus::ALL);
    }
}
