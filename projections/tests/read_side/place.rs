//! Where the rows of a test are: a SQLite file of its own.

use tempfile::TempDir;

pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("read.db").display())
    }
}
