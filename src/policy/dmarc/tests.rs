//! The vectors: zones, an author, what is to be done with its mail.

use futures::FutureExt as _;

use super::{TreeWalk, part};
use crate::dns::name::Name;
use crate::policy::zone::MemoryZone;
use crate::record::{Dmarc, DmarcPolicy, PolicyState, Reason};

fn name(text: &str) -> Name {
    Name::from_octets(text.as_bytes()).unwrap()
}

fn judged(zone: &MemoryZone, author: &str) -> Dmarc {
    part(zone, &name(author)).now_or_never().unwrap()
}

/// A zone with records at `_dmarc.` of names that all exist.
fn zone(records: &[(&str, &str)]) -> MemoryZone {
    let mut zone = MemoryZone::default();
    for (at, text) in records {
        zone.add_txt(
            &format!("_dmarc.{at}"),
            format!("v=DMARC1; {text}").as_bytes(),
        );
        zone.add_name(at);
    }
    zone
}

fn codes(part: &Dmarc) -> Vec<&'static str> {
    part.faults.iter().map(|fault| fault.code.word()).collect()
}

#[test]
fn the_vectors_of_the_walk() {
    use DmarcPolicy::{None, Off, Quarantine, Reject};
    let own = [("a.x.com", "p=reject"), ("x.com", "p=none")];
    let nearer = [("b.x.com", "p=reject"), ("x.com", "p=none")];
    let suffix = [("com", "psd=y; p=reject"), ("x.com", "p=none")];
    let mail = [("mail.x.com", "psd=n; p=reject"), ("x.com", "p=none")];
    let below = [("a.x.com", "p=reject; sp=none"), ("x.com", "p=quarantine")];
    let two = [
        ("a.x.com", "p=reject"),
        ("a.x.com", "p=none"),
        ("x.com", "p=quarantine"),
    ];
    for (records, author, policy, organization) in [
        (&own[..], "a.x.com", Reject, "x.com"),
        (&nearer, "a.b.x.com", None, "x.com"),
        (&suffix, "x.com", None, "x.com"),
        (&suffix[..1], "a.x.com", Reject, "x.com"),
        (&[("com", "p=reject")], "a.x.com", Reject, "com"),
        (&mail, "a.mail.x.com", Reject, "mail.x.com"),
        (&mail, "b.x.com", None, "x.com"),
        (&below, "b.a.x.com", Quarantine, "x.com"),
        (&two, "a.x.com", Quarantine, "x.com"),
        (
            &[("x.com", "rua=mailto:a@x.com; p=reject")],
            "x.com",
            Reject,
            "x.com",
        ),
        (
            &[("x.com", "p=bad; rua=mailto:a@x.com")],
            "x.com",
            None,
            "x.com",
        ),
        (&[("x.com", "p=bad")], "x.com", Off, "x.com"),
        (&[("x.com", "p=reject; t=y")], "x.com", Quarantine, "x.com"),
        (&[("x.com", "p=reject; pct=0")], "x.com", Reject, "x.com"),
        (&[], "a.x.com", Off, "a.x.com"),
        (&[("com", "psd=y; p=reject")], "com", Reject, "com"),
    ] {
        let part = judged(&zone(records), author);
        assert_eq!(
            part.effective_9989,
            Some(policy),
            "{records:?} {author}: {part:?}"
        );
        assert_eq!(
            part.organizational_domain.as_deref(),
            Some(organization),
            "{records:?} {author}"
        );
    }
}

#[test]
fn what_is_below_hangs_on_whether_it_exists() {
    let records = [("x.com", "sp=quarantine; p=reject; np=reject")];
    let mut there = zone(&records);
    there.add_address("a.x.com", "192.0.2.1".parse().unwrap());
    assert_eq!(
        judged(&there, "a.x.com").effective_9989,
        Some(DmarcPolicy::Quarantine)
    );
    let missing = zone(&records);
    let part = judged(&missing, "a.x.com");
    assert_eq!(
        (part.effective_9989, part.exists),
        (Some(DmarcPolicy::Reject), Some(false))
    );
    assert_eq!(part.np_effective, Some(true));
    // NODATA: the name exists.
    let mut empty = zone(&records);
    empty.add_name("a.x.com");
    let part = judged(&empty, "a.x.com");
    assert_eq!(
        (part.effective_9989, part.exists),
        (Some(DmarcPolicy::Quarantine), Some(true))
    );
    // A signer of compact denial says NOERROR of every name: np never applies.
    let mut compact = zone(&records);
    compact.is_compact = true;
    let part = judged(&compact, "a.x.com");
    assert_eq!(
        (part.effective_9989, part.np_effective),
        (Some(DmarcPolicy::Quarantine), Some(false))
    );
    let mut failing = zone(&records);
    failing.fail("a.x.com", "TXT", Reason::Servfail);
    let part = judged(&failing, "a.x.com");
    assert_eq!(
        (part.state, part.effective_9989),
        (PolicyState::Unknown, None)
    );
}

