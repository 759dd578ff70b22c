//! Certificates seen in a run: each is written once, and a chain seen before is not verified again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

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
    written: Mutex<HashSet<[u8; 32]>>,
    verdicts: Mutex<Verdicts>,
    /// Turns to judge aside.
    turns: Semaphore,
}

impl Ledger {
    /// Judges by `stores`.
    pub fn new(stores: Vec<Store>, at: Option<OffsetDateTime>) -> Self {
        Self {
            stores,
            at,
            written: Mutex::default(),
            verdicts: Mutex::default(),
            turns: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
        }
    }

    /// The stores.
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The time to judge at, if it is not the time of the scan.
    pub fn judged_at(&self) -> Option<OffsetDateTime> {
        self.at
    }

    /// Notes a certificate that stands in the stream already, by its hash in hex; true if that is news.
    pub fn note(&self, sha256: &str) -> bool {
        let mut key = [0; 32];
        for (octet, digits) in key.iter_mut().zip(sha256.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *octet = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        self.written().insert(key)
    }

    /// The `cert` records of certificates that were not written yet. The caller writes them before anything that
    /// names them.
    pub fn news<D: AsRef<[u8]>>(
        &self,
        certificates: &[D],
        time: OffsetDateTime,
        run: &str,
    ) -> Vec<Cert> {
        let is_news = |der: &&D| {
            let hash = Sha256::digest(der.as_ref()).into();
            self.written().insert(hash)
        };
        certificates
            .iter()
            .filter(is_news)
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
        let at = self.at.unwrap_or(time);
        tls.verdicts = Verdicts::of_chain(&self.verdicts, chain, at, &self.stores);
    }

    /// The same, on a thread of its own where the chain was not judged before: what a server sends may take a while,
    /// and others are served meanwhile. As many at once as there are processors; the others wait.
    pub async fn judge_aside(
        self: &Arc<Self>,
        chain: Vec<Vec<u8>>,
        time: OffsetDateTime,
        mut tls: Box<Tls>,
    ) -> (Box<Tls>, Vec<Vec<u8>>) {
        if self.knows(&chain, time) {
            self.judge(&chain, time, &mut tls);
            return (tls, chain);
        }
        // Never closed.
        let _turn = self.turns.acquire().await;
        let ledger = self.clone();
        let judged = tokio::task::spawn_blocking(move || {
            ledger.judge(&chain, time, &mut tls);
            (tls, chain)
        });
        match judged.await.map_err(JoinError::try_into_panic) {
            Ok(judged) => judged,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The whole is being stopped.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Whether judging takes no time: there is nothing to judge, or it was judged before.
    fn knows(&self, chain: &[Vec<u8>], time: OffsetDateTime) -> bool {
        let at = self.at.unwrap_or(time);
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        chain.is_empty() || verdicts.known(chain, at, &self.stores).is_some()
    }

    fn written(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run notes of its stores: their names and dates.
pub fn settings(stores: &[Store]) -> serde_json::Value {
    stores
        .iter()
        .map(|store| serde_json::json!({"name": store.name(), "date": store.date(), "roots": store.anchors().len()}))
        .collect()
}
