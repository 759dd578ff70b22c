//! Progress on standard error: drawn in place by the stage at the end of a pipe, whole prefixed lines by others.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::record::{Phase, Reason};

/// When to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressWhen {
    /// Where stderr is a terminal and stdout is no pipe.
    #[default]
    Auto,
    /// Always (`--progress`).
    Always,
    /// Always, for programs (`--progress=json`).
    Json,
    /// Never (`--quiet`).
    Never,
}

/// What is shown.
#[derive(Debug)]
pub struct ProgressFigures<'a> {
    /// Lines read.
    pub lines: u64,
    /// Observations in flight.
    pub flying: usize,
    /// Targets that wait.
    pub waiting: usize,
    /// Records so far.
    pub outcomes: &'a HashMap<(Phase, Reason), u64>,
    /// The operator for whom most targets wait.
    pub waiting_for: Option<&'a str>,
    /// The input has ended: all that is to be done is known.
    pub is_all: bool,
    /// What the stage has to say of its own.
    pub note: Option<String>,
}

/// A progress display.
#[derive(Debug)]
pub struct Progress {
    stage: &'static str,
    began: Instant,
    /// Records and time at the last display.
    last: (u64, Instant),
    draws: bool,
    is_json: bool,
    is_drawn: bool,
    ticks: Option<Interval>,
}

