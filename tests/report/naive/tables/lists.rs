//! Tables along the lists: ranks and users.

use std::collections::BTreeSet;

use mx_survey::record::Listed;
use serde_json::{Value, json};

use super::speak::cipher;
use super::{OVERVIEW, share, tallied};
use crate::report::naive::{Scan, Tally};

/// The entries of a list with most users first.
fn largest(list: &[Listed]) -> Vec<&Listed> {
    let mut entries: Vec<&Listed> = list.iter().collect();
    entries.sort_by_key(|entry| {
        let users = std::cmp::Reverse(entry.users);
        (users, entry.rank.unwrap_or(0), entry.domain.clone())
    });
    entries
}

pub fn top_providers(scan: &Scan, rule: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for (source, of, list) in scan.counted() {
        for (at, entry) in largest(list).into_iter().enumerate() {
            let name = &entry.domain;
            let fact = |fact| {
                scan.takes_mail(name)
                    .then(|| scan.domain_fact(name, fact, rule))
            };
            rows.push(json!({"list": source, "place": at + 1, "domain": name, "users": entry.users, "of": of,
                "percent": share(entry.users.unwrap(), of), "status": scan.status(name), "esmtp": fact("esmtp"),
                "accepted": fact("accepted"), "tls": fact("tls"), "valid": fact("valid")}));
        }
    }
    rows
}

/// 1, 2, 5, 10, … below the end, and the end.
fn marks(end: u64) -> Vec<u64> {
    let mut marks = vec![1, 2, 5, 10, 20];
    marks.retain(|mark| *mark < end);
    marks.push(end);
    marks
}

/// Lists with ranks, and the ranks in them.
fn ranked(scan: &Scan) -> Vec<(&str, &[Listed], BTreeSet<u64>)> {
    let lists = scan.lists.iter().map(|(source, list)| {
        (
            source.as_str(),
            &list[..],
            list.iter().filter_map(|entry| entry.rank).collect(),
        )
    });
    lists
        .filter(|(.., ranks): &(_, _, BTreeSet<u64>)| !ranks.is_empty())
        .collect()
}

fn by_rank(scan: &Scan, rule: &str, ranks: impl Fn(&BTreeSet<u64>) -> Vec<u64>) -> Vec<Value> {
    let mut rows = Vec::new();
    for (source, list, known) in ranked(scan) {
        for rank in ranks(&known) {
            let first = list
                .iter()
                .filter(|entry| entry.rank.is_some_and(|it| it <= rank));
            let first: Vec<(&str, u64)> = first.map(|entry| (entry.domain.as_str(), 1)).collect();
            for (label, measure) in &OVERVIEW[1..] {
                let tally = scan.tally(*measure, rule, first.iter().copied());
                rows.push(tallied(
                    json!({"list": source, "rank": rank, "measure": label}),
                    tally,
                ));
            }
        }
    }
    rows
}

pub fn tls_by_rank(scan: &Scan, rule: &str) -> Vec<Value> {
    by_rank(scan, rule, |ranks| marks(*ranks.last().unwrap()))
}

pub fn tls_by_every_rank(scan: &Scan, rule: &str) -> Vec<Value> {
    by_rank(scan, rule, |ranks| ranks.iter().copied().collect())
}

pub fn tls_by_users(scan: &Scan, rule: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for (source, of, list) in scan.counted() {
        let largest: Vec<(&str, u64)> = largest(list)
            .iter()
            .map(|it| (it.domain.as_str(), it.users.unwrap()))
            .collect();
        let mut marks = marks(list.len() as u64);
        marks.retain(|mark| *mark >= 5 || *mark == list.len() as u64);
        for mark in marks {
            let first = &largest[..mark as usize];
            let covered = share(first.iter().map(|(_, users)| users).sum(), of);
            for (label, measure) in &OVERVIEW[1..] {
                let tally = scan.tally(*measure, rule, first.iter().copied());
                let cells =
                    json!({"list": source, "domains": mark, "covered": covered, "measure": label});
                rows.push(tallied(cells, tally));
            }
        }
    }
    if scan.counted().count() < 2 {
        return rows;
    }
    for (label, measure) in &OVERVIEW[1..] {
        let whole = scan
            .counted()
            .map(|(source, ..)| (source, scan.tally(*measure, rule, scan.users(source))));
        let mut whole: Vec<(&str, Tally)> = whole
            .filter(|(_, [yes, no, mixed, _])| yes + no + mixed > 0)
            .collect();
        let percent = |[yes, no, mixed, _]: Tally| yes as f64 / (yes + no + mixed) as f64;
        whole.sort_by(|a, b| percent(a.1).total_cmp(&percent(b.1)));
        for (which, end) in [("lowest", whole.first()), ("highest", whole.last())] {
            if let Some((source, tally)) = end {
                let list = format!("{which}: {source}");
                rows.push(tallied(
                    json!({"list": list, "domains": null, "covered": null, "measure": label}),
                    *tally,
                ));
            }
        }
    }
    rows
}

pub fn ciphers_by_rank(scan: &Scan, _: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for (source, list, ranks) in ranked(scan) {
        let mut with_tls: Vec<(u64, Option<String>)> = Vec::new();
        for entry in list
            .iter()
            .filter(|entry| scan.domains.contains_key(&entry.domain))
        {
            if let (Some(rank), Some((_, tls))) = (entry.rank, scan.stands_with_tls(&entry.domain))
            {
                with_tls.push((rank, cipher(tls)));
            }
        }
        let suites: BTreeSet<&String> = with_tls
            .iter()
            .filter_map(|(_, suite)| suite.as_ref())
            .collect();
        for suite in suites {
            for mark in marks(*ranks.last().unwrap()) {
                let first = with_tls.iter().filter(|(rank, _)| *rank <= mark);
                let with = first
                    .clone()
                    .filter(|(_, it)| it.as_ref() == Some(suite))
                    .count() as u64;
                let of = first.count() as u64;
                rows.push(json!({"list": source, "rank": mark, "cipher": suite, "percent": share(with, of),
                    "domains": with, "of": of}));
            }
        }
    }
    rows
}
