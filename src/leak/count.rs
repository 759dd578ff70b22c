//! A list from its inputs to its ranking, as records and as a summary for people.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use super::address::NotCounted;
use super::aliases::Aliases;
use super::census::Census;
use super::distinct::DistinctAddresses;
use super::format::{Unreadable, Wish};
use super::input::{CountError, InputProblem, LeakList, LeakReader, Reading};
use super::names::Ranking;
use super::read::{CHUNK, SEGMENT};
use super::tally::{Rules, Sums, ThreadTally};
use super::watch::Watch;
use crate::record::{Listed, Other};

/// A domain with fewer users than this may be a person, or a family. The summary says how many there are.
pub const FEW: u64 = 10;

/// How to count.
#[derive(Clone, Debug, Default)]
pub struct CountSettings {
    /// What is known of the format.
    pub wish: Wish,
    /// Count each address once: 16 bytes of memory and more for each.
    pub unique: bool,
    /// Domains that count as others.
    pub aliases: Option<Aliases>,
    /// Threads that read a file, else one a core; pipes, CSV and JSON are read by one.
    pub threads: Option<NonZeroUsize>,
    /// Name the first ten lines of each cause that are not counted, by number only; slow.
    pub debug: bool,
}

/// A counted list.
pub struct CountedList {
    /// The name of the list.
    pub source: String,
    /// Users counted.
    pub users: u64,
    /// How the reading of each input went.
    pub readings: Vec<Reading>,
    sums: Sums,
    aliased: u64,
    ranking: Ranking,
}

/// Counts a list.
pub fn count(
    list: &LeakList,
    settings: &CountSettings,
    watch: &Watch,
) -> Result<CountedList, CountError> {
    let rules = Rules {
        aliases: settings.aliases.clone().unwrap_or_default(),
        distinct: settings.unique.then(DistinctAddresses::default),
        debug: settings.debug,
    };
    let census = Mutex::new(Census::default());
    let reader = LeakReader {
        wish: &settings.wish,
        rules: &rules,
        census: &census,
        watch,
        threads: settings
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get),
        chunk: CHUNK,
        segment: SEGMENT,
    };
    let mut tallies = vec![ThreadTally::new(&rules)];
    let mut readings = Vec::new();
    for input in &list.inputs {
        let reading = reader
            .input(input, &mut tallies)
            .map_err(|error| CountError::Io {
                name: input.name.clone(),
                error,
            })?;
        readings.push(reading);
    }
    drop(tallies);
    let census = census.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(CountedList {
        source: list.source.clone(),
        users: census.users,
        readings,
        sums: census.sums,
        aliased: census.aliased,
        ranking: census.names.into_ranking(),
    })
}

impl CountedList {
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

    /// Whether some input was no text at all: compressed, or in a wide encoding.
    pub fn has_foreign(&self) -> bool {
        let mut problems = self.readings.iter().map(|reading| &reading.problem);
        problems.any(|it| matches!(it, Some(InputProblem::Unreadable(Unreadable::Foreign(_)))))
    }

    /// Adds the figures of the `run` record to those of other lists. Every line of a format with a record a line is in
    /// exactly one of `users`, `headers`, `repeated` and `not_counted_…`.
    pub fn add_to(&self, counts: &mut BTreeMap<String, u64>) {
        let figures = [
            ("inputs", self.readings.len() as u64),
            ("lines", self.sums.lines),
            ("users", self.users),
            ("domains", self.ranking.len() as u64),
            ("headers", self.sums.headers),
            ("repeated", self.sums.repeated),
            ("aliased", self.aliased),
            ("not_counted", self.not_counted()),
        ];
        let causes = self
            .sums
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

    /// The count for people, a line each: what was not counted under `--debug`, how it was read, sums, and last what was not
    /// understood, which alone is left if it is to be quiet.
    pub fn report(&self, min_users: u64, is_quiet: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for reading in &self.readings {
            let told = |(line, cause): &(u64, NotCounted)| {
                format!("{}: line {line}: {}", reading.input, cause.text())
            };
            lines.extend(reading.complaints.iter().map(told));
            if let Some(layout) = reading.layout.as_ref().filter(|_| !is_quiet) {
                lines.push(format!("{}: read as {layout}", reading.input));
            }
        }
        if !is_quiet {
            lines.extend(
                self.summary(min_users)
                    .into_iter()
                    .map(|line| format!("{}: {line}", self.source)),
            );
        }
        for reading in &self.readings {
            lines.extend(
                reading
                    .problem
                    .as_ref()
                    .map(|problem| format!("{}: {problem}", reading.input)),
            );
        }
        lines
    }

    fn summary(&self, min_users: u64) -> Vec<String> {
        let domains = grouped(self.ranking.len() as u64);
        let mut lines = vec![format!(
            "{} lines, {} users at {domains} domains",
            grouped(self.sums.lines),
            grouped(self.users)
        )];
        let causes: Vec<_> = self
            .sums
            .causes()
            .map(|(cause, count)| format!("{} {}", grouped(count), cause.text()))
            .collect();
        if !causes.is_empty() {
            lines.push(format!(
                "{} not counted: {}",
                grouped(self.not_counted()),
                causes.join(", ")
            ));
        }
        for (count, text) in [
            (self.sums.headers, "lines of column names"),
            (self.sums.repeated, "addresses that were there before"),
            (self.aliased, "users counted at another domain by --aliases"),
        ] {
            if count > 0 {
                lines.push(format!("{} {text}", grouped(count)));
            }
        }
        let few = self
            .ranking
            .at_least(min_users)
            .saturating_sub(self.ranking.at_least(FEW));
        if few > 0 {
            lines.push(format!(
                "{} domains have fewer than {FEW} users, and such a domain can be a person: use --min-users {FEW} before you \
                 publish this",
                grouped(few as u64)
            ));
        }
        lines
    }

    fn not_counted(&self) -> u64 {
        self.sums.causes.iter().sum()
    }
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
