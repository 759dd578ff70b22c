//! What a mail exchange resolves to: its addresses, its CNAMEs, its TLSA records. Asked once and shared by every
//! domain that names it, so it is kept small.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use super::chain::{AliasChain, weaker};
use super::mx;
use super::name::Name;
use super::resolve::Resolve;
use super::tlsa;
use crate::net::special;
use crate::record::{Address, Dnssec, Exchange, ExchangeFault, Outcome, Phase, Reason, TlsaSet};

/// What is asked about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeQuestions {
    /// A.
    pub ipv4: bool,
    /// AAAA.
    pub ipv6: bool,
    /// TLSA of port 25.
    pub tlsa: bool,
}

/// What an exchange resolves to.
#[derive(Debug)]
pub struct ResolvedExchange {
    /// IPv4 first, ascending, each once; at most [`mx::ADDRESS_LIMIT`].
    addresses: Box<[IpAddr]>,
    /// Addresses beyond that, of each family.
    left_out: LeftOut,
    ipv4: Option<Outcome>,
    ipv6: Option<Outcome>,
    cname: Box<[Name]>,
    dnssec: Option<Dnssec>,
    tlsa: Option<Box<TlsaSet>>,
    /// Packets sent for all this.
    pub sent: u32,
}

/// How many addresses were not kept.
#[derive(Clone, Copy, Debug, Default)]
struct LeftOut {
    ipv4: u32,
    ipv6: u32,
}

impl LeftOut {
    fn count(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(_) => self.ipv4 += 1,
            IpAddr::V6(_) => self.ipv6 += 1,
        }
    }
}

/// What one of the two address questions said, as far as it is kept.
struct Family {
    /// Ascending, each once, at most [`mx::ADDRESS_LIMIT`].
    addresses: Vec<IpAddr>,
    /// Those beyond.
    left_out: u32,
    outcome: Outcome,
    cname: Vec<Name>,
    dnssec: Option<Dnssec>,
    sent: u32,
}

impl Family {
    fn of_chain(chain: AliasChain) -> Self {
        let mut addresses: Vec<_> = match &chain.end {
            Ok(end) => mx::addresses(&end.data).collect(),
            Err(_) => Vec::new(),
        };
        addresses.sort_unstable();
        addresses.dedup();
        let left_out = addresses.len().saturating_sub(mx::ADDRESS_LIMIT) as u32;
        addresses.truncate(mx::ADDRESS_LIMIT);
        addresses.shrink_to_fit();
        Self {
            outcome: chain.outcome(),
            dnssec: chain.dnssec,
            sent: chain.sent,
            cname: chain.cname,
            addresses,
            left_out,
        }
    }

    /// Keeps the first `room`.
    fn cut(&mut self, room: usize) {
        self.left_out += self.addresses.len().saturating_sub(room) as u32;
        self.addresses.truncate(room);
    }
}

/// The addresses of one domain's exchanges so far: [`mx::DOMAIN_ADDRESS_LIMIT`] of them.
#[derive(Debug, Default)]
pub struct AddressRoom(HashSet<IpAddr>);

impl AddressRoom {
    /// Whether there is room for `ip`, or it is in there.
    fn takes(&mut self, ip: IpAddr) -> bool {
        if self.0.len() < mx::DOMAIN_ADDRESS_LIMIT {
            self.0.insert(ip);
            return true;
        }
        self.0.contains(&ip)
    }
}

impl ResolvedExchange {
    /// Asks for what is wanted of `name`; each question has the whole `allowance`.
    pub async fn resolve(
        resolver: &dyn Resolve,
        name: &Name,
        wanted: ExchangeQuestions,
        allowance: Duration,
    ) -> Self {
        // Cut as soon as they are there: a thousand answers of 64 KiB would wait for their other family.
        let ask = |kind, is_wanted| async move {
            match is_wanted {
                true => Some(Family::of_chain(
                    AliasChain::follow(resolver, name, kind, allowance, false).await,
                )),
                false => None,
            }
        };
        let (v4, v6) = futures::future::join(
            ask(RecordType::A, wanted.ipv4),
            ask(RecordType::AAAA, wanted.ipv6),
        )
        .await;
        let mut host = Self::of_families(v4, v6);
        if wanted.tlsa && !host.addresses.is_empty() {
            host.ask_for_tlsa(resolver, name, allowance).await;
        }
        host
    }

    /// RFC 7672 §2.2.2: no TLSA question unless the addresses are secure, or the name is a secure alias of one whose are
    /// not; then only below the name itself. Where that is so because there are no signatures, there is no DANE, and that
    /// is known.
    async fn ask_for_tlsa(&mut self, resolver: &dyn Resolve, name: &Name, allowance: Duration) {
        let mut cname = &self.cname[..];
        match self.dnssec {
            Some(Dnssec::Secure) => {}
            Some(Dnssec::Insecure) if self.cname.is_empty() => {
                self.tlsa = Some(Box::new(tlsa::unsigned(name)));
                return;
            }
            Some(Dnssec::Insecure) => {
                let alias =
                    AliasChain::follow(resolver, name, RecordType::CNAME, allowance, false).await;
                self.sent += alias.sent;
                let is_there = matches!(&alias.end, Ok(end) if !end.data.is_empty());
                match alias.dnssec {
                    Some(Dnssec::Secure) if is_there => {}
                    Some(Dnssec::Insecure) if is_there => {
                        self.tlsa = Some(Box::new(tlsa::unsigned(name)));
                        return;
                    }
                    _ => return,
                }
                cname = &[];
            }
            Some(Dnssec::Bogus) | None => return,
        }
        let (set, sent) = tlsa::look_up(resolver, name, cname, allowance).await;
        self.tlsa = Some(Box::new(set));
        self.sent += sent;
    }

