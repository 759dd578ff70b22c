//! What the rules want of a resolver, whichever it is: one question, and an answer or the reason why there is none.

use std::time::Duration;

use futures::future::BoxFuture;
use hickory_proto::rr;

use super::message::Question;
use crate::record::{Dnssec, Outcome, Phase, Reason};

/// A resolver: asks servers until one answers, or until the allowance is spent.
pub trait Resolve: Send + Sync {
    /// Asks one question. `allowance` bounds the time spent waiting for servers; waiting for one's turn under a rate
    /// limit is not part of it.
    fn ask(&self, question: Question, allowance: Duration) -> BoxFuture<'_, DnsReply>;

    /// How many name servers there are, and how many of them answer these days.
    fn servers(&self) -> Servers;
}

/// Name servers in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Servers {
    /// Configured.
    pub all: usize,
    /// Not resting.
    pub healthy: usize,
}

/// What became of a question.
#[derive(Clone, Debug)]
pub struct DnsReply {
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// Packets sent for it.
    pub sent: u32,
    /// Of the allowance.
    pub spent: Duration,
}

/// A conclusive answer: NOERROR or NXDOMAIN.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The name (the last one, behind CNAMEs) does not exist.
    pub nxdomain: bool,
    /// What it lacks does not exist; without this, CNAMEs may end in a name that the server did not look up.
    pub negative: bool,
    /// The answer section.
    pub records: Vec<rr::Record>,
    /// NSEC and NSEC3 records that came along, where the question wanted them.
    pub denial: Vec<rr::Record>,
    /// Its state, if a trusted validator told.
    pub dnssec: Option<Dnssec>,
    /// Extended DNS error codes (RFC 8914).
    pub extended_errors: Vec<u16>,
}

/// Why there is no answer. The name may well exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `servfail`, `refused`, `timeout`, `bogus`, `malformed`, `unreachable`, `cname_loop`, `local`.
    pub reason: Reason,
    /// For people.
    pub detail: Option<String>,
    /// Extended DNS error codes (RFC 8914).
    pub extended_errors: Vec<u16>,
}

impl Failure {
    /// A failure without detail.
    pub fn new(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            extended_errors: Vec::new(),
        }
    }

    /// The same with words.
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// As the outcome of a record.
    pub fn outcome(&self) -> Outcome {
        let outcome = Outcome::new(Phase::Dns, self.reason);
        match &self.detail {
            Some(detail) => outcome.with(detail.as_str()),
            None => outcome,
        }
    }

    /// Its DNSSEC state: only a bogus answer has one.
    pub fn dnssec(&self) -> Option<Dnssec> {
        (self.reason == Reason::Bogus).then_some(Dnssec::Bogus)
    }
}
