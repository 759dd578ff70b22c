//! mx-lookup in every corner of the DNS: the real one of NSD and Unbound, and a hostile one.

mod hostile;
mod lists;
mod oracle;
#[cfg(feature = "lab")]
mod own_name;
mod world;

use std::collections::HashMap;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::{run, run_command};
use world::World;

/// The records of every name that a test of this file asks the world for, looked up in one run.
fn looked_up() -> &'static HashMap<String, Value> {
    static RECORDS: OnceLock<HashMap<String, Value>> = OnceLock::new();
    RECORDS.get_or_init(|| {
        let world = World::start();
        let mut names: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
        names.push(world::longest());
        names.push(format!("{}.plain.test", "a".repeat(63)));
        let server = world.resolver.to_string();
        let ran = run(
            "mx-lookup",
            &[
                "--nameserver",
                &server,
                "--tlsa",
                "--answers",
                "--timeout",
                "9s",
                "--try-timeout",
                "1s",
            ],
            names.join("\n"),
        )
        .expect(0);
        let mut records: HashMap<_, _> = by_name(ran.of_type("domain"));
        assert_eq!(records.len(), names.len());
        // What an authority says that does not recurse.
        let authority = world.authority.to_string();
        let list = "cnamechain.plain.test\nloop1.plain.test\nlame.test\nequal.plain.test\n";
        let ran = run("mx-lookup", &["--nameserver", &authority], list).expect(0);
        for (name, record) in by_name(ran.of_type("domain")) {
            records.insert(format!("authority/{name}"), record);
        }
        records
    })
}

fn by_name(records: Vec<Value>) -> HashMap<String, Value> {
    let named = |record: Value| (record["domain"].as_str().unwrap().to_owned(), record);
    records.into_iter().map(named).collect()
}

const NAMES: &[&str] = &[
    "equal.plain.test",
    "order.plain.test",
    "implicit.plain.test",
    "implicit6.plain.test",
    "nomail.plain.test",
    "null.plain.test",
    "nullmixed.plain.test",
    "nullpreference.plain.test",
    "tocname.plain.test",
    "literal.plain.test",
    "dangling.plain.test",
    "private.plain.test",
    "tolocalhost.plain.test",
    "bücher.plain.test",
    "any.wild.plain.test",
    "cname.plain.test",
    "cnameimplicit.plain.test",
    "cnamenx.plain.test",
    "cnamechain.plain.test",
    "ent.plain.test",
    "nothing.plain.test",
    "twice.plain.test",
    "underscore.plain.test",
    "many.plain.test",
    "manymx.plain.test",
    "refused.test",
    "silent.test",
    "lame.test",
    "secure.test",
    "securealias.test",
    "ownbase.test",
    "outalias.test",
    "notlsa.test",
    "brokentlsa.test",
    "mixed.test",
    "tocnamenx.test",
    "nosuch.test",
    "nsec3.test",
    "nosuch.nsec3.test",
    "bogus.test",
    "expired.test",
    "loop1.plain.test",
    "not a name",
];

#[track_caller]
fn domain(name: &str) -> &'static Value {
    let name = match name.split_once('/') {
        _ if name.contains('/') || name.ends_with("test") || name.contains(' ') => name.to_owned(),
        _ => format!("{name}.plain.test"),
    };
    looked_up()
        .get(&name)
        .unwrap_or_else(|| panic!("{name} was not looked up"))
}

/// Preference, name and addresses of each exchange.
fn exchanges(name: &str) -> Vec<String> {
    let of = |exchange: &Value| {
        let addresses: Vec<_> = exchange["addresses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|address| address["ip"].as_str().unwrap())
            .collect();
        format!(
            "{} {} {}",
            exchange["preference"],
            exchange["exchange"].as_str().unwrap(),
            addresses.join(" ")
        )
    };
    domain(name)["mx"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect()
}

/// Whether a record says this, whatever else it says.
#[track_caller]
fn says(name: &str, expected: Value) {
    let record = domain(name);
    assert!(covers(record, &expected), "{expected:#}\nof {record:#}");
}

fn covers(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (_, Value::Object(part)) => part.iter().all(|(key, part)| covers(&whole[key], part)),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole
                    .iter()
                    .zip(part)
                    .all(|(whole, part)| covers(whole, part))
        }
        _ => whole == part,
    }
}

