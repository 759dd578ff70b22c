//! The hops of a message, oldest first: what each Received field says, judged in the light of its neighbours.

use super::allow;
use super::course::{Course, is_handed_in};
use super::field::{self, Field, Keyword};
use super::idiom::{self, TlsIdiom, VersionSpelling};
use super::party::{self, Party};
use super::protocol::{self, Class, Link, Secure};
use super::token::{comments, words};
use super::trust;
use super::writer::{self, FieldWriter, Habit};
use crate::cipher::{self, Suite};
use crate::record::{
    Cipher, Evidence, FieldFault, Hop, LeftOut, Stated, Text, TlsVersion, TransmissionType,
    UnreadableReason,
};

/// The hops of one message: `fields` are the bodies of its Received fields as they stand in it, the newest first.
/// `trusted_by` are the registered domains (or names below them) whose fields are believed.
///
/// ```
/// use mx_survey::received::hop::hops;
///
/// let field = b" from mx.a.test (mx.a.test [192.0.2.1])\r\n by mx.b.test (Postfix) with ESMTPS id 1\r\n \
///     for <u@b.test>; Tue, 31 Mar 2026 12:00:00 +0200";
/// let hop = &hops("message", "run", &[field], &[])[0];
/// assert_eq!(hop.encrypted, Some(true));
/// assert_eq!(hop.time.as_deref(), Some("2026-03-31T10:00:00.000Z"));
/// assert_eq!(hop.by.as_ref().unwrap().host.as_deref(), Some("mx.b.test"));
/// ```
pub fn hops(message: &str, run: &str, fields: &[&[u8]], trusted_by: &[String]) -> Vec<Hop> {
    let of = u32::try_from(fields.len()).unwrap_or(u32::MAX);
    let mut hops: Vec<Hop> = Vec::with_capacity(fields.len());
    let mut before = None;
    for (number, body) in (1..).zip(fields.iter().rev()) {
        let (mut hop, stamp) = hop(body);
        hop.message = message.into();
        hop.run = run.into();
        (hop.hop, hop.of) = (number, of);
        // A delay is told between neighbours only: over a field without a date nobody knows whose delay it is.
        hop.delay_ms = stamp
            .zip(before)
            .map(|(now, before): (i64, i64)| now - before);
        before = stamp;
        hops.push(hop);
    }
    trust::mark(&mut hops, trusted_by);
    hops
}

/// What one field says, and when it says so, if that is known to the zone.
fn hop(body: &[u8]) -> (Hop, Option<i64>) {
    if body.len() > field::LIMIT {
        return (unreadable(body, UnreadableReason::TooLong), None);
    }
    let field = field::parse(body);
    let by = field.clause(Keyword::By).map(party::receiving);
    let by_host = by.as_ref().and_then(|by| by.end.host.as_deref());
    let writer = writer::recognise(&field, by_host);
    let with: Vec<&[u8]> = field.words(Keyword::With).collect();
    let link = protocol::link(&with);
    let from = from(&field, writer, link);
    if from.is_none() && by.is_none() && writer.is_none() {
        return (unreadable(body, UnreadableReason::NoClause), None);
    }
    let tls = idiom::tls_idiom(&field);
    let (version, cipher) = facts(&tls);
    let faults = faults(&field, from.as_ref());
    let allowed = |party: Party| allow::end(party.end, body);
    let ends = (from.map(allowed), by.map(allowed));
    let course = Course::new(&field, &ends, link, writer);
    let mut verdict = verdict(&tls, cipher.as_ref(), link, writer, ends.0.is_some());
    if course.left_out == Some(LeftOut::Local) && verdict.encrypted.is_none() {
        verdict.evidence = Evidence::NoTransfer;
    }
    let hop = Hop {
        stated: stated(&tls, version.as_ref(), cipher.as_ref()),
        from: ends.0,
        by: ends.1,
        with: with_text(&field, &with),
        protocol: (link.protocol()).map(|protocol| TransmissionType::from(protocol.name)),
        encrypted: verdict.encrypted,
        evidence: verdict.evidence,
        version,
        cipher,
        bits: tls.bits,
        writer: writer.map(|writer| writer.name.into()),
        time: field.stamp.map(|stamp| stamp.text()),
        inter_organisation: course.inter_organisation,
        left_out: course.left_out,
        faults,
        ..Hop::unread()
    };
    let known = field.stamp.filter(|stamp| stamp.zoned);
    (hop, known.map(|stamp| stamp.unix_ms))
}

fn unreadable(body: &[u8], reason: UnreadableReason) -> Hop {
    Hop {
        evidence: Evidence::Unreadable,
        left_out: Some(LeftOut::Unreadable),
        reason: Some(reason),
        raw: Some(allow::shape(body)),
        ..Hop::unread()
    }
}

/// The sending end; `None` also for mail that a person of the machine handed in, whose login name stands there.
fn from(field: &Field<'_>, writer: Option<FieldWriter>, link: Link) -> Option<Party> {
    let clause = field.clause(Keyword::From)?;
    if link
        .protocol()
        .is_some_and(|link| link.class == Class::Local)
        || is_handed_in(clause)
    {
        return None;
    }
    let verified = writer.is_some_and(|writer| writer.name == "exim");
    let party = party::sending(clause, verified);
    (words(clause).next().is_some() || party.end.ip.is_some()).then_some(party)
}

