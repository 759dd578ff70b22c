//! Tables of who runs the mail, and who should mend what.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::record::Exchange;
use serde_json::{Value, json};

use super::{part_of, rounded, row, share, tallied};
use crate::report::naive::{Scan, operator};

/// Provider and role of an exchange, by the rules for the names that occur.
fn provider(exchange: &Exchange) -> (&str, &'static str) {
    match exchange.exchange.as_str() {
        "aspmx.l.google.com" => ("google", "mailbox"),
        "s192-0-2-1.secureserver.net" => ("godaddy", "vps"),
        "mailstore1.secureserver.net" => ("godaddy", "hosting"),
        _ => (operator(exchange), "other"),
    }
}

pub fn hosts(scan: &Scan, rule: &str) -> Vec<Value> {
    // (provider, role) → what it has, under each weight.
    let mut providers: BTreeMap<(&str, &str), BTreeMap<String, f64>> = BTreeMap::new();
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    let answered = |name: &str| scan.status(name) == "answered";
    let mut weights = scan.weights();
    let with_tls = scan
        .each()
        .filter(|(name, _)| answered(name) && scan.domain_fact(name, "tls", rule) == "yes");
    weights.push(("with_tls".to_owned(), with_tls.collect()));
    for (weight, domains) in &weights {
        for (name, count) in domains.iter().filter(|(name, _)| answered(name)) {
            let mx = &scan.domains[*name].mx;
            let best = mx.iter().map(|it| it.preference).min();
            let best: Vec<&Exchange> = mx.iter().filter(|it| Some(it.preference) == best).collect();
            for exchange in &best {
                let provider = match provider(exchange) {
                    (id, "other") if *name == id || name.ends_with(&format!(".{id}")) => {
                        ("self", "self")
                    }
                    other => other,
                };
                let part = *count as f64 / best.len() as f64;
                *providers
                    .entry(provider)
                    .or_default()
                    .entry(weight.clone())
                    .or_default() += part;
                *all.entry(weight.clone()).or_default() += part;
            }
        }
    }
    let rows = providers.into_iter().map(|((id, role), has)| {
        let has = |weight: &str| has.get(weight).copied().unwrap_or(0.0);
        let all = |weight: &str| all.get(weight).copied().unwrap_or(0.0);
        let (domains, with_tls) = (has("domains"), has("with_tls"));
        let mut cells = row(
            json!({"provider": id, "role": role, "domains": rounded(domains),
            "percent": part_of(domains, all("domains")), "with_tls": rounded(with_tls),
            "with_tls_percent": part_of(with_tls, domains)}),
        );
        for (source, ..) in scan.counted() {
            let weight = format!("users: {source}");
            cells.insert(format!("users_{source}"), rounded(has(&weight)));
            cells.insert(
                format!("users_{source}_percent"),
                part_of(has(&weight), all(&weight)),
            );
        }
        cells.into()
    });
    rows.collect()
}

/// Why a domain is not protected, as the table tells it.
fn cause(scan: &Scan, name: &str, rule: &str) -> Option<String> {
    let fact = |fact| scan.domain_fact(name, fact, rule);
    let told = match (fact("tls"), fact("valid")) {
        ("no", _) if fact("accepted") == "yes" => "STARTTLS accepted once, refused later",
        ("no", _) => "no STARTTLS",
        ("mixed", _) => "TLS on some servers only",
        ("yes", "mixed") => "certificate valid on some servers only",
        ("yes", "no") => {
            let verdict = scan
                .stands_with_tls(name)
                .and_then(|(_, tls)| tls.verdicts.first());
            match verdict.filter(|verdict| verdict.valid == Some(false)) {
                Some(verdict) => {
                    let issuer = "unknown_issuer";
                    let mut cause = format!("certificate: {}", verdict.reason.word());
                    if verdict.reason.word() != issuer
                        && verdict.also.iter().any(|also| also.word() == issuer)
                    {
                        cause += ", unknown_issuer";
                    }
                    return Some(cause.replace('_', " "));
                }
                None => "certificate not valid",
            }
        }
        _ => return None,
    };
    Some(told.to_owned())
}

/// Without the columns that depend on the order of the rows.
pub fn fixes(scan: &Scan, rule: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for (weight, domains) in scan.weights() {
        let users: BTreeMap<&str, u64> = domains.iter().copied().collect();
        let users = |name: &str| users.get(name).copied().unwrap_or(0);
        let mut hit: BTreeMap<(&str, &str, String), Vec<&str>> = BTreeMap::new();
        for name in scan.domains.keys() {
            let stands = scan
                .stands(name)
                .filter(|_| scan.status(name) == "answered");
            if let (Some((exchange, _)), Some(cause)) = (stands, cause(scan, name, rule)) {
                let (id, role) = provider(exchange);
                hit.entry((id, role, cause)).or_default().push(name);
            }
        }
        let sum = |names: &[&str]| names.iter().map(|name| users(name)).sum::<u64>();
        let of: u64 = hit.values().map(|names| sum(names)).sum();
        for ((id, role, cause), names) in hit.iter().filter(|(_, names)| sum(names) > 0) {
            let such_as =
                (names.iter()).min_by_key(|name| (std::cmp::Reverse(users(name)), **name));
            rows.push(json!({"weight": weight, "operator": id, "role": role, "cause": cause, "hit": sum(names), "of": of,
                "domains": names.len(), "such_as": such_as}));
        }
    }
    rows
}

pub fn tlds(scan: &Scan, rule: &str) -> Vec<Value> {
    let tld = |name: &str| name.rsplit('.').next().unwrap().to_owned();
    let takes_mail = scan.domains.keys().filter(|name| scan.takes_mail(name));
    let tlds: BTreeSet<String> = takes_mail.map(|name| tld(name)).collect();
    let rows = tlds.into_iter().map(|of| {
        let tally = |fact| {
            scan.tally(
                (fact, None),
                rule,
                scan.each().filter(|(name, _)| tld(name) == of),
            )
        };
        let valid @ [yes, ..] = tally("valid");
        let percent = share(yes, valid[..3].iter().sum());
        tallied(
            json!({"tld": of, "valid": yes, "valid_percent": percent}),
            tally("tls"),
        )
    });
    rows.collect()
}
