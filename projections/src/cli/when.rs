//! What `--as-of` names.

use std::fmt;
use std::str::FromStr;

use event_store::Position;
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Position(Position),
    Time(Timestamp),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        let time = text.parse().map_err(|error| {
            format!("--as-of takes a position or a time as in 2026-11-01T00:00:00Z: {error}")
        })?;
        Ok(Self::Time(time))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}
