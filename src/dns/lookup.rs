//! Who takes the mail of a domain: its MX set, and every exchange in it, as a `domain` record (RFC 5321 §5.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::{FutureExt as _, join_all};
use hickory_proto::rr::{self, RecordType};

use super::cache::Cache;
use super::chain::AliasChain;
use super::exchange::{self, AddressRoom, ExchangeQuestions, ResolvedExchange};
use super::message::Question;
use super::mx::{self, MxSet};
use super::name::{InvalidName, Name};
use super::resolve::{Resolve, Servers};
use crate::record::{Domain, Outcome, Phase, Reason, Text};

/// The longest invalid name that is written whole, octets.
const ECHO_LIMIT: usize = 1024;

/// The most octets of raw answers that a record has.
const ANSWERS_LIMIT: usize = 256 << 10;

/// What a lookup is told.
#[derive(Clone, Copy, Debug)]
pub struct MxSettings {
    /// Of each exchange.
    pub wanted: ExchangeQuestions,
    /// Keep the raw answer sections of the MX question.
    pub answers: bool,
    /// For a whole name. Its three steps, MX, addresses and TLSA, have a third of it each.
    pub timeout: Duration,
    /// Exchanges that are remembered, and half a KiB for each of them in all.
    pub cache: usize,
}

/// Looks domains up, sharing what it learns of their exchanges.
pub struct MxLookup {
    resolver: Arc<dyn Resolve>,
    hosts: Cache<Name, Arc<ResolvedExchange>>,
    settings: MxSettings,
    questions: AtomicU64,
    shared: AtomicU64,
}

impl MxLookup {
    /// A lookup that asks `resolver`.
    pub fn new(resolver: Arc<dyn Resolve>, settings: MxSettings) -> Self {
        Self {
            resolver,
            hosts: Cache::new(
                settings.cache,
                Box::new(|host: &Arc<ResolvedExchange>| host.octets()),
            ),
            settings,
            questions: AtomicU64::new(0),
            shared: AtomicU64::new(0),
        }
    }

