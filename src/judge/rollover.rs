//! A change of key under DANE (RFC 7671 §8): what the TLSA records of an exchange name, at every address and for every
//! certificate of a server.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Problem, ProblemCode as Code, Severity};
use crate::record::LeafKey;
use crate::record::words::vocabulary;
use crate::x509::dane::StrongestDigests;

vocabulary! {
    /// Where the TLSA records of an exchange stand in a change of key (RFC 7671 §8).
    strict Rollover {
        /// Every usable record names what the servers send, and they send one key.
        None = "none",
        /// A record names nothing that the servers send: of the next key (RFC 7671 §8.1), or left over from the last.
        SpareUnseen = "spare_unseen",
        /// Records name two keys that the servers send side by side, as RSA and ECDSA: no change of key.
        DualKey = "dual_key",
        /// Records name the end entity, others its authority, and both are sent: no change of key.
        TaPlusEe = "ta_plus_ee",
        /// Not learned: a record names nothing that was seen, and not all was seen.
        Unknown = "unknown",
    }
}

/// A TLSA record of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRecord {
    /// Usage, selector and matching type.
    pub parameters: (u8, u8, u8),
    /// The association data, hex.
    pub data: String,
    /// A sender can use it (RFC 7672 §3.1).
    pub is_usable: bool,
}

impl PublishedRecord {
    /// As it is told: the data by its first digits.
    fn shown(&self) -> String {
        let (usage, selector, matching) = self.parameters;
        let begin: String = self.data.chars().take(16).collect();
        let end = if begin.len() < self.data.len() {
            "…"
        } else {
            ""
        };
        format!("{usage} {selector} {matching} {begin}{end}")
    }
}

/// A certificate that a server sends, with its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCertificate {
    /// The kind of its key; none: not learned.
    pub key: Option<LeafKey>,
    /// For each record of the set: it names this certificate or one above it; null: not learned.
    pub named: Vec<Option<bool>>,
}

impl SentCertificate {
    /// Whether the record at a position names it.
    fn is_named_by(&self, record: usize) -> Option<bool> {
        self.named.get(record).copied().flatten()
    }

    /// Whether one of these records names it.
    fn is_named(&self, records: &[usize]) -> bool {
        records.iter().any(|&at| self.is_named_by(at) == Some(true))
    }
}

/// What a server of the exchange sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerKeys {
    /// Its address, for people.
    pub address: String,
    /// First what it sends to a sender of today, then what it sends to others; none where no chain was seen.
    pub sent: Vec<SentCertificate>,
    /// It was asked for every kind of key.
    pub is_whole: bool,
}

/// The TLSA records of an exchange, and what its servers send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsaCoverage {
    /// The records.
    pub records: Vec<PublishedRecord>,
    /// Its servers, of both families.
    pub servers: Vec<ServerKeys>,
    /// There may be addresses that are not known.
    pub is_open: bool,
}

impl TlsaCoverage {
    /// Usable records by position, each once.
    fn usable(&self) -> Vec<usize> {
        let mut known = BTreeSet::new();
        (0..self.records.len())
            .filter(|&at| {
                let record = &self.records[at];
                record.is_usable && known.insert((record.parameters, record.data.as_str()))
            })
            .collect()
    }

    /// What each server sends to a sender of today.
    fn of_today(&self) -> impl Iterator<Item = &SentCertificate> {
        (self.servers.iter()).filter_map(|server| server.sent.first())
    }

    fn sent(&self) -> impl Iterator<Item = &SentCertificate> {
        self.servers.iter().flat_map(|server| &server.sent)
    }

    /// Whether a record names what a server sends; null: nothing that was seen, and not all was seen.
    fn is_live(&self, record: usize) -> Option<bool> {
        if self.sent().any(|it| it.is_named_by(record) == Some(true)) {
            return Some(true);
        }
        let is_whole = |server: &ServerKeys| server.is_whole && !server.sent.is_empty();
        let is_known = !self.is_open
            && !self.servers.is_empty()
            && self.servers.iter().all(is_whole)
            && self.sent().all(|it| it.is_named_by(record) == Some(false));
        is_known.then_some(false)
    }

    /// Where the set stands.
    pub fn rollover(&self) -> Rollover {
        let usable = self.usable();
        let live: Vec<Option<bool>> = usable.iter().map(|&at| self.is_live(at)).collect();
        if live.is_empty() || live.contains(&None) {
            return Rollover::Unknown;
        }
        if live.contains(&Some(false)) {
            return Rollover::SpareUnseen;
        }
        let has_usage = |usage| {
            let mut usages = usable.iter().map(|&at| self.records[at].parameters.0);
            usages.any(|it| it == usage)
        };
        if self.has_two_keys(&usable) {
            Rollover::DualKey
        } else if has_usage(2) && has_usage(3) {
            Rollover::TaPlusEe
        } else {
            Rollover::None
        }
    }

