//! The diamond of the workspace, held: which crate may know which, and what `domain` may not know at
//! all.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The names of what a crate depends on outside of its tests.
fn dependencies(of: &str) -> Vec<String> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == of).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let dependencies = dependencies.filter(|dependency| dependency["kind"].is_null());
    dependencies.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

/// Every Rust source below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                into.push((path, text));
            }
        }
    }
    let mut all = Vec::new();
    collect(&root().join(folder), &mut all);
    assert!(!all.is_empty(), "{folder} has no sources");
    all
}

/// DESIGN 2
#[test]
fn the_workspace_is_a_diamond() {
    let ours = ["domain", "event-store", "command-api", "projections"];
    for (of, allowed) in [
        ("domain", &[][..]),
        ("event-store", &[]),
        ("projections", &["domain", "event-store"]),
        ("command-api", &["domain", "event-store", "projections"]),
    ] {
        let edges = dependencies(of).into_iter().filter(|dependency| ours.contains(&dependency.as_str()));
        let edges: Vec<_> = edges.collect();
        assert!(edges.iter().all(|edge| allowed.contains(&edge.as_str())), "{of} knows {edges:?}");
    }
}

/// DESIGN 2: the one allowed edge starts in `main`, which mounts the queries.
#[test]
fn only_main_knows_the_read_side() {
    for (path, text) in sources("command-api/src") {
        let knows = text.contains("projections::");
        assert_eq!(knows, path.ends_with("command-api/src/main.rs"), "{}", path.display());
    }
}

/// C2.1: no I/O, no clock, no randomness, no async in the rules; no floats for money.
#[test]
fn the_domain_is_pure() {
    let pure = ["itoa", "rust_decimal", "serde", "serde_json", "thiserror", "uuid"];
    for dependency in dependencies("domain") {
        assert!(pure.contains(&dependency.as_str()), "domain knows {dependency}");
    }
    let impure = ["async ", "std::fs", "std::io", "std::net", "std::time", "std::env", "now_v7", "new_v4"];
    for (path, text) in sources("domain/src") {
        for word in impure {
            assert!(!text.contains(word), "{} says {word}", path.display());
        }
        // The documents print amounts as doubles: one function, at the edge.
        let floats = path.ends_with("domain/src/elearning/resource.rs");
        assert!(floats || !(text.contains("f64") || text.contains("f32")), "{} has floats", path.display());
    }
}

/// DESIGN 2: `command-api` is the only writer of events, `projections` the only writer of rows.
#[test]
fn events_and_rows_have_one_writer_each() {
    for (path, text) in sources("projections/src") {
        assert!(!text.contains(".append("), "{} appends", path.display());
    }
    assert!(!dependencies("command-api").contains(&"sqlx".to_owned()));
}