#[test]
fn a_walk_asks_eight_questions_at_most() {
    for (author, asked) in [
        ("a.b.c.d.e.f.example.com", 8),
        ("a.b.c.d.e.example.com", 7),
        ("a.b.c.d.e.f.g.h.i.j.mail.example.com", 8),
        ("com", 1),
    ] {
        let zone = MemoryZone::default();
        let walk = TreeWalk::of_domain(&zone, &name(author))
            .now_or_never()
            .unwrap();
        assert_eq!(
            (zone.asked(), walk.steps.len()),
            (asked, asked as usize),
            "{author}"
        );
    }
    let (zone, long) = (
        MemoryZone::default(),
        name("a.b.c.d.e.f.g.h.i.j.mail.example.com"),
    );
    let walk = TreeWalk::of_domain(&zone, &long);
    let walk = walk.now_or_never().unwrap();
    let names: Vec<_> = walk
        .steps
        .iter()
        .map(|step| step.name.to_string())
        .collect();
    assert_eq!(
        names[1..],
        [
            "g.h.i.j.mail.example.com",
            "h.i.j.mail.example.com",
            "i.j.mail.example.com",
            "j.mail.example.com",
            "mail.example.com",
            "example.com",
            "com"
        ]
    );
}

/// OpenDMARC's scenarios, made anew: direct, no psd, psd=n, psd=y, ten labels, two records, and where the public suffix
/// list and the walk part.
#[test]
fn scenarios_under_both_rules() {
    use DmarcPolicy::{None, Off, Quarantine, Reject};
    let ten = "a.b.c.d.e.f.g.h.x.com";
    for (title, records, author, by_walk, by_list) in [
        (
            "direct",
            &[("x.com", "p=reject")][..],
            "x.com",
            Reject,
            Reject,
        ),
        (
            "no psd",
            &[("x.com", "p=reject; sp=quarantine")],
            "a.b.x.com",
            Quarantine,
            Quarantine,
        ),
        (
            "psd=n",
            &[("b.x.com", "p=reject; psd=n"), ("x.com", "p=none")],
            "a.b.x.com",
            Reject,
            None,
        ),
        (
            "psd=y",
            &[("x.com", "p=reject; psd=y"), ("a.x.com", "p=quarantine")],
            "b.a.x.com",
            Quarantine,
            Reject,
        ),
        ("ten labels", &[("x.com", "p=reject")], ten, Reject, Reject),
        (
            "ten labels, own",
            &[(ten, "p=none"), ("x.com", "p=reject")],
            ten,
            None,
            None,
        ),
        (
            "two records",
            &[
                ("m.x.com", "p=none"),
                ("m.x.com", "p=reject"),
                ("x.com", "p=reject; psd=y"),
            ],
            "m.x.com",
            Reject,
            Off,
        ),
        (
            "top-level record",
            &[("com", "p=reject")],
            "a.x.com",
            Reject,
            Off,
        ),
        ("missing p", &[("x.com", "adkim=s")], "x.com", None, Off),
        (
            "test",
            &[("x.com", "p=reject; t=y")],
            "x.com",
            Quarantine,
            Reject,
        ),
        (
            "bad np",
            &[("x.com", "p=reject; np=bad")],
            "x.com",
            Off,
            Reject,
        ),
    ] {
        let part = judged(&zone(records), author);
        assert_eq!(
            (part.effective_9989, part.effective_7489),
            (Some(by_walk), Some(by_list)),
            "{title}: {part:?}"
        );
        assert_eq!(part.differ, Some(by_walk != by_list), "{title}");
    }
}

#[test]
fn rfc_7489_wants_p_second_and_heeds_a_pct_of_nothing() {
    use DmarcPolicy::{None, Off, Quarantine, Reject};
    for (tags, by_list) in [
        ("p=reject", Reject),
        ("P = reject", Reject),
        ("p=reject; pct=0", Quarantine),
        ("p=quarantine; pct=0", None),
        ("p=reject; pct=1", Reject),
        ("p=reject; pct=101", Reject),
        ("p=reject; t=y", Reject),
        ("adkim=s; p=reject", Off),
        ("rua=mailto:a@x.com; p=reject", None),
        ("; p=reject", Reject),
    ] {
        let part = judged(&zone(&[("x.com", tags)]), "x.com");
        assert_eq!(part.effective_7489, Some(by_list), "{tags}");
    }
}

