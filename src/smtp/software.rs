//! The MTA software of a server, named only where its greeting or an EHLO keyword says so (RFC 5321 §4.3.1 lets a
//! greeting do that). A terse greeting names nothing, and nothing is guessed from how a server behaves.

use crate::record::{Capabilities, Reply};

/// What a greeting says behind the name of the host → software. Whole words, in any case; the first that fits counts.
const GREETINGS: &[(&str, &str)] = &[
    // QQ's greeting contains the name of another product.
    ("QQ Mail Server", "QQ Mail"),
    ("Postfix", "Postfix"),
    ("Exim", "Exim"),
    ("OpenSMTPD", "OpenSMTPD"),
    ("Sendmail", "Sendmail"),
    ("Microsoft ESMTP MAIL Service", "Microsoft Exchange"),
    ("Microsoft Exchange", "Microsoft Exchange"),
    ("gsmtp", "Google"),
    ("Haraka", "Haraka"),
    ("Stalwart", "Stalwart"),
    ("maddy", "maddy"),
    ("mox", "mox"),
    ("Apache James", "Apache James"),
    ("JAMES SMTP Server", "Apache James"),
    ("netqmail", "qmail"),
    ("qmail", "qmail"),
    ("qpsmtpd", "qpsmtpd"),
    ("Courier", "Courier"),
    ("Zimbra", "Zimbra"),
    ("Kerio Connect", "Kerio Connect"),
    ("Kerio MailServer", "Kerio Connect"),
    ("MDaemon", "MDaemon"),
    ("MailEnable", "MailEnable"),
    ("SmarterMail", "SmarterMail"),
    ("hMailServer", "hMailServer"),
    ("IceWarp", "IceWarp"),
    ("Merak", "IceWarp"),
    ("CommuniGate Pro", "CommuniGate Pro"),
    ("Axigen", "Axigen"),
    ("Domino", "Domino"),
    ("GroupWise", "GroupWise"),
    ("SurgeSMTP", "SurgeMail"),
    ("SurgeMail", "SurgeMail"),
    ("XMail", "XMail"),
    ("Mercury/32", "Mercury"),
    ("ArGoSoft", "ArGoSoft"),
    ("Oracle Communications Messaging", "Oracle Messaging Server"),
    ("Sun Java System Messaging", "Oracle Messaging Server"),
    (
        "Sun Java(tm) System Messaging Server",
        "Oracle Messaging Server",
    ),
    ("iPlanet Messaging Server", "Oracle Messaging Server"),
    ("InterMail", "InterMail"),
    ("PowerMTA", "PowerMTA"),
    ("ecelerity", "Momentum"),
    ("GreenArrow", "GreenArrow"),
    ("KumoMTA", "KumoMTA"),
    ("ZoneMTA", "ZoneMTA"),
    ("Halon", "Halon"),
    ("Nemesis", "Nemesis"),
    ("Coremail", "Coremail"),
    ("Symantec Messaging Gateway", "Symantec Messaging Gateway"),
    ("Symantec Mail Security", "Symantec Messaging Gateway"),
    ("Barracuda", "Barracuda"),
    ("IronPort", "IronPort"),
    ("FortiMail", "FortiMail"),
    ("MailMarshal", "MailMarshal"),
    ("Mimecast", "Mimecast"),
    ("Proofpoint", "Proofpoint"),
    ("Sophos", "Sophos"),
    ("Trend Micro", "Trend Micro"),
    ("SonicWALL", "SonicWall"),
    ("MailCleaner", "MailCleaner"),
    ("Dovecot", "Dovecot"),
    ("SubEthaSMTP", "SubEthaSMTP"),
    ("Python SMTP", "aiosmtpd"),
];

/// An EHLO keyword, what its parameters contain → software.
const KEYWORDS: &[(&str, &str, &str)] = &[
    ("XVERP", "Courier", "Courier"),
    ("XEXCH50", "", "Microsoft Exchange"),
    ("X-EXPS", "", "Microsoft Exchange"),
    ("X-ANONYMOUSTLS", "", "Microsoft Exchange"),
    ("X-LINK2STATE", "", "Microsoft Exchange"),
];

