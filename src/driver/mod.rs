//! The driver of every network stage.
//!
//! A line's way: the reader → `select` (in input order: the line is sent on, its kind looked at, only own input
//! parsed, repeats counted) → `observe` (concurrent; cannot fail, it returns a record) → the one writer. Nothing
//! goes back. Cause precedes effect: a line is in the writer's queue before the work that it causes begins.

mod drive;
pub mod options;
pub mod resume;
pub mod seen;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ndjson::{self, Line, NotARecord};
use crate::net::pacing::{Place, Rate};
use crate::program::Status;
use crate::record::{Outcome, Phase, Reason, Record};
use drive::Driver;
pub use options::Options;

/// Finds the work in the input. Called in input order, from one thread.
pub trait Select {
    /// What one observation needs to know.
    type Job: Send + 'static;

    /// Looks at a line; `kind` is its `type`. What it puts into `found` is written behind the line itself.
    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<Self::Job>,
    ) -> anyhow::Result<Taken>;

    /// The type of the records that it writes: one on the input means that its subject is done.
    const OWN: &'static str;

    /// Notes a record of that type: its subject is not measured any more.
    fn done(&mut self, line: &Line);

    /// Subjects that wait for the end of the input: where a signal comes before, they are not started.
    fn held(&self) -> u64 {
        0
    }

    /// Called once at the end of the input, for work that had to wait for it.
    fn end(&mut self, _found: &mut Found<Self::Job>) -> anyhow::Result<()> {
        Ok(())
    }

    /// Figures of its own for the last line.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// A record: it goes on as it is.
    Passed,
    /// Input in a plain form: it ends here.
    Consumed,
    /// Not understood: it is reported with its number, and left out.
    Refused(String),
}

/// Makes observations, concurrently.
pub trait Observe: Send + Sync + 'static {
    /// As in [`Select`].
    type Job: Send + 'static;

    /// One observation. Whatever the world does is in the record; there is no error to return.
    fn observe(
        &self,
        job: Self::Job,
        turn: Turn,
    ) -> impl Future<Output = Observed<Self::Job>> + Send;

    /// What else the progress display shows.
    fn note(&self) -> Option<String> {
        None
    }

    /// Asked after each observation: a reason to stop the whole run (with status 2).
    fn verdict(&self) -> Option<String> {
        None
    }

    /// Asked at the end: a reason to doubt what was observed, for people.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Figures of its own for the last line.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// What an observation is told of its turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Which try this is, from 1.
    pub attempt: u32,
    /// The id of this run.
    pub run: Arc<str>,
    spacing: Duration,
    rate: Rate,
    is_paced: bool,
}

impl Turn {
    /// Waits until one more connection to the same address is due; `last` is when the one before began.
    pub async fn reconnect(&self, last: Instant) {
        tokio::time::sleep_until((last + self.spacing).into()).await;
        if self.is_paced {
            tokio::time::sleep_until(self.rate.take(Instant::now()).into()).await;
        }
    }
}

/// What an observation brought.
#[derive(Debug)]
pub struct Observed<J> {
    /// Whole lines, to be written together.
    pub lines: Vec<u8>,
    /// For the counts.
    pub phase: Phase,
    /// For the counts; `deferred` slows the operator down.
    pub reason: Reason,
    /// Connections opened.
    pub connections: u32,
    /// When the last of them began.
    pub began: Option<Instant>,
    /// Another try, if there is to be one: then `lines` are written only if it cannot be made.
    pub again: Option<J>,
}

impl<J> Observed<J> {
    /// A record and its outcome.
    pub fn record<R: Record>(record: &R, outcome: &Outcome) -> Self {
        Self {
            lines: ndjson::to_line(record),
            phase: outcome.phase,
            reason: outcome.reason,
            connections: 0,
            began: None,
            again: None,
        }
    }
}

/// What [`Select::select`] found on a line.
#[derive(Debug)]
pub struct Found<J> {
    /// The id of this run.
    pub run: Arc<str>,
    lines: Vec<u8>,
    jobs: Vec<(J, Option<Place>)>,
    tally: Tally,
}

impl<J> Found<J> {
    fn new(run: Arc<str>) -> Self {
        Self {
            run,
            lines: Vec::new(),
            jobs: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Work. Without a place it is not paced.
    pub fn job(&mut self, job: J, place: Option<Place>) {
        self.jobs.push((job, place));
    }

    /// A record that needs no work, with its outcome.
    pub fn answer<R: Record>(&mut self, record: &R, outcome: &Outcome) {
        ndjson::append(&mut self.lines, record);
        self.tally.outcome(outcome.phase, outcome.reason);
    }

    /// A record beside the measured ones.
    pub fn record<R: Record>(&mut self, record: &R) {
        ndjson::append(&mut self.lines, record);
    }

    /// A line of an earlier run, as it stands.
    pub fn resumed(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.tally.add("resumed", 1);
    }

    /// Counts something for the last line.
    pub fn count(&mut self, what: &'static str) {
        self.tally.add(what, 1);
    }

    /// A subject that was asked for before.
    pub fn repeated(&mut self) {
        self.tally.add("repeated", 1);
    }
}

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Records by outcome.
    pub outcomes: HashMap<(Phase, Reason), u64>,
    /// Everything else.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn outcome(&mut self, phase: Phase, reason: Reason) {
        *self.outcomes.entry((phase, reason)).or_default() += 1;
    }

    fn add(&mut self, what: &'static str, count: u64) {
        *self.counts.entry(what).or_default() += count;
    }

    /// Records written.
    pub fn records(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// Runs a stage from standard input to standard output.
pub fn run<S, O>(select: S, observe: O, options: Options) -> anyhow::Result<Status>
where
    S: Select<Job = O::Job>,
    O: Observe,
{
    let mut builder = if options.threads > 1 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(options.threads);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.enable_all().build()?;
    let status =
        runtime.block_on(async { Driver::start(select, observe, options).await?.drive().await });
    // The reader may wait in read(2) for ever; nothing of it is needed any more.
    runtime.shutdown_background();
    status
}

/// A place at an address, run by the registered domain `operator`.
pub fn place(ip: IpAddr, operator: Option<&str>, not_before: Option<Instant>) -> Place {
    Place {
        ip,
        operator: operator.map(Arc::from),
        not_before,
    }
}
