use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use event_store::{Direction, Filter, Position, RecordedEvent, Stroll, Visitor, is_remote, open};

use super::show::{self, Metadata};
use super::source::folder;
use super::{Failure, Format};

/// How many events are asked of a server at once.
const PAGE: usize = 1000;
/// How often a follower looks whether something came.
const POLL: Duration = Duration::from_millis(50);

#[derive(Args)]
pub(super) struct Arguments {
    /// The log: a folder, or esdb://host:2113?tls=false
    log: String,
    /// Goes on with what comes.
    #[arg(short, long)]
    follow: bool,
    /// Only streams whose name begins so.
    #[arg(long, value_name = "PREFIX")]
    stream: Option<String>,
    /// Only events with this correlation id.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How many of the last events to print [default: 10, or all from --from on].
    #[arg(short = 'n', value_name = "COUNT")]
    count: Option<usize>,
    /// The first position to print.
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
}

impl Arguments {
    fn wants(&self, event: &RecordedEvent) -> bool {
        self.from.is_none_or(|from| event.position.0 >= from)
            && self.stream.as_ref().is_none_or(|prefix| event.stream.as_str().starts_with(prefix))
            && self.correlation.as_ref().is_none_or(|id| Metadata::of(event).correlation.as_ref() == Some(id))
    }

    /// Where to begin looking: far enough back for the last events when all are wanted.
    fn begin(&self, visitor: &Visitor, count: Option<usize>) -> Result<Stroll, Failure> {
        let plain = self.stream.is_none() && self.correlation.is_none();
        let from = match (self.from, count) {
            (None, Some(count)) if plain => {
                let mut end = visitor.walk(u64::MAX)?;
                while end.next_block()?.is_some() {}
                end.next_position().saturating_sub(count as u64)
            }
            (from, _) => from.unwrap_or(0),
        };
        Ok(visitor.walk(from)?)
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    if is_remote(&arguments.log) {
        return run_remote(arguments).await;
    }
    let visitor = Visitor::open(folder(&arguments.log))?;
    let count = arguments.count.or(arguments.from.is_none().then_some(10));
    let mut stroll = arguments.begin(&visitor, count)?;
    let mut out = io::stdout().lock();
    let mut last = VecDeque::new();
    while let Some(events) = stroll.next_block()? {
        for event in events.into_iter().filter(|event| arguments.wants(event)) {
            match count {
                None => show::event(&mut out, &event, arguments.format)?,
                Some(count) => {
                    last.push_back(event);
                    if last.len() > count {
                        last.pop_front();
                    }
                }
            }
        }
    }
    for event in &last {
        show::event(&mut out, event, arguments.format)?;
    }
    out.flush()?;
    if arguments.follow { follow(stroll, arguments, out) } else { Ok(()) }
}

/// Prints what comes, until it is stopped from outside.
fn follow(mut stroll: Stroll, arguments: &Arguments, mut out: impl Write) -> Result<(), Failure> {
    loop {
        match stroll.next_block()? {
            Some(events) => {
                for event in events.iter().filter(|event| arguments.wants(event)) {
                    show::event(&mut out, event, arguments.format)?;
                }
                out.flush()?;
            }
            None => std::thread::sleep(POLL),
        }
    }
}

/// The same from a server: the newest events backwards until there are enough, then what comes.
async fn run_remote(arguments: &Arguments) -> Result<(), Failure> {
    let store = open(&arguments.log).await?;
    let count = arguments.count.or(arguments.from.is_none().then_some(10)).unwrap_or(usize::MAX);
    let (mut last, mut before, head) = (VecDeque::new(), None, store.head().await?);
    while last.len() < count && head.is_some() {
        let batch = store.read_all(before, Direction::Backwards, &Filter::all(), PAGE).await?;
        let reached = |position: Option<Position>| arguments.from > position.map(|position| position.0);
        let enough = batch.at_end || reached(batch.through);
        before = batch.through;
        let wanted =
            batch.events.into_iter().filter(|event| Some(event.position) <= head && arguments.wants(event));
        wanted.take(count - last.len()).for_each(|event| last.push_front(event));
        if enough {
            break;
        }
    }
    let mut out = io::stdout().lock();
    for event in &last {
        show::event(&mut out, event, arguments.format)?;
    }
    out.flush()?;
    if !arguments.follow {
        return Ok(());
    }
    let mut live = store.subscribe(head, Filter::all()).await?;
    loop {
        for event in live.next().await?.events.iter().filter(|event| arguments.wants(event)) {
            show::event(&mut out, event, arguments.format)?;
        }
        out.flush()?;
    }
}
