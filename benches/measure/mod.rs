//! Runs a command to its end and reads from /proc what it took.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a command took.
pub struct Measured {
    pub elapsed: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// Largest resident set, KiB.
    pub most_memory: u64,
}

/// Runs a command from one file to another.
pub fn run(command: &mut Command, stdin: &Path, stdout: &Path) -> Measured {
    let begun = Instant::now();
    let mut child = command
        .stdin(File::open(stdin).unwrap())
        .stdout(File::create(stdout).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    let mut most_memory = 0;
    let cpu = loop {
        let stat = of("stat");
        // Fields behind the name, which stands in parentheses: state, …, utime and stime in ticks of 10 ms.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<_> = fields.split_whitespace().collect();
        if fields[0] == "Z" {
            let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
            break Duration::from_millis(ticks * 10);
        }
        if let Some(line) = of("status").lines().find(|line| line.starts_with("VmHWM:")) {
            most_memory = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        }
        sleep(Duration::from_millis(20));
    };
    let elapsed = begun.elapsed();
    assert!(child.wait().unwrap().success());
    Measured {
        elapsed,
        cpu,
        most_memory,
    }
}

/// The run that took the median of CPU among so many.
#[allow(dead_code)]
pub fn median(times: usize, command: &mut Command, stdin: &Path, stdout: &Path) -> Measured {
    let mut runs: Vec<_> = (0..times.max(1))
        .map(|_| run(command, stdin, stdout))
        .collect();
    runs.sort_by_key(|run| run.cpu);
    runs.swap_remove(runs.len() / 2)
}
