//! Tables of what domains share.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::record::Exchange;
use serde_json::{Value, json};

use super::{row, share};
use crate::report::naive::certificates::by_sha256;
use crate::report::naive::{Scan, Server};

/// A row with the domains for which something holds.
fn sharing(scan: &Scan, cells: Value, holds: impl Fn(&str) -> bool) -> Value {
    let domains = scan.domains.keys().filter(|name| holds(name)).count() as u64;
    let mut row = row(cells);
    row.insert("domains".to_owned(), domains.into());
    row.insert(
        "percent".to_owned(),
        share(domains, scan.domains.len() as u64),
    );
    row.into()
}

pub fn exchanges(scan: &Scan, _: &str) -> Vec<Value> {
    let all = scan.domains.values().flat_map(|domain| &domain.mx);
    let names: BTreeSet<&String> = all.map(|exchange| &exchange.exchange).collect();
    let has = |domain: &str, name: &String| {
        scan.domains[domain]
            .mx
            .iter()
            .any(|it| it.exchange == *name)
    };
    let rows = names
        .into_iter()
        .map(|name| sharing(scan, json!({"exchange": name}), |domain| has(domain, name)));
    rows.collect()
}

pub fn addresses(scan: &Scan, _: &str) -> Vec<Value> {
    let rows = scan.servers().into_iter().map(|ip| {
        let banner = scan.smtp.get(&ip).and_then(|smtp| smtp.banner.as_ref());
        let banner = banner.map(|banner| banner.lines[0].lossy().into_owned());
        sharing(scan, json!({"ip": ip, "banner": banner}), |domain| {
            scan.routes(domain).iter().any(|(.., it)| *it == ip)
        })
    });
    rows.collect()
}

pub fn certificates(scan: &Scan, _: &str) -> Vec<Value> {
    let leaves: BTreeSet<&String> = scan
        .tls
        .iter()
        .filter_map(|tls| tls.chain.first())
        .collect();
    let rows = leaves.into_iter().map(|leaf| {
        let made = by_sha256(leaf).filter(|_| {
            scan.certs
                .get(leaf)
                .is_some_and(|cert| cert.facts.is_some())
        });
        let subject = made.map(|(_, made)| made.subject()).unwrap_or_default();
        let issuer = made.map(|(_, made)| made.issuer());
        let cells = json!({"certificate": format!("{subject} {}", &leaf[..16]), "issuer": issuer});
        sharing(scan, cells, |domain| {
            let shown =
                |exchange: &Exchange, ip| scan.tls_at(ip, Some(&exchange.exchange))?.chain.first();
            scan.routes(domain)
                .iter()
                .any(|(_, exchange, ip)| shown(exchange, *ip) == Some(leaf))
        })
    });
    rows.collect()
}

pub fn keys(scan: &Scan, _: &str) -> Vec<Value> {
    let mut keys: BTreeMap<String, BTreeMap<Server, &String>> = BTreeMap::new();
    for ip in scan.servers() {
        let leaf = scan.tls_at(ip, None).and_then(|tls| tls.chain.first());
        let Some(leaf) = leaf else { continue };
        if let Some(facts) = scan.certs.get(leaf).and_then(|cert| cert.facts.as_ref()) {
            keys.entry(facts.spki_sha256.clone())
                .or_default()
                .insert(ip, leaf);
        }
    }
    let rows = keys.into_iter().filter_map(|(key, leaves)| {
        let operators: BTreeSet<&str> = leaves.keys().flat_map(|ip| scan.operators(*ip)).collect();
        let certificates: BTreeSet<&&String> = leaves.values().collect();
        let some: Vec<&str> = operators.iter().copied().take(5).collect();
        (leaves.len() > 1 && operators.len() > 1).then(|| {
            json!({"spki_sha256": key, "operators": operators.len(), "servers": leaves.len(),
                "certificates": certificates.len(), "some": some.join(", ")})
        })
    });
    rows.collect()
}
