//! What the study and the survey after it printed, out of the data file.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::report::published::Published;

const DATA: &str = include_str!("../../data/study-2014.json");

// Part of this program, and read by a test.
pub(super) static STUDY_2014: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(DATA).unwrap_or(Value::Null));

/// A part of the data file by its key.
pub(super) fn part<T: DeserializeOwned + Default>(key: &str) -> T {
    let part = STUDY_2014.get(key).cloned().unwrap_or_default();
    serde_json::from_value(part).unwrap_or_default()
}

/// A printed percentage, by its path in the data file.
fn printed(path: &[&str]) -> Option<f64> {
    path.iter()
        .try_fold(&*STUDY_2014, |value, key| value.get(key))?
        .as_f64()
}

/// The domains of a table of the study.
pub(super) fn rows(table: &str) -> impl Iterator<Item = &'static str> {
    let rows = STUDY_2014.get(table).and_then(|rows| rows.as_array());
    rows.into_iter()
        .flatten()
        .filter_map(|row| row.get("domain")?.as_str())
}

/// Which of the study's lists a list of ours is, by its name.
pub(super) fn list(source: &str) -> Option<&'static str> {
    let source = source.to_ascii_lowercase();
    ["adobe", "gawker", "sony"]
        .into_iter()
        .find(|name| source.contains(name))
}

/// The share of users that the study printed for a domain in its table of a list.
fn provider(source: &str, domain: &str) -> Option<f64> {
    let table = match list(source)? {
        "adobe" => "table1_adobe",
        "gawker" => "table2_gawker",
        _ => return None,
    };
    let rows = STUDY_2014.get(table)?.as_array()?;
    let row = rows
        .iter()
        .find(|row| row.get("domain").and_then(Value::as_str) == Some(domain))?;
    row.get("percent_users")?.as_f64()
}

/// The share of domains that the study printed for a hosting provider, by our id of it.
pub(super) fn hosting(provider: &str) -> Option<f64> {
    let name = match provider {
        "google" => "Google",
        "microsoft" => "Microsoft",
        "godaddy" => "GoDaddy",
        "mxlogic" => "MX Logic",
        "rackspace" => "Rackspace",
        _ => return None,
    };
    printed(&["table3_hosting_percent_domains", name])
}

/// The protocol that the study printed for mail from one provider to another, by the registered domains of their hosts.
pub(super) fn received(from: &str, by: &str) -> Option<&'static str> {
    let provider = |domain| match domain {
        "google.com" => "gmail.com",
        "gmx.net" => "gmx.de",
        other => other,
    };
    let (from, by): (&str, &str) = (provider(from), provider(by));
    STUDY_2014
        .get("figure6_from_to")?
        .get(from)?
        .get(by)?
        .as_str()
}

/// The registered domain of a provider's hosts: two of the seven have another one than their users.
pub(super) fn registered(provider: &str) -> &str {
    match provider {
        "gmail.com" => "google.com",
        "gmx.de" => "gmx.net",
        other => other,
    }
}

/// What later surveys found of policies: the part and its value as the report has them, and the figure with its base.
const POLICIES_ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "SPF",
        "ok",
        "56.5 % have SPF, 2.9 % of these with errors (IMC 2023, 12.8 M domains)",
    ),
    (
        "SPF: IPv4 addresses that may send",
        "100,001 to 16,777,216",
        "34.7 % let more than 100,000 send (IMC 2023, 12.8 M domains)",
    ),
    (
        "SPF: terms that ask",
        "more than 10",
        "2.7 % of 5.5 M listed domains (vendor's scan, February 2026)",
    ),
    (
        "DMARC",
        "ok",
        "5.4 % of 286 M domains (PAM 2024); 30.4 % of 5.5 M listed ones (vendor's scan, February 2026)",
    ),
    (
        "DMARC by RFC 7489",
        "reject",
        "35.2 % of the DMARC records of 50,000 domains (July 2026)",
    ),
    ("DMARC by RFC 7489", "quarantine", "27.6 % of the same"),
    ("DMARC by RFC 7489", "none", "37.2 % of the same"),
    (
        "DKIM",
        "ok",
        "28.1 % of Alexa's million (USENIX Security 2022, passive DNS)",
    ),
    (
        "MTA-STS",
        "enforce",
        "0.07 % of .com, 0.12 % of .org have MTA-STS (IMC 2025)",
    ),
    (
        "MTA-STS",
        "enforce, mail is lost",
        "3.2 % of 68,000 with MTA-STS (IMC 2025)",
    ),
    (
        "TLS-RPT",
        "ok",
        "2.9 % of Tranco's first 10,000 (June 2026)",
    ),
    (
        "BIMI",
        "ok",
        "0.4 % of 5.5 M listed domains (vendor's scan, February 2026)",
    ),
];

