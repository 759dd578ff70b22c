//! Provenance: our own `run` lines, those of the stages before us, and the complaints about lines.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::ndjson::{self, Line, printable};
use crate::record::{Event, Phase, Reason, Run, Text, now};

/// Complaints that are printed; the rest is counted.
const PRINTED: u64 = 10;

/// The runs of a stream as one stage sees them.
#[derive(Debug)]
pub struct Runs {
    /// Our own id.
    pub id: Arc<str>,
    /// A signal ended it.
    pub interrupted: bool,
    start: Run,
    began: Instant,
    /// Runs on the input that have not ended: id to stage.
    open: BTreeMap<String, String>,
    complaints: u64,
}

impl Runs {
    /// Begins a run.
    pub fn start(stage: &str, settings: &Map<String, Value>, resumed: &[String]) -> Self {
        let id = format!("{:016x}", rand::random::<u64>());
        let arguments = std::env::args_os().skip(1);
        let start = Run {
            event: Event::Start,
            id: id.clone(),
            stage: stage.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            time: now(),
            arguments: arguments
                .map(|argument| Text::from(argument.as_encoded_bytes()))
                .collect(),
            settings: settings.clone(),
            resumed: resumed.to_vec(),
            outcomes: BTreeMap::new(),
            counts: BTreeMap::new(),
            operators: BTreeMap::new(),
            cut: Vec::new(),
            interrupted: None,
            elapsed_ms: None,
        };
        Self {
            id: id.into(),
            interrupted: false,
            start,
            began: Instant::now(),
            open: BTreeMap::new(),
            complaints: 0,
        }
    }

    /// The first line.
    pub fn start_line(&self) -> Vec<u8> {
        ndjson::to_line(&self.start)
    }

    /// A `run` line on the input.
    pub fn seen(&mut self, line: &Line) {
        // An unreadable one is passed on like any line of a kind that is not ours.
        let Ok(run) = serde_json::from_slice::<Run>(&line.bytes) else {
            return;
        };
        match run.event {
            Event::Start => drop(self.open.insert(run.id, run.stage)),
            Event::End => drop(self.open.remove(&run.id)),
        }
    }

    /// Reports a line that was not understood.
    pub fn complain(&mut self, number: u64, why: &dyn Display) {
        self.complain_of(&format_args!("line {number}"), why);
    }

    /// Reports a part of the input that was not understood: a line, a file.
    pub fn complain_of(&mut self, what: &dyn Display, why: &dyn Display) {
        self.complaints += 1;
        if self.complaints <= PRINTED {
            let text = format!("{}: {what}: {why}", self.start.stage);
            eprintln!("{}", printable(&text));
        }
    }

    /// Whether every line was understood and every run ended.
    pub fn is_clean(&self) -> bool {
        self.complaints == 0 && self.open.is_empty()
    }

    /// The last line; reports what is missing on stderr.
    pub fn end_line(
        &mut self,
        outcomes: &HashMap<(Phase, Reason), u64>,
        mut counts: BTreeMap<String, u64>,
        operators: BTreeMap<String, u64>,
    ) -> Vec<u8> {
        let stage = &self.start.stage;
        if self.complaints > PRINTED {
            eprintln!(
                "{stage}: {} lines were not understood, the first {PRINTED} are named above",
                self.complaints
            );
        }
        for (id, of) in &self.open {
            eprintln!(
                "{stage}: the input is cut: run {} of {} began and did not end",
                printable(id),
                printable(of)
            );
        }
        if self.complaints > 0 {
            counts.insert("complaints".into(), self.complaints);
        }
        let outcomes = outcomes
            .iter()
            .map(|((phase, reason), &count)| (format!("{phase}/{reason}"), count))
            .collect();
        ndjson::to_line(&Run {
            event: Event::End,
            time: now(),
            arguments: Vec::new(),
            settings: Map::new(),
            outcomes,
            counts,
            operators,
            cut: self.open.keys().cloned().collect(),
            interrupted: self.interrupted.then_some(true),
            elapsed_ms: Some(self.began.elapsed().as_millis() as u64),
            ..self.start.clone()
        })
    }
}
