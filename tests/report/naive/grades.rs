//! Weaknesses and levels of what the random servers speak, written down by hand from the RFCs and the guidelines.

use mx_survey::record::Tls;

use super::certificates::by_sha256;
use super::{Scan, Server};

/// A suite: IANA's name, OpenSSL's, what is weak in it, and its level by each edition.
type Suite = (
    &'static str,
    Option<&'static str>,
    &'static [&'static str],
    [&'static str; 3],
);

pub const SUITES: [Suite; 8] = [
    (
        "TLS_AES_256_GCM_SHA384",
        Some("TLS_AES_256_GCM_SHA384"),
        &[],
        ["good", "good", "modern"],
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some("ECDHE-RSA-AES128-GCM-SHA256"),
        &[],
        ["sufficient", "good", "intermediate"],
    ),
    (
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        Some("AES128-SHA"),
        &["cbc_sha1", "static_rsa"],
        ["insufficient", "phase_out", "old"],
    ),
    (
        "TLS_RSA_WITH_RC4_128_MD5",
        Some("RC4-MD5"),
        &["rc4", "md5_mac", "static_rsa"],
        ["insufficient", "insufficient", "none"],
    ),
    (
        "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
        Some("DHE-RSA-DES-CBC3-SHA"),
        &["triple_des", "cbc_sha1"],
        ["insufficient", "phase_out", "none"],
    ),
    (
        "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
        Some("EXP-DES-CBC-SHA"),
        &["export", "single_des", "cbc_sha1", "static_rsa"],
        ["insufficient", "insufficient", "none"],
    ),
    (
        "TLS_DH_anon_WITH_AES_128_CBC_SHA256",
        Some("ADH-AES128-SHA256"),
        &["anonymous"],
        ["insufficient", "insufficient", "none"],
    ),
    (
        "0x1234",
        None,
        &[],
        ["insufficient", "insufficient", "none"],
    ),
];

/// Versions in the same form.
pub const VERSIONS: [(&str, &[&str], [&str; 3]); 6] = [
    ("TLSv1.3", &[], ["good", "good", "modern"]),
    ("TLSv1.2", &[], ["sufficient", "sufficient", "intermediate"]),
    ("TLSv1.1", &["tls11"], ["insufficient", "phase_out", "old"]),
    ("TLSv1", &["tls10"], ["insufficient", "phase_out", "old"]),
    (
        "SSLv3",
        &["sslv3"],
        ["insufficient", "insufficient", "none"],
    ),
    (
        "SSLv2",
        &["sslv2"],
        ["insufficient", "insufficient", "none"],
    ),
];

/// Other aspects: aspect, value, levels; empty where the edition does not grade the value.
const LEVELS: &[(&str, &str, [&str; 3])] = &[
    ("group", "X25519MLKEM768", ["", "", ""]),
    ("group", "x25519", ["good", "good", "modern"]),
    ("group", "secp224r1", ["phase_out", "phase_out", "none"]),
    (
        "group",
        "ffdhe2048",
        ["insufficient", "phase_out", "intermediate"],
    ),
    (
        "group",
        "modp1024",
        ["insufficient", "insufficient", "none"],
    ),
    ("group", "dh1024", ["insufficient", "insufficient", "none"]),
    ("group", "dh512", ["insufficient", "insufficient", "none"]),
    ("dh", "2048", ["", "", "intermediate"]),
    ("dh", "1024", ["", "", "old"]),
    ("dh", "512", ["", "", "none"]),
    ("rsa", "4096", ["good", "good", "intermediate"]),
    ("rsa", "2048", ["phase_out", "sufficient", "intermediate"]),
    ("rsa", "1024", ["insufficient", "insufficient", "none"]),
    ("curve", "P-256", ["good", "good", "modern"]),
    (
        "signature",
        "sha256WithRSAEncryption",
        ["good", "good", "intermediate"],
    ),
    ("signature", "ecdsa-with-SHA256", ["good", "good", "modern"]),
    (
        "signature",
        "sha1WithRSAEncryption",
        ["insufficient", "insufficient", "none"],
    ),
    ("extended_master_secret", "true", ["good", "", ""]),
    ("extended_master_secret", "false", ["insufficient", "", ""]),
    ("secure_renegotiation", "true", ["good", "good", ""]),
    (
        "secure_renegotiation",
        "false",
        ["insufficient", "insufficient", ""],
    ),
    ("compression", "false", ["good", "good", ""]),
    ("compression", "true", ["insufficient", "insufficient", ""]),
];

const EDITIONS: [(&str, [&str; 4]); 3] = [
    (
        "ncsc-nl-2025-05",
        ["good", "sufficient", "phase_out", "insufficient"],
    ),
    (
        "ncsc-nl-2021",
        ["good", "sufficient", "phase_out", "insufficient"],
    ),
    ("mozilla-5.7", ["modern", "intermediate", "old", "none"]),
];

