//! From a stream to a database: a thread reads, so that the writer can commit while the input is idle.

use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::parsed::ParsedLine;
use super::writer::{LineCounts, Refused, SurveyWriter};
use crate::ndjson::{LINE_LIMIT, Line, Lines, NotARecord, Read1, printable};
use crate::program::input::{InputPlace, Source};
use crate::program::runs::OpenRuns;
use crate::program::unfamiliar::Unfamiliar;

/// When to commit.
#[derive(Clone, Copy, Debug)]
pub struct CommitPace {
    /// After so many lines.
    pub lines: u64,
    /// After so long.
    pub every: Duration,
    /// When the input said nothing for so long.
    pub idle: Duration,
}

impl Default for CommitPace {
    fn default() -> Self {
        Self {
            lines: 200_000,
            every: Duration::from_secs(5),
            idle: Duration::from_secs(1),
        }
    }
}

/// Complaints told one by one before they are only counted.
const TOLD: u64 = 10;

/// Lines that travel together between the threads: at most this many, and this many bytes.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;

/// How a load went.
#[derive(Clone, Debug, Default)]
pub struct LoadSummary {
    /// Lines read, blank ones included.
    pub lines: u64,
    /// What became of those that were understood.
    pub counts: LineCounts,
    /// Lines left out, each with a complaint.
    pub refused: u64,
    /// Runs that began on the input and did not end there.
    pub cut: u64,
    /// Stopped before the end of the input.
    pub stopped: bool,
}

impl LoadSummary {
    /// Whether every line was understood and no run was cut.
    pub fn is_whole(&self) -> bool {
        self.refused == 0 && self.cut == 0 && !self.stopped
    }
}

impl std::fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LineCounts {
            new,
            replaced,
            older,
            repeated,
        } = self.counts;
        write!(
            f,
            "{} lines: {new} new, {replaced} replaced, {older} older ones and {repeated} repeats ignored, \
             {} not understood",
            self.lines, self.refused
        )
    }
}

/// A load under way: who is told what.
pub struct Load<'a> {
    /// Told of a line that is left out and of a run that is cut.
    pub complain: &'a mut dyn FnMut(&str),
    /// Told how far it is, now and then.
    pub progress: &'a mut dyn FnMut(&LoadSummary),
    /// Set to stop at once; what was read is committed.
    pub stop: &'a AtomicBool,
    /// When to commit.
    pub pace: CommitPace,
}

/// Writes all of the sources, one behind the other. On an error the database holds what was committed before.
pub fn load(
    writer: &mut SurveyWriter,
    sources: Vec<Source>,
    mut how: Load<'_>,
) -> Result<LoadSummary, StoreError> {
    let (sender, batches) = sync_channel(4);
    // Lines go back to be freed by the thread that made them: what one thread allocates and another frees costs a lock
    // each time, and leaves holes.
    let (give_back, written) = channel();
    // Not joined: after a second signal it may sit in a read that never ends.
    std::thread::spawn(move || read_all(&sources, &sender, &written));
    let mut state = State {
        summary: LoadSummary::default(),
        open: OpenRuns::default(),
        is_known: false,
        others: Unfamiliar::default(),
    };
    let end = write(writer, &batches, &give_back, &mut how, &mut state);
    if end.is_err() {
        writer.rollback();
    }
    end?;
    let mut summary = state.summary;
    if summary.refused > TOLD {
        (how.complain)(&format!("{} lines left out in all", summary.refused));
    }
    if !summary.stopped {
        let told = (!state.is_known).then(|| state.others.tell()).flatten();
        told.iter().for_each(|told| (how.complain)(told));
        summary.cut = state.open.count();
        for (id, stage) in state.open.first() {
            (how.complain)(&format!(
                "the run {} of {} is cut: its last line never came",
                printable(id),
                printable(stage)
            ));
        }
        if let Some(rest) = state.open.rest() {
            (how.complain)(&rest);
        }
    }
    Ok(summary)
}

enum Message {
    /// Lines of one source, and the name of it.
    Lines(Option<Arc<str>>, Vec<ReadLine>),
    Failed(std::io::Error),
}

/// A line as it was read, and as it was understood; none: it is blank or too long.
struct ReadLine {
    line: Read1,
    parsed: Option<Result<ParsedLine, String>>,
}

impl ReadLine {
    fn new(line: Read1) -> Self {
        let parsed = match &line {
            Read1::Line(line) if !line.is_blank() => Some(ParsedLine::parse(record(line))),
            _ => None,
        };
        Self { line, parsed }
    }
}

fn read_all(sources: &[Source], sender: &SyncSender<Message>, written: &Receiver<Vec<ReadLine>>) {
    for source in sources {
        match read(source, sender, written) {
            Ok(true) => {}
            // The writer may have stopped; then there is nobody to read for.
            Ok(false) => return,
            Err(error) => return drop(sender.send(Message::Failed(source.explain(error)))),
        }
    }
}

