use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::serve as serve_http;
use axum::{Json, Router};
use backon::{ExponentialBuilder, Retryable};
use projections::{Database, OpenError, ReadSide, Sharing, share};
use tokio::net::TcpListener;

use super::{Failure, Place, Verdict, until_told};

/// How long answers that are under way may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The database, as soon as it answers; `None` when the process is told to stop before.
pub(super) async fn database(url: &str) -> Result<Option<Database>, Failure> {
    let stop = until_told()?;
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times();
    let opening = (|| Database::open(url))
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .when(|error| matches!(error, OpenError::Unavailable(_)))
        .notify(|error, delay| tracing::warn!(%error, ?delay, "waits for the database"));
    tokio::select! {
        () = stop.cancelled() => Ok(None),
        opened = opening.into_future() => Ok(Some(opened?)),
    }
}

pub(super) async fn run(place: Place, lease: u64) -> Result<Verdict, Failure> {
    let stop = until_told()?;
    let sharing = Sharing {
        holder: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4()),
        lease: Duration::from_millis(lease),
    };
    share(place.store, place.database, &place.system, sharing, stop).await;
    Ok(Verdict::Well)
}

pub(super) async fn serve(place: Place, listen: SocketAddr) -> Result<Verdict, Failure> {
    let stop = until_told()?;
    let side = Arc::new(ReadSide::observe(place.store, place.database, &place.system, stop.clone()));
    let (status, measured) = (Arc::clone(&side), Arc::clone(&side));
    let router = Router::new()
        .merge(side.router())
        .route("/healthz", get(async || "UP"))
        .route("/status", get(async move || Json(status.status().await)))
        .route("/metrics", get(async move || measured.metrics().await + "# EOF\n"));
    let listener = TcpListener::bind(listen).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let serving = serve_http(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving.into_future() => served?,
        () = deadline => {}
    }
    side.stopped().await;
    Ok(Verdict::Well)
}
