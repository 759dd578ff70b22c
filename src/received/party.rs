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
pub fn sending(tokens: &[Token<'_>], verified: bool) -> Party {
    let mut inside = Inside::default();
    for comment in comments(tokens) {
        inside.read(comment);
        if inside.ip.is_some() {
            break;
        }
    }
    let said = words(tokens).next().map(Said::new).unwrap_or_default();
    // "from NAME [192.0.2.1] by".
    let beside = words(tokens).skip(1).find_map(address);
    let ip = inside.ip.or(beside);
    let is_heard = ip.or(said.ip).is_some() || inside.helo.is_some() || inside.has_socket;
    let claim = |word| helo(word, is_heard);
    let mut end = HopEnd {
        ip: ip.or(said.ip),
        ..HopEnd::default()
    };
    let said_name = said.name.filter(|word| address(word).is_none());
    match (inside.helo, inside.name) {
        (Some(word), _) => {
            end.helo = claim(word);
            let has_ip = end.ip.is_some();
            end.rdns = said_name
                .and_then(host_name)
                .filter(|name| has_ip || is_host_for_sure(name));
        }
        (None, Some(name)) => {
            end.helo = said.name.and_then(claim);
            end.rdns = host_name(name);
        }
        (None, None) => {
            end.helo = said.name.and_then(claim);
            end.rdns = said_name
                .filter(|_| verified && inside.ip.is_some())
                .and_then(host_name);
        }
    }
    let claimed = || end.helo.as_ref().and_then(|text| host_name(&text.0));
    end.host = end.rdns.clone().or_else(claimed);
    end.registered_domain = end.host.as_deref().and_then(registered_domain);
    Party {
        end,
        may_be_forged: inside.may_be_forged,
    }
}

/// The receiving end.
pub fn receiving(tokens: &[Token<'_>]) -> Party {
    // qmail-scanner: "by NAME by uid 82".
    let said = words(tokens)
        .next()
        .filter(|word| !is_one_of(word, &[b"uid", b"userid"]));
    let host = said.and_then(host_name);
    // Exchange gives the address in parentheses; others name software there and its version, "(IceWarp 11.3.0.4)".
    let in_comment = comments(tokens).next().and_then(|comment| {
        let mut inner = comment_words(comment);
        match (inner.next(), inner.next()) {
            (Some(word), None) => address(word),
            _ => comment_words(comment)
                .filter(|word| word.contains(&b'['))
                .find_map(address),
        }
    });
    let beside = words(tokens)
        .skip(1)
        .filter(|word| word.starts_with(b"["))
        .find_map(address);
    Party {
        end: HopEnd {
            ip: in_comment.or(beside).or_else(|| said.and_then(address)),
            registered_domain: host.as_deref().and_then(registered_domain),
            host,
            ..HopEnd::default()
        },
        may_be_forged: false,
    }
}

/// The word behind `from`.
#[derive(Default)]
struct Said<'a> {
    name: Option<&'a [u8]>,
    ip: Option<IpAddr>,
}

impl<'a> Said<'a> {
    /// A name, an address, or `NAME[192.0.2.1]`.
    fn new(word: &'a [u8]) -> Self {
        let name = match memchr::memchr(b'[', word) {
            Some(open) if open > 0 => &word[..open],
            _ => word,
        };
        Self {
            name: Some(name),
            ip: address(word),
        }
    }
}

/// What the comments behind a name say of it.
#[derive(Default)]
struct Inside<'a> {
    ip: Option<IpAddr>,
    name: Option<&'a [u8]>,
    helo: Option<&'a [u8]>,
    may_be_forged: bool,
    /// `[unix socket]`, `[local]`: not an address, but in the place of one.
    has_socket: bool,
}

impl<'a> Inside<'a> {
    fn read(&mut self, comment: &'a [u8]) {
        let mut before: Option<&'a [u8]> = None;
        for word in comment_words(comment).take(24) {
            // ZMailer: `[192.0.2.1]:25 "EHLO NAME" rhost-flags-OK-OK-OK-OK`.
            let word = unquoted(word);
            if let Some(name) = strip_prefix(word, b"helo=") {
                self.helo = self.helo.or(Some(name));
                before = None;
                continue;
            }
            if before.is_some_and(|before| is_one_of(before, &[b"HELO", b"EHLO", b"LHLO"])) {
                self.helo = self.helo.or(Some(word));
                before = None;
                continue;
            }
            if before.is_some_and(|before| is_one_of(before, &[b"be"]))
                && is_one_of(word, &[b"forged"])
            {
                self.may_be_forged = true;
            } else if is_one_of(word, &[b"[unix", b"[local]"]) {
                self.has_socket = true;
            } else if self.ip.is_none()
                && let Some(ip) = address(word)
            {
                self.ip = Some(ip);
                // "NAME[192.0.2.1]", "NAME [192.0.2.1]", and with what identd said: "IDENT:jane@NAME [192.0.2.1]".
                let name = match memchr::memchr(b'[', word) {
                    Some(open) if open > 0 => Some(&word[..open]),
                    _ => before,
                };
                self.name = name
                    .map(behind_sign)
                    .filter(|name| host_name(name).is_some());
            }
            before = Some(word);
        }
    }
}

