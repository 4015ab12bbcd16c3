//! `streams`, `read` and `stats`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use event_store::{Direction, StreamName, is_remote, open};
use serde_json::json;

use super::source::Source;
use super::{Failure, Format, show};

/// How many events are asked of a server at once.
const PAGE: usize = 1000;

#[derive(Args)]
pub(super) struct Streams {
    /// The log: a folder, or esdb://host:2113?tls=false
    log: String,
    /// Only streams whose name begins so.
    #[arg(long, default_value = "")]
    prefix: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Args)]
pub(super) struct Read {
    /// The log: a folder, or esdb://host:2113?tls=false
    log: String,
    /// The stream to read.
    stream: String,
    /// The first revision to print.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many events to print.
    #[arg(short = 'n', value_name = "COUNT", default_value_t = usize::MAX, hide_default_value = true)]
    count: usize,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Args)]
pub(super) struct Stats {
    /// The log: a folder, or esdb://host:2113?tls=false
    log: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) async fn streams(arguments: &Streams) -> Result<(), Failure> {
    let mut source = Source::open(&arguments.log).await?;
    let mut streams = BTreeMap::new();
    while let Some(events) = source.next().await? {
        for event in events.into_iter().filter(|event| event.stream.as_str().starts_with(&arguments.prefix)) {
            let last = streams.entry(event.stream).or_insert((0, event.position));
            *last = (event.revision, event.position);
        }
    }
    let mut out = io::stdout().lock();
    for (stream, (revision, position)) in streams {
        match arguments.format {
            Format::Text => writeln!(out, "{:>10} events  last at {position}  {stream}", revision + 1)?,
            Format::Json => {
                let line =
                    json!({ "stream": stream.as_str(), "events": revision + 1, "lastPosition": position });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

pub(super) async fn read(arguments: &Read) -> Result<(), Failure> {
    if is_remote(&arguments.log) {
        return read_remote(arguments).await;
    }
    let mut source = Source::open(&arguments.log).await?;
    let (mut left, mut out) = (arguments.count, io::stdout().lock());
    while let Some(events) = source.next().await? {
        for event in events {
            let wanted = event.stream.as_str() == arguments.stream && event.revision >= arguments.from;
            if wanted && left > 0 {
                left -= 1;
                show::event(&mut out, &event, arguments.format)?;
            }
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// A server finds a stream without looking through the log.
async fn read_remote(arguments: &Read) -> Result<(), Failure> {
    let store = open(&arguments.log).await?;
    let name = StreamName::new(arguments.stream.as_str())
        .map_err(|error| Failure::Input(format!("{}: {error}", arguments.stream)))?;
    let (mut from, mut left, mut out) = (arguments.from, arguments.count, io::stdout().lock());
    while left > 0 {
        let events = store.read_stream(&name, from, Direction::Forwards, left.min(PAGE)).await?;
        let Some(last) = events.last() else { break };
        (from, left) = (last.revision + 1, left - events.len());
        for event in &events {
            show::event(&mut out, event, arguments.format)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Sum {
    events: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.events += 1;
        self.bytes += bytes;
    }
}

pub(super) async fn stats(arguments: &Stats) -> Result<(), Failure> {
    let mut source = Source::open(&arguments.log).await?;
    let (mut all, mut streams) = (Sum::default(), 0u64);
    let (mut categories, mut types) = (BTreeMap::<String, Sum>::new(), BTreeMap::<String, Sum>::new());
    while let Some(events) = source.next().await? {
        for event in events {
            let bytes = (event.data.len() + event.metadata.len()) as u64;
            all.add(bytes);
            streams += u64::from(event.revision == 0);
            categories.entry(event.stream.category().to_owned()).or_default().add(bytes);
            types.entry(event.event_type.to_string()).or_default().add(bytes);
        }
    }
    let mut out = io::stdout().lock();
    if let Format::Json = arguments.format {
        let table = |sums: &BTreeMap<String, Sum>| {
            let row = |(name, sum): (&String, &Sum)| {
                (name.clone(), json!({ "events": sum.events, "bytes": sum.bytes }))
            };
            sums.iter().map(row).collect::<serde_json::Map<_, _>>()
        };
        let (categories, types) = (table(&categories), table(&types));
        let line = json!({
            "events": all.events, "streams": streams, "bytes": all.bytes,
            "categories": categories, "types": types,
        });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(out, "{} events in {streams} streams, {} bytes of data and metadata", all.events, all.bytes)?;
    for (title, sums) in [("category", categories), ("type", types)] {
        writeln!(out, "\n    events        bytes  {title}")?;
        for (name, sum) in sums {
            writeln!(out, "{:10} {:12}  {name}", sum.events, sum.bytes)?;
        }
    }
    Ok(())
}
