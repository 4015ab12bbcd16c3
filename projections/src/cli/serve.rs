use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::serve as serve_http;
use axum::{Json, Router};
use projections::ReadSide;
use tokio::net::TcpListener;

use super::{Failure, Place, Verdict, until_told};

/// How long answers that are under way may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) async fn run(place: Place) -> Result<Verdict, Failure> {
    let stop = until_told()?;
    let side = ReadSide::start(place.store, place.database, &place.system, stop).await?;
    side.stopped().await;
    let stopped = side.status().await.into_iter().filter_map(|status| Some((status.name, status.stopped?)));
    let mut verdict = Verdict::Well;
    for (name, reason) in stopped {
        eprintln!("error: {name} stopped: {reason}");
        verdict = Verdict::NotWell;
    }
    Ok(verdict)
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
