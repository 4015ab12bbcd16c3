use serde_json::{Value, json};

use super::schema::{reference, text};

/// What a method does at a path.
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    /// Served by the read side.
    query: bool,
    value: Value,
}

pub(crate) fn get(path: &'static str, summary: &str) -> Operation {
    Operation::new("get", path, summary)
}

pub(crate) fn post(path: &'static str, summary: &str) -> Operation {
    Operation::new("post", path, summary)
}

pub(crate) fn put(path: &'static str, summary: &str) -> Operation {
    Operation::new("put", path, summary)
}

pub(crate) fn patch(path: &'static str, summary: &str) -> Operation {
    Operation::new("patch", path, summary)
}

pub(crate) fn delete(path: &'static str, summary: &str) -> Operation {
    Operation::new("delete", path, summary)
}

impl Operation {
    /// Every name in braces is a parameter of the path: anything in the place of an id is an unknown one.
    fn new(method: &'static str, path: &'static str, summary: &str) -> Self {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let parameters: Vec<_> = names
            .map(|name| {
                let schema = json!({ "type": "string", "minLength": 1 });
                json!({ "name": name, "in": "path", "required": true, "schema": schema })
            })
            .collect();
        let value = json!({ "summary": summary, "parameters": parameters, "responses": {} });
        Self { method, path, query: false, value }
    }

    /// Served by the read side.
    pub(super) fn by_read_side(mut self) -> Self {
        self.query = true;
        self
    }

    /// The context, or whatever else it belongs to.
    pub(crate) fn of(mut self, tag: &str) -> Self {
        self.value["tags"] = json!([tag]);
        self
    }

    fn parameter(mut self, place: &str, name: &str, schema: Value, description: &str) -> Self {
        let parameter = json!({ "name": name, "in": place, "schema": schema, "description": description });
        self.value["parameters"].as_array_mut().expect("made as an array").push(parameter);
        self
    }

    /// May be given in the query.
    pub(crate) fn query(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("query", name, schema, description)
    }

    /// Has to be given in the query.
    pub(crate) fn required_query(mut self, name: &str, schema: Value, description: &str) -> Self {
        self = self.parameter("query", name, schema, description);
        self.value["parameters"].as_array_mut().and_then(|all| all.last_mut()).expect("just pushed")["required"] =
            true.into();
        self
    }

    /// May be given as a header.
    pub(crate) fn header(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("header", name, schema, description)
    }

    /// A retry with the same key finds what the first attempt made.
    pub(crate) fn repeatable(self) -> Self {
        let key = json!({ "type": "string", "maxLength": 255, "pattern": "^[ -~]*[!-~][ -~]*$" });
        self.header("Idempotency-Key", key, "Two requests with the same key are one.")
            .fails(422, "The key was used with another body.")
    }

    /// Only if nobody has changed it meanwhile.
    pub(crate) fn conditional(self) -> Self {
        let etag = json!({ "type": "string", "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$" });
        self.header("If-Match", etag, "The `ETag` that the client saw.")
            .fails(412, "The resource is at another revision.")
    }

    /// Takes a JSON object.
    pub(crate) fn takes(mut self, schema: Value) -> Self {
        self.value["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        self.fails(400, "Some fields are missing or make no sense: `errors` names each. Nothing has changed.")
            .fails(413, "The body is larger than 65536 bytes.")
    }

    /// May take a JSON object.
    pub(crate) fn may_take(self, schema: Value) -> Self {
        let mut taking = self.takes(schema);
        taking.value["requestBody"]["required"] = false.into();
        taking
    }

    /// Answers with JSON.
    pub(crate) fn answers(self, status: u16, schema: Value, description: &str) -> Self {
        self.answers_as("application/json", status, schema, description)
    }

    /// Answers with a resource and its links, its revision and its place in the log.
    pub(crate) fn shows(self, status: u16, name: &str, description: &str) -> Self {
        let mut shown = self.answers_as("application/hal+json", status, reference(name), description);
        let mut headers = json!({
            "ETag": { "schema": { "type": "string" }, "description": "The revision, for `If-Match`." },
            "Event-Position": {
                "schema": { "type": "integer", "minimum": 0 },
                "description": "For `after=` of a query that shall see this.",
            },
        });
        if status == 201 {
            headers["Location"] = json!({ "schema": { "type": "string" }, "description": "Where it is." });
        }
        shown.value["responses"][status.to_string()]["headers"] = headers;
        shown
    }

    pub(super) fn answers_as(mut self, media: &str, status: u16, schema: Value, description: &str) -> Self {
        self.value["responses"][status.to_string()] =
            json!({ "description": description, "content": { media: { "schema": schema } } });
        self
    }

    /// Answers without a body.
    pub(crate) fn ends(mut self, description: &str) -> Self {
        self.value["responses"]["204"] = json!({ "description": description });
        self
    }

    /// Fails with a problem.
    pub(crate) fn fails(self, status: u16, description: &str) -> Self {
        self.answers_as("application/problem+json", status, reference("Problem"), description)
    }

    /// Nothing has this id.
    pub(crate) fn may_be_unknown(self) -> Self {
        self.fails(404, "Nothing has this id.")
    }

    /// The business may say no.
    pub(crate) fn may_be_refused(self, codes: &[&str]) -> Self {
        self.fails(409, &format!("The business says no: `code` is {}.", codes.join(", ")))
    }

    /// Something that this needs may be down.
    pub(crate) fn may_be_down(mut self) -> Self {
        self = self.fails(503, "Something that this needs is down; what was begun is finished later.");
        self.value["responses"]["503"]["headers"] =
            json!({ "Retry-After": { "schema": { "type": "integer" }, "description": "In seconds." } });
        self
    }

    /// About this event, which the caller follows from, in a call between contexts.
    pub(crate) fn between_contexts(self) -> Self {
        self.header("Causation-Id", text(), "The event that this follows from; ignored where it is no UUID.")
    }

    pub(super) fn is_query(&self) -> bool {
        self.query
    }

    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    pub(super) fn path(&self) -> String {
        self.path.to_owned()
    }

    pub(super) fn into_value(self) -> Value {
        self.value
    }
}
