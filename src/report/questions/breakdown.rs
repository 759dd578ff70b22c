//! What the servers speak and show, by servers, domains and users: one value in each row, shares of all with TLS.

use std::collections::HashMap;

use super::ranks::ranked;
use super::sampler::Sampler;
use crate::judge::{Fact, Rule, Truth, unpack};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart, ChartLine};
use crate::report::measure::marks;
use crate::report::survey::{Survey, SurveyList, SurveyVerdict, verdict_of};
use crate::report::table::{Cell, Table, Tally};
use crate::store::query::{self, TlsValue};

pub(super) fn versions(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "versions",
        "TLS versions",
        "The version that the server chose.",
        "Version",
    );
    let values = Values::read(survey, TlsValue::Version)?;
    answer(survey, asked, table, &values, |_| None)
}

pub(super) fn ciphers(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "ciphers",
        "Cipher suites",
        "The suite that the server chose, by OpenSSL's name.",
        "Suite",
    );
    let values = Values::read(survey, TlsValue::Cipher)?;
    answer(survey, asked, table, &values, |cipher| {
        asked.published.cipher(cipher)
    })
}

pub(super) fn groups(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "groups",
        "Key exchange",
        "The group of the key exchange; without one the key went encrypted to the certificate's key, and there is no \
         forward secrecy.",
        "Group",
    );
    let values = Values::read(survey, TlsValue::Group)?;
    answer(survey, asked, table, &values, |_| None)
}

pub(super) fn verdicts(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "verdicts",
        "Certificate verdicts",
        "The chain against the first named store at the time of the scan, and why it is not valid.",
        "Verdict",
    );
    let values = Values::read(survey, TlsValue::Verdict)?;
    answer(survey, asked, table, &values, |_| None)
}

pub(super) fn weaknesses(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "weaknesses",
        "Weaknesses",
        "What is weak at a server or in the certificates it sends, as far as it was seen; one server may have several.",
        "Weakness",
    );
    let values = Values::read(survey, TlsValue::Weakness)?;
    answer(survey, asked, table, &values, |_| None)
}

pub(super) fn levels(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = heading(
        "levels",
        "Levels by published guidelines",
        "The worst level of what was seen at a server, by each guideline.",
        "Guideline and level",
    );
    let values = Values::read(survey, TlsValue::Level)?;
    answer(survey, asked, table, &values, |_| None)
}

fn heading(name: &'static str, title: &str, note: &str, value: &str) -> Table {
    let note = format!(
        "{note} Percentages are of the servers with TLS, of the domains that such a server stands for, and of the users \
         at those."
    );
    Table::new(name, title, note).columns([
        ("value", value),
        ("servers", "Servers"),
        ("servers_percent", "Percent"),
        ("domains", "Domains"),
        ("domains_percent", "Percent"),
    ])
}

/// A value, or several, for each row of `tls`.
struct Values {
    words: Vec<String>,
    /// (`tls`, index into `words`), in order.
    of: Vec<(u32, u32)>,
}

impl Values {
    fn read(survey: &Survey, value: TlsValue) -> rusqlite::Result<Self> {
        let mut values = Self {
            words: Vec::new(),
            of: Vec::new(),
        };
        let mut known: HashMap<String, u32> = HashMap::new();
        query::tls_values(&survey.connection, value, |tls, word| {
            let index = match known.get(word) {
                Some(&index) => index,
                None => {
                    let index = values.words.len() as u32;
                    values.words.push(word.to_owned());
                    known.insert(word.to_owned(), index);
                    index
                }
            };
            values.of.push((tls, index));
        })?;
        Ok(values)
    }

    /// The values that were counted at all, the most frequent first; those that tie by their words.
    fn most_frequent<C: Ord + Default>(&self, count: impl Fn(usize) -> C) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.words.len())
            .filter(|&value| count(value) > C::default())
            .collect();
        order.sort_by_key(|&value| (std::cmp::Reverse(count(value)), &self.words[value]));
        order
    }

    fn values(&self, tls: u32) -> impl Iterator<Item = usize> {
        let first = self.of.partition_point(|&(id, _)| id < tls);
        self.of[first..]
            .iter()
            .take_while(move |&&(id, _)| id == tls)
            .map(|&(_, word)| word as usize)
    }
}

/// A count for each value, and of all that have TLS.
#[derive(Clone)]
struct Counted {
    by_value: Vec<u64>,
    all: u64,
}

impl Counted {
    fn new(values: &Values) -> Self {
        Self {
            by_value: vec![0; values.words.len()],
            all: 0,
        }
    }

    fn add(&mut self, values: &Values, tls: u32, weight: u64) {
        self.all += weight;
        for value in values.values(tls) {
            self.by_value[value] += weight;
        }
    }
}

/// The servers with TLS, and the domains that such a server stands for.
fn counted(survey: &Survey, values: &Values) -> rusqlite::Result<[Counted; 2]> {
    let mut servers = Counted::new(values);
    query::handshakes(&survey.connection, |tls, facts| {
        if unpack(facts, Fact::Tls, Rule::Preferred) == Truth::Yes {
            servers.add(values, tls, 1);
        }
    })?;
    let mut domains = Counted::new(values);
    for verdict in survey.verdicts()?.iter().filter(|it| it.tls != 0) {
        domains.add(values, verdict.tls, 1);
    }
    Ok([servers, domains])
}

