//! The embedded store keeps the contract, with ordinary segments and with tiny ones that make it
//! roll, seal and read indexes all the time.

use std::sync::Arc;

use event_store::{EmbeddedStore, Options};

mod with_the_defaults {
    use super::*;

    event_store::contract!(async {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(EmbeddedStore::open(folder.path()).unwrap()), folder)
    });
}

mod with_tiny_segments_and_nothing_in_memory {
    use super::*;

    event_store::contract!(async {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new().segment_bytes(4096).recent_bytes(0);
        (Arc::new(options.open(folder.path()).unwrap()), folder)
    });
}
