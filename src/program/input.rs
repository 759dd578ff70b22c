//! Standard input in batches: whatever has arrived goes on at once, and no more is read than is asked for.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Seek as _};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::thread;

use tokio::sync::mpsc;

use crate::ndjson::{Line, Lines, Read1};

/// Lines in a batch, and the bytes after which it is closed.
const LINES: usize = 512;
const BYTES: usize = 256 << 10;

/// A batch, or the error that ended the input.
pub type Batch = io::Result<Vec<Read1>>;

/// Reads standard input on a thread of its own. A terminal is told what is awaited.
pub fn stdin(program: &str, awaited: &str) -> io::Result<mpsc::Receiver<Batch>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!("{program}: reading {awaited} from the terminal; end with Ctrl-D");
    }
    let file = File::from(stdin.as_fd().try_clone_to_owned()?);
    let (batches, receiver) = mpsc::channel(2);
    thread::spawn(move || read(file, &batches));
    Ok(receiver)
}

/// Where standard input is a file, its lines of some types before all others: what is done stands behind what caused it, and
/// would be done again. Of a pipe nothing can be known ahead.
pub fn ahead(kinds: &[&str], mut each: impl FnMut(&Line)) -> io::Result<()> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if kinds.is_empty() || !file.metadata()?.is_file() {
        return Ok(());
    }
    let at = (&file).stream_position()?;
    let words: Vec<_> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    let finders: Vec<_> = words.iter().map(memchr::memmem::Finder::new).collect();
    let mut lines = Lines::new(BufReader::with_capacity(256 << 10, At { file, at }));
    while let Some(read) = lines.next()? {
        if let Read1::Line(line) = read
            && finders
                .iter()
                .any(|finder| finder.find(&line.bytes).is_some())
            && line.tag().is_ok_and(|tag| kinds.contains(&&*tag))
        {
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

fn read(file: File, batches: &mpsc::Sender<Batch>) {
    let mut lines = Lines::new(BufReader::with_capacity(64 << 10, file));
    loop {
        let batch = next(&mut lines);
        let is_last = !matches!(&batch, Ok(batch) if !batch.is_empty());
        if matches!(&batch, Ok(batch) if batch.is_empty())
            || batches.blocking_send(batch).is_err()
            || is_last
        {
            return;
        }
    }
}

/// Waits for one line, then takes those that are there already.
fn next(lines: &mut Lines<BufReader<File>>) -> Batch {
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
