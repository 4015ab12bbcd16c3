//! The command line, beside a store that is open and on one that is not.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bytes::Bytes;
use event_store::{Decoded, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, Options, StreamName};
use serde_json::Value;
use uuid::Uuid;

fn command(words: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_event-store"));
    command.arg(words[0]).arg(folder).args(&words[1..]);
    command
}

fn run(words: &[&str], folder: &Path) -> Output {
    command(words, folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

fn positions(output: &Output) -> Vec<u64> {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_u64().unwrap())
        .collect()
}

fn open(folder: &Path) -> EmbeddedStore {
    Options::new().segment_bytes(8192).open(folder).unwrap()
}

async fn append(store: &EmbeddedStore, name: &str, number: u64) {
    let event = NewEvent {
        id: Uuid::from_u128(u128::from(number)),
        event_type: "Applied".into(),
        data: Bytes::from(format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(400))),
        metadata: Bytes::from(format!(
            "{{\"$correlationId\":\"c{}\",\"$causationId\":\"e{number}\"}}",
            number % 3
        )),
        decoded: Decoded::default(),
    };
    store.append(&StreamName::new(name).unwrap(), ExpectedRevision::Any, vec![event]).await.unwrap();
}

/// Sixty events in four streams, over several segments.
async fn filled() -> (tempfile::TempDir, EmbeddedStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..60 {
        append(&store, &format!("{}-{}", ["a", "b"][number as usize % 2], number % 4), number).await;
    }
    (folder, store)
}

fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn inspect_tells_what_is_in_a_log_that_is_open() {
    let (folder, store) = filled().await;
    let output = run(&["inspect"], folder.path());
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in
        [&format!("store id  {}", store.id()), "format    1", "head      59", "events    60", "streams   4"]
    {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
    assert!(text.matches(".log").count() > 2, "{text}");
}

#[tokio::test]
async fn tail_prints_the_events_that_are_asked_for() {
    let (folder, _store) = filled().await;
    let tail = |words: &[&str]| {
        let words = [&["tail", "--format", "json"], words].concat();
        positions(&run(&words, folder.path()))
    };
    assert!(tail(&[]).into_iter().eq(50..60));
    assert_eq!(tail(&["-n", "3"]), [57, 58, 59]);
    assert!(tail(&["--from", "41"]).into_iter().eq(41..60));
    assert_eq!(tail(&["--from", "41", "-n", "2"]), [58, 59]);
    assert_eq!(tail(&["--stream", "a-0", "-n", "3"]), [48, 52, 56]);
    assert_eq!(tail(&["--stream", "b-", "--correlation", "c2", "-n", "2"]), [53, 59]);
    assert!(tail(&["-n", "1000"]).into_iter().eq(0..60));
    assert_eq!(tail(&["--from", "60"]), [0; 0]);
    assert_eq!(tail(&["-n", "0"]), [0; 0]);
}

#[tokio::test]
async fn tail_prints_everything_about_an_event() {
    let (folder, _store) = filled().await;
    let output = run(&["tail", "-n", "1", "--format", "json"], folder.path());
    let event: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(event["stream"], "b-3");
    assert_eq!((&event["revision"], &event["type"]), (&14.into(), &"Applied".into()));
    assert_eq!((&event["correlationId"], &event["causationId"]), (&"c2".into(), &"e59".into()));
    assert_eq!(event["id"], Uuid::from_u128(59).to_string());
    assert_eq!(event["data"]["number"], 59);
    let line = text(&run(&["tail", "-n", "1"], folder.path()));
    for part in ["59", "b-3 @14", "Applied", "correlation c2", "causation e59", "{\"number\":59,"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(line.lines().count(), 1);
}

#[tokio::test]
async fn tail_follows_a_log_while_it_is_written_and_over_the_end_of_segments() {
    let (folder, store) = filled().await;
    let words = ["tail", "--follow", "--format", "json", "--stream", "a-", "-n", "1"];
    let mut child = command(&words, folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["position"].as_u64();
    assert_eq!(next(), Some(58));
    for number in 60..120 {
        append(&store, ["a-9", "b-9"][number as usize % 2], number).await;
        if number % 2 == 0 {
            assert_eq!(next(), Some(number));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn looking_changes_no_byte_and_needs_no_owner() {
    let (folder, store) = filled().await;
    drop(store);
    let before = bytes(folder.path());
    for words in [&["inspect"][..], &["tail"], &["tail", "--from", "0"], &["verify"]] {
        let output = run(words, folder.path());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    assert!(bytes(folder.path()) == before);
}

#[tokio::test]
async fn verify_finds_a_whole_log_whole_even_while_it_is_written() {
    let (folder, store) = filled().await;
    let writer = tokio::spawn(async move {
        for number in 60.. {
            append(&store, "a-9", number).await;
        }
    });
    for _ in 0..10 {
        let output = run(&["verify"], folder.path());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let output = run(&["tail", "-n", "1"], folder.path());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    writer.abort();
}

#[tokio::test]
async fn verify_names_the_place_of_damage_and_the_operator_may_cut_there() {
    let (folder, store) = filled().await;
    let id = store.id();
    drop(store);
    let segment = folder.path().join("0000000001.log");
    let mut spoilt = fs::read(&segment).unwrap();
    // Somewhere in the fourth block or so.
    spoilt[2000] ^= 4;
    fs::write(&segment, &spoilt).unwrap();
    let output = run(&["verify"], folder.path());
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("0000000001.log is damaged at offset"), "{said}");
    let place = said.split("--truncate-at ").nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(place.starts_with("0000000001.log:"), "{said}");
    let whole: u64 = said.split_whitespace().next().unwrap().parse().unwrap();
    assert!((1..60).contains(&whole), "{said}");

    let output = run(&["verify", "--truncate-at", "1:2001"], folder.path());
    assert_eq!(output.status.code(), Some(1), "not a place where a block begins: {}", text(&output));
    assert!(fs::read(&segment).unwrap() == spoilt);

    let output = run(&["verify", "--truncate-at", place], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let store = open(folder.path());
    assert_eq!((store.id(), store.head().await.unwrap().unwrap().0 + 1), (id, whole));
    append(&store, "a-9", 1000).await;
    assert_eq!(run(&["verify"], folder.path()).status.code(), Some(0));
    let refused = run(&["verify", "--truncate-at", place], folder.path());
    assert!(refused.status.code() == Some(1) && text(&refused).contains("open in another process"));
}

#[tokio::test]
async fn verify_tells_an_unfinished_write_and_a_damaged_index_from_damage() {
    let (folder, store) = filled().await;
    drop(store);
    let index = folder.path().join("0000000000.idx");
    let good = fs::read(&index).unwrap();
    // Spots prove themselves when they are followed, so the last part has no checksum.
    let spots = u32::from_le_bytes(good[64..68].try_into().unwrap()) as usize;
    for at in (0..good.len() - spots * 8).step_by(7) {
        let mut spoilt = good.clone();
        spoilt[at] ^= 1;
        fs::write(&index, &spoilt).unwrap();
        let output = run(&["verify"], folder.path());
        assert_eq!(output.status.code(), Some(1), "byte {at}: {}", text(&output));
        assert!(text(&output).contains("0000000000.idx is damaged"), "{}", text(&output));
    }
    fs::write(&index, &good).unwrap();
    let mut segments =
        bytes(folder.path()).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "log"));
    let (last, mut torn) = segments.rfind(|(_, bytes)| bytes[64] != 0).unwrap();
    let end = torn.iter().rposition(|byte| *byte != 0).unwrap() + 9;
    torn[end..end + 20].fill(1);
    fs::write(&last, torn).unwrap();
    let output = run(&["verify"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("was not finished"), "{}", text(&output));
    assert_eq!(positions(&run(&["tail", "-n", "1", "--format", "json"], folder.path())), [59]);
}

#[test]
fn wrong_usage_and_missing_logs_have_their_own_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["inspect"][..], &["tail"], &["verify"]] {
        let output = run(words, folder.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains("there is no event store in"), "{}", text(&output));
    }
    for words in [&["sing"][..], &["tail", "-n", "many"], &["verify", "--truncate-at", "here"]] {
        assert_eq!(run(words, folder.path()).status.code(), Some(2), "{words:?}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_event-store")).arg("--help").output().unwrap();
    assert!(text(&help).contains("event-store tail data/events --follow"));
}
