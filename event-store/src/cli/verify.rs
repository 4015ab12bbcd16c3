use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use event_store::{IndexReport, OpenError, Visitor, truncate};

use super::Failure;

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the event store.
    folder: PathBuf,
    /// Cuts the log at this place for good: everything from there on is lost, also what is whole.
    /// Only for a log that nobody has open and of which there is no better copy.
    #[arg(long, value_name = "SEGMENT:OFFSET", value_parser = place)]
    truncate_at: Option<(u64, u64)>,
}

/// `3:1048576` or `0000000003.log:1048576`.
fn place(text: &str) -> Result<(u64, u64), String> {
    let (segment, offset) = text.split_once(':').ok_or("write it as SEGMENT:OFFSET, as in 3:1048576")?;
    let segment = segment.trim_end_matches(".log").parse().map_err(|_| "the segment is not a number")?;
    let offset = offset.parse().map_err(|_| "the offset is not a number")?;
    Ok((segment, offset))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if let Some((segment, offset)) = arguments.truncate_at {
        truncate(&arguments.folder, segment, offset)?;
        writeln!(out, "cut at segment {segment}, offset {offset}")?;
    }
    let report = Visitor::open(&arguments.folder)?.check()?;
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
                arguments.folder.display(),
            )?;
        }
    }
    if report.is_whole() { Ok(()) } else { Err(Failure::Damage) }
}
