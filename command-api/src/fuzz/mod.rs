//! What must stand any bytes from outside: requests, what is stored of a business, settings.
//!
//! It exists for tests and the fuzzer only: they reach through it what nobody else may.

mod facts;
mod http;
mod records;
mod settings;
#[path = "../../fuzz/trial.rs"]
mod trial;

trial::targets! {
    elearning: http::elearning, 400;
    rentcar: http::rentcar, 400;
    facts: facts::happen, 3000;
    records: records::are_read, 5000;
    settings: settings::are_read, 5000;
}
