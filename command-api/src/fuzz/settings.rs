//! Any text as a setting: it is taken or refused with a reason, and nothing is connected to.

use event_store::{Position, StreamName, is_remote};

use crate::config::{Delay, Guard, base_url};

pub(super) fn are_read(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(Guard(port)) = text.parse() {
        assert!(!port.timeout.is_zero() && port.max_concurrent > 0, "{text} is no guard");
    }
    if let Ok(Delay(shortest, longest)) = text.parse::<Delay>() {
        assert!(shortest <= longest);
        assert_eq!(format!("{shortest}..{longest}").parse(), Ok(Delay(shortest, longest)));
    }
    if let Ok(url) = base_url(text) {
        assert_eq!(base_url(&url).as_ref(), Ok(&url));
    }
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    if let Ok(stream) = StreamName::new(text) {
        assert!(text.starts_with(stream.category()));
    }
    assert!(!is_remote(text) || text.starts_with("esdb"));
}
