//! Observations that are under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::helpers::Helpers;
use super::stage::Observe;
use super::turn::{Observed, Turn};
use super::waiting::Attempt;
use crate::net::pacing::{Place, Rate};

/// An observation that is over.
pub(super) struct Landed<J> {
    pub(super) observed: Observed<J>,
    pub(super) place: Option<Place>,
    /// Which try it was, from 1.
    pub(super) number: u32,
}

/// The observations that are under way, and what each is told of its turn.
pub(super) struct Flying<O: Observe> {
    observe: Arc<O>,
    tasks: JoinSet<Landed<O::Job>>,
    helpers: Helpers,
    run: Arc<str>,
    spacing: Duration,
    rate: Rate,
}

impl<O: Observe> Flying<O> {
    /// None yet, of the run with this id.
    pub(super) fn new(
        observe: Arc<O>,
        helpers: Helpers,
        run: Arc<str>,
        spacing: Duration,
        rate: Rate,
    ) -> Self {
        Self {
            observe,
            tasks: JoinSet::new(),
            helpers,
            run,
            spacing,
            rate,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Begins one.
    pub(super) fn launch(&mut self, attempt: Attempt<O::Job>, place: Option<Place>) {
        let turn = Turn {
            attempt: attempt.number,
            run: self.run.clone(),
            spacing: self.spacing,
            rate: self.rate.clone(),
            is_paced: place
                .as_ref()
                .is_some_and(|place| !place.ip.to_canonical().is_loopback()),
        };
        let observe = self.observe.clone();
        let observation = async move {
            let number = attempt.number;
            let observed = observe.observe(attempt.job, turn).await;
            Landed {
                observed,
                place,
                number,
            }
        };
        match self.helpers.next() {
            Some(runtime) => self.tasks.spawn_on(observation, runtime),
            None => self.tasks.spawn(observation),
        };
    }

    /// Waits for one to end; `None` where there is none.
    pub(super) async fn join_next(&mut self) -> Option<anyhow::Result<Landed<O::Job>>> {
        self.tasks.join_next().await.map(landed)
    }

    /// One that has ended by now.
    pub(super) fn try_join_next(&mut self) -> Option<anyhow::Result<Landed<O::Job>>> {
        self.tasks.try_join_next().map(landed)
    }
}

fn landed<J>(done: Result<Landed<J>, JoinError>) -> anyhow::Result<Landed<J>> {
    done.map_err(|error| anyhow::anyhow!("an observation broke off: {error}"))
}
