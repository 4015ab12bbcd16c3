use projections::{heal, parked as all_parked};

use super::arguments::{Format, Order};
use super::{Failure, Place, Verdict, say};

pub(super) async fn parked(place: &Place, order: Order, format: Format) -> Result<Verdict, Failure> {
    let (projection, id, order) = match order {
        Order::List => return list(place, format).await,
        Order::Retry { projection, id } => (projection, id, projections::Order::Retry),
        Order::Skip { projection, id } => (projection, id, projections::Order::Skip),
    };
    let which = place.projection(&projection)?;
    let Some(healed) = heal(&place.store, &place.database, &*which, &id, order).await? else {
        return Err(format!("nothing of {projection} is parked under {id}").into());
    };
    let mut lines = Vec::new();
    for skipped in &healed.skipped {
        lines.push(format!(
            "skipped {} at {} (revision {} of {}): {}",
            skipped.event_type, skipped.position, skipped.revision, skipped.stream, skipped.data
        ));
    }
    lines.push(format!("{} events applied, {} still wait", healed.applied, healed.waiting));
    lines.extend(healed.reason.clone());
    say::value(format, &healed, &lines)?;
    Ok(if healed.waiting == 0 { Verdict::Well } else { Verdict::NotWell })
}

async fn list(place: &Place, format: Format) -> Result<Verdict, Failure> {
    let parked = all_parked(&place.database).await?;
    let line = |parked: &projections::Parked| {
        format!(
            "{} {}: {} at {} (revision {} of {}), {} wait behind it: {}",
            parked.projection,
            parked.id,
            parked.event_type,
            parked.since,
            parked.revision,
            parked.stream,
            parked.waiting,
            parked.reason
        )
    };
    let mut lines: Vec<String> = parked.iter().map(line).collect();
    if parked.is_empty() {
        lines.push("nothing is parked".to_owned());
    }
    say::value(format, &parked, &lines)?;
    Ok(if parked.is_empty() { Verdict::Well } else { Verdict::NotWell })
}
