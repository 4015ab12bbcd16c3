//! The program as operators and scripts use it: a log on disk, rows in SQLite, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod healing;
mod moving;
mod past;
mod serving;
#[allow(dead_code, reason = "a command line needs fewer stories")]
#[path = "../read_side/stories.rs"]
mod stories;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use desk::Desk;
use serde_json::Value;
use stories::*;

/// DESIGN 7: from nothing to rows, compared, switched and taken back, each with an exit code.
#[tokio::test]
async fn an_operator_rebuilds_verifies_and_takes_back() {
    let desk = Desk::with_students(5).await;
    assert_eq!(desk.says("migrate").code, 0);
    let plan = desk.says("replay my_page --dry-run --format json").json();
    assert_eq!((&plan["events"], &plan["from"]), (&20.into(), &Value::Null));
    assert_eq!(desk.says("replay my_page").code, 0);
    assert_eq!(desk.says("verify my_page").code, 0);
    assert_eq!(desk.says("rollback my_page").code, 1, "there was nothing before");

    desk.tamper("UPDATE my_page SET amount = '1' WHERE position = 3").await;
    let verified = desk.says("verify my_page --format json");
    assert_eq!((verified.code, &verified.json()["comparison"]["changed"]), (1, &1.into()));
    let refused = desk.says("replay my_page");
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("not switched: rows differ"), "{}", refused.out);
    assert!(refused.err.contains("events/s"), "plain lines where there is no terminal: {}", refused.err);
    let accepted = desk.says("replay my_page --accept");
    assert!(accepted.out.contains(r#"live {"amount":"1"} anew {"amount":"1000"}"#), "{}", accepted.out);
    assert_eq!((accepted.code, desk.says("verify my_page").code), (0, 0));
    let status = desk.says("status --format json").json();
    let names: Vec<_> = status.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["my_page", "my_page~previous"]);
    assert_eq!(desk.says("rollback my_page").code, 0);
    assert_eq!(desk.says("verify my_page").code, 1, "as it was before");
    assert_eq!(desk.says("replay my_page --as-of 7").code, 0);
    assert_eq!(desk.says("discard my_page --as-of 7").code, 0);
}

/// DESIGN 7: a replay that is killed in its middle goes on from there, however often.
#[tokio::test]
async fn a_replay_that_is_killed_goes_on_where_it_was() {
    let desk = Desk::with_students(400).await;
    let left = || desk.says("replay my_page --dry-run --format json").json()["events"].as_u64().unwrap();
    let mut before = left();
    assert_eq!(before, 1600);
    for _ in 0..3 {
        // One event at a time, so that there is a middle to be killed in.
        let mut replay = desk.command("replay my_page --batch 1 --format json");
        let mut replay = replay.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut news = String::new();
        BufReader::new(replay.stderr.take().unwrap()).read_line(&mut news).unwrap();
        replay.kill().unwrap();
        replay.wait().unwrap();
        let first: Value = serde_json::from_str(&news).unwrap();
        assert_eq!(first["total"], before, "it went on where the one before was: {news}");
        assert!(left() < before && left() > 0, "it was killed in the middle, with {} to go", left());
        before = left();
    }
    assert_eq!(desk.says("replay my_page").code, 0);
    assert_eq!(desk.says("verify my_page --format json").json()["comparison"]["live"], 400);
}

/// DESIGN 7: why a row is as it is, in sentences.
#[tokio::test]
async fn a_row_is_explained_by_who_did_what_because_of_what() {
    let desk = Desk::with_students(1).await;
    let id = wanted_by("student1", 0).id;
    let told = desk.says(&format!("explain my_page {id}"));
    let lines: Vec<_> = told.out.lines().collect();
    assert_eq!((told.code, lines.len()), (0, 4));
    let command = "Applied, by student:student1, commanded by request 00000000-0000-0000-0000-000000000007";
    assert!(lines[0].contains(command), "{}", lines[0]);
    let reaction = "PayRequested, by the policy payment, because of Applied at 0 (position 1, revision 0 of";
    assert!(lines[1].contains(reaction), "{}", lines[1]);
    assert_eq!(desk.says("explain my_page nobody").code, 1);
}

/// G11, before a deploy: every stored event can be read, or the exit code says no.
#[tokio::test]
async fn a_check_before_a_deploy_reads_everything() {
    let desk = Desk::with_students(2).await;
    assert_eq!(desk.says("check --format json").json()["events"], 8);
    desk.unreadable().await;
    let found = desk.says("check");
    assert_eq!(found.code, 1);
    assert!(found.out.contains("malformed PayCompleted v1"), "{}", found.out);
    assert_eq!((desk.says("replay my_page").code, desk.says("parked list").code), (0, 1));
    let skipped = desk.says("parked skip my_page odd");
    assert!(skipped.out.contains("skipped PayCompleted at 8"), "{}", skipped.out);
    assert_eq!((skipped.code, desk.says("parked list").code), (0, 0));
}

/// Wrong usage is 2, and says what would be right.
#[tokio::test]
async fn wrong_usage_is_told_apart_from_trouble() {
    let desk = Desk::with_students(0).await;
    assert_eq!(desk.says("replay").code, 2);
    let unknown = desk.says("verify nothing");
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("there are: resources, my_page"), "{}", unknown.err);
    let help = desk.says("--help");
    assert!(help.code == 0 && help.out.contains("Exit codes: 0 all is well"), "{}", help.out);
    assert!(desk.says("completions bash").out.contains("_projections"));
}
