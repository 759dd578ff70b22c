//! A comparison as tables: for JSON, CSV, Markdown and the page.

use super::super::asked::ReportSettings;
use super::super::survey::Survey;
use super::super::table::{Cell, Table, Tally};
use super::found::Difference;
use super::{ChangeEvent, Comparison, Weighed};

/// What stands in a table that is asked for without an earlier survey.
const ALONE: &str = "There is nothing to compare with: --since names an earlier survey.";

/// A table of the comparison; empty where none was made.
fn table(
    asked: &ReportSettings,
    name: &'static str,
    title: &str,
    note: &str,
    columns: &[(&str, &str)],
    fill: impl FnOnce(&Comparison, &mut Table),
) -> Table {
    let Some(comparison) = asked.since.as_deref() else {
        return Table::new(name, title, ALONE).columns(columns.iter().copied());
    };
    let [then, now] = &comparison.names;
    let mut table = Table::new(name, title, format!("From {then} to {now}. {note}"))
        .columns(columns.iter().copied());
    fill(comparison, &mut table);
    table
}

/// Adds a column of users for each counted list.
fn with_users(table: &mut Table, comparison: &Comparison, prefix: &str) {
    for list in &comparison.lists {
        table.column(format!("{prefix}users_{list}"), format!("Users: {list}"));
    }
}

/// Domains, and users of each list.
fn weighed(comparison: &Comparison, sum: &Weighed) -> Vec<Cell> {
    let mut cells = vec![Cell::from(sum.domains)];
    cells.extend((0..comparison.lists.len()).map(|list| Cell::from(sum.users_of(list))));
    cells
}

fn users(comparison: &Comparison, users: &[u64]) -> impl Iterator<Item = Cell> {
    let lists = 0..comparison.lists.len();
    lists.map(|list| users.get(list).copied().into())
}

/// Each measure then and now.
pub fn shares(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("measure", "Measure"),
        ("label", "What"),
        ("weight", "Weight"),
        ("then", "Then"),
        ("now", "Now"),
        ("points", "Points"),
        ("then_yes", "Yes then"),
        ("then_of", "Of then"),
        ("then_unknown", "Unknown then"),
        ("now_yes", "Yes now"),
        ("now_of", "Of now"),
        ("now_unknown", "Unknown now"),
    ];
    Ok(table(
        asked,
        "change-shares",
        "Each measure then and now",
        "In percent of what was learned; the unknown stands beside it.",
        &columns,
        |comparison, table| {
            for change in &comparison.measures {
                let Some([then, now]) = &change.tallies else {
                    continue;
                };
                for (at, (then, now)) in then.iter().zip(now).enumerate() {
                    let weight = match at.checked_sub(1) {
                        None => "domains".to_owned(),
                        Some(list) => format!("users: {}", comparison.lists[list]),
                    };
                    let percent = |tally: &Tally| tally.percent().map_or(Cell::Null, Cell::Percent);
                    let points = then.percent().zip(now.percent());
                    let mut row = vec![
                        Cell::from(change.measure.as_str()),
                        change.label.as_str().into(),
                        weight.into(),
                        percent(then),
                        percent(now),
                        points.map_or(Cell::Null, |(then, now)| Cell::Difference(now - then)),
                    ];
                    row.extend([then, now].into_iter().flat_map(|tally| {
                        [tally.yes, tally.decided(), tally.unknown].map(Cell::from)
                    }));
                    table.row(row);
                }
            }
        },
    ))
}

/// From what to what, for each measure.
pub fn measures(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("measure", "Measure"),
        ("label", "What"),
        ("from", "From"),
        ("to", "To"),
        ("domains", "Domains"),
    ];
    Ok(table(
        asked,
        "change-measures",
        "What went from what to what",
        "Of the domains of both surveys. Unchanged, and not learned then or now, stand apart; users are those of now.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "");
            for change in &comparison.measures {
                let mut row = |from: Cell, to: Cell, sum: &Weighed| {
                    let head = [
                        Cell::from(change.measure.as_str()),
                        change.label.as_str().into(),
                        from,
                        to,
                    ];
                    table.row(head.into_iter().chain(weighed(comparison, sum)));
                };
                for (from, to, sum) in &change.steps {
                    row(from.as_str().into(), to.as_str().into(), sum);
                }
                row("unchanged".into(), Cell::Null, &change.same);
                row(
                    "not learned then or now".into(),
                    Cell::Null,
                    &change.unknown,
                );
            }
        },
    ))
}

