//! The tables of policies against a slow count of made records: every row, its domains and its users.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::report::asked::ReportSettings;
use serde_json::{Value, json};

use super::{EVERYTHING, rows, survey};

const AT: &str = "2026-10-01T00:00:00.000Z";
/// Domains of the made world.
const DOMAINS: usize = 400;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    fn word(&mut self, of: &[&str]) -> Value {
        match *self.choose(of) {
            "null" => Value::Null,
            word => json!(word),
        }
    }

    fn faults(&mut self, of: &[&str]) -> Vec<Value> {
        (0..self.roll(3))
            .map(|_| json!({"code": self.word(of)}))
            .collect()
    }
}

const STATES: [&str; 5] = ["absent", "ok", "ok", "invalid", "unknown"];
const POLICIES: [&str; 5] = ["off", "none", "quarantine", "reject", "null"];

fn spf(dice: &mut Dice) -> Value {
    if dice.roll(10) == 0 {
        return Value::Null;
    }
    let is_parked = dice.roll(3) == 0;
    let number = |dice: &mut Dice, of: &[u64]| match dice.roll(8) {
        0 => Value::Null,
        _ => json!(dice.choose(of)),
    };
    let lookups = number(dice, &[0, 1, 5, 6, 10, 11, 40]);
    let addresses = number(
        dice,
        &[0, 1, 256, 257, 65_536, 99_999, 100_001, 1 << 25, 1 << 32],
    );
    let state = dice.word(&["absent", "ok", "ok", "ok", "invalid", "multiple", "unknown"]);
    json!({
        "state": if is_parked { json!("ok") } else { state },
        "text": if is_parked { json!(["v=spf1 -all"]) } else { json!([format!("v=spf1 ip4:192.0.2.{} -all", dice.roll(9))]) },
        "all": if is_parked { json!("fail") } else { dice.word(&["fail", "softfail", "neutral", "pass", "null"]) },
        "lookups_most": if is_parked { json!(0) } else { lookups },
        "ipv4_addresses": if is_parked { json!(0) } else { addresses },
        "ipv6_networks": [], "includes": [], "dangling": [],
        "faults": dice.faults(&["no_all", "void_limit", "ptr_used"]),
    })
}

fn dmarc(dice: &mut Dice, name: &str) -> Value {
    let receivers: Vec<_> = (0..dice.roll(3))
        .map(|_| {
            let domain = *dice.choose(&["a.test", "b.test", "c.test"]);
            json!({"uri": format!("mailto:x@{domain}"), "domain": domain, "failure_reports": dice.roll(3) == 0,
                   "authorised": *dice.choose(&[Some(true), Some(false), None])})
        })
        .collect();
    json!({
        "state": dice.word(&STATES), "record_at": if dice.roll(3) > 0 { name } else { "test" },
        "text": [*dice.choose(&["v=DMARC1; p=none", "v=DMARC1; p=reject", "v=DMARC1; p=reject; t=y"])],
        "effective_9989": dice.word(&POLICIES), "effective_7489": dice.word(&POLICIES), "walk": [], "tags": null,
        "receivers": receivers, "faults": dice.faults(&["bad_tag", "obsolete_tag"]),
    })
}

fn dkim(dice: &mut Dice) -> Value {
    let keys: Vec<_> = (0..dice.roll(3))
        .map(|number| {
            json!({"selector": format!("s{number}"), "state": dice.word(&["ok", "ok", "invalid", "multiple", "unknown"]),
                   "key_type": dice.word(&["rsa", "rsa", "ed25519", "null"]), "bits": *dice.choose(&[Some(512), Some(1024), Some(2048), Some(4096), None]),
                   "revoked": *dice.choose(&[Some(true), Some(false), None]), "testing": dice.roll(4) == 0,
                   "key_sha256": *dice.choose(&[None, Some("aa"), Some("bb")]), "cname": [],
                   "faults": dice.faults(&["weak_key"])})
        })
        .collect();
    json!({"state": dice.word(&STATES), "selectors": [], "keys": keys, "faults": dice.faults(&["wildcard_key"])})
}

