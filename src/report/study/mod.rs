//! What was printed before: the study of 2014 (Foster, Larson, Masich) and the survey of 2015 (Durumeric et al.), for
//! the columns beside today's numbers; and the study asked again, number by number, of a survey of ours.

mod contradictions;
mod count;
mod definitions;
mod figures;
mod numbers;
mod sentences;
mod tables;

pub(super) use contradictions::contradictions;
pub(super) use definitions::definitions;
pub(super) use figures::{figure_1, figure_2, figure_3, figure_4, figure_5, figure_6};
pub(super) use numbers::numbers;
pub(super) use sentences::sentences;
pub(super) use tables::{table_1, table_2, table_3};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

const DATA: &str = include_str!("../../../data/study-2014.json");

// Part of this program, and read by a test.
static STUDY_2014: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(DATA).unwrap_or(Value::Null));
static STUDY: LazyLock<Study> = LazyLock::new(|| serde_json::from_str(DATA).unwrap_or_default());

/// What is asked again.
#[derive(Default, Deserialize)]
struct Study {
    /// Domains whose accounts are another's.
    account_operators: BTreeMap<String, Vec<String>>,
    numbers: Vec<numbers::Number>,
    figures: Vec<figures::Curve>,
}

/// A printed percentage, by its path in the data file.
pub fn printed(path: &[&str]) -> Option<f64> {
    path.iter()
        .try_fold(&*STUDY_2014, |value, key| value.get(key))?
        .as_f64()
}

/// The domains of a table of the study.
fn rows(table: &str) -> impl Iterator<Item = &'static str> {
    let rows = STUDY_2014.get(table).and_then(|rows| rows.as_array());
    rows.into_iter()
        .flatten()
        .filter_map(|row| row.get("domain")?.as_str())
}

/// Which of the study's lists a list of ours is, by its name.
pub fn list(source: &str) -> Option<&'static str> {
    let source = source.to_ascii_lowercase();
    ["adobe", "gawker", "sony"]
        .into_iter()
        .find(|name| source.contains(name))
}

/// The share of users that the study printed for a domain in its table of a list.
pub fn provider(source: &str, domain: &str) -> Option<f64> {
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
pub fn hosting(provider: &str) -> Option<f64> {
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
pub fn received(from: &str, by: &str) -> Option<&'static str> {
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
fn registered(provider: &str) -> &str {
    match provider {
        "gmail.com" => "google.com",
        "gmx.de" => "gmx.net",
        other => other,
    }
}

/// The survey of 2015, percent of domains with a mail server (IMC 2015, table 3 and §4).
pub fn in_2015(measure: &str) -> Option<f64> {
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
        let study: Study = serde_json::from_str(DATA).unwrap();
        assert_eq!((study.numbers.len(), study.figures.len()), (65, 32));
        assert_eq!(
            printed(&["overall_percent_of_providers", "tls"]),
            Some(54.58)
        );
        assert_eq!(provider("adobe-2013", "gmail.com"), Some(15.76));
        assert_eq!(provider("Gawker", "gmail.com"), Some(32.24));
        assert_eq!(provider("other", "gmail.com"), None);
    }
}
