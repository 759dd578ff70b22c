//! Inspects one server: the handshake of today; where that fails, one hello for everything old; what SMTP says inside;
//! and, if asked, all else that it speaks.

use std::collections::BTreeSet;
use std::time::Instant;

use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::client::TlsStream;

use super::contact::{Call, milliseconds};
use super::enumerate;
use super::exchange;
use super::flight::Flight;
use super::handshake;
use super::inspector::{ConnectionPace, Inspected, Inspector, TlsTarget};
use super::names::{ProtocolVersion, alerts};
use super::suite;
use super::tap::Tap;
use crate::record::{
    Capability, Inside, Outcome, Phase, Reason, Timings, Tls, TlsOddity, now, timestamp,
};
use crate::smtp::dialogue::Dialogue;
use crate::smtp::probe::Conversation;
use crate::smtp::session::Session;

impl Inspector {
    /// One inspection.
    pub async fn inspect(&self, target: &TlsTarget, pace: &impl ConnectionPace) -> Inspected {
        let interrupted = Outcome::new(Phase::Connect, Reason::Interrupted);
        let mut inspected = Inspected {
            tls: Box::new(unasked(target, interrupted, "")),
            chain: Vec::new(),
            others: Vec::new(),
            clear: Conversation::begin(false),
        };
        // Each part in a box of its own: while thousands of servers are slow, only one part of each is there.
        let first = Box::pin(self.first(target, &mut inspected)).await;
        inspected.chain = first.chain.unwrap_or_default();
        match first.next {
            Next::Nothing => {}
            Next::Nameless => {
                pace.wait().await;
                Box::pin(self.nameless(target, &mut inspected)).await;
            }
            Next::Old => {
                pace.wait().await;
                Box::pin(self.old(target, first.alert, &mut inspected)).await;
            }
        }
        let is_deferred = inspected.tls.outcome.reason == Reason::Deferred;
        if !self.wanted.is_empty() && inspected.tls.accepted == Some(true) && !is_deferred {
            Box::pin(enumerate::enumerate(self, target, pace, &mut inspected)).await;
        }
        inspected.tls.flags.sort();
        inspected.tls.flags.dedup();
        inspected
    }

    /// The first connection.
    async fn first(&self, target: &TlsTarget, inspected: &mut Inspected) -> First {
        let mut call = self.contact.call();
        let Inspected { tls, clear, .. } = inspected;
        tls.connections = 1;
        let opened = self.contact.open(target.socket(), &mut call).await;
        tls.connected = Some(timestamp(call.clear.connected));
        tls.accepted = call.clear.dialogue.starttls.accepted;
        let first = match opened {
            Ok(opened) => {
                let name = target.server_name.as_deref();
                Box::pin(self.shake(target, name, opened, &mut call, tls)).await
            }
            Err(outcome) => {
                tls.outcome = outcome;
                First::default()
            }
        };
        tls.timings = Timings {
            handshake_ms: tls.timings.handshake_ms,
            total_ms: Some(milliseconds(call.clear.began)),
            ..call.clear.dialogue.timings.clone()
        };
        *clear = call.clear;
        clear.dialogue.timings.total_ms = tls.timings.total_ms;
        first
    }

