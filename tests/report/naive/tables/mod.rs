//! The rows of every table, counted one by one.

mod hops;
mod lists;
mod operators;
mod shared;
mod speak;

use serde_json::{Map, Value, json};

pub use speak::cipher;

use super::{Scan, Tally, add, word};

/// Counts the rows of a table, in any order, under a rule.
pub type Count = fn(&Scan, &str) -> Vec<Value>;

pub const TABLES: &[(&str, Count)] = &[
    ("overview", overview),
    ("names", names),
    ("standing", standing),
    ("top-providers", lists::top_providers),
    ("tls-by-rank", lists::tls_by_rank),
    ("tls-by-every-rank", lists::tls_by_every_rank),
    ("tls-by-users", lists::tls_by_users),
    ("fixes", operators::fixes),
    ("hosts", operators::hosts),
    ("tlds", operators::tlds),
    ("versions", speak::versions),
    ("ciphers", speak::ciphers),
    ("ciphers-by-rank", lists::ciphers_by_rank),
    ("groups", speak::groups),
    ("verdicts", speak::verdicts),
    ("weaknesses", speak::weaknesses),
    ("levels", speak::levels),
    ("exchanges", shared::exchanges),
    ("addresses", shared::addresses),
    ("certificates", shared::certificates),
    ("keys", shared::keys),
    ("capabilities", speak::capabilities),
    ("software", speak::software),
    ("silent", speak::silent),
    ("matrix", hops::matrix),
    ("matrix-pairs", hops::matrix_pairs),
    ("clear-though-offered", hops::clear_though_offered),
    ("runs", speak::runs),
];

/// A measure: its label, the fact, and the fact that a domain must have to count.
type Measure = (&'static str, (&'static str, Option<&'static str>));

const OVERVIEW: [Measure; 5] = [
    ("ESMTP", ("esmtp", None)),
    ("STARTTLS accepted", ("accepted", None)),
    ("TLS", ("tls", None)),
    ("Valid certificate", ("valid", None)),
    ("Valid, where accepted", ("valid", Some("accepted"))),
];

const NAMES: [Measure; 4] = [
    ("Certificate names the exchange", ("names_exchange", None)),
    ("Valid and names the exchange", ("trusted", None)),
    ("Certificate names the domain", ("names_domain", None)),
    ("DANE holds", ("dane", None)),
];

/// A percentage as it is printed in JSON.
fn share(part: u64, whole: u64) -> Value {
    part_of(part as f64, whole as f64)
}

fn part_of(part: f64, whole: f64) -> Value {
    if whole > 0.0 {
        rounded(100.0 * part / whole)
    } else {
        Value::Null
    }
}

fn rounded(number: f64) -> Value {
    json!((number * 1e4).round() / 1e4)
}

fn row(cells: Value) -> Map<String, Value> {
    cells.as_object().unwrap().clone()
}

/// The cells of a tally behind those of a row.
fn tallied(cells: Value, [yes, no, mixed, unknown]: Tally) -> Value {
    let mut row = row(cells);
    let of = yes + no + mixed;
    let all = of + unknown;
    row.extend(self::row(
        json!({"percent": share(yes, of), "yes": yes, "of": of, "no": no, "mixed": mixed,
        "unknown": unknown, "at_least": share(yes, all), "at_most": share(yes + unknown, all)}),
    ));
    row.into()
}

fn overview(scan: &Scan, _: &str) -> Vec<Value> {
    let mut rows = measured(scan, &OVERVIEW);
    for (label, (fact, among)) in OVERVIEW {
        let mut tally = Tally::default();
        for ip in scan.servers() {
            if among.is_none_or(|among| scan.fact(ip, None, "", among) == Some(true)) {
                add(&mut tally, word(scan.fact(ip, None, "", fact)), 1);
            }
        }
        rows.push(tallied(
            json!({"weight": "servers", "measure": label, "rule": "each"}),
            tally,
        ));
    }
    rows
}

fn names(scan: &Scan, _: &str) -> Vec<Value> {
    measured(scan, &NAMES)
}

fn measured(scan: &Scan, measures: &[Measure]) -> Vec<Value> {
    let mut rows = Vec::new();
    for (weight, domains) in scan.weights() {
        for (label, measure) in measures {
            for rule in ["preferred", "any", "all"] {
                let tally = scan.tally(*measure, rule, domains.iter().copied());
                rows.push(tallied(
                    json!({"weight": weight, "measure": label, "rule": rule}),
                    tally,
                ));
            }
        }
    }
    rows
}

fn standing(scan: &Scan, _: &str) -> Vec<Value> {
    const STATUSES: [(&str, &str); 10] = [
        ("answered", "a server answered EHLO or HELO"),
        ("deferred", "no server answered; one said to come again"),
        ("unreachable", "no server answered"),
        ("not_probed", "no server was asked"),
        ("dns", "exchanges or addresses could not be learned"),
        ("null_mx", "takes no mail: null MX"),
        ("nxdomain", "takes no mail: no such domain"),
        ("no_address", "takes no mail: no address"),
        ("invalid_name", "no domain name"),
        ("not_looked_up", "listed, never looked up"),
    ];
    let rows = STATUSES.iter().map(|(status, meaning)| {
        let with: Vec<&String> = scan.domains.keys().filter(|name| scan.status(name) == *status).collect();
        let not_best = with.iter().filter(|name| scan.not_best(name)).count();
        let mut cells = row(match *status {
            "not_looked_up" => json!({"domains": null, "percent": null, "not_best": null}),
            _ => json!({"domains": with.len(), "percent": share(with.len() as u64, scan.domains.len() as u64),
                "not_best": not_best}),
        });
        cells.extend(row(json!({"status": status, "meaning": meaning})));
        for (source, of, _) in scan.counted() {
            let here = scan.users(source).filter(|(name, _)| scan.status(name) == *status);
            let users: u64 = here.map(|(_, users)| users).sum();
            cells.insert(format!("users_{source}"), users.into());
            cells.insert(format!("users_{source}_percent"), share(users, of));
        }
        cells.into()
    });
    rows.collect()
}
