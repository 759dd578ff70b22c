//! The inputs of a list, and how each is read: a file by one thread a core, where its records end with lines; all else in
//! one pass.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::address::NotCounted;
use super::any;
use super::census::Census;
use super::format::{FoundFormat, Layout, Unreadable, Wish};
use super::guess;
use super::read::{Chunk, Chunks, PieceEnd, Segments, Stretch};
use super::scan;
use super::tally::{Rules, SHOWN, ThreadTally};
use super::watch::Watch;

/// Files, or standard input, that are counted as one list.
pub struct LeakList {
    /// The name of the list.
    pub source: String,
    /// Its parts.
    pub inputs: Vec<Input>,
}

/// A part of a list.
pub struct Input {
    /// For messages.
    pub name: String,
    from: From,
}

enum From {
    File(File),
    Memory(Vec<u8>),
}

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// An input cannot be opened or read.
    #[error("{name}: {error}")]
    Io {
        /// Which.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// Two files would be one list without anybody having said so.
    #[error("two files would be the list '{0}'; if they are parts of one, name it with --source")]
    SameSource(String),
}

/// How the reading of an input went.
#[derive(Debug)]
pub struct Reading {
    /// The input.
    pub input: String,
    /// How it was read.
    pub layout: Option<String>,
    /// What of it was not understood.
    pub problem: Option<InputProblem>,
    /// The first lines of each cause that were not counted, by number, for `--debug`.
    pub complaints: Vec<(u64, NotCounted)>,
}

/// What was not understood of an input.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputProblem {
    /// It was not read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It was read, and nothing of it counts.
    #[error("no line holds an address that counts")]
    NothingCounts,
    /// It ends in the middle of a record.
    #[error("ends in the middle of a record: the input was cut short")]
    Cut,
    /// All of it behind a quote was taken for one field.
    #[error(
        "the quote opened on line {0} is never closed, and all behind it was one field; see --format combo"
    )]
    OpenQuote(u64),
}

/// The lists that files are: one, if it is named, else one for each file, called as the file without its ending. No file,
/// or `-`, is standard input.
pub fn lists(files: &[PathBuf], source: Option<&str>) -> Result<Vec<LeakList>, CountError> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut lists: Vec<LeakList> = Vec::new();
    for path in files {
        let input = Input::open(path)?;
        let name = source.map_or_else(|| stem(path), str::to_owned);
        match lists.iter_mut().find(|list| list.source == name) {
            Some(list) if source.is_some() => list.inputs.push(input),
            Some(_) => return Err(CountError::SameSource(name)),
            None => lists.push(LeakList {
                source: name,
                inputs: vec![input],
            }),
        }
    }
    Ok(lists)
}

fn stem(path: &Path) -> String {
    match path.file_stem() {
        Some(stem) if path.as_os_str() != "-" => stem.to_string_lossy().into_owned(),
        _ => "stdin".to_owned(),
    }
}

impl Input {
    fn open(path: &Path) -> Result<Self, CountError> {
        let (name, file) = if path.as_os_str() == "-" {
            let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
            ("standard input".to_owned(), file)
        } else {
            (path.to_string_lossy().into_owned(), File::open(path))
        };
        match file {
            Ok(file) => Ok(Self {
                name,
                from: From::File(file),
            }),
            Err(error) => Err(CountError::Io { name, error }),
        }
    }

    /// Bytes that are at hand.
    pub fn memory(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            from: From::Memory(bytes.to_vec()),
        }
    }
}

/// Where a regular file is read from, to its end; `None` for a pipe.
fn range(mut file: &File) -> Option<Range<u64>> {
    let metadata = file.metadata().ok()?;
    let start = file.stream_position().ok()?;
    // Files of the kernel are regular and say that they are empty.
    (metadata.is_file() && metadata.len() > start).then_some(start..metadata.len())
}

/// Reads inputs into a census.
pub struct LeakReader<'a> {
    /// What is known of the format.
    pub wish: &'a Wish,
    /// What every address is put through.
    pub rules: &'a Rules,
    /// The sums.
    pub census: &'a Mutex<Census>,
    /// Bytes read so far, and the wish to stop.
    pub watch: &'a Watch,
    /// Threads for a file.
    pub threads: usize,
    /// Bytes in a buffer: [`CHUNK`](super::read::CHUNK).
    pub chunk: usize,
    /// Bytes of a file that a thread takes at a time: [`SEGMENT`](super::read::SEGMENT).
    pub segment: u64,
}

impl<'a> LeakReader<'a> {
    /// Reads an input to its end.
    pub fn input(&self, input: &Input, tallies: &mut Vec<ThreadTally<'a>>) -> io::Result<Reading> {
        let mut reading = Reading {
            input: input.name.clone(),
            layout: None,
            problem: None,
            complaints: Vec::new(),
        };
        let (range, head) = match &input.from {
            From::Memory(bytes) => (None, self.head(bytes.as_slice())?),
            From::File(file) => match range(file) {
                Some(range) => (Some(range.clone()), self.head(Stretch::new(file, range))?),
                None => (None, self.head(file)?),
            },
        };
        let found = match guess::find(&head, head.len() < self.chunk, self.wish) {
            Ok(found) => found,
            Err(unreadable) => {
                reading.problem = Some(unreadable.into());
                return Ok(reading);
            }
        };
        let before = self.census().users;
        tallies[0].sums.lines += found.headers;
        tallies[0].sums.headers += found.headers;
        reading.problem = self.behind_head(&input.from, range, &head, &found, tallies)?;
        for tally in tallies.iter_mut() {
            self.census().take(tally, self.rules);
        }
        if reading.problem.is_none()
            && self.census().users == before
            && !head.trim_ascii().is_empty()
        {
            reading.problem = Some(InputProblem::NothingCounts);
        }
        // Of an input that was not read to its end nothing can be said.
        if self.watch.is_stopped() {
            reading.problem = None;
        }
        reading.layout = Some(found.description);
        reading.complaints = complaints(found.headers, tallies);
        Ok(reading)
    }

