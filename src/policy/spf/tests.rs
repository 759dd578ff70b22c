//! What a record comes to, whoever the client is.

use futures::FutureExt as _;

use super::{SettledRecords, SpfClient, check_host, survey, survey_among};
use crate::dns::name::Name;
use crate::policy::zone::MemoryZone;
use crate::record::{PolicyState, Reason, Spf, SpfResult};

fn surveyed(zone: &MemoryZone) -> Spf {
    let domain = Name::parse(b"x.example").unwrap();
    survey(zone, &domain).now_or_never().unwrap()
}

/// A zone with this record at x.example, the addresses 192.0.2.1 and 2001:db8::1 at a.example, and 192.0.2.2 at b.example.
fn zone(record: &str) -> MemoryZone {
    let mut zone = MemoryZone::of_texts(&[
        ("x.example", record),
        ("inc.example", "v=spf1 ip4:198.51.100.0/24 a:a.example -all"),
        ("open.example", "v=spf1 +all"),
        ("bad.example", "v=spf1 moo"),
        ("two.example", "v=spf1 -all"),
        ("two.example", "v=spf1 ~all"),
        ("loop.example", "v=spf1 include:x.example -all"),
        ("none.example", "nothing of SPF"),
    ]);
    zone.add_address("a.example", "192.0.2.1".parse().unwrap());
    zone.add_address("a.example", "2001:db8::1".parse().unwrap());
    zone.add_address("b.example", "192.0.2.2".parse().unwrap());
    zone.add_name("example");
    zone.fail("slow.example", "TXT", Reason::Servfail);
    zone
}

fn codes(spf: &Spf) -> Vec<&'static str> {
    spf.faults.iter().map(|fault| fault.code.word()).collect()
}

#[test]
fn faults_and_states() {
    use PolicyState::{Invalid, Multiple, Ok, Unknown};
    for (record, state, faults) in [
        ("v=spf1 -all", Ok, &[][..]),
        ("v=spf1 +all", Ok, &["all_plus"]),
        ("v=spf1 ?all", Ok, &["all_neutral"]),
        ("v=spf1 a:a.example", Ok, &["no_all"]),
        ("v=spf1 -all a:a.example", Ok, &["record_after_all"]),
        (
            "v=spf1 redirect=inc.example -all",
            Ok,
            &["record_after_all"],
        ),
        ("v=spf1 redirect=inc.example", Ok, &[]),
        ("v=spf1 ptr -all", Ok, &["ptr_used"]),
        ("v=spf1 moo -all", Invalid, &["unknown_mechanism"]),
        (
            "v=spf1 include:none.example -all",
            Invalid,
            &["include_none"],
        ),
        ("v=spf1 redirect=none.example", Invalid, &["include_none"]),
        (
            "v=spf1 include:bad.example -all",
            Invalid,
            &["unknown_mechanism", "include_permerror"],
        ),
        (
            "v=spf1 include:two.example -all",
            Invalid,
            &["multiple", "include_permerror"],
        ),
        (
            "v=spf1 include:loop.example -all",
            Invalid,
            &["loop", "include_permerror"],
        ),
        ("v=spf1 include:slow.example -all", Unknown, &[]),
        (
            "v=spf1 include:slow.example moo",
            Invalid,
            &["unknown_mechanism", "no_all"],
        ),
        (
            "v=spf1 include:open.example include:none.example -all",
            Ok,
            &[],
        ),
        (
            "v=spf1 -all include:none.example",
            Ok,
            &["record_after_all"],
        ),
    ] {
        let spf = surveyed(&zone(record));
        assert_eq!(
            (spf.state, &codes(&spf)[..]),
            (state, faults),
            "{record}: {spf:?}"
        );
    }
    let mut two = zone("v=spf1 -all");
    two.add_txt("x.example", b"v=spf1 ~all");
    let spf = surveyed(&two);
    assert_eq!((spf.state, spf.text.len()), (Multiple, 2));
    let spf = surveyed(&zone(" v=spf1 -all"));
    assert_eq!(
        (spf.state, codes(&spf)),
        (PolicyState::Absent, vec!["near_miss"])
    );
    let mut failed = MemoryZone::default();
    failed.fail("x.example", "TXT", Reason::Timeout);
    let spf = surveyed(&failed);
    assert_eq!(
        (spf.state, spf.outcome.unwrap().reason),
        (Unknown, Reason::Timeout)
    );
}

