//! What the certificate of a policy host is worth: its chain against a named store, its names against the host's (RFC 9525).

use std::sync::{Arc, Mutex};

use time::OffsetDateTime;

use super::tls::SentChain;
use crate::record::{StsCertificate, StsNameMatch};
use crate::x509::names::NameMatch;
use crate::x509::store::Store;
use crate::x509::verdict::Verdicts;
use crate::x509::{facts, names, sha256_hex};

/// Names of a certificate that are kept.
const NAME_LIMIT: usize = 20;

/// Judges certificates by one store.
#[derive(Debug)]
pub struct Judge {
    store: [Store; 1],
    /// On chains that were seen.
    verdicts: Mutex<Verdicts>,
}

impl Judge {
    /// By the roots of `store`.
    pub fn new(store: Store) -> Self {
        Self {
            store: [store],
            verdicts: Mutex::default(),
        }
    }

    /// What a chain is worth for `host`, on a thread of its own, since a hostile one may take its time; `None` where none was sent.
    pub async fn aside(self: Arc<Self>, chain: SentChain, host: String) -> Option<StsCertificate> {
        if chain.is_empty() {
            return None;
        }
        // One that broke off has judged nothing.
        tokio::task::spawn_blocking(move || self.certificate(&chain, &host))
            .await
            .ok()?
    }

    fn certificate(&self, chain: &SentChain, host: &str) -> Option<StsCertificate> {
        let leaf = chain.first()?;
        let facts = facts::facts(leaf).ok();
        let now = OffsetDateTime::now_utc();
        let verdict = Verdicts::of_chain(&self.verdicts, chain, now, &self.store).pop()?;
        let name_match = match &facts {
            Some(facts) => names::matches(&facts.names, &facts.common_names, host),
            None => NameMatch::No,
        };
        let own = facts.as_ref().map_or(&[][..], |facts| &facts.names[..]);
        Some(StsCertificate {
            sha256: sha256_hex(leaf),
            chain: chain.iter().map(|der| sha256_hex(der)).collect(),
            names: own.iter().take(NAME_LIMIT).cloned().collect(),
            not_after: facts.and_then(|facts| facts.not_after),
            name_match: match name_match {
                NameMatch::AlternativeName => StsNameMatch::Yes,
                NameMatch::CommonNameOnly => StsNameMatch::CommonNameOnly,
                NameMatch::No => StsNameMatch::No,
            },
            verdict,
        })
    }
}
