//! Where log lines go: to standard output, many of them in one write. With a write for every line, every
//! request would wait until whoever reads the log has taken those of all others.

mod line;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MutexGuardWriter;
use tracing_subscriber::fmt::{self, MakeWriter};

use crate::config::LogFormat;
use line::Line;

/// How long a line waits for others at most. So much is lost when the process is killed.
const WAIT: Duration = Duration::from_millis(20);

/// How many bytes wait at most.
const ROOM: usize = 64 * 1024;

/// The log of this process, for as long as it is held.
pub struct Logs(Lines);

#[derive(Clone)]
struct Lines(Arc<Mutex<BufWriter<Stdout>>>);

impl Logs {
    /// Logs what `GIROK_LOG` says from now on; `info` where it says nothing.
    pub fn begin(format: LogFormat) -> Self {
        let lines = Lines(Arc::new(Mutex::new(BufWriter::with_capacity(ROOM, io::stdout()))));
        let waiting = lines.clone();
        thread::spawn(move || {
            loop {
                waiting.flush();
                thread::sleep(WAIT);
            }
        });
        let filter = EnvFilter::try_from_env("GIROK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let fmt = fmt::fmt().with_env_filter(filter).with_ansi(io::stdout().is_terminal());
        fmt.event_format(Line(format)).with_writer(lines.clone()).init();
        Self(lines)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.flush();
    }
}

impl Lines {
    fn flush(&self) {
        // Nobody is there to be told when nobody reads the log.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = MutexGuardWriter<'l, BufWriter<Stdout>>;

    fn make_writer(&'l self) -> Self::Writer {
        self.0.make_writer()
    }
}