    fn of_families(mut v4: Option<Family>, mut v6: Option<Family>) -> Self {
        let count = |family: &Option<Family>| family.as_ref().map_or(0, |it| it.addresses.len());
        // Half the room for each family; what one does not need is the other's.
        let half = mx::ADDRESS_LIMIT / 2;
        let room = half.max(mx::ADDRESS_LIMIT.saturating_sub(count(&v6)));
        v4.iter_mut().for_each(|family| family.cut(room));
        let room = mx::ADDRESS_LIMIT - count(&v4);
        v6.iter_mut().for_each(|family| family.cut(room));
        let families = || v4.iter().chain(&v6);
        let left_out = |family: &Option<Family>| family.as_ref().map_or(0, |it| it.left_out);
        let longest = families()
            .map(|family| &family.cname)
            .max_by_key(|cname| cname.len());
        Self {
            addresses: families()
                .flat_map(|family| family.addresses.iter().copied())
                .collect(),
            left_out: LeftOut {
                ipv4: left_out(&v4),
                ipv6: left_out(&v6),
            },
            cname: longest.cloned().unwrap_or_default().into(),
            dnssec: families()
                .map(|family| family.dnssec)
                .reduce(weaker)
                .flatten(),
            tlsa: None,
            sent: families().map(|family| family.sent).sum(),
            ipv4: v4.map(|family| family.outcome),
            ipv6: v6.map(|family| family.outcome),
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

    /// As part of a `domain` record whose addresses so far are in `room`. `is_repeat`: its name stands further up in the set
    /// already.
    pub fn record(
        &self,
        name: &Name,
        preference: u16,
        is_repeat: bool,
        room: &mut AddressRoom,
    ) -> Exchange {
        let mut left_out = self.left_out;
        let mut addresses = Vec::with_capacity(self.addresses.len());
        for &ip in &self.addresses {
            if room.takes(ip) {
                let special = special::block(ip);
                addresses.push(Address { ip, special });
            } else {
                left_out.count(ip);
            }
        }
        let mut faults = mx::name_faults(name);
        if !self.cname.is_empty() {
            faults.push(ExchangeFault::Cname);
        }
        if addresses.iter().any(|address| address.special.is_some()) {
            faults.push(ExchangeFault::SpecialAddress);
        }
        if self.is_unresolvable() {
            faults.push(ExchangeFault::Unresolvable);
        }
        Exchange {
            addresses,
            left_out: left_out.ipv4 + left_out.ipv6,
            ipv4: ended(&self.ipv4, left_out.ipv4),
            ipv6: ended(&self.ipv6, left_out.ipv6),
            cname: self.cname.iter().map(Name::to_string).collect(),
            dnssec: self.dnssec,
            tlsa: self.tlsa.as_deref().cloned(),
            ..named(name, preference, is_repeat, faults)
        }
    }

    /// It has no address, and that is certain. Some servers say NXDOMAIN of a type that they do not know (RFC 4074 §4.2): with
    /// an address it says nothing, and of AAAA alone not enough.
    fn is_unresolvable(&self) -> bool {
        let asked_both = self.ipv4.is_some() && self.ipv6.is_some();
        let is_nowhere = matches!(&self.ipv4, Some(outcome) if outcome.reason == Reason::Nxdomain);
        (asked_both || is_nowhere) && self.has_address() == Ok(false)
    }

    /// Its size in memory, octets.
    pub fn octets(&self) -> usize {
        let detail = |outcome: &Outcome| outcome.detail.as_ref().map_or(0, |text| text.0.len());
        let tlsa = self.tlsa.as_ref().map_or(0, |set| {
            let records = set.records.iter();
            let data: usize = records
                .map(|record| size_of_val(record) + record.data.len())
                .sum();
            size_of_val(&**set) + set.base.len() + detail(&set.outcome) + data
        });
        let names = self.cname.iter();
        let names: usize = names
            .map(|name| size_of_val(name) + name.wire().len())
            .sum();
        size_of_val(self)
            + size_of_val(&*self.addresses)
            + names
            + tlsa
            + self.outcomes().map(detail).sum::<usize>()
    }
}

/// An exchange beyond those that are looked up: named, and open.
pub fn not_looked_up(name: &Name, preference: u16, is_repeat: bool) -> Exchange {
    let open = Some(Outcome::new(Phase::Dns, Reason::TooMany));
    Exchange {
        ipv4: open.clone(),
        ipv6: open,
        ..named(name, preference, is_repeat, mx::name_faults(name))
    }
}

fn named(
    name: &Name,
    preference: u16,
    is_repeat: bool,
    mut faults: Vec<ExchangeFault>,
) -> Exchange {
    if is_repeat {
        faults.push(ExchangeFault::Duplicate);
    }
    faults.sort_unstable();
    let exchange = name.to_string();
    Exchange {
        registered_domain: psl::domain_str(&exchange).map(str::to_owned),
        exchange,
        preference,
        addresses: Vec::new(),
        left_out: 0,
        ipv4: None,
        ipv6: None,
        cname: Vec::new(),
        faults,
        dnssec: None,
        tlsa: None,
    }
}

/// How a question ended, `left_out` of whose addresses are not in the record.
fn ended(outcome: &Option<Outcome>, left_out: u32) -> Option<Outcome> {
    match left_out {
        0 => outcome.clone(),
        _ => Some(
            Outcome::new(Phase::Dns, Reason::TooMany)
                .with(format!("{left_out} addresses left out")),
        ),
    }
}

/// A conclusive no, as against a question that went unanswered.
fn is_no(outcome: &Outcome) -> bool {
    matches!(outcome.reason, Reason::Nxdomain | Reason::NoData)
}
