//! Every setting. The doc comments are the text of `--help`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::business::{SYSTEMS, System};
use crate::calls::{BreakerSettings, PortSettings};
use crate::context::Contexts;
use crate::desk;
use crate::policies::RunnerSettings;
use crate::served_store::ServedStore;

/// Runs a business in which somebody applies, pays and receives: commands, policies and, unless told
/// otherwise, the read side, in one process on one folder.
///
/// Every option can also be set in the environment, as GIROK_ and its name in capitals.
#[derive(Debug, Clone, Parser)]
#[command(version, about, long_about)]
pub struct Config {
    /// Which business to run.
    #[arg(long, env = "GIROK_SYSTEM", default_value = SYSTEMS[0].name, value_parser = SYSTEMS.map(|system| system.name))]
    pub system: String,

    /// The address to listen on.
    #[arg(long, env = "GIROK_LISTEN", default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,

    /// Listen on an address that others can reach although nobody has to log in.
    #[arg(long, env = "GIROK_WITHOUT_AUTH")]
    pub without_auth: bool,

    /// The folder of the embedded event store and of the SQLite read model.
    #[arg(long, env = "GIROK_DATA", default_value = "data")]
    pub data: PathBuf,

    /// The database of the read models. Default: read-model.db in the data folder.
    #[arg(long, env = "GIROK_READ_MODEL", value_name = "URL")]
    pub read_model: Option<String>,

    /// Where events are kept: a folder, or esdb://… for a server or a cluster that several processes
    /// share. Default: events in the data folder.
    #[arg(long, env = "GIROK_STORE", value_name = "URL")]
    pub store: Option<String>,

    /// How other processes join.
    #[command(flatten)]
    pub served: ServedStore,

    /// Leaves lists and MyPage to other processes (projections run, projections serve).
    #[arg(long, env = "GIROK_WITHOUT_READ_SIDE")]
    pub without_read_side: bool,

    /// The contexts to start with, all by default; the others can be started later
    /// (POST /contexts/NAME/start).
    #[arg(long, env = "GIROK_CONTEXTS", value_delimiter = ',', value_name = "NAMES")]
    pub contexts: Option<Vec<String>>,

    /// How long a request may do by itself what a policy makes sure of, in milliseconds. Longer than
    /// the timeouts of its calls.
    #[arg(long, env = "GIROK_HEAD_START_MS", value_name = "MS", default_value_t = RunnerSettings::default().head_start.as_millis() as u64)]
    pub head_start_ms: u64,

    /// How many reactions of one policy are carried out at once.
    #[arg(long, env = "GIROK_POLICY_CONCURRENCY", value_name = "N", default_value_t = RunnerSettings::default().concurrency, value_parser = positive)]
    pub policy_concurrency: usize,

    /// How logs are written.
    #[arg(long, env = "GIROK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How long a process that died keeps the others from running its policies.
const LEASE: Duration = Duration::from_secs(5);

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How a synchronous call is guarded, as `name=number,…`.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard(pub PortSettings);

/// How long something takes, as `MS` or `MS..MS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay(pub u64, pub u64);

impl Config {
    /// What the settings say together, beyond what each says alone.
    ///
    /// # Errors
    /// What does not fit together, for the person who set it.
    pub fn check(&self) -> Result<(), String> {
        let known = self.system().contexts;
        for name in self.contexts.iter().flatten() {
            if !known.contains(&name.as_str()) {
                return Err(format!("{name} is no context of {}: {}", self.system, known.join(", ")));
            }
        }
        if !self.listen.ip().is_loopback() && !self.without_auth {
            return Err(format!(
                "{} can be reached by others and nobody has to log in; say --without-auth if that is meant",
                self.listen
            ));
        }
        if let Some(at) = self.served.at.filter(|_| !self.served.is_guarded() && !self.without_auth) {
            return Err(format!(
                "{at} can be reached by others: --serve-store needs --serve-store-tls-cert and -key, \
                 --serve-store-user and a password; say --without-auth if it is meant to be open"
            ));
        }
        if self.served.at.is_some() && self.store.as_deref().is_some_and(event_store::is_remote) {
            return Err("--serve-store needs a store of its own, and --store is somebody else's".to_owned());
        }
        Ok(())
    }

    /// Reads the command line, the settings of every business included.
    pub fn from_command_line() -> (Self, ArgMatches) {
        let matches = Self::with_all_settings().get_matches();
        let config = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        (config, matches)
    }

    /// The settings of the process and of every business. What the program is about is said here, and
    /// not by the business that came last.
    fn with_all_settings() -> Command {
        let own = Self::command();
        let (about, long) = (own.get_about().cloned(), own.get_long_about().cloned());
        let all = SYSTEMS.iter().fold(own, |command, system| (system.settings)(command));
        let all = all.subcommand(desk::command());
        all.about(about.unwrap_or_default()).long_about(long.unwrap_or_default())
    }

    /// The business to run.
    pub fn system(&self) -> &'static System {
        System::find(&self.system).expect("the command line takes no other name")
    }

