//! Levels of what a server speaks by published guidelines: NCSC-NL 2025-05 and 2021, Mozilla's profiles 5.7.
//!
//! The tables are data (`levels.tsv`): an edition that changes is a new set of lines, and no new scan.

use std::sync::LazyLock;

use crate::record::{CertFacts, KeyType, Tls};

/// The level of one value by one edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grade {
    /// `ncsc-nl-2025-05`, `ncsc-nl-2021`, `mozilla-5.7`.
    pub edition: &'static str,
    /// `version`, `cipher`, `group`, `dh`, `rsa`, `curve`, `signature`, `extended_master_secret`,
    /// `secure_renegotiation`, `compression`.
    pub aspect: &'static str,
    /// What was graded.
    pub value: String,
    /// The edition's word for it.
    pub level: &'static str,
    /// 0 for the edition's best level, more for worse ones.
    pub rank: usize,
}

/// The editions, in the order of the file.
///
/// ```
/// assert!(mx_survey::judge::levels::editions().any(|edition| edition == "mozilla-5.7"));
/// ```
pub fn editions() -> impl Iterator<Item = &'static str> {
    TABLE.editions.iter().map(|edition| edition.name)
}

/// Grades everything that was seen at a server and in the certificates that it sent, by every edition.
///
/// Signatures of roots are exempt: nobody checks them. What was not learned has no grade.
pub fn grades(tls: &Tls, certificates: &[&CertFacts]) -> Vec<Grade> {
    let values = values(tls, certificates);
    TABLE
        .editions
        .iter()
        .flat_map(|edition| {
            values
                .iter()
                .filter_map(|(aspect, value)| edition.grade(aspect, value))
        })
        .collect()
}

/// The worst level of an edition among grades, which is the level of the whole.
pub fn overall(grades: &[Grade], edition: &str) -> Option<&'static str> {
    grades
        .iter()
        .filter(|grade| grade.edition == edition)
        .max_by_key(|grade| grade.rank)
        .map(|grade| grade.level)
}

/// Aspects and values, each pair once.
fn values(tls: &Tls, certificates: &[&CertFacts]) -> Vec<(&'static str, String)> {
    let mut values = AspectValues::default();
    values.handshake(tls);
    values.parameters(tls);
    for facts in certificates {
        values.certificate(facts);
    }
    values.extensions(tls);
    values.0
}

/// Aspects of a server and the values that were seen of each.
#[derive(Debug, Default)]
struct AspectValues(Vec<(&'static str, String)>);

impl AspectValues {
    fn add(&mut self, aspect: &'static str, value: String) {
        let value = (aspect, value);
        if !self.0.contains(&value) {
            self.0.push(value);
        }
    }

    /// Versions, suites and groups: what was chosen, and what an enumeration found beside it.
    fn handshake(&mut self, tls: &Tls) {
        let enumeration = tls.enumeration.as_ref();
        let versions = enumeration.iter().flat_map(|it| it.versions.iter());
        let spoken = versions.filter(|(_, spoken)| **spoken == Some(true));
        for version in (tls.version.iter()).chain(spoken.map(|(version, _)| version)) {
            self.add("version", version.to_string());
        }
        let ciphers = enumeration.iter().flat_map(|it| it.ciphers.values());
        for cipher in tls.cipher.iter().chain(ciphers.flatten()) {
            self.add("cipher", cipher.iana.clone());
        }
        let groups = enumeration.iter().filter_map(|it| it.groups.as_ref());
        for group in tls.group.iter().chain(groups.flatten()) {
            self.add("group", group.to_string());
        }
    }

    /// Diffie-Hellman parameters.
    fn parameters(&mut self, tls: &Tls) {
        if let Some(dh) = &tls.dh {
            self.add("dh", dh.bits.to_string());
            if tls.group.is_none() {
                let name = dh.name.clone();
                self.add("group", name.unwrap_or_else(|| format!("dh{}", dh.bits)));
            }
        }
    }

    /// What is negotiated beside the suite.
    fn extensions(&mut self, tls: &Tls) {
        // Asked for from TLS 1.2 on down; 1.3 has them built in.
        let flags = [
            ("extended_master_secret", tls.extended_master_secret),
            ("secure_renegotiation", tls.secure_renegotiation),
            ("compression", tls.compression),
        ];
        for (aspect, flag) in flags {
            if let Some(flag) = flag {
                self.add(aspect, flag.to_string());
            }
        }
    }

    /// The key of a certificate, and the signature on it.
    fn certificate(&mut self, facts: &CertFacts) {
        match (&facts.key_type, facts.key_bits, &facts.curve) {
            (KeyType::Rsa, Some(bits), _) => self.add("rsa", bits.to_string()),
            (KeyType::Ec, _, Some(curve)) => self.add("curve", curve.to_string()),
            (kind, _, _) => self.add("curve", kind.to_string()),
        }
        if facts.self_signed != Some(true) {
            self.add("signature", facts.signature_algorithm.to_string());
        }
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("levels.tsv")));

#[derive(Debug, Default)]
struct Table {
    editions: Vec<Edition>,
}

#[derive(Debug)]
struct Edition {
    name: &'static str,
    levels: Vec<&'static str>,
    rules: Vec<(&'static str, &'static str, &'static str)>,
}

impl Table {
    fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                [name, "levels", levels, _] => table.editions.push(Edition {
                    name,
                    levels: levels.split(',').collect(),
                    rules: Vec::new(),
                }),
                [name, aspect, pattern, level] => {
                    let edition = table
                        .editions
                        .iter_mut()
                        .find(|edition| edition.name == name);
                    debug_assert!(edition.is_some(), "levels.tsv: no levels for {name}");
                    if let Some(edition) = edition {
                        edition.rules.push((aspect, pattern, level));
                    }
                }
                _ => debug_assert!(false, "levels.tsv: {line:?}"),
            }
        }
        table
    }
}

