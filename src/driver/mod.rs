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
//! 1. A selection implements [`Select`]: `OWN` names the types it writes, `done` reads the key of such a line, and `select` looks
//!    at the other lines and calls [`Found::subject`] with a [`Subject`] for each thing it names. It keeps no set of what it
//!    has seen, asks no earlier run and no gate. Where a subject is dear to make, [`Found::repeats`] first.
//! 2. An observer implements [`Observe`]: `observe` makes the record of a job, [`Observe::refused`] the one of a job that the gate
//!    ([`Observe::refusal`]) turned away. Another try is [`Observed::again`]; the driver says when.
//! 3. The program builds [`StageOptions`] from the options that stages share, opens `--resume` by [`resume::Resume::open`], and calls [`run`].
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
mod flying;
mod forecast;
mod found;
mod helpers;
mod intake;
mod interruption;
mod key;
mod operators;
pub mod options;
pub mod resume;
pub mod seen;
mod shares;
mod silence;
mod stage;
mod turn;
mod waiting;

use crate::program::RunStatus;
use drive::Driver;
pub use found::{Found, RunTally, Subject, place};
pub use key::Key;
pub use options::StageOptions;
use resume::Resume;
pub use stage::{Observe, Select, Taken};
pub use turn::{Observed, Turn};

/// Runs a stage from its files or standard input to standard output; what `resume` answers finally is not measured again.
///
/// # Errors
///
/// What kept the run from starting or from its end: the input, the output, the earlier run, or a verdict of the observer.
pub fn run<S, O>(
    select: S,
    observe: O,
    resume: Option<Resume>,
    options: StageOptions,
) -> anyhow::Result<RunStatus>
where
    S: Select<Job = O::Job>,
    O: Observe,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let status = runtime.block_on(async {
        Driver::start(select, observe, resume, options)?
            .drive()
            .await
    });
    // The reader may wait in read(2) for ever; nothing of it is needed any more.
    runtime.shutdown_background();
    status
}
