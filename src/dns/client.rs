//! The client made for bulk: many questions in flight, tries spread over a pool of name servers, patience with slow
//! answers, and a bound on every wait.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::message::{self, Question, Response};
use super::name::Name;
use super::pool::{Pool, Sign, Ticket};
use super::resolve::{Answer, DnsReply, Failure, Resolve, Servers};
use super::tcp;
use super::udp::{LostTry, Pending, Udp};
use crate::record::{Dnssec, Reason};

/// Sockets in all, spread over the servers; each server has one at least.
const SOCKETS: usize = 16;
/// TCP connections at once, to all servers.
const TCP_CONNECTIONS: usize = 64;
/// Pause before a server that could not answer is asked the same again; doubles, to eight times as much.
const PAUSE: Duration = Duration::from_millis(250);

/// What the client is told.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The name servers: resolvers that recurse.
    pub servers: Vec<SocketAddr>,
    /// How long a server has before another one is asked as well. Its answer still counts when it comes later.
    pub try_timeout: Duration,
    /// Tries for a question, over all servers.
    pub tries: u32,
    /// Questions a second to each server, 0 without limit; `None`: what suits public resolvers, none on loopback.
    pub rate_per_server: Option<f64>,
    /// Every server validates, and the way to it is trusted: its AD bit counts. Without it only servers on loopback
    /// are believed.
    pub trust_ad: bool,
}

/// The client.
pub struct DnsClient {
    settings: ClientSettings,
    pool: Pool,
    upstreams: Vec<Upstream>,
    tcp: Semaphore,
}

struct Upstream {
    udp: Udp,
    /// Its AD bit counts.
    trusted: bool,
    /// It validates, so that the absence of AD says something.
    validates: OnceCell<bool>,
    /// How often it was asked whether it does.
    tests: AtomicU32,
}

impl DnsClient {
    /// A client for `settings`; `None` without a server. Nothing is sent yet.
    pub fn new(settings: ClientSettings) -> Option<Self> {
        if settings.servers.is_empty() {
            return None;
        }
        let sockets = SOCKETS / settings.servers.len();
        let upstreams = settings.servers.iter().map(|&server| Upstream {
            udp: Udp::new(server, sockets),
            trusted: settings.trust_ad || server.ip().to_canonical().is_loopback(),
            validates: OnceCell::new_with(settings.trust_ad.then_some(true)),
            tests: AtomicU32::new(0),
        });
        Some(Self {
            upstreams: upstreams.collect(),
            pool: Pool::new(&settings.servers, settings.rate_per_server),
            tcp: Semaphore::new(TCP_CONNECTIONS),
            settings,
        })
    }

    async fn ask_until_answered(&self, question: Question, allowance: Duration) -> DnsReply {
        let pending = Arc::new(Pending {
            question,
            spoiled: AtomicBool::new(false),
        });
        let most = self.settings.tries.max(1) as usize;
        let mut clock = Clock::new(allowance);
        let mut tries = Tries::new();
        let mut asked = Vec::new();
        let mut failures = Failures::default();
        let result = loop {
            if asked.len() < most && !clock.is_over() {
                let ticket = self.pool.pick(&asked, Instant::now().into_std());
                let pause = failures.pause(asked.contains(&ticket.index));
                clock.stand_still(ticket.wait).await;
                asked.push(ticket.index);
                tries.push(Box::pin(self.try_once(ticket, &pending, pause)));
            }
            let patience = match asked.len() {
                // Nobody else is left to ask: what was asked may take all the time there is.
                count if count == most => clock.left(),
                _ => clock.left().min(self.settings.try_timeout),
            };
            match timeout(patience, tries.next()).await {
                Ok(Some(Ok(answer))) => break Ok(answer),
                Ok(Some(Err(failure))) if failure.reason == Reason::Bogus => break Err(failure),
                Ok(Some(Err(failure))) => failures.note(failure),
                Ok(None) => break Err(failures.into_one()),
                Err(_) => {
                    if let Some(&server) = asked.last() {
                        self.pool
                            .tell(server, Sign::Failed, Instant::now().into_std());
                    }
                    if clock.is_over() {
                        failures.note_silence(tries.len(), &pending);
                        break Err(failures.into_one());
                    }
                }
            }
            if asked.len() == most && tries.is_empty() {
                break Err(failures.into_one());
            }
        };
        DnsReply {
            result,
            sent: asked.len() as u32,
            spent: clock.spent(),
        }
    }