impl Edition {
    /// None where the edition says nothing on the aspect, or leaves the value ungraded.
    fn grade(&self, aspect: &'static str, value: &str) -> Option<Grade> {
        let (_, _, level) = self
            .rules
            .iter()
            .find(|(rule, pattern, _)| *rule == aspect && fits(pattern, value))?;
        let rank = self.levels.iter().position(|known| known == level)?;
        Some(Grade {
            edition: self.name,
            aspect,
            value: value.into(),
            level,
            rank,
        })
    }
}

/// `>=N` for numbers, `*` for any run of characters.
fn fits(pattern: &str, value: &str) -> bool {
    if let Some(least) = pattern.strip_prefix(">=") {
        return match (least.parse::<u64>(), value.parse::<u64>()) {
            (Ok(least), Ok(value)) => value >= least,
            _ => false,
        };
    }
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| value.strip_prefix(first)) else {
        return false;
    };
    let mut rest = rest;
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_with_stars_and_least_numbers() {
        assert!(fits("TLS_A", "TLS_A") && !fits("TLS_A", "TLS_AB"));
        assert!(fits("*", "") && fits("a*", "a") && fits("a*c", "abc") && !fits("a*c", "acb"));
        assert!(fits(
            "TLS_ECDHE_*_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
        ));
        assert!(!fits(
            "TLS_ECDHE_*_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
        ));
        assert!(fits(">=2048", "2048") && !fits(">=2048", "1024") && !fits(">=2048", "P-256"));
    }

    #[test]
    fn every_line_of_the_table_names_a_level_of_its_edition() {
        assert_eq!(TABLE.editions.len(), 3);
        for edition in &TABLE.editions {
            for (aspect, pattern, level) in &edition.rules {
                assert!(
                    *level == "-" || edition.levels.contains(level),
                    "{} {aspect} {pattern} {level}",
                    edition.name
                );
            }
        }
    }

    #[test]
    fn editions_differ_where_they_should() {
        let level = |name: &str, aspect, value| {
            let edition = TABLE
                .editions
                .iter()
                .find(|edition| edition.name == name)
                .unwrap();
            edition.grade(aspect, value).map(|grade| grade.level)
        };
        assert_eq!(
            level("ncsc-nl-2025-05", "version", "TLSv1.1"),
            Some("insufficient")
        );
        assert_eq!(
            level("ncsc-nl-2021", "version", "TLSv1.1"),
            Some("phase_out")
        );
        assert_eq!(level("ncsc-nl-2025-05", "rsa", "2048"), Some("phase_out"));
        assert_eq!(level("ncsc-nl-2021", "rsa", "2048"), Some("sufficient"));
        assert_eq!(level("ncsc-nl-2025-05", "group", "X25519MLKEM768"), None);
        assert_eq!(
            level("mozilla-5.7", "cipher", "TLS_RSA_WITH_RC4_128_MD5"),
            Some("none")
        );
        assert_eq!(level("mozilla-5.7", "extended_master_secret", "true"), None);
    }
}
