//! Records read as a sender meets them: the views that [`super::delivery`] and [`super::findings`] judge.

use super::delivery::{
    Cause, ChainView, ExchangeView, ServerContact, ServerView, StarttlsAnswer, StsPolicy, TlsView,
    TlsaMatch, TlsaView,
};
use super::findings::ServerSeen;
use crate::policy::mta_sts::{covers_leniently, covers_strictly};
use crate::record::{
    ChainReason, Cipher, Dnssec, Domain, Exchange, NamedGroup, Oddity, Outcome, Phase, Policy,
    PolicyState, Reason, Smtp, Sts, StsMode, Text, Tls, TlsOddity, TlsVersion,
};
use crate::x509::dane::is_usable;

/// Whether a domain takes mail; none: its exchanges could not be learned.
pub fn takes_mail(domain: &Domain) -> Option<bool> {
    match domain.outcome.reason {
        Reason::Ok => Some(true),
        Reason::NullMx | Reason::Nxdomain | Reason::NoAddress | Reason::InvalidName => Some(false),
        _ => None,
    }
}

/// What DNSSEC says of an answer, as yes or no.
pub fn is_secure(state: Option<Dnssec>) -> Option<bool> {
    match state? {
        Dnssec::Secure => Some(true),
        Dnssec::Insecure | Dnssec::Bogus => Some(false),
    }
}

/// What a sender finds for an MTA-STS policy, by the letter.
pub fn sts_policy(policy: Option<&Policy>, sts: Option<&Sts>) -> StsPolicy {
    let part = policy.and_then(|policy| policy.mta_sts.as_ref());
    let Some(record) = part.map(|part| part.state).or(sts.map(|sts| sts.record)) else {
        return StsPolicy::Unknown;
    };
    match record {
        PolicyState::Absent => return StsPolicy::Absent,
        PolicyState::Invalid | PolicyState::Multiple => {
            return StsPolicy::Unusable(Cause::StsPolicyInvalid);
        }
        PolicyState::Ok => {}
        _ => return StsPolicy::Unknown,
    }
    let Some(reading) = sts.map(|sts| &sts.strict) else {
        return StsPolicy::Unknown;
    };
    match (reading.state, reading.mode) {
        (PolicyState::Ok, Some(StsMode::Enforce)) => StsPolicy::Enforce,
        (PolicyState::Ok, Some(StsMode::Testing)) => StsPolicy::Testing,
        (PolicyState::Ok, Some(StsMode::None)) => StsPolicy::Off,
        (PolicyState::Invalid | PolicyState::Absent, _) => {
            // What the fetch comes to in a report is said where it was made.
            let result = sts.and_then(|sts| sts.result);
            StsPolicy::Unusable(result.map_or(Cause::StsPolicyInvalid, Cause::from))
        }
        _ => StsPolicy::Unknown,
    }
}

/// The TLSA records of an exchange (RFC 7672 §2.1, §2.2).
pub fn tlsa_view(exchange: &Exchange) -> TlsaView {
    let Some(set) = &exchange.tlsa else {
        return match exchange.dnssec {
            Some(Dnssec::Insecure) if exchange.cname.is_empty() => TlsaView::None,
            _ => TlsaView::Unknown,
        };
    };
    match (set.outcome.reason, set.dnssec) {
        (_, Some(Dnssec::Bogus)) => TlsaView::Failed,
        (Reason::Ok, Some(Dnssec::Secure)) => match set.records.iter().any(is_usable) {
            true => TlsaView::Usable,
            false => TlsaView::Unusable,
        },
        (Reason::Ok, Some(Dnssec::Insecure)) => TlsaView::None,
        (Reason::Unsigned | Reason::Nxdomain | Reason::NoData, _) => TlsaView::None,
        (Reason::Bogus | Reason::Servfail | Reason::Timeout | Reason::Refused, _) => {
            TlsaView::Failed
        }
        _ => TlsaView::Unknown,
    }
}

/// There are TLSA records, and DNSSEC does not vouch for them.
pub fn has_unsigned_tlsa(exchange: &Exchange) -> bool {
    (exchange.tlsa.as_ref()).is_some_and(|set| {
        set.outcome.is_ok() && set.dnssec == Some(Dnssec::Insecure) && !set.records.is_empty()
    })
}

