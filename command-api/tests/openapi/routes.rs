use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{SYSTEMS, serve};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What is served and is no part of the API: the page of the browser, and an alias (SPEC D7).
const NOT_DESCRIBED: [&str; 5] = ["/", "/cancel", "/web/{asset}", "/web/rows/{id}", "/pay/{id}"];

fn paths(document: &Value) -> Vec<(String, &Value)> {
    document["paths"].as_object().unwrap().iter().map(|(path, methods)| (path.clone(), methods)).collect()
}

/// An address of a path that nothing is at.
fn somewhere(path: &str) -> String {
    path.replace("{id}", "00000000-0000-7000-8000-000000000000").replace(['{', '}'], "")
}

/// Every method that is described is served, and no other is.
#[tokio::test]
async fn what_is_described_is_served_and_nothing_else() {
    for system in SYSTEMS {
        let (app, document) = serve(system).await;
        for (path, methods) in paths(&document) {
            for method in METHODS {
                let described = methods.get(method.as_str().to_ascii_lowercase()).is_some();
                let response = app.send(method.clone(), &somewhere(&path), "").await;
                let served = match response.status() {
                    StatusCode::METHOD_NOT_ALLOWED => false,
                    StatusCode::NOT_FOUND => {
                        response.json::<Value>().await.unwrap()["code"] != "NO_SUCH_ROUTE"
                    }
                    // The body is left alone: a stream of changes does not end.
                    _ => true,
                };
                assert_eq!(served, described, "{system}: {method} {path}");
            }
        }
    }
}

/// The paths of the routers of a crate, as its sources spell them.
fn routes(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let spelled = text.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
            into.extend(spelled.map(str::to_owned));
        }
    }
}

/// No route was added that no document describes. (Those of the read side are made from the names of
/// collections; the test above asks for every one of them.)
#[tokio::test]
async fn every_route_is_described() {
    let mut described = BTreeSet::new();
    for system in SYSTEMS {
        let (_app, document) = serve(system).await;
        described.extend(paths(&document).into_iter().map(|(path, _)| path));
    }
    let mut served = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut served);
    assert!(served.len() > 20, "the sources spell their routes otherwise now: {served:?}");
    let missing: Vec<_> = served
        .iter()
        .filter(|path| !described.contains(*path) && !NOT_DESCRIBED.contains(&path.as_str()))
        .collect();
    assert!(missing.is_empty(), "no document describes {missing:?}");
}

/// Every name that the document refers to is in it.
#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn references(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                into.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, into));
            }
            Value::Array(array) => array.iter().for_each(|value| references(value, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for system in SYSTEMS {
        let (_app, document) = serve(system).await;
        let mut all = Vec::new();
        references(&document, &mut all);
        assert!(!all.is_empty());
        for reference in all {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{system}: {reference}");
        }
    }
}
