//! Special-purpose addresses (RFC 6890, the IANA registries of 2025): never connected to unless `--allow` opens them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::SpecialBlock;

/// An IPv4 address in IPv6's clothes (`::ffff:a.b.c.d`) as itself: that is where a connection would go.
pub fn unmapped(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The IPv4 address that an IPv6 one leads to by its form: mapped (`::ffff:a.b.c.d`), by NAT64 (`64:ff9b::/96`, RFC 6052),
/// translated (`::ffff:0:a.b.c.d`, RFC 2765) or compatible (`::a.b.c.d`). Any other address as it is. What is said of one
/// form is said of all: gates compare addresses in this one.
///
/// ```
/// use mx_survey::net::special::canonical;
///
/// let nat64 = "64:ff9b::192.0.2.1".parse().unwrap();
/// assert_eq!(canonical(nat64).to_string(), "192.0.2.1");
/// ```
pub fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = ip else {
        return ip;
    };
    let prefix: [u16; 6] = std::array::from_fn(|at| six.segments()[at]);
    match prefix {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {}
        // The unspecified address, loopback and their like are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0] if six.segments()[6] != 0 => {}
        _ => return ip,
    }
    let [.., a, b, c, d] = six.octets();
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// The name of the special-purpose block that `ip` lies in.
///
/// ```
/// use mx_survey::net::special::block;
///
/// assert!(block("::ffff:127.0.0.1".parse().unwrap()).is_some());
/// assert_eq!(block("9.9.9.9".parse().unwrap()), None);
/// ```
pub fn block(ip: IpAddr) -> Option<SpecialBlock> {
    match unmapped(ip) {
        IpAddr::V4(ip) => block_v4(ip),
        IpAddr::V6(ip) => block_v6(ip),
    }
}

fn block_v4(ip: Ipv4Addr) -> Option<SpecialBlock> {
    let value = u32::from(ip);
    V4.iter()
        .find(|(net, bits, _)| value >> (32 - bits) == u32::from(*net) >> (32 - bits))
        .map(|&(.., name)| name)
}

fn block_v6(ip: Ipv6Addr) -> Option<SpecialBlock> {
    let segments = ip.segments();
    // NAT64 (RFC 6052): reaches the IPv4 address in its last 32 bits.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = ip.octets();
        return block_v4(Ipv4Addr::new(a, b, c, d));
    }
    let value = u128::from(ip);
    V6.iter()
        .find(|(net, bits, _)| value >> (128 - bits) == u128::from(*net) >> (128 - bits))
        .map(|&(.., name)| name)
}

const V4: &[(Ipv4Addr, u32, SpecialBlock)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, SpecialBlock::ThisNetwork),
    (Ipv4Addr::new(10, 0, 0, 0), 8, SpecialBlock::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, SpecialBlock::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, SpecialBlock::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, SpecialBlock::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, SpecialBlock::Private),
    (
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        SpecialBlock::ProtocolAssignments,
    ),
    (Ipv4Addr::new(192, 0, 2, 0), 24, SpecialBlock::Documentation),
    (
        Ipv4Addr::new(192, 88, 99, 0),
        24,
        SpecialBlock::SixToFourRelay,
    ),
    (Ipv4Addr::new(192, 168, 0, 0), 16, SpecialBlock::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, SpecialBlock::Benchmarking),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        SpecialBlock::Documentation,
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        SpecialBlock::Documentation,
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, SpecialBlock::Multicast),
    (
        Ipv4Addr::new(255, 255, 255, 255),
        32,
        SpecialBlock::Broadcast,
    ),
    (Ipv4Addr::new(240, 0, 0, 0), 4, SpecialBlock::Reserved),
];

const V6: &[(Ipv6Addr, u32, SpecialBlock)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, SpecialBlock::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, SpecialBlock::Loopback),
    // Deprecated IPv4-compatible addresses (RFC 4291 §2.5.5.1).
    (Ipv6Addr::UNSPECIFIED, 96, SpecialBlock::Ipv4Compatible),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        SpecialBlock::LocalNat64,
    ),
    // Translated addresses (RFC 2765, obsolete): no network routes them, and a translator that does reaches IPv4.
    (
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0),
        96,
        SpecialBlock::Ipv4Translated,
    ),
    (
        Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0),
        64,
        SpecialBlock::Discard,
    ),
    // RFC 9780.
    (
        Ipv6Addr::new(0x100, 0, 0, 1, 0, 0, 0, 0),
        64,
        SpecialBlock::Dummy,
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        SpecialBlock::ProtocolAssignments,
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        SpecialBlock::Documentation,
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        SpecialBlock::SixToFour,
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        SpecialBlock::Documentation,
    ),
    (
        Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0),
        16,
        SpecialBlock::SegmentRouting,
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        SpecialBlock::UniqueLocal,
    ),
    (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        10,
        SpecialBlock::LinkLocal,
    ),
    (
        Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0),
        10,
        SpecialBlock::SiteLocal,
    ),
    (
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        8,
        SpecialBlock::Multicast,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(ip: &str) -> Option<&'static str> {
        block(ip.parse().unwrap()).map(SpecialBlock::word)
    }

    #[test]
    fn every_block_is_known_at_its_first_and_last_address() {
        for (ip, name) in [
            ("0.0.0.0", "this_network"),
            ("10.255.255.255", "private"),
            ("100.64.0.0", "shared"),
            ("100.127.255.255", "shared"),
            ("127.255.255.255", "loopback"),
            ("169.254.169.254", "link_local"),
            ("172.31.255.255", "private"),
            ("198.19.255.255", "benchmarking"),
            ("239.1.1.1", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::10.0.0.1", "ipv4_compatible"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b:1::1", "local_nat64"),
            ("100::1", "discard"),
            ("100::ffff:ffff:ffff:ffff", "discard"),
            ("::ffff:0:8.8.8.8", "ipv4_translated"),
            ("2001:2::1", "protocol_assignments"),
            ("2001:1ff:ffff::1", "protocol_assignments"),
            ("2001:db8::1", "documentation"),
            ("2002:808:808::1", "6to4"),
            ("3fff:fff::1", "documentation"),
            ("5f00::1", "segment_routing"),
            ("fdff::1", "unique_local"),
            ("fe80::1", "link_local"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(named(ip), Some(name), "{ip}");
        }
    }

    #[test]
    fn d7_the_dummy_prefix_is_special_and_its_neighbours_are_not() {
        assert_eq!(named("100:0:0:1::"), Some("dummy"));
        assert_eq!(named("100:0:0:1:ffff:ffff:ffff:ffff"), Some("dummy"));
        assert_eq!(named("100:0:0:2::"), None);
    }

    #[test]
    fn a6_addresses_have_one_form() {
        for (ip, form) in [
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("64:ff9b::c000:209", "192.0.2.9"),
            ("::ffff:0:192.0.2.9", "192.0.2.9"),
            ("::192.0.2.9", "192.0.2.9"),
            ("::1", "::1"),
            ("::", "::"),
            ("64:ff9b:1::c000:209", "64:ff9b:1::c000:209"),
            ("2001:db8::c000:209", "2001:db8::c000:209"),
            ("192.0.2.9", "192.0.2.9"),
        ] {
            assert_eq!(canonical(ip.parse().unwrap()).to_string(), form, "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_in_none() {
        for ip in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.128.0.0",
            "128.0.0.0",
            "172.32.0.0",
            "192.0.1.0",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(named(ip), None, "{ip}");
        }
    }
}
