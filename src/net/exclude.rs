//! The opt-out list: domains, exchange names, addresses and networks that are never probed.

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::net::IpAddr;

use super::range::Range;

/// Names and networks that asked to be left alone.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    names: HashSet<Box<str>>,
    networks: Vec<Range>,
}

/// A line of the list that is neither a name nor a range of addresses. An opt-out that is not understood must not be passed over.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// What stands there.
    #[error("line {line}: {text:?} is no domain, address, network or range (first-last)")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Its text.
        text: String,
    },
    /// The list cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl Exclusions {
    /// Reads a list: an entry a line, `#` begins a comment.
    pub fn parse(input: impl BufRead) -> Result<Self, ParseError> {
        let mut list = Self::default();
        for (index, line) in input.split(b'\n').enumerate() {
            let line = line?;
            let text = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| index == 0);
            // Bytes that are not UTF-8 are in no name, and so refused with their line.
            let line = String::from_utf8_lossy(text.unwrap_or(&line));
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            if let Ok(network) = entry.parse() {
                list.networks.push(network);
            } else if let Some(name) = name(entry) {
                list.names.insert(name);
            } else {
                return Err(ParseError::Line {
                    line: index + 1,
                    text: entry.into(),
                });
            }
        }
        Ok(list)
    }

    /// Adds another list.
    pub fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.networks.extend(other.networks);
    }

    /// Whether `name` or a domain above it is listed.
    pub fn has_name(&self, name: &str) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = name.as_str();
        loop {
            if self.names.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }

    /// Whether `ip` lies in a listed network.
    pub fn has_address(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.has(ip))
    }
}

/// A domain name, with a dot or `*.` in front of it or not. What looks like an address or the number of a network is none:
/// it would be an opt-out without effect.
fn name(entry: &str) -> Option<Box<str>> {
    let entry = entry.strip_prefix("*.").unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry);
    let name = idna::domain_to_ascii(entry.strip_suffix('.').unwrap_or(entry)).ok()?;
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.len() <= 253
        && name.split('.').all(|label| (1..=63).contains(&label.len()))
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && (name.rsplit('.').next())
            .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()))
        && !name.strip_prefix("as").is_some_and(is_number)
        && !name.starts_with("0x");
    is_name.then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_what_is_below_them_and_networks_what_is_inside() {
        let list = Exclusions::parse(
            "# please\nExample.ORG.  # a comment\n192.0.2.0/24\n2001:db8::1\nmünchen.de\n"
                .as_bytes(),
        )
        .unwrap();
        assert!(list.has_name("example.org"));
        assert!(list.has_name("MX.example.org."));
        assert!(!list.has_name("example.org.evil"));
        assert!(list.has_name("mail.xn--mnchen-3ya.de"));
        assert!(list.has_address("192.0.2.77".parse().unwrap()));
        assert!(list.has_address("2001:db8::1".parse().unwrap()));
        assert!(!list.has_address("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn a6_ranges_and_other_forms_take_effect() {
        let list = Exclusions::parse(
            "192.0.2.0-192.0.2.255\n::ffff:198.51.100.9\n.example.org\n*.example.com.\n".as_bytes(),
        )
        .unwrap();
        for ip in [
            "192.0.2.0",
            "192.0.2.255",
            "::ffff:192.0.2.7",
            "64:ff9b::192.0.2.7",
            "198.51.100.9",
        ] {
            assert!(list.has_address(ip.parse().unwrap()), "{ip}");
        }
        assert!(!list.has_address("192.0.3.0".parse().unwrap()));
        assert!(list.has_name("mx.example.org") && list.has_name("example.com"));
    }

    #[test]
    fn an_entry_that_is_neither_is_named_by_its_line() {
        for bad in [
            "300.1.1.1",
            "192.0.2.0/33",
            "a..b",
            "spaces in it",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-9",
            "192.0.2.*",
            "192.0.2",
            "10.",
            "0xc0000209",
            "AS64496",
            "user@example.org",
            "https://example.org/",
            "a.example b.example",
            "[192.0.2.9]",
            "xn--example.com",
        ] {
            let error = Exclusions::parse(format!("ok.example\n{bad}\n").as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
        }
        let error =
            Exclusions::parse(b"\xef\xbb\xbfok.example\n\xff.example\n".as_slice()).unwrap_err();
        assert!(error.to_string().starts_with("line 2: "), "{error}");
    }
}