/// An address in any of the forms: `[192.0.2.1]`, `192.0.2.1`, `[IPv6:2001:db8::1]`, `[192.0.2.1]:25`, `user@192.0.2.1`,
/// `name[192.0.2.1]`, `[fe80::1%4]`, qmail's `?192.0.2.1?`.
pub fn address(word: &[u8]) -> Option<IpAddr> {
    // "user@domain@192.0.2.1" (qmail): only the address is wanted.
    let word = behind_sign(word);
    let inner = match memchr::memrchr(b'[', word) {
        Some(open) => {
            let rest = &word[open + 1..];
            &rest[..memchr::memchr(b']', rest).unwrap_or(rest.len())]
        }
        None => match word {
            [b'?', inner @ .., b'?'] => inner,
            [inner @ .., b']'] => inner,
            word => word,
        },
    };
    // Names are by far the most of the words that come here: an address has a colon, or digits and dots alone.
    let mut colons = false;
    let mut others = false;
    for byte in inner {
        colons |= *byte == b':';
        others |= !matches!(byte, b'0'..=b'9' | b'.' | b'%');
    }
    if (others && !colons && !inner.contains(&b'%')) || inner.is_empty() || inner.len() > 60 {
        return None;
    }
    let inner = strip_prefix(inner, b"IPv6:").unwrap_or(inner);
    let inner = match memchr::memchr(b'%', inner) {
        Some(scope) => &inner[..scope],
        None => inner,
    };
    let text = std::str::from_utf8(inner).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(unmapped(ip));
    }
    // Ecelerity puts the port inside the brackets.
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4)
}

/// What stands behind the last `@`, or all of it.
fn behind_sign(word: &[u8]) -> &[u8] {
    word.rsplit(|&byte| byte == b'@').next().unwrap_or(word)
}

fn unquoted(word: &[u8]) -> &[u8] {
    let word = word.strip_prefix(b"\"").unwrap_or(word);
    word.strip_suffix(b"\"").unwrap_or(word)
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
    const NO_NAMES: &[&[u8]] = &[
        b"unknown",
        b"unverified",
        b"verified",
        b"unresolved",
        b"unavailable",
        b"UnknownHost",
        b"Unknown_Domain",
        b"NXDOMAIN",
        b"DNSERROR",
        b"softdnserr",
        b"none",
        b"null",
    ];
    let word = word.strip_suffix(b".").unwrap_or(word);
    let (mut label, mut has_letter, mut has_dot) = (0, false, false);
    for byte in word {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => (label, has_dot) = (0, true),
            b'-' | b'_' | b'0'..=b'9' => label += 1,
            b'a'..=b'z' | b'A'..=b'Z' => (label, has_letter) = (label + 1, true),
            _ => return None,
        }
        if label > 63 {
            return None;
        }
    }
    // Numbers are users, projects and versions, or addresses.
    let is_name = label > 0 && has_letter && word.len() <= 253;
    if !is_name || (!has_dot && is_one_of(word, NO_NAMES)) {
        return None;
    }
    let mut name = String::from_utf8(word.to_vec()).ok()?;
    name.make_ascii_lowercase();
    Some(name)
}

/// Whether `name` is a host's also where no address stands beside it, and a person's could: it lies under a registered
/// domain, or under one that private networks and clouds use.
fn is_host_for_sure(name: &str) -> bool {
    const PRIVATE: [&str; 9] = [
        "local",
        "localdomain",
        "localhost",
        "lan",
        "internal",
        "intranet",
        "home",
        "corp",
        "arpa",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    // "i-0d131a82a62695251": an instance of a cloud.
    let is_instance = last.contains('-') && last.bytes().any(|byte| byte.is_ascii_digit());
    registered_domain(name).is_some()
        || PRIVATE.contains(&last)
        || (is_instance && name.contains('.'))
}

/// What a client said of itself: a host name, or an address. Where no address stands beside it, it may be the name of a
/// person who handed the message in on the machine: nothing is made of what is no host's for sure.
fn helo(word: &[u8], is_heard: bool) -> Option<Text> {
    if word.contains(&b'@') {
        let name = host_name(
            behind_sign(word)
                .strip_suffix(b">")
                .unwrap_or(behind_sign(word)),
        )?;
        return registered_domain(&name).map(|_| Text::from(name));
    }
    if address(word).is_some() {
        let is_literal = |byte: &u8| {
            byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'[' | b']' | b'?')
        };
        let bare = word.strip_prefix(b"[").unwrap_or(word);
        let bare = strip_prefix(bare, b"IPv6:").unwrap_or(bare);
        return bare.iter().all(is_literal).then(|| Text::from(word));
    }
    if !word.is_ascii() {
        let text = std::str::from_utf8(word).ok()?;
        return is_international(text).then(|| Text::from(text));
    }
    let name = host_name(word)?;
    (is_heard || is_host_for_sure(&name)).then(|| Text::from(word))
}

