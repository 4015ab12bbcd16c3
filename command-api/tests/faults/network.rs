use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::line::Line;
use crate::load::Load;
use crate::process::Process;
use crate::verdict::everything_is_there_exactly_once;

/// A context in a process of its own.
fn context(name: &str, data: &Path, arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-api"));
    command.args(["--listen", "127.0.0.1:0", "--head-start-ms", "700", "--contexts", name, "--data"]);
    command.arg(data).args(arguments);
    Process::start(command)
}

/// G12, G15, EL-I5, EL-I11: apply, payment and delivery in processes of their own, and every line between
/// them falls silent, is cut and comes back under load.
#[tokio::test(flavor = "multi_thread")]
async fn lines_between_the_processes_break_in_every_way_and_everything_ends_well() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    // The store is served by the delivery process, on its own folder.
    let store = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let served = store.to_string();
    let delivery = context("delivery", &data, &["--serve-store", &served]);
    let at = |process: &Process| process.url.strip_prefix("http://").unwrap().parse().unwrap();
    let url = |line: &Line| format!("http://{}", line.address);
    let esdb = |line: &Line| format!("esdb://{}?tls=false", line.address);
    let (to_delivery, pays_to_store, applies_to_store) =
        (Line::to(at(&delivery)).await, Line::to(store).await, Line::to(store).await);
    let elsewhere = folder.path().join("payment");
    let arguments =
        ["--store", &esdb(&pays_to_store), "--delivery-url", &url(&to_delivery), "--without-read-side"];
    let payment = context("payment", &elsewhere, &arguments);
    let to_payment = Line::to(at(&payment)).await;
    let elsewhere = folder.path().join("apply");
    let arguments =
        ["--store", &esdb(&applies_to_store), "--payment-url", &url(&to_payment), "--without-read-side"];
    let apply = context("apply", &elsewhere, &arguments);

    let load = Load::of(4, &apply.url, &journal);
    for line in [&to_payment, &to_delivery, &pays_to_store, &applies_to_store] {
        for breaks in [Line::silence as fn(&Line), Line::cut] {
            load.until(load.acknowledged() + 10).await;
            breaks(line);
            tokio::time::sleep(Duration::from_millis(1500)).await;
            line.mend();
        }
    }
    load.until(load.acknowledged() + 10).await;
    load.end().await;
    for process in [apply, payment, delivery] {
        process.stop();
    }
    everything_is_there_exactly_once(&data, &journal, "8 broken lines").await;
}
