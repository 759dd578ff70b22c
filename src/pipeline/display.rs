//! What a person sees while the pipe runs: a line for each stage, drawn in place on a terminal, else one line every ten
//! seconds. Nothing of the network is in it but names, and those go through [`printable`].

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::process::{StageMessage, StageProgress};
use crate::ndjson::printable;
use crate::program::say;

/// How often a line is written where nothing can be drawn.
const PERIOD: Duration = Duration::from_secs(10);
/// How often the lines are drawn anew.
const FRAME: Duration = Duration::from_millis(200);

/// The display of a pipe.
#[derive(Debug)]
pub struct Display {
    stages: Vec<StageProgress>,
    began: Instant,
    written: Instant,
    /// Lines that stand on the terminal.
    drawn: usize,
    draws: bool,
    quiet: bool,
}

impl Display {
    /// A display for stages by name; `quiet` shows what programs complain of, and no figures.
    pub fn new<'a>(stages: impl IntoIterator<Item = &'a str>, quiet: bool) -> Self {
        let stages = stages.into_iter().map(|stage| StageProgress {
            stage: stage.to_owned(),
            ..StageProgress::default()
        });
        let now = Instant::now();
        Self {
            stages: stages.collect(),
            began: now,
            written: now,
            drawn: 0,
            draws: io::stderr().is_terminal()
                && std::env::var_os("TERM").is_some_and(|it| it != "dumb"),
            quiet,
        }
    }

    /// Shows what is said until all programs have closed their standard error.
    pub fn follow(&mut self, said: &Receiver<StageMessage>) {
        loop {
            match said.recv_timeout(FRAME) {
                Ok(StageMessage::Figures(figures)) => self.take(figures),
                Ok(StageMessage::Line(line)) => self.say(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.show();
        }
        self.clear();
    }

    fn take(&mut self, figures: StageProgress) {
        if let Some(stage) = (self.stages.iter_mut()).find(|stage| stage.stage == figures.stage) {
            *stage = figures;
        }
    }

    /// A line of a program, above what is drawn.
    fn say(&mut self, line: &str) {
        self.clear();
        let line = format!("{}\n", printable(line));
        let _closed = io::stderr().write_all(line.as_bytes());
    }

    fn show(&mut self) {
        if self.quiet {
            return;
        }
        let now = Instant::now();
        if self.draws {
            if self.drawn == 0 || now - self.written >= FRAME {
                self.written = now;
                self.draw();
            }
        } else if now - self.written >= PERIOD {
            self.written = now;
            say("mx-survey", &self.summary());
        }
    }

    fn draw(&mut self) {
        let mut text = self.erasing();
        let lines: Vec<String> = (self.stages.iter())
            .filter(|stage| stage.done > 0 || stage.in_flight > 0)
            .map(line)
            .collect();
        for line in &lines {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        self.drawn = lines.len();
        let _closed = io::stderr().write_all(text.as_bytes());
    }

    /// Takes what is drawn off the terminal.
    fn clear(&mut self) {
        let text = self.erasing();
        self.drawn = 0;
        if !text.is_empty() {
            let _closed = io::stderr().write_all(text.as_bytes());
        }
    }

    /// Up over the lines that are drawn, and all below away. The cursor is never hidden.
    fn erasing(&self) -> String {
        match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }

    fn summary(&self) -> String {
        let stages: Vec<String> = (self.stages.iter())
            .filter(|stage| stage.done > 0 || stage.in_flight > 0)
            .map(|stage| {
                let mut text = format!("{} {}", stage.stage, stage.done);
                if let Some(of) = stage.of {
                    text.push_str(&format!(" of {of}"));
                }
                if let Some(whom) = &stage.waiting_for {
                    text.push_str(&format!(" (waiting for {})", printable(whom)));
                }
                text
            })
            .collect();
        format!(
            "{} s: {}",
            self.began.elapsed().as_secs(),
            stages.join(", ")
        )
    }
}

/// The figures of a stage in at most 79 columns.
fn line(figures: &StageProgress) -> String {
    let of = figures.of.map(|of| format!(" of {of}")).unwrap_or_default();
    let mut text = format!("{:<14}{:>10}{of}", figures.stage, figures.done);
    if let Some(rate) = figures.rate {
        text.push_str(&format!("  {rate:.0}/s"));
    }
    text.push_str(&format!("  {} in flight", figures.in_flight));
    if let Some(seconds) = figures.eta_s {
        text.push_str(&format!("  {}", time_left(seconds)));
    }
    if let Some(whom) = &figures.waiting_for {
        text.push_str(&format!("  waiting for {}", printable(whom)));
    }
    text.chars().take(79).collect()
}

fn time_left(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s left"),
        100..=5999 => format!("{} min left", seconds / 60),
        _ => format!("{} h left", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_the_terminal_and_bears_no_escape() {
        let figures = StageProgress {
            stage: "smtp-probe".into(),
            done: 12,
            of: Some(400_000),
            rate: Some(480.4),
            in_flight: 31,
            waiting_for: Some("mx\u{1b}[2J.example.org".repeat(5)),
            eta_s: Some(840),
        };
        let line = line(&figures);
        assert!(
            line.starts_with(
                "smtp-probe            12 of 400000  480/s  31 in flight  14 min left"
            ),
            "{line}"
        );
        assert!(
            line.chars().count() <= 79 && !line.contains('\u{1b}'),
            "{line}"
        );
    }
}
