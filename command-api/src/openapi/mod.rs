//! `GET /openapi.json`: the document of a business, made of what it says of itself and of what all have in
//! common.
//!
//! It is written by hand, as bodies are read by hand: numbers come as texts, and what was sent is kept to
//! the digit, so no type of ours is what is on the wire. `tests/openapi` holds it to the router: every
//! route is in it and nothing else, and requests made from it find nothing that it does not say.

mod common;
mod operation;
mod schema;

use serde_json::{Map, Value, json};

pub(crate) use common::{list, my_page};
pub(crate) use operation::{Operation, delete, get, patch, post, put};
pub(crate) use schema::{
    boolean, count, input, input_key, input_name, input_number, input_text, link_names, nullable, object,
    reference, text, uuid, whole, words,
};

/// What a business says of itself.
pub struct Description {
    pub(crate) title: &'static str,
    pub(crate) operations: Vec<Operation>,
    /// The schemas that its operations refer to, by name.
    pub(crate) schemas: Vec<(&'static str, Value)>,
}

/// The document, with the queries where there is a read side.
pub(crate) fn document(description: Description, read_side: bool) -> Value {
    let Description { title, operations, schemas } = description;
    let mut paths = Map::new();
    let served = operations.into_iter().filter(|operation| read_side || !operation.is_query());
    for operation in served.chain(common::operations()) {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        let method = operation.method();
        path[method] = operation.into_value();
    }
    let schemas: Map<_, _> = schemas.into_iter().chain(common::schemas()).map(owned).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn owned((name, schema): (&str, Value)) -> (String, Value) {
    (name.to_owned(), schema)
}
