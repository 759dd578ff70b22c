//! Zones in memory, for tests: what a name has of each type, and which questions fail.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use super::lookup::{CaaProperty, Denial, FoundRecords, Lookup, LookupAnswer, NXNAME, Txt};
use super::reverse;
use crate::dns::name::Name;
use crate::record::Reason;

/// CNAMEs that are followed.
const CNAME_LIMIT: usize = 16;

/// What a name has.
#[derive(Clone, Debug, Default)]
struct Node {
    txt: Vec<Txt>,
    ipv4: Vec<Ipv4Addr>,
    ipv6: Vec<Ipv6Addr>,
    mx: Vec<(u16, Name)>,
    ptr: Vec<Name>,
    caa: Vec<CaaProperty>,
    cname: Option<Name>,
    fails: BTreeMap<String, Reason>,
}

/// A DNS in memory. A name that is not in it is NXDOMAIN, unless another stands below it (RFC 8020).
#[derive(Debug, Default)]
pub struct MemoryZone {
    nodes: BTreeMap<Name, Node>,
    /// Every name is answered with NOERROR, as signers of compact denial do (RFC 9824).
    pub is_compact: bool,
    asked: AtomicU32,
}

impl MemoryZone {
    /// A zone with TXT records alone.
    pub fn of_texts(texts: &[(&str, &str)]) -> Self {
        let mut zone = Self::default();
        for (name, text) in texts {
            zone.add_txt(name, text.as_bytes());
        }
        zone
    }

    /// Questions asked so far.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn node(&mut self, name: &str) -> Option<&mut Node> {
        Some(
            self.nodes
                .entry(Name::from_octets(name.as_bytes())?)
                .or_default(),
        )
    }

    /// Adds a TXT record. Nothing is added at what is no name, here and below.
    pub fn add_txt(&mut self, name: &str, text: &[u8]) {
        if let Some(node) = self.node(name) {
            node.txt.push(text.into());
        }
    }

    /// Adds an address.
    pub fn add_address(&mut self, name: &str, address: IpAddr) {
        let Some(node) = self.node(name) else { return };
        match address {
            IpAddr::V4(address) => node.ipv4.push(address),
            IpAddr::V6(address) => node.ipv6.push(address),
        }
    }

    /// Adds an MX record; an exchange that is no name is the root.
    pub fn add_mx(&mut self, name: &str, preference: u16, exchange: &str) {
        let exchange = Name::from_octets(exchange.as_bytes()).unwrap_or_else(Name::root);
        if let Some(node) = self.node(name) {
            node.mx.push((preference, exchange));
        }
    }

    /// Adds a PTR record.
    pub fn add_ptr(&mut self, name: &str, target: &str) {
        let target = Name::from_octets(target.as_bytes()).unwrap_or_else(Name::root);
        if let Some(node) = self.node(name) {
            node.ptr.push(target);
        }
    }

    /// Adds a CAA record.
    pub fn add_caa(&mut self, name: &str, property: CaaProperty) {
        if let Some(node) = self.node(name) {
            node.caa.push(property);
        }
    }

    /// Makes the name an alias.
    pub fn add_cname(&mut self, name: &str, target: &str) {
        let target = Name::from_octets(target.as_bytes());
        if let Some(node) = self.node(name) {
            node.cname = target;
        }
    }

    /// Adds the name without any record.
    pub fn add_name(&mut self, name: &str) {
        self.node(name);
    }

    /// Makes questions for `kind` (`TXT`, `A`, …) at the name fail.
    pub fn fail(&mut self, name: &str, kind: &str, reason: Reason) {
        if let Some(node) = self.node(name) {
            node.fails.insert(kind.into(), reason);
        }
    }

    fn ask<T: Clone>(
        &self,
        name: &Name,
        kind: &str,
        has_denial: bool,
        pick: impl Fn(&Node) -> &[T],
    ) -> LookupAnswer<T> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = LookupAnswer::new(FoundRecords::Nxdomain);
        let mut owner = name.clone();
        loop {
            let Some(node) = self.nodes.get(&owner) else {
                let is_between = self.nodes.keys().any(|other| other.is_within(&owner));
                if is_between || self.is_compact {
                    answer.found = FoundRecords::NoData;
                }
                if has_denial && self.is_compact {
                    answer.denial.push(Denial {
                        owner,
                        types: [46, 47]
                            .into_iter()
                            .chain((!is_between).then_some(NXNAME))
                            .collect(),
                        is_hashed: false,
                        is_of_name: true,
                        next: None,
                    });
                }
                return answer;
            };
            if let Some(&reason) = node.fails.get(kind) {
                answer.found = LookupAnswer::<T>::failed(reason).found;
                return answer;
            }
            answer.found = pick(node).to_vec().into();
            match &node.cname {
                Some(target) if answer.records().is_empty() => {
                    let is_loop = target == name || answer.cname.contains(target);
                    if is_loop || answer.cname.len() == CNAME_LIMIT {
                        answer.found = LookupAnswer::<T>::failed(Reason::CnameLoop).found;
                        return answer;
                    }
                    answer.cname.push(target.clone());
                    owner = target.clone();
                    answer.found = FoundRecords::Nxdomain;
                }
                _ => return answer,
            }
        }
    }
}

impl Lookup for MemoryZone {
    async fn txt(&self, name: &Name) -> LookupAnswer<Txt> {
        self.ask(name, "TXT", false, |node| &node.txt)
    }

    async fn txt_with_denial(&self, name: &Name) -> LookupAnswer<Txt> {
        self.ask(name, "TXT", true, |node| &node.txt)
    }

    async fn ipv4(&self, name: &Name) -> LookupAnswer<Ipv4Addr> {
        self.ask(name, "A", false, |node| &node.ipv4)
    }

    async fn ipv6(&self, name: &Name) -> LookupAnswer<Ipv6Addr> {
        self.ask(name, "AAAA", false, |node| &node.ipv6)
    }

    async fn mx(&self, name: &Name) -> LookupAnswer<(u16, Name)> {
        self.ask(name, "MX", false, |node| &node.mx)
    }

    async fn ptr(&self, address: IpAddr) -> LookupAnswer<Name> {
        match Name::from_octets(reverse(address).as_bytes()) {
            Some(name) => self.ask(&name, "PTR", false, |node| &node.ptr),
            None => LookupAnswer::failed(Reason::InvalidName),
        }
    }

    async fn caa(&self, name: &Name) -> LookupAnswer<CaaProperty> {
        self.ask(name, "CAA", false, |node| &node.caa)
    }
}
