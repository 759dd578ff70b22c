//! What is wrong with domains, what becomes of mail to them, and what they publish.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::problem_list::ProblemList;
use crate::judge::delivery::{Fate, PROFILES};
use crate::judge::problem::{ProblemCode, Severity};
use crate::report::asked::ReportSettings;
use crate::report::survey::{Survey, SurveyList};
use crate::report::table::{Cell, Long, Table};
use crate::store::query::{self, ProblemRow};

/// Users by domain: the most that any list counts at it.
fn users(survey: &Survey) -> rusqlite::Result<HashMap<u32, u64>> {
    let mut users: HashMap<u32, u64> = HashMap::new();
    for list in survey.counted()? {
        for entry in &list.entries {
            let most = users.entry(entry.domain).or_default();
            *most = (*most).max(entry.users);
        }
    }
    Ok(users)
}

fn severity(row: &ProblemRow) -> Severity {
    Severity::from_word(&row.severity).unwrap_or(Severity::Notice)
}

/// Every problem that is asked for: worst first, then by users, then by name, code and place.
pub fn sorted(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<ProblemList> {
    let mut problems = ProblemList::default();
    unsorted(survey, asked, |row| problems.push(&row))?;
    let (users, names) = (users(survey)?, survey.names()?);
    let name = |domain: u32| names.get(domain as usize);
    let weight = |domain: u32| users.get(&domain).copied().unwrap_or(0);
    problems.put_in_order(
        |(severity, domain, texts), (other_severity, other, other_texts)| {
            let worst_first = other_severity.cmp(&severity);
            worst_first
                .then_with(|| weight(other).cmp(&weight(domain)))
                .then_with(|| name(domain).cmp(name(other)))
                .then_with(|| texts.cmp(&other_texts))
        },
    );
    Ok(problems)
}

/// Every problem that is asked for, as it comes; one may come more than once.
fn unsorted(
    survey: &Survey,
    asked: &ReportSettings,
    mut each: impl FnMut(ProblemRow),
) -> rusqlite::Result<()> {
    let names = survey.names()?;
    let mut open = |row: ProblemRow| {
        let code = ProblemCode::from(row.code.as_str());
        if !(asked.accepted).covers(names.get(row.domain as usize), code) {
            each(row);
        }
    };
    if asked.domains.is_empty() {
        return read(survey, asked, None, open);
    }
    for domain in &asked.domains {
        let name = domain.trim().trim_end_matches('.').to_ascii_lowercase();
        if let Some(number) = query::number(&survey.connection, &name)? {
            read(survey, asked, Some(number), &mut open)?;
        }
    }
    Ok(())
}

/// The problems of one domain (a row of `name`) or of all that are as bad as is asked for.
fn read(
    survey: &Survey,
    asked: &ReportSettings,
    domain: Option<u32>,
    mut each: impl FnMut(ProblemRow),
) -> rusqlite::Result<()> {
    query::problems(&survey.connection, domain, |row| {
        if severity(&row) >= asked.severity {
            each(row);
        }
    })
}

/// The problems of a domain (a row of `name`), worst first.
pub fn problems_of(
    survey: &Survey,
    asked: &ReportSettings,
    domain: u32,
) -> rusqlite::Result<Vec<ProblemRow>> {
    let mut problems = Vec::new();
    read(survey, asked, Some(domain), |row| problems.push(row))?;
    problems.sort_by(|a, b| {
        let by_severity = severity(b).cmp(&severity(a));
        by_severity
            .then_with(|| (&a.code, &a.place, &a.detail).cmp(&(&b.code, &b.place, &b.detail)))
    });
    problems.dedup();
    Ok(problems)
}

/// The worst severity of any problem that is asked for; none: there is none.
pub fn worst(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Option<Severity>> {
    let mut worst = None;
    unsorted(survey, asked, |row| worst = worst.max(Some(severity(&row))))?;
    Ok(worst)
}

pub(super) fn problems(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "problems",
        "What is wrong",
        "Every known problem of every domain, those of its servers among them: the worst first, then by users. What was \
         not learned is no problem. Users: the most that a list counts at the domain.",
    )
    .columns([
        ("domain", "Domain"),
        ("severity", "Severity"),
        ("code", "Code"),
        ("title", "What is wrong"),
        ("place", "Where"),
        ("detail", "Seen"),
        ("remedy", "What to do"),
        ("who", "Who"),
        ("users", "Users"),
    ]);
    let (problems, users) = (sorted(survey, asked)?, users(survey)?);
    let names = Rc::clone(survey.names()?);
    table.long = Some(Long::new(problems.len(), move |at| {
        let (severity, domain, (word, place, detail)) = problems.nth(at);
        let code = ProblemCode::from(word);
        vec![
            Cell::from(names.get(domain as usize)),
            severity.word().into(),
            word.into(),
            code.meaning().into(),
            Cell::text(place),
            Cell::text(detail),
            code.remedy().into(),
            code.who().word().into(),
            users.get(&domain).copied().into(),
        ]
    }));
    Ok(table)
}

/// The kinds of problems, worst first.
///
/// # Errors
///
/// Those of the database.
pub fn problem_codes(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "problem-codes",
        "What is wrong, by kind",
        "Domains that have the problem, at themselves or at one of their servers, of those that were looked up. What was \
         not learned is no problem.",
    )
    .columns([
        ("severity", "Severity"),
        ("code", "Code"),
        ("title", "What is wrong"),
        ("domains", "Domains"),
        ("percent", "Percent"),
    ]);
    let looked_up = looked_up(survey)?;
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: Vec<Vec<u64>> = lists.iter().map(|list| list.users_by_domain()).collect();
    for list in &lists {
        table.columns_of_users(&list.source);
    }
    // Of each severity, the worst first, and code the domains, some of them more than once.
    let mut by_severity: BTreeMap<std::cmp::Reverse<Severity>, BTreeMap<String, Vec<u32>>> =
        BTreeMap::new();
    unsorted(survey, asked, |row| {
        let severity = std::cmp::Reverse(severity(&row));
        let by_code = by_severity.entry(severity).or_default();
        match by_code.get_mut(&row.code) {
            Some(domains) => domains.push(row.domain),
            None => drop(by_code.insert(row.code, vec![row.domain])),
        }
    })?;
    let kinds = by_severity.into_iter().flat_map(|(severity, by_code)| {
        (by_code.into_iter()).map(move |(code, domains)| (severity, code, domains))
    });
    for (severity, code, mut domains) in kinds {
        domains.sort_unstable();
        domains.dedup();
        let title = ProblemCode::from(code.as_str()).meaning();
        let mut row = vec![
            Cell::from(severity.0.word()),
            code.into(),
            title.into(),
            (domains.len() as u64).into(),
            Cell::share(domains.len() as f64, looked_up as f64),
        ];
        for (list, users) in lists.iter().zip(&by_list) {
            let at = |domain: &u32| users.get(*domain as usize).copied().unwrap_or(0);
            let sum: u64 = domains.iter().map(at).sum();
            row.push(sum.into());
            row.push(Cell::share(sum as f64, list.of.unwrap_or(0) as f64));
        }
        table.row(row);
    }
    Ok(table)
}

