//! What becomes of a message to a domain, for each kind of sender: in clear, encrypted, authenticated, refused.
//!
//! Facts in, verdict out: no I/O, no clock. A sender walks the exchanges by preference (RFC 5321 §5.1), passes over
//! servers that do not answer, and applies what it knows of policy: DANE (RFC 7672 §2.2), MTA-STS (RFC 8461 §5), or
//! nothing (RFC 7435). Where the RFCs have no sentence for what a sender does next, it is what Postfix was seen to do:
//! after a failed handshake the next exchange, in clear only on a later try; after a refused STARTTLS in clear at once;
//! after a 5xx to EHLO and HELO nothing more; it bounces where a null MX stands beside others, and reads 2,048 octets of
//! the reply to EHLO. Profiles of senders that are not Postfix leave such a thing open. What a profile needs and the scan
//! did not learn is unknown.

mod cause;
mod profile;
mod view;

use std::borrow::Cow;

use crate::record::words::vocabulary;
pub use cause::Cause;
use profile::{Need, StsReadingRule};
pub use profile::{PROFILES, Profile};
pub use view::*;

vocabulary! {
    /// What becomes of a message.
    Fate {
        /// It travels in clear.
        Clear = "clear",
        /// It travels under TLS that authenticates nobody.
        Encrypted = "encrypted",
        /// It travels under TLS to a server that a policy authenticated.
        Authenticated = "authenticated",
        /// It is not delivered: every exchange that answered is refused by policy, or refuses.
        Refused = "refused",
        /// The scan did not learn what decides it.
        Unknown = "unknown",
        /// The domain takes no mail.
        NoMail = "no_mail",
    }
}

vocabulary! {
    /// Who authenticated the server.
    Authority {
        /// TLSA records under DNSSEC (RFC 7672).
        Dane = "dane",
        /// A certificate of the named store, under an MTA-STS policy (RFC 8461).
        Pkix = "pkix",
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Its fate; where servers of one preference differ, the least protected.
    pub fate: Fate,
    /// Who authenticated the server.
    pub authority: Option<Authority>,
    /// Position in [`Destination::exchanges`] of the exchange that it reaches.
    pub exchange: Option<usize>,
    /// Why it is refused, or why it is less protected than the policy wanted.
    pub cause: Option<Cause>,
    /// Servers that it may reach with the same right differ.
    pub varies: bool,
    /// An attacker on the path who strips STARTTLS reads it.
    pub strip_wins: Option<bool>,
    /// An attacker who forges unsigned DNS answers reads it. With MTA-STS: against a sender that holds the policy.
    pub forge_wins: Option<bool>,
    /// Refused, and every server is known to be.
    pub would_lose_mail: Option<bool>,
}

impl Delivery {
    fn ended(fate: Fate, cause: Option<Cause>) -> Self {
        Self {
            fate,
            authority: None,
            exchange: None,
            cause,
            varies: false,
            strip_wins: None,
            forge_wins: None,
            would_lose_mail: match fate {
                Fate::Unknown => None,
                Fate::Refused => Some(true),
                _ => Some(false),
            },
        }
    }
}

/// What one try at one server comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    /// Delivered, with what was waived under a policy in testing.
    Delivered(Protection, Option<Cause>),
    /// It does not answer now; a sender goes on.
    Passed(Cause),
    /// Policy, or the server, refuses; a sender goes on to the next.
    Refused(Cause),
    /// The handshake fails where no policy wants it: the next exchange now, in clear later.
    Failed,
    /// The message bounces here.
    Bounced(Cause),
    /// Not learned.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Protection {
    Clear,
    Encrypted,
    Authenticated(Authority),
}

/// What policy asks of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// Nothing.
    Nothing,
    /// TLS, from anybody (unusable TLSA records).
    Encryption,
    /// TLSA records must hold.
    Dane,
    /// The certificate must hold, and the exchange be covered.
    Sts(StsReadingRule),
    /// It must not be used.
    Never(Cause),
    /// Not learned.
    Unknown,
}

/// What becomes of a message to `destination` from a sender of `profile`.
pub fn deliver(destination: &Destination, profile: &Profile) -> Delivery {
    match destination.takes_mail {
        // A sender that heeds DANE validates (RFC 7672 §2.1), and finds no exchange.
        None if destination.mx_is_bogus && profile.is_dane => {
            return Delivery::ended(Fate::Refused, Some(Cause::DnssecInvalid));
        }
        None => return Delivery::ended(Fate::Unknown, None),
        Some(false) => return Delivery::ended(Fate::NoMail, None),
        Some(true) if destination.has_null_mx => {
            return match profile.is_postfix {
                true => Delivery::ended(Fate::Refused, Some(Cause::NullMx)),
                false => Delivery::ended(Fate::Unknown, Some(Cause::NullMx)),
            };
        }
        Some(true) => {}
    }
    let mut walk = Walk::default();
    let exchanges = &destination.exchanges;
    let mut first = 0;
    while first < exchanges.len() {
        let preference = exchanges[first].preference;
        let end = exchanges[first..]
            .iter()
            .position(|exchange| exchange.preference != preference)
            .map_or(exchanges.len(), |length| first + length);
        if let Some(delivery) = walk.group(destination, profile, first..end) {
            return delivery;
        }
        first = end;
    }
    walk.end(destination, profile)
}

