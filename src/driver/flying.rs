//! Observations that are under way.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

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

/// An observation, on the heap: it goes from hand to hand before it begins.
type Flight = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The observations that are under way, and what each is told of its turn.
///
/// They report by a channel, and those of a helper set off together: to wake another thread takes a call of the system, and
/// so one is enough for many.
pub(super) struct Flying<O: Observe> {
    observe: Arc<O>,
    helpers: Helpers,
    /// What waits to set off, of each helper.
    ready: Vec<Vec<Flight>>,
    reports: UnboundedSender<Report<O::Job>>,
    reported: UnboundedReceiver<Report<O::Job>>,
    count: usize,
    run: Arc<str>,
    spacing: Duration,
    rate: Rate,
}

/// What an observation came to; `None` where it broke off.
type Report<J> = Option<Landed<J>>;

/// Reports once, whatever happens.
struct Reporter<J> {
    to: UnboundedSender<Report<J>>,
    landed: Report<J>,
}

impl<J> Reporter<J> {
    fn land(&mut self, landed: Landed<J>) {
        self.landed = Some(landed);
    }
}

impl<J> Drop for Reporter<J> {
    fn drop(&mut self) {
        // Nobody may be there any more to be told.
        let _ = self.to.send(self.landed.take());
    }
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
        let (reports, reported) = unbounded_channel();
        Self {
            observe,
            ready: (0..helpers.len()).map(|_| Vec::new()).collect(),
            helpers,
            reports,
            reported,
            count: 0,
            run,
            spacing,
            rate,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Begins one; that of a helper with the next [`set_off`](Self::set_off).
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
        let mut reporter = Reporter {
            to: self.reports.clone(),
            landed: None,
        };
        let flight: Flight = Box::pin(async move {
            let number = attempt.number;
            let observed = observe.observe(attempt.job, turn).await;
            reporter.land(Landed {
                observed,
                place,
                number,
            });
        });
        self.count += 1;
        match self.helpers.next() {
            Some(turn) => self.ready[turn].push(flight),
            None => drop(tokio::spawn(flight)),
        }
    }

    /// Lets the helpers begin what was launched.
    pub(super) fn set_off(&mut self) {
        for (turn, ready) in self.ready.iter_mut().enumerate() {
            if !ready.is_empty() {
                let flights = std::mem::take(ready);
                self.helpers.runtime(turn).spawn(async move {
                    flights
                        .into_iter()
                        .for_each(|flight| drop(tokio::spawn(flight)));
                });
            }
        }
    }

    /// Waits for one to end; `None` where there is none.
    pub(super) async fn join_next(&mut self) -> Option<anyhow::Result<Landed<O::Job>>> {
        if self.count == 0 {
            return None;
        }
        let report = self.reported.recv().await?;
        self.count -= 1;
        Some(landed(report))
    }

    /// One that has ended by now.
    pub(super) fn try_join_next(&mut self) -> Option<anyhow::Result<Landed<O::Job>>> {
        let report = self.reported.try_recv().ok()?;
        self.count -= 1;
        Some(landed(report))
    }
}

fn landed<J>(report: Report<J>) -> anyhow::Result<Landed<J>> {
    report.ok_or_else(|| anyhow::anyhow!("an observation broke off"))
}
