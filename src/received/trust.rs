//! Which hops can be believed: those that a domain of one's own wrote, up to where the mail came in from outside. A
//! sender can write any Received field below that.

use super::party::{is_loopback, is_private};
use crate::record::{FieldFault, Hop, HopEnd};

/// Marks `hops` (oldest first) by the domains of `--trusted-by`; without any, nothing is known.
pub fn mark(hops: &mut [Hop], trusted_by: &[String]) {
    if trusted_by.is_empty() {
        return;
    }
    let border = border(hops, trusted_by);
    for (at, hop) in hops.iter_mut().enumerate() {
        hop.trusted = Some(border.is_some_and(|border| at >= border));
    }
}

/// The oldest hop that is believed. From the newest on: fields written by a trusted host, or inside of one (loopback,
/// private addresses, unnamed filters), until one says that the mail came from outside.
fn border(hops: &[Hop], trusted_by: &[String]) -> Option<usize> {
    let mut border = None;
    for (at, hop) in hops.iter().enumerate().rev() {
        let by_trusted = hop.by.as_ref().is_some_and(|by| is_within(by, trusted_by));
        if by_trusted {
            border = Some(at);
        } else if !is_inner(hop) {
            break;
        }
        if came_from_outside(hop, trusted_by) {
            break;
        }
    }
    border
}

/// A hop that names no organisation of its own: `by localhost (amavisd-new)`, `by 10.1.2.3`, `(qmail 1 invoked …)`.
fn is_inner(hop: &Hop) -> bool {
    match &hop.by {
        Some(by) => {
            by.registered_domain.is_none()
                && by.ip.is_none_or(|ip| is_private(ip) || is_loopback(ip))
        }
        None => hop.reason.is_none(),
    }
}

/// The looked-up name counts, and the address; HELO is the sender's own word.
fn came_from_outside(hop: &Hop, trusted_by: &[String]) -> bool {
    let Some(from) = &hop.from else { return false };
    if from.ip.is_some_and(|ip| is_private(ip) || is_loopback(ip)) {
        return false;
    }
    match (&from.rdns, from.ip) {
        (Some(rdns), _) => {
            !names(rdns, trusted_by) || hop.faults.contains(&FieldFault::RdnsMayBeForged)
        }
        (None, Some(_)) => true,
        // Neither was written down: what the writer wrote is the name it knows its peer by.
        (None, None) => !is_within(from, trusted_by),
    }
}

fn is_within(end: &HopEnd, trusted_by: &[String]) -> bool {
    end.host
        .as_deref()
        .is_some_and(|host| names(host, trusted_by))
}

fn names(host: &str, domains: &[String]) -> bool {
    domains.iter().any(|domain| {
        host.strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::hop::hops;

    fn trusted(fields: &[&str]) -> Vec<bool> {
        let bodies: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        let hops = hops("m", "r", &bodies, &["mx.example".into()]);
        hops.iter().map(|hop| hop.trusted.unwrap()).collect()
    }

    #[test]
    fn belief_ends_where_the_mail_came_in() {
        assert_eq!(
            trusted(&[
                "from localhost (localhost [127.0.0.1]) by localhost (amavisd-new, port 1) with ESMTP id 1; x",
                "from in.mx.example (in.mx.example [192.0.2.1]) by box.mx.example (Postfix) with ESMTPS id 2; x",
                "from evil.test (evil.test [203.0.113.9]) by in.mx.example (Postfix) with ESMTPS id 3; x",
                "from good.test (good.test [198.51.100.1]) by in.mx.example (Postfix) with ESMTPS id 4; x",
                "from a by b.test with SMTP; x",
            ]),
            [false, false, true, true, true]
        );
    }

    #[test]
    fn a_helo_of_ours_from_outside_is_outside() {
        assert_eq!(
            trusted(&[
                "from in.mx.example (unknown [203.0.113.9]) by in.mx.example (Postfix) with ESMTP id 3; x",
                "from good.test (good.test [198.51.100.1]) by in.mx.example (Postfix) with ESMTPS id 4; x",
            ]),
            [false, true]
        );
    }

    #[test]
    fn no_field_of_ours_means_none_is_believed() {
        assert_eq!(trusted(&["from a by b.test with SMTP; x"]), [false]);
        assert_eq!(trusted(&["from a by evilmx.example with SMTP; x"]), [false]);
    }
}
