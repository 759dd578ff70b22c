//! From an exchange's name to who runs it: rules at label boundaries, from a data file that can be extended.

use std::path::PathBuf;

use anyhow::Context as _;
use hashbrown::HashMap;

use crate::store::printable;

/// The rules that come with the program.
const RULES: &str = include_str!("../../data/mx-providers.tsv");

/// The id and the role of a domain that runs its own exchange.
pub const OWN: &str = "self";

/// Who runs an exchange, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Provider {
    /// Its id: from the rules, else the exchange's registered domain.
    pub id: String,
    /// `mailbox`, `gateway`, `forward`, `hosting`, `vps`, `none`; `self`: the domain's own; `other`: by no rule.
    pub role: String,
}

/// The rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Providers {
    /// Those of the rules, each once.
    known: Vec<Provider>,
    /// Suffixes, and places in `known`.
    suffixes: HashMap<String, usize>,
    /// Patterns, label by label, and places in `known`.
    labels: Vec<(Vec<String>, usize)>,
}

impl Providers {
    /// Those that come with the program.
    pub fn built_in() -> Self {
        let mut providers = Self::default();
        // Part of this program, and read by a test.
        let _ = providers.extend(RULES);
        providers
    }

    /// Those, and the rules in files. The error names the file.
    pub fn with_files(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut providers = Self::built_in();
        for path in files {
            let named = || printable(&path.display().to_string());
            let rules = std::fs::read_to_string(path).with_context(named)?;
            (providers.extend(&rules).map_err(anyhow::Error::msg)).with_context(named)?;
        }
        Ok(providers)
    }

    /// Adds rules in the form of the built-in file (tab-separated: provider, role, match, pattern, …). A rule with a
    /// pattern that is known takes its place. The error names the line.
    pub fn extend(&mut self, rules: &str) -> Result<(), String> {
        for (number, line) in rules.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with("provider\t") {
                continue;
            }
            let mut fields = line.split('\t').map(str::trim);
            let (Some(id), Some(role), Some(kind), Some(pattern)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(format!("line {}: fewer than four fields", number + 1));
            };
            let provider = Provider {
                id: id.to_owned(),
                role: role.to_owned(),
            };
            let place = self.place(provider);
            let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
            match kind {
                "suffix" => drop(self.suffixes.insert(pattern, place)),
                "labels" => self
                    .labels
                    .push((pattern.split('.').map(str::to_owned).collect(), place)),
                _ => {
                    return Err(format!(
                        "line {}: neither suffix nor labels: {kind}",
                        number + 1
                    ));
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, provider: Provider) -> usize {
        let known = self.known.iter().position(|it| *it == provider);
        known.unwrap_or_else(|| {
            self.known.push(provider);
            self.known.len() - 1
        })
    }

    /// Those of the rules, each once.
    pub fn known(&self) -> &[Provider] {
        &self.known
    }

    /// The provider of an exchange by the rules.
    pub fn provider_of(&self, exchange: &str) -> Option<&Provider> {
        self.place_of(exchange).map(|place| &self.known[place])
    }

    /// The same as its place in [`Providers::known`].
    pub fn place_of(&self, exchange: &str) -> Option<usize> {
        let pattern = self
            .labels
            .iter()
            .rev()
            .find(|(pattern, _)| meets(pattern, exchange));
        if let Some(&(_, place)) = pattern {
            return Some(place);
        }
        let mut rest = exchange;
        loop {
            if let Some(&place) = self.suffixes.get(rest) {
                return Some(place);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// The provider of an exchange for a domain: by the rules, else the domain itself, else the registered domain.
    pub fn for_domain(&self, exchange: &str, registered: Option<&str>, domain: &str) -> Provider {
        if let Some(provider) = self.provider_of(exchange) {
            return provider.clone();
        }
        let registered = registered.unwrap_or(exchange);
        if is_within(domain, registered) {
            return Provider {
                id: OWN.to_owned(),
                role: OWN.to_owned(),
            };
        }
        Provider {
            id: registered.to_owned(),
            role: "other".to_owned(),
        }
    }
}

/// Whether a name is a registered domain or lies below it.
pub fn is_within(name: &str, registered: &str) -> bool {
    name.strip_suffix(registered)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a name has as many labels as a pattern, each met.
fn meets(pattern: &[String], name: &str) -> bool {
    // Most names fail at the end, where patterns are plain.
    let mut labels = name.rsplit('.');
    pattern
        .iter()
        .rev()
        .all(|pattern| labels.next().is_some_and(|label| glob(pattern, label)))
        && labels.next().is_none()
}

/// `*` stands for any run of characters that is not empty.
fn glob(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((before, after)) => label.strip_prefix(before).is_some_and(|rest| {
            (1..=rest.len()).any(|at| rest.is_char_boundary(at) && glob(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_at_label_boundaries_and_the_longest_wins() {
        let providers = Providers::built_in();
        let id = |exchange: &str| {
            providers
                .provider_of(exchange)
                .map(|it| (it.id.as_str(), it.role.as_str()))
        };
        assert_eq!(id("aspmx.l.google.com"), Some(("google", "mailbox")));
        assert_eq!(id("google.com"), Some(("google", "mailbox")));
        assert_eq!(id("notgoogle.com"), None);
        assert_eq!(id("google.com.evil.example"), None);
        assert_eq!(
            id("mailstore1.secureserver.net"),
            Some(("godaddy", "hosting"))
        );
        assert_eq!(id("s192-0-2-1.secureserver.net"), Some(("godaddy", "vps")));
        assert_eq!(id("smtp.secureserver.net"), Some(("godaddy", "hosting")));
        assert_eq!(id("vps123.ovh.net"), Some(("ovh", "vps")));
        assert_eq!(id("mx1.mail.ovh.net"), Some(("ovh", "hosting")));
        assert_eq!(
            id("inbound-smtp.eu-west-1.amazonaws.com"),
            Some(("amazon_ses", "forward"))
        );
        assert_eq!(id("x.inbound-smtp.eu-west-1.amazonaws.com"), None);
    }

    #[test]
    fn without_a_rule_it_is_the_domain_itself_or_the_registered_domain() {
        let providers = Providers::built_in();
        let role =
            |exchange, registered, domain| providers.for_domain(exchange, Some(registered), domain);
        assert_eq!(
            role("mail.example.org", "example.org", "example.org").role,
            "self"
        );
        assert_eq!(
            role("mail.example.org", "example.org", "sub.example.org").role,
            "self"
        );
        let other = role("mail.example.org", "example.org", "notexample.org");
        assert_eq!(
            (other.id.as_str(), other.role.as_str()),
            ("example.org", "other")
        );
    }

    #[test]
    fn a_faulty_rule_is_named_by_its_line() {
        let mut providers = Providers::default();
        assert_eq!(
            providers.extend("# x\na\tb\tc"),
            Err("line 2: fewer than four fields".into())
        );
        assert!(providers.extend("a\tmailbox\tregex\tx").is_err());
        providers
            .extend("mine\tgateway\tsuffix\tExample.ORG.\n")
            .unwrap();
        assert_eq!(
            providers
                .provider_of("mx.example.org")
                .map(|it| it.id.as_str()),
            Some("mine")
        );
    }
}
