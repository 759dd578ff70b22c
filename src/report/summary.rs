//! What the page says first: which survey this is, and its few largest numbers.

use super::asked::ReportSettings;
use super::measure::{MEASURES, Measure};
use super::survey::{DomainState, Survey, verdict_of};
use super::table::{Tally, thousands};
use crate::store::{self, query};

/// The head of a page.
pub struct PageSummary {
    /// What the survey is called; none: it was given no name.
    label: Option<String>,
    domains: u64,
    servers: u64,
    /// First and last time of a measurement.
    times: Option<(String, String)>,
    store: Option<String>,
    rule: &'static str,
    cautions: Vec<String>,
    band: Option<&'static str>,
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

impl PageSummary {
    /// The head of a survey's page.
    pub fn new(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Self> {
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
                if let Some(truth) = measure.truth(verdict, asked.rule) {
                    tally.add(truth, 1);
                }
            }
            tiles.push(tile(label.to_owned(), &tally, "domains"));
            if word == "tls" {
                tiles.extend(users(survey, asked, measure)?);
            }
        }
        let connection = &survey.connection;
        Ok(Self {
            label: store::label(connection)?,
            domains: verdicts
                .iter()
                .filter(|verdict| verdict.status != DomainState::NotLookedUp)
                .count() as u64,
            servers: query::server_count(connection)?,
            times: query::times(connection)?,
            store: query::first_store(connection)?,
            rule: asked.rule.word(),
            cautions: cautions(survey)?,
            band: band(survey)?,
            tiles,
        })
    }

    /// In a few words.
    pub fn title(&self) -> String {
        let domains = format!("{} domains", thousands(self.domains));
        match &self.label {
            Some(label) => format!("{}, {domains}", store::printable(label)),
            None => domains,
        }
    }

    /// In a few sentences.
    pub fn about(&self) -> String {
        let label = self.label.as_ref();
        let mut text = label.map_or(String::new(), |label| format!("{label}. "));
        text += &format!(
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
        text
    }

    /// That all of it was made up, if it was.
    pub fn band(&self) -> Option<&'static str> {
        self.band
    }

    /// What it lacks, in a sentence each.
    pub fn cautions(&self) -> &[String] {
        &self.cautions
    }
}

/// What stands over every answer of a survey that asked no real server: names of companies in it say nothing of them.
pub fn band(survey: &Survey) -> rusqlite::Result<Option<&'static str>> {
    const BAND: &str = "SYNTHETIC: made up. These servers ran on one machine; nothing here is said of the companies whose \
         names stand in it.";
    Ok(query::is_synthetic(&survey.connection)?.then_some(BAND))
}

/// What a survey lacks so that its percentages would mislead, in a sentence each.
pub fn cautions(survey: &Survey) -> rusqlite::Result<Vec<String>> {
    let connection = &survey.connection;
    let lost = query::lost(connection)?;
    let ports = query::servers_at_two_ports(connection)?;
    let query::Cautions {
        cut_runs,
        accept,
        unasked,
        not_probed,
    } = query::cautions(connection)?;
    let ports = (ports > 0).then(|| {
        format!(
            "{} servers were seen at two ports: this is two surveys in one database, and only the port with most records \
             is judged.",
            thousands(ports)
        )
    });
    let cut = (cut_runs > 0).then(|| {
        let runs = thousands(cut_runs);
        format!("{runs} runs were cut: records are missing.")
    });
    let not_probed = (not_probed > 0).then(|| {
        let domains = thousands(not_probed);
        format!("The servers of {domains} domains were not probed.")
    });
    let unasked = (unasked > 0).then(|| {
        format!(
            "{} of {} servers that accept STARTTLS were not asked for TLS by tls-inspect: they are unknown, so that \
             percentages of TLS and of certificates lean towards no.",
            thousands(unasked),
            thousands(accept)
        )
    });
    let (dns, servers) = (lost_in_dns(&lost), lost_servers(&lost));
    let all = [dns, servers, ports, cut, not_probed, unasked];
    Ok(all.into_iter().flatten().collect())
}

/// That the DNS answered nothing, or nothing for most. Of some domains it never does: these stand as unknown in every table.
fn lost_in_dns(lost: &query::NotLearned) -> Option<String> {
    let domains = thousands(lost.domains);
    if lost.domains > 0 && lost.unanswered == lost.domains {
        return Some(format!(
            "No question to the DNS was answered, for none of {domains} domains: the name servers that were asked are dead \
             or out of reach, and nothing was learned."
        ));
    }
    (lost.unanswered.saturating_mul(2) > lost.domains).then(|| {
        let unanswered = thousands(lost.unanswered);
        format!(
            "Exchanges or addresses of {unanswered} of {domains} domains could not be learned from the DNS: they are unknown."
        )
    })
}

/// That no server could be connected to.
fn lost_servers(lost: &query::NotLearned) -> Option<String> {
    (lost.servers > 0 && lost.unconnected == lost.servers).then(|| {
        format!(
            "No connection to any of {} servers succeeded: port 25 may be closed on the way out of here, so that the \
             servers were not learned, rather than unreachable.",
            thousands(lost.servers)
        )
    })
}

fn users(
    survey: &Survey,
    asked: &ReportSettings,
    measure: &Measure,
) -> rusqlite::Result<Vec<Tile>> {
    let verdicts = survey.verdicts()?;
    let mut tiles = Vec::new();
    for list in survey.counted()? {
        let mut tally = Tally::default();
        for entry in &list.entries {
            if let Some(truth) = measure.truth(&verdict_of(verdicts, entry.domain), asked.rule) {
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
        value: tally.headline(),
        label,
        detail: format!(
            "{} of {} {unit} of which it was learned; {} unknown",
            thousands(tally.yes),
            thousands(tally.decided()),
            thousands(tally.unknown)
        ),
    }
}

/// A time to the minute.
fn minute(time: &str) -> String {
    let text: String = time.chars().take(16).collect();
    text.replace('T', " ")
}
