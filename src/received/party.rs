//! The two ends of a hop (RFC 5321 §4.4, Extended-Domain and TCP-info): HELO, looked-up name and address, told apart.
//!
//! Servers put them in different places: `from HELO (RDNS [IP])` (Postfix, Sendmail, Gmail), `from RDNS (HELO helo)
//! (IP)` (qmail, Yahoo, IronPort), `from RDNS ([IP] helo=HELO)` (Exim), `from HELO (IP) by NAME (IP)` (Exchange).

use std::net::{IpAddr, Ipv6Addr};

use super::token::{Token, comment_words, comments, words};
use crate::record::{HopEnd, Text};

/// What stands in a `from` or `by` clause.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The end, its `host` and `registered_domain` filled in.
    pub end: HopEnd,
    /// "may be forged": the looked-up name does not lead back to the address (Sendmail).
    pub may_be_forged: bool,
}

/// The sending end. `verified`: the writer is Exim, which writes only the looked-up name where HELO is the same.
pub fn from(tokens: &[Token<'_>], verified: bool) -> Party {
    let said = words(tokens).next();
    let mut inside = Inside::default();
    for comment in comments(tokens) {
        inside.read(comment);
        if inside.ip.is_some() {
            break;
        }
    }
    let mut end = HopEnd {
        ip: inside.ip.or_else(|| said.and_then(address)),
        ..HopEnd::default()
    };
    let said_name = said.filter(|word| address(word).is_none());
    match (inside.helo, inside.name) {
        (Some(helo), _) => {
            end.helo = client_text(helo);
            end.rdns = said_name.and_then(host_name);
        }
        (None, Some(name)) => {
            end.helo = said.and_then(client_text);
            end.rdns = host_name(name);
        }
        (None, None) => {
            end.helo = said.and_then(client_text);
            end.rdns = said_name
                .filter(|_| verified && inside.ip.is_some())
                .and_then(host_name);
        }
    }
    let claimed = inside.helo.or(said);
    end.host = end.rdns.clone().or_else(|| claimed.and_then(host_name));
    end.registered_domain = end.host.as_deref().and_then(registered_domain);
    Party {
        end,
        may_be_forged: inside.may_be_forged,
    }
}

/// The receiving end.
pub fn by(tokens: &[Token<'_>]) -> Party {
    let said = words(tokens).next();
    let host = said.and_then(host_name);
    // Exchange gives the address in parentheses; others name software there, or the host again.
    let in_comment = comments(tokens).next().and_then(|comment| {
        let mut inside = Inside::default();
        inside.read(comment);
        inside.ip
    });
    Party {
        end: HopEnd {
            ip: in_comment.or_else(|| said.and_then(address)),
            registered_domain: host.as_deref().and_then(registered_domain),
            host,
            ..HopEnd::default()
        },
        may_be_forged: false,
    }
}

/// What the comments behind a name say of it.
#[derive(Default)]
struct Inside<'a> {
    ip: Option<IpAddr>,
    name: Option<&'a [u8]>,
    helo: Option<&'a [u8]>,
    may_be_forged: bool,
}

impl<'a> Inside<'a> {
    fn read(&mut self, comment: &'a [u8]) {
        let mut before: Option<&'a [u8]> = None;
        for word in comment_words(comment).take(24) {
            if let Some(name) = strip_prefix(word, b"helo=") {
                self.helo = self.helo.or(Some(name));
            } else if before.is_some_and(|before| is(before, &[b"HELO", b"EHLO", b"LHLO"])) {
                self.helo = self.helo.or(Some(word));
            } else if before.is_some_and(|before| is(before, &[b"be"])) && is(word, &[b"forged"]) {
                self.may_be_forged = true;
            } else if self.ip.is_none()
                && let Some(ip) = address(word)
            {
                self.ip = Some(ip);
                self.name = before.filter(|name| host_name(name).is_some());
            }
            before = Some(word);
        }
    }
}

/// An address in any of the forms: `[192.0.2.1]`, `192.0.2.1`, `[IPv6:2001:db8::1]`, `[192.0.2.1]:25`, `user@192.0.2.1`.
pub fn address(word: &[u8]) -> Option<IpAddr> {
    // "user@domain@192.0.2.1" (qmail): only the address is wanted.
    let word = word.rsplit(|&byte| byte == b'@').next()?;
    let inner = match memchr::memchr(b']', word) {
        Some(close) if word[0] == b'[' => &word[1..close],
        _ => word,
    };
    // Names are by far the most of the words that come here.
    if !matches!(inner.last()?, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':') || inner.len() > 60
    {
        return None;
    }
    let inner = strip_prefix(inner, b"IPv6:").unwrap_or(inner);
    let text = std::str::from_utf8(inner).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(unmapped(ip));
    }
    // Ecelerity puts the port inside the brackets.
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4)
}

