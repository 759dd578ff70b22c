//! A handful of certificates, what is weak in each, and TLSA records against chains of them.

use std::sync::LazyLock;

use mx_survey::record::{Dnssec, Exchange, Reason, Tlsa};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PublicKeyData,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::{Scan, TIME, covers, unpreferred};

/// A certificate. Its DER is real; key and signature algorithm are those of the record and may be older than the DER's.
pub struct Made {
    pub der: Vec<u8>,
    /// SubjectPublicKeyInfo; empty where the DER is no certificate.
    pub spki: Vec<u8>,
    pub common: Option<&'static str>,
    pub names: &'static [&'static str],
    /// Place of its issuer in [`CERTIFICATES`].
    issuer: usize,
    expired: bool,
    key: (&'static str, u32, Option<&'static str>),
    signature: &'static str,
    version: u32,
    pub weaknesses: &'static [&'static str],
}

/// The authorities stand first, then the leaves.
pub const AUTHORITIES: usize = 2;

pub static CERTIFICATES: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let authority = |name| {
        let mut params = named(&[], Some(name));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let authorities = [authority("good ca"), authority("other ca")];
    let mut made: Vec<Made> = (authorities.iter().zip(["good ca", "other ca"]).enumerate())
        .map(|(at, (authority, name))| Made {
            der: authority.der().to_vec(),
            spki: authority.key().subject_public_key_info(),
            common: Some(name),
            names: &[],
            issuer: at,
            expired: false,
            key: ("rsa", 4096, None),
            // Nobody checks the signature of a root.
            signature: "sha1WithRSAEncryption",
            version: 3,
            weaknesses: &[],
        })
        .collect();
    let keys: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
    let mut leaf = |key: usize, issuer: usize, expired, names: &'static [&'static str], common| {
        let mut params = named(names, common);
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = &keys[key];
        let der = match authorities.get(issuer) {
            Some(authority) => params.signed_by(key, authority),
            None => params.self_signed(key),
        };
        made.push(Made {
            der: der.unwrap().der().to_vec(),
            spki: key.subject_public_key_info(),
            common,
            names,
            issuer,
            expired,
            key: ("rsa", 2048, None),
            signature: "sha256WithRSAEncryption",
            version: 3,
            weaknesses: &[],
        });
    };
    leaf(0, 0, false, &["mx0.op.test"], None);
    leaf(0, 0, true, &["*.op.test", "d0.test"], Some("x"));
    leaf(1, 1, false, &["mx.other.example", "d1.example"], None);
    leaf(2, 9, false, &[], Some("mx0.op.test"));
    leaf(
        2,
        0,
        false,
        &["*.l.google.com", "mx1.op.test", "d3.example"],
        None,
    );
    made[4].key = ("rsa", 1024, None);
    made[4].signature = "sha1WithRSAEncryption";
    made[4].weaknesses = &["weak_rsa", "sha1_signature"];
    made[5].version = 1;
    made[5].signature = "md5WithRSAEncryption";
    made[5].issuer = 5;
    made[5].weaknesses = &["no_alternative_name", "version_1", "md5_signature"];
    made[6].key = ("ec", 256, Some("P-256"));
    made[6].signature = "ecdsa-with-SHA256";
    // One that cannot be read.
    made.push(Made {
        der: b"no certificate".to_vec(),
        spki: Vec::new(),
        common: None,
        names: &[],
        issuer: 9,
        expired: false,
        key: ("", 0, None),
        signature: "",
        version: 0,
        weaknesses: &[],
    });
    made
});

