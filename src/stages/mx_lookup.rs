//! From lines to names, and from names to `domain` records.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::dns::list::{self, Item, List};
use crate::dns::lookup::{self, Lookup};
use crate::dns::name::Name;
use crate::driver::resume::{Key, Resume};
use crate::ndjson::{Line, NotARecord};
use crate::record::{Domain, Listed, Reason, now};

use crate::driver::seen::Seen;
use crate::driver::{Found, Observe, Observed, Select, Taken, Turn};

/// Finds names in the input.
pub struct Names {
    list: List,
    source: String,
    /// Entries of the list. A list alone fills this one only, records alone the other.
    listed: Seen,
    /// Names of records.
    recorded: Seen,
    resume: Option<Resume>,
}

/// A name, or the record of what is none.
pub type Job = Result<Name, Box<Domain>>;

impl Names {
    /// Names of `list`, which is called `source`.
    pub fn new(list: List, source: String, resume: Option<Resume>) -> Self {
        Self {
            list,
            source,
            listed: Seen::new(),
            recorded: Seen::new(),
            resume,
        }
    }

    /// An entry of the list itself.
    fn entry(&mut self, text: &[u8], rank: u64, found: &mut Found<Job>) -> anyhow::Result<()> {
        let job = read(text);
        let domain = text_of(&job);
        if !self.listed.is_first(&domain) {
            found.repeated();
            return Ok(());
        }
        found.record(&Listed {
            source: self.source.clone(),
            domain: domain.clone(),
            rank: Some(rank),
            users: None,
            of: None,
            share: None,
            run: None,
        });
        if self.recorded.has(&domain) {
            return Ok(());
        }
        self.look_up(&domain, job, found)
    }

    /// A name in a record of another type, or in one of ours: that is an answer.
    fn record(
        &mut self,
        text: &str,
        is_answer: bool,
        found: &mut Found<Job>,
    ) -> anyhow::Result<()> {
        let job = read(text.as_bytes());
        let domain = text_of(&job);
        let is_known = !self.recorded.is_first(&domain) || self.listed.has(&domain);
        if is_answer {
            return Ok(());
        }
        if is_known {
            found.repeated();
            return Ok(());
        }
        self.look_up(&domain, job, found)
    }

    /// Each name once.
    fn look_up(&mut self, domain: &str, job: Job, found: &mut Found<Job>) -> anyhow::Result<()> {
        let earlier = match &mut self.resume {
            Some(resume) => resume.answer(Key::Domain(domain))?,
            None => None,
        };
        match earlier {
            Some(line) => found.resumed(&line),
            None => found.job(job, None),
        }
        Ok(())
    }
}

impl Select for Names {
    type Job = Job;

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<Job>,
    ) -> anyhow::Result<Taken> {
        match kind {
            Ok(kind) if self.list.reads_objects() => {
                // Its tag was read: it is an object.
                if let Some(domain) = list::domain_of(&line.bytes)? {
                    self.record(&domain, kind == "domain", found)?;
                }
                return Ok(Taken::Passed);
            }
            Err(spread @ NotARecord::Spread) => return Ok(Taken::Refused(spread.to_string())),
            _ => {}
        }
        match self.list.read(&line.bytes, line.number) {
            Item::Nothing => Ok(Taken::Consumed),
            Item::Refused(why) => Ok(Taken::Refused(why.into())),
            Item::Entry(text, rank) => {
                self.entry(&text, rank, found)?;
                Ok(Taken::Consumed)
            }
        }
    }

    const OWN: &'static str = "domain";

    fn done(&mut self, line: &Line) {
        if self.list.reads_objects()
            && let Ok(Some(domain)) = list::domain_of(&line.bytes)
        {
            self.recorded.is_first(&text_of(&read(domain.as_bytes())));
        }
    }
}

fn read(text: &[u8]) -> Job {
    Name::parse(text).map_err(|why| Box::new(lookup::invalid(text, &why)))
}

fn text_of(job: &Job) -> String {
    match job {
        Ok(name) => name.to_string(),
        Err(invalid) => invalid.domain.clone(),
    }
}

/// Looks names up.
pub struct Measure {
    lookup: Lookup,
    /// Names for which no name server said anything, as long as none ever did.
    silent: AtomicU64,
    is_heard: AtomicBool,
}

/// So many names without a word from a name server, and there is none.
const SILENT: u64 = 1000;

impl Measure {
    /// By `lookup`.
    pub fn new(lookup: Lookup) -> Self {
        Self {
            lookup,
            silent: AtomicU64::new(0),
            is_heard: AtomicBool::new(false),
        }
    }

    fn hear(&self, domain: &Domain) {
        match domain.outcome.reason {
            Reason::Timeout | Reason::Unreachable => {
                self.silent.fetch_add(1, Ordering::Relaxed);
            }
            Reason::InvalidName => {}
            _ => self.is_heard.store(true, Ordering::Relaxed),
        }
    }

    /// What to say after so many names or more without a word.
    fn unheard(&self, at_least: u64) -> Option<String> {
        let silent = self.silent.load(Ordering::Relaxed);
        (silent >= at_least && !self.is_heard.load(Ordering::Relaxed)).then(|| {
            format!(
                "no name server answered anything about {silent} names; --nameserver names others"
            )
        })
    }
}

impl Observe for Measure {
    type Job = Job;

    async fn observe(&self, job: Job, turn: Turn) -> Observed<Job> {
        let mut domain = match job {
            Ok(name) => self.lookup.domain(&name).await,
            Err(invalid) => *invalid,
        };
        self.hear(&domain);
        domain.run = turn.run.to_string();
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

    fn verdict(&self) -> Option<String> {
        self.unheard(SILENT)
    }

    fn complaint(&self) -> Option<String> {
        self.unheard(1)
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.lookup.counts().into_iter();
        counts
            .map(|(what, count)| (what.to_owned(), count))
            .collect()
    }
}
