//! What became of every domain, and how many users are there: the bases of all percentages, and what is outside.

use crate::report::asked::ReportSettings;
use crate::report::survey::{DomainState, Survey, SurveyList, SurveyVerdict, verdict_of};
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
        table.columns_of_users(&list.source);
    }
    let looked_up = verdicts
        .iter()
        .filter(|verdict| verdict.status != DomainState::NotLookedUp)
        .count();
    for status in DomainState::ALL
        .into_iter()
        .chain([DomainState::NotLookedUp])
    {
        let mut row = vec![Cell::from(status.word()), status.meaning().into()];
        row.extend(domains(status, verdicts, looked_up));
        for list in &lists {
            row.extend(users(status, verdicts, list));
        }
        table.row(row);
    }
    Ok(table)
}

/// Domains of a status, their percentage, and those among them that mail does not reach by the best preference.
fn domains(status: DomainState, verdicts: &[SurveyVerdict], looked_up: usize) -> [Cell; 3] {
    if status == DomainState::NotLookedUp {
        // Names of exchanges are no domains of the survey: only the lists know these.
        return [Cell::Null, Cell::Null, Cell::Null];
    }
    let (mut domains, mut not_best) = (0u64, 0u64);
    for verdict in verdicts.iter().filter(|verdict| verdict.status == status) {
        domains += 1;
        not_best += u64::from(verdict.not_best);
    }
    let percent = Cell::share(domains as f64, looked_up as f64);
    [domains.into(), percent, not_best.into()]
}

/// Users of a list at the domains of a status, and their percentage of all in the list.
fn users(status: DomainState, verdicts: &[SurveyVerdict], list: &SurveyList) -> [Cell; 2] {
    let users: u64 = (list.entries.iter())
        .filter(|entry| verdict_of(verdicts, entry.domain).status == status)
        .map(|entry| entry.users)
        .sum();
    let percent = Cell::share(users as f64, list.of.unwrap_or(0) as f64);
    [users.into(), percent]
}
