//! The events on the log are promises: every one has a golden file that is added and never edited.
//!
//! A new event or version: run with `GOLDEN=write` once, look at the new file, commit it.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::path::PathBuf;

use domain::kernel::DecodeError;

/// The tests of one business.
macro_rules! promises {
    ($($system:ident),+) => { $(mod $system {
        use domain::$system::{Fact, SYSTEM, sample::every_fact};

        use super::{check_written, folder};

        /// The file of a fact.
        fn file(fact: &Fact) -> std::path::PathBuf {
            folder(SYSTEM).join(format!("{}.v{}.json", fact.name(), fact.version()))
        }

        /// The facts that have a golden file: each event once.
        fn promised_facts() -> Vec<Fact> {
            let mut facts = every_fact();
            facts.dedup_by_key(|fact| file(fact));
            facts
        }

        /// C3.6
        #[test]
        fn every_event_is_written_as_promised() {
            promised_facts().iter().for_each(|fact| check_written(&file(fact), &fact.encode()));
        }

        /// C3.6
        #[test]
        fn every_promised_event_is_still_understood() {
            for fact in promised_facts() {
                let stream = format!("{SYSTEM}.{}-1", fact.aggregate());
                let json = std::fs::read(file(&fact)).unwrap();
                assert_eq!(Fact::decode(&stream, fact.name(), fact.version(), &json), Ok(Some(fact)));
            }
        }

        /// No golden file is left without an event that still reads it.
        #[test]
        fn no_promise_is_forgotten() {
            let there = std::fs::read_dir(folder(SYSTEM)).unwrap().map(|entry| entry.unwrap().path());
            let mut there: Vec<_> = there.collect();
            let mut promised: Vec<_> = promised_facts().iter().map(file).collect();
            there.sort();
            promised.sort();
            assert_eq!(there, promised);
        }
    })+ };
}

promises!(elearning, rentcar);

fn folder(system: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(system)
}

fn check_written(file: &PathBuf, json: &[u8]) {
    let json = serde_json::from_slice::<serde_json::Value>(json).unwrap();
    let written = serde_json::to_string_pretty(&json).unwrap() + "\n";
    if std::env::var("GOLDEN").is_ok_and(|mode| mode == "write") && !file.exists() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(file).unwrap(), "{}", file.display());
}

/// G11
#[test]
fn what_was_never_promised_is_named_in_the_error() {
    use domain::elearning::Fact;
    let decode = |stream: &str, name: &str, json: &str| Fact::decode(stream, name, 1, json.as_bytes());
    let unknown = Err(DecodeError::Unknown { name: "Posted".to_owned(), version: 1 });
    assert_eq!(decode("elearning.apply-1", "Posted", "{}"), unknown);
    let malformed = decode("elearning.apply-1", "Applied", "{}").unwrap_err();
    assert!(malformed.to_string().contains("application"), "{malformed}");
    assert_eq!(decode("mybnb.booking-1", "Booked", "{}"), Ok(None));
}
