//! Whether a field says that its sender logged in (RFC 6409, RFC 4954), in whatever words: a person's submission is no
//! transfer between hosts, also where the protocol is plain `ESMTP`. RFC 3848's A names came late, and many writers keep
//! to comments of their own.

use super::field::{Field, Keyword};
use super::party::address;
use super::token::{comment_words, words};

/// Whether `field` states an authenticated sender.
pub fn is_stated(field: &Field<'_>) -> bool {
    field.comments().any(comment_states)
        || field.every(Keyword::With).any(|clause| {
            // Runbox: "with esmtpsa [Authenticated ID (1)]".
            words(clause).any(|word| {
                word.strip_prefix(b"[")
                    .is_some_and(|word| word.eq_ignore_ascii_case(b"Authenticated"))
            })
        })
}

/// `(authenticated bits=0)` (Sendmail), `(Authenticated sender: …)` (Postfix), `(user=… mech=PLAIN bits=0)` (Fortimail),
/// `(User authenticated as …)`, `(AUTH: LOGIN …)` (Courier), `(account … HELO …)` (CommuniGate), `(smtp-auth
/// username …, mechanism plain)` (qpsmtpd), `(…@192.0.2.1 with plain)` (Yahoo), `(login@domain@192.0.2.1)` (qmail with SMTP-AUTH).
fn comment_states(comment: &[u8]) -> bool {
    let mut words = comment_words(comment).take(24);
    let Some(first) = words.next() else {
        return false;
    };
    // What a client says of itself, and the owner of its certificate, are the client's words.
    if is_one_of(first, &[b"Client"]) {
        return false;
    }
    if is_one_of(first, &[b"AUTH:", b"account", b"smtp-auth"]) || is_login_at_address(first) {
        return true;
    }
    let (mut before, mut has_user, mut has_mechanism): (&[u8], _, _) = (b"", false, false);
    for word in std::iter::once(first).chain(words) {
        if is_one_of(before, &[b"HELO", b"EHLO", b"LHLO", b"not"]) {
            before = word;
            continue;
        }
        let end = word
            .iter()
            .position(|byte| matches!(byte, b':' | b'-' | b'_' | b'='))
            .unwrap_or(word.len());
        if word[..end].eq_ignore_ascii_case(b"authenticated") {
            return true;
        }
        has_user |= starts_with(word, b"user=") && word.len() > 5;
        has_mechanism |= starts_with(word, b"mech=") && word.len() > 5;
        if is_one_of(before, &[b"with"]) && first.contains(&b'@') && is_one_of(word, MECHANISMS) {
            return true;
        }
        before = word;
    }
    has_user && has_mechanism
}

/// SASL mechanisms that name no certificate.
const MECHANISMS: &[&[u8]] = &[
    b"login",
    b"plain",
    b"cram-md5",
    b"digest-md5",
    b"xoauth2",
    b"oauthbearer",
    b"xymcookie",
];

/// `jane@example.org@192.0.2.1`: with one `@`, it may be what the client's own machine says (RFC 1413).
fn is_login_at_address(word: &[u8]) -> bool {
    memchr::memchr_iter(b'@', word).count() >= 2 && address(word).is_some()
}

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn starts_with(word: &[u8], prefix: &[u8]) -> bool {
    word.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::field;
    use super::*;

    #[test]
    fn h6_every_way_to_say_that_somebody_logged_in() {
        for body in [
            "from a (a [1.2.3.4]) (authenticated bits=0) by b (8.14/8.14) with ESMTP id 1",
            "from a (a [1.2.3.4]) (Authenticated sender: jane@example.org) by b (Postfix) with ESMTP id 1",
            "from a (a [1.2.3.4]) (authenticated) by b with SMTP",
            "from a ([1.2.3.4]) (authenticated user jane) by b (Kerio Connect 9.4.2) with ESMTP",
            "from a (a [1.2.3.4]) (User authenticated as jane) by b (8.14.7/8.12.4) with ESMTP id 1",
            "from a ([1.2.3.4]) (user=jane mech=PLAIN bits=0) by b with ESMTP id 1",
            "from a ([1.2.3.4]) (AUTH: LOGIN jane) by b with esmtp",
            "from [1.2.3.4] (account jane HELO a) by b (CommuniGate Pro SMTP 5.4) with ESMTP id 1",
            "from unknown (HELO a) (jane@1.2.3.4 with login) by b with SMTP",
            "from a (HELO a) (1.2.3.4) (smtp-auth username jane, mechanism cram-md5) by b (qpsmtpd/0.32) with ESMTP",
            "from a ([1.2.3.4]) by b with ESMTP (SMTP-AUTH username jane, mechanism PLAIN)",
            "from unknown (HELO a) (jane@example.org@1.2.3.4) by b with SMTP",
            "by b with esmtps [Authenticated ID (604044)] (TLS1.2) (Exim 4.93) id 1",
            "from a (a [1.2.3.4]) (Authenticated-User: jane) by b with ESMTP",
        ] {
            assert!(is_stated(&field::parse(body.as_bytes())), "{body}");
        }
        for body in [
            "from a (a [1.2.3.4]) by b (Postfix) with ESMTP id 1",
            "from a (HELO authenticated) ([1.2.3.4]) by b with SMTP",
            "from a (a [1.2.3.4]) (Client CN authenticated (verified OK)) by b (Postfix) with ESMTP",
            "from a (a [1.2.3.4]) (not authenticated) by b with ESMTP",
            "from unknown (HELO a) (jane@1.2.3.4) by b with SMTP",
            "from authenticated (authentic [1.2.3.4]) by b with ESMTP",
            "from a (a [1.2.3.4] helo=authenticated) by b with esmtp",
        ] {
            assert!(!is_stated(&field::parse(body.as_bytes())), "{body}");
        }
    }
}
