//! One line of the log: when, how bad, in the answer to which request, what. The request is that of the
//! task, so no span is made for each of them, which would cost more than the line.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, time};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;
use crate::http::current;

/// The name of the field that is the text of a line.
const MESSAGE: &str = "message";

/// The form of a line.
pub(super) struct Line(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let ansi = line.has_ansi_escapes();
        match self.0 {
            LogFormat::Text => text(&mut line, event, ansi),
            LogFormat::Json => json(&mut line, event),
        }
    }
}

/// `2026-11-28T20:15:01.123456Z  INFO 01a1f9b4-…: applied application=01a1f9b4-…`
fn text(line: &mut impl Write, event: &Event<'_>, ansi: bool) -> fmt::Result {
    let level = *event.metadata().level();
    now(line)?;
    match ansi {
        true => write!(line, " {}{level:>5}\u{1b}[0m", colour(level))?,
        false => write!(line, " {level:>5}")?,
    }
    if let Some(request) = current() {
        write!(line, " {request}:")?;
    }
    let mut fields = Text { line, outcome: Ok(()) };
    event.record(&mut fields);
    fields.outcome?;
    line.write_char('\n')
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

/// The message, which comes first, and behind it the other fields.
struct Text<'l, W> {
    line: &'l mut W,
    outcome: fmt::Result,
}

impl<W: Write> Visit for Text<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let named = match field.name() {
            MESSAGE => self.line.write_char(' '),
            name => write!(self.line, " {name}="),
        };
        self.outcome = self.outcome.and(named).and_then(|()| write!(OneLine(self.line), "{value:?}"));
    }
}

/// Spells control characters out: what somebody sent can neither begin a line of its own nor command a terminal.
struct OneLine<'l, W>(&'l mut W);

impl<W: Write> Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let plain = part.trim_end_matches(char::is_control);
            self.0.write_str(plain)?;
            for control in part[plain.len()..].chars() {
                write!(self.0, "{}", control.escape_default())?;
            }
        }
        Ok(())
    }
}

/// `{"timestamp":"2026-11-28T20:15:01.123456Z","level":"INFO","request":"01a1f9b4-…","message":"applied",…}`
fn json(line: &mut impl Write, event: &Event<'_>) -> fmt::Result {
    line.write_str("{\"timestamp\":\"")?;
    now(line)?;
    write!(line, "\",\"level\":\"{}\"", event.metadata().level())?;
    if let Some(request) = current() {
        write!(line, ",\"request\":\"{request}\"")?;
    }
    let mut fields = Json { line, outcome: Ok(()) };
    event.record(&mut fields);
    fields.outcome?;
    line.write_str("}\n")
}

struct Json<'l, W> {
    line: &'l mut W,
    outcome: fmt::Result,
}

impl<W: Write> Json<'_, W> {
    fn put(&mut self, field: &Field, value: &impl serde::Serialize) {
        let json =
            serde_json::to_string(field.name()).and_then(|name| Ok((name, serde_json::to_string(value)?)));
        let written =
            json.map_err(|_| fmt::Error).and_then(|(name, value)| write!(self.line, ",{name}:{value}"));
        self.outcome = self.outcome.and(written);
    }
}

impl<W: Write> Visit for Json<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }
}

/// The time, RFC 3339, UTC. What is longer than a second is worked out once a second.
fn now(line: &mut impl Write) -> fmt::Result {
    thread_local! {
        static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() || text.is_empty() {
            text.clear();
            time::SystemTime.format_time(&mut Writer::new(text))?;
            *second = now.as_secs();
        }
        let (until_second, _) = text.split_once('.').unwrap_or((text, ""));
        write!(line, "{until_second}.{:06}Z", now.subsec_micros())
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;

    use super::*;

    /// What is logged in this form.
    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&lines);
        let fmt = fmt::fmt()
            .with_ansi(false)
            .event_format(Line(format))
            .with_writer(move || Pen(Arc::clone(&writer)));
        tracing::subscriber::with_default(fmt.finish(), log);
        let bytes = lines.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    struct Pen(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Pen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_line_has_its_message_before_its_fields() {
        let log = || tracing::warn!(qty = 3, name = "a\"b", reason = %"no", "not {}", "today");
        let line = logged(LogFormat::Text, log);
        assert!(line.ends_with("Z  WARN not today qty=3 name=\"a\\\"b\" reason=no\n"), "{line:?}");
    }

    #[test]
    fn what_somebody_sent_stays_on_its_line() {
        let log = || tracing::warn!(reason = %"no\n2026 INFO paid\u{1b}[2J", "not today");
        let line = logged(LogFormat::Text, log);
        assert!(line.ends_with("Z  WARN not today reason=no\\n2026 INFO paid\\u{1b}[2J\n"), "{line:?}");
    }

    #[test]
    fn a_json_line_keeps_numbers_and_escapes_texts() {
        let log = || tracing::error!(qty = 3, done = false, share = 0.5, name = "a\"b\n", "not {}", "today");
        let line: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, log)).unwrap();
        let expected = serde_json::json!({
            "timestamp": line["timestamp"], "level": "ERROR", "message": "not today", "qty": 3, "done": false,
            "share": 0.5, "name": "a\"b\n",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn the_time_is_that_of_the_calendar() {
        let written = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            text
        };
        let theirs = |text: &mut String| time::SystemTime.format_time(&mut Writer::new(text)).unwrap();
        let before = written(&theirs);
        let ours = written(&|text| now(text).unwrap());
        assert!(before <= ours && ours <= written(&theirs), "{ours}");
    }
}
