//! What must stand any bytes from outside: requests and settings.
//!
//! It exists for tests and the fuzzer only: they reach through it what nobody else may.

mod http;
mod settings;
#[path = "../../fuzz/trial.rs"]
mod trial;

trial::targets! {
    elearning: http::elearning, 150;
    rentcar: http::rentcar, 150;
    settings: settings::are_read, 5000;
}
