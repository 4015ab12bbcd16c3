//! A subscription made of reads and of the news that the head moved. It needs no buffer of its own:
//! a slow subscriber costs nothing and can miss nothing.

use std::future::Future;

use futures::stream;
use tokio::sync::watch;

use crate::{Batch, Position, ReadError, Subscription};

/// Follows a log by reading behind `after` whenever `head` is ahead of it.
pub(crate) fn follow<R, F>(
    after: Option<Position>,
    head: watch::Receiver<Option<Position>>,
    read: R,
) -> Subscription
where
    R: Fn(Option<Position>) -> F + Send + 'static,
    F: Future<Output = Result<Batch, ReadError>> + Send,
{
    // The first round reads even at the head, so that a subscriber hears at once that it caught up.
    Subscription::new(stream::unfold(Some((after, head, read, true)), |state| async {
        let (after, mut head, read, first) = state?;
        if !first && head.wait_for(|head| *head > after).await.is_err() {
            return None;
        }
        match read(after).await {
            Ok(batch) => {
                let after = batch.through.max(after);
                Some((Ok(batch), Some((after, head, read, false))))
            }
            Err(error) => Some((Err(error), None)),
        }
    }))
}