struct Verdict {
    encrypted: Option<bool>,
    evidence: Evidence,
}

/// Three-valued: a writer that never states TLS gives unknown, not no, and so does one that does not say from whom: what
/// a service writes when it hands a message on inside (Gmail's `by mail-x1.google.com with SMTP`) never states TLS.
fn verdict(
    tls: &TlsIdiom<'_>,
    cipher: Option<&Cipher>,
    link: Link,
    writer: Option<FieldWriter>,
    has_sender: bool,
) -> Verdict {
    let protocol = link.protocol();
    // OpenSMTPD may leave out its peer (smtpd.conf(5), mask-src), and says what it says of TLS all the same.
    let is_whole = has_sender || writer.is_some_and(|writer| writer.name == "opensmtpd");
    let habit = writer.map(|writer| writer.habit);
    let secure = protocol.map_or(Secure::Unsaid, |protocol| protocol.secure);
    let (encrypted, evidence) = if tls.has_details() {
        // TLS without encryption is authentication only.
        let is_null = cipher.is_some_and(|cipher| cipher.bits == Some(0));
        (Some(!is_null), Evidence::Details)
    } else if secure == Secure::Registered {
        (Some(true), Evidence::Token)
    } else if tls.stated {
        (Some(true), Evidence::Idiom)
    } else if secure == Secure::Unregistered {
        (Some(true), Evidence::UnregisteredToken)
    } else {
        match (protocol.map(|protocol| protocol.class), habit) {
            (Some(Class::Local), _) | (_, Some(Habit::Filter)) => (None, Evidence::NoTransfer),
            (Some(Class::Smtp | Class::Lmtp), Some(Habit::Marks)) if is_whole => {
                (Some(false), Evidence::WriterMarksTls)
            }
            (_, Some(Habit::Silent)) => (None, Evidence::WriterSilent),
            _ => (None, Evidence::WriterUnknown),
        }
    };
    Verdict {
        encrypted,
        evidence,
    }
}

/// Version and suite, where the two can go together. One that was stated with the other's opposite is not known: both
/// stay as they were written.
fn facts(tls: &TlsIdiom<'_>) -> (Option<TlsVersion>, Option<Cipher>) {
    let version = tls.version.and_then(|word| match idiom::version(word)? {
        VersionSpelling::Exact(name) => Some(name),
        VersionSpelling::Family => None,
    });
    let is_latest = version == Some(TlsVersion::Tls13);
    let suite = tls
        .cipher
        .and_then(|name| std::str::from_utf8(name).ok())
        .and_then(|name| match is_latest {
            true => cipher::by_name_in_tls13(name),
            false => cipher::by_name(name),
        });
    match (version, suite) {
        (Some(version), Some(suite)) if !exists_in(suite, &version) => (None, None),
        (version, suite) => (version, suite.map(recorded)),
    }
}

/// Whether a version has the suite (RFC 8446 §B.4, RFC 5246 §1.2).
fn exists_in(suite: Suite, version: &TlsVersion) -> bool {
    match version {
        TlsVersion::Tls13 => suite.is_of_tls13(),
        TlsVersion::Tls12 => !suite.is_of_tls13(),
        _ => !suite.is_of_tls13() && !suite.needs_tls12(),
    }
}

fn recorded(suite: Suite) -> Cipher {
    Cipher {
        iana: suite.iana.into(),
        openssl: suite.openssl.map(str::to_owned),
        id: format!("0x{:04X}", suite.id),
        bits: Some(suite.bits),
    }
}

/// The writer's words, where the record's own differ.
fn stated(
    tls: &TlsIdiom<'_>,
    version: Option<&TlsVersion>,
    cipher: Option<&Cipher>,
) -> Option<Stated> {
    let names = |name: &&[u8]| {
        cipher.is_none_or(|cipher| {
            *name != cipher.iana.as_bytes()
                && cipher
                    .openssl
                    .as_ref()
                    .is_none_or(|openssl| *name != openssl.as_bytes())
        })
    };
    let stated = Stated {
        version: tls
            .version
            .filter(|word| version.is_none_or(|version| version.word().as_bytes() != *word))
            .and_then(allow::stated),
        cipher: tls.cipher.filter(names).and_then(allow::stated),
    };
    (stated.version.is_some() || stated.cipher.is_some()).then_some(stated)
}

/// The known words of `with`; Exchange's version stands in parentheses behind it.
fn with_text(field: &Field<'_>, words: &[&[u8]]) -> Option<Text> {
    let is_svc = |word: &&[u8]| word.eq_ignore_ascii_case(b"SMTPSVC");
    let version = words
        .last()
        .filter(|word| is_svc(word))
        .and_then(|_| comments(field.clause(Keyword::With)?).next());
    allow::with(words, version)
}

fn faults(field: &Field<'_>, from: Option<&Party>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    match field.stamp {
        Some(stamp) if !stamp.zoned => faults.push(FieldFault::NoZone),
        Some(_) => {}
        None if field.has_date() => faults.push(FieldFault::BadDate),
        None => faults.push(FieldFault::NoDate),
    }
    if from.is_some_and(|from| from.may_be_forged) {
        faults.push(FieldFault::RdnsMayBeForged);
    }
    if !field.balanced {
        faults.push(FieldFault::UnbalancedComment);
    }
    faults.sort_unstable();
    faults
}
