//! The `with` clause: the registry of mail transmission types (RFC 3848, RFC 6531 §4.3, IANA), and the names beside it.
//!
//! The clause holds whatever its writer puts there: product names, versions, a login. A protocol is a word of the table
//! below and nothing else, so that nothing that stands in a clause can pass for one.

/// What a `with` clause says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is no clause, or it is empty.
    Unsaid,
    /// Words of which none names a protocol: `hMailServer`, `Internet Mail Service`.
    Unknown,
    /// A protocol.
    Known(Protocol),
}

impl Link {
    /// The protocol, where one is named.
    pub fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Known(protocol) => Some(protocol),
            Self::Unsaid | Self::Unknown => None,
        }
    }
}

/// A protocol that a `with` clause names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, upper case: `ESMTPS`, `SMTPSVC`, `MAPI`.
    pub name: &'static str,
    /// Its family.
    pub class: Class,
    /// Whether the name says that TLS was used.
    pub secure: Secure,
    /// Whether the name says that the sender authenticated.
    pub authenticated: bool,
}

/// Families of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// SMTP between hosts.
    Smtp,
    /// LMTP: the last step into a mailbox (RFC 2033).
    Lmtp,
    /// A web client or an API.
    Http,
    /// Nothing went over a network.
    Local,
    /// Known to be something else: MAPI, NNTP, UUCP, MMS, POP3.
    Other,
}

/// What a protocol's name says about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// A registered name with S.
    Registered,
    /// A name with S that no RFC defines: `SMTPS`, `HTTPS`. The study calls it "assumed encrypted".
    Unregistered,
    /// Nothing; whether that means "in clear" depends on the writer.
    Unsaid,
}

use Class::{Http, Lmtp, Local, Other, Smtp};
use Secure::{Registered, Unregistered, Unsaid};

/// The registry "Mail Transmission Types": name, family, what it says about TLS, whether the sender authenticated.
const REGISTERED: [(&str, Class, Secure, bool); 18] = [
    ("SMTP", Smtp, Unsaid, false),
    ("ESMTP", Smtp, Unsaid, false),
    ("ESMTPA", Smtp, Unsaid, true),
    ("ESMTPS", Smtp, Registered, false),
    ("ESMTPSA", Smtp, Registered, true),
    ("LMTP", Lmtp, Unsaid, false),
    ("LMTPA", Lmtp, Unsaid, true),
    ("LMTPS", Lmtp, Registered, false),
    ("LMTPSA", Lmtp, Registered, true),
    ("UTF8SMTP", Smtp, Unsaid, false),
    ("UTF8SMTPA", Smtp, Unsaid, true),
    ("UTF8SMTPS", Smtp, Registered, false),
    ("UTF8SMTPSA", Smtp, Registered, true),
    ("UTF8LMTP", Lmtp, Unsaid, false),
    ("UTF8LMTPA", Lmtp, Unsaid, true),
    ("UTF8LMTPS", Lmtp, Registered, false),
    ("UTF8LMTPSA", Lmtp, Registered, true),
    // RFC 4356: a message of a mobile telephone.
    ("MMS", Other, Unsaid, false),
];

