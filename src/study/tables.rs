//! Tables 1 to 3 of the study, row by row, and what today's rows would be.

use serde_json::Value;

use super::count::{Counted, StudyCount, StudySurvey};
use super::numbers::whole;
use super::printed::{STUDY_2014, hosting};
use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::{Survey, verdict_of};
use crate::report::table::{Cell, Table};

pub fn table_1(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "study-table-1",
        "Table 1: Adobe",
        "The study's rows: domains alone, those of its operators' other domains left out (hotmail.fr, msn.com, \
         hotmail.co.uk, live.com, yahoo.co.jp, yahoo.com.tw are larger than some that stand there). Beside each the \
         operator's total, and its place by domain alone. Percent of all users in the list.",
    );
    users(survey, asked, table, "adobe", "table1_adobe", false)
}

pub fn table_2(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "study-table-2",
        "Table 2: Gawker",
        "The study's rows: its first three are operators' totals (gmail with googlemail, the yahoo family with AT&T, \
         hotmail with msn and live), though table 1 has domains alone; naver.com, an eleventh row copied from table 1, is \
         left out. Both columns are given. Percent of all users in the list.",
    );
    users(survey, asked, table, "gawker", "table2_gawker", true)
}

fn users(
    survey: &Survey,
    asked: &ReportSettings,
    table: Table,
    list: &str,
    key: &str,
    operator: bool,
) -> rusqlite::Result<Table> {
    let mut table = table.columns([
        ("domain", "Domain"),
        ("printed", "Printed"),
        ("place", "Place alone"),
        ("users", "Users alone"),
        ("percent", "Percent"),
        ("operator_users", "Users of the operator"),
        ("operator_percent", "Percent"),
        ("of", "Of"),
        ("printed_esmtp", "ESMTP printed"),
        ("esmtp", "ESMTP"),
        ("printed_tls", "TLS printed"),
        ("accepted", "TLS"),
    ]);
    let census = StudySurvey::new(survey, asked)?;
    let alone = census.largest(list, false);
    let mut bars = Vec::new();
    let printed = STUDY_2014.get(key).and_then(Value::as_array);
    for row in printed.into_iter().flatten() {
        let Some(domain) = row.get("domain").and_then(Value::as_str) else {
            continue;
        };
        let id = census.domain(domain)?;
        let place = alone.iter().position(|&(row, _)| Some(row) == id);
        let counted = UsersRow::count(&census, list, domain, row)?;
        bars.push(counted.bar(list, operator));
        table.row(counted.cells(place));
    }
    table.chart = Some(Chart::Bars {
        unit: "% of users",
        bars,
    });
    Ok(table)
}

/// A row of the study's tables of users, and what a survey has of it.
struct UsersRow<'a> {
    domain: &'a str,
    /// As it was printed.
    printed: &'a Value,
    alone: Counted,
    operator: Counted,
    esmtp: Truth,
    accepted: Truth,
}

impl<'a> UsersRow<'a> {
    fn count(
        census: &StudySurvey<'_>,
        list: &str,
        domain: &'a str,
        printed: &'a Value,
    ) -> rusqlite::Result<Self> {
        let users = |operator| {
            census.count(&StudyCount::At {
                list: list.to_owned(),
                domain: domain.to_owned(),
                operator,
            })
        };
        Ok(Self {
            domain,
            printed,
            alone: users(false)?,
            operator: users(true)?,
            esmtp: census.truth(domain, Fact::Esmtp)?,
            accepted: census.truth(domain, Fact::Accepted)?,
        })
    }

    /// The percentage of users that was printed.
    fn percent(&self) -> Option<f64> {
        self.printed.get("percent_users").and_then(Value::as_f64)
    }

    /// The domain's users, or its operator's.
    fn bar(&self, list: &str, operator: bool) -> Bar {
        let shown = if operator {
            &self.operator
        } else {
            &self.alone
        };
        Bar {
            group: list.to_owned(),
            label: self.domain.to_owned(),
            value: shown.value().unwrap_or(0.0),
            count: shown.yes as u64,
            before: self.percent(),
            truth: Some(self.accepted),
        }
    }

    /// The row; `place` counts from 0.
    fn cells(&self, place: Option<usize>) -> [Cell; 12] {
        let (alone, operator) = (&self.alone, &self.operator);
        let percent = |percent: Option<f64>| percent.map_or(Cell::Null, Cell::Percent);
        let yes_or_no = |key| {
            let said = self.printed.get(key).and_then(Value::as_bool);
            Cell::text(said.map(|said| Truth::from(Some(said)).word()))
        };
        [
            Cell::from(self.domain),
            percent(self.percent()),
            place.map(|place| place as u64 + 1).into(),
            whole(alone.yes),
            percent(alone.value()),
            whole(operator.yes),
            percent(operator.value()),
            alone.of.map_or(Cell::Null, whole),
            yes_or_no("esmtp"),
            self.esmtp.word().into(),
            yes_or_no("tls"),
            self.accepted.word().into(),
        ]
    }
}

pub fn table_3(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "study-table-3",
        "Table 3: who hosts the mail",
        "Domains by the provider of their exchanges, of those that answered; the last row is what the study calls the \
         majority. The study took any exchange whose name contains the provider's; here a domain is split among its most \
         preferred exchanges, by labels of their names.",
    )
    .columns([
        ("provider", "Provider"),
        ("printed", "Printed"),
        ("domains", "Domains"),
        ("of", "Of"),
        ("percent", "Percent"),
    ]);
    let census = StudySurvey::new(survey, asked)?;
    let providers = ["google", "microsoft", "godaddy", "mxlogic", "rackspace"].map(String::from);
    let mut bars = Vec::new();
    for names in providers
        .iter()
        .map(std::slice::from_ref)
        .chain([&providers[..]])
    {
        let all = names.len() > 1;
        let counted = census.count(&StudyCount::Hosts {
            names: names.to_vec(),
        })?;
        let label = if all { "all five" } else { &names[0] };
        let before = if all { None } else { hosting(&names[0]) };
        bars.push(Bar {
            group: String::new(),
            label: label.to_owned(),
            value: counted.value().unwrap_or(0.0),
            count: counted.yes.round() as u64,
            before,
            truth: None,
        });
        table.row([
            Cell::from(label),
            before.map_or(Cell::Null, Cell::Percent),
            whole(counted.yes),
            counted.of.map_or(Cell::Null, whole),
            counted.value().map_or(Cell::Null, Cell::Percent),
        ]);
    }
    table.chart = Some(Chart::Bars {
        unit: "% of domains",
        bars,
    });
    Ok(table)
}

/// Domains of the largest that have TLS.
pub fn with_tls(census: &StudySurvey<'_>, rows: &[(u32, u64)]) -> usize {
    rows.iter()
        .filter(|(row, _)| {
            verdict_of(census.verdicts, *row).truth(Fact::Accepted, census.rule) == Truth::Yes
        })
        .count()
}
