//! Fetches the policy of a domain's MTA-STS (RFC 8461 §3.3) and says how senders read it.
//!
//! The policy host is somebody's name with somebody's addresses: we resolve it ourselves, and the address that is looked at
//! is the one that is connected to, so that no record makes us a way into a network. Nothing is followed, and octets and time
//! are bounded.

pub mod certificate;
pub mod http;
pub mod pace;
pub mod reading;
pub mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::rr::{RData, RecordType};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::mta_sts_policy::TEXT_LIMIT;
use crate::dns::chain::AliasChain;
use crate::dns::name::Name;
use crate::dns::resolve::Resolve;
use crate::net::connect::Connector;
use crate::net::special;
use crate::record::{
    Address, Outcome, Phase, PolicyState, Reason, Sts, StsAttempt, StsError, StsReading,
    StsStanding,
};
use certificate::Judge;
use http::{Bounded, HttpAnswer, OctetBudget};
use pace::FetchPace;

/// Addresses of a host that are kept, and those of them that are tried.
const ADDRESS_LIMIT: usize = 16;
const TRIES: usize = 3;

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct WantedPolicy {
    /// The domain.
    pub domain: Name,
    /// State of its record.
    pub record: PolicyState,
    /// The `id` of its record.
    pub id: Option<String>,
    /// Its exchanges; `None`: not known.
    pub exchanges: Option<Vec<String>>,
}

/// Fetches policies.
pub struct Fetcher {
    /// Who resolves policy hosts.
    pub resolver: Arc<dyn Resolve>,
    /// Time for the addresses of a host.
    pub patience: Duration,
    /// Which addresses may be connected to, and how.
    pub connector: Connector,
    /// When.
    pub pace: FetchPace,
    /// The handshake.
    pub tls: tls::PolicyTlsClient,
    /// What certificates are worth.
    pub judge: Arc<Judge>,
    /// 443, but in tests.
    pub port: u16,
    /// Time for a fetch, once it may begin: a minute (RFC 8461 §3.3).
    pub timeout: Duration,
}

impl Fetcher {
    /// The `sts` record of a domain, without its run and time.
    pub async fn fetch(&self, wanted: &WantedPolicy) -> Sts {
        let start = Instant::now();
        let mut sts = blank(wanted);
        match wanted.domain.under(&["mta-sts"]) {
            Some(host) => self.fetch_from(&host, &mut sts).await,
            None => end(
                &mut sts,
                Outcome::new(Phase::Dns, Reason::Nxdomain),
                StsError::DnsNone,
            ),
        }
        reading::conclude(&mut sts, wanted.exchanges.as_deref());
        sts.elapsed_ms = start.elapsed().as_millis() as u64;
        sts
    }

    async fn fetch_from(&self, host: &Name, sts: &mut Sts) {
        if let Err((outcome, error)) = self.resolve(host, sts).await {
            return end(sts, outcome, error);
        }
        let host = host.to_string();
        let mut refusal = None;
        let mut candidates = Vec::new();
        for address in &sts.addresses {
            match self.connector.refusal(address.ip, &[&host]) {
                Some(reason) => refusal = refusal.or(Some(reason)),
                None => candidates.push(address.ip),
            }
        }
        if let (true, Some(reason)) = (candidates.is_empty(), refusal) {
            let error = match reason {
                Reason::BlockedAddress => StsError::AddressForbidden,
                Reason::Excluded => StsError::Excluded,
                _ => StsError::Connect,
            };
            return end(sts, Outcome::new(Phase::Connect, reason), error);
        }
        let mut left = self.timeout;
        for (number, ip) in candidates.iter().copied().take(TRIES).enumerate() {
            let permit = self.pace.enter(ip).await;
            let began = Instant::now();
            sts.ip = Some(ip);
            sts.connections += 1;
            // The state of a fetch under way is kept on the heap: thousands wait for their turn.
            let outcome = Box::pin(self.try_address(ip, &host, left, sts)).await;
            drop(permit);
            left = left.saturating_sub(began.elapsed());
            let is_last = number + 1 == candidates.len().min(TRIES) || left.is_zero();
            if outcome.phase == Phase::Connect && !is_last {
                sts.earlier.push(StsAttempt { ip, outcome });
                continue;
            }
            sts.outcome = outcome;
            break;
        }
    }