fn caa(dice: &mut Dice) -> Value {
    let mut names = Vec::new();
    for role in ["domain", "exchange", "exchange", "policy_host"] {
        let effect = |dice: &mut Dice| dice.word(&["any", "named", "nobody", "null"]);
        names.push(json!({"name": format!("{role}{}.test", names.len()), "role": role, "state": "ok", "issue": effect(dice),
                          "issuers": [], "issue_wild": effect(dice), "wild_issuers": [], "issue_mail": effect(dice),
                          "mail_issuers": [], "report_to": [], "faults": dice.faults(&["bad_property"])}));
    }
    json!({"state": dice.word(&STATES), "names": names})
}

/// A domain's exchange: of a provider, of its own, none, or no such domain.
fn domain(dice: &mut Dice, name: &str) -> Value {
    let ok = json!({"phase": "done", "reason": "ok"});
    let mx = |exchange: &str| {
        let registered = if exchange.ends_with("google.com") {
            "google.com"
        } else {
            name
        };
        json!([{"exchange": exchange, "registered_domain": registered, "preference": 10, "addresses": [{"ip": "192.0.2.1"}], "ipv4": ok, "ipv6": ok,
                "dnssec": "insecure"}])
    };
    let (outcome, mx, is_null) = match dice.roll(5) {
        0 => (
            json!({"phase": "done", "reason": "null_mx"}),
            json!([]),
            true,
        ),
        1 => (
            json!({"phase": "dns", "reason": "nxdomain"}),
            json!([]),
            false,
        ),
        2 => (ok.clone(), mx(&format!("mx.{name}")), false),
        _ => (ok.clone(), mx("aspmx.l.google.com"), false),
    };
    json!({"type": "domain", "domain": name, "outcome": outcome, "implicit_mx": false, "null_mx": is_null, "dnssec": "insecure",
           "mx": mx, "time": AT, "elapsed_ms": 1, "run": "r"})
}

/// The lines of the world: of each domain its places on two lists, what the DNS said, and mostly its policies.
fn world() -> Vec<Value> {
    let mut dice = Dice(7);
    let mut lines = Vec::new();
    for number in 0..DOMAINS {
        let name = format!("d{number}.test");
        lines.push(json!({"type": "listed", "source": "top", "domain": name, "rank": number + 1}));
        lines.push(json!({"type": "listed", "source": "leak", "domain": name, "users": number, "of": 79_800}));
        lines.push(domain(&mut dice, &name));
        if dice.roll(9) == 0 {
            continue;
        }
        let rua: Vec<_> = (0..dice.roll(3))
            .map(|_| {
                *dice.choose(&[
                    "mailto:t@A.test",
                    "https://c.test:8443/v1",
                    "https://d.test/x?y=z@q",
                ])
            })
            .collect();
        let exchanges: Vec<_> = (lines.last().unwrap()["mx"].as_array().unwrap().iter())
            .map(|mx| mx["exchange"].clone())
            .collect();
        lines.push(json!({
            "type": "policy", "domain": name, "outcome": {"phase": "done", "reason": "ok"}, "exchanges": exchanges,
            "spf": spf(&mut dice), "dmarc": dmarc(&mut dice, &name), "dkim": dkim(&mut dice),
            "mta_sts": {"state": dice.word(&STATES), "cname": [], "faults": dice.faults(&["bad_id"])},
            "tls_rpt": {"state": dice.word(&STATES), "rua": rua, "cname": []},
            "caa": caa(&mut dice), "bimi": {"state": dice.word(&STATES)},
            "questions": 1, "time": AT, "elapsed_ms": 1, "run": "r"
        }));
    }
    lines
}

struct World {
    lines: Vec<Value>,
}

