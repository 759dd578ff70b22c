//! Lines in, rows out: each record into the tables of its type, all in one transaction that the caller ends.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::dictionary::Dictionary;
use super::parsed::{ParsedLine, ParsedRecord};
use super::ranks::Ranks;
use crate::ndjson;
use crate::record::{Event, Run};

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A new row.
    New,
    /// A later record of a known subject: it took the place of the earlier one.
    Replaced,
    /// An earlier record of a known subject: left out.
    Older,
    /// The same again.
    Repeated,
}

/// How many lines became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// [`Stored::New`].
    pub new: u64,
    /// [`Stored::Replaced`].
    pub replaced: u64,
    /// [`Stored::Older`].
    pub older: u64,
    /// [`Stored::Repeated`].
    pub repeated: u64,
}

impl LineCounts {
    /// Adds one.
    pub fn add(&mut self, stored: Stored) {
        match stored {
            Stored::New => self.new += 1,
            Stored::Replaced => self.replaced += 1,
            Stored::Older => self.older += 1,
            Stored::Repeated => self.repeated += 1,
        }
    }
}

/// Why a line is not in the database.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The line is not understood; the next one may be.
    #[error("{0}")]
    Line(String),
    /// The database cannot go on.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// Writes records into an open survey.
pub struct SurveyWriter {
    pub(super) connection: Connection,
    pub(super) names: Dictionary<Box<str>>,
    pub(super) runs: Dictionary<Box<str>>,
    pub(super) lists: Dictionary<Box<str>>,
    pub(super) addresses: Dictionary<IpAddr>,
    pub(super) address_sets: Dictionary<i64>,
    pub(super) exchanges: Dictionary<(i64, i64)>,
    pub(super) certificates: Dictionary<Box<str>>,
    pub(super) capabilities: Dictionary<Box<str>>,
    /// By row of `list`.
    pub(super) ranks: HashMap<i64, Ranks>,
    /// Users of a list in all, by row of `list`.
    pub(super) totals: HashMap<i64, Option<i64>>,
    /// Runs that asked each server once for each name.
    pub(super) by_name: HashSet<String>,
    changed: bool,
}

impl SurveyWriter {
    /// A writer to a connection of [`create`](super::create) or [`temporary`](super::temporary).
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            names: Dictionary::new(
                "INSERT INTO name (name) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM name WHERE name = ?1",
            ),
            runs: Dictionary::new(
                "INSERT INTO run (run) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM run WHERE run = ?1",
            ),
            lists: Dictionary::new(
                "INSERT INTO list (source, of) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                "SELECT id FROM list WHERE source = ?1",
            ),
            addresses: Dictionary::new(
                "INSERT INTO address (ip, special) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                "SELECT id FROM address WHERE ip = ?1",
            ),
            address_sets: Dictionary::new(
                "INSERT INTO address_set (digest) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM address_set WHERE digest = ?1",
            ),
            exchanges: Dictionary::new(
                "INSERT INTO exchange (name, digest, addresses, registered_domain, ipv4, ipv6, dnssec, tlsa, tlsa_base, \
                 tlsa_dnssec) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
                "SELECT id FROM exchange WHERE name = ?1 AND digest = ?2",
            ),
            certificates: Dictionary::new(
                "INSERT INTO certificate (sha256) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM certificate WHERE sha256 = ?1",
            ),
            capabilities: Dictionary::new(
                "INSERT INTO capability_set (keywords) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM capability_set WHERE keywords = ?1",
            ),
            ranks: HashMap::new(),
            totals: HashMap::new(),
            by_name: HashSet::new(),
            changed: false,
        }
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")
    }

    /// Ends it; what was put since is safe now.
    pub fn commit(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.changed) {
            self.connection
                .prepare_cached(
                    "INSERT INTO meta (key, value) VALUES ('changes', 1) ON CONFLICT DO UPDATE SET value = value + 1",
                )?
                .execute([])?;
        }
        self.connection.execute_batch("COMMIT")
    }

    /// Gives up what was put since [`SurveyWriter::begin`].
    pub fn rollback(&mut self) {
        // After a full disk SQLite may have rolled back by itself; then there is nothing to do.
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.changed = false;
        self.names.forget();
        self.runs.forget();
        self.lists.forget();
        self.addresses.forget();
        self.ranks.clear();
        self.totals.clear();
        self.address_sets.forget();
        self.exchanges.forget();
        self.certificates.forget();
        self.capabilities.forget();
    }

    /// The connection, when all is written.
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes a line. A line that is refused has changed nothing.
    pub fn put(&mut self, line: &[u8]) -> Result<Put, Refused> {
        let line = line.trim_ascii();
        let parsed = ParsedLine::parse(line).map_err(Refused::Line)?;
        self.put_parsed(&parsed, line)
    }

    /// Writes a line that was parsed, without white space around it.
    pub(super) fn put_parsed(&mut self, parsed: &ParsedLine, line: &[u8]) -> Result<Put, Refused> {
        let mut event = None;
        let kept = (!parsed.is_whole).then_some(line);
        let stored = match &parsed.record {
            ParsedRecord::Listed(listed) => self.listed(listed, kept)?,
            ParsedRecord::Other(other) => self.other(other, line)?,
            ParsedRecord::Domain(domain, keys) => self.domain(domain, keys, kept)?,
            ParsedRecord::Smtp(smtp) => self.smtp(smtp, line)?,
            ParsedRecord::Tls(tls) => self.tls(tls, line)?,
            ParsedRecord::Cert(cert) => self.cert(cert, line)?,
            ParsedRecord::Policy(policy) => self.policy(policy, line)?,
            ParsedRecord::Sts(sts) => self.sts(sts, line)?,
            ParsedRecord::Hop(hop) => self.hop(hop, line)?,
            ParsedRecord::Run(run) => {
                event = Some((run.event, run.id.clone(), run.stage.clone()));
                self.run(run, line)?
            }
            ParsedRecord::Unknown(tag) => self.unknown(tag, line)?,
        };
        self.changed |= matches!(stored, Stored::New | Stored::Replaced);
        Ok(Put { stored, event })
    }
}

/// A line that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// What became of it.
    pub stored: Stored,
    /// For a `run` line, which end of which run (id and stage).
    pub event: Option<(Event, String, String)>,
}

/// A record's time.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, Refused> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| Refused::Line(format!("no RFC 3339 time: {}", ndjson::printable(text))))
}

/// What an earlier row says about a record that comes again.
pub(super) fn against(known: &str, new: OffsetDateTime) -> Result<Stored, Refused> {
    Ok(match instant(known)?.cmp(&new) {
        std::cmp::Ordering::Less => Stored::Replaced,
        std::cmp::Ordering::Equal => Stored::Repeated,
        std::cmp::Ordering::Greater => Stored::Older,
    })
}

/// A line for the column `line`: text, or bytes where a string in it is not UTF-8.
pub(super) struct Raw<'a>(pub &'a [u8]);

impl rusqlite::ToSql for Raw<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match std::str::from_utf8(self.0) {
            Ok(text) => ValueRef::Text(text.as_bytes()),
            Err(_) => ValueRef::Blob(self.0),
        }))
    }
}

/// The `sni` setting of a run line, in whichever form.
pub(super) fn asks_each_name(run: &Run) -> bool {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Setting {
        Word(String),
        Else(serde::de::IgnoredAny),
    }
    run.settings
        .get("sni")
        .and_then(|value| Setting::deserialize(value).ok())
        .is_some_and(|setting| matches!(setting, Setting::Word(word) if word == "each"))
}
