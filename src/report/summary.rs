//! What the page says first: which survey this is, and its few largest numbers.

use super::questions::{Asked, MEASURES, Measure};
use super::survey::{Status, Survey, at};
use super::table::{Tally, thousands};

/// The head of a page.
pub struct Summary {
    domains: u64,
    servers: u64,
    /// First and last time of a measurement.
    times: Option<(String, String)>,
    store: Option<String>,
    rule: &'static str,
    cut: u64,
    /// The numbers.
    pub tiles: Vec<Tile>,
}

/// A number to remember.
pub struct Tile {
    /// `57.63 %`.
    pub value: String,
    /// Of what.
    pub label: String,
    /// Numerator, denominator, unknown.
    pub detail: String,
}

impl Summary {
    /// The head of a survey's page.
    pub fn new(survey: &Survey, asked: &Asked) -> rusqlite::Result<Self> {
        let verdicts = survey.verdicts()?;
        let mut tiles = Vec::new();
        for (word, label) in [
            ("esmtp", "of domains speak ESMTP"),
            ("tls", "of domains have TLS"),
            ("valid", "of domains have a valid certificate"),
        ] {
            let Some(measure) = MEASURES.iter().find(|measure| measure.word == word) else {
                continue;
            };
            let mut tally = Tally::default();
            for verdict in verdicts {
                if let Some(truth) = measure.of(verdict, asked.rule) {
                    tally.add(truth, 1);
                }
            }
            tiles.push(tile(label.to_owned(), &tally, "domains"));
            if word == "tls" {
                tiles.extend(users(survey, asked, measure)?);
            }
        }
        let one = |sql: &str| survey.connection.query_row(sql, [], |row| row.get(0));
        let times = survey.connection.query_row(
            "SELECT min(started), max(coalesce(ended, started)) FROM run WHERE started IS NOT NULL",
            [],
            |row| Ok(row.get::<_, Option<String>>(0)?.zip(row.get(1)?)),
        )?;
        let store = survey.connection.query_row(
            "SELECT max(store || ', ' || store_date) FROM (SELECT store, store_date FROM verdict WHERE position = 0 LIMIT 1)",
            [],
            |row| row.get(0),
        )?;
        Ok(Self {
            domains: verdicts
                .iter()
                .filter(|verdict| verdict.status != Status::NotLookedUp)
                .count() as u64,
            servers: one("SELECT count(*) FROM judged_server")?,
            times,
            store,
            rule: asked.rule.word(),
            cut: one("SELECT count(*) FROM cut_runs")?,
            tiles,
        })
    }

    /// In a few words.
    pub fn title(&self) -> String {
        format!("{} domains", thousands(self.domains))
    }

    /// In a few sentences.
    pub fn about(&self) -> String {
        let mut text = format!(
            "A survey of {} domains and the {} mail servers behind them",
            thousands(self.domains),
            thousands(self.servers)
        );
        if let Some((first, last)) = &self.times {
            text += &format!(", {} to {}", minute(first), minute(last));
        }
        text += &format!(
            ". Servers of a domain are taken together by the rule {}.",
            self.rule
        );
        if let Some(store) = &self.store {
            text += &format!(" Certificates are valid against {store}.");
        }
        if self.cut > 0 {
            text += &format!(" {} runs were cut: records are missing.", self.cut);
        }
        text
    }
}

fn users(survey: &Survey, asked: &Asked, measure: &Measure) -> rusqlite::Result<Vec<Tile>> {
    let verdicts = survey.verdicts()?;
    let mut tiles = Vec::new();
    for list in survey.counted()? {
        let mut tally = Tally::default();
        for entry in &list.entries {
            if let Some(truth) = measure.of(&at(verdicts, entry.domain), asked.rule) {
                tally.add(truth, entry.users);
            }
        }
        tiles.push(tile(
            format!("of users have TLS ({})", list.source),
            &tally,
            "users",
        ));
    }
    Ok(tiles)
}

fn tile(label: String, tally: &Tally, unit: &str) -> Tile {
    Tile {
        value: tally
            .percent()
            .map_or_else(|| "unknown".to_owned(), |percent| format!("{percent:.2} %")),
        label,
        detail: format!(
            "{} of {} {unit} that answered; {} unknown",
            thousands(tally.yes),
            thousands(tally.of()),
            thousands(tally.unknown)
        ),
    }
}

/// A time to the minute.
fn minute(time: &str) -> String {
    let text: String = time.chars().take(16).collect();
    text.replace('T', " ")
}