/// Reads a source to its end; false if nobody wants more.
fn read(
    source: &Source,
    sender: &SyncSender<Message>,
    written: &Receiver<Vec<ReadLine>>,
) -> std::io::Result<bool> {
    let file = source.name();
    let mut lines = Lines::new(BufReader::with_capacity(1 << 18, source.open()?));
    loop {
        written.try_iter().for_each(drop);
        let mut batch = Vec::new();
        let mut bytes = 0;
        let end = loop {
            match lines.next() {
                Ok(Some(line)) => {
                    if let Read1::Line(line) = &line {
                        bytes += line.bytes.len();
                    }
                    batch.push(ReadLine::new(line));
                    if batch.len() >= BATCH || bytes >= BATCH_BYTES || !lines.is_ready() {
                        break None;
                    }
                }
                Ok(None) => break Some(None),
                Err(error) => break Some(Some(error)),
            }
        };
        // What was read before an error is stored.
        if !batch.is_empty() && sender.send(Message::Lines(file.clone(), batch)).is_err() {
            return Ok(false);
        }
        match end {
            None => {}
            Some(None) => return Ok(true),
            Some(Some(error)) => return Err(error),
        }
    }
}

struct State {
    summary: LoadSummary,
    /// Runs that began and did not end yet.
    open: OpenRuns,
    /// Something of the input was a record.
    is_known: bool,
    /// What was none before that.
    others: Unfamiliar,
}

/// Where the transaction stands.
struct Transaction {
    open: bool,
    lines: u64,
    since: Instant,
}

fn write(
    writer: &mut SurveyWriter,
    batches: &Receiver<Message>,
    give_back: &Sender<Vec<ReadLine>>,
    how: &mut Load<'_>,
    state: &mut State,
) -> Result<(), StoreError> {
    let mut transaction = Transaction {
        open: false,
        lines: 0,
        since: Instant::now(),
    };
    loop {
        if how.stop.load(Ordering::Relaxed) {
            state.summary.stopped = true;
            break;
        }
        let idle = match batches.recv_timeout(how.pace.idle) {
            Ok(Message::Lines(file, batch)) => {
                if !transaction.open {
                    writer.begin()?;
                    transaction = Transaction {
                        open: true,
                        lines: 0,
                        since: Instant::now(),
                    };
                }
                for line in &batch {
                    put(writer, line, file.as_deref(), how, state)?;
                    transaction.lines += 1;
                    if how.stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                // Gone is a reader that is at its end.
                let _ = give_back.send(batch);
                false
            }
            Ok(Message::Failed(error)) => return Err(StoreError::Input(error)),
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        (how.progress)(&state.summary);
        let due = idle
            || transaction.lines >= how.pace.lines
            || transaction.since.elapsed() >= how.pace.every;
        if transaction.open && due {
            writer.commit()?;
            transaction.open = false;
        }
    }
    if transaction.open {
        writer.commit()?;
    }
    Ok(())
}

fn put(
    writer: &mut SurveyWriter,
    read: &ReadLine,
    file: Option<&str>,
    how: &mut Load<'_>,
    state: &mut State,
) -> Result<(), StoreError> {
    state.summary.lines += 1;
    let (number, refused) = match (&read.line, &read.parsed) {
        (Read1::TooLong(number), _) => (*number, format!("longer than {} MiB", LINE_LIMIT >> 20)),
        (Read1::Line(_), None) => return Ok(()),
        (Read1::Line(line), Some(Err(why))) => {
            unfamiliar(line, how, state);
            (line.number, hint(line, why.clone()))
        }
        (Read1::Line(line), Some(Ok(parsed))) => match writer.put_parsed(parsed, record(line)) {
            Ok(put) => {
                state.is_known = true;
                state.summary.counts.add(put.stored);
                if let Some((event, id, stage)) = put.event {
                    state.open.note(event, id, stage);
                }
                return Ok(());
            }
            Err(Refused::Line(why)) => {
                unfamiliar(line, how, state);
                (line.number, hint(line, why))
            }
            Err(Refused::Database(error)) => return Err(error.into()),
        },
    };
    state.summary.refused += 1;
    if state.summary.refused <= TOLD {
        let place = InputPlace { file, line: number };
        (how.complain)(&format!("{place}: {refused}"));
    }
    Ok(())
}

/// Says, once, that nothing among the first lines is what a database is made of.
fn unfamiliar(line: &Line, how: &mut Load<'_>, state: &mut State) {
    if state.is_known {
        return;
    }
    if let Some(told) = (state.others).pass(line.tag().ok().as_deref(), &line.bytes) {
        (how.complain)(&told);
    }
}

/// The record in a line: from the first a byte order mark is taken off, which some editors write, and white space around.
fn record(line: &Line) -> &[u8] {
    let bytes = match line.bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) if line.number == 1 => rest,
        _ => &line.bytes,
    };
    bytes.trim_ascii()
}

/// What else the place of a line says about why it is not understood.
fn hint(line: &Line, why: String) -> String {
    if line.torn {
        return format!("{why} (the input ends within this line)");
    }
    match line.bytes.trim_ascii() {
        b"{" => NotARecord::Spread.to_string(),
        b"[" => NotARecord::Array.to_string(),
        _ => why,
    }
}
