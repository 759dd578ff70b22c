//! Provenance: our own `run` lines, those of the stages before us, and the complaints about lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::input::InputPlace;
use super::say::say;
use crate::ndjson::{self, Line};
use crate::record::{Event, NamedCounts, Phase, Reason, Run, SCHEMA, Text, now};

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
    /// Runs on the input that have not ended.
    open: OpenRuns,
    /// Stages of which a run began on the input.
    stages: BTreeSet<String>,
    complaints: u64,
    /// Of the input so far; `None`: a line of it was not read whole.
    digest: Option<Sha256>,
}

/// Runs that began on an input and have not ended there: id to stage. Whoever writes the input chooses how many, so only so many are
/// kept by name, and what is too long for an id of ours is none.
#[derive(Debug, Default)]
pub struct OpenRuns {
    named: BTreeMap<String, String>,
    /// Beginnings beyond those.
    others: u64,
}

impl OpenRuns {
    /// Runs that are kept by name.
    const MOST: usize = 10_000;
    /// Those of them that are told.
    pub const TOLD: usize = 10;
    /// The longest id and stage, bytes. Ours have 16 and at most 14.
    const LONGEST: usize = 64;

    /// Takes note of a `run` line.
    pub fn note(&mut self, event: Event, id: String, stage: String) {
        if id.len().max(stage.len()) > Self::LONGEST {
            return;
        }
        match event {
            Event::Start if self.named.len() < Self::MOST => drop(self.named.insert(id, stage)),
            Event::Start => self.others += u64::from(!self.named.contains_key(&id)),
            Event::End => drop(self.named.remove(&id)),
        }
    }

    /// Whether every run has ended.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others == 0
    }

    /// How many have not.
    pub fn count(&self) -> u64 {
        self.named.len() as u64 + self.others
    }

    /// The first of them, id and stage.
    pub fn first(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.named.iter().take(Self::TOLD);
        named.map(|(id, stage)| (id.as_str(), stage.as_str()))
    }

    /// What to say of those that are not among the first.
    pub fn rest(&self) -> Option<String> {
        let rest = self.count().saturating_sub(Self::TOLD as u64);
        (rest > 0).then(|| format!("and {rest} more runs began and did not end"))
    }
}

impl Runs {
    /// Begins a run.
    pub fn start(
        stage: &str,
        settings: &Map<String, Value>,
        resumed: &[String],
        vantage: Option<&str>,
    ) -> Self {
        let id = format!("{:016x}", rand::random::<u64>());
        let arguments = std::env::args_os().skip(1);
        let start = Run {
            event: Event::Start,
            id: id.clone(),
            stage: stage.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            schema: Some(SCHEMA),
            commit: super::COMMIT.map(str::to_owned),
            vantage: vantage.map(str::to_owned),
            time: now(),
            arguments: arguments
                .map(|argument| Text::from(argument.as_encoded_bytes()))
                .collect(),
            settings: settings.clone(),
            resumed: resumed.to_vec(),
            input_sha256: None,
            outcomes: NamedCounts::default(),
            counts: NamedCounts::default(),
            operators: NamedCounts::default(),
            cut: Vec::new(),
            interrupted: None,
            elapsed_ms: None,
        };
        Self {
            id: id.into(),
            interrupted: false,
            start,
            began: Instant::now(),
            open: OpenRuns::default(),
            stages: BTreeSet::new(),
            complaints: 0,
            digest: Some(Sha256::new()),
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
        if run.event == Event::Start && self.stages.len() < Self::STAGES {
            self.stages.insert(run.stage.clone());
        }
        self.open.note(run.event, run.id, run.stage);
    }

    /// Whether a run of `stage` began on the input.
    pub fn has_begun(&self, stage: &str) -> bool {
        self.stages.contains(stage)
    }

    /// Stages that are remembered.
    const STAGES: usize = 32;

    /// A line of the input that is no `run` line, for the digest.
    pub fn read(&mut self, line: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.update(line);
            digest.update(b"\n");
        }
    }

    /// Not all of the input is read: there is no digest of it.
    pub fn leave_out(&mut self) {
        self.digest = None;
    }

    /// Reports a line that was not understood.
    pub fn complain(&mut self, place: InputPlace<'_>, why: &dyn Display) {
        self.complain_of(&place, why);
    }

    /// Reports a part of the input that was not understood: a line, a file.
    pub fn complain_of(&mut self, what: &dyn Display, why: &dyn Display) {
        self.complaints += 1;
        if self.complaints <= PRINTED {
            say(&self.start.stage, &format!("{what}: {why}"));
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
            say(
                stage,
                &format!(
                    "{} lines were not understood, the first {PRINTED} are named above",
                    self.complaints
                ),
            );
        }
        for (id, of) in self.open.first() {
            say(
                stage,
                &format!("the input is cut: run {id} of {of} began and did not end"),
            );
        }
        if let Some(rest) = self.open.rest() {
            say(stage, &rest.to_string());
        }
        if self.open.count() > OpenRuns::TOLD as u64 {
            counts.insert("runs_cut".into(), self.open.count());
        }
        if self.complaints > 0 {
            counts.insert("complaints".into(), self.complaints);
        }
        let outcomes: BTreeMap<String, u64> = outcomes
            .iter()
            .map(|((phase, reason), &count)| (format!("{phase}/{reason}"), count))
            .collect();
        ndjson::to_line(&Run {
            event: Event::End,
            time: now(),
            arguments: Vec::new(),
            settings: Map::new(),
            outcomes: outcomes.into(),
            counts: counts.into(),
            operators: operators.into(),
            cut: self.open.first().map(|(id, _)| id.to_owned()).collect(),
            input_sha256: self
                .digest
                .take()
                .map(|digest| format!("{:x}", digest.finalize())),
            interrupted: self.interrupted.then_some(true),
            elapsed_ms: Some(self.began.elapsed().as_millis() as u64),
            ..self.start.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_beginnings_take_bounded_room() {
        let mut open = OpenRuns::default();
        for number in 0..300_000 {
            open.note(Event::Start, format!("{number:016x}"), "x".into());
        }
        open.note(Event::Start, "y".repeat(1 << 20), "x".into());
        assert_eq!(open.count(), 300_000);
        assert_eq!(open.first().count(), OpenRuns::TOLD);
        assert_eq!(open.named.len(), OpenRuns::MOST);
        assert!(open.rest().is_some_and(|rest| rest.contains("299990")));
    }

    #[test]
    fn a_run_that_ended_is_not_open() {
        let mut open = OpenRuns::default();
        open.note(Event::Start, "a".into(), "mx-lookup".into());
        assert!(!open.is_empty());
        open.note(Event::End, "a".into(), "mx-lookup".into());
        assert!(open.is_empty());
    }
}
