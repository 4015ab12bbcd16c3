//! What a list looks like (SPEC 0.2): `_embedded`, `_links`, and `page` where pages are counted.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// A page of a list.
pub(crate) struct List {
    /// The key under `_embedded`.
    pub(crate) name: &'static str,
    /// What is on it.
    pub(crate) items: Items,
    /// Where this page, and where the next and the previous one are.
    pub(crate) links: Links,
    /// Which page this is, where pages are counted.
    pub(crate) page: Option<Page>,
}

/// The items of a list, each a JSON object with its links. They are JSON already: joined, not read again.
#[derive(Debug, Default)]
pub(crate) struct Items(String);

impl Items {
    /// One more, by its JSON object without links, what it is called, and its address.
    pub(crate) fn push(&mut self, body: &str, singular: &str, address: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        write_item(&mut self.0, body, singular, address);
    }
}

/// The addresses of a page and of those beside it.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) this: String,
    pub(crate) next: Option<String>,
    pub(crate) prev: Option<String>,
}

/// Which page this is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    /// The most items of a page.
    pub(crate) size: u32,
    /// How many items there are in all.
    pub(crate) total_elements: u64,
    /// How many pages that makes.
    pub(crate) total_pages: u64,
    /// This one, from 0.
    pub(crate) number: u32,
}

impl IntoResponse for List {
    fn into_response(self) -> Response {
        let Items(items) = self.items;
        // Room for the links and the page, so that nothing is copied twice.
        let mut body = String::with_capacity(items.len() + 1024);
        for part in ["{\"_embedded\":{\"", self.name, "\":[", &items, "]}"] {
            body.push_str(part);
        }
        let mut links = json!({"self": {"href": self.links.this}});
        for (relation, address) in [("next", self.links.next), ("prev", self.links.prev)] {
            if let Some(address) = address {
                links[relation] = json!({"href": address});
            }
        }
        body.push_str(",\"_links\":");
        body.push_str(&links.to_string());
        if let Some(page) = self.page {
            body.push_str(",\"page\":");
            body.push_str(&json!(page).to_string());
        }
        body.push('}');
        ([(header::CONTENT_TYPE, "application/hal+json")], body).into_response()
    }
}

/// A JSON object with its links: to itself, and under its own name too.
pub(crate) fn item(body: &str, singular: &str, address: &str) -> String {
    let mut item = String::with_capacity(body.len() + 2 * address.len() + 64);
    write_item(&mut item, body, singular, address);
    item
}

fn write_item(to: &mut String, body: &str, singular: &str, address: &str) {
    let open = body.trim_end().strip_suffix('}').expect("what is shown is a JSON object");
    // Addresses are percent-encoded: nothing in them needs an escape.
    for part in [
        open,
        r#","_links":{"self":{"href":""#,
        address,
        r#""},""#,
        singular,
        r#"":{"href":""#,
        address,
        r#""}}}"#,
    ] {
        to.push_str(part);
    }
}
