use crate::Position;

/// Why an append did not happen. Nothing of it is in the log, except where
/// [`AppendError::Unknown`] says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The stream is not where the writer thought. Load it again and decide again.
    #[error("the stream is at {}, not where the writer expected it", at(*actual))]
    WrongRevision {
        /// The revision of the stream's last event; `None` when it has none.
        actual: Option<u64>,
    },
    /// The events cannot be stored as they are (no events, a name or a payload over the limits).
    #[error("the append is not acceptable: {0}")]
    Invalid(String),
    /// The disk is full. Nothing was written; the same append may succeed later.
    #[error("the disk is full")]
    Full,
    /// The writer stopped or the store cannot be reached. Nothing was written.
    #[error("the event store takes no writes: {0}")]
    Unavailable(String),
    /// The connection or the disk failed in the middle: the append may or may not be in the log.
    /// Appending the same event ids again at the same revision tells.
    #[error("the outcome of the append is unknown: {0}")]
    Unknown(String),
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A position that this log has never given out: it is from another log, or this one was
    /// restored from an older copy.
    #[error(
        "position {asked} is beyond the end of the log ({}): the checkpoint is of another log, or this one was \
         restored from an older copy. Restore a newer copy, or compute again from the beginning what was \
         computed up to there",
        at(head.map(|p| p.0))
    )]
    BeyondHead {
        /// The position asked for.
        asked: Position,
        /// The last position of the log.
        head: Option<Position>,
    },
    /// The bytes on disk are not what was written.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The store cannot be reached or the file cannot be read.
    #[error("the event store cannot be read: {0}")]
    Unavailable(String),
}

fn at(number: Option<u64>) -> String {
    number.map_or_else(|| "nothing yet".to_owned(), |number| number.to_string())
}
