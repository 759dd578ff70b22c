//! The rules of MX records (RFC 5321 §5.1, RFC 7505), pure: what a record set says, and what is odd about it.

use std::collections::HashSet;
use std::net::IpAddr;

use hickory_proto::rr::RData;

use super::name::Name;
pub use crate::record::{ADDRESS_LIMIT, DOMAIN_ADDRESS_LIMIT};
use crate::record::{ExchangeFault, MxFault};

/// The most exchanges of a domain that are looked up; the others are named. A sender stops far earlier.
pub const EXCHANGE_LIMIT: usize = 100;
/// The most TLSA records of an exchange that are kept.
pub const TLSA_LIMIT: usize = 64;

/// A set of MX records, read.
#[derive(Debug, PartialEq, Eq)]
pub struct MxSet {
    /// Preference and name, best first; without the root of a null MX. Those from [`EXCHANGE_LIMIT`] on are not looked up.
    pub exchanges: Vec<(u16, Name)>,
    /// For each of them, whether its name stands further up already.
    pub repeats: Vec<bool>,
    /// A null MX, alone: the domain takes no mail.
    pub is_null: bool,
    /// What is wrong with the set.
    pub faults: Vec<MxFault>,
}

impl MxSet {
    /// Reads a record set; `None` if there is no MX in it.
    pub fn read(data: &[RData]) -> Option<Self> {
        let mut exchanges: Vec<_> = data
            .iter()
            .filter_map(|data| match data {
                RData::MX(mx) => Some((mx.preference, Name::from(&mx.exchange))),
                _ => None,
            })
            .collect();
        if exchanges.is_empty() {
            return None;
        }
        exchanges.sort();
        let mut faults = Vec::new();
        if exchanges
            .iter()
            .any(|(preference, name)| name.is_root() && *preference != 0)
        {
            faults.push(MxFault::NullMxPreference);
        }
        let records = exchanges.len();
        exchanges.retain(|(_, name)| !name.is_root());
        let is_null = exchanges.is_empty();
        if !is_null && exchanges.len() < records {
            faults.push(MxFault::NullMxWithOthers);
        }
        let repeats = repeats(&exchanges);
        if repeats.contains(&true) || is_null && records > 1 {
            faults.push(MxFault::DuplicateExchange);
        }
        if exchanges.len() > EXCHANGE_LIMIT {
            faults.push(MxFault::TooManyExchanges);
        }
        faults.sort_unstable();
        Some(Self {
            exchanges,
            repeats,
            is_null,
            faults,
        })
    }
}

fn repeats(exchanges: &[(u16, Name)]) -> Vec<bool> {
    let mut seen = HashSet::new();
    exchanges
        .iter()
        .map(|(_, name)| !seen.insert(name))
        .collect()
}

/// What is wrong with an exchange by its name alone.
pub fn name_faults(exchange: &Name) -> Vec<ExchangeFault> {
    let mut faults = Vec::new();
    let first = exchange.labels().next().unwrap_or_default();
    let last = exchange.labels().last().unwrap_or_default();
    // `192.0.2.1.` where a name should be, or `[192.0.2.1].`
    if first.starts_with(b"[") || !last.is_empty() && last.iter().all(u8::is_ascii_digit) {
        faults.push(ExchangeFault::AddressLiteral);
    }
    if last == b"localhost" || exchange.labels().eq([&b"localhost"[..], b"localdomain"]) {
        faults.push(ExchangeFault::Localhost);
    }
    if exchange.labels().any(|label| label.contains(&b'_')) {
        faults.push(ExchangeFault::Underscore);
    }
    faults
}

/// The addresses in a set of A or AAAA records.
pub fn addresses(data: &[RData]) -> impl Iterator<Item = IpAddr> {
    data.iter().filter_map(|data| match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata;

    fn set(records: &[(u16, &str)]) -> MxSet {
        let data: Vec<_> = records
            .iter()
            .map(|&(preference, name)| RData::MX(rdata::MX::new(preference, name.parse().unwrap())))
            .collect();
        MxSet::read(&data).unwrap()
    }

    fn names(set: &MxSet) -> Vec<String> {
        set.exchanges
            .iter()
            .map(|(preference, name)| format!("{preference} {name}"))
            .collect()
    }

    #[test]
    fn exchanges_come_by_preference_then_name() {
        let set = set(&[(20, "b.example."), (10, "C.example."), (10, "a.example.")]);
        assert_eq!(
            names(&set),
            ["10 a.example", "10 c.example", "20 b.example"]
        );
        assert!(!set.is_null && set.faults.is_empty());
    }

    #[test]
    fn a_null_mx_is_one_only_when_it_stands_alone() {
        let alone = set(&[(0, ".")]);
        assert!(alone.is_null && alone.exchanges.is_empty() && alone.faults.is_empty());
        let odd = set(&[(10, ".")]);
        assert!(odd.is_null);
        assert_eq!(odd.faults, [MxFault::NullMxPreference]);
        let mixed = set(&[(0, "."), (10, "mx.example.")]);
        assert!(!mixed.is_null);
        assert_eq!(names(&mixed), ["10 mx.example"]);
        assert_eq!(mixed.faults, [MxFault::NullMxWithOthers]);
        let twice = set(&[(0, "."), (5, ".")]);
        assert!(twice.is_null);
        assert_eq!(
            twice.faults,
            [MxFault::DuplicateExchange, MxFault::NullMxPreference]
        );
    }

    #[test]
    fn repeats_are_kept_and_marked() {
        let set = set(&[(10, "mx.example."), (20, "MX.example.")]);
        assert_eq!(names(&set), ["10 mx.example", "20 mx.example"]);
        assert_eq!(set.faults, [MxFault::DuplicateExchange]);
        assert_eq!(set.repeats, [false, true]);
    }

    #[test]
    fn d2_more_exchanges_than_anyone_tries_are_all_named_and_it_is_said() {
        let names: Vec<_> = (0..300)
            .map(|number| format!("mx{number}.example."))
            .collect();
        let records: Vec<_> = names.iter().map(|name| (10, name.as_str())).collect();
        let set = set(&records);
        assert_eq!(set.exchanges.len(), 300);
        assert_eq!(set.faults, [MxFault::TooManyExchanges]);
    }

    #[test]
    fn names_tell_what_is_wrong_with_them() {
        let faults = |name: &str| {
            name_faults(&Name::from(
                &hickory_proto::rr::Name::from_ascii(name).unwrap(),
            ))
        };
        assert_eq!(faults("mx.example."), []);
        assert_eq!(faults("192.0.2.1."), [ExchangeFault::AddressLiteral]);
        assert_eq!(faults("192.0.2.1.example."), []);
        assert_eq!(faults("localhost."), [ExchangeFault::Localhost]);
        assert_eq!(faults("a.localhost."), [ExchangeFault::Localhost]);
        assert_eq!(faults("localhost.localdomain."), [ExchangeFault::Localhost]);
        assert_eq!(faults("mail_1.example."), [ExchangeFault::Underscore]);
    }
}
