//! Senders against receivers, as figure 6 of the study draws them: how mail went from one organisation to another, by
//! what the receivers wrote into its Received fields.

use std::collections::BTreeMap;

use maud::{Markup, html};
use rusqlite::Connection;

use super::number::thousands;
use crate::judge::Truth;
use crate::record::Evidence;
use crate::store::{printable, query};

/// Senders by receivers, the busiest of each.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Registered domains of the sending ends.
    pub senders: Vec<String>,
    /// Registered domains of the receiving ends.
    pub receivers: Vec<String>,
    cells: BTreeMap<(String, String), Hops>,
}

/// The hops from one organisation to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hops {
    /// What the strongest evidence says: the version, else `TLS`, else the protocol.
    pub strongest: String,
    /// Hops that went encrypted.
    pub yes: u64,
    /// Hops in clear.
    pub no: u64,
    /// Hops of which the receiver does not say.
    pub unknown: u64,
    strength: (u8, String, u64),
}

impl Hops {
    /// All of them.
    pub fn count(&self) -> u64 {
        self.yes + self.no + self.unknown
    }

    /// Whether they went encrypted; what is not known decides only where nothing else is.
    pub fn verdict(&self) -> Truth {
        match (self.yes, self.no) {
            (0, 0) => Truth::Unknown,
            (_, 0) => Truth::Yes,
            (0, _) => Truth::No,
            _ => Truth::Mixed,
        }
    }

    fn add(&mut self, encrypted: Option<bool>, said: Said, count: u64) {
        *match encrypted {
            Some(true) => &mut self.yes,
            Some(false) => &mut self.no,
            None => &mut self.unknown,
        } += count;
        let strength = (
            said.strength(),
            said.version.clone().unwrap_or_default(),
            count,
        );
        if self.strongest.is_empty() || strength > self.strength {
            self.strongest = said.label();
            self.strength = strength;
        }
    }
}

/// What hops say of themselves.
struct Said {
    evidence: Evidence,
    version: Option<String>,
    protocol: Option<String>,
}

impl Said {
    fn strength(&self) -> u8 {
        match self.evidence {
            Evidence::Details => 5,
            Evidence::Token => 4,
            Evidence::Idiom => 3,
            Evidence::UnregisteredToken => 2,
            Evidence::WriterMarksTls => 1,
            _ => 0,
        }
    }

    fn label(self) -> String {
        if let Some(version) = self.version {
            return version;
        }
        match (self.evidence, self.protocol) {
            // A cipher alone, or "(TLS)".
            (Evidence::Details | Evidence::Idiom, _) => "TLS".to_owned(),
            (_, Some(protocol)) => protocol,
            (_, None) => "?".to_owned(),
        }
    }
}

impl Matrix {
    /// The matrix of a survey, with at most `limit` senders and receivers.
    pub fn read(connection: &Connection, limit: usize) -> rusqlite::Result<Self> {
        let mut cells: BTreeMap<(String, String), Hops> = BTreeMap::new();
        for group in query::hop_groups(connection)? {
            let said = Said {
                evidence: group.evidence,
                version: group.version,
                protocol: group.protocol,
            };
            cells.entry((group.from, group.by)).or_default().add(
                group.encrypted,
                said,
                group.count,
            );
        }
        Ok(Self {
            senders: busiest(cells.iter().map(|((from, _), hops)| (from, hops)), limit),
            receivers: busiest(cells.iter().map(|((_, by), hops)| (by, hops)), limit),
            cells,
        })
    }

    /// The hops from `sender` to `receiver`.
    pub fn hops(&self, sender: &str, receiver: &str) -> Option<&Hops> {
        self.cells.get(&(sender.to_owned(), receiver.to_owned()))
    }

    /// Every pair with hops, the busiest first.
    pub fn pairs(&self) -> Vec<(&str, &str, &Hops)> {
        let mut pairs: Vec<_> = (self.cells.iter())
            .map(|((from, by), hops)| (from.as_str(), by.as_str(), hops))
            .collect();
        // Stable: pairs with as many hops stay in the order of the alphabet.
        pairs.sort_by_key(|(.., hops)| std::cmp::Reverse(hops.count()));
        pairs
    }

    /// Height in pixels, and the grid: a coloured field for each pair, its evidence and count in it.
    pub fn draw(&self) -> (u32, Markup) {
        /// Percent for the names of the senders.
        const LEFT: f64 = 20.0;
        const STEP: u32 = 38;
        // The names of the receivers stand aslant.
        let longest = self.receivers.iter().map(|name| name.chars().count());
        let top = 24 + 4 * longest.max().unwrap_or(0) as u32;
        let width = (100.0 - LEFT) / self.receivers.len().max(1) as f64;
        let across = |column: usize| LEFT + width * column as f64;
        let body = html! {
            @for (column, receiver) in self.receivers.iter().enumerate() {
                svg x=(percent(across(column) + width / 3.0)) y=(top - 10) overflow="visible" {
                    text transform="rotate(-32)" { (printable(receiver)) }
                }
            }
            @for (row, sender) in self.senders.iter().enumerate() {
                @let y = top + row as u32 * STEP;
                text x="0" y=(y + 22) { (printable(sender)) }
                @for (column, receiver) in self.receivers.iter().enumerate() {
                    @if let Some(hops) = self.hops(sender, receiver) {
                        @let field = format!("middle field on-{}", hops.verdict().word());
                        @let middle = percent(across(column) + width / 2.0);
                        rect class=(hops.verdict().word()) x=(percent(across(column))) width=(percent(width * 0.97)) y=(y) height=(STEP - 3) {
                            title {
                                (printable(sender)) " to " (printable(receiver)) ": " (thousands(hops.yes)) " encrypted, "
                                (thousands(hops.no)) " in clear, " (thousands(hops.unknown)) " unknown"
                            }
                        }
                        text class=(field) x=(middle) y=(y + 15) { (printable(&hops.strongest)) }
                        text class=(field) x=(middle) y=(y + 29) { (thousands(hops.count())) }
                    }
                }
            }
        };
        (top + self.senders.len() as u32 * STEP, body)
    }
}

/// The names with most hops, in the order of their hops, then of the alphabet.
fn busiest<'a>(pairs: impl Iterator<Item = (&'a String, &'a Hops)>, limit: usize) -> Vec<String> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    for (name, hops) in pairs {
        *counts.entry(name).or_default() += hops.count();
    }
    let mut names: Vec<(&String, u64)> = counts.into_iter().collect();
    names.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    names
        .into_iter()
        .take(limit)
        .map(|(name, _)| name.clone())
        .collect()
}

fn percent(value: f64) -> String {
    format!("{value:.3}%")
}
