//! What can be set about e-learning alone. The doc comments are the text of `--help`.

use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches};

use super::{Parts, business};
use crate::business::{Business, Environment};
use crate::calls::CallSettings;
use crate::config::{Delay, Guard, base_url};
use crate::payment_provider::{Provider, SimulatedProvider, Simulation};

/// The settings of e-learning.
#[derive(Debug, Clone, Args)]
#[group(id = "elearning")]
#[command(next_help_heading = "Only of --system elearning")]
pub struct Settings {
    /// Where the payment context answers, when not in this process.
    #[arg(long, env = "GIROK_PAYMENT_URL", value_name = "URL", value_parser = base_url)]
    payment_url: Option<String>,

    /// Where the delivery context answers, when not in this process.
    #[arg(long, env = "GIROK_DELIVERY_URL", value_name = "URL", value_parser = base_url)]
    delivery_url: Option<String>,

    /// How the call from apply to payment is guarded; what is left out keeps its default:
    /// timeout_ms=610,max_concurrent=1000,error_pct=50,min_calls=20,window_ms=10000,open_ms=5000
    #[arg(long, env = "GIROK_PAYMENT_CALL", value_name = "SETTINGS", default_value = "timeout_ms=610")]
    payment_call: Guard,

    /// How the call from payment to delivery is guarded, likewise.
    #[arg(long, env = "GIROK_DELIVERY_CALL", value_name = "SETTINGS", default_value = "timeout_ms=610")]
    delivery_call: Guard,

    /// How long it is tried to take the money for an application, in seconds; then the payment is given
    /// up and the application cancelled.
    #[arg(long, env = "GIROK_GIVE_UP_AFTER_S", value_name = "SECONDS", default_value_t = 24 * 3600, value_parser = clap::value_parser!(u64).range(1..))]
    give_up_after_s: u64,

    /// How long the simulated payment provider takes, in milliseconds: 500, or 400..620 as in the
    /// documents. With 0 nobody is asked, and a payment is on the log together with its application.
    #[arg(long, env = "GIROK_PAY_DELAY", value_name = "MS[..MS]", default_value = "0")]
    pay_delay: Delay,

    /// How many of a hundred payments the simulated provider declines.
    #[arg(long, env = "GIROK_PAY_DECLINED_PCT", value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pay_declined_pct: u8,

    /// The simulated provider does not answer at all.
    #[arg(long, env = "GIROK_PAY_OUTAGE")]
    pay_outage: bool,

    /// What kind of service this is; logged with every application (SPEC 1.6).
    #[arg(long, env = "CFG_SERVICE_TYPE", default_value = "DEVELOP")]
    service_type: String,
}

/// Wires the business up as the command line says.
pub(super) fn wire(matches: &ArgMatches, mut environment: Environment) -> Result<Business, String> {
    let settings = Settings::from_arg_matches(matches).map_err(|error| error.to_string())?;
    let Delay(min_delay_ms, max_delay_ms) = settings.pay_delay;
    let (declined_pct, outage) = (settings.pay_declined_pct, settings.pay_outage);
    let simulation = Simulation { min_delay_ms, max_delay_ms, declined_pct, outage };
    let parts = Parts {
        provider: Provider::Simulated(Arc::new(SimulatedProvider::new(simulation))),
        payment: CallSettings { url: settings.payment_url, port: settings.payment_call.0 },
        delivery: CallSettings { url: settings.delivery_url, port: settings.delivery_call.0 },
        service_type: settings.service_type.into(),
    };
    environment.runner.in_time = Duration::from_secs(settings.give_up_after_s);
    environment.check_head_start([&parts.payment, &parts.delivery])?;
    Ok(business(parts, environment))
}