/// How far the dialogue in clear came.
pub fn contact(smtp: &Smtp) -> ServerContact {
    match (smtp.outcome.phase, smtp.outcome.reason) {
        (Phase::Ehlo | Phase::Helo, Reason::Rejected) => return ServerContact::RejectsHello,
        (Phase::Banner, Reason::Rejected) => return ServerContact::Rejects,
        _ if smtp.esmtp.is_some() => return ServerContact::Answers,
        _ => {}
    }
    match smtp.outcome.reason {
        Reason::Deferred => ServerContact::Defers,
        Reason::BlockedAddress | Reason::NoIpv6Here => ServerContact::OutOfReach,
        Reason::Excluded | Reason::Interrupted | Reason::Local => ServerContact::NotAsked,
        _ => ServerContact::Silent,
    }
}

/// The answer to STARTTLS; `tls` asked for it once more.
pub fn starttls_answer(smtp: &Smtp, tls: Option<&Tls>) -> StarttlsAnswer {
    let accepted = smtp.starttls.accepted.or(tls.and_then(|tls| tls.accepted));
    match (accepted, smtp.outcome.phase, smtp.outcome.reason) {
        (Some(true), ..) => StarttlsAnswer::Accepted,
        (Some(false), ..) | (None, Phase::Starttls, Reason::Deferred) => StarttlsAnswer::Refused,
        (None, Phase::Starttls, Reason::Closed | Reason::Reset) => StarttlsAnswer::Broken,
        _ => StarttlsAnswer::Unknown,
    }
}

/// The age of a version of TLS, oldest first; none: a word of a later version.
fn age(version: &TlsVersion) -> Option<u8> {
    Some(match version {
        TlsVersion::Ssl2 => 0,
        TlsVersion::Ssl3 => 1,
        TlsVersion::Tls10 => 2,
        TlsVersion::Tls11 => 3,
        TlsVersion::Tls12 => 4,
        TlsVersion::Tls13 => 5,
        _ => return None,
    })
}

/// TLS 1.0 and 1.2 by age.
const TLS10: u8 = 2;
const TLS12: u8 = 4;
const TLS13: u8 = 5;

/// A sender of today takes the suite: no RC4, DES, 3DES, NULL, export.
fn is_taken_today(cipher: &Cipher) -> bool {
    let weak = [
        "RC4_", "_DES_", "_DES40_", "3DES", "DES_", "_NULL_", "EXPORT", "RC2_",
    ];
    !weak.iter().any(|it| cipher.iana.contains(it))
}

fn is_post_quantum(group: &NamedGroup) -> bool {
    group.as_ref().to_ascii_uppercase().contains("MLKEM")
}

/// What a server speaks, by one `tls` record.
pub fn tls_view(tls: &Tls) -> TlsView {
    if tls.negotiated == Some(false) {
        // Neither today's hello nor the one that offers everything came through.
        let no = Some(false);
        return TlsView {
            today: no,
            from12: no,
            before12: no,
            v13: no,
            post_quantum: no,
        };
    }
    let enumerated = |wanted: fn(u8) -> bool| -> Option<bool> {
        let versions = &tls.enumeration.as_ref()?.versions;
        let asked = versions
            .iter()
            .filter(|(version, _)| age(version).is_some_and(wanted));
        let known: Vec<Option<bool>> = asked.map(|(_, spoken)| *spoken).collect();
        match () {
            () if known.contains(&Some(true)) => Some(true),
            () if known.is_empty() || known.contains(&None) => None,
            () => Some(false),
        }
    };
    let version = tls.version.as_ref().and_then(age);
    // The server takes the newest version that was offered; both hellos together offer all.
    let spoken = |wanted: fn(u8) -> bool| match enumerated(wanted) {
        Some(true) => Some(true),
        known => version.map(wanted).or(known),
    };
    let groups = tls.enumeration.as_ref().and_then(|it| it.groups.as_ref());
    let has_hybrid = groups.map(|groups| groups.iter().any(is_post_quantum));
    let is_hybrid = tls.group.as_ref().is_some_and(is_post_quantum);
    TlsView {
        today: today(tls, version),
        from12: spoken(|age| age >= TLS12),
        before12: match version {
            Some(age) if (TLS10..TLS12).contains(&age) => Some(true),
            _ => enumerated(|age| (TLS10..TLS12).contains(&age)),
        },
        v13: spoken(|age| age >= TLS13),
        post_quantum: match version {
            // Its hello is a long one.
            _ if tls.flags.contains(&TlsOddity::LengthIntolerant) => Some(false),
            _ if is_hybrid || has_hybrid == Some(true) => Some(true),
            Some(age) if age < TLS13 && enumerated(|age| age >= TLS13) != Some(true) => Some(false),
            _ => has_hybrid,
        },
    }
}

