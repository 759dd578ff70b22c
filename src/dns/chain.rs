//! A question followed through CNAMEs (RFC 1034 §3.6.2), within an answer and by asking again. Only records that
//! belong to the name asked for, or to one of its CNAMEs, count; whatever else came along does not.

use std::time::Duration;

use hickory_proto::rr::{self, DNSClass, RData, RecordType};

use super::message::Question;
use super::name::Name;
use super::resolve::{DnsReply, Failure, Resolve};
use crate::record::{Dnssec, Outcome, Phase, Reason};

/// The longest chain that is followed.
const CNAME_LIMIT: usize = 16;

/// A question followed to its end.
#[derive(Debug)]
pub struct AliasChain {
    /// CNAMEs followed, in order.
    pub cname: Vec<Name>,
    /// What the last name has, or why that is not known.
    pub end: Result<ChainEnd, Failure>,
    /// The weakest state along the way.
    pub dnssec: Option<Dnssec>,
    /// Extended DNS error codes of all answers.
    pub extended_errors: Vec<u16>,
    /// NSEC and NSEC3 records that came with the last answer, where the question wanted them.
    pub denial: Vec<rr::Record>,
    /// The answer sections as they came, if they were to be kept.
    pub answers: Vec<rr::Record>,
    /// Packets sent.
    pub sent: u32,
    /// Of the allowance.
    pub spent: Duration,
}

/// What the last name of a chain has of the type asked for.
#[derive(Debug, Default)]
pub struct ChainEnd {
    /// It does not exist.
    pub nxdomain: bool,
    /// Its data, as they came.
    pub data: Vec<RData>,
}

impl AliasChain {
    /// Asks for `kind` at `name`. `allowance` is for the whole chain.
    pub async fn follow(
        resolver: &dyn Resolve,
        name: &Name,
        kind: RecordType,
        allowance: Duration,
        keep_answers: bool,
    ) -> Self {
        let question = Question::new(name.clone(), kind);
        Self::follow_question(resolver, &question, allowance, keep_answers).await
    }

    /// Asks a question, with all that it wants to know.
    pub async fn follow_question(
        resolver: &dyn Resolve,
        question: &Question,
        allowance: Duration,
        keep_answers: bool,
    ) -> Self {
        let reply = resolver.ask(question.clone(), allowance).await;
        // What waits above holds nothing of all this: there may be thousands.
        let mut chain = Self {
            cname: Vec::new(),
            end: Ok(ChainEnd::default()),
            dnssec: Some(Dnssec::Secure),
            extended_errors: Vec::new(),
            denial: Vec::new(),
            answers: Vec::new(),
            sent: 0,
            spent: Duration::ZERO,
        };
        if !chain.ends_with(question, reply, keep_answers) {
            Box::pin(chain.go_on(resolver, question, allowance, keep_answers)).await;
        }
        chain
    }

    /// Asks on for the last of the CNAMEs.
    async fn go_on(
        &mut self,
        resolver: &dyn Resolve,
        question: &Question,
        allowance: Duration,
        keep_answers: bool,
    ) {
        loop {
            let mut next = question.clone();
            if let Some(name) = self.cname.last() {
                next.name = name.clone();
            }
            let left = allowance.saturating_sub(self.spent);
            let reply = resolver.ask(next, left).await;
            if self.ends_with(question, reply, keep_answers) {
                return;
            }
        }
    }

    /// Takes one reply more; whether the chain ends with it.
    fn ends_with(&mut self, question: &Question, reply: DnsReply, keep_answers: bool) -> bool {
        self.spent += reply.spent;
        self.sent += reply.sent;
        let answer = match reply.result {
            Ok(answer) => answer,
            Err(failure) => {
                self.dnssec = failure.dnssec();
                self.extended_errors.extend(&failure.extended_errors);
                self.end = Err(failure);
                return true;
            }
        };
        self.dnssec = weaker(self.dnssec, answer.dnssec);
        self.extended_errors.extend(&answer.extended_errors);
        let hops = self.cname.len();
        if keep_answers {
            self.answers.extend_from_slice(&answer.records);
        }
        let (name, kind) = (&question.name, question.kind);
        let data = match walk(name, kind, answer.records, &mut self.cname) {
            Ok(data) => data,
            Err(failure) => {
                self.end = Err(failure);
                return true;
            }
        };
        let is_open = data.is_empty() && !answer.nxdomain && !answer.negative;
        if is_open && self.cname.len() > hops {
            return false;
        }
        self.denial = answer.denial;
        self.end = Ok(ChainEnd {
            nxdomain: answer.nxdomain,
            data,
        });
        true
    }

    /// The outcome of the question by itself.
    pub fn outcome(&self) -> Outcome {
        match &self.end {
            Ok(end) if end.nxdomain => Outcome::new(Phase::Dns, Reason::Nxdomain),
            Ok(end) if end.data.is_empty() => Outcome::new(Phase::Dns, Reason::NoData),
            Ok(_) => Outcome::ok(),
            Err(failure) => failure.outcome(),
        }
    }
}

/// The data of `kind` behind the CNAMEs that begin at the last of `cname`, or at `name`.
fn walk(
    name: &Name,
    kind: RecordType,
    records: Vec<rr::Record>,
    cname: &mut Vec<Name>,
) -> Result<Vec<RData>, Failure> {
    loop {
        let owner = cname.last().unwrap_or(name);
        let is_of_owner =
            |record: &rr::Record| *owner == record.name && record.dns_class == DNSClass::IN;
        let is_wanted = |record: &rr::Record| record.record_type() == kind && is_of_owner(record);
        let count = (records.iter().filter(|record| is_wanted(record))).count();
        if count > 0 {
            // Room for these, where `collect` would make some for four.
            let mut wanted = Vec::with_capacity(count);
            wanted.extend((records.into_iter().filter(is_wanted)).map(|record| record.data));
            return Ok(wanted);
        }
        let target = records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if is_of_owner(record) => Some(Name::from(&target.0)),
            _ => None,
        });
        let Some(target) = target else {
            return Ok(Vec::new());
        };
        if target == *name || cname.contains(&target) {
            return Err(Failure::new(Reason::CnameLoop).with(format!("back at {target}")));
        }
        if cname.len() == CNAME_LIMIT {
            return Err(
                Failure::new(Reason::CnameLoop).with(format!("more than {CNAME_LIMIT} CNAMEs"))
            );
        }
        cname.push(target);
    }
}

/// The state of two answers that are both needed.
pub fn weaker(one: Option<Dnssec>, other: Option<Dnssec>) -> Option<Dnssec> {
    match (one?, other?) {
        (Dnssec::Bogus, _) | (_, Dnssec::Bogus) => Some(Dnssec::Bogus),
        (Dnssec::Insecure, _) | (_, Dnssec::Insecure) => Some(Dnssec::Insecure),
        (Dnssec::Secure, Dnssec::Secure) => Some(Dnssec::Secure),
    }
}
