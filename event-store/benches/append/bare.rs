//! The bare file: one thread, one queue, one write and one sync per group into space that is zeros
//! already. No streams, no revisions, no readers, no recovery: what the disk allows.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Figures, event};

type Request = (Vec<u8>, oneshot::Sender<()>);

/// Appends the same bytes as the store's bench does: names, ids and data.
pub(crate) async fn run(path: &Path, writers: usize, appends: usize) -> Figures {
    let file = File::create_new(path).expect("the folder is new");
    let zeros = vec![0; 1 << 20];
    for step in 0..(appends * 400 / zeros.len() + 1) {
        file.write_all_at(&zeros, (step * zeros.len()) as u64).expect("there is room");
    }
    file.sync_all().expect("the disk works");
    let (requests, mut queue) = mpsc::channel::<Request>(4096);
    let writer = std::thread::spawn(move || {
        let (mut offset, mut group, mut bytes) = (0, Vec::new(), Vec::new());
        while queue.blocking_recv_many(&mut group, 4096) > 0 {
            bytes.clear();
            for (body, _) in &group {
                bytes.extend((body.len() as u32).to_le_bytes());
                bytes.extend(crc32fast::hash(body).to_le_bytes());
                bytes.extend(body);
            }
            file.write_all_at(&bytes, offset).expect("there is room");
            file.sync_data().expect("the disk works");
            offset += bytes.len() as u64;
            for (_, done) in group.drain(..) {
                let _ = done.send(());
            }
        }
    });
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(appends / writers);
                for _ in 0..appends / writers {
                    let (name, event) = (format!("apply-{}", Uuid::new_v4()), event());
                    let sent = Instant::now();
                    let (done, wait) = oneshot::channel();
                    let mut body = event.id.as_bytes().to_vec();
                    body.extend(name.as_bytes());
                    body.extend(&event.data);
                    requests.send((body, done)).await.expect("the writer lives");
                    wait.await.expect("the writer answers");
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("no writer panics"));
    }
    let figures = Figures::of(latencies, started.elapsed());
    drop(requests);
    writer.join().expect("the writer does not panic");
    figures
}
