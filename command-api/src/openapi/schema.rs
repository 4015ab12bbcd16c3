use serde_json::{Map, Value, json};

/// A schema by its name.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An object that we send: all of these are in it.
pub(crate) fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let required = json!(required);
    let properties: Map<_, _> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

pub(crate) fn text() -> Value {
    json!({ "type": "string" })
}

pub(crate) fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

pub(crate) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A whole number from this one on.
pub(crate) fn whole(least: u32) -> Value {
    json!({ "type": "integer", "minimum": least })
}

/// How many: zero or more.
pub(crate) fn count() -> Value {
    whole(0)
}

pub(crate) fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// This, or `null`.
pub(crate) fn nullable(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

/// The links of a resource: to itself, and to these.
pub(crate) fn link_names(names: &[&str]) -> Value {
    let link = || object([("href", json!({ "type": "string" }))]);
    let all = std::iter::once("self").chain(names.iter().copied());
    let links: Map<_, _> = all.map(|name| (name.to_owned(), link())).collect();
    let required: Vec<_> = links.keys().cloned().collect();
    json!({ "type": "object", "properties": links, "required": required })
}

/// A text that is not blank, or a number, which is the same as its text.
pub(crate) fn input_text() -> Value {
    json!({ "anyOf": [{ "type": "string", "maxLength": 255, "pattern": "\\S" }, { "type": "number" }] })
}

/// The same, where it is the key of a stream. Other characters that can be seen are taken too; a pattern
/// that said so would be beyond most readers.
pub(crate) fn input_key() -> Value {
    let visible = "^[ -~]*[!-~][ -~]*$";
    json!({ "anyOf": [{ "type": "string", "maxLength": 100, "pattern": visible }, { "type": "number" }] })
}

/// A name or the like: a text or a number.
pub(crate) fn input_name() -> Value {
    json!({ "type": ["string", "number"], "maxLength": 255 })
}

/// An object that we are sent: what is not required may be left out or `null`.
pub(crate) fn input(properties: Value, required: &[&str]) -> Value {
    let properties = properties.as_object().into_iter().flatten().map(|(name, schema)| {
        let optional = !required.contains(&name.as_str());
        let nothing = || json!({ "anyOf": [schema, { "type": "null" }] });
        (name.clone(), if optional { nothing() } else { schema.clone() })
    });
    json!({ "type": "object", "properties": properties.collect::<Map<_, _>>(), "required": required })
}

/// A whole number, or its text.
pub(crate) fn input_number(least: u32, most: u32) -> Value {
    json!({ "anyOf": [
        { "type": "integer", "minimum": least, "maximum": most },
        { "type": "string", "pattern": "^[1-9][0-9]{0,8}$" },
    ]})
}
