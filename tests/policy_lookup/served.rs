//! The program beside name servers that we did not write: NSD has the zone, Unbound resolves.

use serde_json::{Value, json};

use crate::harness::run;
use crate::peers::knot::Knot;
use crate::peers::loopback::Loopback;
use crate::peers::names::Names;

const ZONE: &str = r#"
a TXT "v=spf1 ip4:192.0.2.0/24 " "include:_spf.vendor.test. -all"
a TXT "another text"
_dmarc.a TXT "v=DMARC1; p=reject; sp=none; rua=mailto:d@reports.test"
a._dmarc TXT "nothing"
a.test._report._dmarc.reports TXT "v=DMARC1"
_spf.vendor CNAME _spf1.vendor
_spf1.vendor TXT "v=spf1 ip4:198.51.100.0/25 ~all"
sub.a A 192.0.2.9
b TXT "v=spf1 mx -all"
b MX 10 mx1.b
b MX 20 mx2.b
b MX 30 mx3.b
mx1.b A 192.0.2.1
mx2.b A 192.0.2.2
mx3.b A 192.0.2.3
c TXT "v=spf1 include:gone.test -all"
_dmarc.c TXT "v=DMARC1; p=none"
_dmarc.c TXT "v=DMARC1; p=reject"
long TXT "v=spf1 LONG -all"
"#;

fn policies(server: &str) -> Vec<Value> {
    let names = "a.test\nsub.a.test\nb.test\nc.test\nlong.test\nnowhere.test\n";
    let options = ["--quiet", "--parts", "spf,dmarc", "--nameserver", server];
    let mut policies = run("policy-lookup", &options, names)
        .expect(0)
        .of_type("policy");
    policies.sort_by_key(|policy| policy["domain"].to_string());
    policies
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn zones_of_nsd_by_way_of_unbound() {
    // A record of 3 kB, which does not fit into an answer over UDP.
    let terms: Vec<_> = (0..150)
        .map(|number| format!("\" ip4:198.18.{number}.0/24\""))
        .collect();
    let zone = ZONE.replace(" LONG -all\"", &format!("\" {} \" -all\"", terms.join(" ")));
    let names = Names::start(&Loopback::new(), &zone);
    let policies = policies(&names.resolver.to_string());
    let facts: Vec<_> = policies
        .iter()
        .map(|policy| {
            let (spf, dmarc) = (&policy["spf"], &policy["dmarc"]);
            json!([
                policy["domain"],
                spf["state"],
                spf["ipv4_addresses"],
                spf["voids_ipv6"],
                dmarc["state"],
                dmarc["effective_9989"],
                dmarc["effective_7489"]
            ])
        })
        .collect();
    assert_eq!(
        facts,
        [
            json!(["a.test", "ok", 384, 0, "ok", "reject", "reject"]),
            json!(["b.test", "ok", 3, 3, "absent", "off", "off"]),
            json!(["c.test", "invalid", 0, 1, "multiple", "off", "off"]),
            json!(["long.test", "ok", 38400, 0, "absent", "off", "off"]),
            json!(["nowhere.test", "absent", null, null, "absent", "off", "off"]),
            json!(["sub.a.test", "absent", null, null, "ok", "none", "none"]),
        ],
        "{policies:#?}"
    );
    assert_eq!(policies[0]["dmarc"]["receivers"][0]["authorised"], true);
    assert_eq!(policies[2]["spf"]["dangling"][0]["name"], "gone.test");
    assert!(
        policies
            .iter()
            .all(|policy| policy["outcome"]["reason"] == "ok")
    );
}

/// A signer that denies compactly and without NXNAME: whether a name exists cannot be seen, so neither "none" nor "yes" is said of keys until
/// a selector shows one; and `np` has no effect for those who validate.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_zone_that_knot_signs_while_it_answers() {
    let zone = r#"
with A 192.0.2.1
mine._domainkey.with TXT "v=DKIM1; p="
without A 192.0.2.2
_dmarc.with TXT "v=DMARC1; p=reject; sp=quarantine; np=none"
"#;
    let Some(knot) = Knot::start(&Loopback::new(), zone) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let selectors = directory.path().join("selectors");
    std::fs::write(&selectors, "mine\n").unwrap();
    let (server, selectors) = (knot.address.to_string(), selectors.display().to_string());
    let options = ["--quiet", "--parts", "dkim,dmarc", "--nameserver", &server];
    let names = "with.test\nwithout.test\nnowhere.with.test\n";
    let policies = |more: &[&str]| -> Vec<Value> {
        let options = [&options[..], more].concat();
        let mut policies = run("policy-lookup", &options, names)
            .expect(0)
            .of_type("policy");
        policies.sort_by_key(|policy| policy["domain"].to_string());
        policies
    };
    let told = |policies: &[Value]| -> Vec<Value> {
        let each = policies.iter().map(|policy| {
            json!([
                policy["domain"],
                policy["dkim"]["state"],
                policy["dkim"]["evidence"],
                policy["dmarc"]["effective_9989"],
                policy["dmarc"]["np_effective"]
            ])
        });
        each.collect()
    };
    assert_eq!(
        told(&policies(&[])),
        [
            // A question without DO, as this name's own, is told the truth: only who validates is not.
            json!(["nowhere.with.test", "unknown", null, "none", false]),
            json!(["with.test", "unknown", null, "reject", false]),
            json!(["without.test", "unknown", null, "off", null]),
        ]
    );
    assert_eq!(
        told(&policies(&["--selectors", &selectors]))[1..],
        [
            json!(["with.test", "ok", "selector", "reject", false]),
            json!(["without.test", "unknown", null, "off", null]),
        ]
    );
}
