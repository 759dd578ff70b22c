//! The DNS as the evaluators see it: what other domains may ask too is asked once a run, what one domain may cost is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;

use crate::dns::cache::Cache;
use crate::dns::chain::AliasChain;
use crate::dns::message::Question;
use crate::dns::name::Name;
use crate::dns::resolve::{Resolve, Servers};
use crate::policy::lookup::{CaaProperty, Denial, FoundRecords, Lookup, LookupAnswer, Txt};
use crate::policy::{denial, reverse};
use crate::record::{Dnssec, Outcome, Reason};

/// Questions that one domain may cause, those answered from the cache among them.
const QUESTION_LIMIT: u32 = 1000;
/// Failures in a row after which the next domain that wants a shared name asks at once; from then on there is a pause.
const FREE_FAILURES: u32 = 2;
/// The first pause; each further failure doubles it.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(600);
/// Octets of records that one domain may cause to be read.
const OCTET_LIMIT: usize = 4 << 20;

/// The name servers, and what they have said of names that many domains share.
pub struct SharedAnswers {
    resolver: Arc<dyn Resolve>,
    cache: Cache<Question, Arc<Reply>>,
    timeout: Duration,
    questions: AtomicU64,
    saved: AtomicU64,
}

/// What became of a question, as it is kept.
#[derive(Debug)]
struct Reply {
    found: FoundRecords<RData>,
    cname: Vec<Name>,
    dnssec: Option<Dnssec>,
    denial: Vec<Denial>,
    sent: u32,
    octets: usize,
    /// Of a failure.
    again: Option<Again>,
}

/// When a question that failed is asked again: one server's bad moment is not the answer for all who share the name, and a
/// name that is dead must not cost each of them a time-out.
#[derive(Clone, Copy, Debug)]
struct Again {
    /// How often in a row it has failed.
    failures: u32,
    due: Instant,
}

impl Reply {
    /// With the count of failures, those of the `stale` reply among them.
    fn after(mut self, stale: Option<Again>, now: Instant) -> Self {
        self.again = matches!(self.found, FoundRecords::Failed(_)).then(|| {
            let failures = stale.map_or(0, |again| again.failures).saturating_add(1);
            Again {
                failures,
                due: now + pause(failures),
            }
        });
        self
    }

    fn is_due(&self, now: Instant) -> bool {
        self.again.is_some_and(|again| again.due <= now)
    }
}

/// How long a question rests that has failed so often in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None | Some(0) => Duration::ZERO,
        Some(more) => (PAUSE.saturating_mul(1 << (more - 1).min(16))).min(PAUSE_LIMIT),
    }
}

impl SharedAnswers {
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
    let chain = AliasChain::follow_question(resolver, question, allowance, false).await;
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
        Ok(end) if end.nxdomain => FoundRecords::Nxdomain,
        Ok(end) => FoundRecords::from(end.data),
        Err(failure) => FoundRecords::Failed(failure.outcome()),
    };
    let octets = match &found {
        FoundRecords::Records(records) => records.iter().map(size).sum(),
        _ => 0,
    };
    Reply {
        found,
        cname: chain.cname,
        dnssec: chain.dnssec,
        denial,
        sent: chain.sent,
        octets: octets + 128,
        again: None,
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
pub struct DomainQuestions<'s> {
    shared: &'s Arc<SharedAnswers>,
    domain: &'s Name,
    deadline: Instant,
    /// Questions that the domain caused to be sent.
    sent: AtomicU32,
    asked: AtomicU32,
    octets: AtomicUsize,
    /// What was asked of the domain's own names, which no other domain asks for; its parts ask some of it at the same time.
    own: Mutex<HashMap<Question, Asking<'s>>>,
}

/// A question under way, or its reply, for all who want it.
type Asking<'s> = futures::future::Shared<BoxFuture<'s, Arc<Reply>>>;

impl<'s> DomainQuestions<'s> {
    /// For `domain`, from now on.
    pub fn new(shared: &'s Arc<SharedAnswers>, domain: &'s Name) -> Self {
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
        let (asking, is_new) = {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            match own.get(&question) {
                Some(asking) => (asking.clone(), false),
                None => {
                    let (shared, asked) = (self.shared, question.clone());
                    let asking = async move { Arc::new(ask(&*shared.resolver, asked, left).await) };
                    let asking = asking.boxed().shared();
                    own.insert(question, asking.clone());
                    (asking, true)
                }
            }
        };
        let reply = asking.await;
        if is_new {
            self.note(reply.sent);
        }
        reply
    }

