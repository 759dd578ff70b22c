//! A change of key under DANE (RFC 7671 §8): what the TLSA records of an exchange name, at every address and for every
//! certificate of a server.

use super::problem::{Problem, ProblemCode as Code, Severity};
use crate::record::LeafKey;
use crate::record::words::vocabulary;

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
    fn usable(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.records.len()).filter(|&at| {
            let record = &self.records[at];
            record.is_usable && !self.records[..at].contains(record)
        })
    }

    fn sent(&self) -> impl Iterator<Item = &SentCertificate> {
        self.servers.iter().flat_map(|server| &server.sent)
    }

    /// Whether a record names what a server sends; null: nothing that was seen, and not all was seen.
    fn is_live(&self, record: usize) -> Option<bool> {
        let named = |it: &SentCertificate| it.named.get(record).copied().flatten();
        if self.sent().any(|it| named(it) == Some(true)) {
            return Some(true);
        }
        let is_whole = |server: &ServerKeys| server.is_whole && !server.sent.is_empty();
        let is_known = !self.is_open
            && !self.servers.is_empty()
            && self.servers.iter().all(is_whole)
            && self.sent().all(|it| named(it) == Some(false));
        is_known.then_some(false)
    }

    /// Where the set stands.
    pub fn rollover(&self) -> Rollover {
        let live: Vec<Option<bool>> = self.usable().map(|at| self.is_live(at)).collect();
        if live.is_empty() || live.contains(&None) {
            return Rollover::Unknown;
        }
        if live.contains(&Some(false)) {
            return Rollover::SpareUnseen;
        }
        let usages = |usage: u8| {
            self.usable()
                .any(|at| self.records[at].parameters.0 == usage)
        };
        if self.has_two_keys() {
            Rollover::DualKey
        } else if usages(2) && usages(3) {
            Rollover::TaPlusEe
        } else {
            Rollover::None
        }
    }

    /// Two certificates are sent, of which each is named by an end-entity record that does not name the other.
    fn has_two_keys(&self) -> bool {
        let only = |one: &SentCertificate, other: &SentCertificate| {
            self.usable().any(|at| {
                let said = |it: &SentCertificate| it.named.get(at).copied().flatten();
                self.records[at].parameters.0 == 3
                    && said(one) == Some(true)
                    && said(other) == Some(false)
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
    fn unmatched_kinds(&self) -> Vec<(u8, u8, u8)> {
        let mut kinds: Vec<(u8, u8, u8)> = Vec::new();
        for sent in self.servers.iter().filter_map(|server| server.sent.first()) {
            let said = |at: usize| sent.named.get(at).copied().flatten();
            if !self.usable().any(|at| said(at) == Some(true)) {
                continue;
            }
            for at in self.usable() {
                let kind = self.records[at].parameters;
                let mut alike = self
                    .usable()
                    .filter(|&it| self.records[it].parameters == kind);
                if alike.all(|it| said(it) == Some(false)) && !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        kinds.sort_unstable();
        kinds
    }

    /// A sender that looks at the strongest digest alone (RFC 7671 §9) finds no match at some server that has one.
    fn is_lost_by_agility(&self) -> bool {
        let strongest = |usage: u8, selector: u8| {
            let digests = self.usable().map(|at| self.records[at].parameters);
            digests
                .filter(|it| (it.0, it.1) == (usage, selector))
                .map(|it| it.2)
                .max()
        };
        let counts = |at: usize| {
            let (usage, selector, matching) = self.records[at].parameters;
            matching == 0 || Some(matching) == strongest(usage, selector)
        };
        let mut sent = self.servers.iter().filter_map(|server| server.sent.first());
        sent.any(|sent| {
            let said = |at: usize| sent.named.get(at).copied().flatten();
            self.usable().any(|at| said(at) == Some(true))
                && (self.usable().filter(|&at| counts(at))).all(|at| said(at) == Some(false))
        })
    }

    /// Addresses with the kind of the key of a certificate that no record names, where one names another of the server's.
    fn uncovered_keys(&self) -> Vec<(&str, Option<&LeafKey>)> {
        let is_named = |it: &SentCertificate| {
            self.usable()
                .any(|at| it.named.get(at).copied().flatten() == Some(true))
        };
        let is_not = |it: &SentCertificate| {
            self.usable()
                .all(|at| it.named.get(at).copied().flatten() == Some(false))
        };
        let mut found = Vec::new();
        for server in self
            .servers
            .iter()
            .filter(|it| it.sent.iter().any(is_named))
        {
            let uncovered = server.sent.iter().filter(|it| is_not(it));
            found.extend(uncovered.map(|it| (server.address.as_str(), it.key.as_ref())));
        }
        found
    }

    /// What is wrong with the set as such; that none of it holds at a server, or at one address only, is told by
    /// [`super::findings::domain_problems`]. The exchange is not in it.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (address, key) in self.uncovered_keys() {
            let key = key.map_or("another key", |key| key.word());
            let detail = format!("{address}: {key}");
            found.push(Problem::new(Code::TlsaCoversOneKey).with(detail));
        }
        let kinds = self.unmatched_kinds();
        let shown = |at: usize| self.records[at].shown();
        let unmatched: Vec<String> = self
            .usable()
            .filter(|&at| kinds.contains(&self.records[at].parameters))
            .map(shown)
            .collect();
        if !unmatched.is_empty() {
            let mut problem = Problem::new(Code::TlsaKindUnmatched).with(unmatched.join(", "));
            if self.is_lost_by_agility() {
                problem = problem.at_least(Severity::Critical);
            }
            found.push(problem);
        }
        let idle: Vec<String> = self
            .usable()
            .filter(|&at| !kinds.contains(&self.records[at].parameters))
            .filter(|&at| self.is_live(at) == Some(false))
            .map(shown)
            .collect();
        // Where none is live that is a mismatch, which is told of each server.
        let has_live = self.usable().any(|at| self.is_live(at) == Some(true));
        if !idle.is_empty() && has_live {
            found.push(Problem::new(Code::TlsaRecordUnmatched).with(idle.join(", ")));
        }
        found
    }
}

#[cfg(test)]
mod tests;