/// What a walk has met so far.
#[derive(Default)]
struct Walk {
    refused: Option<Cause>,
    passed: Option<Cause>,
    /// The first exchange whose handshake failed without a policy.
    failed: Option<usize>,
}

impl Walk {
    /// The exchanges of one preference: they are tried in any order. Nothing where a sender goes on.
    fn group(
        &mut self,
        destination: &Destination,
        profile: &Profile,
        range: std::ops::Range<usize>,
    ) -> Option<Delivery> {
        let mut reached: Vec<(usize, Protection, Option<Cause>)> = Vec::new();
        let mut bounced = None;
        let mut is_open = false;
        for position in range {
            for tried in tries(destination, &destination.exchanges[position], profile) {
                match tried {
                    Try::Delivered(protection, waived) => {
                        reached.push((position, protection, waived));
                    }
                    Try::Passed(cause) => {
                        self.passed.get_or_insert(cause);
                    }
                    Try::Refused(cause) => {
                        self.refused.get_or_insert(cause);
                    }
                    Try::Failed => {
                        self.failed.get_or_insert(position);
                    }
                    Try::Bounced(cause) => bounced = Some(cause),
                    Try::Unknown => is_open = true,
                }
            }
        }
        // The least protected decides: nothing is less than clear, so that clear is known whatever is open.
        let worst = reached.iter().min_by_key(|(_, protection, _)| *protection);
        let varies = bounced.is_some()
            || reached.iter().map(|reached| reached.1).max() != worst.map(|worst| worst.1);
        match (worst, is_open) {
            (Some(&(position, protection, waived)), open)
                if !open || protection == Protection::Clear =>
            {
                let mut delivery = delivered(destination, profile, position, protection);
                delivery.cause = waived.or(delivery.cause).or(self.refused);
                delivery.varies = varies || open;
                Some(delivery)
            }
            (_, true) => Some(Delivery::ended(Fate::Unknown, None)),
            (None, false) => bounced.map(|cause| Delivery::ended(Fate::Refused, Some(cause))),
            (Some(_), false) => None,
        }
    }

    /// No exchange took it at the first walk.
    fn end(&self, destination: &Destination, profile: &Profile) -> Delivery {
        if let Some(position) = self.failed {
            let mut delivery = delivered(destination, profile, position, Protection::Clear);
            delivery.cause = Some(Cause::ValidationFailure);
            return delivery;
        }
        match (self.refused, self.passed) {
            (Some(cause), passed) => Delivery {
                would_lose_mail: passed.is_none().then_some(true),
                strip_wins: Some(false),
                ..Delivery::ended(Fate::Refused, Some(cause))
            },
            // RFC 5321 §5.1: an error is reported where no exchange can be used.
            (None, None)
                if destination
                    .exchanges
                    .iter()
                    .all(|exchange| exchange.is_void) =>
            {
                Delivery::ended(Fate::Refused, Some(Cause::NoAddress))
            }
            (None, passed) => Delivery::ended(Fate::Unknown, passed),
        }
    }
}

/// A message that arrives, and who could have read it.
fn delivered(
    destination: &Destination,
    profile: &Profile,
    position: usize,
    protection: Protection,
) -> Delivery {
    let (fate, authority) = match protection {
        Protection::Clear => (Fate::Clear, None),
        Protection::Encrypted => (Fate::Encrypted, None),
        Protection::Authenticated(authority) => (Fate::Authenticated, Some(authority)),
    };
    let demand = demand(destination, &destination.exchanges[position], profile);
    let strip_wins = match demand {
        Demand::Nothing => profile.requires_tls.then_some(false).or(Some(true)),
        Demand::Unknown => None,
        _ => Some(false),
    };
    let forge_wins = match (demand, authority) {
        // Signed MX records lead only to signed exchanges.
        (Demand::Dane, Some(_)) => destination.mx_is_secure.map(|is_secure| !is_secure),
        (Demand::Sts(_), Some(_)) => Some(false),
        (Demand::Unknown, _) => None,
        _ => Some(true),
    };
    let cause = match destination.sts {
        StsPolicy::Unusable(cause) if profile.sts.is_some() && authority.is_none() => Some(cause),
        _ => None,
    };
    Delivery {
        authority,
        exchange: Some(position),
        cause,
        strip_wins,
        forge_wins,
        ..Delivery::ended(fate, None)
    }
}

