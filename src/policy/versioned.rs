//! Which TXT records of a name are of one version: by the letter, to lax readers, and by what whoever wrote them meant
//! (RFC 8461 §3.1 and RFC 8460 §3 share the rule).

use super::fields;
use crate::record::{Fault, PolicyFault, PolicyState};

/// The records of a name that are of one version.
#[derive(Debug)]
pub(super) struct Versioned<'r> {
    /// Those that begin with the version and a semicolon: what does not is discarded.
    strict: Vec<&'r [u8]>,
    /// Those that begin with the version, and a delimiter or the end comes next.
    lax: Vec<&'r [u8]>,
    /// Those whose writer meant one.
    meant: Vec<&'r [u8]>,
}

impl<'r> Versioned<'r> {
    /// Chooses the records of `version`, which is `v=` and a name that ends in `v1`.
    pub(super) fn choose<R: AsRef<[u8]>>(records: &'r [R], version: &[u8]) -> Self {
        let behind = |record: &'r [u8]| record.strip_prefix(version);
        let records = || records.iter().map(AsRef::as_ref);
        let is_strict = |record: &&'r [u8]| {
            let rest = behind(record);
            rest.is_some_and(|rest| rest.first() == Some(&b';'))
        };
        let is_lax = |record: &&'r [u8]| {
            let rest = behind(record);
            rest.is_some_and(|rest| {
                matches!(rest[fields::blanks(rest)..].first(), None | Some(b';'))
            })
        };
        let name = version.strip_suffix(b"v1").unwrap_or(version);
        Self {
            strict: records().filter(is_strict).collect(),
            lax: records().filter(is_lax).collect(),
            meant: records().filter(|record| is_meant(record, name)).collect(),
        }
    }

    /// Those whose writer meant one, as they came.
    pub(super) fn meant(&self) -> impl Iterator<Item = &'r [u8]> {
        self.meant.iter().copied()
    }

    /// The one record by the letter. Without exactly one, the state of the part, and the fault, which shows `shown` of a record
    /// that was only meant as one.
    pub(super) fn strictly(
        &self,
        shown: fn(&[u8]) -> &[u8],
    ) -> Result<&'r [u8], (PolicyState, Option<Fault>)> {
        match self.strict[..] {
            [record] => Ok(record),
            [] => {
                let fault = |record| Fault::new(PolicyFault::NearMiss).in_term(0, shown(record));
                Err((PolicyState::Absent, self.meant().next().map(fault)))
            }
            _ => {
                let fault = Fault::new(PolicyFault::Multiple);
                Err((PolicyState::Multiple, Some(fault)))
            }
        }
    }

    /// The one record to lax readers; without exactly one, the state of the part.
    pub(super) fn leniently(&self) -> Result<&'r [u8], PolicyState> {
        match self.lax[..] {
            [record] => Ok(record),
            [] => Err(PolicyState::Absent),
            _ => Err(PolicyState::Multiple),
        }
    }
}

/// It begins with the name of a version, whatever the case and the blanks.
fn is_meant(record: &[u8], name: &[u8]) -> bool {
    let compact: Vec<u8> = (record.iter().take(64).copied())
        .filter(|octet| !octet.is_ascii_whitespace())
        .take(name.len())
        .collect();
    compact.eq_ignore_ascii_case(name)
}
