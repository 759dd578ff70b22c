//! Files in, lines out.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use self::crew::{Crew, Entry, TracedEntry};
use crate::ndjson::Line;
use crate::ndjson::magic::Foreign;
use crate::program::output::Stdout;
use crate::program::progress::ReadingProgress;
use crate::program::runs::Runs;
use crate::program::stop::Stop;
use crate::program::unfamiliar::looks_like;
use crate::program::{self, Program, RunStatus};
use crate::received::mailbox::{HEADER_LIMIT, Mailbox, MailboxItem};
use crate::received::tracer::Tracer;
use crate::record::{Hop, Record, Run};
use serde::Deserialize;

mod crew;

/// The one writer, and what a run of the program holds.
pub struct Trace {
    runs: Runs,
    tracer: Tracer,
    crew: Crew,
    output: Stdout,
    stop: Stop,
    progress: ReadingProgress,
    files: u64,
    /// An input that could not be read as mail at all.
    foreign: Option<String>,
}

impl Trace {
    /// A trace to standard output, which tells how far it is.
    ///
    /// # Errors
    ///
    /// There is no standard output.
    pub fn new(
        program: &Program,
        runs: Runs,
        tracer: Tracer,
        progress: ReadingProgress,
    ) -> io::Result<Self> {
        let told = program.clone();
        program.stop.then(move || {
            told.say("reading no more messages; interrupt again to stop at once");
        });
        Ok(Self {
            runs,
            crew: Crew::new(tracer.manner()),
            tracer,
            output: Stdout::open()?,
            stop: program.stop.clone(),
            progress,
            files: 0,
            foreign: None,
        })
    }

    /// Everything from the first line to the last. Errors are those of the output.
    pub fn all(
        &mut self,
        paths: impl Iterator<Item = Result<PathBuf, (PathBuf, io::Error)>>,
    ) -> io::Result<RunStatus> {
        // Messages are no lines.
        self.runs.leave_out();
        self.output.write_all(&self.runs.start_line())?;
        for path in paths {
            if self.stop.is_asked() {
                break;
            }
            match path {
                Ok(path) if path != Path::new("-") => self.file(&path)?,
                Err((path, error)) if path != Path::new("-") => {
                    self.complain(&path.display(), &error)?;
                }
                Ok(_) | Err(_) => {
                    program::awaits("header-trace", "a message, an mbox or NDJSON");
                    self.input(io::stdin(), "standard input", true)?;
                }
            }
        }
        self.settle()?;
        self.runs.interrupted = self.stop.is_asked();
        self.show(true);
        let mut counts = self.tracer.counts().named();
        counts.insert("files".into(), self.files);
        let end = self
            .runs
            .end_line(&Default::default(), counts, Default::default());
        self.output.write_all(&end)?;
        self.output.flush()?;
        Ok(if self.runs.is_clean() && !self.runs.interrupted {
            RunStatus::Complete
        } else {
            RunStatus::Partial
        })
    }

    /// An input that is no text, if there was one: what it is called, and what it is.
    pub fn foreign(&self) -> Option<&str> {
        self.foreign.as_deref()
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        match File::open(path) {
            Ok(file) => self.input(file, &path.display().to_string(), false),
            Err(error) => self.complain(&path.display(), &error),
        }
    }

    /// The messages of one input. `is_live`: somebody may be waiting for the answer while more is being written.
    fn input(&mut self, input: impl Read, name: &str, is_live: bool) -> io::Result<()> {
        self.files += 1;
        let mut mailbox = Mailbox::new(input);
        while !self.stop.is_asked() {
            match mailbox.read() {
                Ok(None) => break,
                Ok(Some(item)) => self.item(item, name)?,
                Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Foreign>()) => {
                    self.foreign = Some(format!("{name}: {error}"));
                    break;
                }
                Err(error) => {
                    self.complain(&name, &error)?;
                    break;
                }
            }
            if is_live && mailbox.is_idle() {
                self.settle()?;
                self.output.flush()?;
            }
            self.show(false);
        }
        Ok(())
    }

    fn item(&mut self, item: MailboxItem, name: &str) -> io::Result<()> {
        match item {
            MailboxItem::Header { bytes, is_cut } => {
                if is_cut {
                    let why = format!(
                        "a header block over {} MiB; the rest of it is left out",
                        HEADER_LIMIT >> 20
                    );
                    self.complain(&name, &why)?;
                }
                if let Some(why) = not_mail(&bytes) {
                    return self.complain(&name, &why);
                }
                self.hand_out(Entry::Message(bytes))
            }
            MailboxItem::Record { bytes, line } => self.hand_out(Entry::Line(bytes, line)),
            MailboxItem::Fault { line, why } => self.complain(&format!("{name}:{line}"), &why),
        }
    }

    /// What is wrong with `of` is told where it stands among the messages.
    fn complain(&mut self, of: &dyn Display, why: &dyn Display) -> io::Result<()> {
        self.hand_out(Entry::Complaint(of.to_string(), why.to_string()))
    }

    fn hand_out(&mut self, entry: Entry) -> io::Result<()> {
        let ready = self.crew.hand_out(entry)?;
        self.write(ready)
    }

    /// Waits for all that was handed out, and writes it.
    fn settle(&mut self) -> io::Result<()> {
        let ready = self.crew.settle()?;
        self.write(ready)
    }

    fn write(&mut self, ready: Vec<TracedEntry>) -> io::Result<()> {
        for ready in ready {
            match ready {
                TracedEntry::Message { id, counts, lines } => {
                    if self.tracer.take(id, &counts) {
                        self.output.write_all(&lines)?;
                    }
                }
                TracedEntry::Line(bytes, number) => self.record(bytes, number)?,
                TracedEntry::Complaint(of, why) => self.runs.complain_of(&of, &why),
            }
        }
        Ok(())
    }

    /// A line of the stream is sent on as it came.
    fn record(&mut self, bytes: Vec<u8>, number: u64) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Done {
            message: String,
        }
        let line = Line {
            number,
            bytes,
            torn: false,
        };
        match line.tag().as_deref() {
            Ok(Run::TYPE) => self.runs.seen(&line),
            Ok(Hop::TYPE) => {
                if let Ok(done) = serde_json::from_slice::<Done>(&line.bytes) {
                    self.tracer.done(&done.message);
                }
            }
            _ => {}
        }
        self.output.write_all(&line.bytes)?;
        self.output.write_all(b"\n")
    }

    fn show(&mut self, is_end: bool) {
        let counts = self.tracer.counts();
        let text = || format!("{} files, {counts}", self.files);
        match is_end {
            true => self.progress.end(counts.messages, text),
            false => self.progress.show(counts.messages, text),
        }
    }
}

/// Why a header block is none: it has no line that could be a field. An empty one is a message without fields.
fn not_mail(header: &[u8]) -> Option<String> {
    let is_field = |line: &[u8]| {
        let colon = line.iter().position(|&byte| byte == b':');
        colon.is_some_and(|colon| colon > 0 && line[..colon].iter().all(u8::is_ascii_graphic))
    };
    let mut lines = header.split(|&byte| byte == b'\n');
    let first = lines.clone().next().unwrap_or_default();
    let is_mail = header.trim_ascii().is_empty() || lines.any(is_field);
    (!is_mail).then(|| {
        format!(
            "no field of a message in it; it looks like {}",
            looks_like(first)
        )
    })
}