impl World {
    fn policies(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(|line| line["type"] == "policy")
    }

    fn domain(&self, name: &Value) -> &Value {
        let is_it = |line: &&Value| line["type"] == "domain" && line["domain"] == *name;
        self.lines.iter().find(is_it).unwrap()
    }
}

/// The users of a domain: its number.
fn users(domain: &str) -> u64 {
    domain[1..].trim_end_matches(".test").parse().unwrap()
}

fn table(world: &World, name: &str) -> Vec<Value> {
    let lines: Vec<_> = world.lines.iter().map(Value::to_string).collect();
    let asked = ReportSettings {
        limit: EVERYTHING,
        ..ReportSettings::default()
    };
    rows(&survey(&lines), name, &asked)
}

/// Every row as its `keys`, domains and users of both the row and its base, sorted.
fn weighed(found: &[Value], keys: &[&str]) -> Vec<String> {
    let columns = keys
        .iter()
        .chain(&["domains", "domains_of", "users_leak", "users_leak_of"]);
    let columns: Vec<_> = columns.collect();
    let mut told: Vec<String> = (found.iter())
        .map(|row| {
            let cells = columns.iter().map(|column| match &row[**column] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            cells.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    told.sort();
    told
}

/// The same from who has what: a base, and what of it.
fn counted(facts: &BTreeSet<(String, String, String)>) -> Vec<String> {
    let mut told = BTreeSet::new();
    for (base, what, _) in facts {
        let of: BTreeSet<&str> = (facts.iter())
            .filter(|fact| fact.0 == *base)
            .map(|fact| &*fact.2)
            .collect();
        let has: BTreeSet<&str> = (facts.iter())
            .filter(|fact| fact.0 == *base && fact.1 == *what)
            .map(|fact| &*fact.2)
            .collect();
        let sum =
            |domains: &BTreeSet<&str>| domains.iter().map(|domain| users(domain)).sum::<u64>();
        told.insert(format!(
            "{}{what} | {} | {} | {} | {}",
            if base.is_empty() {
                String::new()
            } else {
                format!("{base} | ")
            },
            has.len(),
            of.len(),
            sum(&has),
            sum(&of)
        ));
    }
    told.into_iter().collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("unknown").to_owned()
}

/// Which values a policy has of each part, one after the other.
fn values(world: &World, policy: &Value) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let (spf, dmarc) = (&policy["spf"], &policy["dmarc"]);
    if spf.is_object() {
        told.push(("SPF", word(&spf["state"])));
        if spf["state"] == "ok" {
            told.push((
                "SPF: others",
                spf["all"].as_str().unwrap_or("no all").to_owned(),
            ));
        }
        if spf["state"] != "absent" && spf["state"] != "multiple" {
            let lookups = match spf["lookups_most"].as_u64() {
                None => "unknown",
                Some(0) => "0",
                Some(1..=5) => "1 to 5",
                Some(6..=10) => "6 to 10",
                Some(_) => "more than 10",
            };
            told.push(("SPF: terms that ask", lookups.to_owned()));
            let addresses = match spf["ipv4_addresses"].as_u64() {
                None => "unknown",
                Some(0) => "0",
                Some(1..=256) => "1 to 256",
                Some(257..=65_536) => "257 to 65,536",
                Some(65_537..=100_000) => "65,537 to 100,000",
                Some(100_001..=16_777_216) => "100,001 to 16,777,216",
                Some(16_777_217..=4_294_967_295) => "more than 16,777,216",
                Some(_) => "all",
            };
            told.push(("SPF: IPv4 addresses that may send", addresses.to_owned()));
        }
    }
    told.push(("DMARC", word(&dmarc["state"])));
    let (one, other) = (&dmarc["effective_9989"], &dmarc["effective_7489"]);
    told.push(("DMARC by RFC 9989", word(one)));
    told.push(("DMARC by RFC 7489", word(other)));
    let differ = match one.is_null() || other.is_null() {
        true => "unknown",
        false if one == other => "no",
        false => "yes",
    };
    told.push(("DMARC: the two differ", differ.to_owned()));
    let reason = &world.domain(&policy["domain"])["outcome"]["reason"];
    if spf.is_object() && reason != "nxdomain" {
        let is_closed = spf["state"] == "ok"
            && spf["all"] == "fail"
            && spf["lookups_most"] == 0
            && spf["ipv4_addresses"] == 0
            && one == "reject";
        let value = if spf["state"] == "unknown" || dmarc["state"] == "unknown" || one.is_null() {
            "unknown"
        } else if reason == "null_mx" && is_closed {
            "parked: null MX, SPF -all, reject"
        } else if reason == "null_mx" {
            "takes no mail, others may send in its name"
        } else if is_closed {
            "SPF -all and reject, and it takes mail"
        } else {
            "no"
        };
        told.push(("No mail", value.to_owned()));
    }
    told.push(("DKIM", word(&policy["dkim"]["state"])));
    told.push((
        "MTA-STS",
        match policy["mta_sts"]["state"].as_str().unwrap() {
            "ok" => "policy not fetched".to_owned(),
            "invalid" => "record invalid".to_owned(),
            other => other.to_owned(),
        },
    ));
    for (what, part) in [("TLS-RPT", "tls_rpt"), ("CAA", "caa"), ("BIMI", "bimi")] {
        told.push((what, word(&policy[part]["state"])));
    }
    told.extend(
        keys(world, policy)
            .into_iter()
            .map(|value| ("DKIM: keys", value.to_owned())),
    );
    let names = policy["caa"]["names"].as_array().unwrap();
    for (role, what) in [
        ("domain", "CAA: who may issue for the domain"),
        ("exchange", "CAA: who may issue for its exchanges"),
        ("policy_host", "CAA: who may issue for its policy host"),
    ] {
        let of_role: Vec<_> = names.iter().filter(|name| name["role"] == role).collect();
        let is_same = of_role
            .iter()
            .all(|name| name["issue"] == of_role[0]["issue"]);
        told.push((
            what,
            if is_same {
                word(&of_role[0]["issue"])
            } else {
                "mixed".to_owned()
            },
        ));
    }
    told.push((
        "CAA: who may issue for its mailboxes",
        word(&names[0]["issue_mail"]),
    ));
    told
}

fn keys(world: &World, policy: &Value) -> Vec<&'static str> {
    let mut told = Vec::new();
    let own = policy["dkim"]["keys"].as_array().unwrap();
    for key in own {
        let is_rsa = key["key_type"] == "rsa";
        match key["bits"].as_u64().filter(|_| is_rsa) {
            Some(0..=1023) => told.push("RSA under 1,024 bits"),
            Some(1024..=2047) => told.push("RSA of 1,024 to 2,047 bits"),
            Some(_) => told.push("RSA of 2,048 bits or more"),
            None => {}
        }
        if key["key_type"] == "ed25519" {
            told.push("Ed25519");
        }
        if key["revoked"] == true {
            told.push("revoked");
        }
        if key["testing"] == true {
            told.push("testing");
        }
        let has_it = |other: &&Value| {
            let mut keys = other["dkim"]["keys"].as_array().unwrap().iter();
            keys.any(|one| one["key_sha256"] == key["key_sha256"])
        };
        if !key["key_sha256"].is_null() && world.policies().filter(has_it).count() > 1 {
            told.push("shared with other domains");
        }
        match key["state"].as_str().unwrap() {
            "invalid" => told.push("not to be used"),
            "multiple" => told.push("several records at a selector"),
            "unknown" => told.push("unknown"),
            _ => {}
        }
    }
    match told.is_empty() {
        true => vec!["none seen"],
        false => told,
    }
}

/// (base, what, domain) of every policy.
fn facts(
    world: &World,
    of: impl Fn(&Value) -> Vec<(String, String)>,
) -> BTreeSet<(String, String, String)> {
    let each = world.policies().flat_map(|policy| {
        let domain = policy["domain"].as_str().unwrap().to_owned();
        of(policy)
            .into_iter()
            .map(move |(base, what)| (base, what, domain.clone()))
    });
    each.collect()
}

fn same(found: Vec<String>, slowly: Vec<String>) {
    let only = |these: &[String], others: &[String]| {
        let only = these.iter().filter(|row| !others.contains(row));
        only.cloned().collect::<Vec<_>>().join("\n")
    };
    assert!(
        found == slowly,
        "found alone:\n{}\ncounted alone:\n{}",
        only(&found, &slowly),
        only(&slowly, &found)
    );
    assert!(found.len() > 3, "{found:?}");
}

#[test]
fn each_value_of_each_part() {
    let world = World { lines: world() };
    let slowly = facts(&world, |policy| {
        let told = values(&world, policy).into_iter();
        told.map(|(what, value)| (what.to_owned(), value)).collect()
    });
    same(
        weighed(&table(&world, "policies"), &["what", "value"]),
        counted(&slowly),
    );
}

#[test]
fn faults_of_parts_that_are_known() {
    let world = World { lines: world() };
    let found = table(&world, "policy-faults");
    let mut slowly = BTreeSet::new();
    let codes = |faults: &Value| -> Vec<String> {
        let faults = faults.as_array().into_iter().flatten();
        faults.map(|fault| word(&fault["code"])).collect()
    };
    for part in ["spf", "dmarc", "dkim", "mta_sts", "tls_rpt", "caa", "bimi"] {
        for policy in world.policies() {
            let it = &policy[part];
            if !it.is_object() || it["state"] == "unknown" {
                continue;
            }
            let mut all = codes(&it["faults"]);
            for inner in [&it["keys"], &it["names"]] {
                all.extend(
                    inner
                        .as_array()
                        .into_iter()
                        .flatten()
                        .flat_map(|one| codes(&one["faults"])),
                );
            }
            let domain = word(&policy["domain"]);
            // Whoever is of the base has this one, which is no row.
            slowly.insert((part.to_owned(), String::new(), domain.clone()));
            slowly.extend(
                all.into_iter()
                    .map(|code| (part.to_owned(), code, domain.clone())),
            );
        }
    }
    let counted = counted(&slowly)
        .into_iter()
        .filter(|row| !row.contains(" |  | "))
        .collect();
    same(weighed(&found, &["part", "fault"]), counted);
    assert!(found.iter().all(|row| word(&row["meaning"]).len() > 5));
}

#[test]
fn dmarc_under_both_rules() {
    let world = World { lines: world() };
    let slowly = facts(&world, |policy| {
        let (one, other) = (
            word(&policy["dmarc"]["effective_9989"]),
            word(&policy["dmarc"]["effective_7489"]),
        );
        let differ = match (&*one, &*other) {
            ("unknown", _) | (_, "unknown") => "unknown",
            _ if one == other => "no",
            _ => "yes",
        };
        vec![(String::new(), format!("{one} | {other} | {differ}"))]
    });
    same(
        weighed(
            &table(&world, "dmarc-rules"),
            &["rfc9989", "rfc7489", "differ"],
        ),
        counted(&slowly),
    );
}

#[test]
fn receivers_of_reports() {
    let world = World { lines: world() };
    // kind, receiver: domain, and what it has said (of the same receiver named twice the first counts).
    let mut named: BTreeMap<(String, String), BTreeMap<String, Value>> = BTreeMap::new();
    for policy in world.policies() {
        let domain = word(&policy["domain"]);
        for receiver in policy["dmarc"]["receivers"].as_array().unwrap() {
            let kind = if receiver["failure_reports"] == true {
                "dmarc_failure"
            } else {
                "dmarc"
            };
            let of = named
                .entry((kind.to_owned(), word(&receiver["domain"])))
                .or_default();
            of.entry(domain.clone())
                .or_insert(receiver["authorised"].clone());
        }
        for uri in policy["tls_rpt"]["rua"].as_array().unwrap() {
            let host = match uri.as_str().unwrap() {
                "mailto:t@A.test" => "a.test",
                "https://c.test:8443/v1" => "c.test",
                _ => "d.test",
            };
            let of = named
                .entry(("tls_rpt".to_owned(), host.to_owned()))
                .or_default();
            of.insert(domain.clone(), json!("not asked"));
        }
    }
    let mut slowly = Vec::new();
    for ((kind, receiver), domains) in &named {
        let of_kind = named.iter().filter(|((other, _), _)| other == kind);
        let of: BTreeSet<&String> = of_kind.flat_map(|(_, domains)| domains.keys()).collect();
        let lost = domains
            .values()
            .filter(|said| **said == json!(false))
            .count();
        let unknown = domains.values().filter(|said| said.is_null()).count();
        slowly.push(format!(
            "{kind} | {receiver} | {} | {} | {lost} | {unknown}",
            domains.len(),
            of.len()
        ));
    }
    slowly.sort();
    let mut found: Vec<_> = (table(&world, "report-receivers").iter())
        .map(|row| {
            format!(
                "{} | {} | {} | {} | {} | {}",
                word(&row["kind"]),
                word(&row["receiver"]),
                row["domains"],
                row["domains_of"],
                row["lost"],
                row["lost_unknown"]
            )
        })
        .collect();
    found.sort();
    same(found, slowly);
}

/// Yes, no or unknown of a policy; none where it was not asked.
fn truth(policy: &Value, measure: &str) -> Option<&'static str> {
    let state = |part: &str| {
        policy[part]
            .is_object()
            .then(|| word(&policy[part]["state"]))
    };
    let told = |state: String, is: bool| match (&*state, is) {
        ("unknown", _) => "unknown",
        (_, true) => "yes",
        (_, false) => "no",
    };
    let effective = word(&policy["dmarc"]["effective_9989"]);
    Some(match measure {
        "SPF that holds" => state("spf").map(|it| told(it.clone(), it == "ok"))?,
        "SPF: others fail" => {
            let all = word(&policy["spf"]["all"]);
            state("spf").map(|it| told(it.clone(), it == "ok" && all.contains("fail")))?
        }
        "DMARC" => told(effective.clone(), effective != "off"),
        "DMARC: quarantine or reject" => told(
            effective.clone(),
            effective == "quarantine" || effective == "reject",
        ),
        "DKIM keys" => state("dkim").map(|it| told(it.clone(), it == "ok"))?,
        "MTA-STS record" => state("mta_sts").map(|it| told(it.clone(), it == "ok"))?,
        "TLS-RPT" => state("tls_rpt").map(|it| told(it.clone(), it == "ok"))?,
        other => panic!("{other}"),
    })
}

