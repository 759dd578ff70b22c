//! Tables of what the Received fields of messages tell.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::record::{Hop, HopEnd};
use serde_json::{Value, json};

use super::{row, tallied};
use crate::report::naive::{Scan, Server};

/// Hops between organisations, by sender and receiver.
fn across(scan: &Scan) -> BTreeMap<(&str, &str), Vec<&Hop>> {
    let mut pairs: BTreeMap<(&str, &str), Vec<&Hop>> = BTreeMap::new();
    for hop in scan
        .hops
        .iter()
        .filter(|hop| hop.inter_organisation == Some(true))
    {
        if let (Some(from), Some(by)) = (organisation(&hop.from), organisation(&hop.by)) {
            pairs.entry((from, by)).or_default().push(hop);
        }
    }
    pairs
}

fn organisation(end: &Option<HopEnd>) -> Option<&str> {
    end.as_ref()?.registered_domain.as_deref()
}

/// What the strongest evidence says: the version, else `TLS`, else the protocol. Of what is as strong the most frequent.
fn strongest(hops: &[&Hop]) -> String {
    const EVIDENCE: [&str; 5] = [
        "details",
        "token",
        "idiom",
        "unregistered_token",
        "writer_marks_tls",
    ];
    let same = |a: &Hop, b: &Hop| {
        (a.encrypted, &a.evidence, &a.version, &a.protocol)
            == (b.encrypted, &b.evidence, &b.version, &b.protocol)
    };
    let best = hops.iter().min_by_key(|hop| {
        let evidence = EVIDENCE.iter().position(|it| *it == hop.evidence.word());
        let count = hops.iter().filter(|it| same(it, hop)).count();
        (
            evidence.unwrap_or(EVIDENCE.len()),
            std::cmp::Reverse((hop.version.clone(), count)),
            // As strong and as frequent: the first of the alphabet, unknown before no before yes.
            (
                hop.encrypted,
                hop.evidence.word(),
                hop.protocol.as_ref().map(|it| it.word()),
            ),
        )
    });
    let best = best.unwrap();
    match (&best.version, best.evidence.word(), &best.protocol) {
        (Some(version), ..) => version.to_string(),
        (None, "details" | "idiom", _) => "TLS".to_owned(),
        (None, _, Some(protocol)) => protocol.to_string(),
        (None, _, None) => "?".to_owned(),
    }
}

/// Encrypted, in clear, and not told.
fn told(hops: &[&Hop]) -> [u64; 3] {
    [Some(true), Some(false), None]
        .map(|it| hops.iter().filter(|hop| hop.encrypted == it).count() as u64)
}

pub fn matrix(scan: &Scan, _: &str) -> Vec<Value> {
    let pairs = across(scan);
    let senders: BTreeSet<&str> = pairs.keys().map(|(from, _)| *from).collect();
    let receivers: BTreeSet<&str> = pairs.keys().map(|(_, by)| *by).collect();
    let rows = senders.into_iter().map(|from| {
        let mut cells = row(json!({"from": from}));
        for by in &receivers {
            let cell = pairs.get(&(from, *by)).map(|hops| {
                let verdict = match told(hops) {
                    [0, 0, _] => "unknown",
                    [_, 0, _] => "yes",
                    [0, ..] => "no",
                    _ => "mixed",
                };
                format!("{} {verdict} {}", strongest(hops), hops.len())
            });
            cells.insert((*by).to_owned(), cell.into());
        }
        cells.into()
    });
    rows.collect()
}

pub fn matrix_pairs(scan: &Scan, _: &str) -> Vec<Value> {
    let rows = across(scan).into_iter().map(|((from, by), hops)| {
        let [yes, no, unknown] = told(&hops);
        let cells =
            json!({"from": from, "by": by, "strongest": strongest(&hops), "hops": hops.len()});
        tallied(cells, [yes, no, 0, unknown])
    });
    rows.collect()
}

pub fn clear_though_offered(scan: &Scan, _: &str) -> Vec<Value> {
    let mut clear: BTreeMap<(Option<&str>, &str), Vec<&Hop>> = BTreeMap::new();
    let hops = scan
        .hops
        .iter()
        .filter(|hop| hop.inter_organisation == Some(true));
    for hop in hops.filter(|hop| hop.encrypted == Some(false)) {
        if let Some(by) = organisation(&hop.by) {
            clear
                .entry((organisation(&hop.from), by))
                .or_default()
                .push(hop);
        }
    }
    let rows = clear.into_iter().filter_map(|((from, by), hops)| {
        let exchanges = scan.domains.values().flat_map(|domain| &domain.mx);
        let exchanges = exchanges.filter(|exchange| exchange.registered_domain.as_deref() == Some(by));
        let servers: BTreeSet<Server> = (exchanges.flat_map(|exchange| &exchange.addresses))
            .map(|address| address.ip)
            .filter(|ip| scan.answers(*ip))
            .collect();
        let accepts = |ip: &&Server| {
            let tls = scan.tls_at(**ip, None).and_then(|tls| tls.accepted);
            scan.fact(**ip, None, "", "accepted") == Some(true) || tls == Some(true)
        };
        let accepted = servers.iter().filter(accepts).count();
        let version = servers.iter().filter_map(|ip| Some(scan.tls_at(*ip, None)?.version.as_ref()?.word())).max();
        let last = hops.iter().filter_map(|hop| hop.time.as_deref()).max();
        (accepted > 0).then(|| {
            json!({"from": from, "by": by, "hops": hops.len(), "last": last, "servers": servers.len(),
                "accepted": accepted, "version": version})
        })
    });
    rows.collect()
}
