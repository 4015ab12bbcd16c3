//! What operators type.

mod arguments;
mod migrate;
mod parked;
mod replay;
mod say;
mod serve;
mod status;
mod when;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use event_store::EventStore;
use projections::{Database, Projection, System};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command};

/// Why a command did not do what it should; printed as it is.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whether all is well: what scripts ask by the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    NotWell,
}

pub(crate) async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("GIROK_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr).init();
    match perform(arguments).await {
        Ok(Verdict::Well) => ExitCode::SUCCESS,
        Ok(Verdict::NotWell) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(arguments: Arguments) -> Result<Verdict, Failure> {
    let Arguments { command, format, system, store, read_model } = arguments;
    if let Command::Completions { shell } = command {
        clap_complete::generate(shell, &mut Arguments::command(), "projections", &mut std::io::stdout());
        return Ok(Verdict::Well);
    }
    if let Command::Migrate { moved_from } = command {
        let database = Database::open(&read_model).await?;
        match moved_from {
            Some(old) => migrate::adopt(&*log(&old).await?, &*log(&store).await?, &database, format).await?,
            None => migrate::tables(&database, format)?,
        }
        return Ok(Verdict::Well);
    }
    let store = log(&store).await?;
    let system = System::find(&system).expect("the command line takes no other name");
    if let Command::Check = command {
        return status::check(&*store, &system, format).await;
    }
    if let Command::Explain { projection, id } = &command {
        named(&system, projection)?;
        return status::explain(&*store, &system, id, format).await;
    }
    let database = match &command {
        Command::Serve { .. } => Database::open_to_read(&read_model).await?,
        Command::Run { .. } => match serve::database(&read_model).await? {
            Some(database) => database,
            None => return Ok(Verdict::Well),
        },
        _ => Database::open(&read_model).await?,
    };
    let place = Place { store, database, system };
    match command {
        Command::Run { lease } => serve::run(place, lease).await,
        Command::Serve { listen } => serve::serve(place, listen).await,
        Command::Status => status::status(&place, format).await,
        Command::Replay(arguments) => replay::replay(&place, &arguments, format).await,
        Command::Verify { projection } => replay::verify(&place, &projection, format).await,
        Command::Rollback { projection } => replay::rollback(&place, &projection, format).await,
        Command::Discard { projection, position } => {
            replay::discard(&place, &projection, position, format).await
        }
        Command::Parked { order } => parked::parked(&place, order, format).await,
        Command::Completions { .. } | Command::Migrate { .. } | Command::Check | Command::Explain { .. } => {
            Ok(Verdict::Well)
        }
    }
}

/// The log at this address, only to be read.
async fn log(address: &str) -> Result<Arc<dyn EventStore>, projections::LogError> {
    match event_store::is_remote(address) {
        true => Ok(event_store::open(address).await?),
        false => projections::open_log(address),
    }
}

/// The log, the rows, and whose they are.
struct Place {
    store: Arc<dyn EventStore>,
    database: Database,
    system: System,
}

impl Place {
    fn projection(&self, name: &str) -> Result<Arc<dyn Projection>, Failure> {
        named(&self.system, name)
    }
}

fn named(system: &System, name: &str) -> Result<Arc<dyn Projection>, Failure> {
    system.projection(name).ok_or_else(|| {
        let known: Vec<_> = system.projections().iter().map(|projection| projection.name()).collect();
        format!("there is no projection `{name}`; there are: {}", known.join(", ")).into()
    })
}

/// Fires at the first Ctrl-C or SIGTERM; what is under way ends in order.
fn until_told() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(token)
}
