use event_store::ReadError;

use crate::checkpoint::Refused;
use crate::projection::Undecodable;

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed; the next step asks it again.
    #[error("the event store: {0}")]
    Store(ReadError),
    /// The database failed and nothing was written; the next step tries the same batch again.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// An event cannot be read although it could before.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The database lost its last commits; the next step goes on from what it has.
    #[error("the rows of {0} went back: the database lost its last commits, or they were replaced")]
    WentBack(&'static str),
    /// Another process works on a partition of this one now; nothing was written.
    #[error("a part of {0} went to another process")]
    LeaseLost(&'static str),
    /// The checkpoint does not fit.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl StepError {
    /// Whether another try may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Store(ReadError::Unavailable(_)) | Self::Database(_) | Self::WentBack(_))
    }

    /// The same failure of the store, as this projection sees it.
    pub(crate) fn of_store(projection: &'static str, error: ReadError) -> Self {
        match error {
            ReadError::BeyondHead { asked: at, head } => Refused::BeyondHead { projection, at, head }.into(),
            ReadError::Damaged(_) | ReadError::Unavailable(_) => Self::Store(error),
        }
    }
}