#[test]
fn measures_by_rank() {
    let world = World { lines: world() };
    let found = table(&world, "policies-by-rank");
    let ranks: BTreeSet<u64> = found
        .iter()
        .filter_map(|row| row["rank"].as_u64())
        .collect();
    assert_eq!(ranks.last(), Some(&(DOMAINS as u64)));
    assert!(found.len() >= ranks.len() * 6 && ranks.len() > 8);
    for row in &found {
        assert_eq!(row["list"], "top");
        // The rank of a domain is its number and one.
        let first = world
            .policies()
            .filter(|policy| users(&word(&policy["domain"])) < row["rank"].as_u64().unwrap());
        let mut counts = BTreeMap::from([("yes", 0), ("no", 0), ("unknown", 0)]);
        for truth in first.filter_map(|policy| truth(policy, &word(&row["measure"]))) {
            *counts.get_mut(truth).unwrap() += 1;
        }
        for (key, count) in counts {
            assert_eq!(row[key], json!(count), "{key} of {row}");
        }
    }
}

#[test]
fn measures_by_provider() {
    let world = World { lines: world() };
    let found = table(&world, "policies-by-provider");
    assert_eq!(found.len(), 2, "{found:?}");
    for row in &found {
        let is_google = row["role"] != "self";
        let of_it: Vec<_> = (world.policies())
            .filter(|policy| {
                let exchange = word(&policy["exchanges"][0]);
                exchange.starts_with("mx.") && !is_google
                    || exchange.ends_with("google.com") && is_google
            })
            .collect();
        assert_eq!(row["domains"], json!(of_it.len()), "{row}");
        for (key, label) in [
            ("spf", "SPF that holds"),
            ("spf_fail", "SPF: others fail"),
            ("dmarc", "DMARC"),
            ("dmarc_enforced", "DMARC: quarantine or reject"),
            ("dkim", "DKIM keys"),
            ("mta_sts", "MTA-STS record"),
            ("tls_rpt", "TLS-RPT"),
        ] {
            let count = |wanted: &str| {
                of_it
                    .iter()
                    .filter(|policy| truth(policy, label) == Some(wanted))
                    .count()
            };
            let (yes, no, unknown) = (count("yes"), count("no"), count("unknown"));
            assert_eq!(
                row[format!("{key}_unknown")],
                json!(unknown),
                "{key} of {row}"
            );
            let percent = row[format!("{key}_percent")].as_f64().unwrap();
            let slowly = 100.0 * yes as f64 / (yes + no) as f64;
            assert!((percent - slowly).abs() < 0.01, "{key} of {row}: {slowly}");
        }
    }
}

