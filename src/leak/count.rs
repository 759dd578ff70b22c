//! A list from its inputs to its ranking, as records and as a summary for people.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use super::address::Cause;
use super::aliases::Aliases;
use super::census::Census;
use super::distinct::Distinct;
use super::format::Wish;
use super::input::{Error, List, Reader, Reading};
use super::names::Ranking;
use super::read::{CHUNK, SEGMENT};
use super::tally::{Rules, Tally};
use crate::record::{Listed, Other};

/// A domain with fewer users than this may be a person, or a family. The summary says how many there are.
pub const FEW: u64 = 10;

/// How to count.
#[derive(Default)]
pub struct Settings {
    /// What is known of the format.
    pub wish: Wish,
    /// Threads for a file; another input is read by one. 0 is 1.
    pub threads: usize,
    /// Each address counts once.
    pub unique: bool,
    /// Domains that stand for others.
    pub aliases: Aliases,
    /// The first lines of each cause that are not counted are kept by number.
    pub debug: bool,
}

/// A counted list.
pub struct Count {
    /// The name of the list.
    pub source: String,
    /// Users counted.
    pub users: u64,
    /// How the reading of each input went.
    pub readings: Vec<Reading>,
    lines: u64,
    headers: u64,
    repeated: u64,
    aliased: u64,
    causes: [u64; Cause::ALL.len()],
    ranking: Ranking,
}

/// Counts a list. `read` grows by the bytes that are read.
pub fn count(list: &List, settings: &Settings, read: &AtomicU64) -> Result<Count, Error> {
    let rules = Rules {
        aliases: settings.aliases.clone(),
        distinct: settings.unique.then(Distinct::default),
        debug: settings.debug,
    };
    let census = Mutex::new(Census::default());
    let reader = Reader {
        wish: &settings.wish,
        rules: &rules,
        census: &census,
        read,
        threads: settings.threads.max(1),
        chunk: CHUNK,
        segment: SEGMENT,
    };
    let mut tallies = vec![Tally::new(&rules)];
    let mut readings = Vec::new();
    for input in &list.inputs {
        let reading = reader
            .input(input, &mut tallies)
            .map_err(|error| Error::Io {
                name: input.name.clone(),
                error,
            })?;
        readings.push(reading);
    }
    drop(tallies);
    let census = census.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Count {
        source: list.source.clone(),
        users: census.users,
        readings,
        lines: census.lines,
        headers: census.headers,
        repeated: census.repeated,
        aliased: census.aliased,
        causes: census.causes,
        ranking: census.names.into_ranking(),
    })
}

impl Count {
    /// A record for each domain with at least `min_users`, by users from the most, then by name.
    pub fn listed<'a>(&'a self, min_users: u64, run: &'a str) -> impl Iterator<Item = Listed> + 'a {
        let shown = self.ranking.at_least(min_users);
        self.ranking
            .iter()
            .take(shown)
            .zip(1..)
            .map(move |((name, users), rank)| Listed {
                source: self.source.clone(),
                domain: String::from_utf8_lossy(name).into_owned(),
                rank: Some(rank),
                users: Some(users),
                of: Some(self.users),
                share: Some(users as f64 / self.users as f64),
                run: Some(run.to_owned()),
            })
    }

    /// The record for all domains with fewer than `min_users`, if there are any.
    pub fn other(&self, min_users: u64, run: &str) -> Option<Other> {
        let shown = self.ranking.at_least(min_users);
        let domains = (self.ranking.len() - shown) as u64;
        let users = self
            .ranking
            .iter()
            .skip(shown)
            .map(|(_, users)| users)
            .sum();
        (domains > 0).then(|| Other {
            source: self.source.clone(),
            domains,
            users,
            of: self.users,
            share: users as f64 / self.users as f64,
            run: Some(run.to_owned()),
        })
    }

    /// Whether some input was not understood, or was cut short.
    pub fn has_problem(&self) -> bool {
        self.readings
            .iter()
            .any(|reading| reading.problem.is_some())
    }

    /// Adds the figures of the `run` record to those of other lists. Every line of a format with a record a line is in
    /// exactly one of `users`, `headers`, `repeated` and `not_counted_…`.
    pub fn add_to(&self, counts: &mut BTreeMap<String, u64>) {
        let figures = [
            ("inputs", self.readings.len() as u64),
            ("lines", self.lines),
            ("users", self.users),
            ("domains", self.ranking.len() as u64),
            ("headers", self.headers),
            ("repeated", self.repeated),
            ("aliased", self.aliased),
            ("not_counted", self.not_counted()),
        ];
        let causes = self
            .causes()
            .map(|(cause, count)| (format!("not_counted_{}", cause.word()), count));
        for (name, count) in figures
            .map(|(name, count)| (name.to_owned(), count))
            .into_iter()
            .chain(causes)
        {
            *counts.entry(name).or_default() += count;
        }
    }

    /// What went wrong with an input, a line each.
    pub fn problems(&self) -> Vec<String> {
        let told = |reading: &Reading| {
            let problem = reading.problem.as_ref()?;
            Some(format!("{}: {problem}", reading.input))
        };
        self.readings.iter().filter_map(told).collect()
    }

    /// The first lines that were not counted: which, and why.
    pub fn complaints(&self) -> Vec<String> {
        let told = |reading: &Reading| {
            let line = |&(line, cause): &(u64, Cause)| {
                format!("{}: line {line}: {}", reading.input, cause.text())
            };
            reading.complaints.iter().map(line).collect::<Vec<_>>()
        };
        self.readings.iter().flat_map(told).collect()
    }

    /// The count for people, a line each.
    pub fn summary(&self, min_users: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for reading in &self.readings {
            if let Some(layout) = &reading.layout {
                lines.push(format!("{}: read as {layout}", reading.input));
            }
        }
        lines.push(format!(
            "{}: {} lines, {} users at {} domains",
            self.source,
            grouped(self.lines),
            grouped(self.users),
            grouped(self.ranking.len() as u64)
        ));
        if self.not_counted() > 0 {
            let causes: Vec<_> = self
                .causes()
                .map(|(cause, count)| format!("{} {}", grouped(count), cause.text()))
                .collect();
            lines.push(format!(
                "{}: {} not counted: {}",
                self.source,
                grouped(self.not_counted()),
                causes.join(", ")
            ));
        }
        for (count, text) in [
            (self.headers, "lines of column names"),
            (self.repeated, "addresses that were there before"),
            (self.aliased, "users counted at another domain by --aliases"),
        ] {
            if count > 0 {
                lines.push(format!("{}: {} {text}", self.source, grouped(count)));
            }
        }
        let small = self
            .ranking
            .at_least(min_users)
            .saturating_sub(self.ranking.at_least(FEW));
        if small > 0 {
            lines.push(format!(
                "{}: {} domains have fewer than {FEW} users, and such a domain can be a person; before you publish this, use \
                 --min-users {FEW}",
                self.source,
                grouped(small as u64)
            ));
        }
        lines
    }

    fn not_counted(&self) -> u64 {
        self.causes.iter().sum()
    }

    fn causes(&self) -> impl Iterator<Item = (Cause, u64)> {
        let counts = Cause::ALL
            .iter()
            .map(|&cause| (cause, self.causes[cause as usize]));
        counts.filter(|&(_, count)| count > 0)
    }
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
