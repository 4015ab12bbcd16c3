//! What an operator does from a terminal: asks a running process over HTTP.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use crate::config::base_url;

/// The name of the subcommand.
pub const PARKED: &str = "parked";

/// Lists what policies could not carry out, and orders what to do about it.
#[derive(Debug, Args)]
struct Parked {
    /// Where a process of the system answers; any will do.
    #[arg(long, global = true, env = "GIROK_URL", default_value = "http://127.0.0.1:8088", value_parser = base_url)]
    url: String,

    /// How to print.
    #[arg(long, global = true, default_value = "text")]
    format: Format,

    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// What is parked, and why; exit code 1 when there is something.
    List {
        /// Of this policy only.
        policy: Option<String>,
    },
    /// Carries out everything that is parked under a key again, in order.
    Retry(What),
    /// Leaves out the first that is parked under a key, for good, and carries out the rest.
    Skip(What),
}

#[derive(Debug, Args)]
struct What {
    /// The policy.
    policy: String,
    /// The key, as `list` prints it.
    key: String,
    /// Who orders it.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The subcommand for the command line.
pub fn command() -> Command {
    Parked::augment_args(Command::new(PARKED)).arg_required_else_help(true)
}

/// Does what the subcommand says: exit code 0 when all is well, 1 when something is parked or the order
/// was not taken.
pub async fn parked(matches: &ArgMatches) -> ExitCode {
    let done = match Parked::from_arg_matches(matches) {
        Ok(parked) => perform(&parked).await,
        Err(error) => error.exit(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(Parked { url, format, order }: &Parked) -> anyhow::Result<ExitCode> {
    let (what, order) = match order {
        Order::List { policy } => return list(url, *format, policy.as_deref()).await,
        Order::Retry(what) => (what, "retry"),
        Order::Skip(what) => (what, "skip"),
    };
    let path = ["policies", &what.policy, "parked", &what.key, order];
    let taken = ask(Method::POST, url, &path, json!({ "by": what.by })).await?;
    let reactions = taken["reactions"].as_array().cloned().unwrap_or_default();
    let word = if order == "retry" { "again" } else { "skipped" };
    let lines = reactions.iter().map(|reaction| format!("{word}: {}", line(&what.policy, reaction)));
    print(*format, &taken, lines);
    Ok(ExitCode::SUCCESS)
}

async fn list(url: &str, format: Format, policy: Option<&str>) -> anyhow::Result<ExitCode> {
    let policies = match policy {
        Some(policy) => vec![policy.to_owned()],
        None => {
            let policies = ask(Method::GET, url, &["policies"], Value::Null).await?;
            let name = |policy: &Value| policy["name"].as_str().map(str::to_owned);
            policies.as_array().into_iter().flatten().filter_map(name).collect()
        }
    };
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    for policy in policies {
        let parked = ask(Method::GET, url, &["policies", &policy, "parked"], Value::Null).await?;
        for mut reaction in parked.as_array().cloned().unwrap_or_default() {
            lines.push(line(&policy, &reaction));
            reaction["policy"] = policy.clone().into();
            all.push(reaction);
        }
    }
    let code = if all.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if all.is_empty() {
        lines.push("nothing is parked".to_owned());
    }
    print(format, &all.into(), lines);
    Ok(code)
}

/// Asks, and answers what was answered; a problem is an error in its own words.
async fn ask(method: Method, url: &str, path: &[&str], body: Value) -> anyhow::Result<Value> {
    let mut place = Url::parse(url)?;
    place.path_segments_mut().ok().context("the URL has no path")?.pop_if_empty().extend(path);
    let mut request = Client::new().request(method, place);
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
    let status = response.status();
    let answer: Value =
        response.json().await.with_context(|| format!("{url} is no process of this system"))?;
    if !status.is_success() {
        let detail = answer["detail"].as_str().unwrap_or("without a word");
        bail!("{} ({})", detail, answer["code"].as_str().unwrap_or(status.as_str()));
    }
    Ok(answer)
}

fn line(policy: &str, reaction: &Value) -> String {
    let text = |name: &str| reaction[name].as_str().unwrap_or("?").to_owned();
    let ordered = if reaction["ordered"] == true { ", ordered to be carried out again" } else { "" };
    let (revision, position) = (&reaction["revision"], &reaction["position"]);
    format!(
        "{policy} {}: {} at {position} (revision {revision} of {}): {}{ordered}",
        text("key"),
        text("eventType"),
        text("stream"),
        text("error"),
    )
}

fn print(format: Format, value: &Value, lines: impl IntoIterator<Item = String>) {
    match format {
        Format::Json => println!("{value}"),
        Format::Text => lines.into_iter().for_each(|line| println!("{line}")),
    }
}
