//! Logs move between stores and come back from backups as they were (DESIGN 6, promotion).
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod server;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use bytes::Bytes;
use event_store::{
    CopyError, Decoded, Direction, EmbeddedStore, EventStore, EventStoreDb, ExpectedRevision, Filter,
    MemoryStore, NewEvent, Options, Position, ReadError, RecordedEvent, StreamName, backup, copy,
    fingerprint, moved,
};
use server::{Served, Server};
use uuid::Uuid;

fn event(number: u64) -> NewEvent {
    let data = [format!("{{\"number\":{number}}}").into_bytes(), vec![0xff, number as u8], b"1 ".to_vec()];
    NewEvent {
        id: Uuid::from_u128(number.into()),
        event_type: ["Opened", "기록"][number as usize % 2].into(),
        data: Bytes::from(data[number as usize % 3].clone()),
        metadata: Bytes::from(format!("{{\"$correlationId\":\"{}\"}}", number % 7)),
        decoded: Decoded::default(),
    }
}

async fn fill(store: &dyn EventStore, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let stream = StreamName::new(format!("a.b-{}", number * 7 % 5)).unwrap();
        store.append(&stream, ExpectedRevision::Any, vec![event(number)]).await.unwrap();
    }
}

async fn all(store: &dyn EventStore) -> Vec<RecordedEvent> {
    store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap().events
}

