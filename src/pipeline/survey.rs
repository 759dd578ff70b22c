//! The three things that `mx-survey` does with the pipe: answer for some domains, survey lists into a folder and go on
//! where that stopped, and survey again and again.

use std::fs::{self, File, TryLockError};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use super::display::Display;
use super::process::{self, Pids, Running};
use super::{HandedOn, Stage, shell_line, stages};
use crate::program::Program;
use crate::program::stop::{SAME, Signal as Asked, Stop};

/// Runs the pipe; the worst of its statuses: 0, 1 for input that was not understood or not measured, 2 for a failure.
///
/// # Errors
/// Where a program cannot be started.
pub fn run_pipe(
    stages: &[Stage],
    input: Box<dyn Read + Send>,
    held: Option<&File>,
    quiet: bool,
    program: &Program,
) -> anyhow::Result<u8> {
    let running = Running::start(stages, input, held)?;
    hand_on(&program.stop, running.pids());
    let names = stages.iter().map(|stage| stage.program);
    Display::new(names, quiet).follow(&running.said);
    let mut worst = 0;
    for (ended, status) in running.wait()? {
        match status {
            Some(1) => worst = worst.max(1),
            Some(status) => {
                program.say(&format!("{ended} ended with status {status}"));
                worst = 2;
            }
            None => {
                program.say(&format!("{ended} was killed"));
                worst = 2;
            }
        }
    }
    Ok(worst)
}

/// Hands signals on: of the first, Ctrl-C has reached the programs already, SIGTERM this one alone. The second ends this one, and with it
/// the programs, whatever they have heard until then.
fn hand_on(stop: &Stop, pids: Pids) {
    stop.then({
        let (stop, pids) = (stop.clone(), pids.clone());
        move || {
            if stop.signal() == Some(Asked::Terminate) {
                pids.signal(Signal::TERM);
            }
        }
    });
    stop.at_last(move || {
        pids.signal(Signal::TERM);
        // For those to whom that was the first.
        std::thread::sleep(2 * SAME);
        pids.signal(Signal::TERM);
    });
}

/// Runs `report` on a database and hands its output and status on.
///
/// # Errors
/// Where it cannot be started.
pub fn report(database: &Path, arguments: &[String]) -> anyhow::Result<u8> {
    let program = process::path_of(&process::folder()?, "report");
    let status = Command::new(program)
        .arg(database)
        .args(arguments)
        .status()
        .context("report: cannot be started")?;
    Ok(status
        .code()
        .map_or(2, |code| u8::try_from(code).unwrap_or(2)))
}

