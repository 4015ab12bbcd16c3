//! The rows in the database.

use std::str::FromStr;

use domain::elearning::{Application, ApplyStatus, BookId, DeliveryStatus, PayStatus, StudentId};
use domain::kernel::{Quantity, RequestId};
use event_store::Position;
use serde::ser::{Serialize, SerializeTuple, Serializer};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::{Revisions, Row};
use crate::checkpoint::number;
use crate::database::Transaction;

pub(super) const COLUMNS: &str = "id, student_id, student_name, book_id, book_name, book_qty, amount, apply_status, \
    delivery_address, pay_status, delivery_status, cancel_reason, fail_reason, updated_at, apply_revision, \
    payment_revision, delivery_revision, position";

/// The table, as it is made.
pub(super) const DEFINITION: &str = "id TEXT NOT NULL, student_id TEXT NOT NULL, student_name TEXT, \
    book_id TEXT NOT NULL, book_name TEXT, book_qty BIGINT NOT NULL, amount TEXT NOT NULL, \
    apply_status TEXT NOT NULL, delivery_address TEXT, pay_status TEXT NOT NULL, \
    delivery_status TEXT NOT NULL, cancel_reason TEXT, fail_reason TEXT, updated_at BIGINT NOT NULL, \
    apply_revision BIGINT NOT NULL, payment_revision BIGINT NOT NULL, delivery_revision BIGINT NOT NULL, \
    position BIGINT NOT NULL";

pub(super) const INDEXES: &[(&str, &str)] = &[("by_student", "student_id, id"), ("by_position", "position")];

/// (`WHERE true` tells SQLite's parser where the SELECT ends.)
const UPSERT: &str = "
    INSERT INTO {table} (id, student_id, student_name, book_id, book_name, book_qty, amount, apply_status,
        delivery_address, pay_status, delivery_status, cancel_reason, fail_reason, updated_at,
        apply_revision, payment_revision, delivery_revision, position)
    SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4,
        CAST(r.value ->> 5 AS BIGINT), r.value ->> 6, r.value ->> 7, r.value ->> 8, r.value ->> 9,
        r.value ->> 10, r.value ->> 11, r.value ->> 12, CAST(r.value ->> 13 AS BIGINT),
        CAST(r.value ->> 14 AS BIGINT), CAST(r.value ->> 15 AS BIGINT), CAST(r.value ->> 16 AS BIGINT),
        CAST(r.value ->> 17 AS BIGINT)
    FROM {rows} WHERE true
    ON CONFLICT (id) DO UPDATE SET
        student_id = excluded.student_id, student_name = excluded.student_name,
        book_id = excluded.book_id, book_name = excluded.book_name, book_qty = excluded.book_qty,
        amount = excluded.amount, apply_status = excluded.apply_status,
        delivery_address = excluded.delivery_address, pay_status = excluded.pay_status,
        delivery_status = excluded.delivery_status, cancel_reason = excluded.cancel_reason,
        fail_reason = excluded.fail_reason, updated_at = excluded.updated_at,
        apply_revision = excluded.apply_revision, payment_revision = excluded.payment_revision,
        delivery_revision = excluded.delivery_revision, position = excluded.position";

/// The rows of these applications, as far as there are any.
pub(super) async fn read(
    transaction: &mut Transaction,
    ids: impl Iterator<Item = &RequestId>,
) -> Result<Vec<Row>, sqlx::Error> {
    let keys = serde_json::to_string(&ids.collect::<Vec<_>>()).expect("ids are plain texts");
    let statement = format!("SELECT {COLUMNS} FROM {{table}} WHERE id IN ({{keys}})");
    transaction.read(&statement, keys).await?.iter().map(decode).collect()
}

/// Writes these rows over what was there.
pub(super) async fn write(
    transaction: &mut Transaction,
    rows: impl Iterator<Item = Row>,
) -> Result<(), sqlx::Error> {
    let mut rows: Vec<Row> = rows.collect();
    // By key, so that the database walks its index once.
    rows.sort_unstable_by_key(|row| row.application.id);
    let rows: Vec<Columns<'_>> = rows.iter().map(Columns).collect();
    let rows = serde_json::to_string(&rows).expect("columns are plain values");
    transaction.write(UPSERT, rows).await
}

