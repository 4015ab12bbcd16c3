//! Feeds libFuzzer's inputs to the target that `GIROK_FUZZ` names.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("GIROK_FUZZ").expect("GIROK_FUZZ names a target");
        let all = [command_api::fuzz::TARGETS, event_store::fuzz::TARGETS, projections::fuzz::TARGETS];
        let found = all.concat().into_iter().find(|(target, _)| *target == name);
        TARGET.get_or_init(|| found.expect("there is a target of this name").1);
    },
    |input: &[u8]| TARGET.get().expect("the target was found at the start")(input)
);