/// Names that no registry has, of which it is known what they stand for.
const UNREGISTERED: [(&str, Class, Secure, bool); 50] = [
    ("SMTPS", Smtp, Unregistered, false),
    ("SMTPA", Smtp, Unsaid, true),
    ("SMTPSA", Smtp, Unregistered, true),
    ("UTF8ESMTP", Smtp, Unsaid, false),
    ("UTF8ESMTPS", Smtp, Unregistered, false),
    ("UTF8ESMTPA", Smtp, Unsaid, true),
    ("UTF8ESMTPSA", Smtp, Unregistered, true),
    // Exim 4.98 and later: TLS from the first byte.
    ("SSMTP", Smtp, Unregistered, false),
    ("ESSMTP", Smtp, Unregistered, false),
    ("ESSMTPA", Smtp, Unregistered, true),
    // Exim 4.3, IceWarp: before RFC 3848 had a name for it.
    ("ASMTP", Smtp, Unsaid, true),
    ("SMTPSVC", Smtp, Unsaid, false),
    ("HTTP", Http, Unsaid, false),
    ("HTTPS", Http, Unregistered, false),
    ("HTTPU", Http, Unsaid, false),
    ("HTTP2", Http, Unsaid, false),
    ("HTTPREST", Http, Unsaid, false),
    ("HTTP-DAV", Http, Unsaid, false),
    ("DAV", Http, Unsaid, false),
    ("WEBDAV", Http, Unsaid, false),
    ("WEBMAIL", Http, Unsaid, false),
    ("WORLDCLIENT", Http, Unsaid, false),
    ("JMAP", Http, Unsaid, false),
    ("LOCAL", Local, Unsaid, false),
    ("STDIO", Local, Unsaid, false),
    ("PIPE", Local, Unsaid, false),
    ("SPOOL", Local, Unsaid, false),
    ("SPAM-SCANNED", Local, Unsaid, false),
    ("SCANNED-OK", Local, Unsaid, false),
    ("SPAMASSASSIN", Local, Unsaid, false),
    ("QMAIL-SCANNER", Local, Unsaid, false),
    ("MAPI", Other, Unsaid, false),
    ("NNTP", Other, Unsaid, false),
    ("NNTPS", Other, Unregistered, false),
    ("UUCP", Other, Unsaid, false),
    ("RMAIL", Other, Unsaid, false),
    ("BSMTP", Other, Unsaid, false),
    ("NNFMP", Other, Unsaid, false),
    ("QMTP", Other, Unsaid, false),
    ("QMQP", Other, Unsaid, false),
    ("POP3", Other, Unsaid, false),
    ("POP3S", Other, Unregistered, false),
    ("IMAP", Other, Unsaid, false),
    ("IMAP4", Other, Unsaid, false),
    ("IMAPS", Other, Unregistered, false),
    ("POP3-SSL", Other, Unregistered, false),
    ("IMAP4-SSL", Other, Unregistered, false),
    ("X400", Other, Unsaid, false),
    ("X.400", Other, Unsaid, false),
    ("NJE", Other, Unsaid, false),
];

/// Words of a clause that are looked at.
const LOOKED_AT: usize = 12;

/// What the words of a `with` clause name: the registered word among them (`MailEnable ESMTPS`, `AES128-SHA encrypted
/// SMTP`, `[XMail 1.27 ESMTP Server]`), else an unregistered one that is known.
pub fn link(words: &[&[u8]]) -> Link {
    if words.is_empty() {
        return Link::Unsaid;
    }
    let words = &words[..words.len().min(LOOKED_AT)];
    words
        .iter()
        .find_map(|word| find(word, &REGISTERED))
        .or_else(|| words.iter().find_map(|word| find(word, &UNREGISTERED)))
        .or_else(|| words.iter().find_map(|word| local(word)))
        .map_or(Link::Unknown, Link::Known)
}

/// Whether `word` is a protocol's name.
pub fn is_name(word: &[u8]) -> bool {
    find(word, &REGISTERED).is_some()
        || find(word, &UNREGISTERED).is_some()
        || local(word).is_some()
}

