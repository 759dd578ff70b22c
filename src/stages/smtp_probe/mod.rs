//! The two halves that the driver asks for: what the input names, and what to do about each server.

pub mod start;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use crate::driver::resume::Resumed;
use crate::driver::seen::SeenSubjects;
use crate::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn, place};
use crate::ndjson::{Line, NotARecord, append, describe};
use crate::net::pacing::Place;
use crate::record::{For, Outcome, Reason, TlsLine};
use crate::smtp::probe::{Conversation, ProbedConnections, Prober, SmtpJob, unasked};
use crate::smtp::targets::{self, DomainServers, SmtpTarget};
use crate::smtp::vantage::Vantage;
use crate::stages::tls_inspect::{Examiner, Sni, Tries};
use crate::tls::inspector;
use crate::tls::names::server_name;

/// Finds the servers.
pub struct SmtpSelect {
    port: u16,
    asker: SmtpObserve,
    /// Servers that only excluded domains have named so far.
    excluded: BTreeMap<(IpAddr, u16), SmtpTarget>,
}

/// An `smtp` line of an earlier stage or run, as far as it concerns us.
#[derive(Deserialize)]
struct Measured {
    ip: IpAddr,
    port: u16,
    outcome: Outcome,
    #[serde(default)]
    starttls: Answered,
    tls: Option<TlsLine>,
}

#[derive(Default, Deserialize)]
struct Answered {
    accepted: Option<bool>,
}

/// A `tls` line of an earlier stage or run, as far as it concerns us.
#[derive(Deserialize)]
struct Shaken<'a> {
    ip: IpAddr,
    port: u16,
    #[serde(borrow, default)]
    chain: Vec<Cow<'a, str>>,
}

/// A `cert` line.
#[derive(Deserialize)]
struct Certificate<'a> {
    #[serde(borrow)]
    sha256: Cow<'a, str>,
}

impl SmtpSelect {
    /// Servers on `port` unless the input says otherwise.
    pub fn new(port: u16, asker: SmtpObserve) -> Self {
        Self {
            port,
            asker,
            excluded: BTreeMap::new(),
        }
    }

    fn domain(&mut self, line: &Line, found: &mut Found<'_, SmtpJob>) -> Taken {
        let named = match DomainServers::parse(&line.bytes) {
            Ok(named) => named,
            Err(why) => return Taken::Refused(why),
        };
        let excluded = &self.asker.prober.connector.gate.exclude;
        if excluded.has_name(named.domain()) {
            // Another domain may name the same server, and has not asked to be left alone.
            let (targets, left_out) = named.targets(self.port, |_| true);
            let targets = targets.into_iter();
            self.excluded
                .extend(targets.map(|target| ((target.ip, target.port), target)));
            found.count_many("addresses_left_out", left_out);
            return Taken::Passed;
        }
        // Most servers that a domain names are known already.
        let (targets, left_out) =
            named.targets(self.port, |ip| !found.repeats(&Key::Smtp(ip, self.port)));
        found.count_many("addresses_left_out", left_out);
        for target in targets {
            found.subject(subject(target));
        }
        Taken::Passed
    }

