//! Answers over HTTP from rows that another process made.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::desk::Desk;
use crate::stories::wanted_by;

/// DESIGN 7: `serve` answers from the rows as they are, and ends in order when it is told to.
#[tokio::test]
async fn a_server_answers_from_the_rows_that_a_replay_made() {
    let desk = Desk::with_students(2).await;
    assert_eq!(desk.says("replay my_page").code, 0);
    let mut server = desk
        .command("serve --listen 127.0.0.1:0")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();

    let id = wanted_by("student1", 0).id;
    let (head, row) = get(&address, &format!("/myPages/{id}?after=7"));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("as-of: 7"), "{head}");
    assert_eq!((&row["deliveryStatus"], &row["id"]), (&"started".into(), &id.to_string().into()));
    let (_, told) = get(&address, &format!("/myPages/{id}/history"));
    assert_eq!(told["history"].as_array().unwrap().len(), 4);

    let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(told.success() && server.wait().unwrap().success());
}

fn get(address: &str, path: &str) -> (String, Value) {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), serde_json::from_str(body).unwrap())
}