fn find(word: &[u8], names: &[(&'static str, Class, Secure, bool)]) -> Option<Protocol> {
    let word = core(word);
    // No name has more letters.
    if word.len() > 13 {
        return None;
    }
    names
        .iter()
        .find(|(name, ..)| word.eq_ignore_ascii_case(name.as_bytes()))
        .map(|&(name, class, secure, authenticated)| Protocol {
            name,
            class,
            secure,
            authenticated,
        })
}

/// Exim: SMTP spoken to a program's standard input is `local-esmtp`.
fn local(word: &[u8]) -> Option<Protocol> {
    let rest = word
        .get(..6)
        .filter(|start| start.eq_ignore_ascii_case(b"local-"))
        .map(|_| &word[6..])?;
    find(rest, &REGISTERED)
        .or_else(|| find(rest, &UNREGISTERED))
        .map(|inner| Protocol {
            name: "LOCAL",
            class: Local,
            secure: Unsaid,
            authenticated: inner.authenticated,
        })
}

/// A word without what its writer puts around it or behind it: `[ESMTP]`, `ESMTP/TLS/AES256-SHA`,
/// `qmail-scanner-2.11`.
fn core(word: &[u8]) -> &[u8] {
    let mut word = word;
    while let [b'[' | b'"' | b'\'' | b'{', rest @ ..] = word {
        word = rest;
    }
    let end = word
        .iter()
        .position(|byte| matches!(byte, b'/' | b']' | b'"' | b'\'' | b'}' | b',' | b':'))
        .unwrap_or(word.len());
    let word = &word[..end];
    const SCANNER: &[u8] = b"qmail-scanner";
    match word.get(..SCANNER.len()) {
        Some(start) if start.eq_ignore_ascii_case(SCANNER) => start,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link_of(text: &str) -> Link {
        let words: Vec<&[u8]> = text.split_whitespace().map(str::as_bytes).collect();
        link(&words)
    }

    fn named(text: &str) -> Protocol {
        link_of(text).protocol().unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn every_registered_name() {
        for (name, ..) in REGISTERED {
            let protocol = named(&name.to_lowercase());
            assert_eq!(protocol.name, name);
            if name == "MMS" {
                assert_eq!(protocol.class, Class::Other);
                continue;
            }
            let suffix = &name[name.find("TP").unwrap() + 2..];
            assert_eq!(
                protocol.secure == Secure::Registered,
                suffix.contains('S'),
                "{name}"
            );
            assert_eq!(protocol.authenticated, suffix.contains('A'), "{name}");
            assert_eq!(
                protocol.class == Class::Lmtp,
                name.contains("LMTP"),
                "{name}"
            );
        }
    }

    #[test]
    fn h2_the_registered_word_among_the_words() {
        for (text, name) in [
            ("MailEnable ESMTPS", "ESMTPS"),
            ("GENERIC SMTP Server", "SMTP"),
            ("Microsoft SMTP Server", "SMTP"),
            ("[XMail 1.27 ESMTP Server]", "ESMTP"),
            ("IBM ESMTP SMTP Gateway", "ESMTP"),
            ("ESMTP/TLS/AES256-SHA", "ESMTP"),
            ("AES128-SHA encrypted SMTP", "SMTP"),
            ("jane.doe@example.net ESMTP", "ESMTP"),
            ("Microsoft SMTPSVC", "SMTPSVC"),
            ("SMTPs", "SMTPS"),
            ("essmtp", "ESSMTP"),
            ("mapi", "MAPI"),
            ("local-esmtps", "LOCAL"),
            ("qmail-scanner-2.11", "QMAIL-SCANNER"),
            ("Microsoft Exchange Server HTTP-DAV", "HTTP-DAV"),
        ] {
            assert_eq!(named(text).name, name, "{text}");
        }
        for text in [
            "hMailServer",
            "Internet Mail Service",
            "Novell_GroupWise",
            "jane.doe@example.net",
            "smtp@example.net",
            "IPv4:25",
            "bizsmtp",
            "MailEnable Catch-All Filter",
            "SMTPX",
        ] {
            assert_eq!(link_of(text), Link::Unknown, "{text}");
        }
        assert_eq!(link_of(""), Link::Unsaid);
    }

    #[test]
    fn h2_names_that_are_not_registered() {
        assert_eq!(named("essmtpa").class, Class::Smtp);
        assert!(named("essmtpa").authenticated && !named("essmtp").authenticated);
        assert_eq!(named("essmtp").secure, Secure::Unregistered);
        assert_eq!(named("HTTPS").secure, Secure::Unregistered);
        assert_eq!(named("SMTPSVC").secure, Secure::Unsaid);
        for other in ["MAPI", "NNTP", "UUCP", "MMS", "POP3", "NNFMP"] {
            assert_eq!(named(other).class, Class::Other, "{other}");
        }
    }
}
