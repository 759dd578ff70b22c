//! The DNS as the evaluators see it: what other domains may ask too is asked once a run, what one domain may cost is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::FutureExt as _;
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;

use crate::dns::cache::Cache;
use crate::dns::chain::Chain;
use crate::dns::message::Question;
use crate::dns::name::Name;
use crate::dns::resolve::{Resolve, Servers};
use crate::policy::lookup::{Answer, CaaProperty, Denial, Found, Lookup, Txt};
use crate::policy::{denial, reverse};
use crate::record::{Dnssec, Outcome, Reason};

/// Questions that one domain may cause, those answered from the cache among them.
const QUESTION_LIMIT: u32 = 1000;
/// Octets of records that one domain may cause to be read.
const OCTET_LIMIT: usize = 4 << 20;

/// The name servers, and what they have said of names that many domains share.
pub struct Shared {
    resolver: Arc<dyn Resolve>,
    cache: Cache<Question, Arc<Reply>>,
    timeout: Duration,
    questions: AtomicU64,
    saved: AtomicU64,
}

/// What became of a question, as it is kept.
#[derive(Debug)]
struct Reply {
    found: Found<RData>,
    cname: Vec<Name>,
    dnssec: Option<Dnssec>,
    denial: Vec<Denial>,
    sent: u32,
    octets: usize,
}

impl Shared {
    /// Asks `resolver`; a domain has `timeout`, each of its questions a quarter of it. `cache`: answers that are kept, with half a KiB
    /// for each of them in all.
    pub fn new(resolver: Arc<dyn Resolve>, timeout: Duration, cache: usize) -> Self {
        Self {
            resolver,
            cache: Cache::new(cache, Box::new(|reply: &Arc<Reply>| reply.octets)),
            timeout,
            questions: AtomicU64::new(0),
            saved: AtomicU64::new(0),
        }
    }

    /// Questions asked in all, and those that were saved because another domain had asked them.
    pub fn counts(&self) -> [(&'static str, u64); 2] {
        [
            ("questions", self.questions.load(Ordering::Relaxed)),
            ("questions_shared", self.saved.load(Ordering::Relaxed)),
        ]
    }

    /// The name servers, as they do.
    pub fn servers(&self) -> Servers {
        self.resolver.servers()
    }

    /// Whether a name server answers what every one of them knows, the SOA of the root.
    pub async fn is_answered(&self) -> bool {
        let question = Question::new(Name::root(), RecordType::SOA);
        let reply = self.resolver.ask(question, self.timeout / 6).await;
        reply.result.is_ok()
    }
}

async fn ask(resolver: &dyn Resolve, question: Question, allowance: Duration) -> Reply {
    let name = question.name.clone();
    let chain = Chain::follow_question(resolver, question, allowance, false).await;
    let last = chain.cname.last().unwrap_or(&name);
    let denials = chain.denial.iter().filter_map(|record| {
        let data = record.data.to_bytes().ok()?;
        denial::read(
            &Name::from(&record.name),
            record.record_type().into(),
            &data,
            last,
        )
    });
    let denial = denials.collect();
    let found = match chain.end {
        Ok(end) if end.nxdomain => Found::Nxdomain,
        Ok(end) => Found::from(end.data),
        Err(failure) => Found::Failed(failure.outcome()),
    };
    let octets = match &found {
        Found::Records(records) => records.iter().map(size).sum(),
        _ => 0,
    };
    Reply {
        found,
        cname: chain.cname,
        dnssec: chain.dnssec,
        denial,
        sent: chain.sent,
        octets: octets + 128,
    }
}

fn size(data: &RData) -> usize {
    match data {
        RData::TXT(text) => {
            text.txt_data
                .iter()
                .map(|string| string.len() + 16)
                .sum::<usize>()
                + 32
        }
        RData::CAA(property) => property.value.len() + property.tag.len() + 64,
        _ => 300,
    }
}

/// The DNS on behalf of one domain.
pub struct Asker<'s> {
    shared: &'s Arc<Shared>,
    domain: &'s Name,
    deadline: Instant,
    /// Questions that the domain caused to be sent.
    sent: AtomicU32,
    asked: AtomicU32,
    octets: AtomicUsize,
    /// What was asked of the domain's own names, which no other domain asks for.
    own: Mutex<HashMap<Question, Arc<Reply>>>,
}

impl<'s> Asker<'s> {
    /// For `domain`, from now on.
    pub fn new(shared: &'s Arc<Shared>, domain: &'s Name) -> Self {
        Self {
            shared,
            domain,
            deadline: Instant::now() + shared.timeout,
            sent: AtomicU32::new(0),
            asked: AtomicU32::new(0),
            octets: AtomicUsize::new(0),
            own: Mutex::new(HashMap::new()),
        }
    }