    /// The addresses of the host, by our own questions.
    async fn resolve(&self, host: &Name, sts: &mut Sts) -> Result<(), (Outcome, StsError)> {
        let ask = |kind| AliasChain::follow(&*self.resolver, host, kind, self.patience, false);
        let (ipv4, ipv6) = futures::future::join(ask(RecordType::A), ask(RecordType::AAAA)).await;
        sts.questions = ipv4.sent + ipv6.sent;
        let longer = if ipv4.cname.len() >= ipv6.cname.len() {
            &ipv4
        } else {
            &ipv6
        };
        sts.cname = longer.cname.iter().map(Name::to_string).collect();
        let mut ips: Vec<IpAddr> = [&ipv4, &ipv6]
            .into_iter()
            .filter_map(|chain| chain.end.as_ref().ok())
            .flat_map(|end| &end.data)
            .filter_map(|data| match data {
                RData::A(ip) => Some(IpAddr::V4(ip.0)),
                RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
                _ => None,
            })
            .collect();
        ips.sort_unstable();
        ips.dedup();
        ips.truncate(ADDRESS_LIMIT);
        sts.addresses = (ips.iter())
            .map(|&ip| Address {
                ip,
                special: special::block(ip),
            })
            .collect();
        if !ips.is_empty() {
            return Ok(());
        }
        match ipv4.end.as_ref().err().or(ipv6.end.as_ref().err()) {
            Some(failure) => Err((failure.outcome(), StsError::DnsFailed)),
            None => Err((ipv4.outcome(), StsError::DnsNone)),
        }
    }

    async fn try_address(&self, ip: IpAddr, host: &str, left: Duration, sts: &mut Sts) -> Outcome {
        let began = Instant::now();
        let connecting = self.connector.connect(SocketAddr::new(ip, self.port));
        let stream = match timeout(left, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(mut outcome)) => {
                // A reset that came before a word was said.
                outcome.phase = Phase::Connect;
                return outcome;
            }
            Err(_) => return Outcome::new(Phase::Connect, Reason::Timeout),
        };
        let left = left.saturating_sub(began.elapsed());
        self.converse(stream, host, left, sts).await
    }

    async fn converse(
        &self,
        stream: TcpStream,
        host: &str,
        left: Duration,
        sts: &mut Sts,
    ) -> Outcome {
        let began = Instant::now();
        let budget = OctetBudget::default();
        let bounded = Bounded::new(stream, budget.clone());
        let Ok((chain, shaken)) = timeout(left, self.tls.handshake(bounded, host)).await else {
            return Outcome::new(Phase::Handshake, Reason::Timeout);
        };
        sts.certificate = self.judge.clone().aside(chain, host.to_owned()).await;
        let stream = match shaken {
            Ok(stream) => stream,
            Err(_) if budget.is_spent() => return Outcome::new(Phase::Handshake, Reason::TooLong),
            Err(outcome) => return outcome,
        };
        let left = left.saturating_sub(began.elapsed());
        let answer = match timeout(left, http::ask(stream, host, &budget)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return Outcome::new(Phase::Http, Reason::Timeout),
        };
        take(answer, sts)
    }
}

/// Writes what the host answered into the record.
fn take(answer: HttpAnswer, sts: &mut Sts) -> Outcome {
    sts.status = Some(answer.status);
    sts.media_type = answer.media_type;
    sts.location = answer.location;
    match answer.body {
        Some(Ok(text)) => {
            debug_assert!(text.len() <= TEXT_LIMIT);
            sts.text = Some(text.as_slice().into());
            Outcome::ok()
        }
        Some(Err(outcome)) => outcome,
        None => Outcome::ok(),
    }
}

/// The record of a fetch that came to no connection.
fn end(sts: &mut Sts, outcome: Outcome, error: StsError) {
    sts.outcome = outcome;
    sts.strict.error = Some(error);
}

/// A record of which nothing is known yet.
fn blank(wanted: &WantedPolicy) -> Sts {
    let nothing = StsReading {
        error: None,
        ..StsReading::without_text(PolicyState::Unknown, StsError::Local)
    };
    Sts {
        domain: wanted.domain.to_string(),
        outcome: Outcome::new(Phase::Connect, Reason::Local),
        host: format!("mta-sts.{}", wanted.domain),
        record: wanted.record,
        id: wanted.id.clone(),
        cname: Vec::new(),
        addresses: Vec::new(),
        ip: None,
        certificate: None,
        status: None,
        media_type: None,
        location: None,
        text: None,
        strict: nothing.clone(),
        lenient: nothing,
        result: None,
        standing: StsStanding::Unknown,
        covers: None,
        earlier: Vec::new(),
        connections: 0,
        questions: 0,
        time: String::new(),
        elapsed_ms: 0,
        run: String::new(),
    }
}

/// The record of a domain that was not asked, for `reason`, without its run and time.
pub fn unasked(wanted: &WantedPolicy, reason: Reason) -> Sts {
    let mut sts = blank(wanted);
    let error = match reason {
        Reason::Excluded => StsError::Excluded,
        Reason::BlockedAddress => StsError::AddressForbidden,
        Reason::Interrupted => StsError::Interrupted,
        _ => StsError::Local,
    };
    end(&mut sts, Outcome::new(Phase::Input, reason), error);
    reading::conclude(&mut sts, wanted.exchanges.as_deref());
    sts
}
