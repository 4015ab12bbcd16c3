//! `append`, `export` and `import`.

use std::io::{self, BufRead, Read, Write};

use bytes::Bytes;
use clap::Args;
use event_store::{Decoded, ExpectedRevision, NewEvent, StreamName, open};
use serde_json::json;
use uuid::Uuid;

use super::Failure;
use super::line::Line;
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
        event_type: arguments.event_type.clone().into(),
        data,
        metadata: Bytes::from(arguments.metadata.clone()),
        decoded: Decoded::default(),
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

pub(super) async fn export(arguments: &Export) -> Result<(), Failure> {
    let mut source = Source::open(&arguments.log).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    while let Some(events) = source.next().await? {
        for event in events.iter().filter(|event| event.stream.as_str().starts_with(&arguments.prefix)) {
            serde_json::to_writer(&mut out, &Line::from(event)).map_err(io::Error::from)?;
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
        appends.push(Line::read(&line?).map_err(wrong)?);
        count += 1;
        if appends.len() == CHUNK {
            store.append_all(std::mem::take(&mut appends)).await?;
        }
    }
    store.append_all(appends).await?;
    writeln!(io::stdout().lock(), "{}", json!({ "events": count }))?;
    Ok(())
}
