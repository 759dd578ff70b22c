//! Verdicts anew from `cert` and `tls` records, without the network (`--regrade`).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ledger::Ledger;
use crate::record::Tls;

/// Keeps every certificate of the stream, to judge the chains that name them.
#[derive(Debug)]
pub struct Regrader {
    ledger: Ledger,
    /// DER by SHA-256 in hex.
    certificates: HashMap<String, Vec<u8>>,
}

/// What became of a `tls` record.
#[derive(Debug)]
pub enum Regraded {
    /// Its verdicts are new.
    Anew(Box<Tls>),
    /// It names no chain: nothing to judge.
    NoChain,
    /// It names a certificate that did not come before it.
    Missing,
}

impl Regrader {
    /// Judges as `ledger` does; without `--at`, at the time of each scan.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            certificates: HashMap::new(),
        }
    }

    /// Takes a `cert` line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn certificate(&mut self, line: &[u8]) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Certificate<'a> {
            sha256: String,
            #[serde(borrow)]
            der: &'a str,
        }
        let certificate: Certificate<'_> =
            serde_json::from_slice(line).map_err(|error| format!("not a cert record: {error}"))?;
        let der = BASE64
            .decode(certificate.der)
            .map_err(|error| format!("not a cert record: der: {error}"))?;
        self.certificates.insert(certificate.sha256, der);
        Ok(())
    }

    /// Judges the chain of a `tls` line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn tls(&self, line: &[u8]) -> Result<Regraded, String> {
        let mut tls: Tls =
            serde_json::from_slice(line).map_err(|error| format!("not a tls record: {error}"))?;
        if tls.chain.is_empty() {
            return Ok(Regraded::NoChain);
        }
        let chain: Option<Vec<&Vec<u8>>> = tls
            .chain
            .iter()
            .map(|sha256| self.certificates.get(sha256))
            .collect();
        let Some(chain) = chain else {
            return Ok(Regraded::Missing);
        };
        let time = OffsetDateTime::parse(&tls.time, &Rfc3339)
            .map_err(|error| format!("not a tls record: time: {error}"))?;
        self.ledger.judge(&chain, time, &mut tls);
        Ok(Regraded::Anew(Box::new(tls)))
    }
}