/// Everything about an event but when its store took it.
fn same(ours: &[RecordedEvent], theirs: &[RecordedEvent]) -> bool {
    let without_time = |event: &RecordedEvent| RecordedEvent { recorded_at: 0, ..event.clone() };
    ours.iter().map(without_time).eq(theirs.iter().map(without_time))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_over_the_wire_and_back_and_is_the_same() {
    let source = MemoryStore::default();
    fill(&source, 0..3000).await;
    let server = Server::start().await;
    let remote = EventStoreDb::connect(&server.url()).await.unwrap();
    let mut told = 0;
    let there = copy(&source, &remote, |events| told = events).await.unwrap();
    assert_eq!((told, there.events), (3000, 3000));
    let folder = tempfile::tempdir().unwrap();
    let back = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(copy(&remote, &back, |_| ()).await.unwrap(), there);
    assert!(same(&all(&source).await, &all(&back).await));
    assert_eq!(fingerprint(&source, u64::MAX).await.unwrap(), there);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policies_and_groups_keep_in_streams_and_tombstones_go_along() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let client = eventstore::Client::new(server.url().parse().unwrap()).unwrap();
    for stream in ["policy-fulfilment", "policy-fulfilment-parked", "a-1", "a-2"] {
        for _ in 0..3 {
            let event = eventstore::EventData::binary("Reached", "{\"through\":7}".into());
            client.append_to_stream(stream, &Default::default(), event.id(Uuid::new_v4())).await.unwrap();
        }
    }
    client.create_persistent_subscription("a-1", "g", &Default::default()).await.unwrap();
    client.tombstone_stream("a-2", &Default::default()).await.unwrap();
    let remote = EventStoreDb::connect(&server.url()).await.unwrap();
    let back = EmbeddedStore::open(folder.path()).unwrap();
    let there = copy(&remote, &back, |_| ()).await.unwrap();
    let second = Server::start().await;
    let target = EventStoreDb::connect(&second.url()).await.unwrap();
    assert_eq!(copy(&back, &target, |_| ()).await.unwrap(), there);
    assert!(same(&all(&remote).await, &all(&target).await));
    let policy = StreamName::new("policy-fulfilment-parked").unwrap();
    assert_eq!(target.read_stream(&policy, 0, Direction::Forwards, 10).await.unwrap().len(), 3);
}

/// Deleted, written again, hidden and shown: all of it is judged by what lies just before it in the log.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_were_deleted_and_reopened_again_and_again_go_along() {
    let server = Server::start().await;
    let client = eventstore::Client::new(server.url().parse().unwrap()).unwrap();
    let write = async |stream: &str| {
        let event = eventstore::EventData::binary("Noted", "{}".into()).id(Uuid::new_v4());
        client.append_to_stream(stream, &Default::default(), event).await.unwrap();
    };
    for round in 0..25 {
        for stream in ["a-1", "a-2", "a-3"] {
            write(stream).await;
            write(&format!("b-{round}")).await;
        }
        client.delete_stream(format!("a-{}", 1 + round % 3), &Default::default()).await.unwrap();
    }
    write("a-3").await;
    let remote = EventStoreDb::connect(&server.url()).await.unwrap();
    let there = fingerprint(&remote, u64::MAX).await.unwrap();
    for _ in 0..3 {
        let second = Server::start().await;
        let target = EventStoreDb::connect(&second.url()).await.unwrap();
        assert_eq!(copy(&remote, &target, |_| ()).await.unwrap(), there);
        assert!(same(&all(&remote).await, &all(&target).await));
        let stream = StreamName::new("a-3").unwrap();
        let [ours, theirs] =
            [&remote, &target].map(|log| log.read_stream(&stream, 0, Direction::Forwards, 99));
        assert!(same(&ours.await.unwrap(), &theirs.await.unwrap()), "the same is seen of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_where_it_stopped_and_refuses_another_log() {
    let (source, target) = (MemoryStore::default(), MemoryStore::default());
    fill(&source, 0..100).await;
    copy(&source, &target, |_| ()).await.unwrap();
    fill(&source, 100..150).await;
    let both = copy(&source, &target, |_| ()).await.unwrap();
    assert_eq!(both.events, 150);
    assert_eq!(copy(&source, &target, |_| ()).await.unwrap(), both, "and again changes nothing");
    assert!(same(&all(&source).await, &all(&target).await));

    let other = MemoryStore::default();
    fill(&other, 500..501).await;
    assert!(matches!(copy(&source, &other, |_| ()).await, Err(CopyError::Foreign(_))));
    // It ends as the source does, but is not its beginning.
    let gap = MemoryStore::default();
    let stream = StreamName::new("a.b-0").unwrap();
    gap.append(&stream, ExpectedRevision::NoStream, vec![event(0), event(5)]).await.unwrap();
    assert!(copy(&source, &gap, |_| ()).await.is_err());
}

/// What a reader knows of a log is worth as much in its copy, also where positions are others.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_finds_its_place_in_the_copy_and_back() {
    let (source, target) = (MemoryStore::default(), MemoryStore::default());
    // What a cluster keeps about a log moves everything behind it.
    let identity = StreamName::new("girok.identity").unwrap();
    target.append(&identity, ExpectedRevision::NoStream, vec![event(999)]).await.unwrap();
    fill(&source, 0..50).await;
    copy(&source, &target, |_| ()).await.unwrap();
    assert_eq!(moved(&source, &target, None).await.unwrap(), None);
    for position in 0..50 {
        let (here, there) = (Some(Position(position)), Some(Position(position + 1)));
        assert_eq!(moved(&source, &target, here).await.unwrap(), there);
        assert_eq!(moved(&target, &source, there).await.unwrap(), here);
    }
    assert_eq!(moved(&target, &source, Some(Position(0))).await.unwrap(), None, "only what does not move");

    let beyond = moved(&source, &target, Some(Position(50))).await;
    assert!(matches!(beyond, Err(CopyError::Source(ReadError::BeyondHead { .. }))), "{beyond:?}");
    fill(&source, 50..51).await;
    let missing = moved(&source, &target, Some(Position(50))).await;
    assert!(matches!(missing, Err(CopyError::Missing(_))), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_and_a_copy_that_stopped_go_on_behind_events_of_deleted_streams() {
    let server = Server::start().await;
    let client = eventstore::Client::new(server.url().parse().unwrap()).unwrap();
    let remote = EventStoreDb::connect(&server.url()).await.unwrap();
    let target = MemoryStore::default();
    fill(&remote, 0..9).await;
    copy(&remote, &target, |_| ()).await.unwrap();
    for number in 0..5 {
        client.delete_stream(format!("a.b-{number}"), &Default::default()).await.unwrap();
    }
    for position in (0..9).map(|position| Some(Position(position))) {
        assert_eq!(moved(&remote, &target, position).await.unwrap(), position);
        assert_eq!(moved(&target, &remote, position).await.unwrap(), position);
    }
    assert_eq!(copy(&remote, &target, |_| ()).await.unwrap().events, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_log_that_is_written_is_whole_and_ends_at_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = Options::new().segment_bytes(8192).open(folder.path().join("log")).unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move { fill(&store, 0..2000).await })
    };
    let (mut before, mut copies) = (None, Vec::new());
    for number in 0..5 {
        let copy = folder.path().join(number.to_string());
        let log = folder.path().join("log");
        let target = copy.clone();
        let report = tokio::task::spawn_blocking(move || backup(log, target)).await.unwrap().unwrap();
        assert!(report.is_whole() && Some(report.events) >= before);
        before = Some(report.events);
        let restored = EmbeddedStore::open(&copy).unwrap();
        assert_eq!(restored.id(), store.id());
        let events = all(&restored).await;
        assert_eq!(events.len() as u64, report.events);
        copies.push(events);
    }
    writer.await.unwrap();
    let log = all(&store).await;
    assert!(copies.into_iter().all(|events| events == log[..events.len()]));
    let refused = backup(folder.path().join("log"), folder.path().join("0"));
    assert!(refused.unwrap_err().to_string().contains("not empty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_beyond_a_restored_log_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path().join("log")).unwrap();
    fill(&store, 0..10).await;
    backup(folder.path().join("log"), folder.path().join("backup")).unwrap();
    fill(&store, 10..20).await;
    let restored = EmbeddedStore::open(folder.path().join("backup")).unwrap();
    let refused = restored.subscribe(Some(Position(15)), Filter::all()).await.err().unwrap();
    assert_eq!(refused, ReadError::BeyondHead { asked: Position(15), head: Some(Position(9)) });
    assert!(refused.to_string().contains("restored from an older copy. Restore a newer copy, or"));
}

fn run(words: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_event-store"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{words:?}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

#[test]
fn people_serve_write_look_export_import_and_copy_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let served = Served::start(&folder.path().join("log"));
    let url = served.1.as_str();
    let append = |stream: &str, data: &str| {
        run(&["append", url, stream, "Noted", data, "--metadata", "{\"$correlationId\":\"c\"}"], "")
    };
    assert!(append("note-1", "{\"n\":1}").contains("\"position\":0"));
    append("note-2", "plain\ntext");
    run(&["append", url, "note-1", "Noted", "-", "--expected", "0"], "{\"n\":3}");
    for log in [url, &path("log")] {
        let streams = run(&["streams", log, "--format", "json"], "");
        assert_eq!(streams.lines().count(), 2, "{streams}");
        assert!(streams.contains("{\"events\":2,\"lastPosition\":2,\"stream\":\"note-1\"}"), "{streams}");
        assert_eq!(run(&["read", log, "note-1", "--from", "1", "--format", "json"], "").lines().count(), 1);
        let tail = run(&["tail", log, "-n", "2", "--correlation", "c", "--format", "json"], "");
        assert!(tail.lines().count() == 2 && tail.contains("note-2"), "{tail}");
        let stats: serde_json::Value =
            serde_json::from_str(&run(&["stats", log, "--format", "json"], "")).unwrap();
        assert_eq!((&stats["events"], &stats["categories"]["note"]["events"]), (&3.into(), &3.into()));
    }
    let lines = run(&["export", url], "");
    assert_eq!(run(&["export", &path("log")], ""), lines);
    let imported = run(&["import", &path("imported")], &lines);
    assert!(imported.contains("\"events\":3"), "{imported}");
    run(&["import", &path("imported")], &lines);
    assert_eq!(run(&["export", &path("imported")], ""), lines);
    let copied = run(
        &["copy", "--from", url, "--to", &format!("embedded:{}", path("copied")), "--format", "json"],
        "",
    );
    assert!(copied.contains("\"events\":3"), "{copied}");
    assert_eq!(run(&["export", &path("copied")], ""), lines);
    run(&["backup", "--from", &path("log"), "--to", &path("backup")], "");
    run(&["restore", "--from", &path("backup"), "--to", &path("restored")], "");
    assert_eq!(run(&["export", &path("restored")], ""), lines);
}

#[test]
fn a_server_that_is_told_to_end_says_so_with_exit_code_zero_although_somebody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(&folder.path().join("log"));
    let url = served.1.clone();
    run(&["append", &url, "note-1", "Noted", "{\"n\":1}"], "");
    let mut tail = Command::new(env!("CARGO_BIN_EXE_event-store"));
    tail.args(["tail", &url, "--follow", "--format", "json"]).stdout(Stdio::piped());
    let mut tail = tail.spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("{\"n\":1}"));
    run(&["append", &url, "note-1", "Noted", "{\"n\":2}"], "");
    assert!(lines.next().unwrap().unwrap().contains("{\"n\":2}"), "what comes is followed");
    let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", served.0.id())]).status().unwrap();
    assert!(kill.success());
    assert_eq!(served.0.wait().unwrap().code(), Some(0));
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn programs_read_what_serve_inspect_and_verify_say_and_a_url_is_refused_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    run(&["append", &log, "note-1", "Noted", "{}"], "");
    let json = |words: &[&str]| -> serde_json::Value { serde_json::from_str(&run(words, "")).unwrap() };
    let inspected = json(&["inspect", &log, "--format", "json"]);
    assert_eq!((&inspected["events"], &inspected["head"]), (&1.into(), &0.into()));
    assert_eq!(inspected["segments"][0]["events"], 1);
    let verified = json(&["verify", &log, "--format", "json"]);
    assert_eq!((&verified["whole"], &verified["streams"]), (&true.into(), &1.into()));
    for word in ["inspect", "verify"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_event-store"));
        let output = command.args([word, "esdb://127.0.0.1:2113?tls=false"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("a server keeps its files to itself"), "{said}");
    }
    let mut serve = Command::new(env!("CARGO_BIN_EXE_event-store"));
    serve.args(["serve", &log, "--listen", "127.0.0.1:0", "--format", "json"]).stdout(Stdio::piped());
    let mut serve = serve.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(said["listening"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    serve.kill().unwrap();
    serve.wait().unwrap();
}