    /// Two certificates are sent, of which each is named by an end-entity record that does not name the other.
    fn has_two_keys(&self, usable: &[usize]) -> bool {
        let only = |one: &SentCertificate, other: &SentCertificate| {
            usable.iter().any(|&at| {
                self.records[at].parameters.0 == 3
                    && one.is_named_by(at) == Some(true)
                    && other.is_named_by(at) == Some(false)
            })
        };
        let mut pairs = self
            .sent()
            .flat_map(|one| self.sent().map(move |other| (one, other)));
        pairs.any(|(one, other)| only(one, other) && only(other, one))
    }

    /// Kinds of record of which none names what a server sends to a sender of today, while one of another kind does
    /// (RFC 7671 §8: one record at least matches the chain that the server sends, for each
    /// combination of parameters).
    fn unmatched_kinds(&self, usable: &[usize]) -> BTreeSet<(u8, u8, u8)> {
        let mut kinds = BTreeSet::new();
        for sent in self.of_today().filter(|sent| sent.is_named(usable)) {
            let mut is_unmatched = BTreeMap::new();
            for &at in usable {
                let kind = self.records[at].parameters;
                *is_unmatched.entry(kind).or_insert(true) &= sent.is_named_by(at) == Some(false);
            }
            let unmatched = is_unmatched.into_iter().filter(|(_, is)| *is);
            kinds.extend(unmatched.map(|(kind, _)| kind));
        }
        kinds
    }

    /// A sender that looks at the strongest digest alone finds no match at some server that has one.
    fn is_lost_by_agility(&self, usable: &[usize]) -> bool {
        let parameters = |at: &usize| self.records[*at].parameters;
        let strongest = StrongestDigests::new(usable.iter().map(parameters));
        let looked_at = || usable.iter().filter(|at| strongest.has(parameters(at)));
        self.of_today().any(|sent| {
            sent.is_named(usable) && looked_at().all(|&at| sent.is_named_by(at) == Some(false))
        })
    }

    /// Addresses with the kind of the key of a certificate that no record names, where one names another of the server's.
    fn uncovered_keys(&self, usable: &[usize]) -> Vec<(&str, Option<&LeafKey>)> {
        let is_not =
            |it: &&SentCertificate| usable.iter().all(|&at| it.is_named_by(at) == Some(false));
        let mut found = Vec::new();
        for server in &self.servers {
            if server.sent.iter().any(|it| it.is_named(usable)) {
                let uncovered = server.sent.iter().filter(is_not);
                found.extend(uncovered.map(|it| (server.address.as_str(), it.key.as_ref())));
            }
        }
        found
    }

    /// What is wrong with the set as such; that none of it holds at a server, or at one address only, is told by
    /// [`super::findings::domain_problems`]. The exchange is not in it.
    pub fn problems(&self) -> Vec<Problem> {
        let usable = self.usable();
        let mut found = Vec::new();
        for (address, key) in self.uncovered_keys(&usable) {
            let key = key.map_or("another key", |key| key.word());
            let detail = format!("{address}: {key}");
            found.push(Problem::new(Code::TlsaCoversOneKey).with(detail));
        }
        let kinds = self.unmatched_kinds(&usable);
        let shown = |records: Vec<usize>| {
            let shown: Vec<String> = (records.iter())
                .map(|&at| self.records[at].shown())
                .collect();
            shown.join(", ")
        };
        let is_unmatched = |at: &usize| kinds.contains(&self.records[*at].parameters);
        let (unmatched, matched): (Vec<usize>, Vec<usize>) =
            usable.iter().partition(|at| is_unmatched(at));
        if !unmatched.is_empty() {
            let mut problem = Problem::new(Code::TlsaKindUnmatched).with(shown(unmatched));
            if self.is_lost_by_agility(&usable) {
                problem = problem.at_least(Severity::Critical);
            }
            found.push(problem);
        }
        // Where none is live that is a mismatch, which is told of each server.
        if usable.iter().any(|&at| self.is_live(at) == Some(true)) {
            let is_idle = |at: &usize| self.is_live(*at) == Some(false);
            let idle: Vec<usize> = matched.into_iter().filter(is_idle).collect();
            if !idle.is_empty() {
                found.push(Problem::new(Code::TlsaRecordUnmatched).with(shown(idle)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