#[test]
fn look_ups_are_counted_over_the_whole_recursion() {
    for (record, least, most) in [
        ("v=spf1 ip4:192.0.2.1 -all", 0, Some(0)),
        ("v=spf1 a:a.example include:inc.example -all", 3, Some(3)),
        (
            "v=spf1 include:inc.example include:inc.example -all",
            4,
            Some(4),
        ),
        ("v=spf1 redirect=inc.example", 2, Some(2)),
        ("v=spf1 redirect=inc.example -all", 0, Some(0)),
        ("v=spf1 -all a:a.example", 0, Some(0)),
        ("v=spf1 exists:%{i}.x.example -all", 1, Some(1)),
        ("v=spf1 exists:%{p}.x.example -all", 2, Some(2)),
        ("v=spf1 include:%{i}.x.example -all", 1, None),
        ("v=spf1 include:%{d2} -all", 1, None),
    ] {
        let spf = surveyed(&zone(record));
        assert_eq!(
            (spf.lookups_least, spf.lookups_most),
            (Some(least), most),
            "{record}: {spf:?}"
        );
    }
    let record = format!("v=spf1{} -all", " a:a.example".repeat(11));
    let spf = surveyed(&zone(&record));
    assert_eq!(
        (spf.state, spf.lookups_most),
        (PolicyState::Invalid, Some(11))
    );
    assert_eq!(codes(&spf), ["lookup_limit"]);
    let record = format!("v=spf1{} -all", " a:a.example".repeat(10));
    assert_eq!(surveyed(&zone(&record)).state, PolicyState::Ok);
}

#[test]
fn the_question_of_an_include_is_void_as_any_other() {
    let mut zone = MemoryZone::of_texts(&[
        ("a.test", "v=spf1 include:gone.test -all"),
        ("b.test", "v=spf1 a:x.test a:y.test redirect=gone.test"),
    ]);
    zone.add_address("c.test", "192.0.2.1".parse().unwrap());
    let client = SpfClient::new("192.0.2.9".parse().unwrap(), b"a@a.test", b"h.test");
    for (domain, voids) in [("a.test", 1), ("b.test", 3)] {
        let name = Name::parse(domain.as_bytes()).unwrap();
        let spf = survey(&zone, &name).now_or_never().unwrap();
        assert_eq!(
            (spf.state, spf.voids_ipv4, spf.voids_ipv6),
            (PolicyState::Invalid, Some(voids), Some(voids)),
            "{domain}"
        );
        let checked = check_host(&zone, &client, domain.as_bytes());
        let checked = checked.now_or_never().unwrap();
        assert_eq!(
            (checked.result, checked.voids),
            (SpfResult::Permerror, voids)
        );
    }
}

#[test]
fn voids_are_of_a_family() {
    // Three exchanges with IPv4 alone: fine for an IPv4 client, three voids for one of IPv6.
    let mut three = zone("v=spf1 mx -all");
    for host in ["m1.example", "m2.example", "m3.example"] {
        three.add_mx("x.example", 10, host);
        three.add_address(host, "192.0.2.7".parse().unwrap());
    }
    let spf = surveyed(&three);
    assert_eq!((spf.voids_ipv4, spf.voids_ipv6), (Some(0), Some(3)));
    assert_eq!(
        (spf.unmatched_ipv4, spf.unmatched_ipv6),
        (Some(SpfResult::Fail), Some(SpfResult::Permerror))
    );
    assert_eq!(
        (spf.state, codes(&spf)),
        (PolicyState::Ok, vec!["void_limit"])
    );
    let spf = surveyed(&zone("v=spf1 a:v1.example a:v2.example a:v3.example -all"));
    assert_eq!(
        (spf.state, spf.voids_ipv4, spf.voids_ipv6),
        (PolicyState::Invalid, Some(3), Some(3))
    );
    assert_eq!(spf.dangling.len(), 3);
}

#[test]
fn more_than_ten_exchanges_are_too_many() {
    let mut many = zone("v=spf1 mx -all");
    for number in 0..11 {
        many.add_mx("x.example", number, "a.example");
    }
    let spf = surveyed(&many);
    assert_eq!(
        (spf.state, codes(&spf)),
        (PolicyState::Invalid, vec!["mx_limit"])
    );
}

