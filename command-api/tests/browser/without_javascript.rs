use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use tokio::task::JoinSet;

use crate::driver::Browser;
use crate::page::{CANCEL, Student};
use crate::support::{Settings, TestApp, spawn_app};

/// EL-F1, EL-F5, EL-F6: apply, see, cancel, see, with plain pages.
#[tokio::test]
async fn without_javascript_a_student_applies_and_cancels_all_the_same() {
    let app = spawn_app().await;
    let student = Student::visits_with(&app, Browser::open_without_javascript("en").await).await;
    student.applies().await;
    // Shown at once, because the page waited for it (DESIGN 7); the rest is a reload away.
    app.until_last("delivery", &student.newest().await, "DeliveryStarted").await;
    assert_eq!(student.browser.text("#live").await, "Reload to see changes");
    student.browser.click("#live a").await;
    student.sees("Paid — being delivered").await;

    student.browser.click(CANCEL).await;
    student.sees("Cancel").await;
    app.settle().await;
    student.browser.click("#live a").await;
    student.sees("Cancelled\nYou cancelled it.").await;
}

fn form(key: &str, book: &str) -> [(&'static str, String); 5] {
    let fields =
        [("key", key), ("studentId", "student1"), ("bookId", book), ("qty", "1"), ("amount", "1000")];
    fields.map(|(name, text)| (name, text.to_owned()))
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

/// EL-I18, G6: one form is one application, however often the button was pressed.
#[tokio::test]
async fn a_double_click_is_one_application() {
    let app = spawn_app().await;
    let key = "0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c01";
    let mut clicks = JoinSet::new();
    for _ in 0..4 {
        clicks.spawn(client().post(&app.url).form(&form(key, "001")).send());
    }
    for answer in clicks.join_all().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert!(answer.headers()[LOCATION].to_str().unwrap().starts_with("/?studentId=student1&after="));
    }
    let listed = app.get("/myPages?studentId=student1&after=2").await;
    assert_eq!(listed["_embedded"]["myPages"].as_array().unwrap().len(), 1);
}

/// The way back leads to a form that was sent already: sent with other details, it is offered as
/// another application, and the first one stands.
#[tokio::test]
async fn a_form_that_is_changed_and_sent_again_is_not_taken_for_the_first_one() {
    let app = spawn_app().await;
    let key = "0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c02";
    client().post(&app.url).form(&form(key, "001")).send().await.unwrap();
    let again = client().post(&app.url).form(&form(key, "002")).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = again.text().await.unwrap();
    assert!(page.contains("already sent"), "{page}");
    assert!(page.contains(r#"value="002""#), "what was typed stays: {page}");
    assert!(!page.contains(key), "it is sent with a new key");
}

/// C1.12: what the page does follows from the request of the browser, as with any other client.
#[tokio::test]
async fn an_application_of_the_page_follows_from_the_request_of_the_browser() {
    let app = spawn_app().await;
    let request = "0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c05";
    let apply = client().post(&app.url).header("x-request-id", request);
    apply.form(&form("0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c06", "001")).send().await.unwrap();
    let listed = app.get("/myPages?studentId=student1&after=2").await;
    let id = listed["_embedded"]["myPages"][0]["id"].as_str().unwrap();
    let applied = &app.events("apply", id).await[0];
    let metadata = domain::kernel::Metadata::decode(&applied.metadata).unwrap();
    assert_eq!(metadata.causation_id.to_string(), request);
}

/// EL-N2.2: while nobody takes applications the page says so and keeps what was typed.
#[tokio::test]
async fn while_applications_are_not_taken_the_page_says_so() {
    let app =
        TestApp::spawn(Settings { contexts: Some(vec!["payment", "delivery"]), ..Settings::default() }).await;
    let key = "0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c03";
    let refused = client().post(&app.url).form(&form(key, "001")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let page = refused.text().await.unwrap();
    assert!(page.contains("cannot be taken at the moment"), "{page}");
    assert!(page.contains(key), "a retry is the same application: {page}");
    assert_eq!(app.business_events().await, 0);
}

/// EL-I19: an id that nobody has cancels nothing.
#[tokio::test]
async fn cancelling_what_does_not_exist_is_told() {
    let app = spawn_app().await;
    for id in ["0b7c9c1e-55a5-4d3c-9a57-6d6f7e1b0c04", "../../status", ""] {
        let cancel = client().post(format!("{}/cancel", app.url));
        let refused = cancel.form(&[("id", id), ("studentId", "student1")]).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{id}");
        assert!(refused.text().await.unwrap().contains("no such application"), "{id}");
    }
}

/// The page is of one student at one moment and runs nothing that is not ours; its parts are asked
/// about, not sent again.
#[tokio::test]
async fn the_page_is_not_kept_and_its_parts_are() {
    let app = spawn_app().await;
    let page = app.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
    assert!(page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'self'"));
    assert!(page.headers().contains_key("x-request-id"));
    for asset in ["style.css", "live.js", "icon.svg"] {
        let path = format!("/web/{asset}");
        let first = app.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(first.status(), StatusCode::OK, "{asset}");
        let kept = app.request(Method::GET, &path).header(IF_NONE_MATCH, &first.headers()[ETAG]);
        assert_eq!(kept.send().await.unwrap().status(), StatusCode::NOT_MODIFIED, "{asset}");
    }
    assert_eq!(
        app.request(Method::DELETE, "/").send().await.unwrap().status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}
