//! The input of a filter: standard input and files, one behind the other, in batches: whatever has arrived goes on at once, and no more
//! is read than is asked for.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, IsTerminal, Read, Seek as _};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use clap::Args;
use tokio::sync::mpsc;

use crate::ndjson::{Line, Lines, Read1, printable};

/// Lines in a batch, and the bytes after which it is closed.
const LINES: usize = 512;
const BYTES: usize = 256 << 10;

/// The FILE arguments of a filter. The front door refuses what cannot be read before anything begins.
#[derive(Args, Clone, Debug, Default)]
pub struct Files {
    /// Input, one file behind the other; none, or -: standard input
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    pub inputs: Vec<PathBuf>,
}

impl Files {
    /// What is read, in its order.
    pub fn sources(&self) -> Vec<Source> {
        if self.inputs.is_empty() {
            return vec![Source::Stdin];
        }
        let source = |path: &PathBuf| match path.as_os_str() == OsStr::new("-") {
            true => Source::Stdin,
            false => Source::File(path.clone()),
        };
        self.inputs.iter().map(source).collect()
    }
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, or whatever else the file system has under this name.
    File(PathBuf),
}

impl Source {
    /// What a complaint calls it; standard input has no name.
    pub fn name(&self) -> Option<Arc<str>> {
        match self {
            Self::Stdin => None,
            Self::File(path) => Some(printable(&path.display().to_string()).into()),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    ///
    /// Those of the file, with its name.
    pub fn open(&self) -> io::Result<File> {
        let file = match self {
            Self::Stdin => io::stdin().as_fd().try_clone_to_owned().map(File::from),
            Self::File(path) => File::open(path),
        };
        file.map_err(|error| self.explain(error))
    }

    /// An error of this input.
    pub fn explain(&self, error: io::Error) -> io::Error {
        match self.name() {
            Some(name) => io::Error::new(error.kind(), format!("{name}: {error}")),
            None => error,
        }
    }

    /// Whether it is standard input, and somebody types there.
    pub fn is_typed(&self) -> bool {
        *self == Self::Stdin && io::stdin().is_terminal()
    }
}

/// A place in the input: what the source is called, and the number of the line. Standard input is `line 7`, a file `FILE:7`.
#[derive(Clone, Copy, Debug)]
pub struct InputPlace<'a> {
    /// The name of a file.
    pub file: Option<&'a str>,
    /// From 1.
    pub line: u64,
}

impl std::fmt::Display for InputPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.file {
            Some(file) => write!(f, "{file}:{}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// Why an argument of `program` cannot be read as input, if it cannot; where it is a domain or an address, with the line to type instead.
pub fn refusal(program: &str, path: &Path) -> Option<String> {
    if path.as_os_str() == OsStr::new("-") {
        return None;
    }
    let named = printable(&path.display().to_string());
    let opened = fs::metadata(path).and_then(|metadata| match () {
        () if metadata.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        // Opening a pipe is the beginning of reading it.
        () if metadata.is_file() => File::open(path).map(drop),
        () => Ok(()),
    });
    let error = opened.err()?;
    let advice = (error.kind() == io::ErrorKind::NotFound)
        .then(|| path.to_str().and_then(|word| line_to_type(program, word)))
        .flatten();
    Some(match advice {
        Some((what, line)) => format!("{named} is no file; for {what}: {line}"),
        None => format!("{named}: {error}"),
    })
}

/// What somebody meant who gave `program` a domain or an address for a file.
fn line_to_type(program: &str, word: &str) -> Option<(&'static str, String)> {
    let is_address = word.parse::<IpAddr>().is_ok();
    let (for_domain, for_address) = match program {
        "mx-lookup" => ("mx-lookup", None),
        "policy-lookup" => ("policy-lookup", None),
        "policy-fetch" => ("mx-lookup | policy-lookup | policy-fetch", None),
        "smtp-probe" => ("mx-lookup | smtp-probe", Some("smtp-probe")),
        "tls-inspect" => (
            "mx-lookup | smtp-probe | tls-inspect",
            Some("smtp-probe | tls-inspect"),
        ),
        "to-sqlite" => (
            "mx-lookup | smtp-probe | tls-inspect | to-sqlite out.db",
            Some("smtp-probe | tls-inspect | to-sqlite out.db"),
        ),
        _ => return None,
    };
    if is_address {
        return for_address.map(|pipe| ("an address", format!("echo {word} | {pipe}")));
    }
    is_like_a_domain(word).then(|| ("a domain", format!("echo {word} | {for_domain}")))
}

/// Labels of letters, digits, hyphens and underscores with dots between them: nothing that a shell would obey.
fn is_like_a_domain(word: &str) -> bool {
    let name = word.strip_suffix('.').unwrap_or(word);
    let is_of_label = |character: char| character.is_alphanumeric() || "-_".contains(character);
    name.contains('.')
        && !name.starts_with('-')
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(is_of_label))
}

/// Lines of one source that travel together.
#[derive(Debug)]
pub struct LineBatch {
    /// The name of the source.
    pub file: Option<Arc<str>>,
    /// They are its first ones.
    pub is_first: bool,
    /// Their numbers begin anew with each source.
    pub lines: Vec<Read1>,
}

/// Reads sources on a thread of its own, one behind the other; an error, which names its source, ends the input. A terminal is told what
/// is awaited.
pub fn batches(
    program: &str,
    awaited: &str,
    sources: Vec<Source>,
) -> mpsc::Receiver<io::Result<LineBatch>> {
    if sources.iter().any(Source::is_typed) {
        super::say::say(
            program,
            &format!("reading {awaited} from the terminal; end with Ctrl-D"),
        );
    }
    let (batches, receiver) = mpsc::channel(2);
    thread::spawn(move || {
        for source in sources {
            match read(&source, &batches) {
                Ok(true) => {}
                Ok(false) => return,
                // Nobody may be there any more to be told.
                Err(error) => return drop(batches.blocking_send(Err(error))),
            }
        }
    });
    receiver
}

/// Reads a source to its end; false if nobody wants more.
fn read(source: &Source, batches: &mpsc::Sender<io::Result<LineBatch>>) -> io::Result<bool> {
    let file = source.name();
    let mut lines = Lines::new(BufReader::with_capacity(64 << 10, source.open()?));
    let mut is_first = true;
    loop {
        let batch = LineBatch {
            file: file.clone(),
            is_first,
            lines: next(&mut lines).map_err(|error| source.explain(error))?,
        };
        is_first = false;
        if batch.lines.is_empty() {
            return Ok(true);
        }
        if batches.blocking_send(Ok(batch)).is_err() {
            return Ok(false);
        }
    }
}

/// Waits for one line, then takes those that are there already.
fn next(lines: &mut Lines<BufReader<File>>) -> io::Result<Vec<Read1>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(line) = lines.next()? {
        if let Read1::Line(line) = &line {
            bytes += line.bytes.len();
        }
        batch.push(line);
        if batch.len() >= LINES || bytes >= BYTES || !lines.is_ready() {
            break;
        }
    }
    Ok(batch)
}

/// Of every source that is a regular file its lines of some types, before all others: what is done stands behind what caused it, and would
/// be done again. Of a pipe nothing can be known ahead.
pub fn ahead(sources: &[Source], kinds: &[&str], mut each: impl FnMut(&Line)) -> io::Result<()> {
    if kinds.is_empty() {
        return Ok(());
    }
    let words: Vec<_> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    let finders: Vec<_> = words.iter().map(memchr::memmem::Finder::new).collect();
    let mut take = |line: &Line| {
        let is_named = (finders.iter()).any(|finder| finder.find(&line.bytes).is_some());
        if is_named && line.tag().is_ok_and(|tag| kinds.contains(&&*tag)) {
            each(line);
        }
    };
    for source in sources {
        // A pipe is not opened: its writer would take that for its reader.
        if let Source::File(path) = source
            && !path.is_file()
        {
            continue;
        }
        peek(source.open()?, &mut take).map_err(|error| source.explain(error))?;
    }
    Ok(())
}

/// The lines of a regular file from where it stands, which it does not leave.
fn peek(file: File, each: &mut impl FnMut(&Line)) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    let at = (&file).stream_position()?;
    let mut lines = Lines::new(BufReader::with_capacity(256 << 10, At { file, at }));
    while let Some(read) = lines.next()? {
        if let Read1::Line(line) = read {
            each(&line);
        }
    }
    Ok(())
}

/// A file from a place on; the place that others read from stays where it is.
struct At {
    file: File,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d6_a_word_that_is_no_file_is_told_what_to_type() {
        let told = |program, word| refusal(program, Path::new(word)).unwrap_or_default();
        assert_eq!(
            told("mx-lookup", "example.com"),
            "example.com is no file; for a domain: echo example.com | mx-lookup"
        );
        assert_eq!(
            told("smtp-probe", "192.0.2.1"),
            "192.0.2.1 is no file; for an address: echo 192.0.2.1 | smtp-probe"
        );
        for word in [
            "no-such-list",
            "a/b.example",
            "$(id).example",
            "-x.example",
            "192.0.2.1",
        ] {
            let told = told("mx-lookup", word);
            assert!(told.starts_with(word) && !told.contains("echo"), "{told}");
        }
        assert_eq!(refusal("mx-lookup", Path::new("-")), None);
        assert!(told("mx-lookup", "/").contains("directory"));
    }
}
