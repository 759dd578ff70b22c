//! Weaknesses of servers and of the certificates they send, and their levels by published guidelines.

use std::collections::BTreeSet;
use std::rc::Rc;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Statement, params};

use crate::judge::levels::{self, Grade};
use crate::judge::weakness;
use crate::record::{Cert, CertFacts, Tls};

/// Certificates whose facts are kept.
const KEPT: usize = 8192;

/// Fills `server_weakness` and `server_level` for every row of `judged_server` with a handshake.
pub(super) fn weigh(connection: &Connection) -> rusqlite::Result<()> {
    let mut weak = connection
        .prepare("INSERT OR IGNORE INTO server_weakness (address, weakness) VALUES (?1, ?2)")?;
    let mut level = connection.prepare(
        "INSERT OR IGNORE INTO server_level (address, edition, level) VALUES (?1, ?2, ?3)",
    )?;
    let mut certificates = Certificates {
        kept: HashMap::new(),
        select: connection.prepare_cached("SELECT line FROM certificate WHERE sha256 = ?1")?,
    };
    // Under `--sni each` a server has several rows.
    let mut statement = connection.prepare(
        "SELECT j.address, t.line FROM judged_server j JOIN tls f ON f.id = j.tls \
         JOIN tls t ON t.address = f.address AND t.port = f.port ORDER BY j.address",
    )?;
    let mut rows = statement.query([])?;
    let mut seen = Seen::default();
    while let Some(row) = rows.next()? {
        let address: i64 = row.get(0)?;
        // What does not parse is not in the table.
        let Ok(tls) = serde_json::from_slice::<Tls>(row.get_ref(1)?.as_bytes().unwrap_or_default())
        else {
            continue;
        };
        if seen.address != address {
            std::mem::take(&mut seen).write(&mut weak, &mut level)?;
            seen.address = address;
        }
        let mut chain = Vec::with_capacity(tls.chain.len());
        for sha256 in &tls.chain {
            chain.extend(certificates.facts(sha256)?);
        }
        let facts: Vec<&CertFacts> = chain.iter().map(Rc::as_ref).collect();
        let of_server = weakness::of_server(&tls);
        seen.weaknesses
            .extend(of_server.iter().map(|weakness| weakness.word()));
        for facts in &facts {
            let of_certificate = weakness::of_certificate(facts);
            seen.weaknesses
                .extend(of_certificate.iter().map(|weakness| weakness.word()));
        }
        seen.grades.extend(levels::grades(&tls, &facts));
    }
    seen.write(&mut weak, &mut level)
}

/// What was seen at a server, in all its handshakes.
#[derive(Default)]
struct Seen {
    address: i64,
    weaknesses: BTreeSet<&'static str>,
    grades: Vec<Grade>,
}

impl Seen {
    fn write(self, weak: &mut Statement<'_>, level: &mut Statement<'_>) -> rusqlite::Result<()> {
        for weakness in self.weaknesses {
            weak.execute(params![self.address, weakness])?;
        }
        for edition in levels::editions() {
            if let Some(worst) = levels::overall(&self.grades, edition) {
                level.execute(params![self.address, edition, worst])?;
            }
        }
        Ok(())
    }
}

struct Certificates<'c> {
    kept: HashMap<String, Option<Rc<CertFacts>>>,
    select: CachedStatement<'c>,
}

impl Certificates<'_> {
    fn facts(&mut self, sha256: &str) -> rusqlite::Result<Option<Rc<CertFacts>>> {
        if let Some(facts) = self.kept.get(sha256) {
            return Ok(facts.clone());
        }
        let facts = self
            .select
            .query_row([sha256], |row| {
                let line = row.get_ref(0)?.as_bytes_or_null()?;
                let cert = line.and_then(|line| serde_json::from_slice::<Cert>(line).ok());
                Ok(cert.and_then(|cert| cert.facts).map(Rc::new))
            })
            .optional()?
            .flatten();
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(sha256.to_owned(), facts.clone());
        Ok(facts)
    }
}