    /// Reads what stands behind the column names; `range` of it where the input can be read from anywhere.
    fn behind_head(
        &self,
        from: &From,
        range: Option<Range<u64>>,
        head: &[u8],
        found: &FoundFormat,
        tallies: &mut Vec<ThreadTally<'a>>,
    ) -> io::Result<Option<InputProblem>> {
        let layout = &found.layout;
        match (from, range) {
            (From::File(file), Some(range)) => {
                let range = range.start + found.skipped as u64..range.end;
                let segment = if layout.ends_with_lines() {
                    self.segment
                } else {
                    range.end
                };
                self.file(&Segments::new(file, range, segment), layout, tallies)
            }
            (From::File(file), None) => {
                let rest = head[found.skipped..].chain(file);
                self.stretch(0, rest, layout, &mut tallies[0])
            }
            (From::Memory(bytes), _) => {
                self.stretch(0, &bytes[found.skipped..], layout, &mut tallies[0])
            }
        }
    }

    fn head(&self, input: impl Read) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        input.take(self.chunk as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// Reads a file, by as many threads as there is work for.
    fn file(
        &self,
        segments: &Segments<'_>,
        layout: &Layout,
        tallies: &mut Vec<ThreadTally<'a>>,
    ) -> io::Result<Option<InputProblem>> {
        let threads = segments.parallel(self.threads);
        while tallies.len() < threads {
            tallies.push(ThreadTally::new(self.rules));
        }
        let work = |tally: &mut ThreadTally<'a>| -> io::Result<Option<InputProblem>> {
            let mut problem = None;
            while let Some(stretch) = segments.next()? {
                problem = self
                    .stretch(stretch.start, stretch, layout, tally)?
                    .or(problem);
            }
            Ok(problem)
        };
        let [first, others @ ..] = &mut tallies[..threads] else {
            return Ok(None);
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = others
                .iter_mut()
                .map(|tally| scope.spawn(|| work(tally)))
                .collect();
            let mut problem = work(first)?;
            for other in others {
                match other.join() {
                    Ok(done) => problem = problem.or(done?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(problem)
        })
    }

    /// Reads whole records, from the byte `start` of an input.
    fn stretch(
        &self,
        start: u64,
        input: impl Read,
        layout: &Layout,
        tally: &mut ThreadTally<'a>,
    ) -> io::Result<Option<InputProblem>> {
        let cut = match layout {
            Layout::Delimited(_) => PieceEnd::Line,
            Layout::Any => PieceEnd::Token(any::is_stop),
            Layout::Csv(_) | Layout::Json(_) => PieceEnd::Anywhere,
        };
        let mut chunks = Chunks::new(input, self.chunk, cut, self.watch);
        let mut parser = layout.clone();
        let mut is_mid_line = false;
        let mut problem = None;
        tally.begin_segment(start);
        while let Some(chunk) = chunks.next()? {
            match (&mut parser, chunk) {
                (Layout::Delimited(layout), Chunk::Whole(lines)) => {
                    if scan::scan(lines, layout, tally) {
                        problem = Some(InputProblem::Cut);
                    }
                }
                (Layout::Delimited(layout), Chunk::Head(head)) => {
                    scan::scan_head(head, layout, tally)
                }
                (Layout::Any, Chunk::Whole(tokens)) => any::scan(tokens, &mut is_mid_line, tally),
                (Layout::Any, Chunk::Head(_)) => any::skip(&mut is_mid_line, tally),
                (Layout::Csv(csv), Chunk::Whole(bytes) | Chunk::Head(bytes)) => {
                    csv.feed(bytes, tally)
                }
                (Layout::Json(json), Chunk::Whole(bytes) | Chunk::Head(bytes)) => {
                    json.feed(bytes, tally)
                }
            }
            if tally.is_full() {
                self.census().take_names(tally, self.rules);
            }
        }
        problem = match parser {
            Layout::Csv(csv) => csv.finish(tally).map(InputProblem::OpenQuote),
            Layout::Json(json) => json.finish().then_some(InputProblem::Cut),
            Layout::Delimited(_) | Layout::Any => problem,
        };
        tally.end_segment();
        Ok(problem)
    }

    fn census(&self) -> MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first of each cause by their line in the input, where `before` lines stood in front of the first segment.
fn complaints(before: u64, tallies: &mut [ThreadTally<'_>]) -> Vec<(u64, NotCounted)> {
    let mut segments = Vec::new();
    let mut complaints = Vec::new();
    for tally in tallies {
        segments.append(&mut tally.segments);
        complaints.append(&mut tally.complaints);
    }
    segments.sort_unstable();
    complaints.sort_unstable();
    let mut shown = [0; NotCounted::ALL.len()];
    let mut segments = segments.into_iter();
    let mut lines = before;
    let mut segment = segments.next();
    let mut first = Vec::new();
    for complaint in complaints {
        while let Some((start, length)) = segment
            && start < complaint.segment
        {
            lines += length;
            segment = segments.next();
        }
        let shown = &mut shown[complaint.cause as usize];
        if *shown < SHOWN {
            *shown += 1;
            first.push((lines + complaint.line, complaint.cause));
        }
    }
    first
}
