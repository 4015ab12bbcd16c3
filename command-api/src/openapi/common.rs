//! What every business has: queries of the read side, health, policies, contexts, problems.

use serde_json::{Value, json};

use super::operation::{Operation, get, post};
use super::schema::{boolean, count, link_names, nullable, object, reference, text, uuid, words};

/// The list of a collection, by page or by cursor.
pub(crate) fn list(path: &'static str, owner: &str, item: &str) -> Operation {
    let page =
        object([("size", count()), ("totalElements", count()), ("totalPages", count()), ("number", count())]);
    let number = json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000 });
    listed(path, owner, item, page).query("page", number, "Which page, from 0.")
}

fn listed(path: &'static str, owner: &str, item: &str, page: Value) -> Operation {
    let embedded = json!({
        "type": "object",
        "properties": { path.trim_start_matches('/'): { "type": "array", "items": reference(item) } },
    });
    let mut list = object([("_embedded", embedded), ("_links", link_names(&[]))]);
    list["properties"]["page"] = page;
    let size = json!({ "type": "integer", "minimum": 1, "maximum": 1000 });
    let operation = get(path, "Lists what there is, of one owner or of all.")
        .query("size", size, "How many at most; 20 when nothing is said.")
        .query("cursor", json!({ "const": "" }), "Where a link of ours goes on; empty is the beginning.")
        .query(owner, json!({ "type": "string", "pattern": "\\S" }), "Only of this owner.")
        .answers_as("application/hal+json", 200, list, "A page of the list.")
        .fails(400, "Some parameters make no sense: `errors` names each.");
    fresh(operation)
}

/// How new the answer has to be.
fn fresh(operation: Operation) -> Operation {
    let position = json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
    operation
        .of("queries")
        .query("after", position, "Waits until the effect of this position can be seen.")
        .query("strict", boolean(), "Rather 503 than an answer that is older.")
        .fails(503, "The read model does not answer, or not in time.")
        .by_read_side()
}

