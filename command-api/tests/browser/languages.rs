use crate::driver::Browser;
use crate::page::Student;
use crate::support::spawn_app;

/// EL-F1, EL-F5 in the language that the browser prefers, and in the other one when the student says so.
#[tokio::test]
async fn the_page_speaks_korean_and_english() {
    let app = spawn_app().await;
    let student = Student::visits_with(&app, Browser::open("ko-KR,ko").await).await;
    assert_eq!(student.browser.property("html", "lang").await, "ko");
    assert_eq!(student.browser.text("h1").await, "교재 신청");
    student.applies().await;
    student.sees("결제 완료 — 배송 중").await;

    student.browser.click(".language").await;
    student.sees("Paid — being delivered").await;
    assert_eq!(student.browser.property("html", "lang").await, "en");

    // Remembered, also for what changes by itself.
    student.goes_to("/").await;
    student.sees_that_it_is_live().await;
    app.cancel(&student.newest().await).await;
    student.sees("Cancelled\nYou cancelled it.").await;
}
