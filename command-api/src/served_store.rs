//! Settings: other processes join this one's log.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use event_store::protocol;

/// How the events of this process are served to others.
#[derive(Debug, Clone, Args)]
pub struct ServedStore {
    /// Lets other processes join: serves the events of this one at an address, in the EventStoreDB
    /// protocol (127.0.0.1:2113).
    #[arg(long = "serve-store", env = "GIROK_SERVE_STORE", value_name = "ADDRESS")]
    pub at: Option<SocketAddr>,

    /// A file with the certificate chain, PEM: others then join over TLS only.
    #[arg(
        long = "serve-store-tls-cert",
        env = "GIROK_SERVE_STORE_TLS_CERT",
        value_name = "FILE",
        requires = "key"
    )]
    pub certificates: Option<PathBuf>,

    /// A file with the private key, PEM.
    #[arg(
        long = "serve-store-tls-key",
        env = "GIROK_SERVE_STORE_TLS_KEY",
        value_name = "FILE",
        requires = "certificates"
    )]
    pub key: Option<PathBuf>,

    /// The user that others must be. The password is in --serve-store-password-file, or in
    /// GIROK_SERVE_STORE_PASSWORD.
    #[arg(long = "serve-store-user", env = "GIROK_SERVE_STORE_USER", value_name = "NAME")]
    pub user: Option<String>,

    /// A file with the password of that user.
    #[arg(
        long = "serve-store-password-file",
        env = "GIROK_SERVE_STORE_PASSWORD_FILE",
        value_name = "FILE",
        requires = "user"
    )]
    pub password_file: Option<PathBuf>,
}

impl ServedStore {
    /// User and password that others must know.
    ///
    /// # Errors
    /// When there is a user and no password.
    pub fn credentials(&self) -> io::Result<Option<(String, String)>> {
        let Some(user) = &self.user else { return Ok(None) };
        let password = protocol::password(self.password_file.as_deref(), "GIROK_SERVE_STORE_PASSWORD")?;
        Ok(Some((user.clone(), password)))
    }

    /// Certificate and key.
    ///
    /// # Errors
    /// When they cannot be read or do not fit.
    pub fn tls(&self) -> Result<Option<protocol::Tls>, protocol::TlsError> {
        let files = self.certificates.as_ref().zip(self.key.as_ref());
        files.map(|(certificates, key)| protocol::Tls::from_files(certificates, key)).transpose()
    }

    /// Nobody beyond this machine can read along or write, or nobody there can reach it.
    pub(crate) fn is_guarded(&self) -> bool {
        self.at.is_none_or(|at| at.ip().is_loopback()) || (self.user.is_some() && self.certificates.is_some())
    }
}
