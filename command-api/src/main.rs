//! The main job: settings → store → read side → application → serve → drain. Alone it runs
//! everything on one machine.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ArgMatches;
use command_api::app::{App, AppParts, ProjectionHealth, ReadSide, ReadSideMetrics};
use command_api::business::Environment;
use command_api::config::Config;
use command_api::desk;
use command_api::execute::wall_clock;
use command_api::logs::Logs;
use event_store::{EventStore, protocol};
use futures::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Many small values are made on one thread and dropped on another a while later, which this one does
/// quickly and in little memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, matches) = Config::from_command_line();
    if let Some((desk::PARKED, order)) = matches.subcommand() {
        return desk::parked(order).await;
    }
    if let Err(error) = config.check() {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    let _logs = Logs::begin(config.log_format);
    match run(config, &matches).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signal(shutdown.clone()).context("signals cannot be heard")?;
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("{} cannot be made", config.data.display()))?;
    let store = event_store::open(&config.store_url()).await?;
    let served = serve_store(&config, Arc::clone(&store), shutdown.clone()).await?;
    let read_side = match config.without_read_side {
        true => None,
        false => Some(read_side(&config, Arc::clone(&store), shutdown.clone()).await?),
    };
    let environment = Environment {
        store: Arc::clone(&store),
        clock: wall_clock(),
        contexts: config.contexts(),
        runner: config.runner(),
    };
    let business = (config.system().wire)(matches, environment).map_err(anyhow::Error::msg)?;
    let app = App::new(AppParts {
        store,
        business,
        read_side: read_side.clone().map(|read_side| ReadSide {
            router: read_side.router(),
            metrics: measures_of(Arc::clone(&read_side)),
            status: Arc::new(move || projections_of(Arc::clone(&read_side)).boxed()),
        }),
        shutdown: shutdown.clone(),
    });
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("{} cannot be listened on", config.listen))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    app.serve(listener).await?;
    if let Some(read_side) = read_side {
        read_side.stopped().await;
    }
    if let Some(served) = served {
        served.await??;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Lets other processes at the events of this one, where that is wanted.
async fn serve_store(
    config: &Config,
    store: Arc<dyn EventStore>,
    shutdown: CancellationToken,
) -> anyhow::Result<Option<JoinHandle<std::io::Result<()>>>> {
    let Some(address) = config.served.at else { return Ok(None) };
    let tls = config.served.tls().context("the event store cannot be served over TLS")?;
    let settings = protocol::Settings { credentials: config.served.credentials()? };
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("{address} cannot be listened on"))?;
    let (router, stop) = protocol::router(store, settings).await?;
    tracing::info!("the event store answers at esdb://{}?tls={}", listener.local_addr()?, tls.is_some());
    let stopped = async move {
        shutdown.cancelled().await;
        stop.now();
    };
    Ok(Some(tokio::spawn(protocol::serve(listener, router, tls, stopped))))
}

/// The projections of the system and their queries: the one place that knows the read side.
async fn read_side(
    config: &Config,
    store: Arc<dyn EventStore>,
    shutdown: CancellationToken,
) -> anyhow::Result<Arc<projections::ReadSide>> {
    let file = || format!("sqlite:{}", config.data.join("read-model.db").display());
    let url = config.read_model.clone().unwrap_or_else(file);
    let system = projections::System::find(&config.system);
    let system = system.with_context(|| format!("nobody has made a read side for {}", config.system))?;
    Ok(Arc::new(projections::ReadSide::open(store, &url, &system, shutdown).await?))
}

fn measures_of(read_side: Arc<projections::ReadSide>) -> ReadSideMetrics {
    Arc::new(move || {
        let read_side = Arc::clone(&read_side);
        async move { read_side.metrics().await }.boxed()
    })
}

async fn projections_of(read_side: Arc<projections::ReadSide>) -> Vec<ProjectionHealth> {
    let health = |status: projections::ProjectionStatus| ProjectionHealth {
        stopped: status.stopped.as_ref().map(|reason| format!("{}: {reason}", status.name)),
        warning: status
            .unhealthy
            .as_ref()
            .filter(|_| status.stopped.is_none())
            .map(|reason| format!("projection {}: {reason}", status.name)),
        details: serde_json::to_value(&status).unwrap_or_default(),
    };
    read_side.status().await.into_iter().map(health).collect()
}

/// SIGTERM and SIGINT ask for a stop: not ready, drain, exit 0. The second one is obeyed at once.
fn stop_on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        for patience in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !patience {
                std::process::exit(130);
            }
            tracing::info!("asked to stop");
            shutdown.cancel();
        }
    });
    Ok(())
}
