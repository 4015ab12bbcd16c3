use std::borrow::Cow;

use domain::elearning::CancelReason;

use super::Texts;
use crate::elearning::web::stage::Stage;
use crate::web::frame::FrameTexts;
use crate::web::list::Remarks;

const STUDENT_ID: &str = "Student ID";

pub(super) const TEXTS: Texts = Texts {
    frame: FrameTexts {
        title: "Course material",
        lead: "Apply, pay, and have your books delivered.",
        skip: "To my applications",
        form: "Apply",
        list: "My applications",
        who: STUDENT_ID,
        none_yet: "Nothing here yet. What you apply for appears here.",
        remarks: Remarks {
            who: "Enter your student ID to see your applications.",
            elsewhere: "The list of applications is kept on another server. You can apply here all the same.",
            unreadable: "The list cannot be read at the moment. Your applications are safe; try again shortly.",
            behind: "Your latest change is being added to the list.",
            degraded: "The list may be out of date at the moment. Your applications are safe.",
            only_latest: "You have more applications than are shown here.",
        },
    },

    student_id: STUDENT_ID,
    student_name: "Name",
    book_id: "Book number",
    book_name: "Title",
    qty: "Copies",
    amount: "Amount to pay",
    address: "Delivery address",
    submit: "Apply",
    copies: |count| if count == 1 { "1 copy".to_owned() } else { format!("{count} copies") },

    steps: ["Applied", "Payment", "Delivery"],
    cancel: "Cancel",
    stage: |stage| match stage {
        Stage::WaitsForPayment => {
            ("Waiting for payment", Some("The payment is busy; it will be retried by itself."))
        }
        Stage::WaitsForDelivery => ("Paid", Some("Delivery starts by itself in a moment.")),
        Stage::BeingDelivered => ("Paid — being delivered", None),
        Stage::CancelWaitsForDelivery => {
            ("Cancelling", Some("Waiting for delivery to confirm. Then the payment is undone by itself."))
        }
        Stage::CancelWaitsForPayment => {
            ("Cancelling", Some("The delivery is stopped; the payment is being undone."))
        }
        Stage::CancelledUnpaid => ("Cancelled", Some("The payment that was still open is being withdrawn.")),
        Stage::Cancelled => ("Cancelled", None),
        Stage::Refused => ("Payment refused", Some("Nothing is delivered.")),
    },
    reason,

    wrong: |field, missing| match (field, missing) {
        (_, true) => "Please fill this in.",
        ("qty", _) => "A whole number, 1 or more.",
        ("amount", _) => "A number, 0 or more, with at most two decimals.",
        _ => "At most 255 characters.",
    },
    already_sent: "This form was already sent with other details, and that application stands. \
                   Apply again if you want this one as well.",
    not_taken_now: "Applications cannot be taken at the moment. Please try again shortly; \
                    you will not apply twice.",
    not_cancelled_now: "This cannot be cancelled at the moment. Please try again shortly.",
    no_such: "There is no such application.",
};

fn reason(reason: &str) -> Cow<'_, str> {
    if reason == CancelReason::StudentCancelled.describe() {
        "You cancelled it.".into()
    } else if reason == CancelReason::PaymentCancelled.describe() {
        "The payment was cancelled.".into()
    } else if reason == "card declined" {
        "The card was declined.".into()
    } else {
        reason.into()
    }
}