/// The server asked for a certificate, and ended TLS when it got none: in TLS 1.3 behind a handshake that is complete for
/// the client (RFC 8446 §4.4.2.4).
pub fn wants_client_certificate(tls: &Tls) -> bool {
    let is_refused_inside = (tls.inside.as_ref())
        .is_some_and(|inside| matches!(inside.outcome.reason, Reason::TlsError | Reason::Alert));
    tls.client_certificate_requested == Some(true)
        && (tls.completed == Some(false) || is_refused_inside)
}

/// A sender of today gets through, without a certificate of its own.
fn today(tls: &Tls, version: Option<u8>) -> Option<bool> {
    if wants_client_certificate(tls) {
        return Some(false);
    }
    // Whether that is thrown away or read as TLS hangs on the sender, and on milliseconds.
    if tls.flags.contains(&TlsOddity::Injected) {
        return None;
    }
    if tls.completed == Some(true) {
        return Some(true);
    }
    let others = tls.enumeration.as_ref().is_some_and(|enumeration| {
        let modern = |version: &TlsVersion| age(version).is_some_and(|age| age >= TLS10);
        let mut suites = enumeration
            .ciphers
            .iter()
            .filter(|(version, _)| modern(version));
        suites.any(|(_, suites)| suites.iter().any(is_taken_today))
    });
    match (version, &tls.cipher) {
        _ if others => Some(true),
        (Some(age), _) if age < TLS10 => Some(false),
        (Some(_), Some(cipher)) if is_taken_today(cipher) => Some(true),
        // It chose a suite that is not taken today: whether it has others is not known.
        _ => None,
    }
}

/// The chain against the first named store, names aside.
pub fn chain_view(tls: &Tls) -> ChainView {
    let Some(verdict) = tls.verdicts.first() else {
        return ChainView::Unknown;
    };
    match (verdict.valid, verdict.reason) {
        (Some(true), _) => ChainView::Valid,
        (None, _) => ChainView::Unknown,
        (_, ChainReason::Expired) => ChainView::Expired,
        (
            _,
            ChainReason::SelfSigned
            | ChainReason::UnknownIssuer
            | ChainReason::IncompleteChain
            | ChainReason::Distrusted,
        ) => ChainView::NotTrusted,
        _ => ChainView::Invalid,
    }
}

/// REQUIRETLS is offered inside TLS (RFC 8689 §2).
fn requiretls(smtp: &Smtp, tls: &Tls) -> Option<bool> {
    let inside = tls
        .inside
        .as_ref()
        .filter(|inside| inside.outcome.is_ok())?;
    let has = |list: &[String]| list.iter().any(|it| it.eq_ignore_ascii_case("REQUIRETLS"));
    let in_clear = (smtp.capabilities.iter())
        .flat_map(|it| &it.keywords)
        .any(|it| it.keyword == "REQUIRETLS");
    Some(has(&inside.gained) || in_clear && !has(&inside.lost))
}

/// A server of which only the handshake was asked for: it took STARTTLS, which it had advertised, or it is not known.
fn alone(tls: Option<&Tls>) -> ServerView {
    match tls.filter(|tls| tls.accepted == Some(true)) {
        None => ServerView::default(),
        Some(tls) => ServerView {
            contact: ServerContact::Answers,
            advertised: Some(true),
            starttls: StarttlsAnswer::Accepted,
            tls: tls_view(tls),
            chain: chain_view(tls),
            ..ServerView::default()
        },
    }
}

/// Octets of an EHLO reply that Postfix reads (`line_length_limit`).
pub const EHLO_OCTETS: usize = 2048;

