//! What a mail exchange resolves to: its addresses, its CNAMEs, its TLSA records. Asked once and shared by every
//! domain that names it, so it is kept small.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use super::chain::{Chain, weaker};
use super::mx;
use super::name::Name;
use super::resolve::Resolve;
use super::tlsa;
use crate::net::special;
use crate::record::{Address, Dnssec, Exchange, Outcome, Reason, TlsaSet};

/// What is asked about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A.
    pub ipv4: bool,
    /// AAAA.
    pub ipv6: bool,
    /// TLSA of port 25.
    pub tlsa: bool,
}

/// What an exchange resolves to.
#[derive(Debug)]
pub struct Host {
    /// IPv4 first, ascending, each once.
    addresses: Box<[IpAddr]>,
    ipv4: Option<Outcome>,
    ipv6: Option<Outcome>,
    cname: Box<[Name]>,
    dnssec: Option<Dnssec>,
    tlsa: Option<Box<TlsaSet>>,
    /// Packets sent for all this.
    pub sent: u32,
}

impl Host {
    /// Asks for what is wanted of `name`; each question has the whole `allowance`.
    pub async fn resolve(
        resolver: &dyn Resolve,
        name: &Name,
        wanted: Wanted,
        allowance: Duration,
    ) -> Self {
        let ask = |kind, is_wanted| async move {
            match is_wanted {
                true => Some(Chain::follow(resolver, name, kind, allowance, false).await),
                false => None,
            }
        };
        let (v4, v6) = futures::future::join(
            ask(RecordType::A, wanted.ipv4),
            ask(RecordType::AAAA, wanted.ipv6),
        )
        .await;
        let mut host = Self::of(v4, v6);
        if wanted.tlsa && !host.addresses.is_empty() {
            host.ask_for_tlsa(resolver, name, allowance).await;
        }
        host
    }

    /// RFC 7672 §2.2.2: no TLSA question unless the addresses are secure, or the name is a secure alias of one whose are
    /// not; then only below the name itself.
    async fn ask_for_tlsa(&mut self, resolver: &dyn Resolve, name: &Name, allowance: Duration) {
        let mut cname = &self.cname[..];
        if self.dnssec != Some(Dnssec::Secure) {
            if self.cname.is_empty() || self.dnssec != Some(Dnssec::Insecure) {
                return;
            }
            let alias = Chain::follow(resolver, name, RecordType::CNAME, allowance, false).await;
            self.sent += alias.sent;
            if alias.dnssec != Some(Dnssec::Secure)
                || alias.end.is_ok_and(|end| end.data.is_empty())
            {
                return;
            }
            cname = &[];
        }
        let (set, sent) = tlsa::look_up(resolver, name, cname, allowance).await;
        self.tlsa = Some(Box::new(set));
        self.sent += sent;
    }

    fn of(v4: Option<Chain>, v6: Option<Chain>) -> Self {
        let chains = || v4.iter().chain(&v6);
        let mut addresses: Vec<_> = chains()
            .filter_map(|chain| chain.end.as_ref().ok())
            .flat_map(|end| mx::addresses(&end.data))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let outcomes = [&v4, &v6].map(|chain| chain.as_ref().map(Chain::outcome));
        let [ipv4, ipv6] = outcomes;
        let longest = chains()
            .map(|chain| &chain.cname)
            .max_by_key(|cname| cname.len());
        Self {
            addresses: addresses.into(),
            ipv4,
            ipv6,
            cname: longest.cloned().unwrap_or_default().into(),
            dnssec: chains().map(|chain| chain.dnssec).reduce(weaker).flatten(),
            tlsa: None,
            sent: chains().map(|chain| chain.sent).sum(),
        }
    }

    /// Whether it has an address; `Err` with the reason why that is not known.
    pub fn has_address(&self) -> Result<bool, &Outcome> {
        if !self.addresses.is_empty() {
            return Ok(true);
        }
        match self.outcomes().find(|outcome| !is_no(outcome)) {
            Some(unknown) => Err(unknown),
            None => Ok(false),
        }
    }

    /// The outcomes of the questions that were asked.
    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.ipv4.iter().chain(&self.ipv6)
    }

    /// As part of a `domain` record. `is_repeat`: its name stands further up in the set already.
    pub fn record(&self, name: &Name, preference: u16, is_repeat: bool) -> Exchange {
        let addresses: Vec<_> = self
            .addresses
            .iter()
            .map(|&ip| Address {
                ip,
                special: special::block(ip).map(str::to_owned),
            })
            .collect();
        let mut faults = mx::name_faults(name);
        if !self.cname.is_empty() {
            faults.push("cname");
        }
        if addresses.iter().any(|address| address.special.is_some()) {
            faults.push("special_address");
        }
        let asked_both = self.ipv4.is_some() && self.ipv6.is_some();
        if self
            .outcomes()
            .any(|outcome| outcome.reason == Reason::Nxdomain)
            || asked_both && self.has_address() == Ok(false)
        {
            faults.push("unresolvable");
        }
        if is_repeat {
            faults.push("duplicate");
        }
        faults.sort_unstable();
        let exchange = name.to_string();
        Exchange {
            registered_domain: psl::domain_str(&exchange).map(str::to_owned),
            exchange,
            preference,
            addresses,
            ipv4: self.ipv4.clone(),
            ipv6: self.ipv6.clone(),
            cname: self.cname.iter().map(Name::to_string).collect(),
            faults: faults.into_iter().map(str::to_owned).collect(),
            dnssec: self.dnssec,
            tlsa: self.tlsa.as_deref().cloned(),
        }
    }
}

/// A conclusive no, as against a question that went unanswered.
fn is_no(outcome: &Outcome) -> bool {
    matches!(outcome.reason, Reason::Nxdomain | Reason::NoData)
}
