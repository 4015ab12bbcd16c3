//! Every setting. The doc comments are the text of `--help`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::calls::{BreakerSettings, PortSettings};
use crate::elearning::CONTEXTS;
use crate::payment_provider::Simulation;
use crate::policies::RunnerSettings;

/// Runs a business in which somebody applies, pays and receives: commands, policies and, unless told
/// otherwise, the read side, in one process on one folder.
///
/// Every option can also be set in the environment, as GIROK_ and its name in capitals.
#[derive(Debug, Clone, Parser)]
#[command(version, about, long_about)]
pub struct Config {
    /// Which business to run.
    #[arg(long, env = "GIROK_SYSTEM", default_value = "elearning")]
    pub system: System,

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

    /// The contexts to start with; the others can be started later (POST /contexts/NAME/start).
    #[arg(long, env = "GIROK_CONTEXTS", value_delimiter = ',', default_values = CONTEXTS, value_parser = CONTEXTS)]
    pub contexts: Vec<String>,

    /// Where the payment context answers, when not in this process.
    #[arg(long, env = "GIROK_PAYMENT_URL", value_name = "URL", value_parser = base_url)]
    pub payment_url: Option<String>,

    /// Where the delivery context answers, when not in this process.
    #[arg(long, env = "GIROK_DELIVERY_URL", value_name = "URL", value_parser = base_url)]
    pub delivery_url: Option<String>,

    /// How the call from apply to payment is guarded; what is left out keeps its default:
    /// timeout_ms=610,max_concurrent=1000,error_pct=50,min_calls=20,window_ms=10000,open_ms=5000
    #[arg(long, env = "GIROK_PAYMENT_CALL", value_name = "SETTINGS", default_value = "timeout_ms=610")]
    pub payment_call: Guard,

    /// How the call from payment to delivery is guarded, likewise.
    #[arg(long, env = "GIROK_DELIVERY_CALL", value_name = "SETTINGS", default_value = "timeout_ms=610")]
    pub delivery_call: Guard,

    /// How long the simulated payment provider takes, in milliseconds: 500, or 400..620 as in the
    /// documents.
    #[arg(long, env = "GIROK_PAY_DELAY", value_name = "MS[..MS]", default_value = "0")]
    pub pay_delay: Delay,

    /// How many of a hundred payments the simulated provider declines.
    #[arg(long, env = "GIROK_PAY_DECLINED_PCT", value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pub pay_declined_pct: u8,

    /// The simulated provider does not answer at all.
    #[arg(long, env = "GIROK_PAY_OUTAGE")]
    pub pay_outage: bool,

    /// How long a request may do by itself what a policy makes sure of, in milliseconds. Longer than
    /// both timeouts.
    #[arg(long, env = "GIROK_HEAD_START_MS", value_name = "MS", default_value_t = 2000)]
    pub head_start_ms: u64,

    /// How many reactions of one policy are carried out at once.
    #[arg(long, env = "GIROK_POLICY_CONCURRENCY", value_name = "N", default_value_t = 32, value_parser = positive)]
    pub policy_concurrency: usize,

    /// How logs are written.
    #[arg(long, env = "GIROK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What kind of service this is; logged with every application (SPEC 1.6).
    #[arg(long, env = "CFG_SERVICE_TYPE", default_value = "DEVELOP")]
    pub service_type: String,
}

/// The businesses that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// A student applies for course material, pays, and it is delivered.
    Elearning,
}

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
        let slowest = self.payment_call.0.timeout.max(self.delivery_call.0.timeout);
        if self.runner().head_start <= slowest {
            return Err(format!("--head-start-ms must be more than the timeout of both calls ({slowest:?})"));
        }
        if !self.listen.ip().is_loopback() && !self.without_auth {
            return Err(format!(
                "{} can be reached by others and nobody has to log in; say --without-auth if that is meant",
                self.listen
            ));
        }
        Ok(())
    }

    /// How the simulated provider behaves.
    pub fn simulation(&self) -> Simulation {
        let Delay(min_delay_ms, max_delay_ms) = self.pay_delay;
        Simulation {
            min_delay_ms,
            max_delay_ms,
            declined_pct: self.pay_declined_pct,
            outage: self.pay_outage,
        }
    }

    /// How policies are run.
    pub fn runner(&self) -> RunnerSettings {
        RunnerSettings {
            head_start: Duration::from_millis(self.head_start_ms),
            concurrency: self.policy_concurrency,
            ..RunnerSettings::default()
        }
    }
}

impl FromStr for Guard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let breaker = BreakerSettings::default();
        // The documents' library allowed ten calls at once, which is what limited them (SPEC 0.2).
        let mut port = PortSettings { timeout: Duration::from_millis(610), max_concurrent: 1000, breaker };
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
fn base_url(text: &str) -> Result<String, String> {
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
        assert!(config(&["--head-start-ms", "610"]).is_err());
        assert!(config(&["--listen", "0.0.0.0:8088"]).is_err());
        assert_eq!(config(&["--listen", "0.0.0.0:8088", "--without-auth"]), Ok(()));
    }

    #[test]
    fn the_help_is_well_formed() {
        use clap::CommandFactory;
        Config::command().debug_assert();
    }
}