/// Courier writes IPv4 as `::ffff:192.0.2.1`.
fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// A host name in lower case without the trailing dot; `None` for what cannot be one, and for words that stand for none.
pub fn host_name(word: &[u8]) -> Option<String> {
    let word = word.strip_suffix(b".").unwrap_or(word);
    let is_name = !word.is_empty()
        && word.len() <= 253
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && word[0] != b'.'
        && !is(
            word,
            &[
                b"unknown",
                b"unverified",
                b"UnknownHost",
                b"NXDOMAIN",
                b"DNSERROR",
                b"none",
            ],
        );
    if !is_name || address(word).is_some() {
        return None;
    }
    let mut name = String::from_utf8(word.to_vec()).ok()?;
    name.make_ascii_lowercase();
    Some(name)
}

/// What a client said of itself, without a local part.
fn client_text(word: &[u8]) -> Option<Text> {
    let word = word.rsplit(|&byte| byte == b'@').next()?;
    let word = word.strip_prefix(b"<").unwrap_or(word);
    let word = &word[..word.len().min(255)];
    (!word.is_empty()).then(|| Text::from(word))
}

/// The registered domain of a host name by the public suffix list. Top-level names that the list lacks are private
/// networks' own, but for those that RFC 2606 keeps for examples.
pub fn registered_domain(host: &str) -> Option<String> {
    let domain = psl::domain(host.as_bytes())?;
    let suffix = domain.suffix();
    let known = suffix.is_known() || matches!(suffix.as_bytes(), b"example" | b"test" | b"invalid");
    known.then(|| String::from_utf8_lossy(domain.as_bytes()).into_owned())
}

/// Addresses that are never a peer on the Internet: loopback and the machine itself.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// Addresses of private networks (RFC 1918, RFC 6598, RFC 3927, RFC 4193), and 6to4 of those (Gmail's `2002:a05:…`).
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || six_to_four(v6).is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

fn six_to_four(v6: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let [prefix, high, low, ..] = v6.segments();
    (prefix == 0x2002).then(|| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        std::net::Ipv4Addr::new(a, b, c, d)
    })
}

