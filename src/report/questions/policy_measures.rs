//! Whether domains have a policy, as yes, no or unknown: by rank, and by provider of mail.

use std::collections::{BTreeMap, HashMap};

use super::sampler::Sampler;
use super::shared_policies::best_exchanges;
use crate::judge::Truth;
use crate::report::asked::ReportSettings;
use crate::report::measure::marks;
use crate::report::survey::Survey;
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::query::{self, PublishedPolicies};

/// What is told of a policy as yes, no or unknown: by rank, and by provider.
struct Measure {
    key: &'static str,
    label: &'static str,
    /// None: it was not asked for.
    truth: fn(&PublishedPolicies) -> Option<Truth>,
}

const MEASURES: [Measure; 7] = [
    Measure {
        key: "spf",
        label: "SPF that holds",
        truth: |it| known(&it.spf, |state| state == "ok"),
    },
    Measure {
        key: "spf_fail",
        label: "SPF: others fail",
        truth: |it| {
            let truth = known(&it.spf, |state| state == "ok")?;
            Some(match (truth, it.spf_all.as_deref()) {
                (Truth::Yes, Some("fail" | "softfail")) => Truth::Yes,
                (Truth::Unknown, _) => Truth::Unknown,
                _ => Truth::No,
            })
        },
    },
    Measure {
        key: "dmarc",
        label: "DMARC",
        truth: |it| policy(it, |policy| policy != "off"),
    },
    Measure {
        key: "dmarc_enforced",
        label: "DMARC: quarantine or reject",
        truth: |it| policy(it, |policy| matches!(policy, "quarantine" | "reject")),
    },
    Measure {
        key: "dkim",
        label: "DKIM keys",
        truth: |it| known(&it.dkim, |state| state == "ok"),
    },
    Measure {
        key: "mta_sts",
        label: "MTA-STS record",
        truth: |it| known(&it.mta_sts, |state| state == "ok"),
    },
    Measure {
        key: "tls_rpt",
        label: "TLS-RPT",
        truth: |it| known(&it.tls_rpt, |state| state == "ok"),
    },
];

fn known(state: &Option<String>, is_yes: impl Fn(&str) -> bool) -> Option<Truth> {
    Some(match state.as_deref()? {
        "unknown" => Truth::Unknown,
        state if is_yes(state) => Truth::Yes,
        _ => Truth::No,
    })
}

fn policy(it: &PublishedPolicies, is_yes: impl Fn(&str) -> bool) -> Option<Truth> {
    it.dmarc.as_ref()?;
    Some(match it.dmarc_9989.as_deref() {
        None => Truth::Unknown,
        Some(policy) if is_yes(policy) => Truth::Yes,
        Some(_) => Truth::No,
    })
}

/// The measures of each domain, by row of `name`; none: its policies were not looked up.
fn measured(survey: &Survey) -> rusqlite::Result<HashMap<u32, [Option<Truth>; MEASURES.len()]>> {
    let mut measured = HashMap::new();
    query::published(&survey.connection, None, |domain, it| {
        measured.insert(domain, MEASURES.each_ref().map(|one| (one.truth)(&it)));
    })?;
    Ok(measured)
}

pub(super) fn policies_by_rank(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "policies-by-rank",
        "Policies by rank",
        "Of the first N domains of the list those whose policies were looked up.",
    )
    .columns([
        ("list", "List"),
        ("rank", "First N"),
        ("measure", "Measure"),
    ])
    .columns(TALLY);
    let measured = measured(survey)?;
    for list in survey.lists()? {
        let ranked = || list.entries.iter().filter(|entry| entry.rank > 0);
        let Some(last) = ranked().map(|entry| u64::from(entry.rank)).max() else {
            continue;
        };
        let wanted = marks(last);
        for (place, measure) in MEASURES.iter().enumerate() {
            let mut sampler = Sampler::new(&wanted);
            let mut tally = Tally::default();
            for entry in ranked() {
                let truth = measured.get(&entry.domain).and_then(|all| all[place]);
                if let Some(truth) = truth {
                    tally.add(truth, 1);
                }
                sampler.push(entry.rank.into(), tally);
            }
            for (&mark, tally) in wanted.iter().zip(&sampler.end().at_marks) {
                if tally.decided() + tally.unknown > 0 {
                    let mut row = vec![
                        Cell::from(list.source.as_str()),
                        mark.into(),
                        measure.label.into(),
                    ];
                    row.extend(tally.cells());
                    table.row(row);
                }
            }
        }
    }
    Ok(table)
}

pub(super) fn policies_by_provider(
    survey: &Survey,
    asked: &ReportSettings,
) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "policies-by-provider",
        "Policies by provider of mail",
        "Of the domains with exchanges whose policies were looked up, by who runs the best exchange (one of equally preferred ones): the share of yes among those that were learned, and how many were not.",
    )
    .columns([("provider", "Provider"), ("role", "Role"), ("domains", "Domains")]);
    for measure in &MEASURES {
        table.column(format!("{}_percent", measure.key), measure.label);
        table.column(format!("{}_unknown", measure.key), "Unknown");
    }
    let operators = survey.operators(&asked.providers)?;
    let names = survey.names()?;
    let measured = measured(survey)?;
    let mut by_operator: BTreeMap<usize, (u64, [Tally; MEASURES.len()])> = BTreeMap::new();
    for (domain, exchange) in best_exchanges(survey)? {
        let Some(truths) = measured.get(&domain) else {
            continue;
        };
        let operator = operators.for_domain(exchange, names.get(domain as usize));
        let (domains, tallies) = by_operator.entry(operator).or_default();
        *domains += 1;
        for (tally, truth) in tallies.iter_mut().zip(truths) {
            if let Some(truth) = truth {
                tally.add(*truth, 1);
            }
        }
    }
    let mut rows: Vec<_> = (by_operator.into_iter())
        .map(|(operator, counted)| (operators.told(operator), counted))
        .collect();
    rows.sort_by(|(one, (a, _)), (other, (b, _))| b.cmp(a).then_with(|| one.cmp(other)));
    for ((provider, role), (domains, tallies)) in rows.into_iter().take(asked.limit) {
        let mut row = vec![provider.into(), role.into(), Cell::from(domains)];
        for tally in &tallies {
            row.push(tally.percent().map_or(Cell::Null, Cell::Percent));
            row.push(tally.unknown.into());
        }
        table.row(row);
    }
    Ok(table)
}
