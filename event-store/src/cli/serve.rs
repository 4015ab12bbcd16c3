//! `serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use event_store::protocol::{self, Settings, Tls, password};
use event_store::{is_remote, open};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Format};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the event store; begun when there is none.
    log: String,
    /// Where to listen; port 0 takes any.
    #[arg(long, env = "GIROK_STORE_LISTEN", default_value = "127.0.0.1:2113")]
    listen: SocketAddr,
    /// A file with the certificate chain, PEM.
    #[arg(long, env = "GIROK_STORE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// A file with the private key, PEM.
    #[arg(long, env = "GIROK_STORE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The user that clients must be. The password is in --password-file, or in GIROK_STORE_PASSWORD.
    #[arg(long, env = "GIROK_STORE_USER")]
    user: Option<String>,
    /// A file with the password of that user.
    #[arg(long, env = "GIROK_STORE_PASSWORD_FILE", value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Listens beyond this machine although nobody is asked for a password.
    #[arg(long)]
    without_password: bool,
    /// How to say where it listens.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let credentials = match arguments.user {
        Some(user) => Some((user, password(arguments.password_file.as_deref(), "GIROK_STORE_PASSWORD")?)),
        None => None,
    };
    if is_remote(&arguments.log) {
        return Err(Failure::Input("a server serves its own folder".to_owned()));
    }
    if credentials.is_none() && !arguments.listen.ip().is_loopback() && !arguments.without_password {
        let reason = "needs --user and its password, or --without-password";
        return Err(Failure::Input(format!("listening on {} {reason}", arguments.listen)));
    }
    let tls = match arguments.tls_cert.zip(arguments.tls_key) {
        Some((certificates, key)) => Some(Tls::from_files(&certificates, &key)?),
        None => None,
    };
    let store = open(&arguments.log).await?;
    let (router, stop) = protocol::router(store, Settings { credentials }).await?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let address = listener.local_addr()?;
    match arguments.format {
        Format::Text => writeln!(io::stdout().lock(), "listening on {address}")?,
        Format::Json => writeln!(io::stdout().lock(), "{}", json!({ "listening": address.to_string() }))?,
    }
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.now();
    };
    protocol::serve(listener, router, tls, shutdown).await?;
    Ok(())
}
