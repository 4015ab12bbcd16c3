use crate::driver::Browser;
use crate::line::Line;
use crate::page::{CANCEL, Student};
use crate::support::{Settings, TestApp, spawn_app};

/// EL-F1, EL-F5, EL-N3.1, EL-I1: while delivery rests the row waits, then it changes in front of the
/// student's eyes.
#[tokio::test]
async fn a_student_applies_and_sees_the_delivery_start_without_a_reload() {
    let app = spawn_app().await;
    app.stop("delivery").await;
    let student = Student::visits(&app).await;
    student.applies().await;
    student.sees("Paid").await;
    student.sees("Delivery starts by itself").await;
    student.sees_that_it_is_live().await;
    student.marks_the_page().await;

    app.start("delivery").await;
    student.sees("Paid — being delivered").await;
    student.still_has_the_marked_page().await;
    let news = student.browser.property("#news", "textContent").await;
    assert_eq!(news, "book001: Paid — being delivered", "told to who cannot see it");
    assert_eq!(student.browser.complaints().await, Vec::<serde_json::Value>::new());
}

/// EL-F6, EL-F7, EL-I2, EL-I5: the cancel waits for the delivery, says so, and ends by itself.
#[tokio::test]
async fn a_student_cancels_and_sees_it_become_cancelled_by_itself() {
    let app = spawn_app().await;
    let student = Student::visits(&app).await;
    student.applies().await;
    student.sees("Paid — being delivered").await;

    app.stop("delivery").await;
    student.cancels().await;
    student.sees("Cancelling\nWaiting for delivery to confirm").await;
    assert!(!student.browser.has(CANCEL).await, "it can be cancelled only once");
    student.sees_that_it_is_live().await;
    student.marks_the_page().await;

    app.start("delivery").await;
    student.sees("Cancelled\nYou cancelled it.").await;
    student.still_has_the_marked_page().await;
}

/// EL-N2.2, EL-I11: it says why it waits, and goes on when the provider is back.
#[tokio::test]
async fn during_an_outage_the_row_says_why_it_waits_and_then_goes_on_by_itself() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.provider_outage(true);
    let student = Student::visits(&app).await;
    student.applies().await;
    student.sees("Waiting for payment\nThe payment is busy; it will be retried by itself.").await;
    student.sees_that_it_is_live().await;
    student.marks_the_page().await;

    app.provider_outage(false);
    student.sees("Paid — being delivered").await;
    student.still_has_the_marked_page().await;
    assert_eq!(app.types("payment", &student.newest().await).await, ["PayRequested", "PayCompleted"]);
}

/// EL-I14: the student sees that the payment was refused, and why.
#[tokio::test]
async fn a_refused_payment_is_told_with_its_reason() {
    let app = spawn_app().await;
    let declines = command_api::payment_provider::Simulation { declined_pct: 100, ..Default::default() };
    app.provider.simulate(declines);
    let student = Student::visits(&app).await;
    student.applies().await;
    student.sees("Payment refused\nThe card was declined.").await;
    assert!(!student.browser.has(CANCEL).await, "there is nothing to cancel");
}

/// EL-F5: what is applied for elsewhere appears too, on top.
#[tokio::test]
async fn an_application_made_on_another_device_appears_by_itself() {
    let app = spawn_app().await;
    let student = Student::visits(&app).await;
    student.goes_to("/?studentId=student1").await;
    student.sees_that_it_is_live().await;
    assert!(student.browser.text(".none").await.contains("Nothing here yet"));

    let (id, _) = app.apply().await;
    student.sees("Paid — being delivered").await;
    assert_eq!(student.newest().await, id);
    assert_eq!(student.browser.text(".none").await, "");
}

/// EL-F5: the page says when it does not follow, and what happened meanwhile is not lost.
#[tokio::test]
async fn what_happens_while_the_line_is_cut_appears_when_it_is_back() {
    let app = spawn_app().await;
    let line = Line::to(app.url.strip_prefix("http://").unwrap().parse().unwrap()).await;
    let student = Student::visits_at(&format!("http://{}", line.address), Browser::open("en").await).await;
    student.applies().await;
    student.sees("Paid — being delivered").await;
    student.sees_that_it_is_live().await;
    student.marks_the_page().await;

    line.cut();
    student.browser.until_reads("#live", "Reconnecting…").await;
    app.cancel(&student.newest().await).await;
    app.settle().await;
    student.sees("Paid — being delivered").await;

    line.mend();
    student.sees("Cancelled\nYou cancelled it.").await;
    student.sees_that_it_is_live().await;
    student.still_has_the_marked_page().await;
}

/// EL I4, G14: the error is beside its field, what was typed stays, and nothing is appended.
#[tokio::test]
async fn bad_input_is_told_beside_the_field_and_nothing_is_appended() {
    let app = spawn_app().await;
    let student = Student::visits(&app).await;
    student.fills_in().await;
    student.browser.fill("#bookId", "   ").await;
    student.browser.fill("#qty", "0").await;

    // The browser itself stops what is plainly wrong.
    student.submits().await;
    assert!(!student.browser.has(".error").await);
    // What passes it, the server stops.
    student.browser.run("document.querySelector('.apply').noValidate = true").await;
    student.submits().await;
    student.browser.until_reads("#qty + .error", "A whole number, 1 or more.").await;
    assert_eq!(student.browser.text("#bookId + .error").await, "Please fill this in.");
    assert_eq!(student.browser.property("#address", "value").await, "seoul");
    assert_eq!(student.browser.run("return document.activeElement.id").await, "bookId");
    assert_eq!(app.business_events().await, 0);
}

/// EL-F5 on a phone: everything is reachable without moving sideways.
#[tokio::test]
async fn on_a_phone_nothing_is_wider_than_the_screen() {
    let app = spawn_app().await;
    let student = Student::visits_with(&app, Browser::open("ko").await).await;
    student.browser.resize(360, 740).await;
    student.fills_in().await;
    // A title without a place to break it.
    student.browser.fill("#bookName", &"교재".repeat(60)).await;
    student.submits().await;
    student.sees("배송 중").await;
    let widths = student.browser.run("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert_eq!(widths, serde_json::json!([360, 360]));
    let small = "return [...document.querySelectorAll('button, input:not([type=hidden])')]
        .filter((control) => control.getBoundingClientRect().height < 44).length";
    assert_eq!(student.browser.run(small).await, 0, "every control is large enough for a finger");
}
