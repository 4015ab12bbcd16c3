use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use event_store::{IndexReport, OpenError, Report, Visitor, truncate};
use serde_json::{Value, json};

use super::source::{described, local};
use super::{Failure, Format};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the event store.
    folder: String,
    /// Cuts the log at this place for good: everything from there on is lost, also what is whole.
    /// Only for a log that nobody has open and of which there is no better copy.
    #[arg(long, value_name = "SEGMENT:OFFSET", value_parser = place)]
    truncate_at: Option<(u64, u64)>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// `3:1048576` or `0000000003.log:1048576`.
fn place(text: &str) -> Result<(u64, u64), String> {
    let (segment, offset) = text.split_once(':').ok_or("write it as SEGMENT:OFFSET, as in 3:1048576")?;
    let segment = segment.trim_end_matches(".log").parse().map_err(|_| "the segment is not a number")?;
    let offset = offset.parse().map_err(|_| "the offset is not a number")?;
    Ok((segment, offset))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = local(&arguments.folder)?;
    if let Some((segment, offset)) = arguments.truncate_at {
        truncate(folder, segment, offset)?;
        if let Format::Text = arguments.format {
            writeln!(io::stdout().lock(), "cut at segment {segment}, offset {offset}")?;
        }
    }
    let report = Visitor::open(folder)?.check()?;
    match arguments.format {
        Format::Text => print(folder, &report)?,
        Format::Json => writeln!(io::stdout().lock(), "{}", json(&report))?,
    }
    if report.is_whole() { Ok(()) } else { Err(Failure::Damage) }
}

fn json(report: &Report) -> Value {
    let place = |(segment, offset): (u64, u64)| json!({ "segment": segment, "offset": offset });
    json!({
        "whole": report.is_whole(),
        "events": report.events,
        "streams": report.streams,
        "unfinished": report.unfinished.map(place),
        "damage": report.damage.as_ref().map(ToString::to_string),
        "segments": report.segments.iter().map(described).collect::<Vec<_>>(),
    })
}

fn print(folder: &Path, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{} events in {} streams, read and checked", report.events, report.streams)?;
    if let Some((segment, offset)) = report.unfinished {
        writeln!(
            out,
            "a write at segment {segment}, offset {offset} is under way or was not finished; nobody was told \
             that it is in, and the next start cuts it off"
        )?;
    }
    for segment in report.segments.iter().filter(|segment| segment.index == IndexReport::Damaged) {
        writeln!(
            out,
            "the index {:010}.idx is damaged; the events are whole: delete it, and the next start makes it again",
            segment.number
        )?;
    }
    if let Some(damage) = &report.damage {
        writeln!(out, "damage: {damage}")?;
        if let OpenError::Damaged { path, offset, .. } = damage {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            writeln!(
                out,
                "Events up to position {} are whole. Restore the folder from a copy; or, if there is none, give \
                 up everything behind them with:\n  event-store verify {} --truncate-at {name}:{offset}",
                report.events.saturating_sub(1),
                folder.display(),
            )?;
        }
    }
    Ok(())
}
