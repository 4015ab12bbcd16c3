use std::io::{self, Write};
use std::path::Path;

use event_store::{IndexReport, Visitor};

use super::Failure;

pub(super) fn run(folder: &Path) -> Result<(), Failure> {
    let visitor = Visitor::open(folder)?;
    let report = visitor.check()?;
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
    match report.damage {
        Some(damage) => Err(damage.into()),
        None => Ok(()),
    }
}
