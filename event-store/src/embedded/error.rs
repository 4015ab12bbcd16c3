use std::io;
use std::path::PathBuf;

/// Why a store does not open. The files of an embedded one are as they were.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store in this one, has the folder open.
    #[error("the event store in {} is open in another process; stop that one first", .0.display())]
    Locked(PathBuf),
    /// The files were written by another version.
    #[error("{} has format version {found}; this program knows version {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version this program reads and writes.
        known: u32,
    },
    /// What was acknowledged once is not there any more: not a torn write, but damage.
    #[error("{} is damaged at offset {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// There is no event store in this folder.
    #[error("there is no event store in {}", .0.display())]
    Missing(PathBuf),
    /// This is not the URL of a store.
    #[error("the URL of the event store is not valid: {0}")]
    Url(String),
    /// The server does not answer, or not as it should.
    #[error("the event store cannot be reached: {0}")]
    Unreachable(String),
    /// The disk failed or a file cannot be used.
    #[error("the event store cannot be opened: {0}")]
    Io(#[from] io::Error),
}