    /// Questions sent for the domain so far.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    async fn reply(&self, question: Question) -> Result<Arc<Reply>, Reason> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= QUESTION_LIMIT
            || self.octets.load(Ordering::Relaxed) > OCTET_LIMIT
        {
            return Err(Reason::TooLong);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        // One silent name must not take the time of all the others.
        let left = left.min(self.shared.timeout / 4);
        if left.is_zero() {
            return Err(Reason::Timeout);
        }
        let reply = match question.name.is_within(self.domain) {
            true => self.own_reply(question, left).await,
            false => self.shared_reply(question, left).await?,
        };
        self.octets.fetch_add(reply.octets, Ordering::Relaxed);
        Ok(reply)
    }

    async fn own_reply(&self, question: Question, left: Duration) -> Arc<Reply> {
        let kept = |own: &HashMap<_, Arc<Reply>>| own.get(&question).cloned();
        if let Some(reply) = kept(&self.own.lock().unwrap_or_else(PoisonError::into_inner)) {
            return reply;
        }
        let reply = Arc::new(ask(&*self.shared.resolver, question.clone(), left).await);
        self.note(reply.sent);
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert(question, reply.clone());
        reply
    }

    async fn shared_reply(&self, question: Question, left: Duration) -> Result<Arc<Reply>, Reason> {
        let make = || {
            let (shared, question) = (Arc::clone(self.shared), question.clone());
            async move { Arc::new(ask(&*shared.resolver, question, shared.timeout / 4).await) }
                .boxed()
        };
        let waiting = self.shared.cache.get_or_make(&question, make);
        let (reply, is_new) = tokio::time::timeout(left, waiting)
            .await
            .map_err(|_| Reason::Timeout)?;
        match is_new {
            true => self.note(reply.sent),
            false => drop(self.shared.saved.fetch_add(1, Ordering::Relaxed)),
        }
        Ok(reply)
    }

    fn note(&self, sent: u32) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.shared
            .questions
            .fetch_add(u64::from(sent), Ordering::Relaxed);
    }

    async fn records<T>(
        &self,
        question: Question,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Answer<T> {
        let reply = match self.reply(question).await {
            Ok(reply) => reply,
            Err(reason) => return Answer::failed(reason),
        };
        Answer {
            found: match &reply.found {
                Found::Records(records) => {
                    Found::from(records.iter().filter_map(read).collect::<Vec<_>>())
                }
                Found::NoData => Found::NoData,
                Found::Nxdomain => Found::Nxdomain,
                Found::Failed(outcome) => Found::Failed(Outcome::clone(outcome)),
            },
            cname: reply.cname.clone(),
            dnssec: reply.dnssec,
            denial: reply.denial.clone(),
        }
    }
}

fn text(data: &RData) -> Option<Txt> {
    match data {
        RData::TXT(text) => Some(text.txt_data.concat().into()),
        _ => None,
    }
}

impl Lookup for Asker<'_> {
    async fn txt(&self, name: &Name) -> Answer<Txt> {
        let question = Question::new(name.clone(), RecordType::TXT);
        self.records(question, text).await
    }

    async fn txt_with_denial(&self, name: &Name) -> Answer<Txt> {
        let question = Question::new(name.clone(), RecordType::TXT).with_denial();
        self.records(question, text).await
    }

    async fn ipv4(&self, name: &Name) -> Answer<Ipv4Addr> {
        let question = Question::new(name.clone(), RecordType::A);
        let read = |data: &RData| match data {
            RData::A(address) => Some(address.0),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn ipv6(&self, name: &Name) -> Answer<Ipv6Addr> {
        let question = Question::new(name.clone(), RecordType::AAAA);
        let read = |data: &RData| match data {
            RData::AAAA(address) => Some(address.0),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn mx(&self, name: &Name) -> Answer<(u16, Name)> {
        let question = Question::new(name.clone(), RecordType::MX);
        let read = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, Name::from(&mx.exchange))),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn ptr(&self, address: IpAddr) -> Answer<Name> {
        let Some(name) = Name::from_octets(reverse(address).as_bytes()) else {
            return Answer::failed(Reason::InvalidName);
        };
        let read = |data: &RData| match data {
            RData::PTR(target) => Some(Name::from(&target.0)),
            _ => None,
        };
        self.records(Question::new(name, RecordType::PTR), read)
            .await
    }

    async fn caa(&self, name: &Name) -> Answer<CaaProperty> {
        let question = Question::new(name.clone(), RecordType::CAA);
        let read = |data: &RData| match data {
            RData::CAA(property) => Some(CaaProperty {
                flags: property.flags(),
                tag: property.tag.as_bytes().into(),
                value: property.value.as_slice().into(),
            }),
            _ => None,
        };
        self.records(question, read).await
    }
}