/// MyPage: the list, one row, what made it, and rows as they change.
pub(crate) fn my_page(paths: [&'static str; 4], owner: &str, row: &str, singular: &str) -> [Operation; 4] {
    let [list, one, history, events] = paths;
    let shown = get(one, "One row.")
        .answers_as("application/hal+json", 200, reference(row), "The row.")
        .fails(400, "Some parameters make no sense: `errors` names each.")
        .may_be_unknown();
    let step = object([("position", count()), ("event", text()), ("stream", text()), ("sentence", text())]);
    let steps = json!({ "type": "array", "items": step });
    let told = object([("id", uuid()), ("history", steps), ("_links", link_names(&[singular]))]);
    let told = get(history, "Everything that made the row, in order.")
        .answers_as(
            "application/hal+json",
            200,
            told,
            "The events, who wanted them and what they followed from.",
        )
        .fails(400, "Some parameters make no sense: `errors` names each.")
        .may_be_unknown();
    let changes = get(events, "The rows as they change (server-sent events); does not end.")
        .of("queries")
        .query(owner, json!({ "type": "string", "pattern": "\\S" }), "Only of this owner.")
        .query("after", count(), "From this position on.")
        .answers_as("text/event-stream", 200, text(), "One event for each change.")
        .fails(400, "Some parameters make no sense: `errors` names each.")
        .by_read_side();
    [listed(list, owner, row, json!(false)), fresh(shown), fresh(told), changes]
}

/// The routes of operators.
pub(super) fn operations() -> Vec<Operation> {
    let health = |path, summary| {
        get(path, summary).of("operators").answers(200, reference("Health"), "It is so.").answers(
            503,
            reference("Health"),
            "It is not; `problems` says why.",
        )
    };
    let by =
        json!({ "type": "object", "properties": { "by": { "type": ["string", "null"], "maxLength": 255 } } });
    let contexts = json!({ "type": "array", "items": reference("Context") });
    let ordered = object([
        ("policy", text()),
        ("key", text()),
        ("order", words(&["retry", "skip"])),
        ("by", text()),
        ("reactions", json!({ "type": "array", "items": reference("ParkedReaction") })),
    ]);
    let order = |path, summary| {
        post(path, summary)
            .of("operators")
            .may_take(by.clone())
            .answers(202, ordered.clone(), "The order is taken; whichever process runs the policy obeys.")
            .fails(404, "There is no such policy, or nothing is parked under this key.")
            .may_be_refused(&["RETRY_UNDER_WAY"])
            .may_be_down()
    };
    let switch = |path, summary| {
        post(path, summary)
            .of("operators")
            .answers(200, contexts.clone(), "All of them, after that.")
            .fails(404, "There is no such context.")
    };
    let metrics = |path, summary| {
        get(path, summary).of("operators").answers_as(
            "application/openmetrics-text",
            200,
            text(),
            "As it is.",
        )
    };
    vec![
        order("/policies/{name}/parked/{key}/retry", "Carries out everything of a key again, in order."),
        order(
            "/policies/{name}/parked/{key}/skip",
            "Leaves out the first of a key, and carries out the rest.",
        ),
        switch("/contexts/{name}/start", "Starts a context in this process."),
        switch("/contexts/{name}/stop", "Stops a context in this process."),
        health("/healthz", "The process need not be started anew."),
        health("/actuator/health/liveness", "The same."),
        health("/readyz", "The process should be given requests."),
        health("/actuator/health", "The same."),
        health("/actuator/health/readiness", "The same."),
        get("/status", "Everything there is to know.").of("operators").answers(
            200,
            object([
                ("status", words(&["UP", "OUT_OF_SERVICE"])),
                ("problems", json!({ "type": "array", "items": text() })),
                ("warnings", json!({ "type": "array", "items": text() })),
                ("head", nullable(count())),
                ("contexts", contexts.clone()),
                ("policies", json!({ "type": "array", "items": reference("Policy") })),
                ("projections", json!({ "type": "array", "items": { "type": "object" } })),
            ]),
            "As it is.",
        ),
        get("/policies", "How the policies of this process are doing.").of("operators").answers(
            200,
            json!({ "type": "array", "items": reference("Policy") }),
            "As they are.",
        ),
        get("/policies/{name}/parked", "What a policy could not carry out.")
            .of("operators")
            .answers(
                200,
                json!({ "type": "array", "items": reference("ParkedReaction") }),
                "In the order of the log.",
            )
            .fails(404, "There is no such policy.")
            .may_be_down(),
        get("/contexts", "Which contexts run here.").of("operators").answers(
            200,
            contexts.clone(),
            "All of them.",
        ),
        metrics("/metrics", "How much of everything, for Prometheus."),
        metrics("/actuator/prometheus", "The same."),
        get("/openapi.json", "This document.").of("operators").answers(
            200,
            json!({ "type": "object" }),
            "This.",
        ),
    ]
}

/// The schemas of all this.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let texts = || json!({ "type": "array", "items": text() });
    let error = object([("field", text()), ("message", text())]);
    let mut problem = object([("status", count()), ("title", text()), ("detail", text()), ("code", text())]);
    problem["properties"]["errors"] = json!({ "type": "array", "items": error });
    let mut health = object([("status", words(&["UP", "DOWN", "OUT_OF_SERVICE"]))]);
    health["properties"]["problems"] = texts();
    health["properties"]["warnings"] = texts();
    let oldest = object([("position", count()), ("key", text()), ("since", count())]);
    let policy = object([
        ("name", text()),
        ("context", text()),
        ("running", boolean()),
        ("position", nullable(count())),
        ("open", count()),
        ("oldest", nullable(oldest)),
        ("retrying", count()),
        ("lastFailure", nullable(text())),
        ("parked", json!({ "type": "array", "items": reference("ParkedReaction") })),
        ("stopped", nullable(text())),
    ]);
    let parked = object([
        ("key", text()),
        ("position", count()),
        ("event", uuid()),
        ("eventType", text()),
        ("stream", text()),
        ("revision", count()),
        ("error", text()),
        ("ordered", boolean()),
    ]);
    vec![
        ("Problem", problem),
        ("Health", health),
        ("Context", object([("name", text()), ("running", boolean())])),
        ("Policy", policy),
        ("ParkedReaction", parked),
    ]
}