/// Domains that were looked up, or whose policies were.
fn looked_up(survey: &Survey) -> rusqlite::Result<usize> {
    let mut domains = BTreeSet::new();
    query::deliveries(&survey.connection, |domain, _| {
        domains.insert(domain);
    })?;
    query::published(&survey.connection, None, |domain, _| {
        domains.insert(domain);
    })?;
    Ok(domains.len())
}

/// How many domains, and users by list, share a word.
#[derive(Default)]
pub(super) struct DomainsAndUsers {
    pub(super) domains: u64,
    pub(super) users: Vec<u64>,
}

impl DomainsAndUsers {
    pub(super) fn add(&mut self, domain: u32, by_list: &[Vec<u64>]) {
        self.domains += 1;
        self.users.resize(by_list.len(), 0);
        for (sum, users) in self.users.iter_mut().zip(by_list) {
            *sum += users.get(domain as usize).copied().unwrap_or(0);
        }
    }

    pub(super) fn cells(&self, of: &DomainsAndUsers) -> Vec<Cell> {
        let mut cells = vec![
            self.domains.into(),
            of.domains.into(),
            Cell::share(self.domains as f64, of.domains as f64),
        ];
        for (at, all) in of.users.iter().enumerate() {
            let sum = self.users.get(at).copied().unwrap_or(0);
            cells.push(sum.into());
            cells.push((*all).into());
            cells.push(Cell::share(sum as f64, *all as f64));
        }
        cells
    }
}

/// Columns of a [`DomainsAndUsers`] beside its base.
pub(super) fn tallied(mut table: Table, lists: &[&SurveyList]) -> Table {
    for (key, label) in [
        ("domains", "Domains"),
        ("domains_of", "of"),
        ("domains_percent", "Percent"),
    ] {
        table.column(key, label);
    }
    for list in lists {
        let source = &list.source;
        table.column(format!("users_{source}"), format!("Users: {source}"));
        table.column(format!("users_{source}_of"), "of");
        table.column(format!("users_{source}_percent"), "Percent");
    }
    table
}

pub(super) fn delivery(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: Vec<Vec<u64>> = lists.iter().map(|list| list.users_by_domain()).collect();
    let table = Table::new(
        "delivery",
        "What becomes of mail, by kind of sender",
        "Of the domains that take mail or may: in clear, encrypted, authenticated, refused, or not learned. Domains that \
         take no mail are outside.",
    )
    .columns([("profile", "Sender"), ("about", "Which"), ("fate", "Fate")]);
    let mut table = tallied(table, &lists);
    let mut vectors: HashMap<u32, Vec<Fate>> = HashMap::new();
    query::delivery_vectors(&survey.connection, |vector, row| {
        let fate = Fate::from(row.fate.as_str());
        vectors.entry(vector).or_default().push(fate);
    })?;
    let mut tallies: BTreeMap<(usize, Fate), DomainsAndUsers> = BTreeMap::new();
    let mut all = DomainsAndUsers::default();
    all.users.resize(by_list.len(), 0);
    query::deliveries(&survey.connection, |domain, vector| {
        let fates = vectors.get(&vector).map_or(&[][..], Vec::as_slice);
        if fates.is_empty() || fates.contains(&Fate::NoMail) {
            return;
        }
        all.add(domain, &by_list);
        for (position, &fate) in fates.iter().enumerate() {
            tallies
                .entry((position, fate))
                .or_default()
                .add(domain, &by_list);
        }
    })?;
    let none = DomainsAndUsers::default();
    for (position, profile) in PROFILES.iter().enumerate() {
        for &fate in Fate::ALL.iter().filter(|&&fate| fate != Fate::NoMail) {
            let tally = tallies.get(&(position, fate)).unwrap_or(&none);
            let mut row = vec![
                Cell::from(profile.word),
                profile.title.into(),
                fate.word().into(),
            ];
            row.extend(tally.cells(&all));
            table.row(row);
        }
    }
    Ok(table)
}
