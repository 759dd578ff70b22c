//! What is wrong with domains, what becomes of mail to them, and what they publish.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::judge::delivery::{Fate, PROFILES};
use crate::judge::problem::{ProblemCode, Severity};
use crate::report::asked::ReportSettings;
use crate::report::survey::{Survey, SurveyList};
use crate::report::table::{Cell, Table};
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
pub fn sorted(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Vec<ProblemRow>> {
    let mut problems: Vec<ProblemRow> = Vec::new();
    if asked.domains.is_empty() {
        problems = read(survey, asked, None)?;
    }
    for domain in &asked.domains {
        let name = domain.trim().trim_end_matches('.').to_ascii_lowercase();
        if let Some(number) = query::number(&survey.connection, &name)? {
            problems.extend(read(survey, asked, Some(number))?);
        }
    }
    let (users, names) = (users(survey)?, survey.names()?);
    problems.retain(|row| {
        let code = ProblemCode::from(row.code.as_str());
        !asked.accepted.covers(names.get(row.domain as usize), code)
    });
    let key = |row: &ProblemRow| {
        let weight = users.get(&row.domain).copied().unwrap_or(0);
        (std::cmp::Reverse(severity(row)), std::cmp::Reverse(weight))
    };
    problems.sort_by(|a, b| {
        let name = |row: &ProblemRow| names.get(row.domain as usize);
        let by_weight = key(a).cmp(&key(b));
        by_weight
            .then_with(|| name(a).cmp(name(b)))
            .then_with(|| (&a.code, &a.place, &a.detail).cmp(&(&b.code, &b.place, &b.detail)))
    });
    problems.dedup();
    Ok(problems)
}

/// The problems of one domain (a row of `name`) or of all that are as bad as is asked for.
fn read(
    survey: &Survey,
    asked: &ReportSettings,
    domain: Option<u32>,
) -> rusqlite::Result<Vec<ProblemRow>> {
    let mut problems = Vec::new();
    query::problems(&survey.connection, domain, |row| {
        if severity(&row) >= asked.severity {
            problems.push(row);
        }
    })?;
    Ok(problems)
}

/// The problems of a domain (a row of `name`), worst first.
pub fn problems_of(
    survey: &Survey,
    asked: &ReportSettings,
    domain: u32,
) -> rusqlite::Result<Vec<ProblemRow>> {
    let mut problems = read(survey, asked, Some(domain))?;
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
    Ok(sorted(survey, asked)?.first().map(severity))
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
    let users = users(survey)?;
    let names = survey.names()?;
    for row in sorted(survey, asked)? {
        let code = ProblemCode::from(row.code.as_str());
        table.row([
            Cell::from(names.get(row.domain as usize)),
            severity(&row).word().into(),
            row.code.into(),
            code.meaning().into(),
            Cell::text(row.place),
            Cell::text(row.detail),
            code.remedy().into(),
            code.who().word().into(),
            users.get(&row.domain).copied().into(),
        ]);
    }
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
        table.column(
            format!("users_{}", list.source),
            format!("Users: {}", list.source),
        );
        table.column(format!("users_{}_percent", list.source), "Percent");
    }
    let mut by_code: BTreeMap<(std::cmp::Reverse<Severity>, String), BTreeSet<u32>> =
        BTreeMap::new();
    for row in sorted(survey, asked)? {
        let key = (std::cmp::Reverse(severity(&row)), row.code);
        by_code.entry(key).or_default().insert(row.domain);
    }
    for ((severity, code), domains) in by_code {
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
struct Tally {
    domains: u64,
    users: Vec<u64>,
}

impl Tally {
    fn add(&mut self, domain: u32, by_list: &[Vec<u64>]) {
        self.domains += 1;
        self.users.resize(by_list.len(), 0);
        for (sum, users) in self.users.iter_mut().zip(by_list) {
            *sum += users.get(domain as usize).copied().unwrap_or(0);
        }
    }

    fn cells(&self, of: &Tally) -> Vec<Cell> {
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

/// Columns of a [`Tally`] beside its base.
fn tallied(mut table: Table, lists: &[&SurveyList]) -> Table {
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
    let mut tallies: BTreeMap<(usize, Fate), Tally> = BTreeMap::new();
    let mut all = Tally::default();
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
    let none = Tally::default();
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

pub(super) fn policies(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: Vec<Vec<u64>> = lists.iter().map(|list| list.users_by_domain()).collect();
    let table = Table::new(
        "policies",
        "What domains publish about their mail",
        "Each part of the domains that were asked for it. `unknown`: a question failed, or what it hangs on.",
    )
    .columns([("what", "What"), ("value", "Value")]);
    let mut table = tallied(table, &lists);
    let mut losing: HashMap<u32, Option<bool>> = HashMap::new();
    let letter = PROFILES
        .iter()
        .find(|profile| profile.word == "mta_sts")
        .map(|it| it.id);
    query::delivery_vectors(&survey.connection, |vector, row| {
        if Some(row.profile) == letter {
            losing.insert(vector, row.would_lose_mail);
        }
    })?;
    let mut lost: HashMap<u32, Option<bool>> = HashMap::new();
    query::deliveries(&survey.connection, |domain, vector| {
        lost.insert(domain, losing.get(&vector).copied().flatten());
    })?;
    let mut tallies: BTreeMap<(usize, String), Tally> = BTreeMap::new();
    let mut bases: BTreeMap<usize, Tally> = BTreeMap::new();
    query::published(&survey.connection, None, |domain, published| {
        let lost = lost.get(&domain).copied().flatten();
        for (position, part) in PARTS.iter().enumerate() {
            if let Some(value) = (part.value)(&published, lost) {
                bases.entry(position).or_default().add(domain, &by_list);
                tallies
                    .entry((position, value))
                    .or_default()
                    .add(domain, &by_list);
            }
        }
    })?;
    for ((position, value), tally) in &tallies {
        let mut row = vec![Cell::from(PARTS[*position].what), value.clone().into()];
        if let Some(base) = bases.get(position) {
            row.extend(tally.cells(base));
        }
        table.row(row);
    }
    Ok(table)
}

/// A part that is counted: its heading, and its value where it was asked for.
struct Part {
    what: &'static str,
    value: fn(&query::PublishedPolicies, Option<bool>) -> Option<String>,
}

const PARTS: [Part; 11] = [
    Part {
        what: "SPF",
        value: |it, _| it.spf.clone(),
    },
    Part {
        what: "SPF: others",
        value: |it, _| match it.spf.as_deref()? {
            "ok" => Some(it.spf_all.clone().unwrap_or_else(|| "no all".to_owned())),
            _ => None,
        },
    },
    Part {
        what: "DMARC",
        value: |it, _| it.dmarc.clone(),
    },
    Part {
        what: "DMARC by RFC 9989",
        value: |it, _| asked(&it.dmarc, &it.dmarc_9989),
    },
    Part {
        what: "DMARC by RFC 7489",
        value: |it, _| asked(&it.dmarc, &it.dmarc_7489),
    },
    Part {
        what: "DMARC: the two differ",
        value: |it, _| {
            it.dmarc.as_ref()?;
            let both = it.dmarc_9989.as_ref().zip(it.dmarc_7489.as_ref());
            Some(
                both.map_or("unknown", |(one, other)| yes(one != other))
                    .to_owned(),
            )
        },
    },
    Part {
        what: "DKIM",
        value: |it, _| it.dkim.clone(),
    },
    Part {
        what: "MTA-STS",
        value: |it, lost| sts(it, lost),
    },
    Part {
        what: "TLS-RPT",
        value: |it, _| it.tls_rpt.clone(),
    },
    Part {
        what: "CAA",
        value: |it, _| it.caa.clone(),
    },
    Part {
        what: "BIMI",
        value: |it, _| it.bimi.clone(),
    },
];

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// A value of a part that was asked for.
fn asked(state: &Option<String>, value: &Option<String>) -> Option<String> {
    state.as_ref()?;
    Some(value.clone().unwrap_or_else(|| "unknown".to_owned()))
}

/// Record and policy in one word: the mode, or what is wrong; a policy under which mail is lost is told apart.
fn sts(it: &query::PublishedPolicies, lost: Option<bool>) -> Option<String> {
    let record = it.mta_sts.as_deref()?;
    if record != "ok" {
        return Some(match record {
            "absent" | "unknown" => record.to_owned(),
            fault => format!("record {fault}"),
        });
    }
    Some(match (it.sts.as_deref(), it.sts_mode.as_deref()) {
        (None, _) => "policy not fetched".to_owned(),
        (Some("ok"), Some("enforce")) if lost == Some(true) => "enforce, mail is lost".to_owned(),
        (Some("ok"), mode) => mode.unwrap_or("unknown").to_owned(),
        (Some("unknown"), _) => "policy unknown".to_owned(),
        (Some(_), _) => match &it.sts_error {
            Some(error) => format!("policy: {error}"),
            None => "policy invalid".to_owned(),
        },
    })
}