/// What the study of 2014 and the survey of 2015 printed, for the report's columns.
#[derive(Clone, Copy, Debug)]
pub struct Printed;

impl Published for Printed {
    fn of_domains(&self, measure: &str) -> Option<f64> {
        printed(&[
            "overall_percent_of_providers",
            match measure {
                "esmtp" => "esmtp",
                "accepted" => "tls",
                "valid" => "valid_certificate",
                "valid_of_accepted" => "valid_of_tls",
                _ => return None,
            },
        ])
    }

    fn of_domains_later(&self, measure: &str) -> Option<f64> {
        in_2015(measure)
    }

    fn by_rank(&self, rank: u64, measure: &str) -> Option<f64> {
        match (measure, rank) {
            ("accepted", _) => printed(&["tls_percent_of_providers_by_rank", &rank.to_string()]),
            ("valid_of_accepted", 100_000) => {
                printed(&["valid_certificate_percent", "of_tls_providers_top_100000"])
            }
            _ => None,
        }
    }

    fn ranks(&self) -> &'static [u64] {
        &[2000, 20_000, 100_000]
    }

    fn of_users(&self, source: &str, measure: &str, first: Option<u64>) -> Option<f64> {
        let list = list(source)?;
        match (measure, first) {
            ("accepted", None) => printed(&["tls_percent_of_users", &format!("{list}_all")]),
            ("accepted", Some(10)) => printed(&["tls_percent_of_users", &format!("{list}_top10")]),
            ("valid_of_accepted", None) => {
                printed(&["valid_certificate_percent", &format!("of_tls_users_{list}")])
            }
            _ => None,
        }
    }

    fn at_domain(&self, source: &str, domain: &str) -> Option<f64> {
        provider(source, domain)
    }

    fn cipher(&self, name: &str) -> Option<f64> {
        printed(&["figure4_cipher_percent", name])
    }

    fn hosting(&self, provider: &str) -> Option<f64> {
        hosting(provider)
    }

    fn of_policies(&self, what: &str, value: &str) -> Option<&'static str> {
        let told =
            (POLICIES_ELSEWHERE.iter()).find(|(part, word, _)| (*part, *word) == (what, value));
        told.map(|(_, _, figure)| *figure)
    }

    fn received(&self, from: &str, by: &str) -> Option<&'static str> {
        received(from, by)
    }
}

/// The survey of 2015, percent of domains with a mail server (IMC 2015, table 3 and §4).
fn in_2015(measure: &str) -> Option<f64> {
    Some(match measure {
        "accepted" => 81.8,
        "valid" => 52.0,
        "valid_of_accepted" => 64.0,
        "trusted" => 34.2,
        "names_domain" => 0.6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_read() {
        assert!(serde_json::from_str::<Value>(DATA).unwrap().is_object());
        assert_eq!(
            printed(&["overall_percent_of_providers", "tls"]),
            Some(54.58)
        );
        assert_eq!(provider("adobe-2013", "gmail.com"), Some(15.76));
        assert_eq!(provider("Gawker", "gmail.com"), Some(32.24));
        assert_eq!(provider("other", "gmail.com"), None);
    }
}