#[test]
fn the_space_is_what_passes_counted_once() {
    for (record, count, networks) in [
        (
            "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.128/25 -all",
            256,
            &[][..],
        ),
        ("v=spf1 -ip4:192.0.2.0/25 ip4:192.0.2.0/24 -all", 128, &[]),
        ("v=spf1 include:inc.example -all", 257, &["2001:db8::1/128"]),
        ("v=spf1 a:a.example/24//64 -all", 256, &["2001:db8::/64"]),
        ("v=spf1 +all", 1 << 32, &["::/0"]),
        (
            "v=spf1 -ip4:10.0.0.0/8 +all",
            (1 << 32) - (1 << 24),
            &["::/0"],
        ),
        ("v=spf1 exists:a.example -all", 1 << 32, &["::/0"]),
        ("v=spf1 moo +all", 0, &[]),
        ("v=spf1 ip4:192.0.2.9 include:none.example +all", 1, &[]),
        (
            "v=spf1 -include:inc.example ip4:198.51.100.0/23 -all",
            256,
            &[],
        ),
        (
            "v=spf1 ip6:2001:db8::/33 ip6:2001:db8:8000::/33 -all",
            0,
            &["2001:db8::/32"],
        ),
        (
            "v=spf1 ip4:192.0.2.1 redirect=inc.example",
            257,
            &["2001:db8::1/128"],
        ),
    ] {
        let spf = surveyed(&zone(record));
        assert_eq!(spf.ipv4_addresses, Some(count), "{record}: {spf:?}");
        assert_eq!(spf.ipv6_networks, networks, "{record}");
    }
    let spf = surveyed(&zone("v=spf1 ip4:192.0.2.1 include:slow.example -all"));
    assert_eq!(
        spf.ipv4_addresses, None,
        "what slow.example lets pass is not known"
    );
}

#[test]
fn names_that_nobody_has_registered_are_told() {
    let mut zone = zone("v=spf1 include:mail.gone.com include:mail.taken.com -all");
    zone.add_name("taken.com");
    let spf = surveyed(&zone);
    let told: Vec<_> = spf
        .dangling
        .iter()
        .map(|dangling| (dangling.name.as_str(), dangling.registrable_free))
        .collect();
    assert_eq!(
        told,
        [
            ("mail.gone.com", Some(true)),
            ("mail.taken.com", Some(false))
        ]
    );
    let vendors: Vec<_> = spf
        .includes
        .iter()
        .map(|include| include.registered_domain.as_deref().unwrap())
        .collect();
    assert_eq!(vendors, ["gone.com", "taken.com"]);
}

#[test]
fn hostile_records_are_walked_within_bounds() {
    let include = |name: &str| format!(" include:{name}.example").repeat(500);
    let five_hundred = zone(&format!("v=spf1{} -all", include("inc")));
    let spf = surveyed(&five_hundred);
    assert_eq!((spf.state, spf.lookups_most), (PolicyState::Invalid, None));
    assert!(
        spf.lookups_least.unwrap() > 500 && five_hundred.asked() < 400,
        "{}",
        five_hundred.asked()
    );
    // Records that include two others each, 60 deep.
    let mut tree = MemoryZone::of_texts(&[("x.example", "v=spf1 include:l0.example -all")]);
    for level in 0..60 {
        let next = level + 1;
        let text = format!("v=spf1 include:l{next}.example include:l{next}.example -all");
        tree.add_txt(&format!("l{level}.example"), text.as_bytes());
    }
    let spf = surveyed(&tree);
    assert_eq!(spf.state, PolicyState::Invalid);
    assert!(tree.asked() < 200, "{}", tree.asked());
    let bad = surveyed(&zone(&format!("v=spf1{}", " moo".repeat(10_000))));
    assert!(bad.faults.len() < 70, "{}", bad.faults.len());
}

#[test]
fn what_many_include_comes_to_the_same_in_each_of_them() {
    let long = format!("v=spf1 {}-all", "ip4:203.0.113.0/24 ".repeat(30));
    for (included, is_kept) in [
        ("v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all", true),
        ("v=spf1 -ip4:198.51.100.7 ip4:198.51.100.0/24", true),
        ("v=spf1 ?ip4:198.51.100.0/24 +all", true),
        // Of these each domain is told, or what they come to hangs on more than their text.
        ("v=spf1 -all ip4:198.51.100.0/24", false),
        ("v=spf1 ip4:198.51.100.0/33 -all", false),
        ("v=spf1 moo -all", false),
        ("v=spf1 ip4:198.51.100.0/24 a:a.example -all", false),
        ("v=spf1 include:inc.example -all", false),
        ("v=spf1 redirect=inc.example", false),
        ("v=spf1 exists:%{i}.example -all", false),
        (&long, false),
    ] {
        let settled = SettledRecords::default();
        for record in [
            "v=spf1 include:shared.example -all",
            "v=spf1 ip4:198.51.100.128/25 ~include:shared.example ?all",
            "v=spf1 +ip4:0.0.0.0/0 include:shared.example -all",
            "v=spf1 redirect=shared.example",
            "v=spf1 include:shared.example include:shared.example -all",
        ] {
            let mut zone = zone(record);
            zone.add_txt("shared.example", included.as_bytes());
            let domain = Name::parse(b"x.example").unwrap();
            let among = survey_among(&zone, &domain, Some(&settled));
            let among = among.now_or_never().unwrap();
            assert_eq!(among, surveyed(&zone), "{record}, {included}");
        }
        let known = settled.get(included.as_bytes()).is_some();
        assert_eq!(known, is_kept, "{included}");
    }
}
