//! Any bytes as the records of a policy: no panic, every question counted and bounded, and a result of both evaluators.

use futures::future::FutureExt as _;
use mx_survey::dns::name::Name;
use mx_survey::policy::dmarc;
use mx_survey::policy::spf::{SpfClient, check_host, survey};
use mx_survey::policy::zone::MemoryZone;
use mx_survey::record::{PolicyState, SpfResult};

/// Names whose records the lines of the input are, in turn.
const NAMES: [&str; 8] = [
    "a.test",
    "b.test",
    "c.test",
    "d.test",
    "_dmarc.a.test",
    "_dmarc.test",
    "exp.test",
    "a.test._report._dmarc.b.test",
];

/// Each line is a TXT record: of the first name, of the second, and so on.
pub fn run(data: &[u8]) {
    let mut zone = MemoryZone::default();
    for (line, name) in data
        .split(|&byte| byte == b'\n')
        .zip(NAMES.iter().cycle())
        .take(64)
    {
        zone.add_txt(name, line);
    }
    for (name, address) in [
        ("a.test", "192.0.2.1"),
        ("b.test", "2001:db8::1"),
        ("mx.test", "192.0.2.2"),
    ] {
        if let Ok(address) = address.parse() {
            zone.add_address(name, address);
        }
    }
    for number in 0..12 {
        zone.add_mx(
            ["a.test", "b.test"][usize::from(number > 10)],
            number,
            "mx.test",
        );
    }
    zone.add_ptr("1.2.0.192.in-addr.arpa", "a.test");
    zone.add_cname("c.test", "a.test");
    let Some(domain) = Name::from_octets(b"a.test") else {
        return;
    };
    for ip in ["192.0.2.1", "2001:db8::2"] {
        let Ok(ip) = ip.parse() else { continue };
        let client = SpfClient::new(ip, b"joe@a.test", b"helo.test");
        let before = zone.asked();
        let checked = check_host(&zone, &client, b"a.test").now_or_never();
        let Some(checked) = checked else {
            unreachable!("a zone in memory never waits");
        };
        assert!(zone.asked() - before <= 150, "{}", zone.asked() - before);
        assert!(checked.lookups <= 11 && checked.voids <= 14);
        assert!(checked.result != SpfResult::Temperror || checked.fault.is_none());
    }
    let before = zone.asked();
    let spf = survey(&zone, &domain).now_or_never();
    assert!(spf.is_some_and(|part| part.faults.len() <= 65 && part.includes.len() <= 100));
    assert!(zone.asked() - before <= 5000);
    let before = zone.asked();
    let part = dmarc::part(&zone, &domain).now_or_never();
    assert!(zone.asked() - before <= 120, "{}", zone.asked() - before);
    assert!(part.is_some_and(|part| part.state != PolicyState::Other));
}
