//! The page as a student sees it.

use serde_json::Value;

use crate::driver::Browser;
use crate::support::TestApp;

/// The status of the newest row.
pub(crate) const STATUS: &str = "#rows > li:first-child .status";

/// The button that cancels the newest row.
pub(crate) const CANCEL: &str = "#rows > li:first-child form button";

/// A student in front of the page.
pub(crate) struct Student {
    pub(crate) browser: Browser,
    url: String,
}

impl Student {
    /// Opens the page, in a browser that prefers English.
    pub(crate) async fn visits(app: &TestApp) -> Self {
        Self::visits_with(app, Browser::open("en").await).await
    }

    /// Opens the page in this browser.
    pub(crate) async fn visits_with(app: &TestApp, browser: Browser) -> Self {
        Self::visits_at(&app.url, browser).await
    }

    /// Opens the page that is served there.
    pub(crate) async fn visits_at(url: &str, browser: Browser) -> Self {
        browser.go(url).await;
        Self { browser, url: url.to_owned() }
    }

    /// Fills in the form as in the documents (SPEC 1.7-2), but does not send it.
    pub(crate) async fn fills_in(&self) {
        for (field, text) in [
            ("studentId", "student1"),
            ("studentName", "홍길동"),
            ("bookId", "001"),
            ("bookName", "book001"),
            ("qty", "10"),
            ("amount", "1000"),
            ("address", "seoul"),
        ] {
            self.browser.fill(&format!("#{field}"), text).await;
        }
    }

    /// Sends the form.
    pub(crate) async fn submits(&self) {
        self.browser.click(".apply .primary").await;
    }

    /// Applies as in the documents, and sees the list with it.
    pub(crate) async fn applies(&self) {
        self.fills_in().await;
        self.submits().await;
        self.browser.until_reads("#rows h3", "book001").await;
    }

    /// Cancels the newest application with its button.
    pub(crate) async fn cancels(&self) {
        self.browser.click(CANCEL).await;
    }

    /// Marks the page as it is now, so that a reload would be noticed.
    pub(crate) async fn marks_the_page(&self) {
        self.browser.run("window.mark = true").await;
    }

    /// The page is the marked one: it was not loaded again.
    pub(crate) async fn still_has_the_marked_page(&self) {
        assert_eq!(self.browser.run("return window.mark").await, Value::Bool(true), "the page was reloaded");
    }

    /// Waits until the newest row says this.
    pub(crate) async fn sees(&self, status: &str) {
        self.browser.until_reads(STATUS, status).await;
    }

    /// Waits until the page follows changes by itself.
    pub(crate) async fn sees_that_it_is_live(&self) {
        self.browser.until_reads("#live", "Live").await;
    }

    /// The id of the newest application.
    pub(crate) async fn newest(&self) -> String {
        let row = self.browser.property("#rows > li:first-child", "id").await;
        row.as_str().unwrap().strip_prefix("row-").unwrap().to_owned()
    }

    /// Loads another page of the application.
    pub(crate) async fn goes_to(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.url)).await;
    }
}
