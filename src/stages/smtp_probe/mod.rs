//! The two halves that the driver asks for: what the input names, and what to do about each server.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::driver::resume::{Key, Resume};
use crate::driver::seen::Seen;
use crate::driver::{Found, Observe, Observed, Select, Taken, Turn, place};
use crate::ndjson::{Line, NotARecord};
use crate::record::{Outcome, Reason};
use crate::smtp::probe::{Asked, Conversation, Job, Prober, unasked};
use crate::smtp::targets::{self, Named, Target};
use crate::smtp::vantage::Vantage;
use serde::Deserialize;

pub mod cost;

use cost::Cost;

/// Finds the servers.
pub struct Selection {
    port: u16,
    asker: Asker,
    seen: Seen,
    resume: Option<Resume>,
    /// Servers that only excluded domains have named so far.
    excluded: HashMap<(IpAddr, u16), Target>,
    /// `--dry-run`: what is counted instead of asked.
    cost: Option<Cost>,
}

/// An `smtp` line of an earlier stage or run, as far as it concerns us.
#[derive(Deserialize)]
struct Measured {
    ip: IpAddr,
    port: u16,
    outcome: Outcome,
}

impl Selection {
    /// Servers on `port` unless the input says otherwise.
    pub fn new(port: u16, asker: Asker, resume: Option<Resume>, cost: Option<Cost>) -> Self {
        Self {
            port,
            asker,
            seen: Seen::new(),
            resume,
            excluded: HashMap::new(),
            cost,
        }
    }

    fn domain(&mut self, line: &Line, found: &mut Found<Job>) -> anyhow::Result<Taken> {
        let named = match Named::parse(&line.bytes) {
            Ok(named) => named,
            Err(why) => return Ok(Taken::Refused(why)),
        };
        let excluded = &self.asker.prober.connector.gate.exclude;
        if excluded.has_name(named.domain()) {
            // Another domain may name the same server, and has not asked to be left alone.
            let targets = named.targets(self.port, |_| true).into_iter();
            self.excluded
                .extend(targets.map(|target| ((target.ip, target.port), target)));
            return Ok(Taken::Passed);
        }
        let port = self.port;
        let seen = &mut self.seen;
        let targets = named.targets(port, |ip| {
            let is_first = seen.is_first(&Key::Smtp(ip, port));
            if !is_first {
                repeated(found);
            }
            is_first
        });
        for target in targets {
            self.take(target, found)?;
        }
        Ok(Taken::Passed)
    }

    fn plain(
        &mut self,
        line: &Line,
        why: &NotARecord,
        found: &mut Found<Job>,
    ) -> anyhow::Result<Taken> {
        let text = line.plain();
        if text.starts_with('{') {
            return Ok(Taken::Refused(why.to_string()));
        }
        match targets::plain(&text, self.port) {
            Ok(Some(target)) if self.seen.is_first(&Key::Smtp(target.ip, target.port)) => {
                self.take(target, found)?;
            }
            Ok(Some(_)) => repeated(found),
            Ok(None) => {}
            Err(why) => return Ok(Taken::Refused(why)),
        }
        Ok(Taken::Consumed)
    }

    /// A server that was not named before.
    fn take(&mut self, target: Target, found: &mut Found<Job>) -> anyhow::Result<()> {
        if let Some(resume) = &mut self.resume
            && let Some(line) = resume.answer(Key::Smtp(target.ip, target.port))?
        {
            if let Ok(measured) = serde_json::from_slice::<Measured>(&line) {
                self.asker.vantage.note(measured.ip, &measured.outcome);
            }
            found.resumed(&line);
            found.count("connections_saved");
            return Ok(());
        }
        if let Some(reason) = self
            .asker
            .prober
            .connector
            .refusal(target.ip, &target.names())
        {
            answer(&target, reason, found);
        } else if let Some(cost) = &mut self.cost {
            cost.add(&target);
        } else {
            let place = place(target.ip, target.operator.as_deref(), None);
            found.job(Job::new(target), Some(place));
        }
        Ok(())
    }
}

impl Select for Selection {
    type Job = Job;

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<Job>,
    ) -> anyhow::Result<Taken> {
        match kind {
            Ok("domain") => self.domain(line, found),
            Ok("smtp") => {
                self.done(line);
                Ok(Taken::Passed)
            }
            Ok(_) => Ok(Taken::Passed),
            Err(why) => self.plain(line, why, found),
        }
    }

    const OWN: &'static str = "smtp";

    fn done(&mut self, line: &Line) {
        if let Ok(measured) = serde_json::from_slice::<Measured>(&line.bytes) {
            self.seen.is_first(&Key::Smtp(measured.ip, measured.port));
        }
    }

    fn held(&self) -> u64 {
        let waits = |&&(ip, port): &&(IpAddr, u16)| !self.seen.has(&Key::Smtp(ip, port));
        self.excluded.keys().filter(waits).count() as u64
    }

    fn end(&mut self, found: &mut Found<Job>) -> anyhow::Result<()> {
        for ((ip, port), target) in std::mem::take(&mut self.excluded) {
            if self.seen.is_first(&Key::Smtp(ip, port)) {
                answer(&target, Reason::Excluded, found);
            }
        }
        if let Some(cost) = &self.cost {
            cost.print();
        }
        Ok(())
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let planned = self
            .cost
            .as_ref()
            .map(|cost| ("planned_connections".to_owned(), cost.connections()));
        planned.into_iter().collect()
    }
}

fn answer(target: &Target, reason: Reason, found: &mut Found<Job>) {
    let record = unasked(target, reason, &found.run);
    found.answer(&record, &record.outcome);
}

/// One server, one probe, however many domains share it.
fn repeated(found: &mut Found<Job>) {
    found.repeated();
    found.count("connections_saved");
}

/// Asks the servers.
#[derive(Clone, Debug)]
pub struct Asker {
    /// How.
    pub prober: Arc<Prober>,
    /// How often each.
    pub samples: usize,
    /// What all of it says about where we are.
    pub vantage: Arc<Vantage>,
}

impl Asker {
    async fn ask_once(&self, job: &Job) -> Conversation {
        let conversation = self.prober.converse(job.target.socket()).await;
        self.vantage.note(job.target.ip, &conversation.outcome);
        conversation
    }

    /// Every sample; none more once the server asks to be left alone.
    async fn ask(&self, job: &Job, turn: &Turn) -> Asked {
        let mut asked = Asked::first(self.ask_once(job).await);
        for _ in 1..self.samples {
            if asked.last().outcome.reason == Reason::Deferred {
                break;
            }
            turn.reconnect(asked.last().began).await;
            asked.and(self.ask_once(job).await);
        }
        asked
    }
}

impl Observe for Asker {
    type Job = Job;

    async fn observe(&self, job: Job, turn: Turn) -> Observed<Job> {
        let asked = self.ask(&job, &turn).await;
        let record = job.record(&asked, turn.attempt, &turn.run);
        let is_deferred = asked.shown().outcome.reason == Reason::Deferred;
        Observed {
            connections: asked.count(),
            began: Some(asked.last().began),
            again: is_deferred.then(|| job.again(&asked)),
            ..Observed::record(&record, &record.outcome)
        }
    }

    fn verdict(&self) -> Option<String> {
        self.vantage.verdict()
    }
}