#[test]
fn texts_that_many_share() {
    let world = World { lines: world() };
    let found = table(&world, "shared-policies");
    let mut told = Vec::new();
    for part in ["spf", "dmarc"] {
        let with_text: Vec<(&str, String, String)> = (world.policies())
            .filter(|policy| policy[part].is_object())
            .filter(|policy| part == "spf" || policy["dmarc"]["record_at"] == policy["domain"])
            .map(|policy| {
                let exchange = word(&policy["exchanges"][0]);
                let provider = match &*exchange {
                    "unknown" => "none",
                    it if it.ends_with("google.com") => "google",
                    _ => "self",
                };
                (
                    provider,
                    word(&policy[part]["text"][0]),
                    word(&policy["domain"]),
                )
            })
            .collect();
        let texts: BTreeSet<&String> = with_text.iter().map(|(_, text, _)| text).collect();
        for text in texts {
            let sharing: Vec<_> = with_text
                .iter()
                .filter(|(_, other, _)| other == text)
                .collect();
            let at = |wanted: &str| {
                sharing
                    .iter()
                    .filter(|(provider, _, _)| *provider == wanted)
                    .count()
            };
            let of = |wanted: &str| {
                with_text
                    .iter()
                    .filter(|(provider, _, _)| *provider == wanted)
                    .count()
            };
            let main = if at("google") >= at("self") {
                "google"
            } else {
                "self"
            };
            let first = sharing.iter().map(|(_, _, domain)| domain).min().unwrap();
            let is_default = of(main) >= 10 && 2 * at(main) >= of(main);
            told.push(format!(
                "{part} | {text} | {} | {first} | {main} | {} | {} | {}",
                sharing.len(),
                at(main),
                of(main),
                if is_default { "yes" } else { "no" }
            ));
        }
    }
    told.sort();
    let mut rows: Vec<_> = (found.iter())
        .map(|row| {
            let provider = word(&row["provider"]);
            format!(
                "{} | {} | {} | {} | {provider} | {} | {} | {}",
                word(&row["part"]),
                word(&row["text"]),
                row["domains"],
                word(&row["such_as"]),
                row["at_provider"],
                row["provider_domains"],
                word(&row["is_default"])
            )
        })
        .collect();
    rows.sort();
    same(rows, told);
}
