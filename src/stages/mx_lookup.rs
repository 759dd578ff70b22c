//! From lines to names, and from names to `domain` records.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::dns::list::DomainList;
use crate::dns::lookup::{self, MxLookup};
use crate::dns::name::Name;
use crate::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn};
use crate::ndjson::{Line, NotARecord};
use crate::record::{Domain, Outcome, Phase, Reason, now};
use crate::stages::names::{ListedNames, domain_of};
use crate::stages::silent::SilentNames;

/// Finds names in the input.
pub struct MxSelect(ListedNames);

/// A name, or the record of what is none.
pub type MxJob = Result<Name, Box<Domain>>;

impl MxSelect {
    /// Names of `list`, which is called `source`.
    pub fn new(list: DomainList, source: String) -> Self {
        Self(ListedNames::new(list, source))
    }
}

impl Select for MxSelect {
    type Job = MxJob;

    const OWN: &'static [&'static str] = &["domain"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, MxJob>,
    ) -> Taken {
        match kind {
            Ok(_) if self.0.reads_objects() => match domain_of(line) {
                Ok(domain) => {
                    if let Some(domain) = domain {
                        found.subject(subject(domain.as_bytes()));
                    }
                    Taken::Passed
                }
                Err(why) => Taken::Refused(why),
            },
            Err(spread @ (NotARecord::Spread | NotARecord::Array)) => {
                Taken::Refused(spread.to_string())
            }
            _ => self.0.read(line, found, subject),
        }
    }

    fn complaint(&self) -> Option<String> {
        self.0.complaint()
    }

    fn begin_file(&mut self) -> Option<String> {
        self.0.begin_file()
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        let domain = domain_of(line)?;
        Ok(domain.map(|domain| subject(domain.as_bytes()).key))
    }
}

fn subject(text: &[u8]) -> Subject<MxJob> {
    let job = read(text);
    Subject {
        key: Key::Domain(text_of(&job).into()),
        place: None,
        names: Vec::new(),
        job,
    }
}

fn read(text: &[u8]) -> MxJob {
    Name::parse(text).map_err(|why| Box::new(lookup::invalid(text, &why)))
}

fn text_of(job: &MxJob) -> String {
    match job {
        Ok(name) => name.to_string(),
        Err(invalid) => invalid.domain.clone(),
    }
}

/// Looks names up.
pub struct MxObserve {
    lookup: MxLookup,
    /// Names in a row about which no name server said anything.
    silent: SilentNames,
    /// A name server said something in this run.
    is_heard: AtomicBool,
    /// None answered the control question the last time it was asked.
    is_dead: AtomicBool,
    /// Domains whose exchanges were not looked up for want of something on this machine.
    spoiled: AtomicU64,
}

/// After so many names in a row without a word from a name server, and after the first name of a run, a question that every
/// name server can answer tells whether they or the names are dead.
const SILENT: u64 = 1000;
/// And once after so many, and at the end of the run behind any number of them.
const SOME: u64 = 100;

impl MxObserve {
    /// By `lookup`.
    pub fn new(lookup: MxLookup) -> Self {
        Self {
            lookup,
            silent: SilentNames::default(),
            is_heard: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
            spoiled: AtomicU64::new(0),
        }
    }

    /// Takes note of a name whose questions began at `start`.
    async fn hear(&self, domain: &Domain, start: Instant) {
        let reason = domain.outcome.reason;
        if reason == Reason::InvalidName {
            return;
        }
        if !lookup::is_silence(reason) {
            self.silent.heard(start);
            self.is_dead.store(false, Ordering::Relaxed);
            self.is_heard.store(true, Ordering::Relaxed);
            return;
        }
        let silent = self.silent.add(start);
        let is_first = silent == 1 && !self.is_heard.load(Ordering::Relaxed);
        if !is_first && silent != SOME && !silent.is_multiple_of(SILENT) {
            return;
        }
        let is_answered = self.lookup.is_answered().await;
        self.is_dead.store(!is_answered, Ordering::Relaxed);
        if is_answered {
            self.silent.heard(Instant::now());
            self.is_heard.store(true, Ordering::Relaxed);
        }
    }

    /// Asks the control question once more where the names behind the last answer were all silent: few names are no sign, but
    /// name servers that died behind them have left the rest of the list unknown.
    async fn hear_the_end(&self) {
        let is_open = self.silent.count() > 0;
        if is_open && !self.is_dead.load(Ordering::Relaxed) {
            let is_answered = self.lookup.is_answered().await;
            self.is_dead.store(!is_answered, Ordering::Relaxed);
        }
    }

    /// What to say after so many names or more without a word, if the name servers are to blame.
    fn unheard(&self, at_least: u64) -> Option<String> {
        let silent = self.silent.count();
        (silent >= at_least && self.is_dead.load(Ordering::Relaxed)).then(|| {
            format!(
                "no name server answered anything about {silent} names, nor about the root; --nameserver names others"
            )
        })
    }
}

/// Whether something about its exchanges is not known for want of something on this machine, though the domain is answered.
fn is_spoiled(domain: &Domain) -> bool {
    let is_local = |outcome: &Outcome| outcome.reason == Reason::Local;
    !is_local(&domain.outcome)
        && domain.mx.iter().any(|exchange| {
            let tlsa = exchange.tlsa.as_ref().map(|set| &set.outcome);
            let outcomes = [exchange.ipv4.as_ref(), exchange.ipv6.as_ref(), tlsa];
            outcomes.into_iter().flatten().any(is_local)
        })
}

impl Observe for MxObserve {
    type Job = MxJob;
    const AWAITS: &'static str = "answers about names";

    async fn observe(&self, job: MxJob, turn: Turn) -> Observed<MxJob> {
        let start = Instant::now();
        let mut domain = match job {
            Ok(name) => self.lookup.domain(&name).await,
            Err(invalid) => *invalid,
        };
        self.hear(&domain, start).await;
        self.spoiled
            .fetch_add(is_spoiled(&domain).into(), Ordering::Relaxed);
        domain.run = turn.run.to_string();
        domain.time = now();
        Observed::record(&domain, &domain.outcome)
    }

    fn refused(&self, job: MxJob, reason: Reason, run: &str) -> Observed<MxJob> {
        let mut domain = match job {
            Ok(name) => lookup::unasked(&name, Outcome::new(Phase::Input, reason)),
            Err(invalid) => *invalid,
        };
        domain.run = run.to_owned();
        domain.time = now();
        Observed::record(&domain, &domain.outcome)
    }

    fn note(&self) -> Option<String> {
        let servers = self.lookup.servers();
        Some(format!(
            "{} of {} resolvers healthy",
            servers.healthy, servers.all
        ))
    }

    async fn conclude(&self) {
        self.hear_the_end().await;
    }

    fn verdict(&self) -> Option<String> {
        self.unheard(SILENT)
    }

    fn failure(&self) -> Option<String> {
        self.unheard(1)
    }

    fn spoiled(&self) -> u64 {
        self.spoiled.load(Ordering::Relaxed)
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.lookup.counts().into_iter();
        counts
            .map(|(what, count)| (what.to_owned(), count))
            .collect()
    }
}
