use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{EventStore, Filter, Position};
use indicatif::{ProgressBar, ProgressStyle};
use projections::{Comparison, Outcome, Plan, Purpose, Replay, ReplayProgress};

use super::arguments::{self, Format};
use super::say::{self, position};
use super::when::When;
use super::{Failure, Place, Verdict, until_told};

/// What a dry run reckons with, in events per second.
const USUAL: f64 = 150_000.0;

/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(1);

pub(super) async fn replay(
    place: &Place,
    arguments: &arguments::Replay,
    format: Format,
) -> Result<Verdict, Failure> {
    let purpose = match &arguments.as_of {
        None => Purpose::Next,
        Some(when) => Purpose::AsOf(as_of(&*place.store, when).await?),
    };
    let name = &arguments.projection;
    let replay = of(place, name, purpose.clone())?.in_batches_of(arguments.batch as usize);
    if arguments.dry_run {
        let plan = replay.plan().await?;
        say::value(format, &plan, &describe(&plan))?;
        return Ok(Verdict::Well);
    }
    let outcome = watched(&replay, arguments.accept, format).await?;
    let mut lines = outcome.comparison.as_ref().map(compared).unwrap_or_default();
    let (at, held) = (position(outcome.position), outcome.held_ms);
    lines.push(match (&purpose, outcome.switched) {
        (Purpose::AsOf(position), _) => {
            format!("the rows as of {position} are in the table {name}__as_of_{position}")
        }
        (_, true) => {
            format!("switched at {at}; the live rows stood still for {held} ms; `rollback` takes it back")
        }
        (_, false) => "not switched: rows differ. `--accept` switches all the same".to_owned(),
    });
    if outcome.parked > 0 {
        lines.push(format!("{} keys are parked: `projections parked list`", outcome.parked));
    }
    say::value(format, &outcome, &lines)?;
    let done = outcome.switched || matches!(purpose, Purpose::AsOf(_));
    Ok(if done { Verdict::Well } else { Verdict::NotWell })
}

pub(super) async fn verify(place: &Place, name: &str, format: Format) -> Result<Verdict, Failure> {
    let outcome = watched(&of(place, name, Purpose::Verify)?, false, format).await?;
    let Some(comparison) = &outcome.comparison else {
        return Err(format!("there are no live rows of {name} from this log").into());
    };
    say::value(format, &outcome, &compared(comparison))?;
    Ok(if comparison.is_equal() { Verdict::Well } else { Verdict::NotWell })
}

pub(super) async fn rollback(place: &Place, name: &str, format: Format) -> Result<Verdict, Failure> {
    let (store, projection) = (Arc::clone(&place.store), place.projection(name)?);
    let ours = projection.version();
    let back = projections::rollback(store, &place.database, projection).await?;
    let mut lines = vec![format!(
        "the rows of version {} are live again, at {}; those of version {} are kept",
        back.version,
        position(back.position),
        back.kept
    )];
    if back.version != ours {
        lines.push(format!(
            "they are followed by the program that makes version {}: start that one",
            back.version
        ));
    }
    say::value(format, &back, &lines)?;
    Ok(Verdict::Well)
}

pub(super) async fn discard(
    place: &Place,
    name: &str,
    position: u64,
    format: Format,
) -> Result<Verdict, Failure> {
    of(place, name, Purpose::AsOf(Position(position)))?.discard().await?;
    say::done(format, &format!("{name} as of {position} is removed"))?;
    Ok(Verdict::Well)
}

fn of(place: &Place, name: &str, purpose: Purpose) -> Result<Replay, Failure> {
    let (store, projection) = (Arc::clone(&place.store), place.projection(name)?);
    Ok(Replay::new(store, place.database.clone(), projection, purpose))
}

/// Runs it, and shows how it is getting on.
async fn watched(replay: &Replay, accept: bool, format: Format) -> Result<Outcome, Failure> {
    let stop = until_told()?;
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let mut printed: Option<Instant> = None;
    let outcome = replay.run(accept, &stop, |progress| {
        let line = how(progress);
        if terminal {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_message(line);
        } else if progress.done == progress.total || printed.is_none_or(|last| last.elapsed() >= LINE) {
            printed = Some(Instant::now());
            match format {
                Format::Text => eprintln!("{}/{} {line}", progress.done, progress.total),
                Format::Json => eprintln!("{}", serde_json::json!(progress)),
            }
        }
    });
    let outcome = outcome.await;
    bar.finish_and_clear();
    Ok(outcome?)
}

fn how(progress: &ReplayProgress) -> String {
    let ReplayProgress { per_second, eta_seconds, live_lag, waiting, .. } = progress;
    let waits = if *waiting { ", waits for the live rows" } else { "" };
    format!("{per_second:.0} events/s, {eta_seconds:.0} s to go, live rows {live_lag} behind{waits}")
}

fn describe(plan: &Plan) -> Vec<String> {
    let live = match plan.live_version {
        Some(version) => format!("the live rows have version {version} and are at {}", position(plan.live)),
        None => "there are no live rows of this log".to_owned(),
    };
    let seconds = (plan.events as f64 / USUAL).ceil();
    vec![
        live,
        format!(
            "would bring {} positions, behind {} up to {}, into {} as version {}: about {seconds:.0} s",
            plan.events,
            position(plan.from),
            position(plan.to),
            plan.table,
            plan.version
        ),
        "would then compare row by row and, if they are equal, switch".to_owned(),
    ]
}

fn compared(found: &Comparison) -> Vec<String> {
    let mut lines = vec![format!(
        "{} rows live, {} anew: {} changed, {} only live, {} only anew",
        found.live, found.rebuilt, found.changed, found.missing, found.added
    )];
    for (what, columns) in [("new", &found.new_columns), ("no longer", &found.lost_columns)] {
        if !columns.is_empty() {
            lines.push(format!("{what} there: column {}", columns.join(", ")));
        }
    }
    for sample in &found.samples {
        lines.push(format!("  {}: live {} anew {}", sample.key, sample.live, sample.rebuilt));
    }
    lines
}

/// A position, or the last one that was recorded by a time.
async fn as_of(store: &dyn EventStore, when: &str) -> Result<Position, Failure> {
    let time = match when.parse()? {
        When::Position(position) => return Ok(position),
        When::Time(time) => time,
    };
    let head = store.head().await?;
    let mut last = None;
    let mut subscription = store.subscribe(None, Filter::all()).await?;
    'log: while last < head {
        for event in subscription.next().await?.events {
            if i128::from(event.recorded_at) * 1000 > time.as_nanosecond() {
                break 'log;
            }
            last = Some(event.position);
        }
    }
    last.ok_or_else(|| format!("nothing was recorded by {time}").into())
}
