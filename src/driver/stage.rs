//! What makes a stage: who finds the subjects in its input, and who observes them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::found::Found;
use super::key::Key;
use super::resume::Resumed;
use super::seen::SeenSubjects;
use super::turn::{Observed, Turn};
use crate::ndjson::{Line, NotARecord};
use crate::net::pacing::Place;
use crate::record::Reason;

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
    fn held(&self, _seen: &SeenSubjects) -> u64 {
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

    /// For what it waits, in the plural, where it has to be told that it waits.
    const AWAITS: &'static str = "servers";

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
