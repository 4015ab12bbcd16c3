//! SierraDB, in this process: `sierradb tuned|one-order|as-it-comes WRITERS SECONDS`.

use std::thread::available_parallelism;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use peers::{Peer, measure, version, writers};
use sierradb::StreamId;
use sierradb::database::{DatabaseBuilder, ExpectedVersion, NewEvent, Transaction};
use sierradb::id::{uuid_to_partition_hash, uuid_v7_with_partition_hash};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<()> {
    let by_default = (available_parallelism()?.get() * 2).clamp(2, 16) as u16;
    let mut builder = DatabaseBuilder::new();
    let kind = std::env::args().nth(1).unwrap_or_default();
    let (name, settings) = match kind.as_str() {
        "tuned" => {
            tune(&mut builder, by_default)?;
            let settings = format!(
                "{by_default} buckets, as by default two for each core, so no order over all streams"
            );
            ("SierraDB, tuned", settings + "; " + TUNED)
        }
        "one-order" => {
            tune(&mut builder, 1)?;
            ("SierraDB, one order", format!("1 bucket, so one order over all streams, as Girok has; {TUNED}"))
        }
        "as-it-comes" => {
            ("SierraDB, as it comes", "by its defaults, so no order over all streams".to_owned())
        }
        other => bail!("{other:?} is neither tuned nor one-order nor as-it-comes"),
    };
    let database = builder.open("events")?;
    let settings =
        format!("in process, {settings}; its writer threads ask for a higher priority, which root is given");
    let peer = Peer { name, version: version("sierradb"), settings };
    measure(peer, move |_, event| {
        let database = database.clone();
        async move {
            let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, event.stream.as_bytes());
            let hash = uuid_to_partition_hash(key);
            let event = NewEvent {
                event_id: uuid_v7_with_partition_hash(hash),
                stream_id: StreamId::new(event.stream)?,
                stream_version: ExpectedVersion::Empty,
                event_name: "Applied".into(),
                timestamp: SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64,
                metadata: Vec::new(),
                payload: event.data,
            };
            let partition = hash % database.total_buckets();
            let transaction = Transaction::new(key, partition, std::iter::once(event).collect())?;
            database.append_events(transaction).await?;
            Ok(())
        }
    })
    .await
}

const TUNED: &str =
    "a sync for half of the writers of a bucket or after 1 ms, no compression: both faster than its defaults";

/// It syncs after so many events or so much time; by default a lone writer would wait for the time.
/// Half of what can wait in a bucket was the fastest here, and a little faster without compression.
fn tune(builder: &mut DatabaseBuilder, buckets: u16) -> Result<()> {
    builder
        .total_buckets(buckets)
        .bucket_ids_from_range(0..buckets)
        .max_batch_size(writers()? / (2 * usize::from(buckets)) + 1)
        .min_sync_bytes(usize::MAX)
        .sync_interval(Duration::from_millis(1))
        .compression(false);
    Ok(())
}