/// What happened, by operator and cause.
pub fn events(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("operator", "Operator"),
        ("cause", "Cause"),
        ("what", "What changed"),
        ("from", "From"),
        ("to", "To"),
        ("domains", "Domains"),
    ];
    Ok(table(
        asked,
        "change-events",
        "What happened",
        "What one operator did to its domains is one event; domains that run their own mail stand by their own names. Each part of \
         what is published is an event of its own.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "");
            table.column("such_as", "Such as");
            table.column("also", "With it");
            table.column("meaning", "Why");
            for event in comparison.events.iter().take(asked.limit) {
                let (what, from, to) = step(event);
                let mut row = vec![
                    Cell::text(event.operator.clone()),
                    event.cause.word().into(),
                    what,
                    from,
                    to,
                ];
                row.extend(weighed(comparison, &event.weighed));
                row.push(event.such_as.as_str().into());
                row.push(also(event).into());
                row.push(event.cause.meaning().into());
                table.row(row);
            }
        },
    ))
}

/// What changed in an event, from what, to what.
fn step(event: &ChangeEvent) -> (Cell, Cell, Cell) {
    match (&event.step, &event.from_operator) {
        (Some(step), _) => (
            step.label.as_str().into(),
            step.from.as_str().into(),
            step.to.as_str().into(),
        ),
        (None, Some(from)) => (
            "Operator".into(),
            from.as_str().into(),
            Cell::text(event.operator.clone()),
        ),
        (None, None) => ("Exchanges".into(), Cell::Null, Cell::Null),
    }
}

/// What else changed, in a line.
pub(super) fn also(event: &ChangeEvent) -> String {
    let each = event.also.iter().take(6);
    let each = each.map(|(told, domains)| {
        let count = match *domains == event.weighed.domains {
            true => String::new(),
            false => format!(" ({domains})"),
        };
        format!("{} {} to {}{count}", told.label, told.from, told.to)
    });
    each.collect::<Vec<_>>().join("; ")
}

/// New and mended problems by code.
pub fn codes(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("severity", "Severity"),
        ("code", "Code"),
        ("title", "What is wrong"),
        ("new", "New"),
        ("mended", "Mended"),
        ("not_learned", "Not learned"),
    ];
    Ok(table(
        asked,
        "change-problem-codes",
        "New and mended problems, by kind",
        "Domains. A problem of which it was not learned then whether it was there is not new, and one of which it was not \
         learned now is not mended: these are counted apart.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "new_");
            with_users(table, comparison, "mended_");
            for it in &comparison.codes {
                let mut row = vec![
                    Cell::from(it.severity.word()),
                    it.code.word().into(),
                    it.code.meaning().into(),
                    it.new.domains.into(),
                    it.mended.domains.into(),
                    it.not_learned.domains.into(),
                ];
                row.extend(weighed(comparison, &it.new).into_iter().skip(1));
                row.extend(weighed(comparison, &it.mended).into_iter().skip(1));
                table.row(row);
            }
        },
    ))
}

/// New and mended problems, one by one.
pub fn problems(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("difference", "Which"),
        ("domain", "Domain"),
        ("severity", "Severity"),
        ("code", "Code"),
        ("title", "What is wrong"),
        ("operator", "Operator"),
    ];
    Ok(table(
        asked,
        "change-problems",
        "New and mended problems",
        "The worst first, then by users; of each kind as many as --limit says.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "");
            for difference in [Difference::New, Difference::Mended] {
                for it in asked.found(comparison, difference).take(asked.limit) {
                    let head = [
                        Cell::from(difference.word()),
                        it.domain.as_str().into(),
                        it.severity.word().into(),
                        it.code.word().into(),
                        it.code.meaning().into(),
                        it.operator.as_str().into(),
                    ];
                    table.row(head.into_iter().chain(users(comparison, &it.users)));
                }
            }
        },
    ))
}