fn ok() -> Value {
    json!({"phase": "done", "reason": "ok"})
}

fn dns(reason: &str) -> Value {
    json!({"phase": "dns", "reason": reason})
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn exchanges_of_equal_preference() {
    assert_eq!(
        exchanges("equal"),
        ["10 a.plain.test 11.0.1.2", "10 b.plain.test 11.0.1.3"]
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn exchanges_by_preference() {
    assert_eq!(
        exchanges("order"),
        [
            "5 mx.plain.test 11.0.1.1 2a00::1:1",
            "20 b.plain.test 11.0.1.3",
            "30 a.plain.test 11.0.1.2"
        ]
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn implicit_mx() {
    says(
        "implicit",
        json!({"outcome": ok(), "implicit_mx": true, "null_mx": false, "mx": [{"exchange": "implicit.plain.test", "preference": 0, "addresses": [{"ip": "11.0.1.4"}]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn implicit_mx_by_ipv6() {
    assert_eq!(exchanges("implicit6"), ["0 implicit6.plain.test 2a00::1:4"]);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn no_mx_and_no_address() {
    says(
        "nomail",
        json!({"outcome": dns("no_address"), "implicit_mx": false, "null_mx": false, "mx": []}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn null_mx() {
    says(
        "null",
        json!({"outcome": dns("null_mx"), "null_mx": true, "implicit_mx": false, "mx": []}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn null_mx_with_others() {
    says(
        "nullmixed",
        json!({"outcome": ok(), "null_mx": false, "faults": ["null_mx_with_others"], "mx": [{"exchange": "mx.plain.test"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn null_mx_of_another_preference() {
    says(
        "nullpreference",
        json!({"outcome": dns("null_mx"), "null_mx": true, "faults": ["null_mx_preference"]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_to_a_cname() {
    says(
        "tocname",
        json!({"mx": [{"exchange": "alias.plain.test", "cname": ["mx.plain.test"], "faults": ["cname"], "addresses": [{"ip": "11.0.1.1"}, {"ip": "2a00::1:1"}]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_to_a_literal() {
    says(
        "literal",
        json!({"mx": [{"exchange": "192.0.2.1", "faults": ["address_literal", "unresolvable"], "addresses": []}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_to_nothing_has_no_implicit_fallback() {
    says(
        "dangling",
        json!({"outcome": ok(), "implicit_mx": false, "mx": [{"exchange": "nothing.plain.test", "faults": ["unresolvable"], "addresses": [], "ipv4": dns("nxdomain")}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_to_private_space() {
    says(
        "private",
        json!({"mx": [{"faults": ["special_address"], "addresses": [{"ip": "10.1.2.3", "special": "private"}]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_to_localhost() {
    says(
        "tolocalhost",
        json!({"mx": [{"faults": ["localhost", "special_address"]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn internationalised_name() {
    assert_eq!(
        exchanges("xn--bcher-kva"),
        ["10 mx.plain.test 11.0.1.1 2a00::1:1"]
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn name_of_253_octets() {
    says(
        &world::longest(),
        json!({"outcome": ok(), "mx": [{"exchange": "mx.plain.test"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn label_of_63_octets() {
    says(
        &"a".repeat(63),
        json!({"outcome": ok(), "mx": [{"exchange": "mx.plain.test"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn wildcard_mx() {
    assert_eq!(
        exchanges("any.wild"),
        ["10 mx.plain.test 11.0.1.1 2a00::1:1"]
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn cname_at_the_name() {
    says(
        "cname",
        json!({"outcome": ok(), "cname": ["equal.plain.test"], "mx": [{"exchange": "a.plain.test"}, {"exchange": "b.plain.test"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn cname_to_an_implicit_mx() {
    assert_eq!(
        exchanges("cnameimplicit"),
        ["0 implicit.plain.test 11.0.1.4"]
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn cname_to_nothing() {
    says(
        "cnamenx",
        json!({"outcome": dns("nxdomain"), "cname": ["nothing.plain.test"]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn chain_of_cnames() {
    says(
        "cnamechain",
        json!({"outcome": ok(), "cname": ["cnamechain1.plain.test", "cnamechain2.plain.test", "equal.plain.test"]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn chain_of_cnames_by_authority() {
    assert_eq!(exchanges("authority/cnamechain.plain.test").len(), 2);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn cname_loop() {
    says(
        "authority/loop1.plain.test",
        json!({"outcome": dns("cname_loop"), "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn empty_non_terminal() {
    says("ent", json!({"outcome": dns("no_address")}));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn nxdomain() {
    says(
        "nothing",
        json!({"outcome": dns("nxdomain"), "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn invalid_name() {
    says(
        "not a name",
        json!({"outcome": {"phase": "input", "reason": "invalid_name", "detail": "the character ' '"}, "questions": 0}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn the_same_exchange_twice() {
    says(
        "twice",
        json!({"faults": ["duplicate_exchange"], "mx": [{"preference": 10}, {"preference": 20, "faults": ["duplicate"]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn underscore() {
    says(
        "underscore",
        json!({"mx": [{"exchange": "_mx.plain.test", "faults": ["underscore"]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a1_of_an_exchange_with_500_addresses_64_are_kept_and_the_others_counted() {
    let exchange = &domain("many")["mx"][0];
    assert_eq!(exchange["addresses"].as_array().unwrap().len(), 64);
    assert_eq!(exchange["left_out"], 436);
    says(
        "many",
        json!({"mx": [{"ipv4": dns("too_many"), "ipv6": dns("no_data")}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn d2_exchanges_beyond_those_that_are_looked_up_are_named_and_open() {
    says(
        "manymx",
        json!({"outcome": ok(), "faults": ["too_many_exchanges"]}),
    );
    let all = domain("manymx")["mx"].as_array().unwrap();
    assert!(all.len() > 100);
    for (position, exchange) in all.iter().enumerate() {
        let is_open =
            exchange["ipv4"]["reason"] == "too_many" && exchange["ipv6"]["reason"] == "too_many";
        assert_eq!(is_open, position >= 100, "{exchange:#}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn refused() {
    says(
        "refused.test",
        json!({"outcome": dns("refused"), "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn servfail() {
    says(
        "lame.test",
        json!({"outcome": dns("servfail"), "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn servfail_of_an_authority() {
    says("authority/lame.test", json!({"outcome": dns("servfail")}));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn silent_server() {
    says(
        "silent.test",
        json!({"outcome": dns("timeout"), "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn secure() {
    says(
        "secure.test",
        json!({"dnssec": "secure", "mx": [{"dnssec": "secure"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn insecure() {
    says(
        "equal",
        json!({"dnssec": "insecure", "mx": [{"dnssec": "insecure"}, {"dnssec": "insecure"}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn d1_that_there_is_no_dane_in_an_unsigned_zone_is_known() {
    says(
        "equal",
        json!({"mx": [{"tlsa": {"outcome": dns("unsigned")}}, {"tlsa": {"outcome": dns("unsigned")}}]}),
    );
    // Signed, and no record: asked, and told apart.
    says("secure.test", json!({"mx": [{"dnssec": "secure"}]}));
    assert_ne!(
        domain("secure.test")["mx"][0]["tlsa"]["outcome"]["reason"],
        "unsigned"
    );
    // Without a validator nothing is known.
    says(
        "authority/equal.plain.test",
        json!({"mx": [{"tlsa": null}, {"tlsa": null}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn dnssec_is_unknown_without_a_validator() {
    says(
        "authority/equal.plain.test",
        json!({"outcome": ok(), "dnssec": null, "mx": [{"dnssec": null}, {"dnssec": null}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn secure_name_with_an_insecure_exchange() {
    says(
        "mixed.test",
        json!({"dnssec": "secure", "mx": [{"dnssec": "insecure", "tlsa":
            {"base": "mx.plain.test", "outcome": dns("unsigned"), "dnssec": "insecure", "records": []}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn nsec_denial() {
    says(
        "nosuch.test",
        json!({"outcome": dns("nxdomain"), "dnssec": "secure"}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn nsec3_denial() {
    says(
        "nosuch.nsec3.test",
        json!({"outcome": dns("nxdomain"), "dnssec": "secure"}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn nsec3_answer() {
    says("nsec3.test", json!({"outcome": ok(), "dnssec": "secure"}));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn bogus() {
    says(
        "bogus.test",
        json!({"outcome": dns("bogus"), "dnssec": "bogus", "implicit_mx": null, "null_mx": null}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn expired() {
    says(
        "expired.test",
        json!({"outcome": dns("bogus"), "dnssec": "bogus"}),
    ); // Signature expired, or with it no key is left.
    assert!([json!([7]), json!([9])].contains(&domain("expired.test")["extended_errors"]));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn tlsa() {
    says(
        "secure.test",
        json!({"mx": [{"tlsa": {"base": "mx.secure.test", "outcome": ok(), "dnssec": "secure", "records": [{"usage": 3, "selector": 1, "matching_type": 1, "data": format!("{:064}", 1)}]}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn tlsa_base_is_the_expanded_name() {
    says(
        "securealias.test",
        json!({"mx": [{"tlsa": {"base": "mx.secure.test", "outcome": ok()}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn tlsa_base_falls_back_to_the_name_itself() {
    says(
        "ownbase.test",
        json!({"mx": [{"tlsa": {"base": "alias.ownbase.test", "records": [{"data": format!("{:064}", 2)}]}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn tlsa_of_a_secure_alias_into_an_unsigned_zone() {
    says(
        "outalias.test",
        json!({"mx": [{"dnssec": "insecure", "tlsa": {"base": "alias.outalias.test", "dnssec": "secure", "records": [{"data": format!("{:064}", 3)}]}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn no_tlsa() {
    says(
        "notlsa.test",
        json!({"mx": [{"tlsa": {"outcome": dns("nxdomain"), "dnssec": "secure", "records": []}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn bogus_tlsa_is_no_absence() {
    says(
        "brokentlsa.test",
        json!({"mx": [{"tlsa": {"outcome": dns("bogus"), "dnssec": "bogus"}}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn exchange_that_is_a_cname_to_nothing() {
    says(
        "tocnamenx.test",
        json!({"mx": [{"faults": ["cname", "unresolvable"]}]}),
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn raw_answers() {
    assert!(
        domain("equal")["answers"][0]
            .as_str()
            .unwrap()
            .contains(" MX 10 ")
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn registered_domain() {
    says(
        "equal",
        json!({"mx": [{"registered_domain": "plain.test"}, {}]}),
    );
}

/// `make resolver`, in a network of its own: Unbound would otherwise ask the root for its key.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn make_resolver_starts_unbound() {
    let script = "
        ip link set lo up
        make --no-print-directory resolver RESOLVER=127.0.0.1@5353 &
        maker=$!
        for try in $(seq 100); do
            drill -p 5353 @127.0.0.1 localhost A && break
            sleep 0.1
        done
        kill $(pidof unbound)
        wait $maker
    ";
    let ran = run_command(
        Command::new("unshare")
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["bash", "-c", script])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
        b"",
    );
    assert!(ran.stdout.contains("rcode: NOERROR"), "{ran:#?}");
}
