//! What may leave of a field's text: names of hosts, addresses, and words out of closed lists. No local part and no login
//! name does, wherever in a field its writer put it.
//!
//! Nothing is masked by what it looks like; what is not known to be harmless stays here. A host's name has the form of
//! one *and* is stated nowhere in the field as somebody's name.

use super::field::Keyword;
use super::idiom;
use super::party::{address, host_name, registered_domain};
use super::protocol;
use crate::record::{HopEnd, Text};

/// Bytes of an unreadable field that are looked at.
const LOOKED_AT: usize = 4096;

/// Names of products and their parts that stand in `with` clauses beside a protocol or instead of one.
const PRODUCTS: [&[u8]; 37] = [
    b"Microsoft",
    b"Exchange",
    b"Server",
    b"Internet",
    b"Mail",
    b"Service",
    b"encrypted",
    b"compressed",
    b"STARTTLS",
    b"GENERIC",
    b"hMailServer",
    b"MailEnable",
    b"Catch-All",
    b"Filter",
    b"XMail",
    b"IBM",
    b"Lotus",
    b"Domino",
    b"Novell_GroupWise",
    b"GroupWise",
    b"Gateway",
    b"Kerio",
    b"IceWarp",
    b"Merak",
    b"MDaemon",
    b"DomainPOP",
    b"MultiPOP",
    b"MailMarshal",
    b"Trustwave",
    b"SEG",
    b"bizsmtp",
    b"cmsmtp",
    b"TCP",
    b"TLS",
    b"SSL",
    b"MS-Webstorage",
    b"PMDF",
];

/// An end of a hop without the names that the field states as somebody's.
pub fn end(mut end: HopEnd, body: &[u8]) -> HopEnd {
    // The three are mostly one name: it is looked for once.
    let mut last: Option<(Vec<u8>, bool)> = None;
    let mut is_theirs = |name: &[u8]| match &last {
        Some((same, is)) if same.eq_ignore_ascii_case(name) => *is,
        _ => last.insert((name.to_vec(), is_somebody(name, body))).1,
    };
    let is_helo = (end.helo.as_ref()).is_some_and(|helo| is_theirs(&helo.0));
    let is_rdns = (end.rdns.as_ref()).is_some_and(|name| is_theirs(name.as_bytes()));
    let is_host = (end.host.as_ref()).is_some_and(|name| is_theirs(name.as_bytes()));
    if is_helo {
        end.helo = None;
    }
    if is_rdns {
        end.rdns = None;
    }
    if is_host {
        end.host = None;
        end.registered_domain = None;
    }
    end
}

/// Whether `name` stands in `body` as a local part, or behind a word that announces a login.
fn is_somebody(name: &[u8], body: &[u8]) -> bool {
    let Some(&first) = name.first() else {
        return false;
    };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), body).any(
        |start| {
            let (before, behind) = (&body[..start], &body[start..]);
            let is_here = (behind.get(..name.len()))
                .is_some_and(|here| here.eq_ignore_ascii_case(name))
                && !(before.last()).is_some_and(|&byte| is_of_name(byte))
                && !(behind.get(name.len())).is_some_and(|&byte| is_of_name(byte));
            is_here && (is_before_sign(&behind[name.len()..]) || is_announced(before))
        },
    )
}

/// `@` follows, or more of a local part and then `@`: `jane+list@…`.
fn is_before_sign(behind: &[u8]) -> bool {
    let token = behind
        .iter()
        .take(320)
        .take_while(|byte| !is_delimiter(**byte));
    let mut bytes = token.skip_while(|&&byte| byte == b'"');
    bytes.any(|&byte| byte == b'@') || matches!(behind, [b'"', b'@', ..])
}

