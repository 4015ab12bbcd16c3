//! The events on the log are promises: every one has a golden file that is added and never edited.
//!
//! A new event or version: run with `GOLDEN=write` once, look at the new file, commit it.

use std::path::PathBuf;

use domain::elearning::{Fact, SYSTEM, sample::every_fact};
use domain::kernel::{DecodeError, Event};

fn golden(event: &impl Event) -> PathBuf {
    let file = format!("tests/wire/{SYSTEM}/{}.v{}.json", event.name(), event.version());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The aggregate, the golden file and the JSON of one event.
fn promise(fact: &Fact) -> (&'static str, PathBuf, Vec<u8>, String, u16) {
    fn of(aggregate: &'static str, event: &impl Event) -> (&'static str, PathBuf, Vec<u8>, String, u16) {
        (aggregate, golden(event), event.encode(), event.name().to_owned(), event.version())
    }
    match fact {
        Fact::Apply(event) => of("apply", event),
        Fact::Payment(event) => of("payment", event),
        Fact::Delivery(event) => of("delivery", event),
    }
}

/// The facts that have a golden file: each event once.
fn promised_facts() -> Vec<Fact> {
    let mut facts = every_fact();
    facts.dedup_by_key(|fact| promise(fact).1);
    facts
}

/// C3.6
#[test]
fn every_event_is_written_as_promised() {
    for fact in promised_facts() {
        let (_, file, json, ..) = promise(&fact);
        let written =
            serde_json::to_string_pretty(&serde_json::from_slice::<serde_json::Value>(&json).unwrap());
        let written = written.unwrap() + "\n";
        if std::env::var("GOLDEN").is_ok_and(|mode| mode == "write") && !file.exists() {
            std::fs::write(&file, &written).unwrap();
        }
        assert_eq!(written, std::fs::read_to_string(&file).unwrap(), "{}", file.display());
    }
}

/// C3.6
#[test]
fn every_promised_event_is_still_understood() {
    for fact in promised_facts() {
        let (aggregate, file, _, name, version) = promise(&fact);
        let stream = format!("{SYSTEM}.{aggregate}-1");
        let json = std::fs::read(file).unwrap();
        assert_eq!(Fact::decode(&stream, &name, version, &json), Ok(Some(fact)));
    }
}

/// No golden file is left without an event that still reads it.
#[test]
fn no_promise_is_forgotten() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(SYSTEM);
    let mut there: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut promised: Vec<_> = promised_facts().iter().map(|fact| promise(fact).1).collect();
    there.sort();
    promised.sort();
    assert_eq!(there, promised);
}

/// G11
#[test]
fn what_was_never_promised_is_named_in_the_error() {
    let decode = |stream: &str, name: &str, json: &str| Fact::decode(stream, name, 1, json.as_bytes());
    let unknown = Err(DecodeError::Unknown { name: "Posted".to_owned(), version: 1 });
    assert_eq!(decode("elearning.apply-1", "Posted", "{}"), unknown);
    let malformed = decode("elearning.apply-1", "Applied", "{}").unwrap_err();
    assert!(malformed.to_string().contains("application"), "{malformed}");
    assert_eq!(decode("mybnb.booking-1", "Booked", "{}"), Ok(None));
}
