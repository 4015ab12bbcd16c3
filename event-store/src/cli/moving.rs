//! `copy`, `backup` and `restore`.

use std::io::{self, Write};
use std::time::Instant;

use clap::Args;
use event_store::{Report, backup as copy_files, copy as copy_log, is_remote, open};
use serde_json::json;

use super::source::folder;
use super::{Failure, Format};

/// After how many events progress is told.
const STEP: u64 = 20_000;

#[derive(Args)]
pub(super) struct Between {
    /// The log to copy.
    #[arg(long, value_name = "URL")]
    from: String,
    /// Where to: empty, or the beginning of the same log.
    #[arg(long, value_name = "URL")]
    to: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) async fn copy(arguments: &Between) -> Result<(), Failure> {
    let (from, to) = (open(&arguments.from).await?, open(&arguments.to).await?);
    let (started, mut next) = (Instant::now(), STEP);
    let printed = copy_log(&*from, &*to, |events| {
        if events >= next {
            next = events + STEP;
            let seconds = started.elapsed().as_secs_f64();
            match arguments.format {
                Format::Text => eprintln!("{events} events, {:.0}/s", events as f64 / seconds),
                Format::Json => eprintln!("{}", json!({ "events": events, "seconds": seconds })),
            }
        }
    })
    .await?;
    let mut out = io::stdout().lock();
    match arguments.format {
        Format::Text => writeln!(out, "both sides are the same: {printed}")?,
        Format::Json => {
            writeln!(
                out,
                "{}",
                json!({ "events": printed.events, "hash": format!("{:032x}", printed.hash) })
            )?;
        }
    }
    Ok(())
}

pub(super) fn backup(arguments: &Between) -> Result<(), Failure> {
    for url in [&arguments.from, &arguments.to] {
        if is_remote(url) {
            let reason = "the files of a server are where it runs; use `copy`, which moves any log anywhere";
            return Err(Failure::Input(format!("{url}: {reason}")));
        }
    }
    tell(copy_files(folder(&arguments.from), folder(&arguments.to))?, arguments.format)
}

fn tell(report: Report, format: Format) -> Result<(), Failure> {
    if let Some(damage) = report.damage {
        return Err(damage.into());
    }
    let (events, streams) = (report.events, report.streams);
    let mut out = io::stdout().lock();
    match format {
        Format::Text => writeln!(out, "{events} events in {streams} streams, read back and checked")?,
        Format::Json => writeln!(out, "{}", json!({ "events": events, "streams": streams }))?,
    }
    Ok(())
}