fn is(word: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn strip_prefix<'a>(word: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let start = word.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| &word[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    /// helo, rdns, ip, registered domain; `-` where none.
    fn shown(clause: &str, verified: bool) -> String {
        let (list, _) = tokens(clause.as_bytes());
        let end = from(&list, verified).end;
        let helo = end.helo.map(|text| text.lossy().into_owned());
        let parts = [
            helo,
            end.rdns,
            end.ip.map(|ip| ip.to_string()),
            end.registered_domain,
        ];
        parts.map(|part| part.unwrap_or("-".into())).join(" ")
    }

    #[test]
    fn helo_rdns_and_address_are_told_apart() {
        for (clause, verified, expected) in [
            (
                "mout.gmx.net (mout.gmx.net [212.227.15.19])\n\t(using TLSv1 with cipher A-B)",
                false,
                "mout.gmx.net mout.gmx.net 212.227.15.19 gmx.net",
            ),
            (
                "friend (mail-qv1.google.com. [IPv6:2607:f8b0:4864:20::f31])",
                false,
                "friend mail-qv1.google.com 2607:f8b0:4864:20::f31 google.com",
            ),
            (
                "[192.168.1.67] (unknown [196.170.39.237])",
                false,
                "[192.168.1.67] - 196.170.39.237 -",
            ),
            (
                "127.0.0.1  (EHLO a22-22.smtp-out.amazonses.com) (54.240.27.5)",
                false,
                "a22-22.smtp-out.amazonses.com - 54.240.27.5 amazonses.com",
            ),
            (
                "unknown (HELO neko.nyaan.example.net) (213.0.113.10)",
                false,
                "neko.nyaan.example.net - 213.0.113.10 example.net",
            ),
            (
                "a.outlook.com (HELO b.outlook.com) ([40.93.64.30])",
                false,
                "b.outlook.com a.outlook.com 40.93.64.30 outlook.com",
            ),
            (
                "[82.180.146.137] (port=53544 helo=[127.0.0.1])",
                true,
                "[127.0.0.1] - 82.180.146.137 -",
            ),
            (
                "mail.example.org ([192.0.2.7]:4711 helo=x)",
                true,
                "x mail.example.org 192.0.2.7 example.org",
            ),
            (
                "mail.example.org ([192.0.2.7])",
                true,
                "mail.example.org mail.example.org 192.0.2.7 example.org",
            ),
            (
                "mail.example.org ([192.0.2.7])",
                false,
                "mail.example.org - 192.0.2.7 example.org",
            ),
            (
                "[35.86.55.119] ([35.86.55.119:7115] helo=[10.88.44.192])",
                false,
                "[10.88.44.192] - 35.86.55.119 -",
            ),
            (
                "A.prod.outlook.com (2603:10a6::9)",
                false,
                "A.prod.outlook.com - 2603:10a6::9 outlook.com",
            ),
            (
                "m.x.de (m.x.de [94.136.29.106] (AS48943 KAPPER, AT))",
                false,
                "m.x.de m.x.de 94.136.29.106 x.de",
            ),
            (
                "monster (monster.email-scan.com [::ffff:192.168.0.2])",
                false,
                "monster monster.email-scan.com 192.168.0.2 email-scan.com",
            ),
            (
                "x (user@x.org@192.0.2.9 with plain)",
                false,
                "x - 192.0.2.9 -",
            ),
            (
                "john@example.org (x [192.0.2.9])",
                false,
                "example.org x 192.0.2.9 -",
            ),
        ] {
            assert_eq!(shown(clause, verified), expected, "{clause}");
        }
    }

    #[test]
    fn the_receiving_end() {
        let shown = |clause: &str| {
            let end = by(&tokens(clause.as_bytes()).0).end;
            (
                end.host.unwrap_or_default(),
                end.ip.map(|ip| ip.to_string()).unwrap_or_default(),
            )
        };
        assert_eq!(
            shown("MX.Example.org. (Postfix)"),
            ("mx.example.org".into(), String::new())
        );
        assert_eq!(
            shown("a.outlook.com\n (10.152.1.89)"),
            ("a.outlook.com".into(), "10.152.1.89".into())
        );
        assert_eq!(
            shown("2002:a05:6402::"),
            (String::new(), "2002:a05:6402::".into())
        );
        assert_eq!(
            shown("m.kundenserver.de (mreue009 [213.165.67.103])"),
            ("m.kundenserver.de".into(), "213.165.67.103".into())
        );
    }

    #[test]
    fn registered_domains_of_private_networks_are_none() {
        assert_eq!(
            registered_domain("mail.bf1.yahoo.com").as_deref(),
            Some("yahoo.com")
        );
        assert_eq!(registered_domain("a.b.co.uk").as_deref(), Some("b.co.uk"));
        assert_eq!(registered_domain("cmr.i-0d131a82"), None);
        assert_eq!(registered_domain("localhost"), None);
        assert_eq!(
            registered_domain("mx.example").as_deref(),
            Some("mx.example")
        );
    }

    #[test]
    fn private_addresses() {
        for ip in [
            "10.1.2.3",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "2002:a05:6402::",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        assert!(!is_private("2002:808:808::".parse().unwrap()));
        assert!(!is_private("212.227.15.19".parse().unwrap()));
    }
}