    /// A certificate that an earlier stage wrote.
    fn certificate(&mut self, line: &Line) -> Taken {
        let Some(examiner) = &self.asker.examiner else {
            return Taken::Passed;
        };
        match serde_json::from_slice::<Certificate<'_>>(&line.bytes) {
            Ok(certificate) => {
                examiner.ledger.note(&certificate.sha256);
                Taken::Passed
            }
            Err(error) => Taken::Refused(format!("not a cert record: {}", describe(&error))),
        }
    }

    /// Whether the handshake of a server that takes STARTTLS is wanted beside its `smtp` line.
    fn lacks_tls(&self, measured: &Measured) -> bool {
        self.asker.examiner.is_some() && measured.starttls.accepted == Some(true)
    }

    fn plain(&mut self, line: &Line, why: &NotARecord, found: &mut Found<'_, SmtpJob>) -> Taken {
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

fn subject(target: SmtpTarget) -> Subject<SmtpJob> {
    Subject {
        key: Key::Smtp(target.ip, target.port),
        place: Some(place(target.ip, target.operator.as_deref(), None)),
        names: target.names().into_iter().map(str::to_owned).collect(),
        job: SmtpJob::new(target),
    }
}

impl Select for SmtpSelect {
    type Job = SmtpJob;

    const OWN: &'static [&'static str] = &["smtp", "tls"];
    const READS: &'static [&'static str] = &["domain"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, SmtpJob>,
    ) -> Taken {
        match kind {
            Ok("domain") => self.domain(line, found),
            Ok("cert") => self.certificate(line),
            Ok(_) => Taken::Passed,
            Err(why) => self.plain(line, why, found),
        }
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        if line.tag().is_ok_and(|tag| tag == "tls") {
            return match serde_json::from_slice::<Shaken<'_>>(&line.bytes) {
                Ok(shaken) if self.asker.examiner.is_some() => {
                    Ok(Some(Key::Smtp(shaken.ip.to_canonical(), shaken.port)))
                }
                Ok(_) => Ok(None),
                Err(error) => Err(format!("not a tls record: {}", describe(&error))),
            };
        }
        match serde_json::from_slice::<Measured>(&line.bytes) {
            // Under --tls a server is done with its `tls` line.
            Ok(measured) if self.lacks_tls(&measured) => Ok(None),
            Ok(measured) => Ok(Some(Key::Smtp(measured.ip.to_canonical(), measured.port))),
            Err(error) => Err(format!("not an smtp record: {}", describe(&error))),
        }
    }

    fn resume(&mut self, line: &[u8], resumed: &mut Resumed<'_>) -> anyhow::Result<bool> {
        let Ok(measured) = serde_json::from_slice::<Measured>(line) else {
            resumed.emit(line);
            return Ok(true);
        };
        if let Some(examiner) = self
            .asker
            .examiner
            .as_ref()
            .filter(|_| self.lacks_tls(&measured))
        {
            let key = Key::Tls(measured.ip.to_canonical(), measured.port, None);
            let Some(shaken) = resumed.answer(&key)?.filter(|_| measured.tls.is_some()) else {
                return Ok(false);
            };
            resumed.emit(line);
            if let Ok(Shaken { chain, .. }) = serde_json::from_slice(&shaken) {
                for sha256 in chain {
                    if examiner.ledger.note(&sha256)
                        && let Some(certificate) = resumed.answer(&Key::Cert(sha256))?
                    {
                        resumed.emit(&certificate);
                    }
                }
            }
            resumed.emit(&shaken);
        } else {
            resumed.emit(line);
        }
        self.asker.vantage.note(measured.ip, &measured.outcome);
        Ok(true)
    }

    fn pack(&self, job: &SmtpJob) -> Option<Vec<u8>> {
        let For { domain, exchange } = &job.target.cause;
        serde_json::to_vec(&(job.target.port, domain, exchange)).ok()
    }

    fn unpack(&self, place: &Place, packed: &[u8]) -> anyhow::Result<SmtpJob> {
        let (port, domain, exchange) = serde_json::from_slice(packed)?;
        Ok(SmtpJob::new(SmtpTarget {
            ip: place.ip,
            port,
            cause: For { domain, exchange },
            operator: place.operator.clone(),
        }))
    }

    fn held(&self, seen: &SeenSubjects) -> u64 {
        let waits = |&&(ip, port): &&(IpAddr, u16)| !seen.has(&Key::Smtp(ip, port));
        self.excluded.keys().filter(waits).count() as u64
    }

    fn end(&mut self, found: &mut Found<'_, SmtpJob>) {
        for ((ip, port), target) in std::mem::take(&mut self.excluded) {
            if !found.has(&Key::Smtp(ip, port)) {
                found.subject(subject(target));
            }
        }
    }
}

