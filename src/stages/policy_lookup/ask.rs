//! The DNS as the evaluators see it: what other domains may ask too is asked once a run, what one domain may cost is bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::FutureExt as _;
use hickory_proto::rr::RecordType;
use tokio::sync::OnceCell;

use super::reply::{KeptReply, ReplyRecords};
use crate::dns::cache::Cache;
use crate::dns::message::Question;
use crate::dns::name::Name;
use crate::dns::resolve::{Resolve, Servers};
use crate::policy::lookup::{CaaProperty, Lookup, LookupAnswer, Txt};
use crate::policy::reverse;
use crate::record::Reason;

/// Questions that one domain may cause, those answered from the cache among them.
const QUESTION_LIMIT: u32 = 1000;
/// Octets of records that one domain may cause to be read.
const OCTET_LIMIT: usize = 4 << 20;

/// The name servers, and what they have said of names that many domains share.
pub struct SharedAnswers {
    resolver: Arc<dyn Resolve>,
    cache: Cache<Question, Arc<KeptReply>>,
    timeout: Duration,
    questions: AtomicU64,
    saved: AtomicU64,
}

impl SharedAnswers {
    /// Asks `resolver`; a domain has `timeout`, each of its questions a quarter of it. `cache`: answers that are kept, with half a KiB
    /// for each of them in all.
    pub fn new(resolver: Arc<dyn Resolve>, timeout: Duration, cache: usize) -> Self {
        Self {
            resolver,
            cache: Cache::new(cache, Box::new(|reply: &Arc<KeptReply>| reply.octets)),
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

    /// What is kept of a question, if that is an answer for everybody.
    fn known(&self, question: &Question) -> Option<Arc<KeptReply>> {
        let reply = self.cache.known(question)?;
        if reply.again.is_some() && reply.is_due(Instant::now()) {
            return None;
        }
        self.saved.fetch_add(1, Ordering::Relaxed);
        Some(reply)
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
    /// A list: most domains have a handful.
    own: Mutex<Vec<(Question, OwnReply)>>,
}

/// The reply to a question of a domain's own, once it has come.
type OwnReply = Arc<OnceCell<Arc<KeptReply>>>;

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
            own: Mutex::new(Vec::new()),
        }
    }

    /// Questions sent for the domain so far.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Takes note of one more question, unless the domain has had its share.
    fn admit(&self) -> Result<(), Reason> {
        let is_too_much = self.asked.fetch_add(1, Ordering::Relaxed) >= QUESTION_LIMIT
            || self.octets.load(Ordering::Relaxed) > OCTET_LIMIT;
        match is_too_much {
            true => Err(Reason::TooLong),
            false => Ok(()),
        }
    }

