//! The shapes of all events are locked: whoever changes one gives it a new version and an upcaster.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::elearning::Fact;
use domain::elearning::sample::every_fact;
use domain::kernel::Event;
use serde_json::Value;

/// G11: names, versions and field shapes are what `schema.lock` says. A changed shape under an old
/// version fails here; a new version is a new line, and the old one stays for as long as the log does.
#[test]
fn no_event_changes_its_shape_without_a_new_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.lock");
    let locked = fs::read_to_string(&path).unwrap();
    let locked: BTreeMap<&str, &str> = locked.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut new = Vec::new();
    for (event, shape) in shapes() {
        match locked.get(&*event) {
            Some(known) => assert_eq!(
                *known, shape,
                "{event} was written with another shape: give it a new version and lift the old one"
            ),
            None => new.push(format!("{event}: {shape}")),
        }
    }
    assert!(new.is_empty(), "new events or versions: add these lines to schema.lock\n{}", new.join("\n"));
}

fn shapes() -> BTreeMap<String, String> {
    let shape = |name: &str, version: u16, json: Vec<u8>| {
        let json: Value = serde_json::from_slice(&json).unwrap();
        (format!("elearning {name} v{version}"), shape_of(&json))
    };
    let of = |fact: &Fact| match fact {
        Fact::Apply(event) => shape(event.name(), event.version(), event.encode()),
        Fact::Payment(event) => shape(event.name(), event.version(), event.encode()),
        Fact::Delivery(event) => shape(event.name(), event.version(), event.encode()),
    };
    every_fact().iter().map(of).collect()
}

fn shape_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(items) => format!("[{}]", items.first().map(shape_of).unwrap_or_default()),
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> =
                fields.into_iter().map(|(name, value)| format!("{name} {}", shape_of(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}
