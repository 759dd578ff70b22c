//! The name that we introduce ourselves by (RFC 5321 §4.1.1.1): a fully qualified one, since many servers turn away
//! clients without, and then look as if they knew no ESMTP.

use std::fmt;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// A domain name of two labels at least: letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeloName(String);

/// Why a name will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Servers want a name they can look up.
    #[error(
        "a name without a dot; servers expect one that the DNS knows, such as probe.example.org"
    )]
    NoDot,
    /// It names every machine.
    #[error("a name that every machine has; servers expect one that the DNS knows")]
    Local,
    /// Not a domain name.
    #[error("not a domain name")]
    NotAName,
}

impl HeloName {
    /// A name that no machine has (RFC 6761 §6.4), where none is said.
    pub fn nobody() -> Self {
        Self("nobody.invalid".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the system's resolver finds `address` under this name. It may take seconds to say no.
    pub fn resolves_to(&self, address: IpAddr) -> bool {
        (self.as_str(), 0).to_socket_addrs().is_ok_and(|mut found| {
            found.any(|found| found.ip().to_canonical() == address.to_canonical())
        })
    }
}

impl FromStr for HeloName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(BadName::NotAName);
        }
        let Some((_, last)) = name.rsplit_once('.') else {
            return Err(BadName::NoDot);
        };
        if matches!(last, "localhost" | "localdomain") {
            return Err(BadName::Local);
        }
        // 192.0.2.1 is an address; as a literal it would stand in brackets, and servers score that as spam.
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadName::NotAName);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for HeloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_dns_can_know_are_taken() {
        for (text, expected) in [
            ("Probe.Example.ORG.", Ok("probe.example.org")),
            ("a.b", Ok("a.b")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("laptop", Err(BadName::NoDot)),
            ("localhost", Err(BadName::NoDot)),
            ("localhost.localdomain", Err(BadName::Local)),
            ("", Err(BadName::NotAName)),
            ("a..b", Err(BadName::NotAName)),
            ("a b.example", Err(BadName::NotAName)),
            ("a.example\r\nMAIL FROM:<>", Err(BadName::NotAName)),
            ("192.0.2.1", Err(BadName::NotAName)),
            ("[192.0.2.1]", Err(BadName::NotAName)),
        ] {
            let name = text.parse::<HeloName>();
            assert_eq!(
                name.as_ref().map(HeloName::as_str),
                expected.as_ref().copied(),
                "{text:?}"
            );
        }
    }
}