#[test]
fn two_records_have_both_effects_told() {
    let records = [
        ("m.x.com", "p=none"),
        ("m.x.com", "p=reject"),
        ("x.com", "p=reject; psd=y"),
    ];
    let part = judged(&zone(&records), "m.x.com");
    assert_eq!((part.state, part.text.len()), (PolicyState::Multiple, 2));
    assert_eq!(
        (part.effective_9989, part.effective_stopping),
        (Some(DmarcPolicy::Reject), Some(DmarcPolicy::Off))
    );
    assert_eq!(part.organizational_domain.as_deref(), Some("m.x.com"));
    assert_eq!(codes(&part), ["multiple"]);
}

#[test]
fn a_missing_p_is_none_and_told() {
    let mut bare = MemoryZone::default();
    bare.add_txt("_dmarc.x.com", b"v=DMARC1");
    let part = judged(&bare, "x.com");
    assert_eq!(
        (part.state, part.effective_9989),
        (PolicyState::Ok, Some(DmarcPolicy::None))
    );
    assert_eq!(codes(&part), ["missing_policy"]);
    let mut wrong = MemoryZone::default();
    wrong.add_txt("_dmarc.x.com", b"v=dmarc1; p=reject");
    let part = judged(&wrong, "x.com");
    assert_eq!(
        (part.state, codes(&part)),
        (PolicyState::Absent, vec!["near_miss"])
    );
}

#[test]
fn a_question_that_fails_makes_unknown_only_what_hangs_on_it() {
    let mut above = zone(&[("x.com", "p=reject")]);
    above.fail("_dmarc.com", "TXT", Reason::Servfail);
    let part = judged(&above, "x.com");
    assert_eq!(
        (part.state, part.effective_9989),
        (PolicyState::Ok, Some(DmarcPolicy::Reject))
    );
    assert_eq!(part.organizational_domain, None);
    let part = judged(&above, "a.x.com");
    assert_eq!(
        (part.state, part.effective_9989),
        (PolicyState::Unknown, None)
    );
    assert_eq!(
        part.effective_7489,
        Some(DmarcPolicy::Reject),
        "RFC 7489 does not ask com"
    );
    let mut own = zone(&[("x.com", "p=reject")]);
    own.fail("_dmarc.a.x.com", "TXT", Reason::Timeout);
    let part = judged(&own, "a.x.com");
    assert_eq!(
        (part.state, part.effective_7489),
        (PolicyState::Unknown, None)
    );
    assert_eq!(part.outcome.unwrap().reason, Reason::Timeout);
}

#[test]
fn receivers_elsewhere_must_want_the_reports() {
    let tags = "p=none; rua=mailto:a@x.com,mailto:b@yes.net,mailto:c@no.net,mailto:d@slow.net,https://e.net/; ruf=mailto:f@sub.x.com";
    let mut zone = zone(&[("x.com", tags)]);
    zone.add_txt("x.com._report._dmarc.yes.net", b"v=DMARC1;");
    zone.fail("x.com._report._dmarc.slow.net", "TXT", Reason::Timeout);
    let part = judged(&zone, "x.com");
    let told: Vec<_> = part
        .receivers
        .iter()
        .map(|receiver| receiver.authorised)
        .collect();
    assert_eq!(
        told,
        [Some(true), Some(true), Some(false), None, None, Some(true)]
    );
    assert_eq!(codes(&part), ["unsupported_scheme", "rua_unauthorised"]);
}

#[test]
fn a_list_of_receivers_without_end_is_read_within_bounds() {
    let many: Vec<String> = (0..3000)
        .map(|number| format!("mailto:a@r{number}.net"))
        .collect();
    let zone = zone(&[("x.com", &format!("p=none; rua={}", many.join(",")))]);
    let part = judged(&zone, "x.com");
    assert!(
        part.receivers.len() <= 32 && zone.asked() < 60,
        "{}",
        zone.asked()
    );
    assert!(codes(&part).contains(&"too_many_fields"));
}

#[test]
fn dmarc_below_itself_and_names_without_room_below_end() {
    let long = format!(
        "{}.{}.{}.{}.com",
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(55)
    );
    let part = judged(&MemoryZone::default(), &long);
    assert_eq!(part.state, PolicyState::Absent);
    let mut zone = zone(&[("_dmarc.x.com", "p=reject"), ("x.com", "p=none")]);
    zone.add_cname("_dmarc.c.com", "_dmarc.c.com");
    assert_eq!(
        judged(&zone, "_dmarc.x.com").effective_9989,
        Some(DmarcPolicy::Reject)
    );
    let part = judged(&zone, "c.com");
    assert_eq!(
        (part.state, part.outcome.unwrap().reason),
        (PolicyState::Unknown, Reason::CnameLoop)
    );
}
