//! The two halves that the driver asks for: what the input names, and what to do about each server.

pub mod cost;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use crate::driver::resume::Resumed;
use crate::driver::seen::Seen;
use crate::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn, place};
use crate::ndjson::{Line, NotARecord, describe};
use crate::record::{Outcome, Reason};
use crate::smtp::probe::{Asked, Conversation, Job, Prober, unasked};
use crate::smtp::targets::{self, Named, Target};
use crate::smtp::vantage::Vantage;
use cost::Cost;

/// Finds the servers.
pub struct Selection {
    port: u16,
    asker: Asker,
    /// Servers that only excluded domains have named so far.
    excluded: BTreeMap<(IpAddr, u16), Target>,
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
    pub fn new(port: u16, asker: Asker, cost: Option<Cost>) -> Self {
        Self {
            port,
            asker,
            excluded: BTreeMap::new(),
            cost,
        }
    }

    fn domain(&mut self, line: &Line, found: &mut Found<'_, Job>) -> Taken {
        let named = match Named::parse(&line.bytes) {
            Ok(named) => named,
            Err(why) => return Taken::Refused(why),
        };
        let excluded = &self.asker.prober.connector.gate.exclude;
        if excluded.has_name(named.domain()) {
            // Another domain may name the same server, and has not asked to be left alone.
            let targets = named.targets(self.port, |_| true).into_iter();
            self.excluded
                .extend(targets.map(|target| ((target.ip, target.port), target)));
            return Taken::Passed;
        }
        // Most servers that a domain names are known already.
        let targets = named.targets(self.port, |ip| !found.repeats(&Key::Smtp(ip, self.port)));
        for target in targets {
            found.subject(subject(target));
        }
        Taken::Passed
    }

    fn plain(&mut self, line: &Line, why: &NotARecord, found: &mut Found<'_, Job>) -> Taken {
        let text = line.plain();
        if text.starts_with('{') || *why == NotARecord::Array {
            return Taken::Refused(why.to_string());
        }
        match targets::plain(&text, self.port) {
            Ok(Some(target)) => found.subject(subject(target)),
            Ok(None) => {}
            Err(why) => return Taken::Refused(why),
        }
        Taken::Consumed
    }
}

fn subject(target: Target) -> Subject<Job> {
    Subject {
        key: Key::Smtp(target.ip, target.port),
        place: Some(place(target.ip, target.operator.as_deref(), None)),
        names: target.names().into_iter().map(str::to_owned).collect(),
        job: Job::new(target),
    }
}

impl Select for Selection {
    type Job = Job;

    const OWN: &'static [&'static str] = &["smtp"];
    const READS: &'static [&'static str] = &["domain"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, Job>,
    ) -> Taken {
        match kind {
            Ok("domain") => self.domain(line, found),
            Ok(_) => Taken::Passed,
            Err(why) => self.plain(line, why, found),
        }
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        match serde_json::from_slice::<Measured>(&line.bytes) {
            Ok(measured) => Ok(Some(Key::Smtp(measured.ip.to_canonical(), measured.port))),
            Err(error) => Err(format!("not an smtp record: {}", describe(&error))),
        }
    }

    fn resume(&mut self, line: &[u8], resumed: &mut Resumed<'_>) -> anyhow::Result<bool> {
        if let Ok(measured) = serde_json::from_slice::<Measured>(line) {
            self.asker.vantage.note(measured.ip, &measured.outcome);
        }
        resumed.emit(line);
        Ok(true)
    }

    fn starts(&mut self, job: &Job) -> bool {
        if let Some(cost) = &mut self.cost {
            cost.add(&job.target);
        }
        self.cost.is_none()
    }

    fn held(&self, seen: &Seen) -> u64 {
        let waits = |&&(ip, port): &&(IpAddr, u16)| !seen.has(&Key::Smtp(ip, port));
        self.excluded.keys().filter(waits).count() as u64
    }

    fn end(&mut self, found: &mut Found<'_, Job>) {
        for ((ip, port), target) in std::mem::take(&mut self.excluded) {
            if !found.has(&Key::Smtp(ip, port)) {
                found.subject(subject(target));
            }
        }
        if let Some(cost) = &self.cost {
            cost.print();
        }
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let planned = self
            .cost
            .as_ref()
            .map(|cost| ("planned_connections".to_owned(), cost.connections()));
        planned.into_iter().collect()
    }
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

    fn refusal(&self, ip: Option<IpAddr>, names: &[&str]) -> Option<Reason> {
        self.prober.connector.refusal(ip?, names)
    }

    fn refused(&self, job: Job, reason: Reason, run: &str) -> Observed<Job> {
        let record = unasked(&job.target, reason, run);
        Observed::record(&record, &record.outcome)
    }

    fn verdict(&self) -> Option<String> {
        self.vantage.verdict()
    }
}