/// The users at those domains, for each counted list.
fn users(survey: &Survey, values: &Values) -> rusqlite::Result<Vec<Counted>> {
    let verdicts = survey.verdicts()?;
    let by_list = survey.counted()?.map(|list| {
        let mut counted = Counted::new(values);
        for entry in &list.entries {
            let verdict = verdict_of(verdicts, entry.domain);
            if verdict.tls != 0 {
                counted.add(values, verdict.tls, entry.users);
            }
        }
        counted
    });
    Ok(by_list.collect())
}

fn answer(
    survey: &Survey,
    asked: &ReportSettings,
    mut table: Table,
    values: &Values,
    before: impl Fn(&str) -> Option<f64>,
) -> rusqlite::Result<Table> {
    for list in survey.counted()? {
        table.columns_of_users(&list.source);
    }
    table.column("in_2014", "2014");
    let [servers, domains] = counted(survey, values)?;
    let users = users(survey, values)?;
    let mut bars = Vec::new();
    // What was seen only where there was no TLS is in no base.
    for value in values.most_frequent(|value| (domains.by_value[value], servers.by_value[value])) {
        let word = &values.words[value];
        let mut row = vec![Cell::from(word.as_str())];
        for counted in [&servers, &domains].into_iter().chain(&users) {
            let count = counted.by_value[value];
            row.push(count.into());
            row.push(Cell::share(count as f64, counted.all as f64));
        }
        let printed = before(word);
        row.push(printed.map_or(Cell::Null, Cell::Percent));
        table.row(row);
        if bars.len() < asked.limit.min(12) && domains.all > 0 {
            bars.push(Bar {
                group: "domains".to_owned(),
                label: word.clone(),
                value: 100.0 * domains.by_value[value] as f64 / domains.all as f64,
                count: domains.by_value[value],
                before: printed,
                truth: None,
            });
        }
    }
    table.chart = Some(Chart::Bars {
        unit: "% of domains with TLS",
        bars,
    });
    Ok(table)
}

/// The suites among the first N domains of each list that have TLS.
pub(super) fn ciphers_by_rank(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "ciphers-by-rank",
        "Cipher suites by rank",
        "Of the first N domains of the list those with TLS, by the suite of the server that stands for the domain: the \
         most frequent suites.",
    )
    .columns([
        ("list", "List"),
        ("rank", "First N"),
        ("cipher", "Suite"),
        ("percent", "Percent"),
        ("domains", "Domains"),
        ("of", "With TLS"),
    ]);
    let values = Values::read(survey, TlsValue::Cipher)?;
    let mut lines = Vec::new();
    for list in ranked(survey)? {
        let with_tls = with_tls(survey.verdicts()?, list, &values);
        let mut count = vec![0u64; values.words.len()];
        (with_tls.iter())
            .filter_map(|&(_, value)| value)
            .for_each(|value| count[value] += 1);
        let last = list.entries.iter().map(|entry| u64::from(entry.rank)).max();
        let wanted = marks(last.unwrap_or(0));
        let most_frequent = values.most_frequent(|value| count[value]).into_iter();
        for (place, value) in most_frequent.take(asked.limit.min(12)).enumerate() {
            let word = &values.words[value];
            let sampler = sampled(&with_tls, value, &wanted);
            for (&mark, tally) in wanted.iter().zip(&sampler.at_marks) {
                table.row([
                    Cell::from(list.source.as_str()),
                    mark.into(),
                    word.as_str().into(),
                    Cell::share(tally.yes as f64, tally.decided() as f64),
                    tally.yes.into(),
                    tally.decided().into(),
                ]);
            }
            if place < 8 {
                let group = format!("list: {}", list.source);
                lines.push(ChartLine::new(group, word, sampler.points));
            }
        }
    }
    table.chart = Some(Chart::Lines {
        x: "rank, first N domains".to_owned(),
        lines,
        points: Vec::new(),
    });
    Ok(table)
}

/// Rank and suite of every entry of a list that has a rank and TLS; no suite: it was not learned.
fn with_tls(
    verdicts: &[SurveyVerdict],
    list: &SurveyList,
    values: &Values,
) -> Vec<(u64, Option<usize>)> {
    let ranked = list.entries.iter().filter(|entry| entry.rank > 0);
    ranked
        .map(|entry| (entry.rank, verdict_of(verdicts, entry.domain).tls))
        .filter(|&(_, tls)| tls != 0)
        .map(|(rank, tls)| (rank.into(), values.values(tls).next()))
        .collect()
}

/// How many of those up to a rank have the value.
fn sampled(with_tls: &[(u64, Option<usize>)], value: usize, wanted: &[u64]) -> Sampler<Tally> {
    let mut sampler = Sampler::new(wanted);
    let mut tally = Tally::default();
    for &(rank, has) in with_tls {
        tally.add(Some(has == Some(value)).into(), 1);
        sampler.push(rank, tally);
    }
    sampler.end()
}
