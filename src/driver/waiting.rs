//! Work that waits: with a place in the scheduler, or behind the share of its operator; without one in a line of its own.

use std::collections::VecDeque;
use std::time::Instant;

use super::options::StageOptions;
use super::shares::Shares;
use crate::net::pacing::{ConnectionEnd, Next, Place, Rate, Scheduler};
use crate::record::{Phase, Reason};

/// One try of one job.
#[derive(Debug)]
pub(super) struct Attempt<J> {
    pub(super) job: J,
    /// Which try it is, from 1.
    pub(super) number: u32,
    /// What to write if there is no further try.
    pub(super) fallback: Option<Fallback>,
}

impl<J> Attempt<J> {
    fn first(job: J) -> Self {
        Self {
            job,
            number: 1,
            fallback: None,
        }
    }
}

/// What the try before came to.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) lines: Vec<u8>,
    pub(super) phase: Phase,
    pub(super) reason: Reason,
}

/// What may begin now.
#[derive(Debug)]
pub(super) enum Ready<J> {
    /// This may.
    Start(Attempt<J>, Option<Place>),
    /// Nothing before then.
    At(Instant),
    /// Nothing, until something else happens.
    Nothing,
}

/// All work that waits.
pub(super) struct Waiting<J> {
    scheduler: Scheduler<Attempt<J>>,
    /// Work without a place.
    unpaced: VecDeque<J>,
    shares: Shares,
    /// Targets that there is room for.
    backlog: usize,
}

impl<J> Waiting<J> {
    pub(super) fn new(options: &StageOptions, rate: Rate) -> Self {
        Self {
            scheduler: Scheduler::new(options.limits.clone(), rate),
            unpaced: VecDeque::new(),
            shares: Shares::new(options.backlog),
            backlog: options.backlog,
        }
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.scheduler.len() + self.unpaced.len() + self.shares.held()
    }

    /// Whether more may be read: what waits behind the share of one operator takes no room from others.
    pub(super) fn has_room(&self) -> bool {
        self.scheduler.len() + self.unpaced.len() < self.backlog && self.shares.has_room()
    }

    /// The operator for which most targets wait.
    pub(super) fn longest(&self) -> Option<&str> {
        self.shares.longest()
    }

    /// What may begin. Where a place gets free, what `unpack` makes of a packed job moves up.
    ///
    /// # Errors
    ///
    /// Those of `unpack`.
    pub(super) fn next(
        &mut self,
        unpack: impl Fn(&Place, &[u8]) -> anyhow::Result<J>,
    ) -> anyhow::Result<Ready<J>> {
        if let Some(job) = self.unpaced.pop_front() {
            return Ok(Ready::Start(Attempt::first(job), None));
        }
        if self.scheduler.is_empty() {
            return Ok(Ready::Nothing);
        }
        Ok(match self.scheduler.next(Instant::now()) {
            Next::Start(attempt, place) => {
                self.move_up(&place, unpack)?;
                Ready::Start(attempt, Some(place))
            }
            Next::Wait(due) => Ready::At(due),
            Next::Idle => Ready::Nothing,
        })
    }

    /// One less waits for an operator: what is behind its share moves up.
    fn move_up(
        &mut self,
        place: &Place,
        unpack: impl Fn(&Place, &[u8]) -> anyhow::Result<J>,
    ) -> anyhow::Result<()> {
        self.shares.remove(place);
        while let Some((place, packed)) = self.shares.take_up(place) {
            let job = unpack(&place, &packed)?;
            self.push(Attempt::first(job), place);
        }
        Ok(())
    }

    /// Lets a job wait for its first try: with a place in the scheduler, or as `pack` packs it behind the share of its operator.
    pub(super) fn take(
        &mut self,
        job: J,
        place: Option<Place>,
        pack: impl Fn(&J) -> Option<Vec<u8>>,
    ) {
        let Some(place) = place else {
            return self.unpaced.push_back(job);
        };
        if self.shares.is_full(&place)
            && let Some(packed) = pack(&job)
        {
            self.shares.hold(&place, packed);
        } else {
            self.push(Attempt::first(job), place);
        }
    }

    /// Lets a try wait at its place.
    pub(super) fn push(&mut self, attempt: Attempt<J>, place: Place) {
        self.shares.add(&place);
        self.scheduler.push(attempt, place);
    }

    /// A try at a place is over.
    pub(super) fn finished(&mut self, place: &Place, end: ConnectionEnd) {
        self.scheduler.finished(place, Instant::now(), end);
    }

    /// Nothing waits any more: what those came to that were tried before, and how many were not.
    pub(super) fn give_up(&mut self) -> (Vec<Fallback>, u64) {
        let mut not_started = (self.unpaced.len() + self.shares.held()) as u64;
        self.unpaced.clear();
        self.shares.clear();
        let mut fallbacks = Vec::new();
        for attempt in self.scheduler.drain() {
            match attempt.fallback {
                Some(fallback) => fallbacks.push(fallback),
                None => not_started += 1,
            }
        }
        (fallbacks, not_started)
    }
}