/// What policy asks of an exchange: DANE comes before MTA-STS (RFC 8461 §2). Records that are not usable authenticate
/// nobody, and leave that to MTA-STS, which wants TLS as they do.
fn demand(destination: &Destination, exchange: &ExchangeView, profile: &Profile) -> Demand {
    if profile.is_dane {
        match exchange.tlsa {
            TlsaView::Unknown => return Demand::Unknown,
            TlsaView::Failed => return Demand::Never(Cause::DnssecInvalid),
            TlsaView::Unusable => {
                return match (profile.sts, destination.sts) {
                    (Some(reading), StsPolicy::Enforce) => Demand::Sts(reading),
                    (Some(_), StsPolicy::Unknown) => Demand::Unknown,
                    _ => Demand::Encryption,
                };
            }
            TlsaView::Usable => return Demand::Dane,
            TlsaView::None => {}
        }
    }
    match (profile.sts, destination.sts) {
        (Some(_), StsPolicy::Unknown) => Demand::Unknown,
        (Some(reading), StsPolicy::Enforce) => Demand::Sts(reading),
        _ => Demand::Nothing,
    }
}

/// Every try that may happen at an exchange.
fn tries(destination: &Destination, exchange: &ExchangeView, profile: &Profile) -> Vec<Try> {
    let demand = demand(destination, exchange, profile);
    match demand {
        Demand::Never(cause) => return vec![Try::Refused(cause)],
        Demand::Sts(reading) => match is_covered(exchange, reading) {
            Some(false) => return vec![Try::Refused(Cause::ValidationFailure)],
            None => return vec![Try::Unknown],
            Some(true) => {}
        },
        _ => {}
    }
    let tries = exchange
        .servers
        .iter()
        .map(|server| at_server(server, demand, profile, destination, exchange));
    tries.collect()
}

fn is_covered(exchange: &ExchangeView, reading: StsReadingRule) -> Option<bool> {
    match reading {
        StsReadingRule::Letter => exchange.covered,
        StsReadingRule::PatternsFirst => exchange.covered_at_any_depth,
        StsReadingRule::AnyPattern => Some(true),
    }
}

fn at_server(
    server: &ServerView,
    demand: Demand,
    profile: &Profile,
    destination: &Destination,
    exchange: &ExchangeView,
) -> Try {
    match server.contact {
        ServerContact::NotAsked => return Try::Unknown,
        ServerContact::OutOfReach | ServerContact::Silent => {
            return Try::Passed(Cause::ServerSilent);
        }
        ServerContact::Defers => return Try::Passed(Cause::ServerDefers),
        ServerContact::Rejects => return Try::Refused(Cause::ServerRejects),
        ServerContact::RejectsHello => return Try::Bounced(Cause::ServerRejects),
        ServerContact::Answers => {}
    }
    let server = &*as_read(server, profile);
    let tried = match demand {
        Demand::Unknown => without_policy_known(server, profile),
        Demand::Nothing => opportunistic(server, profile),
        Demand::Encryption => required(server, profile, Ok(None)),
        Demand::Dane => required(server, profile, held(server)),
        Demand::Sts(reading) => required(server, profile, certified(server, reading)),
        Demand::Never(cause) => Try::Refused(cause),
    };
    if profile.requires_tls {
        return requiring(server, tried, destination.mx_is_secure);
    }
    let is_tested =
        profile.sts.is_some() && destination.sts == StsPolicy::Testing && demand == Demand::Nothing;
    match tried {
        Try::Delivered(protection, None) if is_tested => {
            Try::Delivered(protection, tested(server, profile, exchange))
        }
        tried => tried,
    }
}

/// The server as far as the sender reads its reply to EHLO.
fn as_read<'s>(server: &'s ServerView, profile: &Profile) -> Cow<'s, ServerView> {
    if !(server.is_far && profile.is_postfix) {
        return Cow::Borrowed(server);
    }
    Cow::Owned(ServerView {
        advertised: Some(false),
        ..server.clone()
    })
}

/// What a policy in testing would have refused (RFC 8461 §5).
fn tested(server: &ServerView, profile: &Profile, exchange: &ExchangeView) -> Option<Cause> {
    let reading = profile.sts?;
    if is_covered(exchange, reading) == Some(false) {
        return Some(Cause::ValidationFailure);
    }
    match required(server, profile, certified(server, reading)) {
        Try::Refused(cause) => Some(cause),
        _ => None,
    }
}

/// A policy that was not learned: clear stays unknown, since a policy would forbid it.
fn without_policy_known(server: &ServerView, profile: &Profile) -> Try {
    match opportunistic(server, profile) {
        tried @ (Try::Passed(_) | Try::Bounced(_)) => tried,
        _ => Try::Unknown,
    }
}