    /// The reply, where it is there already.
    fn known(&self, question: &Question) -> Option<Arc<KeptReply>> {
        if !question.name.is_within(self.domain) {
            return self.shared.known(question);
        }
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, cell) = own.iter().find(|(asked, _)| asked == question)?;
        cell.get().cloned()
    }

    async fn reply(&self, question: Question) -> Result<Arc<KeptReply>, Reason> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // One silent name must not take the time of all the others.
        let left = left.min(self.shared.timeout / 4);
        if left.is_zero() {
            return Err(Reason::Timeout);
        }
        match question.name.is_within(self.domain) {
            true => Ok(self.own_reply(question, left).await),
            // Rare, and large: not a part of every question.
            false => Box::pin(self.shared_reply(question, left)).await,
        }
    }

    async fn own_reply(&self, question: Question, left: Duration) -> Arc<KeptReply> {
        let cell = {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            match own.iter().find(|(asked, _)| *asked == question) {
                Some((_, cell)) => Arc::clone(cell),
                None => {
                    let cell = OwnReply::default();
                    own.push((question.clone(), Arc::clone(&cell)));
                    cell
                }
            }
        };
        let ask = || async move {
            let reply = KeptReply::ask(&*self.shared.resolver, &question, left).await;
            self.note(reply.sent);
            Arc::new(reply)
        };
        Arc::clone(cell.get_or_init(ask).await)
    }

    /// What is kept of the question, or its answer. A failure that another domain met is no answer for this one while the
    /// question may be asked again.
    async fn shared_reply(
        &self,
        question: Question,
        left: Duration,
    ) -> Result<Arc<KeptReply>, Reason> {
        let until = Instant::now() + left;
        loop {
            let make = |stale: Option<&Arc<KeptReply>>| {
                let again = stale.and_then(|reply| reply.again);
                let (shared, question) = (Arc::clone(self.shared), question.clone());
                async move {
                    let reply =
                        KeptReply::ask(&*shared.resolver, &question, shared.timeout / 4).await;
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
            let now = Instant::now();
            if !reply.is_due(now) {
                self.shared.saved.fetch_add(1, Ordering::Relaxed);
                return Ok(reply);
            }
            if now >= until {
                return Err(Reason::Timeout);
            }
            // Whoever had it made puts it into the cache, and may wait for this very thread to do so.
            tokio::task::yield_now().await;
        }
    }

    fn note(&self, sent: u32) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.shared
            .questions
            .fetch_add(u64::from(sent), Ordering::Relaxed);
    }

    /// The answer to a question, with those of its records that `pick` chooses. The question is on the heap: the evaluators
    /// have one in many places, and what has room for all of them is moved about for each domain.
    async fn records<T>(
        &self,
        question: Question,
        pick: impl Fn(&ReplyRecords) -> Option<&Arc<[T]>>,
    ) -> LookupAnswer<T> {
        let reply = match (self.admit(), self.known(&question)) {
            (Err(reason), _) => return LookupAnswer::failed(reason),
            (Ok(()), Some(reply)) => reply,
            (Ok(()), None) => match Box::pin(self.reply(question)).await {
                Ok(reply) => reply,
                Err(reason) => return LookupAnswer::failed(reason),
            },
        };
        self.octets.fetch_add(reply.octets, Ordering::Relaxed);
        reply.answer(pick)
    }

    async fn texts(&self, question: Question) -> LookupAnswer<Txt> {
        self.records(question, |records| match records {
            ReplyRecords::Txt(texts) => Some(texts),
            _ => None,
        })
        .await
    }
}

impl Lookup for DomainQuestions<'_> {
    async fn txt(&self, name: &Name) -> LookupAnswer<Txt> {
        self.texts(Question::new(name.clone(), RecordType::TXT))
            .await
    }

    async fn txt_with_denial(&self, name: &Name) -> LookupAnswer<Txt> {
        self.texts(Question::new(name.clone(), RecordType::TXT).with_denial())
            .await
    }

    async fn ipv4(&self, name: &Name) -> LookupAnswer<Ipv4Addr> {
        let question = Question::new(name.clone(), RecordType::A);
        self.records(question, |records| match records {
            ReplyRecords::Ipv4(addresses) => Some(addresses),
            _ => None,
        })
        .await
    }

    async fn ipv6(&self, name: &Name) -> LookupAnswer<Ipv6Addr> {
        let question = Question::new(name.clone(), RecordType::AAAA);
        self.records(question, |records| match records {
            ReplyRecords::Ipv6(addresses) => Some(addresses),
            _ => None,
        })
        .await
    }

    async fn mx(&self, name: &Name) -> LookupAnswer<(u16, Name)> {
        let question = Question::new(name.clone(), RecordType::MX);
        self.records(question, |records| match records {
            ReplyRecords::Mx(exchanges) => Some(exchanges),
            _ => None,
        })
        .await
    }

    async fn ptr(&self, address: IpAddr) -> LookupAnswer<Name> {
        let Some(name) = Name::from_octets(reverse(address).as_bytes()) else {
            return LookupAnswer::failed(Reason::InvalidName);
        };
        let question = Question::new(name, RecordType::PTR);
        self.records(question, |records| match records {
            ReplyRecords::Ptr(targets) => Some(targets),
            _ => None,
        })
        .await
    }

    async fn caa(&self, name: &Name) -> LookupAnswer<CaaProperty> {
        let question = Question::new(name.clone(), RecordType::CAA);
        self.records(question, |records| match records {
            ReplyRecords::Caa(properties) => Some(properties),
            _ => None,
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::super::reply::FREE_FAILURES;
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

    #[tokio::test]
    async fn ten_thousand_users_of_a_dead_name_ask_it_three_times() {
        let (resolver, shared) = failing(u32::MAX);
        let all = (0..10_000).map(|number| is_known(&shared, number));
        let known = futures::future::join_all(all).await;
        assert!(known.iter().all(|known| !known));
        assert_eq!(resolver.asked.load(Ordering::Relaxed), FREE_FAILURES + 1);
    }
}