/// What stands before a login: `user=`, `account `, `Authenticated sender: `, `AUTH: LOGIN `, `uid `.
fn is_announced(before: &[u8]) -> bool {
    const WORDS: [&[u8]; 23] = [
        b"user",
        b"username",
        b"login",
        b"account",
        b"ident",
        b"auth",
        b"authid",
        b"sender",
        b"as",
        b"uid",
        b"userid",
        b"named",
        b"plain",
        b"cram-md5",
        b"digest-md5",
        b"xoauth2",
        b"oauthbearer",
        b"ntlm",
        b"gssapi",
        b"smtp-auth",
        b"authenticated",
        b"acct",
        b"envelope-from",
    ];
    let end = before.iter().rposition(|byte| {
        !matches!(
            byte,
            b' ' | b'\t' | b'\r' | b'\n' | b'=' | b':' | b'"' | b'<' | b'\''
        )
    });
    let Some(end) = end else { return false };
    // A name of its own, not a part of one: what parted them must be there.
    if end + 1 == before.len() {
        return false;
    }
    let word = &before[..=end];
    let start = word
        .iter()
        .rposition(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'-'))
        .map_or(0, |at| at + 1);
    let word = &word[start..];
    WORDS.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b',' | b';'
    )
}

/// The value of `with`: its words that are known, and a star for each run of others. `version` is what stands in
/// parentheses behind Exchange's `SMTPSVC`.
pub fn with(words: &[&[u8]], version: Option<&[u8]>) -> Option<Text> {
    const MOST_WORDS: usize = 12;
    if words.is_empty() {
        return None;
    }
    let mut text: Vec<u8> = Vec::with_capacity(32);
    for word in words.iter().take(MOST_WORDS) {
        let is_known = PRODUCTS.iter().any(|name| word.eq_ignore_ascii_case(name))
            || is_protocol_word(word)
            || idiom::is_suite_name(word);
        let shown = if is_known { *word } else { b"*" };
        if shown == b"*" && text.ends_with(b"*") {
            continue;
        }
        if !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(shown);
    }
    if let Some(version) = version.filter(|version| is_version(version)) {
        text = [&text, &b"("[..], version, b")"].concat();
    }
    Some(Text::from(&text[..]))
}

/// `ESMTPS`, or IronPort's `ESMTP/TLS/AES256-SHA`: every part is known.
fn is_protocol_word(word: &[u8]) -> bool {
    let mut parts = word.split(|&byte| byte == b'/');
    parts.next().is_some_and(|name| {
        name.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && !name
                .get(..6)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"qmail-"))
            && protocol::is_name(name)
    }) && parts.all(|part| {
        part.eq_ignore_ascii_case(b"TLS")
            || part.eq_ignore_ascii_case(b"SSL")
            || idiom::is_suite_name(part)
    })
}