/// Asks about some domains and shows their cards.
///
/// # Errors
/// Where a program cannot be started, or there is no room for the database.
pub fn check(
    domains: &[String],
    handed: &HandedOn,
    report_options: &[String],
    print: bool,
    quiet: bool,
    program: &Program,
) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("mx-survey.").tempdir()?;
    let database = match print {
        true => PathBuf::from("out.db"),
        false => folder.path().join("check.db"),
    };
    let stages = stages(handed, None, None, &database);
    let mut arguments: Vec<String> = Vec::new();
    for domain in domains {
        arguments.extend(["--explain".to_owned(), domain.clone()]);
    }
    arguments.extend_from_slice(report_options);
    if print {
        let names: Vec<String> = domains.iter().map(|it| super::quoted(it)).collect();
        let words: Vec<String> = arguments.iter().map(|it| super::quoted(it)).collect();
        let line = format!(
            "printf '%s\\n' {} |\n  {} &&\n  report out.db {}\n",
            names.join(" "),
            shell_line(&stages),
            words.join(" ")
        );
        io::stdout().write_all(line.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let input = Cursor::new(domains.join("\n") + "\n");
    let status = run_pipe(&stages, Box::new(input), None, quiet, program)?;
    if status == 2 {
        return Ok(ExitCode::from(2));
    }
    let told = report(&database, &arguments)?;
    Ok(ExitCode::from(if told == 0 { status } else { told }))
}

/// The files of a survey's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Opens a folder, or makes it, and locks it.
    ///
    /// # Errors
    /// Where somebody else works in it, or it cannot be made.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || path.display().to_string();
        fs::create_dir_all(path).with_context(named)?;
        let lock = File::options()
            .create(true)
            .append(true)
            .open(path.join("lock"))
            .with_context(named)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another run works in this folder, or what is left of a killed one still does; call again when it \
                 has ended",
                path.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(named),
        }
        Ok(Self {
            path: path.to_path_buf(),
            lock,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What earlier runs wrote and did not end: their streams in one file, a torn last line taken off; none for the first
    /// run.
    fn earlier(&self) -> anyhow::Result<Option<PathBuf>> {
        let stream = self.file("stream.ndjson");
        let parts = self.file("earlier.ndjson");
        if stream.is_file() {
            let mut from = File::open(&stream)?;
            let mut to = File::options().create(true).append(true).open(&parts)?;
            io::copy(&mut from, &mut to)?;
            mend_end(&parts)?;
            to.sync_all()?;
            fs::remove_file(&stream)?;
        }
        Ok(parts.is_file().then_some(parts))
    }
}

/// Cuts a torn last line off a file, so that what is appended begins a line of its own.
fn mend_end(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = vec![0; 64 * 1024];
    while end > 0 {
        let begin = end.saturating_sub(block.len() as u64);
        let length = (end - begin) as usize;
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(&mut block[..length])?;
        if let Some(at) = memchr::memrchr(b'\n', &block[..length]) {
            return file.set_len(begin + at as u64 + 1);
        }
        end = begin;
    }
    file.set_len(0)
}

/// Surveys lists into a folder: `stream.ndjson`, `survey.db`, `index.html`. Called again it goes on where it stopped.
///
/// # Errors
/// Where a list or the folder cannot be opened, or a program cannot be started.
pub fn run(
    lists: &[PathBuf],
    out: &Path,
    handed: &HandedOn,
    print: bool,
    quiet: bool,
    program: &Program,
) -> anyhow::Result<ExitCode> {
    let database = out.join("survey.db");
    let stream = out.join("stream.ndjson");
    if print {
        let lists: Vec<String> = (lists.iter())
            .map(|list| super::quoted(&list.to_string_lossy()))
            .collect();
        let line = format!(
            "cat {} |\n  {} &&\n  report {} --format html > {}\n",
            lists.join(" "),
            shell_line(&stages(handed, None, Some(&stream), &database)),
            super::quoted(&database.to_string_lossy()),
            super::quoted(&out.join("index.html").to_string_lossy()),
        );
        io::stdout().write_all(line.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = Folder::open(out)?;
    let input = opened(lists)?;
    let earlier = folder.earlier()?;
    if let (Some(_), false) = (&earlier, quiet) {
        program.say("goes on where the run before stopped");
    }
    let stages = stages(handed, earlier.as_deref(), Some(&stream), &database);
    let status = run_pipe(&stages, input, Some(&folder.lock), quiet, program)?;
    if status == 2 {
        return Ok(ExitCode::from(2));
    }
    page(&database, &folder.file("index.html"), &[])?;
    if let (0, Some(parts)) = (status, earlier) {
        fs::remove_file(parts)?;
    }
    let summary = report(&database, &[])?;
    if !quiet {
        program.say(&format!(
            "{} holds the stream, the database and the page",
            out.display()
        ));
    }
    Ok(ExitCode::from(status.max(summary)))
}

/// The lists one behind the other; standard input for none.
pub(super) fn opened(lists: &[PathBuf]) -> anyhow::Result<Box<dyn Read + Send>> {
    if lists.is_empty() {
        return Ok(Box::new(io::stdin()));
    }
    let mut input: Box<dyn Read + Send> = Box::new(io::empty());
    for list in lists {
        let file: Box<dyn Read + Send> = match list.to_str() {
            Some("-") => Box::new(io::stdin()),
            _ => Box::new(File::open(list).with_context(|| list.display().to_string())?),
        };
        // A list without an end of line at its end does not run into the next.
        input = Box::new(input.chain(file).chain(Cursor::new("\n")));
    }
    Ok(input)
}

/// The page of a database, written whole or not at all; `more` are options of `report`.
pub(super) fn page(database: &Path, page: &Path, more: &[String]) -> anyhow::Result<()> {
    let part = page.with_extension("part");
    let program = process::path_of(&process::folder()?, "report");
    let status = Command::new(program)
        .arg(database)
        .args(["--format", "html"])
        .args(more)
        .stdout(File::create(&part)?)
        .status()
        .context("report: cannot be started")?;
    if !matches!(status.code(), Some(0 | 1)) {
        bail!("report could not make the page");
    }
    fs::rename(part, page)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_end_is_cut_off_and_nothing_else() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("stream");
        let long = "x".repeat(200_000);
        for (text, expected) in [
            ("a\nb\n".to_owned(), "a\nb\n".to_owned()),
            ("a\nb".to_owned(), "a\n".to_owned()),
            ("torn".to_owned(), String::new()),
            (String::new(), String::new()),
            (format!("a\n{long}"), "a\n".to_owned()),
        ] {
            fs::write(&path, text)?;
            mend_end(&path)?;
            assert_eq!(fs::read_to_string(&path)?, expected);
        }
        Ok(())
    }

    #[test]
    fn two_runs_do_not_share_a_folder() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = Folder::open(folder.path())?;
        assert!(Folder::open(folder.path()).is_err());
        drop(first);
        Folder::open(folder.path())?;
        Ok(())
    }
}
