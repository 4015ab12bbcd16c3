use event_store::EventStore;
use projections::{System, history, overview};

use super::arguments::Format;
use super::say::{self, position};
use super::{Failure, Place, Verdict};

pub(super) async fn status(place: &Place, format: Format) -> Result<Verdict, Failure> {
    let rows = overview(&*place.store, &place.database, &place.system).await?;
    let mut lines = vec![format!(
        "{:<22} {:>7} {:>10} {:>8} {:>7}  {}",
        "ROWS", "VERSION", "POSITION", "LAG", "PARKED", "STATE"
    )];
    for row in &rows {
        let state = match &row.unhealthy {
            Some(reason) => reason.as_str(),
            None if row.live => "live",
            None => "beside",
        };
        let at = position(row.position);
        lines.push(format!(
            "{:<22} {:>7} {at:>10} {:>8} {:>7}  {state}",
            row.name, row.version, row.lag, row.parked
        ));
        lines.extend(row.partitions.iter().filter_map(|part| {
            let (at, holder) = (position(part.position), part.holder.as_ref()?);
            Some(format!("  partition {:<26} {at:>6}  by {holder}", part.partition))
        }));
    }
    say::value(format, &rows, &lines)?;
    let well = rows.iter().all(|row| row.unhealthy.is_none());
    Ok(if well { Verdict::Well } else { Verdict::NotWell })
}

pub(super) async fn check(
    store: &dyn EventStore,
    system: &System,
    format: Format,
) -> Result<Verdict, Failure> {
    let checked = projections::check(store, system).await?;
    let mut lines = checked.named.clone();
    lines.push(format!("{} events read, {} cannot be", checked.events, checked.unreadable));
    say::value(format, &checked, &lines)?;
    Ok(if checked.unreadable == 0 { Verdict::Well } else { Verdict::NotWell })
}

pub(super) async fn explain(
    store: &dyn EventStore,
    system: &System,
    id: &str,
    format: Format,
) -> Result<Verdict, Failure> {
    let categories = system.collections.iter().map(|collection| collection.category);
    let steps = history(store, categories, id).await?;
    let mut lines: Vec<String> = steps.iter().map(|step| step.sentence.clone()).collect();
    if steps.is_empty() {
        lines.push(format!("nothing ever happened to {id}"));
    }
    say::value(format, &steps, &lines)?;
    Ok(if steps.is_empty() { Verdict::NotWell } else { Verdict::Well })
}