    /// What is kept of the question, or its answer. A failure that another domain met is no answer for this one while the
    /// question may be asked again.
    async fn shared_reply(&self, question: Question, left: Duration) -> Result<Arc<Reply>, Reason> {
        let until = Instant::now() + left;
        loop {
            let make = |stale: Option<&Arc<Reply>>| {
                let again = stale.and_then(|reply| reply.again);
                let (shared, question) = (Arc::clone(self.shared), question.clone());
                async move {
                    let reply = ask(&*shared.resolver, question, shared.timeout / 4).await;
                    Arc::new(reply.after(again, Instant::now()))
                }
                .boxed()
            };
            let waiting = (self.shared.cache).get_or_make_again(
                &question,
                |reply| reply.is_due(Instant::now()),
                make,
            );
            let (reply, is_new) = tokio::time::timeout_at(until.into(), waiting)
                .await
                .map_err(|_| Reason::Timeout)?;
            if is_new {
                self.note(reply.sent);
                return Ok(reply);
            }
            if !reply.is_due(Instant::now()) {
                self.shared.saved.fetch_add(1, Ordering::Relaxed);
                return Ok(reply);
            }
        }
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
    ) -> LookupAnswer<T> {
        let reply = match self.reply(question).await {
            Ok(reply) => reply,
            Err(reason) => return LookupAnswer::failed(reason),
        };
        LookupAnswer {
            found: match &reply.found {
                FoundRecords::Records(records) => {
                    FoundRecords::from(records.iter().filter_map(read).collect::<Vec<_>>())
                }
                FoundRecords::NoData => FoundRecords::NoData,
                FoundRecords::Nxdomain => FoundRecords::Nxdomain,
                FoundRecords::Failed(outcome) => FoundRecords::Failed(Outcome::clone(outcome)),
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

impl Lookup for DomainQuestions<'_> {
    async fn txt(&self, name: &Name) -> LookupAnswer<Txt> {
        let question = Question::new(name.clone(), RecordType::TXT);
        self.records(question, text).await
    }

    async fn txt_with_denial(&self, name: &Name) -> LookupAnswer<Txt> {
        let question = Question::new(name.clone(), RecordType::TXT).with_denial();
        self.records(question, text).await
    }

    async fn ipv4(&self, name: &Name) -> LookupAnswer<Ipv4Addr> {
        let question = Question::new(name.clone(), RecordType::A);
        let read = |data: &RData| match data {
            RData::A(address) => Some(address.0),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn ipv6(&self, name: &Name) -> LookupAnswer<Ipv6Addr> {
        let question = Question::new(name.clone(), RecordType::AAAA);
        let read = |data: &RData| match data {
            RData::AAAA(address) => Some(address.0),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn mx(&self, name: &Name) -> LookupAnswer<(u16, Name)> {
        let question = Question::new(name.clone(), RecordType::MX);
        let read = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, Name::from(&mx.exchange))),
            _ => None,
        };
        self.records(question, read).await
    }

    async fn ptr(&self, address: IpAddr) -> LookupAnswer<Name> {
        let Some(name) = Name::from_octets(reverse(address).as_bytes()) else {
            return LookupAnswer::failed(Reason::InvalidName);
        };
        let read = |data: &RData| match data {
            RData::PTR(target) => Some(Name::from(&target.0)),
            _ => None,
        };
        self.records(Question::new(name, RecordType::PTR), read)
            .await
    }

    async fn caa(&self, name: &Name) -> LookupAnswer<CaaProperty> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::resolve::{Answer, DnsReply as Resolved, Failure};

    /// Fails so many times, then says that the name has no text.
    struct Failing {
        first: u32,
        asked: AtomicU32,
    }

    impl Resolve for Failing {
        fn ask(&self, _: Question, _: Duration) -> BoxFuture<'_, Resolved> {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let result = match asked < self.first {
                true => Err(Failure::new(Reason::Servfail)),
                false => Ok(Answer {
                    negative: true,
                    ..Answer::default()
                }),
            };
            let reply = Resolved {
                result,
                sent: 1,
                spent: Duration::ZERO,
            };
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                reply
            }
            .boxed()
        }

        fn servers(&self) -> Servers {
            Servers { all: 1, healthy: 1 }
        }
    }

    fn failing(first: u32) -> (Arc<Failing>, Arc<SharedAnswers>) {
        let asked = AtomicU32::new(0);
        let resolver = Arc::new(Failing { first, asked });
        let shared = SharedAnswers::new(resolver.clone(), Duration::from_secs(30), 1000);
        (resolver, Arc::new(shared))
    }

    /// Whether the shared name is known to a domain of its own.
    async fn is_known(shared: &Arc<SharedAnswers>, number: usize) -> bool {
        let domain = Name::parse(format!("d{number}.example").as_bytes()).unwrap();
        let vendor = Name::parse(b"spf.vendor.test").unwrap();
        let asker = DomainQuestions::new(shared, &domain);
        asker.txt(&vendor).await.failure().is_none()
    }

    #[tokio::test]
    async fn a_failure_is_that_of_the_domain_that_met_it() {
        let (resolver, shared) = failing(1);
        assert!(!is_known(&shared, 0).await);
        for number in 1..50 {
            assert!(is_known(&shared, number).await, "{number}");
        }
        assert_eq!(resolver.asked.load(Ordering::Relaxed), 2);
        // So it is for those who wait for the same answer.
        let (resolver, shared) = failing(1);
        let all = (0..50).map(|number| is_known(&shared, number));
        let known = futures::future::join_all(all).await;
        assert_eq!(known.iter().filter(|known| !**known).count(), 1);
        assert_eq!(resolver.asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_dead_name_is_asked_for_ever_less_often_and_never_given_up() {
        let failed = |stale, now| {
            let reply = Reply {
                found: FoundRecords::Failed(Outcome::new(
                    crate::record::Phase::Dns,
                    Reason::Servfail,
                )),
                cname: Vec::new(),
                dnssec: None,
                denial: Vec::new(),
                sent: 1,
                octets: 128,
                again: None,
            };
            reply.after(stale, now)
        };
        let start = Instant::now();
        let mut reply = failed(None, start);
        let mut asked = Vec::new();
        // An hour, a domain in each second; the first one is the second to fail.
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            if reply.is_due(now) {
                reply = failed(reply.again, now);
                asked.push(second);
            }
        }
        let should = [
            0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1624, 2224, 2824, 3424,
        ];
        assert_eq!(asked, should);
        assert_eq!(pause(u32::MAX), PAUSE_LIMIT);
    }

    #[tokio::test]
    async fn ten_thousand_users_of_a_dead_name_ask_it_three_times() {
        let (resolver, shared) = failing(u32::MAX);
        let all = (0..10_000).map(|number| is_known(&shared, number));
        let known = futures::future::join_all(all).await;
        assert!(known.iter().all(|known| !known));
        assert_eq!(resolver.asked.load(Ordering::Relaxed), FREE_FAILURES + 1);
    }
}
