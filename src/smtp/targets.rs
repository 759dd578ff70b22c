//! Which servers a line of the input names: every address of every exchange of a `domain` record, or one address in a
//! plain form.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;

use crate::ndjson::describe;
use crate::record::For;
use crate::record::{ADDRESS_LIMIT, DOMAIN_ADDRESS_LIMIT};

/// The longest name of a domain or exchange in a record whose servers are asked, octets: one of DNS has at most 1,004 (RFC 1035
/// §5.1, every octet written \\DDD).
const NAME_LIMIT: usize = 1024;

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpTarget {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The line that named it first.
    pub cause: For,
    /// Who runs it: the registered domain of the exchange.
    pub operator: Option<Arc<str>>,
}

impl SmtpTarget {
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
pub struct DomainServers<'a> {
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

impl<'a> DomainServers<'a> {
    /// Reads a `domain` record; the error says what is wrong with it.
    pub fn parse(line: &'a [u8]) -> Result<Self, String> {
        let named: Self = serde_json::from_slice(line)
            .map_err(|error| format!("not a domain record: {}", describe(&error)))?;
        // Every server that is asked keeps these names.
        let asked = named.mx.iter().filter(|it| !it.addresses.is_empty());
        let operators = |it: &Exchange<'_>| it.registered_domain.as_ref().map_or(0, |it| it.len());
        let longest = asked.map(|it| it.exchange.len().max(operators(it)).max(named.domain.len()));
        match longest.max() {
            Some(octets) if octets > NAME_LIMIT => {
                Err(format!("not a domain record: a name of {octets} octets"))
            }
            _ => Ok(named),
        }
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The addresses of each exchange that may be connected to, canonical; and how many more there are. mx-lookup writes no more
    /// than [`ADDRESS_LIMIT`] of an exchange and [`DOMAIN_ADDRESS_LIMIT`] of a domain, but others write records, too.
    fn bounded(&self) -> (Vec<Vec<IpAddr>>, u64) {
        let mut of_domain = HashSet::new();
        let mut left_out = 0;
        let mut exchanges = Vec::new();
        for exchange in &self.mx {
            let mut of_exchange: Vec<IpAddr> = Vec::new();
            for address in &exchange.addresses {
                let ip = address.ip.to_canonical();
                let has_room = of_exchange.len() < ADDRESS_LIMIT
                    && (of_domain.len() < DOMAIN_ADDRESS_LIMIT || of_domain.contains(&ip));
                if has_room {
                    of_domain.insert(ip);
                    of_exchange.push(ip);
                } else {
                    left_out += 1;
                }
            }
            exchanges.push(of_exchange);
        }
        (exchanges, left_out)
    }

    /// Every address that `is_new` says yes to, as a target; and how many addresses are left out because they are too many.
    pub fn targets(
        &self,
        port: u16,
        mut is_new: impl FnMut(IpAddr) -> bool,
    ) -> (Vec<SmtpTarget>, u64) {
        let mut targets = Vec::new();
        let (addresses, left_out) = self.bounded();
        for (exchange, addresses) in self.mx.iter().zip(addresses) {
            let addresses = addresses.into_iter();
            targets.extend(addresses.filter(|ip| is_new(*ip)).map(|ip| SmtpTarget {
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
        (targets, left_out)
    }
}

/// Reads `address[:port][,name]`, an IPv6 address with a port in brackets. `None`: a blank line or a comment.
pub fn plain(line: &str, default_port: u16) -> Result<Option<SmtpTarget>, String> {
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
    Ok(Some(SmtpTarget {
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
        let (targets, left_out) = DomainServers::parse(line).unwrap().targets(25, |ip| {
            let is_new = !seen.contains(&ip);
            seen.push(ip);
            is_new
        });
        assert_eq!(left_out, 0);
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
        assert!(DomainServers::parse(br#"{"type":"domain"}"#).is_err());
        let none = br#"{"type":"domain","domain":"example.org"}"#;
        let (targets, left_out) = DomainServers::parse(none).unwrap().targets(25, |_| true);
        assert!(targets.is_empty() && left_out == 0);
    }

    /// A record of so many exchanges with so many addresses each.
    fn record(exchanges: usize, addresses: usize) -> String {
        let exchanges = (0..exchanges).map(|exchange| {
            let addresses = (0..addresses).map(|number| {
                let ip = std::net::Ipv4Addr::from((9 << 24 | exchange << 16 | number) as u32);
                serde_json::json!({ "ip": ip })
            });
            let addresses: Vec<_> = addresses.collect();
            serde_json::json!({"exchange": format!("mx{exchange}.example"), "addresses": addresses})
        });
        let exchanges: Vec<_> = exchanges.collect();
        serde_json::json!({"type": "domain", "domain": "a.example", "mx": exchanges}).to_string()
    }

    #[test]
    fn a1_the_servers_of_a_forged_record_are_bounded_as_mx_lookup_bounds_them() {
        for (exchanges, addresses, taken) in
            [(88, 4080, 256), (1, 65, 64), (1, 64, 64), (5, 60, 256)]
        {
            let line = record(exchanges, addresses);
            let (targets, left_out) = DomainServers::parse(line.as_bytes())
                .unwrap()
                .targets(25, |_| true);
            assert_eq!(targets.len(), taken, "{exchanges} of {addresses}");
            assert_eq!(left_out as usize, exchanges * addresses - taken);
        }
    }

    #[test]
    fn a_name_that_is_none_of_dns_is_not_kept_with_every_server() {
        let line = |name: &str| {
            format!(
                r#"{{"type":"domain","domain":"{name}","mx":[{{"exchange":"a","addresses":[{{"ip":"9.9.9.9"}}]}}]}}"#
            )
        };
        assert!(DomainServers::parse(line(&"a".repeat(1004)).as_bytes()).is_ok());
        assert!(DomainServers::parse(line(&"a".repeat(1025)).as_bytes()).is_err());
        let invalid = format!(
            r#"{{"type":"domain","domain":"{}","mx":[]}}"#,
            "a".repeat(2000)
        );
        assert!(DomainServers::parse(invalid.as_bytes()).is_ok());
    }
}
