//! The names of certificates, at hand for comparing: a bounded number is kept.

use std::rc::Rc;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use crate::record::Text;
use crate::x509::names::{NameMatch, matches};

/// Octets of names that are kept, before it starts anew.
const KEPT: usize = 16 << 20;

/// What a certificate without names takes, and a name beside its octets.
const OVERHEAD: usize = 64;

/// Names by row of `certificate`; none where the certificate itself was never read.
pub(super) struct CertificateNames<'c> {
    kept: HashMap<u32, Option<Rc<Names>>>,
    octets: usize,
    select: CachedStatement<'c>,
    is_read: CachedStatement<'c>,
}

#[derive(Default)]
struct Names {
    dns: Vec<Text>,
    common: Vec<Text>,
}

impl<'c> CertificateNames<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            kept: HashMap::new(),
            octets: 0,
            select: connection
                .prepare_cached("SELECT kind, name FROM certificate_name WHERE certificate = ?1")?,
            is_read: connection
                .prepare_cached("SELECT subject IS NOT NULL FROM certificate WHERE id = ?1")?,
        })
    }

    /// How a certificate names `reference`; null: its names are not known.
    pub(super) fn matches(
        &mut self,
        certificate: u32,
        reference: &str,
    ) -> rusqlite::Result<Option<NameMatch>> {
        let names = self.names(certificate)?;
        Ok(names.map(|it| matches(&it.dns, &it.common, reference)))
    }

    fn names(&mut self, certificate: u32) -> rusqlite::Result<Option<Rc<Names>>> {
        if let Some(names) = self.kept.get(&certificate) {
            return Ok(names.clone());
        }
        let mut names = Names::default();
        let mut octets = OVERHEAD;
        let mut rows = self.select.query([certificate])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_bytes().unwrap_or_default();
            octets += OVERHEAD + name.len();
            match row.get_ref(0)?.as_str() {
                Ok("dns") => names.dns.push(name.into()),
                _ => names.common.push(name.into()),
            }
        }
        drop(rows);
        let is_known = octets > OVERHEAD
            || (self.is_read.query_row([certificate], |row| row.get(0)))
                .optional()?
                .unwrap_or(false);
        let names = is_known.then(|| Rc::new(names));
        self.octets += octets;
        if self.octets > KEPT {
            self.kept.clear();
            self.octets = octets;
        }
        self.kept.insert(certificate, names.clone());
        Ok(names)
    }
}
