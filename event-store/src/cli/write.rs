//! `append`, `export` and `import`.

use std::io::{self, BufRead, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use event_store::{Append, ExpectedRevision, NewEvent, StreamName, open};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Failure;
use super::source::Source;

/// How many lines are appended at once.
const CHUNK: usize = 2000;

#[derive(Args)]
pub(super) struct AppendOne {
    /// The log: a folder that nobody has open, or esdb://host:2113?tls=false
    log: String,
    /// The stream.
    stream: String,
    /// The type of the event.
    event_type: String,
    /// The data; `-` reads it from the standard input.
    data: String,
    /// The metadata.
    #[arg(long, default_value = "{}")]
    metadata: String,
    /// The id; the same one again at the same revision is written once.
    #[arg(long)]
    id: Option<Uuid>,
    /// The revision of the stream's last event, or `none`; without it the stream may be anywhere.
    #[arg(long, value_parser = expected)]
    expected: Option<ExpectedRevision>,
}

#[derive(Args)]
pub(super) struct Export {
    /// The log: a folder, or esdb://host:2113?tls=false
    log: String,
    /// Only streams whose name begins so.
    #[arg(long, default_value = "")]
    prefix: String,
}

#[derive(Args)]
pub(super) struct Import {
    /// The log: a folder that nobody has open, or esdb://host:2113?tls=false
    log: String,
}

fn expected(text: &str) -> Result<ExpectedRevision, String> {
    if text == "none" {
        return Ok(ExpectedRevision::NoStream);
    }
    text.parse().map(ExpectedRevision::Exact).map_err(|_| "neither a revision nor `none`".to_owned())
}

pub(super) async fn append(arguments: &AppendOne) -> Result<(), Failure> {
    let data = if arguments.data == "-" {
        let mut data = Vec::new();
        io::stdin().lock().read_to_end(&mut data)?;
        Bytes::from(data)
    } else {
        Bytes::from(arguments.data.clone())
    };
    let event = NewEvent {
        id: arguments.id.unwrap_or_else(Uuid::now_v7),
        event_type: arguments.event_type.as_str().into(),
        data,
        metadata: Bytes::from(arguments.metadata.clone()),
    };
    let stream = name(&arguments.stream)?;
    let id = event.id;
    let store = open(&arguments.log).await?;
    let appended =
        store.append(&stream, arguments.expected.unwrap_or(ExpectedRevision::Any), vec![event]).await?;
    let line = json!({ "id": id, "revision": appended.revision, "position": appended.position });
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}

fn name(text: &str) -> Result<StreamName, Failure> {
    StreamName::new(text).map_err(|error| Failure::Input(format!("{text}: {error}")))
}

/// An event as a line. What is not JSON on one line is in base 64, so that every byte comes back.
#[derive(Serialize, Deserialize)]
struct Line {
    stream: String,
    revision: u64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    data: Option<Box<RawValue>>,
    #[serde(rename = "data64", skip_serializing_if = "Option::is_none", default)]
    data_64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    metadata: Option<Box<RawValue>>,
    #[serde(rename = "metadata64", skip_serializing_if = "Option::is_none", default)]
    metadata_64: Option<String>,
}

fn payload(bytes: &[u8]) -> (Option<Box<RawValue>>, Option<String>) {
    let json: Option<Box<RawValue>> = serde_json::from_slice(bytes).ok();
    match json.filter(|json| json.get().as_bytes() == bytes && !bytes.contains(&b'\n') && bytes != b"null") {
        Some(json) => (Some(json), None),
        None => (None, Some(STANDARD.encode(bytes))),
    }
}

fn bytes(json: Option<Box<RawValue>>, base64: Option<String>) -> Result<Bytes, String> {
    match (json, base64) {
        (Some(json), _) => Ok(Bytes::from(json.get().to_owned())),
        (None, Some(text)) => STANDARD.decode(text).map(Bytes::from).map_err(|error| error.to_string()),
        (None, None) => Err("data or metadata is missing".to_owned()),
    }
}

pub(super) async fn export(arguments: &Export) -> Result<(), Failure> {
    let mut source = Source::open(&arguments.log).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    while let Some(events) = source.next().await? {
        for event in events.iter().filter(|event| event.stream.as_str().starts_with(&arguments.prefix)) {
            let ((data, data_64), (metadata, metadata_64)) = (payload(&event.data), payload(&event.metadata));
            let line = Line {
                stream: event.stream.to_string(),
                revision: event.revision,
                id: event.id,
                event_type: event.event_type.to_string(),
                data,
                data_64,
                metadata,
                metadata_64,
            };
            serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// May be repeated: lines that are in already are recognised by their ids.
pub(super) async fn import(arguments: &Import) -> Result<(), Failure> {
    let store = open(&arguments.log).await?;
    let (mut appends, mut count) = (Vec::new(), 0u64);
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let wrong = |reason: String| Failure::Input(format!("line {number}: {reason}"));
        let line: Line = serde_json::from_str(&line?).map_err(|error| wrong(error.to_string()))?;
        let event = NewEvent {
            id: line.id,
            event_type: line.event_type.into(),
            data: bytes(line.data, line.data_64).map_err(wrong)?,
            metadata: bytes(line.metadata, line.metadata_64).map_err(wrong)?,
        };
        let before = line.revision.checked_sub(1);
        let expected = before.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        appends.push(Append { stream: name(&line.stream)?, expected, events: vec![event] });
        count += 1;
        if appends.len() == CHUNK {
            store.append_all(std::mem::take(&mut appends)).await?;
        }
    }
    store.append_all(appends).await?;
    writeln!(io::stdout().lock(), "{}", json!({ "events": count }))?;
    Ok(())
}