/// `6.0.3790.1830`: digits between dots.
fn is_version(text: &[u8]) -> bool {
    text.len() <= 40
        && text
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// A version or a suite in the writer's words, where every part of them is known.
pub fn stated(word: &[u8]) -> Option<Text> {
    (idiom::version(word).is_some() || idiom::is_suite_name(word)).then(|| Text::from(word))
}

/// The shape of a field that could not be read: its keywords and protocols, addresses of hosts, and the domains of mail
/// addresses. Every run of other words is a star.
pub fn shape(body: &[u8]) -> Text {
    let mut shape: Vec<u8> = Vec::new();
    let words = body[..body.len().min(LOOKED_AT)]
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    for word in words {
        let ends = word.last() == Some(&b';');
        let inner = trim(word);
        let piece = piece(inner);
        if !(piece == b"*" && shape.ends_with(b"*")) {
            if !shape.is_empty() {
                shape.push(b' ');
            }
            shape.extend_from_slice(&piece);
        }
        if ends {
            shape.push(b';');
        }
    }
    Text(shape.into())
}

fn piece(word: &[u8]) -> Vec<u8> {
    if super::field::keyword(word).is_some_and(|keyword| keyword != Keyword::Lead)
        || is_protocol_word(word)
    {
        return word.to_vec();
    }
    if let Some(at) = memchr::memrchr(b'@', word) {
        let domain = host_name(&word[at + 1..]).filter(|name| registered_domain(name).is_some());
        return match domain {
            Some(domain) if !is_somebody(domain.as_bytes(), word) => {
                [b"*@", domain.as_bytes()].concat()
            }
            _ => b"*".to_vec(),
        };
    }
    match address(word) {
        Some(ip) => ip.to_string().into_bytes(),
        None => b"*".to_vec(),
    }
}

fn trim(mut word: &[u8]) -> &[u8] {
    while let [b'<' | b'(' | b'[' | b'"', rest @ ..] = word {
        word = rest;
    }
    while let [rest @ .., b'>' | b')' | b']' | b';' | b',' | b'"'] = word {
        word = rest;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_what_could_not_be_read_is_told_by_its_shape() {
        for (text, expected) in [
            (
                "for <john.doe@example.org>;\r\n\tTue",
                "for *@example.org; *",
            ),
            ("id ABC123; x", "id *; *"),
            ("user=john@example.org", "*@example.org"),
            ("a@b@example.org", "*@example.org"),
            ("@a.example,@b.example:jane@c.example", "*@c.example"),
            ("id <5.7@x.example>", "id *@x.example"),
            (r#"for "john doe"@example.org"#, "for * *@example.org"),
            ("jane.doe smtp 192.0.2.1 x y z", "* smtp 192.0.2.1 *"),
            ("jane@", "*"),
            ("@jane.name", "*@jane.name"),
            ("jane@jane", "*"),
            ("", ""),
        ] {
            assert_eq!(shape(text.as_bytes()).lossy(), expected, "{text}");
        }
        assert!(shape(&[b'x'; 10_000]).0.len() <= 1);
    }

    #[test]
    fn h1_a_with_clause_keeps_only_words_that_are_known() {
        for (text, expected) in [
            ("jane.doe@example.net ESMTP", "* ESMTP"),
            ("Microsoft SMTP Server", "Microsoft SMTP Server"),
            ("jane doe", "*"),
            (
                "ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384",
                "ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384",
            ),
            ("ESMTP/jane", "*"),
            ("esmtps jane", "esmtps *"),
            ("AES128-SHA encrypted SMTP", "AES128-SHA encrypted SMTP"),
            ("JANE-DOE encrypted SMTP", "* encrypted SMTP"),
        ] {
            let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            assert_eq!(with(&words, None).unwrap().lossy(), expected, "{text}");
        }
        let svc: [&[u8]; 2] = [b"Microsoft", b"SMTPSVC"];
        assert_eq!(
            with(&svc, Some(b"6.0.3790.1830")).unwrap().lossy(),
            "Microsoft SMTPSVC(6.0.3790.1830)"
        );
        assert_eq!(
            with(&svc, Some(b"jane")).unwrap().lossy(),
            "Microsoft SMTPSVC"
        );
        assert_eq!(with(&[], None), None);
    }

    #[test]
    fn h1_names_that_the_field_states_as_somebodys() {
        for body in [
            "from jane ([192.0.2.1]) by mx for <jane@example.org>",
            "from jane ([192.0.2.1]) for Jane+list@example.org",
            "from jane ([192.0.2.1]) (user=jane mech=PLAIN)",
            "from jane ([192.0.2.1]) (account jane HELO jane)",
            "from jane ([192.0.2.1]) (Authenticated sender: jane)",
            "from jane ([192.0.2.1]) (AUTH: LOGIN jane, TLS: x)",
            "from jane ([192.0.2.1]) (\"jane\"@example.org)",
            "by mx (from userid jane)",
        ] {
            assert!(is_somebody(b"jane", body.as_bytes()), "{body}");
        }
        for body in [
            "from jane (jane [192.0.2.1]) by mx for <jane.doe@example.org>",
            "from x (HELO jane) ([192.0.2.1]) for <x@jane>",
        ] {
            assert!(!is_somebody(b"jane", body.as_bytes()), "{body}");
        }
    }
}