    /// One server asked once. Its silence is for the caller to judge.
    async fn try_once(
        &self,
        ticket: Ticket<'_>,
        pending: &Arc<Pending>,
        pause: Duration,
    ) -> Result<Answer, Failure> {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let start = Instant::now();
        let result = match self.exchange(ticket.index, pending).await {
            Ok(response) => self.judge(ticket.index, response).await,
            Err(lost) => Err(lost.into()),
        };
        let latency = start.elapsed();
        let sign = match result.as_ref().map_err(|failure| failure.reason) {
            Ok(_) | Err(Reason::Bogus) => Sign::Answered(latency),
            Err(Reason::Servfail) => Sign::Servfail(latency),
            Err(_) => Sign::Failed,
        };
        ticket.tell(sign, Instant::now().into_std());
        result
    }

    /// Over UDP; over TCP if that answer is cut short; without EDNS if the server does not know it (RFC 6891 §7).
    async fn exchange(&self, server: usize, pending: &Arc<Pending>) -> Result<Response, LostTry> {
        let mut edns = true;
        loop {
            let mut response = self.upstreams[server]
                .udp
                .ask(pending, edns)
                .await?
                .answer()
                .await?;
            if response.truncated {
                // Rare, and large: not a part of every try.
                response = Box::pin(self.exchange_over_tcp(server, pending, edns)).await?;
            }
            if !edns || !message::blames_edns(response.code) {
                return Ok(response);
            }
            edns = false;
        }
    }

    async fn exchange_over_tcp(
        &self,
        server: usize,
        pending: &Pending,
        edns: bool,
    ) -> Result<Response, LostTry> {
        // The semaphore is never closed.
        let _permit = self.tcp.acquire().await;
        tcp::ask(self.pool.address(server), &pending.question, edns).await
    }

    async fn judge(&self, server: usize, response: Response) -> Result<Answer, Failure> {
        let upstream = &self.upstreams[server];
        let failure = match response.code {
            ResponseCode::NoError if response.referral => {
                Failure::new(Reason::Refused).with("a referral: the server does not recurse")
            }
            ResponseCode::NoError | ResponseCode::NXDomain => {
                return Ok(Answer {
                    nxdomain: response.code == ResponseCode::NXDomain,
                    negative: response.negative,
                    dnssec: self.state(server, response.authentic).await,
                    records: response.records,
                    denial: response.denial,
                    extended_errors: response.extended_errors,
                });
            }
            ResponseCode::ServFail
                if upstream.trusted
                    && response
                        .extended_errors
                        .iter()
                        .copied()
                        .any(message::is_bogus) =>
            {
                Failure::new(Reason::Bogus)
            }
            ResponseCode::ServFail => Failure::new(Reason::Servfail),
            ResponseCode::Refused => Failure::new(Reason::Refused),
            code => Failure::new(Reason::Malformed).with(message::rcode(code)),
        };
        Err(Failure {
            extended_errors: response.extended_errors,
            ..failure
        })
    }

    /// What AD, or its absence, says (RFC 4035 §3.2.3).
    async fn state(&self, server: usize, authentic: bool) -> Option<Dnssec> {
        let upstream = &self.upstreams[server];
        if !upstream.trusted {
            None
        } else if authentic {
            Some(Dnssec::Secure)
        } else {
            let validates = match upstream.validates.get() {
                Some(validates) => *validates,
                None => Box::pin(self.learn_whether_it_validates(server)).await,
            };
            validates.then_some(Dnssec::Insecure)
        }
    }

    /// One that cannot reach the root still has answers, and they do not wait for it.
    async fn learn_whether_it_validates(&self, server: usize) -> bool {
        let patience = self.settings.try_timeout / 2;
        let test = || self.validates(server);
        let validates = self.upstreams[server].validates.get_or_init(test);
        timeout(patience, validates).await == Ok(&true)
    }

    /// The root is signed: a resolver that does not say AD of it does not validate. Whoever waits for the answer gives
    /// up some time; then the next one asks again.
    async fn validates(&self, server: usize) -> bool {
        while self.upstreams[server].tests.fetch_add(1, Ordering::Relaxed)
            < self.settings.tries.max(1)
        {
            let pending = Arc::new(Pending {
                question: Question::new(Name::root(), RecordType::SOA),
                spoiled: AtomicBool::new(false),
            });
            if let Ok(response) = self.exchange(server, &pending).await {
                return response.authentic;
            }
        }
        false
    }
}