/// A row as the statement takes it: its columns in the order of [`COLUMNS`].
struct Columns<'r>(&'r Row);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { application, revisions, .. } = self.0;
        let revision = |revision: Option<u64>| number(revision.map(Position));
        let mut columns = serializer.serialize_tuple(18)?;
        columns.serialize_element(&application.id)?;
        columns.serialize_element(&application.student_id)?;
        columns.serialize_element(&application.student_name)?;
        columns.serialize_element(&application.book_id)?;
        columns.serialize_element(&application.book_name)?;
        columns.serialize_element(&application.qty)?;
        columns.serialize_element(&application.amount)?;
        columns.serialize_element(&self.0.apply_status)?;
        columns.serialize_element(&application.address)?;
        columns.serialize_element(&self.0.pay_status)?;
        columns.serialize_element(&self.0.delivery_status)?;
        columns.serialize_element(&self.0.cancel_reason)?;
        columns.serialize_element(&self.0.fail_reason)?;
        columns.serialize_element(&self.0.updated_at)?;
        columns.serialize_element(&revision(revisions.apply))?;
        columns.serialize_element(&revision(revisions.payment))?;
        columns.serialize_element(&revision(revisions.delivery))?;
        columns.serialize_element(&self.0.position)?;
        columns.end()
    }
}

/// A row, from its columns in the order of [`COLUMNS`].
pub(super) fn decode(row: &AnyRow) -> Result<Row, sqlx::Error> {
    let text = |column: usize| row.try_get::<Option<String>, _>(column);
    let count = |column: usize| row.try_get::<i64, _>(column);
    let revision = |column: usize| Ok::<_, sqlx::Error>(u64::try_from(count(column)?).ok());
    let application = Application {
        id: parse(row, 0)?,
        student_id: StudentId::new(row.try_get::<String, _>(1)?).map_err(|error| odd(1, error))?,
        student_name: text(2)?,
        book_id: BookId::new(row.try_get::<String, _>(3)?).map_err(|error| odd(3, error))?,
        book_name: text(4)?,
        qty: u32::try_from(count(5)?)
            .map_err(|error| odd(5, error))
            .and_then(|qty| Quantity::try_from(qty).map_err(|error| odd(5, error)))?,
        amount: parse(row, 6)?,
        address: text(8)?,
    };
    Ok(Row {
        application,
        apply_status: word(row, 7, [ApplyStatus::Completed, ApplyStatus::Cancelled])?,
        pay_status: word(
            row,
            9,
            [
                PayStatus::Pending,
                PayStatus::Completed,
                PayStatus::Cancelling,
                PayStatus::Cancelled,
                PayStatus::Failed,
            ],
        )?,
        delivery_status: word(
            row,
            10,
            [DeliveryStatus::None, DeliveryStatus::Started, DeliveryStatus::Cancelled],
        )?,
        cancel_reason: text(11)?,
        fail_reason: text(12)?,
        updated_at: u64::try_from(count(13)?).map_err(|error| odd(13, error))?,
        revisions: Revisions { apply: revision(14)?, payment: revision(15)?, delivery: revision(16)? },
        position: Position(u64::try_from(count(17)?).map_err(|error| odd(17, error))?),
    })
}

fn parse<T>(row: &AnyRow, column: usize) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<String, _>(column)?.parse().map_err(|error| odd(column, error))
}

/// One of these, by the word that it is on the wire.
fn word<T: Serialize, const N: usize>(row: &AnyRow, column: usize, of: [T; N]) -> Result<T, sqlx::Error> {
    let word = row.try_get::<String, _>(column)?;
    let spelled = |known: &T| serde_json::to_value(known).is_ok_and(|known| known == word.as_str());
    of.into_iter().find(spelled).ok_or_else(|| odd(column, format!("`{word}` is no such word")))
}

/// A column that this program would not have written.
fn odd(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_string(), source: error.into() }
}
