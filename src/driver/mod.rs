//! The driver of every network stage.
//!
//! A line's way: the reader → [`Select::select`] (in input order: the line is sent on, its kind looked at, only own input
//! parsed) → for each [`Subject`] that it yields, once and in this order: **seen** before? **resume**: does the earlier run answer
//! it? **gate**: may it be asked at all? **schedule**: it waits for its turn → [`Observe::observe`] (concurrent; cannot fail, it
//! returns a record) → the one writer. Nothing goes back. Cause precedes effect: a line is in the writer's queue before the work
//! that it causes begins.
//!
//! # A stage of one's own
//!
//! 1. A `Selection` implements [`Select`]: `OWN` names the types it writes, `done` reads the key of such a line, and `select` looks
//!    at the other lines and calls [`Found::subject`] with a [`Subject`] for each thing it names. It keeps no set of what it
//!    has seen, asks no earlier run and no gate. Where a subject is dear to make, [`Found::repeats`] first.
//! 2. An observer implements [`Observe`]: `observe` makes the record of a job, [`Observe::refused`] the one of a job that the gate
//!    ([`Observe::refusal`]) turned away. Another try is [`Observed::again`]; the driver says when.
//! 3. The program builds [`Options`] from the options that stages share, opens `--resume` by [`resume::Resume::open`], and calls [`run`].
//!
//! ```
//! use mx_survey::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn};
//! use mx_survey::ndjson::{Line, NotARecord};
//! use mx_survey::record::{Listed, Outcome, Reason};
//!
//! /// Measures the length of every name.
//! struct Names;
//!
//! impl Select for Names {
//!     type Job = String;
//!     const OWN: &'static [&'static str] = &["listed"];
//!
//!     fn select(&mut self, line: &Line, kind: Result<&str, &NotARecord>, found: &mut Found<'_, String>) -> Taken {
//!         if kind.is_ok() {
//!             return Taken::Passed;
//!         }
//!         let name = line.plain().into_owned();
//!         found.subject(Subject { key: Key::Domain(name.clone().into()), place: None, names: vec![name.clone()], job: name });
//!         Taken::Consumed
//!     }
//!
//!     fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
//!         let listed: Listed = serde_json::from_slice(&line.bytes).map_err(|error| error.to_string())?;
//!         Ok(Some(Key::Domain(listed.domain.into())))
//!     }
//! }
//!
//! struct Measure;
//!
//! impl Observe for Measure {
//!     type Job = String;
//!
//!     async fn observe(&self, name: String, turn: Turn) -> Observed<String> {
//!         let length = name.len() as u64;
//!         let run = Some(turn.run.to_string());
//!         let listed = Listed { source: "lengths".into(), domain: name, rank: Some(length), users: None, of: None, share: None, run };
//!         Observed::record(&listed, &Outcome::ok())
//!     }
//!
//!     fn refused(&self, name: String, reason: Reason, _run: &str) -> Observed<String> {
//!         unreachable!("there is no gate, so {name} is not turned away for {reason}")
//!     }
//! }
//! ```

mod drive;
mod familiar;
mod found;
mod key;
pub mod options;
pub mod resume;
pub mod seen;
mod shares;
mod turn;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ndjson::{Line, NotARecord};
use crate::net::pacing::Place;
use crate::program::Status;
use crate::record::Reason;
use drive::Driver;
pub use found::{Found, Subject, Tally, place};
pub use key::Key;
pub use options::Options;
use resume::{Resume, Resumed};
use seen::Seen;
pub use turn::{Observed, Turn};

/// Finds the subjects in the input. Called in input order, from one thread.
pub trait Select {
    /// What one observation needs to know.
    type Job: Send + 'static;

