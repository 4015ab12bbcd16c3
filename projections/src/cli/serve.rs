use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::serve as serve_http;
use axum::{Json, Router};
use projections::{ReadSide, Sharing, share};
use tokio::net::TcpListener;

use super::{Failure, Place, Verdict, until_told};

/// How long answers that are under way may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

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
    let status = Arc::clone(&side);
    let router = Router::new()
        .merge(side.router())
        .route("/healthz", get(async || "UP"))
        .route("/status", get(async move || Json(status.status().await)));
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
