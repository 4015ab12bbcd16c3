//! The bodies of SPEC 1.2, as the documents send them.

use domain::elearning::{Application, ApplyStatus, BookId, StudentId};
use domain::kernel::{Money, Quantity, RequestId, Shared};

use crate::http::{ApiError, Fields, required, short};

/// Reads an application under this id, and the status that the client claims for it.
///
/// # Errors
/// [`ApiError::InvalidInput`] with every field that is missing or makes no sense.
pub(super) fn application(
    fields: &mut Fields,
    id: RequestId,
    address: &'static str,
) -> Result<(Shared<Application>, Option<ApplyStatus>), ApiError> {
    let student_id = fields.required("studentId", str::parse::<StudentId>);
    let student_name = fields.optional("studentName", short);
    let book_id = fields.required("bookId", str::parse::<BookId>);
    let book_name = fields.optional("bookName", short);
    let qty = fields.required("qty", str::parse::<Quantity>);
    let amount = fields.required("amount", str::parse::<Money>);
    let address = fields.optional(address, short);
    let status = fields.optional("applyStatus", status);
    fields.check()?;
    let (student_id, book_id) = (required(student_id)?, required(book_id)?);
    let (qty, amount) = (required(qty)?, required(amount)?);
    let application = Application { id, student_id, student_name, book_id, book_name, qty, amount, address };
    Ok((Shared::new(application), status))
}

/// What a `PUT` or `PATCH` says about a known application: the fields that it sends, over the
/// recorded ones.
///
/// # Errors
/// [`ApiError::InvalidInput`] with every field that makes no sense; the status is required.
pub(super) fn amendment(
    fields: &mut Fields,
    known: Option<&Shared<Application>>,
    address: &'static str,
) -> Result<(Option<Shared<Application>>, ApplyStatus), ApiError> {
    let student_id = fields.optional("studentId", str::parse::<StudentId>);
    let student_name = fields.optional("studentName", short);
    let book_id = fields.optional("bookId", str::parse::<BookId>);
    let book_name = fields.optional("bookName", short);
    let qty = fields.optional("qty", str::parse::<Quantity>);
    let amount = fields.optional("amount", str::parse::<Money>);
    let address = fields.optional(address, short);
    let status = fields.required("applyStatus", status);
    fields.check()?;
    let status = required(status)?;
    let amended = known.map(|known| Application::clone(known)).map(|known| Application {
        id: known.id,
        student_id: student_id.unwrap_or(known.student_id),
        student_name: student_name.or(known.student_name),
        book_id: book_id.unwrap_or(known.book_id),
        book_name: book_name.or(known.book_name),
        qty: qty.unwrap_or(known.qty),
        amount: amount.unwrap_or(known.amount),
        address: address.or(known.address),
    });
    Ok((amended.map(Shared::new), status))
}

/// The id in the body of an internal command.
pub(super) fn id(fields: &mut Fields) -> Result<RequestId, ApiError> {
    let id = fields.required("id", |text| text.parse::<RequestId>().map_err(|_| "must be a UUID"));
    fields.check()?;
    required(id)
}

/// The documents' status words and the synonyms of an earlier version (SPEC 1.2).
fn status(text: &str) -> Result<ApplyStatus, &'static str> {
    match text {
        "completed" | "applyCompleted" => Ok(ApplyStatus::Completed),
        "cancelled" | "applyCancelled" => Ok(ApplyStatus::Cancelled),
        _ => Err("must be completed or cancelled"),
    }
}
