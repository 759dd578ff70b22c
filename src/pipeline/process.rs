//! The pipe as processes: started beside this program, joined by pipes, listened to, waited for.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde::Deserialize;

use super::{Stage, TEE};

/// The longest line of a program's standard error that is kept.
const LONGEST: u64 = 64 * 1024;

/// What a stage says of its progress (`--progress=json`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StageProgress {
    /// The program.
    pub stage: String,
    /// Subjects done.
    pub done: u64,
    /// Subjects in all, once the input was read.
    pub of: Option<u64>,
    /// Subjects a second.
    pub rate: Option<f64>,
    /// In flight.
    pub in_flight: u64,
    /// Whom it waits for, in words.
    pub waiting_for: Option<String>,
    /// Seconds that are left.
    pub eta_s: Option<u64>,
}

/// What a program of the pipe says.
#[derive(Debug)]
pub enum StageMessage {
    /// Figures.
    Figures(StageProgress),
    /// A line for people, as it came.
    Line(String),
}

/// Programs that run.
#[derive(Debug)]
pub struct Running {
    children: Vec<(&'static str, Child)>,
    pids: Pids,
    /// What they say; it ends when all have closed their standard error.
    pub said: Receiver<StageMessage>,
}

/// The folder of this program: the others stand beside it.
///
/// # Errors
/// Where the system does not tell.
pub fn folder() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("where this program is")?;
    Ok(this.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// The path of a program: beside this one, else by name.
pub fn path_of(folder: &Path, program: &str) -> PathBuf {
    let beside = folder.join(program);
    if beside.is_file() {
        beside
    } else {
        PathBuf::from(program)
    }
}

impl Running {
    /// Starts the programs; `input` is written to the first. `held` is kept open by `tee` as its standard error, and by the last
    /// program as its standard output, so that a lock on it lasts as long as anything is written.
    ///
    /// # Errors
    /// Where a program cannot be started; those started before are ended.
    pub fn start(
        stages: &[Stage],
        input: Box<dyn Read + Send>,
        held: Option<&File>,
    ) -> anyhow::Result<Self> {
        let folder = folder()?;
        let (sender, said) = channel();
        let mut running = Self {
            children: Vec::new(),
            pids: Pids::default(),
            said,
        };
        let mut input = Some(input);
        let mut before = None;
        for (number, stage) in stages.iter().enumerate() {
            let mut command = Command::new(path_of(&folder, stage.program));
            let tells = TELLING.contains(&stage.program);
            command.args(stage.arguments.iter().map(|it| with_figures(it, tells)));
            command.stdin(before.take().unwrap_or_else(Stdio::piped));
            let is_last = number + 1 == stages.len();
            match (is_last, held) {
                (false, _) => command.stdout(Stdio::piped()),
                (true, Some(file)) => command.stdout(file.try_clone()?),
                (true, None) => command.stdout(Stdio::null()),
            };
            match held.filter(|_| stage.program == TEE) {
                Some(file) => command.stderr(file.try_clone()?),
                None => command.stderr(Stdio::piped()),
            };
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    running.pids.signal(Signal::TERM);
                    return Err(error)
                        .with_context(|| format!("{}: cannot be started", stage.program));
                }
            };
            if let Some(stderr) = child.stderr.take() {
                listen(stderr, sender.clone());
            }
            if let (Some(stdin), Some(input)) = (child.stdin.take(), input.take()) {
                feed(stdin, input);
            }
            before = child.stdout.take().map(Stdio::from);
            if stage.program != TEE {
                running.pids.locked().extend(pid(&child));
            }
            running.children.push((stage.program, child));
        }
        Ok(running)
    }

    /// The programs' ids, for signals from another thread.
    pub fn pids(&self) -> Pids {
        self.pids.clone()
    }

    /// Waits for every program. Those that did not end with 0, in the order of the pipe, with their status; none where a
    /// signal ended them.
    ///
    /// # Errors
    /// Where the system does not let it wait.
    pub fn wait(mut self) -> io::Result<Vec<(&'static str, Option<i32>)>> {
        for id in self.children.iter().filter_map(|(_, child)| pid(child)) {
            // What has ended keeps its id until it is asked for its status.
            waitid(
                WaitId::Pid(id),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            )?;
        }
        self.pids.locked().clear();
        let mut failed = Vec::new();
        for (program, child) in &mut self.children {
            let status = child.wait()?;
            if !status.success() {
                failed.push((*program, status.code()));
            }
        }
        Ok(failed)
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// The ids of programs that were not waited for yet, so that nobody else has them, but for tee's.
#[derive(Clone, Debug, Default)]
pub struct Pids(Arc<Mutex<Vec<Pid>>>);

impl Pids {
    /// Sends a signal to every program; those that have ended are passed over.
    pub fn signal(&self, signal: Signal) {
        for &id in &*self.locked() {
            let _ended = kill_process(id, signal);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Programs that know `--progress=json`.
const TELLING: [&str; 4] = ["mx-lookup", "policy-lookup", "policy-fetch", "smtp-probe"];

/// A stage reports figures in place of being quiet, which `--quiet` stands for in the line that is printed.
fn with_figures(argument: &OsString, tells: bool) -> &OsStr {
    match argument.to_str() {
        Some("--quiet") if tells => OsStr::new("--progress=json"),
        _ => argument,
    }
}

/// Reads what a program says, line by line, until it closes.
fn listen(stderr: impl Read + Send + 'static, sender: Sender<StageMessage>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let said = match serde_json::from_slice(&line) {
                Ok(figures) => StageMessage::Figures(figures),
                Err(_) => StageMessage::Line(String::from_utf8_lossy(&line).trim_end().to_owned()),
            };
            if sender.send(said).is_err() {
                return;
            }
        }
    });
}

/// Writes the input to the first program; one that has seen enough is no failure.
fn feed(mut stdin: impl Write + Send + 'static, mut input: Box<dyn Read + Send>) {
    thread::spawn(move || {
        let _closed = io::copy(&mut input, &mut stdin);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_locked_until_the_last_program_has_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let open = || {
            let mut options = File::options();
            options.append(true).create(true).open(path("lock"))
        };
        let (lock, other) = (open().unwrap(), open().unwrap());
        lock.try_lock().unwrap();
        let last = format!("cat; sleep 0.2; echo > {}", path("whole").display());
        let stages = [
            Stage::new(TEE).argument("-i").argument(path("stream")),
            Stage::new("sh").argument("-c").argument(last),
        ];
        let running = Running::start(&stages, Box::new(&b"a line\n"[..]), Some(&lock)).unwrap();
        // As if whoever started them were killed.
        drop(lock);
        other.lock().unwrap();
        assert!(path("whole").exists());
        assert_eq!(running.wait().unwrap(), []);
    }
}