    /// The contexts of the business, and which of them run at first.
    pub fn contexts(&self) -> Contexts {
        let runs =
            |name: &str| self.contexts.as_ref().is_none_or(|running| running.iter().any(|it| it == name));
        Contexts::new(self.system().contexts, runs)
    }

    /// The URL of the event store.
    pub fn store_url(&self) -> String {
        self.store.clone().unwrap_or_else(|| self.data.join("events").display().to_string())
    }

    /// How policies are run. Only where other processes may run them too is a lease worth its events.
    pub fn runner(&self) -> RunnerSettings {
        let shared = self.served.at.is_some() || event_store::is_remote(&self.store_url());
        RunnerSettings {
            lease: shared.then_some(LEASE),
            head_start: Duration::from_millis(self.head_start_ms),
            concurrency: self.policy_concurrency,
            ..RunnerSettings::default()
        }
    }
}

impl FromStr for Guard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, 610)
    }
}

impl Guard {
    /// Reads the settings of a call that is to be answered in so many milliseconds, unless they say
    /// otherwise.
    ///
    /// # Errors
    /// The setting that makes no sense.
    pub fn read(text: &str, timeout_ms: u64) -> Result<Self, String> {
        let breaker = BreakerSettings::default();
        let timeout = Duration::from_millis(timeout_ms);
        // The documents' library allowed ten calls at once, which is what limited them (SPEC 0.2).
        let mut port = PortSettings { timeout, max_concurrent: 1000, breaker };
        for setting in text.split(',').filter(|setting| !setting.is_empty()) {
            let (name, number) = setting.split_once('=').ok_or(format!("{setting} is not name=number"))?;
            let number: u32 = number.parse().map_err(|_| format!("{number} is not a number for {name}"))?;
            let ms = Duration::from_millis(number.into());
            match name {
                _ if number == 0 => return Err(format!("{name} must be more than zero")),
                "timeout_ms" => port.timeout = ms,
                "max_concurrent" => port.max_concurrent = number as usize,
                "error_pct" => port.breaker.error_pct = number,
                "min_calls" => port.breaker.min_calls = number,
                "window_ms" => port.breaker.window = ms,
                "open_ms" => port.breaker.open = ms,
                _ => return Err(format!("{name} is no setting of a call")),
            }
        }
        Ok(Self(port))
    }
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
        let number =
            |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is not a number of milliseconds"));
        let (shortest, longest) = (number(shortest)?, number(longest)?);
        if shortest > longest {
            Err(format!("{text} ends before it begins"))
        } else {
            Ok(Self(shortest, longest))
        }
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or(format!("{text} is not a number above zero"))
}

/// A base URL without its last slash. Calls between contexts are plain HTTP for now.
pub(crate) fn base_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host()) {
        ("http", Some(_)) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("must be an http:// URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_keeps_the_defaults_of_the_documents_where_nothing_is_said() {
        let Guard(port) = "max_concurrent=10,open_ms=100".parse().unwrap();
        assert_eq!((port.timeout, port.max_concurrent), (Duration::from_millis(610), 10));
        let open = Duration::from_millis(100);
        assert_eq!(port.breaker, BreakerSettings { open, ..BreakerSettings::default() });
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_named() {
        for (text, named) in
            [("timeout=1", "timeout"), ("timeout_ms=0", "zero"), ("timeout_ms=x", "x"), ("x", "x")]
        {
            assert!(text.parse::<Guard>().unwrap_err().contains(named), "{text}");
        }
        assert!("620..400".parse::<Delay>().is_err());
        assert_eq!("400..620".parse(), Ok(Delay(400, 620)));
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        let config = |arguments: &[&str]| Config::parse_from([&["command-api"], arguments].concat()).check();
        assert_eq!(config(&[]), Ok(()));
        assert_eq!(config(&["--system", "rentcar", "--contexts", "car,rental"]), Ok(()));
        assert!(config(&["--contexts", "car"]).is_err(), "a context of another business");
        assert!(config(&["--listen", "0.0.0.0:8088"]).is_err());
        assert_eq!(config(&["--listen", "0.0.0.0:8088", "--without-auth"]), Ok(()));
        let served = ["--serve-store", "0.0.0.0:2113", "--serve-store-user", "others"];
        let tls = ["--serve-store-tls-cert", "server.pem", "--serve-store-tls-key", "server.key"];
        for open in [&served[..2], &served, &[&served[..2], &tls].concat()] {
            assert!(config(open).unwrap_err().contains("--serve-store-tls-cert"), "{open:?}");
        }
        assert_eq!(config(&[&served[..], &tls].concat()), Ok(()));
        assert_eq!(config(&[&served[..2], &["--without-auth"]].concat()), Ok(()));
        assert!(config(&["--store", "esdb://a:2113", "--serve-store", "127.0.0.1:2113"]).is_err());
    }

    #[test]
    fn the_help_is_well_formed() {
        Config::with_all_settings().debug_assert();
        let help = Config::with_all_settings().render_long_help().to_string();
        assert!(help.starts_with("Runs a business"), "{help}");
    }
}
