//! Ranges of addresses as people write them, in the one form in which they are compared.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::special::canonical;

/// A range of addresses of one family: a network, `first-last`, or one address.
///
/// Its ends are in canonical form, so that an IPv4 network written in IPv6's clothes (`::ffff:192.0.2.0/120`, or by
/// NAT64) is that network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
}

/// A text that names no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a network (192.0.2.0/24) nor a range (192.0.2.1-192.0.2.9)")]
pub struct NoRange;

impl Range {
    /// Whether `ip` lies in it, as it stands or as the IPv4 address that it leads to.
    pub fn has(&self, ip: IpAddr) -> bool {
        let holds = |ip: IpAddr| self.first <= ip && ip <= self.last;
        holds(canonical(ip)) || holds(ip)
    }

    /// From an address to another one of its family that is not below it.
    fn between(first: IpAddr, last: IpAddr) -> Option<Self> {
        let (near, far) = (canonical(first), canonical(last));
        // A range that begins or ends in clothes and is wider than they are stays as it was written.
        let is_whole = near.is_ipv4() == far.is_ipv4();
        let (first, last) = if is_whole { (near, far) } else { (first, last) };
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }
}

impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let text = text.trim();
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Self::between(ip, ip).ok_or(NoRange);
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Self::between(network.network(), network.broadcast()).ok_or(NoRange);
        }
        let (first, last) = text.split_once('-').ok_or(NoRange)?;
        let end = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| NoRange);
        Self::between(end(first)?, end(last)?).ok_or(NoRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_every_form_of_a_range_holds_every_form_of_its_addresses() {
        let all_of_it = [
            "192.0.2.9",
            "::ffff:192.0.2.9",
            "64:ff9b::192.0.2.9",
            "::ffff:0:192.0.2.9",
            "::192.0.2.9",
        ];
        for range in [
            "192.0.2.9",
            "192.0.2.0/24",
            "192.0.2.77/24",
            "192.0.2.0-192.0.2.255",
            "192.0.2.9 - 192.0.2.9",
            "::ffff:192.0.2.9",
            "::ffff:192.0.2.0/120",
            "64:ff9b::192.0.2.0/120",
            "64:ff9b::c000:201-64:ff9b::c000:20a",
        ] {
            let parsed: Range = range.parse().unwrap();
            for ip in all_of_it {
                assert!(parsed.has(ip.parse().unwrap()), "{range} has {ip}");
            }
            for ip in [
                "192.0.3.0",
                "192.0.1.255",
                "2001:db8::9",
                "64:ff9b::192.0.3.9",
            ] {
                assert!(!parsed.has(ip.parse().unwrap()), "{range} has not {ip}");
            }
        }
        let six: Range = "2001:db8::/32".parse().unwrap();
        assert!(six.has("2001:db8:ffff::1".parse().unwrap()));
        assert!(!six.has("192.0.2.1".parse().unwrap()));
        let all: Range = "::/0".parse().unwrap();
        assert!(all.has("64:ff9b::192.0.2.9".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-2001:db8::1",
            "192.0.2.1-9",
            "192.0.2.*",
            "192.0.2",
            "192.0.2.0/255.255.255.0",
            "fe80::1%eth0",
        ] {
            assert_eq!(text.parse::<Range>(), Err(NoRange), "{text}");
        }
    }
}
