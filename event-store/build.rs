//! Generates the messages and services of the protocol from `proto/`, without a protoc.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = ["streams.proto", "persistent.proto", "gossip.proto", "serverfeatures.proto"];
    let descriptors = protox::compile(files.map(|file| Path::new("proto").join(file)), ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(".event_store.client.Empty", "()")
        .bytes(".event_store.client.streams")
        .bytes(".event_store.client.persistent_subscriptions")
        .bytes(".event_store.client.StreamIdentifier")
        .include_file("wire.rs")
        .compile_fds(descriptors)?;
    Ok(())
}
