//! Runs the real programs and holds what they print, say and return together.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod watchdog;

/// The path of one of our programs.
pub fn program(name: &str) -> PathBuf {
    watchdog::start();
    assert_cmd::cargo::cargo_bin(name)
}

/// What a program printed, said and returned.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    /// Exit status; negative: the signal that killed it.
    pub status: i32,
}

impl Ran {
    /// The records on stdout.
    pub fn records(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The records of one type.
    pub fn of_type(&self, kind: &str) -> Vec<serde_json::Value> {
        self.records()
            .into_iter()
            .filter(|record| record["type"] == kind)
            .collect()
    }

    /// Fails with everything that was said unless the status is this.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stderr: {}\nstdout: {:.4000}",
            self.stderr, self.stdout
        );
        self
    }
}

/// Runs one of our programs over `stdin`.
pub fn run(name: &str, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Ran {
    run_command(Command::new(program(name)).args(arguments), stdin.as_ref())
}

/// Runs any command over `stdin`.
pub fn run_command(command: &mut Command, stdin: &[u8]) -> Ran {
    let mut child = (command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn())
    .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().unwrap();
    let input = stdin.to_vec();
    // A program that ends before it has read all closes the pipe: that is its right.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    use std::os::unix::process::ExitStatusExt as _;
    let status = output.status;
    Ran {
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: status
            .code()
            .unwrap_or_else(|| -status.signal().unwrap_or(0)),
    }
}

/// Runs a shell pipeline with our programs first in PATH, in `directory`.
pub fn shell(script: &str, directory: &Path) -> Ran {
    let bin = program("mx-lookup").parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", script])
        .env("PATH", path)
        .current_dir(directory);
    run_command(&mut command, b"")
}

/// A process that is killed when it goes out of scope.
#[derive(Debug)]
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `ready`, at most `limit`.
#[track_caller]
pub fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !ready() {
        assert!(Instant::now() < end, "{what} took longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A record without what differs from run to run: times, run ids, what caused it, durations, questions.
pub fn timeless(mut record: serde_json::Value) -> serde_json::Value {
    const PASSING: &[&str] = &[
        "time",
        "run",
        "for",
        "server_name",
        "timings",
        "elapsed_ms",
        "connected",
        "at",
        // Whoever comes first asks for what others share.
        "questions",
    ];
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.retain(|name, _| !PASSING.contains(&name.as_str()));
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut record);
    record
}

/// A list of names and counts as an object, to look into by name.
pub fn by_name(counts: &serde_json::Value) -> serde_json::Value {
    let counts = counts.as_array().into_iter().flatten();
    counts
        .map(|it| (it["name"].as_str().unwrap().to_owned(), it["n"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
