//! What tells the resolutions of an exchange apart. It hangs on the record alone, and is made by the thread that reads.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::record::{Address, Dnssec, Exchange};

/// Digests of an exchange.
#[derive(Debug)]
pub(super) struct ExchangeKey {
    /// Over all that is said of it.
    pub(super) digest: i64,
    /// Over the set of its addresses.
    pub(super) addresses: i64,
}

impl ExchangeKey {
    /// Of an exchange as a domain's record has it.
    pub(super) fn new(exchange: &Exchange) -> Self {
        Self {
            digest: digest(exchange),
            addresses: digest_of_set(&exchange.addresses),
        }
    }
}

/// Exchanges by the thousand lead to the same servers: one digest for one set, in whichever order.
fn digest_of_set(addresses: &[Address]) -> i64 {
    let mut ips: Vec<IpAddr> = addresses.iter().map(|address| address.ip).collect();
    ips.sort_unstable();
    ips.dedup();
    let mut hash = Sha256::new();
    for ip in &ips {
        match ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
        hash.update([0]);
    }
    beginning(hash)
}

/// Tells resolutions of one exchange apart: all that is said of it, without the preference (the domain's) and the
/// details of failures.
fn digest(exchange: &Exchange) -> i64 {
    let mut hash = Sha256::new();
    let mut word = |word: &str| {
        hash.update(word.as_bytes());
        hash.update([0]);
    };
    for outcome in [&exchange.ipv4, &exchange.ipv6] {
        word(outcome.as_ref().map_or("", |outcome| outcome.reason.word()));
    }
    for address in &exchange.addresses {
        word(&address.ip.to_string());
    }
    word("cname");
    exchange.cname.iter().for_each(|name| word(name));
    word("faults");
    exchange.faults.iter().for_each(|fault| word(fault.word()));
    word(exchange.registered_domain.as_deref().unwrap_or(""));
    word(exchange.dnssec.map_or("", Dnssec::word));
    if let Some(set) = &exchange.tlsa {
        word(&set.base);
        word(set.outcome.reason.word());
        word(set.dnssec.map_or("", Dnssec::word));
        for record in &set.records {
            word(&format!(
                "{} {} {} {}",
                record.usage, record.selector, record.matching_type, record.data
            ));
        }
    }
    beginning(hash)
}

/// The first eight bytes of a digest, as a number.
fn beginning(hash: Sha256) -> i64 {
    let bytes = hash.finalize();
    i64::from_be_bytes(std::array::from_fn(|at| bytes[at]))
}
