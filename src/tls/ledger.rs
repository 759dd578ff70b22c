//! Certificates seen in a run: each is written once, and a chain seen before is not verified again.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::record::{Cert, Tls, timestamp};
use crate::x509::store::Store;
use crate::x509::verdict::Verdicts;
use crate::x509::{facts, sha256_hex};

/// What is known of certificates.
#[derive(Debug)]
pub struct Ledger {
    stores: Vec<Store>,
    /// The time to judge at, if it is not the time of the scan (`--at`).
    at: Option<OffsetDateTime>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    written: HashSet<[u8; 32]>,
    verdicts: Verdicts,
}

impl Ledger {
    /// Judges by `stores`.
    pub fn new(stores: Vec<Store>, at: Option<OffsetDateTime>) -> Self {
        Self {
            stores,
            at,
            seen: Mutex::default(),
        }
    }

    /// The stores.
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The time to judge at, if it is not the time of the scan.
    pub fn at(&self) -> Option<OffsetDateTime> {
        self.at
    }

    /// Notes a certificate that stands in the stream already, by its hash in hex; true if that is news.
    pub fn note(&self, sha256: &str) -> bool {
        let mut key = [0; 32];
        for (octet, digits) in key.iter_mut().zip(sha256.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *octet = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        self.seen().written.insert(key)
    }

    /// The `cert` records of certificates that were not written yet. The caller writes them before anything that
    /// names them.
    pub fn news<D: AsRef<[u8]>>(
        &self,
        certificates: &[D],
        time: OffsetDateTime,
        run: &str,
    ) -> Vec<Cert> {
        let mut seen = self.seen();
        certificates
            .iter()
            .filter(|der| seen.written.insert(Sha256::digest(der.as_ref()).into()))
            .map(|der| facts::record(der.as_ref(), timestamp(time), run.to_owned()))
            .collect()
    }

    /// Writes the chain, its leaf and the verdicts on it into a record.
    pub fn judge<D: AsRef<[u8]>>(&self, chain: &[D], time: OffsetDateTime, tls: &mut Tls) {
        tls.chain = chain.iter().map(|der| sha256_hex(der.as_ref())).collect();
        let Some(leaf) = chain.first() else {
            return;
        };
        tls.leaf = facts::leaf(leaf.as_ref()).ok();
        tls.verdicts = self
            .seen()
            .verdicts
            .on(chain, self.at.unwrap_or(time), &self.stores);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run notes of its stores: their names and dates.
pub fn settings(stores: &[Store]) -> serde_json::Value {
    stores
        .iter()
        .map(|store| serde_json::json!({"name": store.name(), "date": store.date(), "roots": store.anchors().len()}))
        .collect()
}
