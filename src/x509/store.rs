//! Named and dated stores of trust anchors (RFC 5280 §6.1.1): Mozilla's, embedded, or a file of PEM certificates.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::{der, dn, facts, sha256_hex};

/// Version of the crate with Mozilla's roots; a test holds it against Cargo.lock.
const WEBPKI_ROOTS: &str = "1.0.10";

/// Trust anchors with a name and a date, so that a verdict can be read years later.
#[derive(Debug)]
pub struct Store {
    name: String,
    date: String,
    anchors: Vec<TrustAnchor<'static>>,
    /// Positions in `anchors` by subject in canonical form.
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Store {
    /// Mozilla's roots, as this program was built with.
    pub fn mozilla() -> Self {
        Self::new(
            "mozilla".into(),
            format!("webpki-roots {WEBPKI_ROOTS}"),
            webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        )
    }

    /// The store of a `--roots` argument: `NAME=FILE`, `FILE` (named after the file), or `mozilla`.
    ///
    /// # Errors
    /// The file cannot be read, or a certificate in it is none, or there is none in it.
    pub fn from_argument(argument: &str) -> anyhow::Result<Self> {
        if argument == "mozilla" {
            return Ok(Self::mozilla());
        }
        let (name, file) = match argument.split_once('=') {
            Some((name, file)) if !name.is_empty() && !name.contains('/') => {
                (name.to_owned(), file)
            }
            _ => {
                let stem = Path::new(argument).file_stem().unwrap_or_default();
                (stem.to_string_lossy().into_owned(), argument)
            }
        };
        let pem = std::fs::read(file).with_context(|| format!("--roots: {file}"))?;
        Self::from_pem(name, &pem).with_context(|| format!("--roots: {file}"))
    }

    /// The certificates of a PEM file. Its date is that of Mozilla's header line, or else the hash of its bytes.
    ///
    /// # Errors
    /// A certificate cannot be read, or there is none.
    pub fn from_pem(name: String, pem: &[u8]) -> anyhow::Result<Self> {
        let mut anchors = Vec::new();
        for (number, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let certificate = certificate
                .map_err(|error| anyhow::anyhow!("certificate {}: {error}", number + 1))?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate)
                .map_err(|error| anyhow::anyhow!("certificate {}: {error}", number + 1))?;
            anchors.push(anchor.to_owned());
        }
        anyhow::ensure!(!anchors.is_empty(), "no certificate in PEM form");
        let date =
            mozilla_date(pem).unwrap_or_else(|| format!("sha256:{}", &sha256_hex(pem)[..16]));
        Ok(Self::new(name, date, anchors))
    }

    /// A store of one certificate, if it can be read; for a trust anchor named by a TLSA record.
    pub(super) fn of_one(name: &str, certificate: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from(certificate);
        let anchor = webpki::anchor_from_trusted_cert(&certificate).ok()?;
        Some(Self::new(
            name.into(),
            String::new(),
            vec![anchor.to_owned()],
        ))
    }

    /// A store of one key, a SubjectPublicKeyInfo in DER, under the name of every issuer in a chain.
    pub(super) fn of_key<D: AsRef<[u8]>>(name: &str, key: &[u8], chain: &[D]) -> Option<Self> {
        let key = der::read(key)?.contents;
        let anchors = (chain.iter())
            .filter_map(|der| {
                let certificate = facts::parse(der.as_ref()).ok()?;
                let issuer = der::read(certificate.issuer().as_raw())?.contents;
                Some(TrustAnchor {
                    subject: issuer.to_vec().into(),
                    subject_public_key_info: key.to_vec().into(),
                    name_constraints: None,
                })
            })
            .collect();
        Some(Self::new(name.into(), String::new(), anchors))
    }

    fn new(name: String, date: String, anchors: Vec<TrustAnchor<'static>>) -> Self {
        let mut by_subject: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (at, anchor) in anchors.iter().enumerate() {
            by_subject
                .entry(dn::canonical(&anchor.subject))
                .or_default()
                .push(at);
        }
        Self {
            name,
            date,
            anchors,
            by_subject,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version or date.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Its anchors.
    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The anchors with a subject in the form of [`dn::canonical`].
    pub(super) fn named(&self, subject: &[u8]) -> impl Iterator<Item = &TrustAnchor<'static>> {
        self.by_subject
            .get(subject)
            .into_iter()
            .flatten()
            .map(|&at| &self.anchors[at])
    }
}

/// `## Certificate data from Mozilla as of: Tue Jan 28 09:38:07 2014`, the header of curl's and the study's files.
fn mozilla_date(pem: &[u8]) -> Option<String> {
    pem.split(|&octet| octet == b'\n')
        .take(32)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .find_map(|line| line.split_once("Certificate data from Mozilla"))
        .and_then(|(_, tail)| {
            tail.split_once("as of:")
                .or_else(|| tail.split_once("last updated on:"))
        })
        .map(|(_, date)| date.trim().to_owned())
        .filter(|date| !date.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_store_bears_the_version_it_was_built_with() {
        let lock = include_str!("../../Cargo.lock");
        let found = lock
            .split("[[package]]")
            .filter(|package| package.contains("name = \"webpki-roots\""))
            .any(|package| package.contains(&format!("version = \"{WEBPKI_ROOTS}\"")));
        assert!(found, "WEBPKI_ROOTS differs from Cargo.lock");
        assert!(Store::mozilla().anchors().len() > 100);
    }

    #[test]
    fn a_file_of_roots_is_dated_by_its_header_or_its_hash() {
        let key = rcgen::KeyPair::generate().unwrap();
        let root = rcgen::CertificateParams::new(vec!["root.test".into()]).unwrap();
        let pem = root.self_signed(&key).unwrap().pem();
        let plain = Store::from_pem("a".into(), pem.as_bytes()).unwrap();
        assert!(plain.date().starts_with("sha256:"), "{}", plain.date());
        let dated = format!("## Certificate data from Mozilla as of: Tue Jan 28 2014\n{pem}");
        let dated = Store::from_pem("b".into(), dated.as_bytes()).unwrap();
        assert_eq!((dated.name(), dated.date()), ("b", "Tue Jan 28 2014"));
        assert!(Store::from_pem("c".into(), b"nothing").is_err());
    }
}
