//! Every case of the specification is proved by a test that names it.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// The text of every Rust source of the workspace.
fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Whether a text names a case, and not merely a longer one that begins like it.
fn names(text: &str, case: &str) -> bool {
    text.match_indices(case).any(|(place, _)| {
        let inside =
            |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
        !inside(text[..place].chars().next_back()) && !inside(text[place + case.len()..].chars().next())
    })
}

#[test]
fn no_case_of_the_specification_is_without_a_test() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    for part in ["domain", "event-store", "command-api", "projections"] {
        sources(&root.join(part), &mut texts);
    }
    let general = (1..=16).map(|number| format!("G{number}"));
    let elearning = (1..=20).map(|number| format!("EL-I{number}"));
    let rentcar = (1..=15).map(|number| format!("RC-I{number}"));
    let cases = general.chain(elearning).chain(rentcar);
    let missing: Vec<_> = cases.filter(|case| !texts.iter().any(|text| names(text, case))).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}
