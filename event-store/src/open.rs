use std::path::Path;
use std::sync::Arc;

use crate::{EmbeddedStore, EventStore, EventStoreDb, MemoryStore, OpenError};

/// Opens the store that a URL names.
///
/// | URL | store |
/// |---|---|
/// | `esdb://…`, `esdb+discover://…` | [`EventStoreDb`], a server or a cluster |
/// | `embedded:<folder>`, or just a path | [`EmbeddedStore`], a log in a folder, begun when there is none |
/// | `memory:` | [`MemoryStore`], forgotten with the process |
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// Every [`OpenError`] but [`OpenError::Missing`].
pub async fn open(url: &str) -> Result<Arc<dyn EventStore>, OpenError> {
    if is_remote(url) {
        return Ok(Arc::new(EventStoreDb::connect(url).await?));
    }
    if url == "memory:" {
        return Ok(Arc::new(MemoryStore::default()));
    }
    Ok(Arc::new(EmbeddedStore::open(folder(url))?))
}

/// Whether a URL names a server rather than a folder.
pub fn is_remote(url: &str) -> bool {
    url.starts_with("esdb://") || url.starts_with("esdb+discover://")
}

/// The folder that a URL names.
pub(crate) fn folder(url: &str) -> &Path {
    Path::new(url.strip_prefix("embedded:").unwrap_or(url))
}
