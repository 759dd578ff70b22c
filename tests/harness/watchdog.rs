//! Kills what the tests started and what does not end, with its name on stderr: a test that hangs fails instead, and says why.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

/// Longer than any process of ours takes, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(1200);

/// Watches from now on; once is enough.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| drop(std::thread::spawn(watch)));
}

fn watch() {
    let mut seen = HashMap::new();
    loop {
        std::thread::sleep(Duration::from_secs(5));
        let running = processes_of_ours();
        seen.retain(|id, _| running.contains_key(id));
        for (id, command) in running {
            if seen.entry(id).or_insert_with(Instant::now).elapsed() > LIMIT {
                // Not by a macro: those are kept for the test that happened to start this thread.
                let _ = writeln!(std::io::stderr(), "killed after {LIMIT:?}: {command}");
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            }
        }
    }
}

/// The processes that bear the environment of this one and came after it, orphans too, with their command lines.
fn processes_of_ours() -> HashMap<u32, String> {
    let mark = format!("CARGO_MANIFEST_DIR={}\0", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let beginning = began(std::process::id());
    ids.filter(|id| *id != std::process::id() && began(*id) >= beginning)
        .filter_map(|id| {
            let file = |name: &str| std::fs::read(format!("/proc/{id}/{name}"));
            let environment = file("environ").ok()?;
            let ours = (environment.windows(mark.len())).any(|window| window == mark.as_bytes());
            let command = String::from_utf8_lossy(&file("cmdline").ok()?).replace('\0', " ");
            ours.then_some((id, command))
        })
        .collect()
}

/// When a process began, in clock ticks since this machine did; behind the name, which may hold anything, the 20th field.
fn began(id: u32) -> Option<u64> {
    let line = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    line.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

#[test]
fn what_the_tests_start_is_known() {
    let mut child = (Command::new("sleep").arg("60").spawn()).unwrap();
    // Between fork and exec it is another one of us.
    super::wait_for("sleep", Duration::from_secs(10), || {
        processes_of_ours()
            .get(&child.id())
            .is_some_and(|it| it.starts_with("sleep 60"))
    });
    let parent = std::os::unix::process::parent_id();
    assert!(began(parent) <= began(std::process::id()) && began(parent).is_some());
    child.kill().unwrap();
    child.wait().unwrap();
}
