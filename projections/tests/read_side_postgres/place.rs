//! Where the rows of a test are: a Postgres database of its own.

use crate::cluster::Cluster;

pub(crate) struct Place {
    _cluster: Option<Cluster>,
    url: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::shared();
        let url = cluster.database();
        Self { _cluster: Some(cluster), url }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Place {
    /// In a cluster of which the caller takes care.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self { _cluster: None, url: cluster.database() }
    }
}