fn named(names: &[&str], common: Option<&str>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    if let Some(common) = common {
        params.distinguished_name.push(DnType::CommonName, common);
    }
    params
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Made {
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }

    fn is_readable(&self) -> bool {
        !self.spki.is_empty()
    }

    /// The TLSA record that it meets.
    pub fn tlsa(&self, usage: u8, selector: u8, matching_type: u8) -> Tlsa {
        let part = if selector == 0 { &self.der } else { &self.spki };
        let data = match matching_type {
            1 => hex(&Sha256::digest(part)),
            2 => hex(&Sha512::digest(part)),
            _ => hex(part),
        };
        Tlsa {
            usage,
            selector,
            matching_type,
            data,
        }
    }

    /// Aspects and values that guidelines grade.
    pub fn graded(&self) -> Vec<(&'static str, String)> {
        let (kind, bits, curve) = self.key;
        let mut graded = match curve {
            _ if !self.is_readable() => return Vec::new(),
            Some(curve) => vec![("curve", curve.to_owned())],
            None => vec![(kind, bits.to_string())],
        };
        if !self.is_self_signed() {
            graded.push(("signature", self.signature.to_owned()));
        }
        graded
    }

    fn is_self_signed(&self) -> bool {
        CERTIFICATES
            .get(self.issuer)
            .is_some_and(|issuer| std::ptr::eq(issuer, self))
    }

    pub fn line(&self, place: usize) -> Value {
        let mut line = json!({"type": "cert", "sha256": self.sha256(), "der": base64(&self.der), "time": TIME, "run": "r"});
        if !self.is_readable() {
            line["fault"] = "not a certificate".into();
            return line;
        }
        let (key_type, key_bits, curve) = self.key;
        let facts = json!({"subject": self.subject(), "issuer": format!("CN=issuer {}", self.issuer), "serial": "1",
            "not_before": TIME, "not_after": TIME, "common_names": self.common.into_iter().collect::<Vec<_>>(),
            "names": self.names, "key_type": key_type, "key_bits": key_bits, "curve": curve,
            "spki_sha256": self.key_sha256(), "signature_algorithm": self.signature,
            "self_issued": self.is_self_signed(), "self_signed": self.is_self_signed(), "ca": place < AUTHORITIES,
            "must_staple": false, "scts": 0, "x509_version": self.version});
        line.as_object_mut()
            .unwrap()
            .extend(facts.as_object().unwrap().clone());
        line
    }

    pub fn subject(&self) -> String {
        format!("CN={}", self.common.unwrap_or_default())
    }

    pub fn issuer(&self) -> String {
        format!("CN=issuer {}", self.issuer)
    }

    pub fn key_sha256(&self) -> String {
        hex(&Sha256::digest(&self.spki))
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A certificate by the hash that a chain has of it.
pub fn by_sha256(sha256: &str) -> Option<(usize, &'static Made)> {
    (CERTIFICATES.iter().enumerate()).find(|(_, made)| made.sha256() == sha256)
}

impl Scan {
    /// Whether TLSA records under DNSSEC hold for a server.
    pub fn dane(&self, exchange: &Exchange, ip: std::net::IpAddr) -> Option<bool> {
        let Some(set) = &exchange.tlsa else {
            let is_unsigned =
                exchange.dnssec == Some(Dnssec::Insecure) && exchange.cname.is_empty();
            return is_unsigned.then_some(false);
        };
        match set.outcome.reason {
            Reason::Nxdomain | Reason::NoData => return Some(false),
            Reason::Ok if set.dnssec? != Dnssec::Secure => return Some(false),
            Reason::Ok => {}
            _ => return None,
        }
        let tls = self.tls_at(ip, Some(&exchange.exchange));
        if self.fact(ip, Some(exchange), "", "tls") == Some(false) {
            return Some(false);
        }
        let chain = tls.map(|tls| &tls.chain[..]).unwrap_or_default();
        if chain.is_empty() || !chain.iter().all(|sha256| self.certs.contains_key(sha256)) {
            return None;
        }
        let chain: Vec<_> = chain
            .iter()
            .filter_map(|sha256| by_sha256(sha256))
            .collect();
        let held = |names: &[&String]| -> Vec<bool> {
            let records = set.records.iter();
            records
                .filter_map(|record| holds(record, &chain, names))
                .collect()
        };
        let by_exchange = held(&[&set.base, &exchange.exchange]);
        if by_exchange.is_empty() || by_exchange.contains(&true) {
            return by_exchange.first().map(|_| true);
        }
        // A certificate may name the next-hop domain, where DNSSEC led from there: all of them, or who knows.
        let domains = self.domains.iter().filter(|(_, domain)| {
            domain.dnssec == Some(Dnssec::Secure)
                && (domain.mx.iter()).any(|it| unpreferred(it) == unpreferred(exchange))
        });
        let by_domain = domains.map(|(name, _)| held(&[name]).contains(&true));
        let by_domain: Vec<bool> = by_domain.collect();
        match (by_domain.contains(&true), by_domain.contains(&false)) {
            (true, true) => None,
            (named, _) => Some(named),
        }
    }
}

/// None: the record cannot be used.
fn holds(record: &Tlsa, chain: &[(usize, &Made)], names: &[&String]) -> Option<bool> {
    // What cannot be read has no key.
    let is = |made: &Made| {
        (made.is_readable() || record.selector == 0)
            && *record == made.tlsa(record.usage, record.selector, record.matching_type)
    };
    let usable = matches!(record.usage, 2 | 3)
        && record.selector < 2
        && match record.matching_type {
            0 => (CERTIFICATES.iter()).any(|made| made.is_readable() && is(made)),
            1 => record.data.len() == 64,
            2 => record.data.len() == 128,
            _ => false,
        };
    if !usable {
        return None;
    }
    let (_, leaf) = chain[0];
    if record.usage == 3 {
        return Some(is(leaf));
    }
    // A record that holds the certificate or its key whole need not find it in the chain.
    let whole = record.matching_type == 0;
    let above = chain[1..].iter().any(|(_, made)| is(made));
    let issued = CERTIFICATES.get(leaf.issuer).is_some_and(&is) && !leaf.is_self_signed();
    let named = names.iter().any(|name| {
        covers(leaf.names, name) || leaf.names.is_empty() && leaf.common == Some(name.as_str())
    });
    Some((above || whole) && issued && leaf.is_readable() && !leaf.expired && named)
}
