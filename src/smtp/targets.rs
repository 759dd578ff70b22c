//! Which servers a line of the input names: every address of every exchange of a `domain` record, or one address in a
//! plain form.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;

use crate::record::For;

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The line that named it first.
    pub cause: For,
    /// Who runs it: the registered domain of the exchange.
    pub operator: Option<Arc<str>>,
}

impl Target {
    /// Where to connect to.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }

    /// The names it goes by: an exclusion of any of them excludes it.
    pub fn names(&self) -> Vec<&str> {
        let names = [&self.cause.exchange, &self.cause.domain];
        names.into_iter().filter_map(Option::as_deref).collect()
    }
}

/// A `domain` record as far as it concerns us; borrowed, since most of the servers it names are known already.
#[derive(Debug, Deserialize)]
pub struct Named<'a> {
    #[serde(borrow)]
    domain: Cow<'a, str>,
    #[serde(borrow, default)]
    mx: Vec<Exchange<'a>>,
}

#[derive(Debug, Deserialize)]
struct Exchange<'a> {
    #[serde(borrow)]
    exchange: Cow<'a, str>,
    #[serde(borrow)]
    registered_domain: Option<Cow<'a, str>>,
    #[serde(default)]
    addresses: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    ip: IpAddr,
}

impl<'a> Named<'a> {
    /// Reads a `domain` record; the error says what is wrong with it.
    pub fn parse(line: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| format!("not a domain record: {error}"))
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Every address that `is_new` says yes to, as a target.
    pub fn targets(&self, port: u16, mut is_new: impl FnMut(IpAddr) -> bool) -> Vec<Target> {
        let mut targets = Vec::new();
        for exchange in &self.mx {
            let addresses = exchange
                .addresses
                .iter()
                .map(|address| address.ip.to_canonical());
            targets.extend(addresses.filter(|ip| is_new(*ip)).map(|ip| Target {
                ip,
                port,
                cause: For {
                    domain: Some(self.domain.to_string()),
                    exchange: Some(exchange.exchange.to_string()),
                },
                operator: match &exchange.registered_domain {
                    Some(name) => Some(Arc::from(name.as_ref())),
                    None => operator(&exchange.exchange),
                },
            }));
        }
        targets
    }
}

/// Reads `address[:port][,name]`, an IPv6 address with a port in brackets. `None`: a blank line or a comment.
pub fn plain(line: &str, default_port: u16) -> Result<Option<Target>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (address, name) = match line.split_once(',') {
        Some((address, name)) => (address.trim(), Some(name.trim())),
        None => (line, None),
    };
    let (ip, port) = socket(address, default_port).ok_or_else(|| {
        format!(
            "neither a record nor address[:port][,name]: {}",
            shortened(line)
        )
    })?;
    let exchange = match name {
        None | Some("") => None,
        Some(name) => {
            Some(host_name(name).ok_or_else(|| format!("not a host name: {}", shortened(name)))?)
        }
    };
    Ok(Some(Target {
        ip: ip.to_canonical(),
        port,
        operator: exchange.as_deref().and_then(operator),
        cause: For {
            domain: None,
            exchange,
        },
    }))
}

fn socket(text: &str, default_port: u16) -> Option<(IpAddr, u16)> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Ok(ip) = bracketed.unwrap_or(text).parse() {
        return Some((ip, default_port));
    }
    let socket: SocketAddr = text.parse().ok()?;
    (socket.port() > 0).then(|| (socket.ip(), socket.port()))
}

fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
}

/// Who runs an exchange: its registered domain.
pub fn operator(exchange: &str) -> Option<Arc<str>> {
    psl::domain_str(exchange).map(Arc::from)
}

/// Enough of a line to find it again.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 60;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines() {
        let read = |line: &str| {
            let target = plain(line, 25).unwrap().unwrap();
            (target.socket().to_string(), target.cause.exchange)
        };
        for (line, socket, name) in [
            ("192.0.2.1", "192.0.2.1:25", None),
            (" 192.0.2.1:2525 ", "192.0.2.1:2525", None),
            (
                "192.0.2.1,MX.Example.ORG.",
                "192.0.2.1:25",
                Some("mx.example.org"),
            ),
            ("192.0.2.1,", "192.0.2.1:25", None),
            ("2001:db8::1,mx", "[2001:db8::1]:25", Some("mx")),
            ("[2001:db8::1]", "[2001:db8::1]:25", None),
            (
                "[2001:db8::1]:26, _a.example",
                "[2001:db8::1]:26",
                Some("_a.example"),
            ),
            ("::ffff:192.0.2.1", "192.0.2.1:25", None),
        ] {
            assert_eq!(
                read(line),
                (socket.to_owned(), name.map(str::to_owned)),
                "{line}"
            );
        }
        for line in ["", "  ", "# a list"] {
            assert_eq!(plain(line, 25), Ok(None));
        }
        for line in [
            "example.org",
            "192.0.2.256",
            "192.0.2.1:0",
            "192.0.2.1,a b",
            "192.0.2.1,..",
            "{}",
            "\u{fffd}",
        ] {
            assert!(plain(line, 25).is_err(), "{line}");
        }
    }

    #[test]
    fn a_domain_record_names_every_address_of_every_exchange() {
        let line = br#"{"type":"domain","domain":"example.org","mx":[
            {"exchange":"a.mx.example","preference":1,"registered_domain":"mx.example",
             "addresses":[{"ip":"192.0.2.1"},{"ip":"2001:db8::1","special":"documentation"}]},
            {"exchange":"b.other.example","preference":2,"addresses":[{"ip":"::ffff:192.0.2.1"},{"ip":"192.0.2.2"}]}],
            "unknown":[1]}"#;
        let mut seen = Vec::new();
        let targets = Named::parse(line).unwrap().targets(25, |ip| {
            let is_new = !seen.contains(&ip);
            seen.push(ip);
            is_new
        });
        let found: Vec<_> = targets
            .iter()
            .map(|target| {
                (
                    target.ip.to_string(),
                    target.names(),
                    target.operator.as_deref().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "192.0.2.1".to_owned(),
                    vec!["a.mx.example", "example.org"],
                    "mx.example"
                ),
                (
                    "2001:db8::1".to_owned(),
                    vec!["a.mx.example", "example.org"],
                    "mx.example"
                ),
                (
                    "192.0.2.2".to_owned(),
                    vec!["b.other.example", "example.org"],
                    "other.example"
                ),
            ]
        );
        assert!(Named::parse(br#"{"type":"domain"}"#).is_err());
        let none = br#"{"type":"domain","domain":"example.org"}"#;
        assert!(Named::parse(none).unwrap().targets(25, |_| true).is_empty());
    }
}
