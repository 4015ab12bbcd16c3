use std::io::{self, Write};

use clap::Args;
use event_store::{IndexReport, Report, Visitor};
use serde_json::json;

use super::source::{described, local};
use super::{Failure, Format};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the event store.
    folder: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let visitor = Visitor::open(local(&arguments.folder)?)?;
    let report = visitor.check()?;
    match arguments.format {
        Format::Text => print(&visitor, &report)?,
        Format::Json => {
            let said = json!({
                "format": visitor.format(),
                "storeId": visitor.id().to_string(),
                "head": report.events.checked_sub(1),
                "events": report.events,
                "streams": report.streams,
                "segments": report.segments.iter().map(described).collect::<Vec<_>>(),
            });
            writeln!(io::stdout().lock(), "{said}")?;
        }
    }
    match report.damage {
        Some(damage) => Err(damage.into()),
        None => Ok(()),
    }
}

fn print(visitor: &Visitor, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let head = report.events.checked_sub(1).map_or("none".to_owned(), |head| head.to_string());
    writeln!(out, "format    {}", visitor.format())?;
    writeln!(out, "store id  {}", visitor.id())?;
    writeln!(out, "head      {head}")?;
    writeln!(out, "events    {}", report.events)?;
    writeln!(out, "streams   {}", report.streams)?;
    let bytes = |used: bool| -> u64 {
        report.segments.iter().map(|segment| if used { segment.used } else { segment.bytes }).sum()
    };
    writeln!(out, "bytes     {} used of {}", bytes(true), bytes(false))?;
    writeln!(out, "\nsegment         first position      events      blocks        used       bytes  index")?;
    for segment in &report.segments {
        let index = match segment.index {
            IndexReport::None => "-",
            IndexReport::Whole => "whole",
            IndexReport::Damaged => "damaged",
        };
        writeln!(
            out,
            "{:010}.log {:18} {:11} {:11} {:11} {:11}  {index}",
            segment.number,
            segment.first_position,
            segment.events,
            segment.blocks,
            segment.used,
            segment.bytes,
        )?;
    }
    Ok(())
}