impl Resolve for DnsClient {
    fn ask(&self, question: Question, allowance: Duration) -> BoxFuture<'_, DnsReply> {
        Box::pin(self.ask_until_answered(question, allowance))
    }

    fn servers(&self) -> Servers {
        Servers {
            all: self.pool.len(),
            healthy: self.pool.healthy(),
        }
    }
}

impl From<LostTry> for Failure {
    fn from(lost: LostTry) -> Self {
        match lost {
            LostTry::Malformed => Self::new(Reason::Malformed),
            LostTry::Io(error) => {
                let reason = match error.kind() {
                    ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::NetworkDown => Reason::Unreachable,
                    ErrorKind::ConnectionReset => Reason::Reset,
                    ErrorKind::UnexpectedEof => Reason::Closed,
                    ErrorKind::TimedOut => Reason::Timeout,
                    _ => Reason::Local,
                };
                Self::new(reason).with(format!("name server: {error}"))
            }
        }
    }
}

/// The tries of a question that are under way: hardly ever more than one, so that they are simply all asked.
struct Tries<'a>(Vec<BoxFuture<'a, Result<Answer, Failure>>>);

impl<'a> Tries<'a> {
    fn new() -> Self {
        Self(Vec::with_capacity(1))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, next: BoxFuture<'a, Result<Answer, Failure>>) {
        self.0.push(next);
    }

    /// The next result of any; `None` where none is under way.
    async fn next(&mut self) -> Option<Result<Answer, Failure>> {
        poll_fn(|context| {
            if self.0.is_empty() {
                return Poll::Ready(None);
            }
            for at in 0..self.0.len() {
                if let Poll::Ready(result) = self.0[at].as_mut().poll(context) {
                    drop(self.0.remove(at));
                    return Poll::Ready(Some(result));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// The allowance of a question, running only while servers are waited for.
struct Clock {
    start: Instant,
    still: Duration,
    allowance: Duration,
}

impl Clock {
    fn new(allowance: Duration) -> Self {
        Self {
            start: Instant::now(),
            still: Duration::ZERO,
            allowance,
        }
    }

    async fn stand_still(&mut self, wait: Duration) {
        if !wait.is_zero() {
            let before = Instant::now();
            sleep(wait).await;
            self.still += before.elapsed();
        }
    }

    fn spent(&self) -> Duration {
        self.start.elapsed().saturating_sub(self.still)
    }

    fn left(&self) -> Duration {
        self.allowance.saturating_sub(self.spent())
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

/// The tries of a question that came to nothing.
#[derive(Default)]
struct Failures {
    all: Vec<Failure>,
}

impl Failures {
    fn note(&mut self, failure: Failure) {
        self.all.push(failure);
    }

    fn note_silence(&mut self, tries: usize, pending: &Pending) {
        // Something came, and none of it was an answer.
        let spoiled = pending.spoiled.load(Ordering::Relaxed);
        let reason = if spoiled {
            Reason::Malformed
        } else {
            Reason::Timeout
        };
        self.all.extend((0..tries).map(|_| Failure::new(reason)));
    }

    fn pause(&self, again: bool) -> Duration {
        match self.all.len() {
            0 => Duration::ZERO,
            count if again => PAUSE * (1 << (count - 1).min(3)),
            _ => Duration::ZERO,
        }
    }

    /// The failure that says most; the others in its detail.
    fn into_one(self) -> Failure {
        let mut counts = BTreeMap::new();
        for failure in &self.all {
            *counts.entry(failure.reason).or_insert(0) += 1;
        }
        let words: Vec<_> = counts
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        // Of several that say as much, the last.
        let Some(best) = self
            .all
            .into_iter()
            .min_by_key(|failure| rank(failure.reason))
        else {
            return Failure::new(Reason::Timeout);
        };
        match counts.len() {
            1 => best,
            _ => best.with(format!("tries: {}", words.join(", "))),
        }
    }
}

/// An answer that the resolver could not find out says more about the name than a resolver's silence.
fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::Servfail => 0,
        Reason::Malformed => 1,
        Reason::Refused => 2,
        Reason::Timeout => 4,
        Reason::Local => 5,
        _ => 3,
    }
}
