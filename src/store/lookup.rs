//! What a survey already answers: for `--resume out.db`.

use std::net::IpAddr;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::error::StoreError;
use super::{open, whole};
use crate::driver::Key;
use crate::driver::resume::{Earlier, Start};
use crate::ndjson::to_line;

/// A survey asked for single records by their key.
pub struct RecordLookup {
    connection: Connection,
}

impl RecordLookup {
    /// Opens a survey for reading.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: open::open(path)?,
        })
    }

    /// Whether a file begins as an SQLite database does.
    pub fn is_database(beginning: &[u8]) -> bool {
        beginning.starts_with(b"SQLite format 3\0")
    }

    /// The `domain` line of a domain.
    pub fn domain(&self, domain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<(i64, Option<Vec<u8>>)> = self
            .connection
            .prepare_cached(
                "SELECT d.id, d.line FROM name n JOIN domain d ON d.id = n.id WHERE n.name = ?1",
            )?
            .query_row([domain], |row| {
                let line = row.get_ref(1)?.as_bytes_or_null().ok().flatten();
                Ok((row.get(0)?, line.map(<[u8]>::to_vec)))
            })
            .optional()?;
        Ok(match found {
            // The tables say all that was in it.
            Some((id, None)) => whole::read_domain(&self.connection, id)?.map(|domain| {
                let mut line = to_line(&domain);
                line.pop();
                line
            }),
            Some((_, line)) => line,
            None => None,
        })
    }

    /// The `smtp` line of a server.
    pub fn smtp(&self, ip: IpAddr, port: u16) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(
            "SELECT line FROM smtp WHERE address = (SELECT id FROM address WHERE ip = ?1) AND port = ?2",
            params![ip.to_string(), port],
        )
    }

    /// The `tls` line of a server: the only one, or with `name` the one for that server name.
    pub fn tls(
        &self,
        ip: IpAddr,
        port: u16,
        name: Option<&str>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let ip = ip.to_string();
        match name {
            None => self.one(
                "SELECT line FROM tls WHERE address = (SELECT id FROM address WHERE ip = ?1) AND port = ?2 AND coalesce(sni, 0) = 0",
                params![ip, port],
            ),
            Some(name) => self.one(
                "SELECT line FROM tls WHERE address = (SELECT id FROM address WHERE ip = ?1) AND port = ?2 \
                 AND coalesce(sni, 0) = (SELECT id FROM name WHERE name = ?3)",
                params![ip, port, name],
            ),
        }
    }

    /// The `cert` line of a certificate.
    pub fn cert(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(
            "SELECT line FROM certificate WHERE sha256 = ?1 AND line IS NOT NULL",
            params![sha256],
        )
    }

    /// The `policy` line of a domain.
    pub fn policy(&self, domain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.published("policy", domain)
    }

    /// The `sts` line of a domain.
    pub fn sts(&self, domain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.published("sts", domain)
    }

    /// A line of a table that a database of an earlier version has not.
    fn published(&self, table: &str, domain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.connection.table_exists(None, table)? {
            return Ok(None);
        }
        let sql = format!(
            "SELECT line FROM {table} WHERE domain = (SELECT id FROM name WHERE name = ?1)"
        );
        self.one(&sql, params![domain])
    }

    /// The `run` lines with which a stage began, oldest first: they hold the settings.
    pub fn starts(&self, stage: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT line FROM run WHERE stage = ?1 AND line IS NOT NULL ORDER BY id",
        )?;
        let rows = statement.query_map([stage], bytes)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn one(&self, sql: &str, parameters: impl Params) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(parameters, bytes).optional()?)
    }
}

/// Opens a survey as the earlier run that `--resume` names; `None`: the file does not begin as a database does.
pub fn earlier(path: &Path, beginning: &[u8]) -> anyhow::Result<Option<Box<dyn Earlier>>> {
    if !RecordLookup::is_database(beginning) {
        return Ok(None);
    }
    Ok(Some(Box::new(RecordLookup::open(path)?)))
}

impl Earlier for RecordLookup {
    fn line(&mut self, key: &Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(match key {
            Key::Domain(domain) => self.domain(domain),
            Key::Smtp(ip, port) => self.smtp(*ip, *port),
            Key::Tls(ip, port, name) => self.tls(*ip, *port, name.as_deref()),
            Key::Cert(sha256) => self.cert(sha256),
            Key::Policy(domain) => self.policy(domain),
            Key::Sts(domain) => self.sts(domain),
            // No table holds them yet.
            Key::Network(_) => Ok(None),
        }?)
    }

    fn is_of_a_run(&self) -> bool {
        true
    }

    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Start>> {
        let lines = RecordLookup::starts(self, stage)?;
        Ok(lines
            .iter()
            .filter_map(|line| Start::read(line).ok().flatten())
            .collect())
    }
}

/// The column `line`, whether it is text or bytes.
fn bytes(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let value = row.get_ref(0)?;
    Ok(value.as_bytes().map(<[u8]>::to_vec).unwrap_or_default())
}
