//! What a line brings: subjects, and records that need no work.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::key::Key;
use super::seen::SeenSubjects;
use crate::ndjson;
use crate::net::pacing::Place;
use crate::net::shard::{Shard, ShardBy};
use crate::record::{Outcome, Phase, Reason, Record};

/// What is to be measured, once however often the input names it.
#[derive(Debug)]
pub struct Subject<J> {
    /// What makes it the same as another.
    pub key: Key<'static>,
    /// Where it is, if it has an address: it is paced there. Without a place it is started as soon as there is room.
    pub place: Option<Place>,
    /// The names it goes by: an exclusion of any of them excludes it.
    pub names: Vec<String>,
    /// What the observation needs to know.
    pub job: J,
}

/// What [`Select::select`](super::Select::select) found on a line, in the order in which it is to be written.
#[derive(Debug)]
pub struct Found<'a, J> {
    /// The id of this run.
    pub run: Arc<str>,
    seen: &'a mut SeenSubjects,
    tally: &'a mut RunTally,
    shard: Option<(Shard, ShardBy)>,
    pub(super) items: Vec<FoundItem<J>>,
    /// The line named a subject, new or not.
    pub(super) names_one: bool,
}

/// One thing that a line brought.
#[derive(Debug)]
pub(super) enum FoundItem<J> {
    Lines(Vec<u8>),
    Subject(Subject<J>),
}

impl<'a, J> Found<'a, J> {
    pub(super) fn new(
        run: Arc<str>,
        seen: &'a mut SeenSubjects,
        tally: &'a mut RunTally,
        shard: Option<(Shard, ShardBy)>,
    ) -> Self {
        Self {
            run,
            seen,
            tally,
            shard,
            items: Vec::new(),
            names_one: false,
        }
    }

    /// A subject. The driver leaves it out if it was seen or is another worker's, answers it from the earlier run, turns it away at the
    /// gate, or lets it wait for its turn.
    pub fn subject(&mut self, subject: Subject<J>) {
        self.names_one = true;
        if !self.is_elsewhere(&subject.key, subject.place.as_ref()) {
            self.items.push(FoundItem::Subject(subject));
        }
    }

    /// Whether a subject is in the shard of another worker; if so, that is counted.
    pub fn is_elsewhere(&mut self, key: &Key<'_>, place: Option<&Place>) -> bool {
        let Some((shard, by)) = self.shard else {
            return false;
        };
        let is_here = match (key, place) {
            (_, Some(place)) => shard.has_place(place, by),
            (Key::Domain(text) | Key::Policy(text) | Key::Sts(text) | Key::Cert(text), None) => {
                shard.has_text(text)
            }
            (Key::Network(ip) | Key::Smtp(ip, _) | Key::Tls(ip, ..), None) => {
                shard.has_place(&super::place(*ip, None, None), by)
            }
        };
        if !is_here {
            self.names_one = true;
            self.tally.add("elsewhere", 1);
        }
        !is_here
    }

    /// Whether a subject was there before; if so, that is counted. Saves the making of one that would be left out.
    pub fn repeats(&mut self, key: &Key<'_>) -> bool {
        let repeats = self.seen.has(key);
        self.names_one = true;
        if repeats {
            self.tally.repeated(key);
        }
        repeats
    }

    /// Whether a subject was there before.
    pub fn has(&self, key: &Key<'_>) -> bool {
        self.seen.has(key)
    }

    /// Whether the list itself names this subject for the first time.
    pub fn is_first_listed(&mut self, key: &Key<'_>) -> bool {
        let is_first = self.seen.is_first_listed(key);
        if !is_first {
            self.tally.repeated(key);
        }
        is_first
    }

    /// A record that needs no work, with its outcome.
    pub fn answer<R: Record>(&mut self, record: &R, outcome: &Outcome) {
        self.record(record);
        self.tally.outcome(outcome.phase, outcome.reason);
    }

    /// A record beside the measured ones.
    pub fn record<R: Record>(&mut self, record: &R) {
        if let Some(FoundItem::Lines(lines)) = self.items.last_mut() {
            ndjson::append(lines, record);
        } else {
            self.items.push(FoundItem::Lines(ndjson::to_line(record)));
        }
    }

    /// Counts something for the last line.
    pub fn count(&mut self, what: &'static str) {
        self.tally.add(what, 1);
    }

    /// Counts so many of something for the last line; none is not told.
    pub fn count_many(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            self.tally.add(what, count);
        }
    }
}

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub struct RunTally {
    /// Records by outcome.
    pub outcomes: HashMap<(Phase, Reason), u64>,
    /// Everything else.
    pub counts: BTreeMap<&'static str, u64>,
}

impl RunTally {
    pub(super) fn outcome(&mut self, phase: Phase, reason: Reason) {
        *self.outcomes.entry((phase, reason)).or_default() += 1;
    }

    pub(super) fn add(&mut self, what: &'static str, count: u64) {
        *self.counts.entry(what).or_default() += count;
    }

    /// A subject that was asked for before.
    pub(super) fn repeated(&mut self, key: &Key<'_>) {
        self.add("repeated", 1);
        self.saved(key);
    }

    /// A subject that costs nobody a connection any more.
    pub(super) fn saved(&mut self, key: &Key<'_>) {
        if key.costs_a_connection() {
            self.add("connections_saved", 1);
        }
    }

    /// How often something was counted.
    pub(super) fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }
}

/// A place at an address, run by the registered domain `operator`.
pub fn place(ip: IpAddr, operator: Option<&str>, not_before: Option<Instant>) -> Place {
    Place {
        ip,
        operator: operator.map(Arc::from),
        not_before,
    }
}
