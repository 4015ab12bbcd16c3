use domain::kernel::DecodeError;
use event_store::{AppendError, ReadError};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The business says no.
    #[error("{0}")]
    Refused(R),
    /// The stream is not at the revision that the caller asked for; it is at this one.
    #[error("the revision is not the expected one")]
    Precondition(Option<u64>),
    /// It is not the business that says no.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Why nobody could decide, or why the decision could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Somebody else was faster, again and again.
    #[error("too many others decide on the same stream")]
    Contended,
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// An event on the log is not what was promised.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Trouble {
    /// Whether the same command may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Contended => true,
            Self::Read(ReadError::Unavailable(_)) => true,
            Self::Read(ReadError::BeyondHead { .. } | ReadError::Damaged(_)) => false,
            Self::Append(AppendError::Invalid(_)) => false,
            Self::Append(_) => true,
            Self::Decode(_) => false,
        }
    }
}