    /// The types of the records that it writes: such a line on the input means that its subject is done. It is sent on and not given
    /// to [`Select::select`].
    const OWN: &'static [&'static str];

    /// The types of the records that it reads. Where none of them, and nothing that brings a subject, is among the first thousand lines of an
    /// input, that is said. None: the stage reads what it finds, and says so itself.
    const READS: &'static [&'static str] = &[];

    /// Looks at a line; `kind` is its `type`. What it puts into `found` is written behind the line itself.
    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, Self::Job>,
    ) -> Taken;

    /// The subject of a line of one of its own types, which is not measured any more; `None`: of no subject.
    ///
    /// # Errors
    ///
    /// What is wrong with the line: it is reported and left out.
    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String>;

    /// Emits the line with which an earlier run answers a subject, and what belongs to it; false if that is no answer after all, and
    /// nothing was emitted.
    ///
    /// # Errors
    ///
    /// Those of reading the earlier run; they end this one.
    fn resume(&mut self, line: &[u8], resumed: &mut Resumed<'_>) -> anyhow::Result<bool> {
        resumed.emit(line);
        Ok(true)
    }

    /// Asked of each job before it is scheduled: false if it is only counted, as under `--dry-run`.
    fn starts(&mut self, _job: &Self::Job) -> bool {
        true
    }

    /// A job in few octets, in which it waits while its operator has its share of the room; `None`: it waits as it is.
    fn pack(&self, _job: &Self::Job) -> Option<Vec<u8>> {
        None
    }

    /// The job at `place` that [`Select::pack`] packed.
    ///
    /// # Errors
    ///
    /// None, of what `pack` made.
    fn unpack(&self, _place: &Place, _packed: &[u8]) -> anyhow::Result<Self::Job> {
        anyhow::bail!("this stage packs no jobs")
    }

    /// Subjects that wait for the end of the input: where a signal comes before, they are not started.
    fn held(&self, _seen: &Seen) -> u64 {
        0
    }

    /// Called where another file of the input begins: what a line means there hangs on no line before. It says what is wrong with
    /// the file that ended, if something is.
    fn begin_file(&mut self) -> Option<String> {
        None
    }

    /// Called once at the end of the input, for work that had to wait for it.
    fn end(&mut self, _found: &mut Found<'_, Self::Job>) {}

    /// Asked once at the end of the input: what is wrong with it as a whole. It is reported, and makes the status 1.
    fn complaint(&self) -> Option<String> {
        None
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

    /// Why a subject must not be asked, if it must not: who asked to be left out, special-purpose addresses.
    fn refusal(&self, _ip: Option<IpAddr>, _names: &[&str]) -> Option<Reason> {
        None
    }

    /// The record of a job that was turned away for `reason`.
    fn refused(&self, job: Self::Job, reason: Reason, run: &str) -> Observed<Self::Job>;

    /// What else the progress display shows.
    fn note(&self) -> Option<String> {
        None
    }

    /// Asked after each observation: a reason to stop the whole run (with status 2).
    fn verdict(&self) -> Option<String> {
        None
    }

    /// Called once where the last observation of an uninterrupted run is over: time to learn what [`Observe::failure`] says.
    fn conclude(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Asked at the end: why the run as a whole came to nothing (status 2), though every line is written.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Asked at the end: records in which something is `local`, not measured for want of something on this machine, beside those whose
    /// outcome says so.
    fn spoiled(&self) -> u64 {
        0
    }

    /// Figures of its own for the last line.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// Runs a stage from its files or standard input to standard output; what `resume` answers finally is not measured again.
///
/// # Errors
///
/// What kept the run from starting or from its end: the input, the output, the earlier run, or a verdict of the observer.
pub fn run<S, O>(
    select: S,
    observe: O,
    resume: Option<Resume>,
    options: Options,
) -> anyhow::Result<Status>
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
    let status = runtime.block_on(async {
        Driver::start(select, observe, resume, options)?
            .drive()
            .await
    });
    // The reader may wait in read(2) for ever; nothing of it is needed any more.
    runtime.shutdown_background();
    status
}
