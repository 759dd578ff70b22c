//! Whether a hop went from one organisation to another over the Internet, and why not.

use super::field::{Field, Keyword};
use super::party::{is_loopback, is_private};
use super::protocol::{Class, Link};
use super::submission;
use super::token::{Token, comment_words, comments, words};
use super::writer::{FieldWriter, Habit};
use crate::record::{HopEnd, LeftOut};

/// The way of a hop, as far as the study of TLS between organisations cares.
pub(super) struct Course {
    /// From one organisation to another over the Internet; `None`: not known.
    pub(super) inter_organisation: Option<bool>,
    /// Why it is not, or not known to be.
    pub(super) left_out: Option<LeftOut>,
}

impl Course {
    /// The course of the hop that `field` tells of, between the two ends that it names.
    pub(super) fn new(
        field: &Field<'_>,
        (from, by): &(Option<HopEnd>, Option<HopEnd>),
        link: Link,
        writer: Option<FieldWriter>,
    ) -> Self {
        if let Some(why) = no_transfer(field, link, writer) {
            return Self::left_out(why);
        }
        let is_submission = (link.protocol()).is_some_and(|protocol| protocol.authenticated)
            || submission::is_stated(field);
        match (from, by) {
            (Some(from), Some(by)) => Self::between(from, by, link, is_submission),
            _ if is_submission => Self::left_out(LeftOut::Submission),
            (None, Some(by)) if by.ip.is_some_and(is_private) => {
                // Gmail: "by 2002:a05:… with SMTP".
                Self::left_out(LeftOut::PrivateAddress)
            }
            // Without a sending end and a protocol it was no transfer at all (Postfix: "by x (Postfix, from userid 0)").
            (None, _) if link == Link::Unsaid => Self::left_out(LeftOut::Local),
            _ => Self::open(LeftOut::NoOrganisation),
        }
    }

    /// The course between two ends.
    fn between(from: &HopEnd, by: &HopEnd, link: Link, is_submission: bool) -> Self {
        let is_itself = from.ip.is_some() && from.ip == by.ip;
        let is_localhost = |end: &HopEnd| {
            end.ip.is_some_and(is_loopback)
                || (end.ip.is_none() && end.host.as_deref() == Some("localhost"))
        };
        if is_itself || is_localhost(from) || is_localhost(by) {
            return Self::left_out(LeftOut::Loopback);
        }
        if from.ip.is_some_and(is_private) {
            return Self::left_out(LeftOut::PrivateAddress);
        }
        if is_submission {
            return Self::left_out(LeftOut::Submission);
        }
        match (
            from.registered_domain.as_deref(),
            by.registered_domain.as_deref(),
        ) {
            (Some(from), Some(by)) if organisation(from) == organisation(by) => {
                Self::left_out(LeftOut::SameOrganisation)
            }
            // What is not known to be SMTP is not known to be something else either.
            (Some(_), Some(_)) if link == Link::Unknown => Self::open(LeftOut::UnknownProtocol),
            (Some(_), Some(_)) => Self {
                inter_organisation: Some(true),
                left_out: None,
            },
            _ => Self::open(LeftOut::NoOrganisation),
        }
    }

    fn left_out(why: LeftOut) -> Self {
        Self {
            inter_organisation: Some(false),
            left_out: Some(why),
        }
    }

    fn open(why: LeftOut) -> Self {
        Self {
            inter_organisation: None,
            left_out: Some(why),
        }
    }
}

/// Why a hop was no transfer by SMTP, by who wrote of it and by its protocol.
fn no_transfer(field: &Field<'_>, link: Link, writer: Option<FieldWriter>) -> Option<LeftOut> {
    if let Some(writer) = writer {
        if writer.name == "amavis" {
            return Some(LeftOut::ContentFilter);
        }
        if writer.habit == Habit::Filter {
            return Some(LeftOut::Local);
        }
    }
    let class = link.protocol().map(|protocol| protocol.class);
    if class == Some(Class::Local) || field.clause(Keyword::From).is_some_and(is_handed_in) {
        return Some(LeftOut::Local);
    }
    // Yahoo's web mail: "via HTTP", without a protocol.
    let is_via_http = || {
        let mut ways = field.words(Keyword::Via);
        ways.any(|word| word.eq_ignore_ascii_case(b"HTTP"))
    };
    match class {
        Some(Class::Lmtp) => Some(LeftOut::Lmtp),
        Some(Class::Http) => Some(LeftOut::Http),
        Some(Class::Other) => Some(LeftOut::NotSmtp),
        None if is_via_http() => Some(LeftOut::Http),
        Some(Class::Local | Class::Smtp) | None => None,
    }
}

/// DragonFly's agent: `from jane (uid 1000) (envelope-from …)`. Windows, out of a directory: `from mail pickup service`.
pub(super) fn is_handed_in(clause: &[Token<'_>]) -> bool {
    const PICKUP: [&[u8]; 3] = [b"mail", b"pickup", b"service"];
    words(clause).take(3).eq(PICKUP)
        || comments(clause).any(|comment| {
            comment_words(comment).next().is_some_and(|word| {
                word.eq_ignore_ascii_case(b"uid") || word.eq_ignore_ascii_case(b"userid")
            })
        })
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