/// Versions that a server speaks, as far as it was seen.
fn versions(tls: &Tls) -> Vec<&str> {
    let mut versions: Vec<&str> = tls.version.iter().map(|it| it.word()).collect();
    if let Some(enumeration) = &tls.enumeration {
        let spoken = (enumeration.versions.iter()).filter(|(_, spoken)| **spoken == Some(true));
        versions.extend(spoken.map(|(version, _)| version.word()));
    }
    versions
}

fn suites(tls: &Tls) -> Vec<&str> {
    let mut suites: Vec<&str> = tls
        .cipher
        .iter()
        .map(|cipher| cipher.iana.as_str())
        .collect();
    if let Some(enumeration) = &tls.enumeration {
        suites.extend(
            enumeration
                .ciphers
                .values()
                .flatten()
                .map(|cipher| cipher.iana.as_str()),
        );
    }
    suites
}

impl Scan {
    /// What is weak at a server, whichever name it was asked by.
    pub fn weaknesses(&self, server: Server) -> Vec<String> {
        let mut weak: Vec<&str> = Vec::new();
        for tls in self.handshakes(server) {
            for (version, words, _) in VERSIONS {
                weak.extend(words.iter().filter(|_| versions(tls).contains(&version)));
            }
            for (suite, _, words, _) in SUITES {
                weak.extend(words.iter().filter(|_| suites(tls).contains(&suite)));
            }
            let flags = [
                ("weak_dh", tls.dh.as_ref().is_some_and(|dh| dh.bits < 2048)),
                ("compression", tls.compression == Some(true)),
                (
                    "no_secure_renegotiation",
                    tls.secure_renegotiation == Some(false),
                ),
                (
                    "no_extended_master_secret",
                    tls.extended_master_secret == Some(false),
                ),
            ];
            weak.extend(
                flags
                    .iter()
                    .filter(|(_, holds)| *holds)
                    .map(|(word, _)| *word),
            );
            for sha256 in (tls.chain.iter()).filter(|sha256| self.certs.contains_key(*sha256)) {
                weak.extend(by_sha256(sha256).unwrap().1.weaknesses);
            }
        }
        weak.sort_unstable();
        weak.dedup();
        weak.into_iter().map(str::to_owned).collect()
    }

    /// The worst level of each edition, as `edition: level`.
    pub fn levels(&self, server: Server) -> Vec<String> {
        let mut seen: Vec<[&str; 3]> = Vec::new();
        for tls in self.handshakes(server) {
            let spoken = VERSIONS
                .iter()
                .filter(|(version, ..)| versions(tls).contains(version));
            seen.extend(spoken.map(|(.., levels)| *levels));
            let taken = SUITES
                .iter()
                .filter(|(suite, ..)| suites(tls).contains(suite));
            seen.extend(taken.map(|(.., levels)| *levels));
            seen.extend(self.graded(tls).iter().map(|(aspect, value)| {
                let found = LEVELS
                    .iter()
                    .find(|(of, it, _)| of == aspect && it == value);
                found.unwrap_or_else(|| panic!("{aspect} {value}")).2
            }));
        }
        let worst = EDITIONS
            .iter()
            .enumerate()
            .filter_map(|(at, (edition, levels))| {
                let rank = |seen: &[&str; 3]| levels.iter().position(|level| *level == seen[at]);
                let worst = seen.iter().filter_map(rank).max()?;
                Some(format!("{edition}: {}", levels[worst]))
            });
        worst.collect()
    }

    /// Aspects and values of a handshake, versions and suites aside.
    fn graded(&self, tls: &Tls) -> Vec<(&'static str, String)> {
        let mut graded = Vec::new();
        graded.extend(tls.group.iter().map(|group| ("group", group.to_string())));
        for group in tls.enumeration.iter().flat_map(|it| &it.groups).flatten() {
            graded.push(("group", group.to_string()));
        }
        if let Some(dh) = &tls.dh {
            graded.push(("dh", dh.bits.to_string()));
            if tls.group.is_none() {
                let name = dh.name.clone().unwrap_or(format!("dh{}", dh.bits));
                graded.push(("group", name));
            }
        }
        let flags = [
            ("extended_master_secret", tls.extended_master_secret),
            ("secure_renegotiation", tls.secure_renegotiation),
            ("compression", tls.compression),
        ];
        for (aspect, flag) in flags {
            graded.extend(flag.map(|flag| (aspect, flag.to_string())));
        }
        for sha256 in (tls.chain.iter()).filter(|sha256| self.certs.contains_key(*sha256)) {
            graded.extend(by_sha256(sha256).unwrap().1.graded());
        }
        graded
    }
}