/// Domains and servers that came and went.
pub fn passed(_: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("what", "What"),
        ("which", "Which"),
        ("domain", "Domain or operator"),
        ("count", "Count"),
    ];
    Ok(table(
        asked,
        "change-passed",
        "What came and went",
        "Domains that were looked up, and servers that were asked, in one of the surveys alone: the sum first, then domains by \
         users and servers by operator, as many as --limit says.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "");
            let blank = || vec![Cell::Null; comparison.lists.len()];
            for (which, passed) in [("came", &comparison.came), ("went", &comparison.went)] {
                let head = [
                    "domains".into(),
                    which.into(),
                    Cell::Null,
                    (passed.len() as u64).into(),
                ];
                table.row(head.into_iter().chain(blank()));
                for it in passed.iter().take(asked.limit) {
                    let head = [
                        "domains".into(),
                        which.into(),
                        it.domain.as_str().into(),
                        Cell::Null,
                    ];
                    table.row(head.into_iter().chain(users(comparison, &it.users)));
                }
            }
            let servers = &comparison.servers;
            type Count = fn(&(String, u64, u64)) -> u64;
            let sides: [(&str, u64, Count); 2] = [
                ("came", servers.came, |it| it.1),
                ("went", servers.went, |it| it.2),
            ];
            for (which, sum, count) in sides {
                let head = ["servers".into(), which.into(), Cell::Null, sum.into()];
                table.row(head.into_iter().chain(blank()));
                let operators = servers.operators.iter().filter(|it| count(it) > 0);
                for it in operators.take(asked.limit) {
                    let name = match it.0.as_str() {
                        "" => Cell::Null,
                        name => name.into(),
                    };
                    let head = ["servers".into(), which.into(), name, count(it).into()];
                    table.row(head.into_iter().chain(blank()));
                }
            }
        },
    ))
}

/// Everything in one table, a row for each thing, for those who want one file.
pub fn everything(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let columns = [
        ("part", "Part"),
        ("what", "What"),
        ("from", "From"),
        ("to", "To"),
        ("cause", "Cause"),
        ("operator", "Operator"),
        ("domain", "Domain"),
        ("severity", "Severity"),
        ("domains", "Domains"),
    ];
    let parts = [
        ("measure", measures(survey, asked)?),
        ("event", events(survey, asked)?),
        ("problem", problems(survey, asked)?),
        ("passed", passed(survey, asked)?),
    ];
    Ok(table(
        asked,
        "changes",
        "What changed, in one table",
        "Measures, events, problems, and what came and went.",
        &columns,
        |comparison, table| {
            with_users(table, comparison, "");
            for (part, of_part) in &parts {
                for row in &of_part.rows {
                    let cell = |keys: &[&str]| {
                        let at = keys.iter().find_map(|key| {
                            of_part.columns.iter().position(|column| column.key == *key)
                        });
                        at.map_or(Cell::Null, |at| row[at].clone())
                    };
                    let what: &[&str] = match *part {
                        "measure" => &["measure"],
                        "problem" => &["code"],
                        _ => &["what"],
                    };
                    let mut cells = vec![
                        Cell::from(*part),
                        cell(what),
                        cell(&["from", "which", "difference"]),
                        cell(&["to"]),
                        cell(&["cause"]),
                        cell(&["operator"]),
                        cell(&["domain", "such_as"]),
                        cell(&["severity"]),
                        cell(&["domains", "count"]),
                    ];
                    for list in &comparison.lists {
                        cells.push(cell(&[&format!("users_{list}")]));
                    }
                    table.row(cells);
                }
            }
        },
    ))
}