/// A host name in scripts of its own, under a suffix that is known. Nobody asks the DNS for it here, so its letters are not
/// mapped as UTS #46 does, and the list of suffixes is told both forms.
fn is_international(text: &str) -> bool {
    let name = text
        .to_lowercase()
        .replace(['\u{3002}', '\u{FF0E}', '\u{FF61}'], ".");
    let is_kept = |c: char| match c {
        '\0'..='\x7F' => c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
        // Latin-1 and its neighbours: letters alone. Beyond, marks belong to letters; spaces, punctuation and symbols do not.
        '\u{80}'..='\u{2FF}' => c.is_alphabetic(),
        '\u{2000}'..='\u{2BFF}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' => {
            matches!(c, '\u{200C}' | '\u{200D}')
        }
        '\u{E000}'..='\u{F8FF}' | '\u{FE00}'..='\u{FE6F}' | '\u{FFF0}'..='\u{FFFF}' => false,
        _ => !c.is_control() && !c.is_whitespace(),
    };
    let labels = name.strip_suffix('.').unwrap_or(&name);
    labels.chars().all(is_kept)
        && labels
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 4 * 63)
        && registered_domain(labels).is_some()
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

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
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
        let end = sending(&list, verified).end;
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
            ("(203.0.113.9)", false, "- - 203.0.113.9 -"),
            ("NAME [203.0.113.9]", false, "NAME - 203.0.113.9 -"),
            (
                "mx.example.org[203.0.113.9]",
                false,
                "mx.example.org - 203.0.113.9 example.org",
            ),
            (
                "mx.example.org (Not Verified[203.0.113.9])",
                false,
                "mx.example.org - 203.0.113.9 example.org",
            ),
            (
                "x (IDENT:jane@mx.example.org [203.0.113.9])",
                false,
                "x mx.example.org 203.0.113.9 example.org",
            ),
            (
                "a.example.org ([203.0.113.9]:43501 \"EHLO b.example.org\" rhost-flags-OK-OK-OK-OK)",
                false,
                "b.example.org a.example.org 203.0.113.9 example.org",
            ),
            (
                "unknown (HELO ?192.168.0.22?) (preid@example.com@203.0.113.9)",
                false,
                "?192.168.0.22? - 203.0.113.9 -",
            ),
            (
                "q.example.org ( [203.0.113.9])",
                false,
                "q.example.org - 203.0.113.9 example.org",
            ),
            ("X $FROM(10.17.18.16)", false, "X - 10.17.18.16 -"),
            (
                "mx (HELO mx.example.org [203.0.113.9])",
                false,
                "mx.example.org mx 203.0.113.9 -",
            ),
            ("jane", false, "- - - -"),
            ("localhost", false, "localhost - - -"),
            ("NDAzNDMyOTY (unknown)", false, "- - - -"),
            ("1234567 named unknown", false, "- - - -"),
            ("droid..", false, "- - - -"),
            ("mx ([unix socket])", false, "mx - - -"),
            ("<jane@x>", false, "- - - -"),
        ] {
            assert_eq!(shown(clause, verified), expected, "{clause}");
        }
    }

    #[test]
    fn the_receiving_end() {
        let shown = |clause: &str| {
            let end = receiving(&tokens(clause.as_bytes()).0).end;
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
            shown("hk.example.com (IceWarp 11.3.0.4)"),
            ("hk.example.com".into(), String::new())
        );
        assert_eq!(
            shown("B.prod.outlook.com ([fe80::2%4])"),
            ("b.prod.outlook.com".into(), "fe80::2".into())
        );
        assert_eq!(shown("uid 82"), (String::new(), String::new()));
        assert_eq!(shown("0"), (String::new(), String::new()));
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
    fn names_in_scripts_of_their_own_stand_under_a_known_suffix() {
        for name in [
            "mail.b\u{fc}cher.de",
            "B\u{dc}CHER.DE.",
            "\u{98df}\u{72ee}.\u{4e2d}\u{56fd}",
            "mx.\u{92d}\u{93e}\u{930}\u{94d}\u{924}.example",
            "mx\u{3002}\u{98df}\u{72ee}\u{3002}com",
        ] {
            assert!(is_international(name), "{name}");
        }
        for name in [
            "b\u{fc}cher",
            "b\u{fc}cher.nosuffix",
            "b\u{fc}cher..de",
            "b\u{fc}cher\u{a0}.de",
            "b\u{fc}cher\u{202e}.de",
            "b\u{fc}cher\u{2014}x.de",
            "a@b\u{fc}cher.de",
            "b\u{fc}\u{fffd}cher.de",
            "\u{ab}b\u{fc}cher.de",
        ] {
            assert!(!is_international(name), "{name}");
        }
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
