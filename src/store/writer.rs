//! Lines in, rows out: each record into the tables of its type, all in one transaction that the caller ends.

use std::borrow::Cow;
use std::net::IpAddr;

use hashbrown::HashSet;
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::dictionary::Dictionary;
use super::parts;
use crate::ndjson;
use crate::record::{Cert, Domain, Event, Hop, Listed, Other, Policy, Run, Smtp, Sts, Tls};

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
    pub(super) exchanges: Dictionary<(i64, i64)>,
    pub(super) certificates: Dictionary<Box<str>>,
    pub(super) capabilities: Dictionary<Box<str>>,
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
            exchanges: Dictionary::new(parts::INSERT_EXCHANGE, parts::SELECT_EXCHANGE),
            certificates: Dictionary::new(
                "INSERT INTO certificate (sha256) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM certificate WHERE sha256 = ?1",
            ),
            capabilities: Dictionary::new(
                "INSERT INTO capability_set (keywords) VALUES (?1) ON CONFLICT DO NOTHING",
                "SELECT id FROM capability_set WHERE keywords = ?1",
            ),
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
        let tag = match quick_tag(line) {
            Some(tag) => Cow::Borrowed(tag),
            None => ndjson::tag(line).map_err(|error| Refused::Line(error.to_string()))?,
        };
        let mut event = None;
        let stored = match tag.as_ref() {
            "listed" => self.listed(&parse::<Listed>(line, &tag)?, line)?,
            "other" => self.other(&parse::<Other>(line, &tag)?, line)?,
            "domain" => self.domain(&parse::<Domain>(line, &tag)?, line)?,
            "smtp" => self.smtp(&parse::<Smtp>(line, &tag)?, line)?,
            "tls" => self.tls(&parse::<Tls>(line, &tag)?, line)?,
            "cert" => self.cert(&parse::<Cert>(line, &tag)?, line)?,
            "policy" => self.policy(&parse::<Policy>(line, &tag)?, line)?,
            "sts" => self.sts(&parse::<Sts>(line, &tag)?, line)?,
            "hop" => self.hop(&parse::<Hop>(line, &tag)?, line)?,
            "run" => {
                let run = parse::<Run>(line, &tag)?;
                let stored = self.run(&run, line)?;
                event = Some((run.event, run.id, run.stage));
                stored
            }
            _ => {
                // The quick look did not check that the whole line is an object.
                ndjson::tag(line).map_err(|error| Refused::Line(error.to_string()))?;
                self.unknown(&tag, line)?
            }
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

/// The tag of a line that begins with it, as every stage writes them.
fn quick_tag(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"type\":\"")?;
    let end = memchr::memchr(b'"', rest)?;
    let tag = std::str::from_utf8(&rest[..end]).ok()?;
    (!tag.contains('\\') && matches!(rest.get(end + 1), Some(b',' | b'}'))).then_some(tag)
}

fn parse<T: DeserializeOwned>(line: &[u8], tag: &str) -> Result<T, Refused> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // "at line 1" would be read as a line of the stream.
        let text = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(text, _)| text);
        Refused::Line(format!(
            "not a {} record: {text} at column {}",
            ndjson::printable(tag),
            error.column()
        ))
    })
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
