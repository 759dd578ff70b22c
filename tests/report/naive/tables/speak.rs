//! Tables of what servers speak, run and offer, and of runs.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::record::{Event, Run, Tls};
use serde_json::{Value, json};

use super::{row, share};
use crate::report::naive::{Scan, Server};

pub fn cipher(tls: &Tls) -> Option<String> {
    let cipher = tls.cipher.as_ref()?;
    Some(
        cipher
            .openssl
            .clone()
            .unwrap_or_else(|| cipher.iana.clone()),
    )
}

fn group(tls: &Tls) -> Option<String> {
    tls.version.as_ref()?;
    Some(match (&tls.group, &tls.dh) {
        (Some(group), _) => group.to_string(),
        (None, Some(dh)) => dh.name.clone().unwrap_or_else(|| format!("dh {}", dh.bits)),
        (None, None) => "none or not seen".to_owned(),
    })
}

pub fn versions(scan: &Scan, _: &str) -> Vec<Value> {
    breakdown(scan, |_, _, tls| {
        Vec::from_iter(tls.version.iter().map(|it| it.to_string()))
    })
}

pub fn ciphers(scan: &Scan, _: &str) -> Vec<Value> {
    breakdown(scan, |_, _, tls| Vec::from_iter(cipher(tls)))
}

pub fn groups(scan: &Scan, _: &str) -> Vec<Value> {
    breakdown(scan, |_, _, tls| Vec::from_iter(group(tls)))
}

pub fn verdicts(scan: &Scan, _: &str) -> Vec<Value> {
    let first = |tls: &Tls| tls.verdicts.first().map(|it| it.reason.to_string());
    breakdown(scan, |_, _, tls| Vec::from_iter(first(tls)))
}

pub fn weaknesses(scan: &Scan, _: &str) -> Vec<Value> {
    breakdown(scan, |scan, ip, _| scan.weaknesses(ip))
}

pub fn levels(scan: &Scan, _: &str) -> Vec<Value> {
    breakdown(scan, |scan, ip, _| scan.levels(ip))
}

/// Values of the servers with TLS, of the domains that such a server stands for, and of the users at those.
fn breakdown(scan: &Scan, values: impl Fn(&Scan, Server, &Tls) -> Vec<String>) -> Vec<Value> {
    /// The values of a server or domain, and what it counts for.
    type Counted = Vec<(Vec<String>, u64)>;
    let mut columns: Vec<(String, Counted)> = Vec::new();
    let servers = scan
        .servers()
        .into_iter()
        .filter(|ip| scan.fact(*ip, None, "", "tls") == Some(true));
    let servers = servers.map(|ip| (values(scan, ip, scan.tls_at(ip, None).unwrap()), 1));
    columns.push(("servers".to_owned(), servers.collect()));
    for (weight, domains) in scan.weights() {
        let counted = domains
            .into_iter()
            .filter(|(name, _)| scan.domains.contains_key(*name));
        let counted = counted.filter_map(|(name, count)| {
            let (ip, tls) = scan.stands_with_tls(name)?;
            Some((values(scan, ip, tls), count))
        });
        columns.push((weight.replace("users: ", "users_"), counted.collect()));
    }
    let words: BTreeSet<&String> = columns
        .iter()
        .flat_map(|(_, it)| it)
        .flat_map(|(words, _)| words)
        .collect();
    let rows = words.into_iter().map(|value| {
        let mut cells = row(json!({"value": value}));
        for (column, counted) in &columns {
            let with = counted.iter().filter(|(words, _)| words.contains(value));
            let with: u64 = with.map(|(_, count)| count).sum();
            let all = counted.iter().map(|(_, count)| count).sum();
            cells.insert(column.clone(), with.into());
            cells.insert(format!("{column}_percent"), share(with, all));
        }
        cells.into()
    });
    rows.collect()
}

/// A row for each value, with the servers that have it and the domains behind them.
fn uses(scan: &Scan, key: &str, servers: &[(Server, Vec<String>)]) -> Vec<Value> {
    let values: BTreeSet<&String> = servers.iter().flat_map(|(_, values)| values).collect();
    let behind = |servers: &[&(Server, Vec<String>)]| {
        servers.iter().map(|(ip, _)| scan.behind(*ip)).sum::<u64>()
    };
    let all: Vec<_> = servers.iter().collect();
    let rows = values.into_iter().map(|value| {
        let with: Vec<_> = servers.iter().filter(|(_, values)| values.contains(value)).collect();
        json!({key: value, "servers": with.len(), "servers_percent": share(with.len() as u64, servers.len() as u64),
            "uses": behind(&with), "uses_percent": share(behind(&with), behind(&all))})
    });
    rows.collect()
}

pub fn capabilities(scan: &Scan, _: &str) -> Vec<Value> {
    let servers = scan.smtp.iter().filter_map(|(ip, smtp)| {
        let keywords = &smtp.capabilities.as_ref()?.keywords;
        Some((*ip, keywords.iter().map(|it| it.keyword.clone()).collect()))
    });
    uses(scan, "keyword", &servers.collect::<Vec<_>>())
}

pub fn software(scan: &Scan, _: &str) -> Vec<Value> {
    let servers = scan.smtp.iter().filter(|(ip, _)| scan.answers(**ip));
    let told = servers.map(|(ip, smtp)| {
        (
            *ip,
            vec![smtp.software.clone().unwrap_or("not told".to_owned())],
        )
    });
    uses(scan, "software", &told.collect::<Vec<_>>())
}

pub fn silent(scan: &Scan, _: &str) -> Vec<Value> {
    let mut silent: BTreeMap<(String, String, String), Vec<Server>> = BTreeMap::new();
    for (ip, smtp) in scan.smtp.iter().filter(|(ip, _)| !scan.answers(**ip)) {
        let (phase, reason) = (smtp.outcome.phase, smtp.outcome.reason);
        let operator = scan.operators(*ip).first().copied().unwrap_or_default();
        let group = (operator.to_owned(), phase.to_string(), reason.to_string());
        silent.entry(group).or_default().push(*ip);
    }
    let rows = silent.into_iter().map(|((operator, phase, reason), servers)| {
        let uses: u64 = servers.iter().map(|ip| scan.behind(*ip)).sum();
        json!({"operator": operator, "phase": phase, "reason": reason, "servers": servers.len(), "uses": uses})
    });
    rows.collect()
}

pub fn runs(scan: &Scan, _: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let starts = scan.runs.iter().filter(|run| run.event == Event::Start);
    for start in starts {
        let ends = |it: &&Run| it.id == start.id && it.event != start.event;
        let end = scan.runs.iter().find(ends);
        rows.push(json!({"run": start.id, "stage": start.stage, "version": start.version, "started": start.time,
            "ended": end.map_or("cut", |end| &end.time),
            "interrupted": end.map(|end| if end.interrupted == Some(true) { "yes" } else { "no" }),
            "connections": end.and_then(|end| end.counts.get("connections")),
            "connections_saved": end.and_then(|end| end.counts.get("connections_saved"))}));
    }
    rows
}