/// Asks the servers.
#[derive(Clone)]
pub struct SmtpObserve {
    /// How.
    pub prober: Arc<Prober>,
    /// How often each.
    pub samples: usize,
    /// What all of it says about where we are.
    pub vantage: Arc<Vantage>,
    /// `--tls`: goes on to TLS in the same connection.
    pub examiner: Option<Examiner>,
    /// Which server name it sends then.
    pub sni: Sni,
}

impl SmtpObserve {
    async fn ask_once(&self, job: &SmtpJob) -> Conversation {
        let conversation = self.prober.converse(job.target.socket()).await;
        self.vantage.note(job.target.ip, &conversation.outcome);
        conversation
    }

    /// Every sample; none more once the server asks to be left alone.
    async fn ask(&self, job: &SmtpJob, turn: &Turn) -> ProbedConnections {
        let mut asked = ProbedConnections::first(self.ask_once(job).await);
        for _ in 1..self.samples {
            if asked.last().outcome.reason == Reason::Deferred {
                break;
            }
            turn.reconnect().await;
            asked.and(self.ask_once(job).await);
        }
        asked
    }
}

impl SmtpObserve {
    /// The dialogue, and TLS in the same connection where STARTTLS is accepted: `smtp`, `cert` and `tls` in one write.
    async fn ask_and_shake(
        &self,
        examiner: &Examiner,
        mut job: SmtpJob,
        turn: &Turn,
    ) -> Observed<SmtpJob> {
        let exchange = job.target.cause.exchange.as_deref();
        let target = inspector::TlsTarget {
            ip: job.target.ip,
            port: job.target.port,
            server_name: exchange
                .filter(|_| self.sni != Sni::None)
                .and_then(server_name),
            cause: job.target.cause.clone(),
            operator: job.target.operator.clone(),
        };
        let tries = Tries {
            earlier: job.handshakes.0.clone(),
            connections: job.handshakes.1,
        };
        let is_accepted = |clear: &Conversation| clear.dialogue.starttls.accepted == Some(true);
        let examined = examiner.examine(&target, &tries, turn, is_accepted).await;
        self.vantage.note(job.target.ip, &examined.clear.outcome);
        let follows = is_accepted(&examined.clear);
        let is_deferred = examined.clear.outcome.reason == Reason::Deferred;
        let asked = ProbedConnections::first(examined.clear);
        let mut record = job.record(&asked, turn.attempt, &turn.run);
        record.tls = follows.then_some(TlsLine::Follows);
        let mut lines = Vec::new();
        append(&mut lines, &record);
        lines.extend_from_slice(&examined.lines);
        let is_again = is_deferred || examined.again.is_some();
        if let Some(tries) = examined.again {
            job.handshakes = (tries.earlier, tries.connections);
        }
        Observed {
            lines,
            phase: examined.outcome.phase,
            reason: examined.outcome.reason,
            connections: examined.connections,
            again: is_again.then(|| job.again(&asked)),
        }
    }
}

impl Observe for SmtpObserve {
    type Job = SmtpJob;

    async fn observe(&self, job: SmtpJob, turn: Turn) -> Observed<SmtpJob> {
        // Each way in a box of its own: thousands wait, and none with room for what it does not do.
        if let Some(examiner) = &self.examiner {
            return Box::pin(self.ask_and_shake(examiner, job, &turn)).await;
        }
        let asked = Box::pin(self.ask(&job, &turn)).await;
        let record = job.record(&asked, turn.attempt, &turn.run);
        let is_deferred = asked.shown().outcome.reason == Reason::Deferred;
        Observed {
            connections: asked.count(),
            again: is_deferred.then(|| job.again(&asked)),
            ..Observed::record(&record, &record.outcome)
        }
    }

    fn refusal(&self, ip: Option<IpAddr>, names: &[&str]) -> Option<Reason> {
        self.prober.connector.refusal(ip?, names)
    }

    fn refused(&self, job: SmtpJob, reason: Reason, run: &str) -> Observed<SmtpJob> {
        let record = unasked(&job.target, reason, run);
        Observed::record(&record, &record.outcome)
    }

    fn verdict(&self) -> Option<String> {
        self.vantage.verdict()
    }
}
