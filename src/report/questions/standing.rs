//! What became of every domain, and how many users are there: the bases of all percentages, and what is outside.

use crate::report::asked::ReportSettings;
use crate::report::survey::{DomainState, Survey, verdict_of};
use crate::report::table::{Cell, Table};

pub(super) fn standing(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "standing",
        "What became of the domains",
        "Those that were deferred, not reached, not asked or not resolved are the unknown of every percentage; those \
         that take no mail are outside. Users of a counted list at domains that were not looked up are in no percentage.",
    )
    .columns([
        ("status", "Status"),
        ("meaning", "Meaning"),
        ("domains", "Domains"),
        ("percent", "Percent"),
        ("not_best", "Not by the best preference"),
    ]);
    let verdicts = survey.verdicts()?;
    let lists: Vec<_> = survey.counted()?.collect();
    for list in &lists {
        table.column(
            format!("users_{}", list.source),
            format!("Users: {}", list.source),
        );
        table.column(format!("users_{}_percent", list.source), "Percent");
    }
    let looked_up = verdicts
        .iter()
        .filter(|verdict| verdict.status != DomainState::NotLookedUp)
        .count();
    for status in DomainState::ALL
        .into_iter()
        .chain([DomainState::NotLookedUp])
    {
        let with = verdicts.iter().filter(|verdict| verdict.status == status);
        let (mut domains, mut not_best) = (0u64, 0u64);
        for verdict in with {
            domains += 1;
            not_best += u64::from(verdict.not_best);
        }
        let mut row = vec![Cell::from(status.word()), status.meaning().into()];
        if status == DomainState::NotLookedUp {
            // Names of exchanges are no domains of the survey: only the lists know these.
            row.extend([Cell::Null, Cell::Null, Cell::Null]);
        } else {
            row.extend([
                domains.into(),
                Cell::share(domains as f64, looked_up as f64),
                not_best.into(),
            ]);
        }
        for list in &lists {
            let here = |entry: &&crate::report::survey::ListEntry| {
                verdict_of(verdicts, entry.domain).status == status
            };
            let listed: u64 = list
                .entries
                .iter()
                .filter(here)
                .map(|entry| entry.users)
                .sum();
            row.push(listed.into());
            row.push(Cell::share(listed as f64, list.of.unwrap_or(0) as f64));
        }
        table.row(row);
    }
    Ok(table)
}