    async fn shake(
        &self,
        target: &TlsTarget,
        name: Option<&str>,
        (stream, leftover): (TcpStream, Vec<u8>),
        call: &mut Call,
        tls: &mut Tls,
    ) -> First {
        let begun = Instant::now();
        let deadline = self.contact.deadline(call);
        let limits = self.limits(call);
        let mut handshake = self.client.begin(stream, name, target.ip);
        let seen = handshake.seen();
        let finished = match handshake.open(leftover, limits).await {
            Ok(injected) => {
                if !injected.is_empty() {
                    call.clear.dialogue.injected(&injected);
                    tls.flags.push(TlsOddity::Injected);
                }
                let timeout = Outcome::new(Phase::Handshake, Reason::Timeout);
                (timeout_at(deadline, handshake.finish()).await).unwrap_or(Err(timeout))
            }
            Err(outcome) => Err(outcome),
        };
        tls.timings.handshake_ms = Some(milliseconds(begun));
        seen.describe(tls);
        let failed = match finished {
            Ok(stream) => {
                seen.describe_finished(&stream, tls);
                tls.outcome = Outcome::ok();
                tls.inside = Some(Box::pin(self.inside(stream, call)).await);
                return First {
                    chain: seen.chain(),
                    ..First::default()
                };
            }
            Err(outcome) => outcome,
        };
        let flight = seen.flight();
        tls.alert = flight.alert();
        if failed.reason == Reason::Alert && flight.version.is_some() {
            tls.completed = Some(false);
        }
        plain_text(&failed, tls);
        let chain = seen.chain();
        let next = Next::behind(&failed, &flight, chain.is_some(), name);
        let alert = (flight.alert)
            .filter(|_| failed.reason == Reason::Alert && flight.version.is_none())
            .map(|(_, description)| description);
        tls.outcome = failed;
        First { chain, next, alert }
    }

    /// One more handshake of today, without the name that the server does not know (RFC 6066 §3): senders of mail do
    /// without, too.
    async fn nameless(&self, target: &TlsTarget, inspected: &mut Inspected) {
        let mut call = self.contact.call();
        let Inspected { tls, chain, .. } = inspected;
        let (outcome, alert) = (tls.outcome.clone(), tls.alert.take());
        tls.server_name = None;
        tls.connections += 1;
        match self.contact.open(target.socket(), &mut call).await {
            Ok(opened) => {
                let second = Box::pin(self.shake(target, None, opened, &mut call, tls)).await;
                *chain = second.chain.unwrap_or_default();
            }
            Err(outcome) => tls.outcome = outcome,
        }
        tls.connected = Some(timestamp(call.clear.connected));
        tls.fallback = Some(std::mem::replace(&mut tls.outcome, outcome));
        tls.alert = alert.or(tls.alert.take());
    }

    /// EHLO again, and the QUIT, inside TLS.
    async fn inside(&self, stream: Box<TlsStream<Tap<TcpStream>>>, call: &Call) -> Inside {
        let mut dialogue = Dialogue::default();
        let session = Session::inside(stream, self.contact.patience, call.until, &mut dialogue);
        let outcome = match session.introduce(self.contact.helo.as_str()).await {
            Ok(session) => {
                // close_notify goes with the QUIT; whether it arrives decides nothing.
                let close = |stream: &mut Box<TlsStream<_>>| stream.get_mut().1.send_close_notify();
                drop(session.quit_and(close).await);
                Outcome::ok()
            }
            Err(outcome) => Outcome {
                phase: Phase::Inside,
                // What a socket could not say, TLS did: a late alert, a broken record.
                reason: match outcome.reason {
                    Reason::Local => Reason::TlsError,
                    reason => reason,
                },
                ..outcome
            },
        };
        let (before, after) = (keywords(&call.clear.dialogue), keywords(&dialogue));
        let differ = |from: &BTreeSet<String>, to: &BTreeSet<String>| match dialogue.capabilities {
            Some(_) => from.difference(to).cloned().collect(),
            None => Vec::new(),
        };
        Inside {
            outcome,
            starttls: dialogue
                .capabilities
                .as_ref()
                .map(|offered| offered.offers(crate::smtp::capabilities::STARTTLS)),
            lost: differ(&before, &after),
            gained: differ(&after, &before),
        }
    }