/// The software that a greeting and the reply to EHLO name.
pub fn named(banner: Option<&Reply>, capabilities: Option<&Capabilities>) -> Option<&'static str> {
    banner
        .and_then(in_greeting)
        .or_else(|| capabilities.and_then(in_keywords))
}

fn in_greeting(banner: &Reply) -> Option<&'static str> {
    // A host that is called exim.example need not run it: its name, which is the first word, says nothing.
    let text: String = banner
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let line = line.lossy();
            match line.split_once(' ') {
                Some((_, rest)) if index == 0 => format!("{rest}\n"),
                None if index == 0 => String::new(),
                _ => format!("{line}\n"),
            }
        })
        .collect();
    GREETINGS
        .iter()
        .find(|(words, _)| has_words(&text, words))
        .map(|(_, software)| *software)
}

fn in_keywords(capabilities: &Capabilities) -> Option<&'static str> {
    KEYWORDS
        .iter()
        .find(|(keyword, contains, _)| {
            capabilities.keywords.iter().any(|offered| {
                let parameters = offered.parameters.as_ref();
                offered.keyword == *keyword
                    && (contains.is_empty()
                        || parameters.is_some_and(|given| has_words(&given.lossy(), contains)))
            })
        })
        .map(|(_, _, software)| *software)
}

/// Whether `words` stand in `text` with nothing of a word, or of a domain name, around them.
fn has_words(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    let joins = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'@'))
    };
    text.windows(words.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let behind = &text[at + words.len()..];
        // `Exim.` ends a sentence, `exim.example` is a name.
        let is_name =
            before == Some(&b'.') || (behind.first() == Some(&b'.') && joins(behind.get(1)));
        window.eq_ignore_ascii_case(words) && !joins(before) && !joins(behind.first()) && !is_name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(lines: &[&str]) -> Reply {
        Reply {
            code: 220,
            enhanced: None,
            lines: lines.iter().map(|&line| line.into()).collect(),
        }
    }

    #[test]
    fn greetings_that_say_so_are_believed() {
        for (lines, software) in [
            (
                &["mx.example ESMTP Postfix (Debian/GNU)"][..],
                Some("Postfix"),
            ),
            (
                &["mx.example ESMTP Exim 4.96 Mon, 23 Nov 2026"],
                Some("Exim"),
            ),
            (
                &["mx.example ESMTP", "Hello from OpenSMTPD."],
                Some("OpenSMTPD"),
            ),
            (
                &["x.prod.outlook.com Microsoft ESMTP MAIL Service ready at Mon"],
                Some("Microsoft Exchange"),
            ),
            (&["mx.google.com ESMTP a1-2.3 - gsmtp"], Some("Google")),
            (
                &["newxmmx.qq.com XMail Esmtp QQ Mail Server."],
                Some("QQ Mail"),
            ),
            (&["mx ESMTP Sendmail 8.15.2/8.15.2; Mon"], Some("Sendmail")),
            (
                &["163.com Anti-spam GT for Coremail System (163com)"],
                Some("Coremail"),
            ),
            (&["mx.example ESMTP"], None),
            (&["Postfix"], None),
            (&["exim.example ESMTP at postfix.example"], None),
            (&["mx.example ESMTP not-exim eximius"], None),
            (&["mx.example ESMTP abuse@exim.example"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(named(Some(&reply(lines)), None), software, "{lines:?}");
        }
    }

    #[test]
    fn keywords_that_say_so_are_believed() {
        let keyword = |line: &str| Capabilities::from_reply(&reply(&["mx.example", line]));
        let software = |line: &str| named(None, Some(&keyword(line)));
        assert_eq!(software("XVERP=Courier"), Some("Courier"));
        assert_eq!(software("X-ANONYMOUSTLS"), Some("Microsoft Exchange"));
        assert_eq!(software("XVERP"), None);
        assert_eq!(software("STARTTLS"), None);
        let terse = reply(&["mx.example ESMTP"]);
        assert_eq!(
            named(Some(&terse), Some(&keyword("X-EXPS GSSAPI NTLM"))),
            Some("Microsoft Exchange")
        );
    }
}
