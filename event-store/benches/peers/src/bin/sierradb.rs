//! SierraDB, in this process.

use std::thread::available_parallelism;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use peers::{Peer, measure, version, writers};
use sierradb::StreamId;
use sierradb::database::{DatabaseBuilder, ExpectedVersion, NewEvent, Transaction};
use sierradb::id::{uuid_to_partition_hash, uuid_v7_with_partition_hash};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<()> {
    let buckets = (available_parallelism()?.get() * 2).clamp(2, 16);
    // It syncs after so many events or so much time; by default a lone writer would wait for the time.
    // Half of what can wait in a bucket was the fastest here, and a little faster without compression.
    let batch = writers()? / (2 * buckets) + 1;
    let database = DatabaseBuilder::new()
        .total_buckets(buckets as u16)
        .bucket_ids_from_range(0..buckets as u16)
        .max_batch_size(batch)
        .min_sync_bytes(usize::MAX)
        .sync_interval(Duration::from_millis(1))
        .compression(false)
        .open("events")?;
    let peer = Peer {
        name: "SierraDB",
        version: version("sierradb"),
        settings: format!(
            "in process, {buckets} buckets, as by default two for each core, so no order over all streams; a sync \
             for half of the writers of a bucket or after 1 ms, faster than its defaults; no compression, faster too; \
             its writer threads ask for a higher priority, which root is given"
        ),
    };
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