    /// Questions asked in all, and lookups of exchanges that were saved because another domain had them made.
    pub fn counts(&self) -> [(&'static str, u64); 2] {
        [
            ("questions", self.questions.load(Ordering::Relaxed)),
            ("exchanges_shared", self.shared.load(Ordering::Relaxed)),
        ]
    }

    /// The name servers, as they do.
    pub fn servers(&self) -> Servers {
        self.resolver.servers()
    }

    /// Whether a name server answers what every one of them knows, the SOA of the root: then names about which none says
    /// anything are to blame themselves.
    pub async fn is_answered(&self) -> bool {
        let question = Question::new(Name::root(), RecordType::SOA);
        let reply = self.resolver.ask(question, self.step()).await;
        self.questions
            .fetch_add(u64::from(reply.sent), Ordering::Relaxed);
        reply
            .result
            .map_or_else(|failure| !is_silence(failure.reason), |_| true)
    }

    /// The `domain` record of `name`, without its run and time.
    pub async fn domain(&self, name: &Name) -> Domain {
        let start = Instant::now();
        let mut domain = blank(name.to_string());
        let chain = AliasChain::follow(
            &*self.resolver,
            name,
            RecordType::MX,
            self.step(),
            self.settings.answers,
        )
        .await;
        domain.questions = chain.sent;
        domain.cname = chain.cname.iter().map(Name::to_string).collect();
        domain.dnssec = chain.dnssec;
        domain.extended_errors.clone_from(&chain.extended_errors);
        domain.answers = presented(&chain.answers);
        match &chain.end {
            Err(failure) => domain.outcome = failure.outcome(),
            Ok(end) if end.nxdomain => domain.outcome = Outcome::new(Phase::Dns, Reason::Nxdomain),
            Ok(end) => match MxSet::read(&end.data) {
                Some(set) => self.explicit(&mut domain, set).await,
                None => {
                    self.implicit(&mut domain, chain.cname.last().unwrap_or(name))
                        .await
                }
            },
        }
        self.questions
            .fetch_add(u64::from(domain.questions), Ordering::Relaxed);
        domain.elapsed_ms = start.elapsed().as_millis() as u64;
        domain
    }

    /// There are MX records: the domain's own addresses are of no account, even if every exchange fails.
    async fn explicit(&self, domain: &mut Domain, set: MxSet) {
        domain.implicit_mx = Some(false);
        domain.null_mx = Some(set.is_null);
        domain.faults.clone_from(&set.faults);
        domain.outcome = match set.is_null {
            true => Outcome::new(Phase::Dns, Reason::NullMx),
            false => Outcome::ok(),
        };
        let looked_up = set.exchanges.iter().take(mx::EXCHANGE_LIMIT);
        // Most domains have one: no list of futures for it.
        let hosts = match &set.exchanges[..] {
            [(_, exchange)] => vec![self.host(exchange).await],
            _ => {
                let hosts = looked_up.map(|(_, exchange)| self.host(exchange));
                Box::pin(join_all(hosts)).await
            }
        };
        let mut room = AddressRoom::default();
        for (position, (preference, name)) in set.exchanges.iter().enumerate() {
            let is_repeat = set.repeats[position];
            domain.mx.push(match hosts.get(position) {
                Some((host, sent)) => {
                    domain.questions += sent;
                    host.record(name, *preference, is_repeat, &mut room)
                }
                None => exchange::not_looked_up(name, *preference, is_repeat),
            });
        }
    }

    /// There is no MX record: the name (behind CNAMEs, the last one) stands in for its exchange if it has an address.
    async fn implicit(&self, domain: &mut Domain, name: &Name) {
        domain.null_mx = Some(false);
        let (host, sent) = self.host(name).await;
        domain.questions += sent;
        match host.has_address() {
            Ok(true) => {
                domain.implicit_mx = Some(true);
                domain.outcome = Outcome::ok();
                let record = host.record(name, 0, false, &mut AddressRoom::default());
                domain.mx.push(record);
            }
            Ok(false) => {
                domain.implicit_mx = Some(false);
                // With one family only, the other may still have an address.
                let ExchangeQuestions { ipv4, ipv6, .. } = self.settings.wanted;
                let reason = if ipv4 && ipv6 {
                    Reason::NoAddress
                } else {
                    Reason::NoData
                };
                domain.outcome = Outcome::new(Phase::Dns, reason);
            }
            Err(unknown) => domain.outcome = unknown.clone(),
        }
    }

    /// What `name` resolves to, and how many packets this call cost.
    async fn host(&self, name: &Name) -> (Arc<ResolvedExchange>, u32) {
        let make = || {
            let (resolver, name) = (Arc::clone(&self.resolver), name.clone());
            let (wanted, allowance) = (self.settings.wanted, self.step());
            async move {
                Arc::new(ResolvedExchange::resolve(&*resolver, &name, wanted, allowance).await)
            }
            .boxed()
        };
        let (host, is_new) = self.hosts.get_or_make(name, make).await;
        if !is_new {
            self.shared.fetch_add(1, Ordering::Relaxed);
        }
        let sent = if is_new { host.sent } else { 0 };
        (host, sent)
    }

    fn step(&self) -> Duration {
        self.settings.timeout / 3
    }
}

/// Whether a question that ended so went unanswered: no name server said anything about the name.
pub fn is_silence(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Timeout | Reason::Unreachable | Reason::Reset | Reason::Closed | Reason::Local
    )
}

/// The record of a text that is no name, without its run and time.
pub fn invalid(text: &[u8], why: &InvalidName) -> Domain {
    let text = text.trim_ascii();
    let cut = &text[..text.len().min(ECHO_LIMIT)];
    let mut domain = blank(String::from_utf8_lossy(cut).into_owned());
    domain.outcome = Outcome::new(Phase::Input, Reason::InvalidName).with(why.to_string());
    domain
}

/// The record of a name that was not looked up.
pub fn unasked(name: &Name, outcome: Outcome) -> Domain {
    Domain {
        outcome,
        ..blank(name.to_string())
    }
}

/// Records in presentation form, as many as [`ANSWERS_LIMIT`] holds.
fn presented(records: &[rr::Record]) -> Vec<Text> {
    let mut octets = 0;
    let texts = records.iter().map(|record| record.to_string());
    texts
        .take_while(|text| {
            octets += text.len();
            octets <= ANSWERS_LIMIT
        })
        .map(Text::from)
        .collect()
}

fn blank(name: String) -> Domain {
    Domain {
        domain: name,
        outcome: Outcome::ok(),
        implicit_mx: None,
        null_mx: None,
        mx: Vec::new(),
        cname: Vec::new(),
        faults: Vec::new(),
        dnssec: None,
        extended_errors: Vec::new(),
        answers: Vec::new(),
        questions: 0,
        time: String::new(),
        elapsed_ms: 0,
        run: String::new(),
    }
}
