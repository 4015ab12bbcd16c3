//! A process that appends and is killed, again and again, in the same folder.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use event_store::{Direction, EmbeddedStore, EventStore, ExpectedRevision, OpenError};
use uuid::Uuid;

use crate::support::{Dice, event, everything, open, stream};

const FOLDER: &str = "APPEND_UNTIL_KILLED";

/// Not a test: the process that [`kill -9`](nothing_acknowledged_is_lost_when_the_process_is_killed)
/// is for. Tells what was acknowledged, one line each, after it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn appends_until_it_is_killed() {
    let folder = std::env::var(FOLDER).unwrap();
    let store = open(Path::new(&folder)).unwrap();
    let writers = (0..8u64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0u64.. {
                let name = match number % 4 {
                    0 => format!("a-{writer}"),
                    1 => "shared-1".to_owned(),
                    _ => format!("new-{}", Uuid::new_v4()),
                };
                let events: Vec<_> = (0..number % 3 + 1).map(|_| event(200)).collect();
                let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
                let appended = store.append(&stream(&name), ExpectedRevision::Any, events).await.unwrap();
                let (revision, position) = (appended.revision, appended.position);
                let line = format!("ack {name} {revision} {position} {}\n", ids.join(" "));
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::appends_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

struct Acknowledged {
    stream: String,
    revision: u64,
    position: u64,
    ids: Vec<Uuid>,
}

/// A line that was cut by the kill tells nothing.
fn parse(line: &str) -> Option<Acknowledged> {
    // The harness may have begun the line.
    let mut words = line[line.find("ack ")? + 4..].split(' ');
    let stream = words.next()?.to_owned();
    let (revision, position) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let ids = words.map(|id| id.trim().parse().ok()).collect::<Option<_>>()?;
    line.ends_with('\n').then_some(Acknowledged { stream, revision, position, ids })
}

async fn holds(store: &EmbeddedStore, acknowledged: &[Acknowledged]) {
    let events = everything(store).await.unwrap();
    let mut ids = HashSet::new();
    let mut revisions = HashMap::new();
    for (position, event) in (0..).zip(&events) {
        assert_eq!(event.position.0, position, "no gap");
        assert!(ids.insert(event.id), "nothing is doubled");
        let next = revisions.entry(event.stream.clone()).or_insert(0);
        assert_eq!(event.revision, *next, "{} is in order", event.stream);
        *next += 1;
    }
    for append in acknowledged {
        let count = append.ids.len() as u64;
        for (before, id) in (0..count).rev().zip(&append.ids) {
            let event = &events[(append.position - before) as usize];
            assert_eq!((event.id, event.revision), (*id, append.revision - before));
            assert_eq!(event.stream.as_str(), append.stream);
        }
    }
    // The indexes agree with the log.
    for (name, length) in &revisions {
        let read = store.read_stream(name, 0, Direction::Forwards, usize::MAX).await.unwrap();
        assert_eq!(read.len() as u64, *length);
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut acknowledged = Vec::new();
    for _ in 0..15 {
        let mut child = start(folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let enough = acknowledged.len() + 1 + (dice.roll() % 700) as usize;
        let mut line = String::new();
        while acknowledged.len() < enough {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the child ended by itself");
            acknowledged.extend(parse(&line));
        }
        let second = open(folder.path()).err();
        assert!(matches!(second, Some(OpenError::Locked(_))), "a second process is kept out: {second:?}");
        child.kill().unwrap();
        // What it said before it died counts as well.
        loop {
            line.clear();
            if lines.read_line(&mut line).unwrap() == 0 {
                break;
            }
            acknowledged.extend(parse(&line));
        }
        child.wait().unwrap();
        holds(&open(folder.path()).unwrap(), &acknowledged).await;
    }
}
