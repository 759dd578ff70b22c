//! The hops of a message, oldest first: what each Received field says, judged in the light of its neighbours.

use super::field::{self, Field, Keyword};
use super::idiom::{self, Tls, Version};
use super::party::{self, Party, is_loopback, is_private};
use super::protocol::{self, Class, Protocol, Secure};
use super::redact::redact;
use super::token::words;
use super::trust;
use super::writer::{self, Habit, Writer};
use crate::cipher;
use crate::record::{
    Cipher, Evidence, FieldFault, Hop, HopEnd, LeftOut, Stated, Text, TlsVersion, TransmissionType,
    UnreadableReason,
};

/// The hops of one message: `fields` are the bodies of its Received fields as they stand in it, the newest first.
/// `trusted_by` are the registered domains (or names below them) whose fields are believed.
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
    let by = field.clause(Keyword::By).map(party::by);
    let by_host = by.as_ref().and_then(|by| by.end.host.as_deref());
    let writer = writer::of(&field, by_host);
    let from = from(&field, writer);
    let with: Vec<&[u8]> = field.words(Keyword::With).collect();
    let protocol = protocol::of(&with);
    if from.is_none() && by.is_none() && writer.is_none() {
        return (unreadable(body, UnreadableReason::NoClause), None);
    }
    let tls = idiom::of(&field);
    let cipher = tls.cipher.and_then(suite);
    let faults = faults(&field, from.as_ref());
    let ends = (from.map(|from| from.end), by.map(|by| by.end));
    let course = course(&field, &ends, protocol.as_ref(), writer);
    let mut verdict = verdict(&tls, cipher.as_ref(), protocol.as_ref(), writer);
    if course.left_out == Some(LeftOut::Local) && verdict.encrypted.is_none() {
        verdict.evidence = Evidence::NoTransfer;
    }
    let version = version(&tls);
    let hop = Hop {
        stated: stated(&tls, version.as_ref(), cipher.as_ref()),
        from: ends.0,
        by: ends.1,
        with: with_text(&field, &with),
        protocol: protocol.map(|protocol| TransmissionType::from(protocol.name.as_str())),
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
        raw: Some(redact(body)),
        ..Hop::unread()
    }
}

/// The sending end; `None` also for mail that a person of the machine handed in, whose login name stands there.
fn from(field: &Field<'_>, writer: Option<Writer>) -> Option<Party> {
    let clause = field.clause(Keyword::From)?;
    words(clause).next()?;
    let with = field.words(Keyword::With).next();
    if with.is_some_and(|word| {
        word.get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"local"))
    }) {
        return None;
    }
    let verified = writer.is_some_and(|writer| writer.name == "exim");
    Some(party::from(clause, verified))
}

struct Verdict {
    encrypted: Option<bool>,
    evidence: Evidence,
}