/// Octets of a reply of these lines, with code, separator and line end.
pub fn octets_of(lines: &[Text]) -> usize {
    lines.iter().map(|line| line.0.len() + 6).sum()
}

/// STARTTLS stands in the EHLO reply beyond what Postfix reads.
fn is_far(smtp: &Smtp) -> bool {
    let lines = smtp.ehlo.as_ref().map_or(&[][..], |ehlo| &ehlo.lines);
    let position =
        (lines.iter()).position(|line| line.0.trim_ascii().eq_ignore_ascii_case(b"STARTTLS"));
    position.is_some_and(|position| octets_of(&lines[..=position]) > EHLO_OCTETS)
}

/// A server as a sender finds it, what hangs on an exchange or a policy aside (names, TLSA).
pub fn server_view(smtp: Option<&Smtp>, tls: Option<&Tls>) -> ServerView {
    let Some(smtp) = smtp else {
        return alone(tls);
    };
    let is_cut = smtp.flags.contains(&Oddity::LongLine);
    ServerView {
        contact: contact(smtp),
        advertised: match smtp.starttls.advertised {
            Some(false) if smtp.esmtp == Some(true) && is_cut => None,
            // HELO has no extensions.
            None if smtp.esmtp == Some(false) => Some(false),
            advertised => advertised,
        },
        is_far: is_far(smtp),
        starttls: starttls_answer(smtp, tls),
        tls: tls.map(tls_view).unwrap_or_default(),
        chain: tls.map_or(ChainView::Unknown, chain_view),
        names_exchange: None,
        names_pattern: None,
        tlsa: TlsaMatch::Unknown,
        requiretls: tls.and_then(|tls| requiretls(smtp, tls)),
    }
}

/// What hangs on the exchange that leads to a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExchangeTies {
    /// The leaf names the exchange in a subject alternative name.
    pub exchange: Option<bool>,
    /// It names it in the common name alone.
    pub by_common_name: bool,
    /// A pattern of the domain's policy covers a name of the leaf.
    pub pattern: Option<bool>,
    /// The chain against the TLSA records.
    pub tlsa: TlsaMatch,
}

/// The same server for the rules of delivery, and for those that find problems.
pub fn server_behind(
    view: ServerView,
    named: ExchangeTies,
    address: &str,
) -> (ServerView, ServerSeen) {
    let tls = match (view.contact, view.advertised, view.starttls) {
        (ServerContact::Answers, _, StarttlsAnswer::Accepted) => view.tls.today,
        (ServerContact::Answers, _, StarttlsAnswer::Refused)
        | (ServerContact::Answers, Some(false), _) => Some(false),
        _ => None,
    };
    let seen = ServerSeen {
        address: address.to_owned(),
        contact: view.contact,
        was_tried: false,
        silence: None,
        tls,
        valid: match view.chain {
            ChainView::Unknown => None,
            chain => Some(chain == ChainView::Valid),
        },
        names_exchange: named.exchange,
        names_by_common_name: named.by_common_name,
        tlsa: named.tlsa,
    };
    let view = ServerView {
        names_exchange: named.exchange,
        names_pattern: named.pattern,
        tlsa: named.tlsa,
        ..view
    };
    (view, seen)
}

/// An exchange without the servers that were asked; one that nobody asked stands for addresses that are not known.
pub fn exchange_view(exchange: &Exchange, sts: Option<&Sts>) -> ExchangeView {
    let reading = sts.map(|sts| &sts.strict);
    let reading = reading.filter(|it| it.state == PolicyState::Ok);
    let is_covered = |covers: fn(&[u8], &str) -> bool| {
        let mut patterns = reading?.mx.iter();
        Some(patterns.any(|pattern| covers(&pattern.0, &exchange.exchange)))
    };
    let mut servers = Vec::new();
    if is_open(exchange) {
        servers.push(ServerView::default());
    }
    ExchangeView {
        preference: exchange.preference,
        covered: is_covered(covers_strictly),
        covered_at_any_depth: is_covered(covers_leniently),
        tlsa: tlsa_view(exchange),
        is_void: is_void(exchange),
        servers,
    }
}

