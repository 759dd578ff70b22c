//! The names of certificates, at hand for comparing: read from the `cert` lines, a bounded number kept.

use std::rc::Rc;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use serde::Deserialize;

use crate::record::Text;
use crate::x509::names::{NameMatch, matches};

/// Certificates whose names are kept.
const KEPT: usize = 8192;

/// Names by row of `certificate`; none where the certificate itself was never seen.
pub(super) struct CertificateNames<'c> {
    kept: HashMap<u32, Option<Rc<Names>>>,
    select: CachedStatement<'c>,
}

#[derive(Deserialize)]
struct Names {
    names: Vec<Text>,
    common_names: Vec<Text>,
}

impl<'c> CertificateNames<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            kept: HashMap::new(),
            select: connection.prepare_cached("SELECT line FROM certificate WHERE id = ?1")?,
        })
    }

    /// How a certificate names `reference`; null: its names are not known.
    pub(super) fn matches(
        &mut self,
        certificate: u32,
        reference: &str,
    ) -> rusqlite::Result<Option<NameMatch>> {
        let names = self.names_of(certificate)?;
        Ok(names.map(|it| matches(&it.names, &it.common_names, reference)))
    }

    fn names_of(&mut self, certificate: u32) -> rusqlite::Result<Option<Rc<Names>>> {
        if let Some(names) = self.kept.get(&certificate) {
            return Ok(names.clone());
        }
        let names = self
            .select
            .query_row([certificate], |row| {
                let line = row.get_ref(0)?.as_bytes_or_null()?;
                Ok(line
                    .and_then(|line| serde_json::from_slice(line).ok())
                    .map(Rc::new))
            })
            .optional()?
            .flatten();
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(certificate, names.clone());
        Ok(names)
    }
}
