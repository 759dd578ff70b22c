//! Who should fix what: the fewest operators whose change moves most of the unprotected.
//!
//! A domain hangs on the operator of the exchange that stands for it, and on one cause, so the operators' parts are
//! disjoint: taking the largest first is the smallest cover.

use std::collections::HashMap;

use super::Asked;
use super::hosts::Hosts;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::{Survey, Verdict, at};
use crate::report::table::{Cell, Table};
use crate::store::{Fact, Truth};

pub(super) fn fixes(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "fixes",
        "Who should fix what",
        format!(
            "Domains without TLS, or with a certificate that is not valid, by the operator they hang on and by cause, \
             under the rule {}. The largest first: after each row so much of all that is unprotected is mended. \
             Unknown is no cause.",
            asked.rule.word()
        ),
    )
    .columns([
        ("weight", "Weight"),
        ("place", "Place"),
        ("operator", "Operator"),
        ("role", "Role"),
        ("cause", "Cause"),
        ("hit", "Hit"),
        ("of", "Of"),
        ("together", "Together"),
        ("goal", "Goal"),
        ("domains", "Domains"),
        ("such_as", "Such as"),
    ]);
    let unprotected = Unprotected::read(survey, asked)?;
    let mut weights: Vec<(String, Option<HashMap<u32, u64>>)> = Vec::new();
    for list in survey.counted()? {
        let users = list
            .entries
            .iter()
            .map(|entry| (entry.domain, entry.users))
            .collect();
        weights.push((format!("users: {}", list.source), Some(users)));
    }
    weights.push(("domains".to_owned(), None));
    let mut bars = Vec::new();
    for (weight, users) in &weights {
        let mut groups: HashMap<(usize, &str), Hit> = HashMap::new();
        let mut all = 0;
        for &(domain, operator, ref cause) in &unprotected.domains {
            let weight = users
                .as_ref()
                .map_or(1, |users| users.get(&domain).copied().unwrap_or(0));
            let hit = groups.entry((operator, cause.as_str())).or_default();
            all += weight;
            hit.weight += weight;
            hit.domains += 1;
            hit.largest = hit.largest.max(Some((weight, std::cmp::Reverse(domain))));
        }
        let mut groups: Vec<((usize, &str), Hit)> = groups
            .into_iter()
            .filter(|(_, hit)| hit.weight > 0)
            .collect();
        groups.sort_by(|a, b| (b.1.weight, b.1.domains, a.0).cmp(&(a.1.weight, a.1.domains, b.0)));
        let mut together = 0;
        let mut goals = [50.0, 80.0, 95.0].into_iter().peekable();
        for (place, ((operator, cause), hit)) in groups.iter().enumerate() {
            together += hit.weight;
            let percent = 100.0 * together as f64 / all as f64;
            let mut reached = Vec::new();
            while let Some(goal) = goals.next_if(|&goal| percent >= goal) {
                reached.push(format!("{goal} %"));
            }
            // The rows that reach a goal are shown however far down they are.
            if place >= asked.limit && reached.is_empty() {
                continue;
            }
            let provider = unprotected.hosts.provider(*operator);
            let largest = hit
                .largest
                .map(|(_, std::cmp::Reverse(domain))| domain)
                .unwrap_or(0);
            let such_as = survey.name(largest)?;
            if place < 10 {
                bars.push(Bar {
                    group: weight.clone(),
                    label: format!("{}: {cause}", provider.id),
                    value: 100.0 * hit.weight as f64 / all as f64,
                    count: hit.weight,
                    before: None,
                    truth: Some(Truth::No),
                });
            }
            table.row([
                Cell::from(weight.as_str()),
                (place as u64 + 1).into(),
                provider.id.as_str().into(),
                provider.role.as_str().into(),
                (*cause).into(),
                hit.weight.into(),
                all.into(),
                Cell::Percent(percent),
                Cell::text((!reached.is_empty()).then(|| reached.join(", "))),
                hit.domains.into(),
                such_as.into(),
            ]);
        }
    }
    table.chart = Some(Chart::Bars {
        unit: "% of the unprotected",
        bars,
    });
    Ok(table)
}

#[derive(Default)]
struct Hit {
    weight: u64,
    domains: u64,
    largest: Option<(u64, std::cmp::Reverse<u32>)>,
}

/// Domains that are known not to be protected, each with its operator and cause.
struct Unprotected {
    domains: Vec<(u32, usize, String)>,
    hosts: Hosts,
}

impl Unprotected {
    fn read(survey: &Survey, asked: &Asked) -> rusqlite::Result<Self> {
        let hosts = Hosts::read(survey, asked)?;
        let verdicts = survey.verdicts()?;
        let mut domains = Vec::new();
        let mut statement = survey.connection.prepare(
            "SELECT j.domain, j.exchange, v.reason FROM judged_domain j \
             LEFT JOIN verdict v ON v.tls = j.tls AND v.position = 0 WHERE j.exchange IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let domain: u32 = row.get(0)?;
            let verdict = at(verdicts, domain);
            let reason = row.get_ref(2)?.as_str_or_null().ok().flatten();
            if let Some(cause) = cause(&verdict, asked, reason) {
                domains.push((domain, hosts.operator(row.get(1)?), cause));
            }
        }
        Ok(Self { domains, hosts })
    }
}

/// Why a domain is not protected; none: it is, or that is not known.
fn cause(verdict: &Verdict, asked: &Asked, reason: Option<&str>) -> Option<String> {
    let truth = |fact| verdict.truth(fact, asked.rule);
    Some(match (truth(Fact::Tls), truth(Fact::Valid)) {
        (Truth::No, _) if truth(Fact::Accepted) == Truth::Yes => "handshake fails".to_owned(),
        (Truth::No, _) => "no STARTTLS".to_owned(),
        (Truth::Mixed, _) => "TLS on some servers only".to_owned(),
        (Truth::Yes, Truth::No) => match reason {
            Some(reason) if reason != "valid" => {
                format!("certificate: {}", reason.replace('_', " "))
            }
            _ => "certificate not valid".to_owned(),
        },
        (Truth::Yes, Truth::Mixed) => "certificate valid on some servers only".to_owned(),
        _ => return None,
    })
}
