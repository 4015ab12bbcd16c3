//! A headless Chromium, driven as W3C WebDriver says, by a chromedriver of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes that works, on the slowest machine.
const NEVER: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(25);

/// What a reference to an element is called on the wire.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window, which ends when it is dropped.
pub(crate) struct Browser {
    chromedriver: Child,
    port: u16,
    session: String,
    client: Client,
    _profile: TempDir,
}

impl Browser {
    /// Opens one that prefers this language.
    pub(crate) async fn open(language: &str) -> Self {
        Self::open_as(language, true).await
    }

    /// Opens one that runs no scripts of pages.
    pub(crate) async fn open_without_javascript(language: &str) -> Self {
        Self::open_as(language, false).await
    }

    async fn open_as(language: &str, javascript: bool) -> Self {
        let (chromedriver, port) = start_chromedriver();
        let profile = TempDir::new().unwrap();
        let client = Client::new();
        let mut browser = Self { chromedriver, port, session: String::new(), client, _profile: profile };
        let session = browser.call(Method::POST, "", browser.capabilities(language, javascript)).await;
        browser.session = format!("/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    fn capabilities(&self, language: &str, javascript: bool) -> Value {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &profile,
        ];
        let mut preferences = json!({ "intl.accept_languages": language });
        if !javascript {
            preferences["profile.managed_default_content_settings.javascript"] = 2.into();
        }
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}})
    }

    /// Asks the driver; panics with what it says when it refuses.
    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        self.try_call(method, path, body)
            .await
            .unwrap_or_else(|refusal| panic!("the browser refused {path}: {refusal:#}"))
    }

    async fn try_call(&self, method: Method, path: &str, body: Value) -> Result<Value, Value> {
        let url = format!("http://127.0.0.1:{}/session{}{path}", self.port, self.session);
        let request = self.client.request(method.clone(), url).timeout(NEVER);
        let request = if method == Method::POST { request.json(&body) } else { request };
        let response = request.send().await.expect("chromedriver answers");
        let succeeded = response.status().is_success();
        let mut answer: Value = response.json().await.expect("chromedriver answers in JSON");
        let value = answer["value"].take();
        if succeeded { Ok(value) } else { Err(value) }
    }

    /// Goes to an address.
    pub(crate) async fn go(&self, url: &str) {
        self.call(Method::POST, "/url", json!({ "url": url })).await;
    }

    /// Runs a function body in the page; answers what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/sync", json!({ "script": script, "args": [] })).await
    }

    async fn find(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        let found = self.call(Method::POST, "/element", wanted).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Whether something is on the page.
    pub(crate) async fn has(&self, css: &str) -> bool {
        let wanted = json!({ "using": "css selector", "value": css });
        let found = self.call(Method::POST, "/elements", wanted).await;
        !found.as_array().unwrap().is_empty()
    }

    /// Clicks what is there.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.call(Method::POST, &format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into a field, in place of what is in it.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.call(Method::POST, &format!("/element/{element}/clear"), json!({})).await;
        self.call(Method::POST, &format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// What can be read there; nothing when it is not there or just being replaced.
    pub(crate) async fn text(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        let Ok(found) = self.try_call(Method::POST, "/element", wanted).await else { return String::new() };
        let path = format!("/element/{}/text", found[ELEMENT].as_str().unwrap());
        let text = self.try_call(Method::GET, &path, Value::Null).await;
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The value of an attribute or property.
    pub(crate) async fn property(&self, css: &str, name: &str) -> Value {
        let element = self.find(css).await;
        self.call(Method::GET, &format!("/element/{element}/property/{name}"), Value::Null).await
    }

    /// Waits until a text is to be read there.
    pub(crate) async fn until_reads(&self, css: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let text = self.text(css).await;
            if text.contains(expected) {
                return;
            }
            assert!(start.elapsed() < NEVER, "{css} never read {expected:?}, but at last {text:?}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Gives the page this much room, as a device of that width does.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.call(Method::POST, "/goog/cdp/execute", command).await;
    }

    /// What the browser complained about so far: errors of scripts, refused resources.
    pub(crate) async fn complaints(&self) -> Vec<Value> {
        let log = self.call(Method::POST, "/se/log", json!({ "type": "browser" })).await;
        log.as_array().unwrap().clone()
    }
}

impl Drop for Browser {
    /// The driver takes the browser with it, but only when it is asked to.
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let asked =
                driver.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            if asked.and_then(|()| driver.set_read_timeout(Some(NEVER))).is_ok() {
                let _answer = driver.read_to_end(&mut Vec::new());
            }
        }
        let _already_gone = self.chromedriver.kill();
        let _status = self.chromedriver.wait();
    }
}

/// Starts one on a free port, which it says.
fn start_chromedriver() -> (Child, u16) {
    let missing = "install Debian's chromium and chromium-driver (`make test` does)";
    assert!(
        Command::new("chromium").arg("--version").stderr(Stdio::null()).output().is_ok(),
        "there is no chromium: {missing}"
    );
    let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
    let mut chromedriver = started.unwrap_or_else(|error| panic!("no chromedriver ({error}): {missing}"));
    let mut said = BufReader::new(chromedriver.stdout.take().expect("its output is piped"));
    let mut line = String::new();
    let port = loop {
        line.clear();
        let read = said.read_line(&mut line).unwrap();
        assert!(read > 0, "chromedriver ended before it said its port");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim().trim_end_matches('.').parse().unwrap();
        }
    };
    // It must always find a reader.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (chromedriver, port)
}