impl Progress {
    /// A display for `stage`.
    pub fn new(stage: &'static str, when: ProgressWhen) -> Self {
        let now = Instant::now();
        let is_json = when == ProgressWhen::Json;
        let draws = !is_json && io::stderr().is_terminal() && !is_pipe(&io::stdout());
        let shows = is_json || when == ProgressWhen::Always || when == ProgressWhen::Auto && draws;
        let period = Duration::from_secs(if draws || is_json { 1 } else { 5 });
        let ticks = shows.then(|| {
            let mut ticks = interval_at((now + period).into(), period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self {
            stage,
            began: now,
            last: (0, now),
            draws,
            is_json,
            is_drawn: false,
            ticks,
        }
    }

    /// Whether anything is shown at all.
    pub fn shows(&self) -> bool {
        self.ticks.is_some()
    }

    /// Waits for the next moment to show something; for ever, if nothing is to be shown.
    pub async fn tick(&mut self) {
        match &mut self.ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Shows the figures.
    pub fn show(&mut self, figures: &ProgressFigures<'_>) {
        let records = figures.outcomes.values().sum();
        let now = Instant::now();
        let seconds = (now - self.last.1).as_secs_f64().max(1e-3);
        let rate = (records - self.last.0) as f64 / seconds;
        self.last = (records, now);
        if self.is_json {
            return self.write_json(figures, records, rate);
        }
        let elapsed = self.began.elapsed().as_secs();
        let mut text = format!(
            "{:02}:{:02}:{:02}  {} lines  {records} done  {rate:.0}/s  {} in flight  {} waiting ",
            elapsed / 3600,
            elapsed / 60 % 60,
            elapsed % 60,
            figures.lines,
            figures.flying,
            figures.waiting
        );
        let mut outcomes: Vec<_> = figures.outcomes.iter().collect();
        outcomes.sort_by(|a, b| b.1.cmp(a.1));
        for ((phase, reason), count) in outcomes.into_iter().take(6) {
            text += &match phase {
                Phase::Done => format!(" {reason} {count}"),
                _ => format!(" {phase}/{reason} {count}"),
            };
        }
        if let Some(note) = &figures.note {
            text += &format!("  {note}");
        }
        self.draw(&text);
    }

    /// The figures at the end of a run, for programs.
    pub fn end(&mut self, figures: &ProgressFigures<'_>) {
        self.clear();
        if self.is_json {
            self.show(figures);
        }
    }

    fn write_json(&self, figures: &ProgressFigures<'_>, done: u64, rate: f64) {
        let left = (figures.flying + figures.waiting) as u64;
        let of = figures.is_all.then_some(done + left);
        let eta = (figures.is_all && rate > 0.0).then(|| (left as f64 / rate).ceil() as u64);
        let left = Left {
            in_flight: figures.flying,
            waiting: figures.waiting,
            waiting_for: figures.waiting_for,
            eta_s: eta,
        };
        write_json(&json(self.stage, done, of, rate, left));
    }

    /// A line for people, beside the display.
    pub fn say(&mut self, text: &str) {
        self.clear();
        super::say::say(self.stage, text);
    }

    /// Removes what is drawn.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    fn draw(&mut self, text: &str) {
        if self.draws {
            self.is_drawn = true;
            let text = format!("\r\x1b[K{}: {text}", self.stage);
            // Nobody to show it to: nothing to do about that.
            let _ = io::stderr().write_all(text.as_bytes());
        } else {
            super::say::say(self.stage, text);
        }
    }
}

/// What is still to be done.
#[derive(Debug, Default)]
struct Left<'a> {
    in_flight: usize,
    waiting: usize,
    waiting_for: Option<&'a str>,
    eta_s: Option<u64>,
}

/// A line of `--progress=json`.
fn json(stage: &str, done: u64, of: Option<u64>, rate: f64, left: Left<'_>) -> serde_json::Value {
    serde_json::json!({
        "stage": stage,
        "done": done,
        "of": of,
        "rate": (rate * 10.0).round() / 10.0,
        "in_flight": left.in_flight,
        "waiting": left.waiting,
        "waiting_for": left.waiting_for,
        "eta_s": left.eta_s,
    })
}

fn write_json(line: &serde_json::Value) {
    // Names of operators come from the network.
    if let Ok(line) = crate::ndjson::to_json(line) {
        // Nobody to show it to: nothing to do about that.
        let _ = io::stderr().write_all(&[line.as_slice(), b"\n"].concat());
    }
}

/// How far a program is that measures nothing but reads: every five seconds a line for people, every second one of JSON.
#[derive(Debug)]
pub struct ReadingProgress {
    program: &'static str,
    is_json: bool,
    /// Between two lines; none: nothing is shown.
    period: Option<Duration>,
    /// What was done at the last line, and when that was.
    last: (u64, Instant),
}

impl ReadingProgress {
    /// A display for `program`; [`ProgressWhen::Auto`]: where standard error is a terminal.
    pub fn new(program: &'static str, when: ProgressWhen) -> Self {
        let period = match when {
            ProgressWhen::Json => Some(1),
            ProgressWhen::Always => Some(5),
            ProgressWhen::Auto => io::stderr().is_terminal().then_some(5),
            ProgressWhen::Never => None,
        };
        Self {
            program,
            is_json: when == ProgressWhen::Json,
            period: period.map(Duration::from_secs),
            last: (0, Instant::now()),
        }
    }

    /// The time between two lines; none: nothing is shown.
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    /// Whether it is for programs.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Shows how much is `done`, in numbers and as `text`, if it is time for that.
    pub fn show(&mut self, done: u64, text: impl FnOnce() -> String) {
        if self
            .period
            .is_some_and(|period| self.last.1.elapsed() >= period)
        {
            self.write(done, text);
        }
    }

    /// The same at the end, where anything is shown.
    pub fn end(&mut self, done: u64, text: impl FnOnce() -> String) {
        if self.period.is_some() {
            self.write(done, text);
        }
    }

    fn write(&mut self, done: u64, text: impl FnOnce() -> String) {
        let now = Instant::now();
        let seconds = (now - self.last.1).as_secs_f64().max(1e-3);
        let rate = done.saturating_sub(self.last.0) as f64 / seconds;
        self.last = (done, now);
        if self.is_json {
            let figures = json(self.program, done, None, rate, Default::default());
            write_json(&figures);
        } else {
            super::say::say(self.program, &text());
        }
    }
}

fn is_pipe(stdout: &impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let file = stdout.as_fd().try_clone_to_owned().map(std::fs::File::from);
    file.and_then(|file| file.metadata())
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}