    /// One more connection, with a hello that offers everything old; `first` is the alert that refused today's.
    async fn old(&self, target: &TlsTarget, first: Option<u8>, inspected: &mut Inspected) {
        let Inspected { tls, chain, .. } = inspected;
        let name = target.server_name.as_deref();
        let is_refused = first.is_some_and(alerts::is_no_suite);
        let hello = match first {
            // It has read a long hello, and bears another with all suites.
            Some(_) if is_refused => exchange::old(name, suite::enumerable(true)),
            Some(alert) => {
                let may_be_length = alerts::is_unreadable(alert) || alert == alerts::INTERNAL_ERROR;
                exchange::everything(name, suite::everything(!may_be_length))
            }
            None => exchange::everything(name, suite::everything(false)),
        };
        let (answered, call) = self.ask(target, &hello).await;
        tls.connections += 1;
        tls.connected = Some(timestamp(call.clear.connected));
        if answered.is_injected {
            tls.flags.push(TlsOddity::Injected);
        }
        if matches!(answered.outcome.reason, Reason::NotTls) {
            tls.flags.push(TlsOddity::PlaintextAfterStarttls);
        }
        if tls.negotiated == Some(true) {
            // The choice of TLS 1.3 stands; only its chain is wanted.
            answered.flight.describe_certificates(tls);
            *chain = answered.flight.chain.unwrap_or_default();
        } else if answered.flight.version.is_some() {
            let is_first = tls.version.is_none();
            answered.flight.describe(tls);
            if is_refused {
                let compression = answered.flight.compression;
                tls.compression = compression.map(|method| method != 0);
                if !rules_out_tls13(&answered.flight) {
                    tls.version = None;
                }
            }
            if is_first && is_length_intolerant(&tls.outcome, first, &answered.flight) {
                tls.flags.push(TlsOddity::LengthIntolerant);
            }
            *chain = answered.flight.chain.unwrap_or_default();
        } else {
            tls.alert = tls.alert.take().or_else(|| answered.flight.alert());
            if let (Some(first), Some(second)) = (first, answered.alert())
                && is_refusal_of_all(first, second)
            {
                tls.negotiated = Some(false);
                tls.completed = Some(false);
            }
        }
        tls.fallback = Some(answered.outcome);
    }
}

#[derive(Debug, Default)]
struct First {
    chain: Option<Vec<Vec<u8>>>,
    next: Next,
    /// The alert that came in the place of a ServerHello.
    alert: Option<u8>,
}

/// What the second connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// There is none.
    #[default]
    Nothing,
    /// The same hello without a name.
    Nameless,
    /// A hello that offers everything old.
    Old,
}

impl Next {
    /// What to do behind a failed handshake, in which a chain was seen or not.
    fn behind(failed: &Outcome, flight: &Flight, has_chain: bool, name: Option<&str>) -> Self {
        // In TLS 1.3 a chain is encrypted; one too long for the client may be had in an older version.
        let is_shown = flight.is_agreement() && (has_chain || failed.reason != Reason::TooLong);
        match (failed.reason, flight.alert) {
            (Reason::NotTls | Reason::Deferred | Reason::Local, _) => Self::Nothing,
            _ if is_shown => Self::Nothing,
            (Reason::Alert, Some((_, alerts::UNRECOGNIZED_NAME)))
                if name.is_some() && flight.version.is_none() =>
            {
                Self::Nameless
            }
            _ => Self::Old,
        }
    }
}

/// What plain text in the place of TLS says: a 4xx nothing for good, anything else a no.
fn plain_text(outcome: &Outcome, tls: &mut Tls) {
    match outcome.reason {
        Reason::NotTls => {
            tls.flags.push(TlsOddity::PlaintextAfterStarttls);
            tls.negotiated = Some(false);
            tls.completed = Some(false);
        }
        Reason::Deferred => tls.flags.push(TlsOddity::PlaintextAfterStarttls),
        _ => {}
    }
}