/// Both questions for addresses were answered, and there is none.
fn is_void(exchange: &Exchange) -> bool {
    let is_none = |outcome: &Option<Outcome>| {
        let reason = outcome.as_ref().map(|outcome| outcome.reason);
        matches!(reason, Some(Reason::NoData | Reason::Nxdomain))
    };
    exchange.addresses.is_empty()
        && exchange.left_out == 0
        && is_none(&exchange.ipv4)
        && is_none(&exchange.ipv6)
}

/// It has addresses that are not in the record, or may have.
fn is_open(exchange: &Exchange) -> bool {
    let outcomes = || [&exchange.ipv4, &exchange.ipv6].into_iter().flatten();
    let is_answered = |reason| {
        matches!(
            reason,
            Reason::Ok
                | Reason::NoData
                | Reason::Nxdomain
                | Reason::Servfail
                | Reason::Bogus
                | Reason::Refused
                | Reason::Malformed
                | Reason::CnameLoop
        )
    };
    exchange.left_out > 0
        || exchange.addresses.is_empty() && outcomes().any(|it| !is_answered(it.reason))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: &str = "2026-10-01T00:00:00.000Z";

    /// A `tls` record with these facts.
    fn seen(facts: Value) -> TlsView {
        let mut tls = json!({
            "ip": "192.0.2.1", "port": 25, "server_name": null, "outcome": {"phase": "done", "reason": "ok"},
            "accepted": true, "negotiated": true, "completed": null, "connections": 1, "attempts": 1, "timings": {},
            "connected": AT, "time": AT, "run": "r"
        });
        for (key, value) in facts.as_object().expect("an object") {
            tls[key] = value.clone();
        }
        tls_view(&serde_json::from_value(tls).expect("a record"))
    }

    fn suite(iana: &str) -> Value {
        json!({"iana": iana, "id": "0x0000"})
    }

    #[test]
    fn a_sender_of_today_gets_through_or_not_or_it_is_not_known() {
        let aes = suite("TLS_RSA_WITH_AES_128_CBC_SHA");
        let cases = [
            (json!({"completed": true, "version": "TLSv1.3"}), Some(true)),
            (json!({"version": "TLSv1", "cipher": aes}), Some(true)),
            (json!({"version": "SSLv3", "cipher": aes}), Some(false)),
            (
                json!({"version": "TLSv1", "cipher": suite("TLS_RSA_WITH_RC4_128_SHA")}),
                None,
            ),
            (
                json!({"version": "TLSv1", "cipher": suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA")}),
                None,
            ),
            (
                json!({"version": "TLSv1", "cipher": suite("TLS_RSA_WITH_RC4_128_SHA"),
                       "enumeration": {"ciphers": {"TLSv1": [aes]}}}),
                Some(true),
            ),
            (
                json!({"completed": false, "client_certificate_requested": true, "version": "TLSv1.2", "cipher": aes}),
                Some(false),
            ),
            (
                json!({"negotiated": false, "completed": false}),
                Some(false),
            ),
            (json!({"negotiated": null}), None),
        ];
        for (facts, expected) in cases {
            assert_eq!(seen(facts.clone()).today, expected, "{facts}");
        }
    }

    #[test]
    fn versions_and_groups_are_known_as_far_as_they_were_seen() {
        let view =
            seen(json!({"completed": true, "version": "TLSv1.3", "group": "X25519MLKEM768"}));
        assert_eq!((view.from12, view.v13), (Some(true), Some(true)));
        assert_eq!((view.before12, view.post_quantum), (None, Some(true)));
        let view = seen(json!({"completed": true, "version": "TLSv1.3"}));
        assert_eq!(view.post_quantum, None);
        let view = seen(json!({"completed": true, "version": "TLSv1.2"}));
        assert_eq!((view.v13, view.post_quantum), (Some(false), Some(false)));
        let old = seen(json!({"version": "TLSv1"}));
        assert_eq!((old.from12, old.before12), (Some(false), Some(true)));
        let enumerated = json!({"completed": true, "version": "TLSv1.3",
            "enumeration": {"versions": {"TLSv1": false, "TLSv1.1": false}, "groups": []}});
        let view = seen(enumerated);
        assert_eq!(
            (view.before12, view.post_quantum),
            (Some(false), Some(false))
        );
    }
}