fn opportunistic(server: &ServerView, profile: &Profile) -> Try {
    match (server.advertised, server.starttls) {
        (Some(false), _) | (Some(true), StarttlsAnswer::Refused) => {
            Try::Delivered(Protection::Clear, None)
        }
        (Some(true), StarttlsAnswer::Broken) => Try::Refused(Cause::ValidationFailure),
        (Some(true), StarttlsAnswer::Accepted) => match speaks(server.tls, profile.tls) {
            Some(true) => Try::Delivered(Protection::Encrypted, None),
            Some(false) => Try::Failed,
            None => Try::Unknown,
        },
        _ => Try::Unknown,
    }
}

/// Under a policy: TLS or nothing; `proof` says what authenticates.
fn required(
    server: &ServerView,
    profile: &Profile,
    proof: Result<Option<Authority>, Option<Cause>>,
) -> Try {
    match (server.advertised, server.starttls) {
        (Some(false), _) | (Some(true), StarttlsAnswer::Refused) => {
            return Try::Refused(Cause::StarttlsNotSupported);
        }
        (Some(true), StarttlsAnswer::Broken) => return Try::Refused(Cause::ValidationFailure),
        (Some(true), StarttlsAnswer::Accepted) => {}
        _ => return Try::Unknown,
    }
    match speaks(server.tls, profile.tls) {
        Some(false) => Try::Refused(Cause::ValidationFailure),
        None => Try::Unknown,
        Some(true) => match proof {
            Ok(Some(authority)) => Try::Delivered(Protection::Authenticated(authority), None),
            Ok(None) => Try::Delivered(Protection::Encrypted, Some(Cause::TlsaInvalid)),
            Err(Some(cause)) => Try::Refused(cause),
            Err(None) => Try::Unknown,
        },
    }
}

fn held(server: &ServerView) -> Result<Option<Authority>, Option<Cause>> {
    match server.tlsa {
        TlsaMatch::Holds => Ok(Some(Authority::Dane)),
        TlsaMatch::Fails(cause) => Err(Some(cause)),
        TlsaMatch::Unknown => Err(None),
    }
}

/// The certificate under MTA-STS (RFC 8461 §4.2): version, chain, name.
fn certified(
    server: &ServerView,
    reading: StsReadingRule,
) -> Result<Option<Authority>, Option<Cause>> {
    let named = match reading {
        StsReadingRule::AnyPattern => server.names_pattern,
        StsReadingRule::Letter | StsReadingRule::PatternsFirst => server.names_exchange,
    };
    if reading == StsReadingRule::Letter && server.tls.from12 == Some(false) {
        return Err(Some(Cause::ValidationFailure));
    }
    match (server.chain, named) {
        (ChainView::Expired, _) => Err(Some(Cause::CertificateExpired)),
        (ChainView::NotTrusted, _) => Err(Some(Cause::CertificateNotTrusted)),
        (ChainView::Invalid, _) => Err(Some(Cause::ValidationFailure)),
        (_, Some(false)) => Err(Some(Cause::CertificateHostMismatch)),
        (ChainView::Valid, Some(true))
            if reading != StsReadingRule::Letter || server.tls.from12 == Some(true) =>
        {
            Ok(Some(Authority::Pkix))
        }
        _ => Err(None),
    }
}

/// REQUIRETLS wants an authenticated server that offers it inside TLS, and an exchange for which DNSSEC or MTA-STS
/// vouches (RFC 8689 §4.2.1).
fn requiring(server: &ServerView, tried: Try, mx_is_secure: Option<bool>) -> Try {
    let by_dane = Try::Delivered(Protection::Authenticated(Authority::Dane), None);
    match (tried, server.requiretls) {
        (_, Some(true)) if tried == by_dane && mx_is_secure != Some(true) => match mx_is_secure {
            None => Try::Unknown,
            Some(_) => Try::Refused(Cause::DnssecInvalid),
        },
        (Try::Delivered(Protection::Authenticated(_), _), Some(true)) => tried,
        (Try::Delivered(Protection::Authenticated(_), _), None) => Try::Unknown,
        (_, Some(false)) => Try::Refused(Cause::RequiretlsNotSupported),
        (Try::Delivered(Protection::Clear, _), _) => Try::Refused(Cause::StarttlsNotSupported),
        (Try::Delivered(..) | Try::Failed, _) => Try::Refused(Cause::ValidationFailure),
        _ => tried,
    }
}

fn speaks(tls: TlsView, need: Need) -> Option<bool> {
    match need {
        Need::Today => tls.today,
        Need::Before12 => tls.before12,
        Need::Only13 => tls.v13,
        Need::PostQuantum => tls.post_quantum,
    }
}

#[cfg(test)]
mod tests;