/// The record of a server that was not connected to.
pub fn unasked(target: &TlsTarget, outcome: Outcome, run: &str) -> Tls {
    Tls {
        ip: target.ip,
        port: target.port,
        server_name: target.server_name.clone(),
        cause: target.cause.clone(),
        outcome,
        accepted: None,
        negotiated: None,
        completed: None,
        version: None,
        cipher: None,
        group: None,
        dh: None,
        signature_scheme: None,
        ocsp_stapled: None,
        secure_renegotiation: None,
        extended_master_secret: None,
        compression: None,
        client_certificate_requested: None,
        leaf: None,
        chain: Vec::new(),
        verdicts: Vec::new(),
        alert: None,
        fallback: None,
        inside: None,
        enumeration: None,
        flags: Vec::new(),
        connections: 0,
        attempts: 0,
        earlier: Vec::new(),
        timings: Timings::default(),
        connected: None,
        time: now(),
        run: run.to_owned(),
    }
}

/// Writes into a record when, in which run and at which try it was made.
pub fn conclude(tls: &mut Tls, time: OffsetDateTime, run: &str, attempt: u32, earlier: &[Outcome]) {
    tls.time = timestamp(time);
    tls.run = run.to_owned();
    tls.attempts = attempt;
    tls.earlier = earlier.to_vec();
}

/// Whether the alerts to today's hello and to the second one say together that nothing there is to offer will do: no
/// version; or no suite, group and signature of any version. Where the first says handshake_failure and the second
/// protocol_version, the server speaks TLS 1.3 alone, and has not found in it what today's hello lacks.
fn is_refusal_of_all(first: u8, second: u8) -> bool {
    match first {
        alerts::PROTOCOL_VERSION => alerts::is_refusal(second),
        _ => alerts::is_no_suite(first) && alerts::is_no_suite(second),
    }
}

/// The server chose, of a short hello, what the long one of today offered too, and did not answer that, or did as if it
/// could not read it: it cannot bear its length (over 1,400 octets, by the share for post-quantum key exchange).
fn is_length_intolerant(first: &Outcome, alert: Option<u8>, flight: &Flight) -> bool {
    let is_unanswered = match first.reason {
        Reason::Timeout | Reason::Reset | Reason::Closed => true,
        Reason::Alert => alert.is_some_and(|alert| {
            alerts::is_refusal(alert)
                || alerts::is_unreadable(alert)
                || alert == alerts::INTERNAL_ERROR
        }),
        _ => false,
    };
    is_unanswered && handshake::is_offered_today(flight)
}

/// Whether the answer to an old hello says that TLS 1.3 is not spoken, by a server that found nothing in today's hello.
/// An older version than TLS 1.2 does, and so does what only TLS 1.2 has: with TLS 1.3 the server would have chosen one
/// of its suites. What today's hello offers as well does not, nor does a rare group, which it lacks of TLS 1.3.
fn rules_out_tls13(flight: &Flight) -> bool {
    let is_rare = !handshake::has_usual_group(flight);
    flight.version < Some(ProtocolVersion::TLS12)
        || !is_rare && !handshake::is_offered_today(flight)
}

/// The lines of an EHLO reply, keyword and parameters.
fn keywords(dialogue: &Dialogue) -> BTreeSet<String> {
    let offered = dialogue.capabilities.iter();
    offered
        .flat_map(|offered| &offered.keywords)
        // It has to go (RFC 3207 §4.2), and whether it did is a fact of its own.
        .filter(|capability| capability.keyword != crate::smtp::capabilities::STARTTLS)
        .map(
            |Capability {
                 keyword,
                 parameters,
             }| match parameters {
                Some(parameters) => format!("{keyword} {}", parameters.lossy()),
                None => keyword.clone(),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_alerts_are_a_refusal_of_all_only_together() {
        for (first, second) in [(70, 40), (70, 70), (70, 71), (40, 40), (40, 71), (71, 71)] {
            assert!(is_refusal_of_all(first, second), "{first} {second}");
        }
        for (first, second) in [(40, 70), (71, 70), (80, 40), (40, 80), (70, 80), (112, 112)] {
            assert!(!is_refusal_of_all(first, second), "{first} {second}");
        }
    }
}
