//! What can be set about car rental alone. The doc comments are the text of `--help`.

use clap::{ArgMatches, Args, FromArgMatches};

use super::{Parts, business};
use crate::business::{Business, Environment};
use crate::calls::CallSettings;
use crate::config::{Delay, Guard, base_url};

/// The settings of car rental.
#[derive(Debug, Clone, Args)]
#[group(id = "rentcar")]
#[command(next_help_heading = "Only of --system rentcar")]
pub struct Settings {
    /// Where the car context answers, when not in this process.
    #[arg(long, env = "GIROK_CAR_URL", value_name = "URL", value_parser = base_url)]
    car_url: Option<String>,

    /// How the call from reservation to car is guarded; what is left out keeps its default:
    /// timeout_ms=1000,max_concurrent=1000,error_pct=50,min_calls=20,window_ms=10000,open_ms=5000
    #[arg(long, env = "GIROK_CAR_CALL", value_name = "SETTINGS", default_value = "", value_parser = car_call)]
    car_call: Guard,

    /// How much longer the car context takes to answer, in milliseconds: 500, or 800..1100 as in the
    /// documents.
    #[arg(long, env = "GIROK_CAR_DELAY", value_name = "MS[..MS]", default_value = "0")]
    car_delay: Delay,
}

fn car_call(text: &str) -> Result<Guard, String> {
    Guard::read(text, 1000)
}

/// Wires the business up as the command line says.
pub(super) fn wire(matches: &ArgMatches, environment: Environment) -> Result<Business, String> {
    let settings = Settings::from_arg_matches(matches).map_err(|error| error.to_string())?;
    let car = CallSettings { url: settings.car_url, port: settings.car_call.0 };
    environment.check_head_start([&car])?;
    Ok(business(Parts { car, car_delay: settings.car_delay }, environment))
}