/// Three-valued: a writer that never states TLS gives unknown, not no.
fn verdict(
    tls: &Tls<'_>,
    cipher: Option<&Cipher>,
    protocol: Option<&Protocol>,
    writer: Option<Writer>,
) -> Verdict {
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
            (Some(Class::Smtp | Class::Lmtp), Some(Habit::Marks)) => {
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

struct Course {
    inter_organisation: Option<bool>,
    left_out: Option<LeftOut>,
}

/// Whether a hop went from one organisation to another over the Internet, and why not.
fn course(
    field: &Field<'_>,
    (from, by): &(Option<HopEnd>, Option<HopEnd>),
    protocol: Option<&Protocol>,
    writer: Option<Writer>,
) -> Course {
    let left_out = |why| Course {
        inter_organisation: Some(false),
        left_out: Some(why),
    };
    match protocol.map(|protocol| protocol.class) {
        _ if writer.is_some_and(|writer| writer.name == "amavis") => {
            return left_out(LeftOut::ContentFilter);
        }
        _ if writer.is_some_and(|writer| writer.habit == Habit::Filter) => {
            return left_out(LeftOut::Local);
        }
        Some(Class::Local) => return left_out(LeftOut::Local),
        Some(Class::Lmtp) => return left_out(LeftOut::Lmtp),
        Some(Class::Http) => return left_out(LeftOut::Http),
        Some(Class::Other) => return left_out(LeftOut::NotSmtp),
        // Yahoo's web mail: "via HTTP", without a protocol.
        None if field
            .words(Keyword::Via)
            .any(|word| word.eq_ignore_ascii_case(b"HTTP")) =>
        {
            return left_out(LeftOut::Http);
        }
        Some(Class::Smtp) | None => {}
    }
    let is_submission = protocol.is_some_and(|protocol| protocol.authenticated);
    let (Some(from), Some(by)) = (from, by) else {
        if is_submission {
            return left_out(LeftOut::Submission);
        }
        // Gmail: "by 2002:a05:… with SMTP".
        if from.is_none() && by.as_ref().is_some_and(|by| by.ip.is_some_and(is_private)) {
            return left_out(LeftOut::PrivateAddress);
        }
        // Without a sending end and a protocol it was no transfer at all (Postfix: "by x (Postfix, from userid 0)").
        if from.is_none() && protocol.is_none() {
            return left_out(LeftOut::Local);
        }
        return Course {
            inter_organisation: None,
            left_out: Some(LeftOut::NoOrganisation),
        };
    };
    let is_itself = from.ip.is_some() && from.ip == by.ip;
    let is_localhost = |end: &HopEnd| {
        end.ip.is_some_and(is_loopback)
            || (end.ip.is_none() && end.host.as_deref() == Some("localhost"))
    };
    if is_itself || is_localhost(from) || is_localhost(by) {
        return left_out(LeftOut::Loopback);
    }
    if from.ip.is_some_and(is_private) {
        return left_out(LeftOut::PrivateAddress);
    }
    if is_submission {
        return left_out(LeftOut::Submission);
    }
    match (
        from.registered_domain.as_deref(),
        by.registered_domain.as_deref(),
    ) {
        (Some(from), Some(by)) if organisation(from) == organisation(by) => {
            left_out(LeftOut::SameOrganisation)
        }
        (Some(_), Some(_)) => Course {
            inter_organisation: Some(true),
            left_out: None,
        },
        _ => Course {
            inter_organisation: None,
            left_out: Some(LeftOut::NoOrganisation),
        },
    }
}

/// One name for the domains under which one operator's own servers hand mail to each other.
fn organisation(domain: &str) -> &str {
    match domain {
        "office365.com" | "exchangelabs.com" | "hotmail.com" | "microsoft.com" | "office.com" => {
            "outlook.com"
        }
        "gmail.com" | "googlemail.com" => "google.com",
        "yahoodns.net" => "yahoo.com",
        "amazonaws.com" => "amazonses.com",
        "yandex.ru" => "yandex.net",
        other => other,
    }
}

fn suite(name: &[u8]) -> Option<Cipher> {
    let suite = cipher::by_name(std::str::from_utf8(name).ok()?)?;
    Some(Cipher {
        iana: suite.iana.into(),
        openssl: suite.openssl.map(str::to_owned),
        id: format!("0x{:04X}", suite.id),
        bits: Some(suite.bits),
    })
}

fn version(tls: &Tls<'_>) -> Option<TlsVersion> {
    match idiom::version(tls.version?)? {
        Version::Exact(name) => Some(name),
        Version::Family => None,
    }
}

/// The writer's words, where the record's own differ.
fn stated(tls: &Tls<'_>, version: Option<&TlsVersion>, cipher: Option<&Cipher>) -> Option<Stated> {
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
            .map(Text::from),
        cipher: tls.cipher.filter(names).map(Text::from),
    };
    (stated.version.is_some() || stated.cipher.is_some()).then_some(stated)
}

/// The value of `with` as written; Exchange's version stands in parentheses behind it.
fn with_text(field: &Field<'_>, words: &[&[u8]]) -> Option<Text> {
    if words.is_empty() {
        return None;
    }
    let mut text = words.join(&b' ');
    if words
        .last()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"SMTPSVC"))
        && let Some(version) = super::token::comments(field.clause(Keyword::With)?).next()
    {
        text = [&text, &b"("[..], version, b")"].concat();
    }
    Some(redact(&text[..text.len().min(255)]))
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
