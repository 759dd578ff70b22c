//! What is wrong with a mail server: its dialogue, its TLS, its certificate, from its records alone.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use crate::judge::destination::{EHLO_OCTETS, octets_of, wants_client_certificate};
use crate::judge::problem::{Problem, ProblemCode as Code, Severity};
use crate::judge::weakness::{CertificateWeakness, ServerWeakness};
use crate::record::{
    ChainReason, Oddity, Outcome, Phase, Reason, Smtp, Tls, TlsOddity, TlsVersion,
};

/// Everything that is known of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServerRecords<'a> {
    /// What it says in clear.
    pub smtp: Option<&'a Smtp>,
    /// What it says under TLS.
    pub tls: Option<&'a Tls>,
    /// Weaknesses of its handshakes.
    pub weaknesses: &'a [ServerWeakness],
    /// Weaknesses of the certificates that it sends.
    pub certificate_weaknesses: &'a [CertificateWeakness],
}

/// What is wrong with a server, names aside; `soon`: from when on a certificate that ends is worth to be told.
///
/// That a server does not answer is told of the domain ([`super::domain_problems`]), which may have others.
pub fn server_problems(server: ServerRecords<'_>, soon: Duration) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(smtp) = server.smtp {
        dialogue(smtp, &mut found);
    }
    let is_asked = server
        .smtp
        .is_none_or(|smtp| smtp.starttls.accepted != Some(false));
    if let Some(tls) = server.tls.filter(|_| is_asked) {
        handshake(tls, &mut found);
        weaknesses(server, &mut found);
        certificate(tls, soon, &mut found);
    }
    super::put_in_order(&mut found);
    found
}

fn said(outcome: &Outcome) -> String {
    let detail = outcome
        .detail
        .as_ref()
        .map(|detail| detail.lossy().into_owned());
    detail.unwrap_or_else(|| format!("{}/{}", outcome.phase, outcome.reason))
}

fn dialogue(smtp: &Smtp, found: &mut Vec<Problem>) {
    let mut add = |code, detail: Option<String>| {
        let problem = Problem::new(code);
        found.push(match detail {
            Some(detail) => problem.with(detail),
            None => problem,
        });
    };
    let outcome = &smtp.outcome;
    match (outcome.phase, outcome.reason) {
        (Phase::Banner, Reason::Rejected) => add(Code::GreetingRejected, Some(said(outcome))),
        (Phase::Ehlo | Phase::Helo, Reason::Rejected) => {
            add(Code::HelloRejected, Some(said(outcome)));
        }
        (_, Reason::NotSmtp) => add(Code::NotSmtp, Some(said(outcome))),
        (_, Reason::ProtocolError | Reason::TooLong) => {
            add(Code::ReplyMalformed, Some(said(outcome)));
        }
        _ => {}
    }
    let broken: Vec<&str> = (smtp.flags.iter())
        .filter(|flag| {
            matches!(
                flag,
                Oddity::BareLf | Oddity::CodeChange | Oddity::NoCode | Oddity::LongLine
            )
        })
        .map(|flag| flag.word())
        .collect();
    // What is no SMTP breaks its rules, too.
    if !broken.is_empty() && outcome.reason != Reason::NotSmtp {
        add(Code::ReplyMalformed, Some(broken.join(", ")));
    }
    if smtp.helo.is_some() && smtp.esmtp == Some(false) && outcome.reason != Reason::Rejected {
        add(Code::HeloOnly, None);
    }
    if let Some(ehlo) = &smtp.ehlo {
        let octets = octets_of(&ehlo.lines);
        if octets > EHLO_OCTETS {
            add(Code::EhloTooLong, Some(format!("{octets} octets")));
        }
    }
    starttls(smtp, &mut add);
    if let Some(capabilities) = &smtp.capabilities
        && !capabilities.auth.is_empty()
    {
        add(Code::AuthInClear, Some(capabilities.auth.join(" ")));
    }
}

fn starttls(smtp: &Smtp, add: &mut impl FnMut(Code, Option<String>)) {
    let starttls = &smtp.starttls;
    let reply = || {
        let reply = starttls.reply.as_ref()?;
        let text = reply.lines.last().map(|line| line.lossy().into_owned());
        Some(format!("{} {}", reply.code, text.unwrap_or_default()))
    };
    match (starttls.advertised, starttls.accepted) {
        _ if starttls.masked.is_some() => add(Code::StarttlsMasked, starttls.masked.clone()),
        (Some(true), Some(false)) => add(Code::StarttlsRefused, reply()),
        (Some(false), Some(true)) => add(Code::StarttlsUnadvertised, None),
        (Some(false), _) if smtp.esmtp == Some(true) => add(Code::StarttlsMissing, None),
        _ => {}
    }
    if starttls.injected.is_some() {
        add(Code::StarttlsInjected, None);
    }
}

fn handshake(tls: &Tls, found: &mut Vec<Problem>) {
    let mut add = |code, detail: String| found.push(Problem::new(code).with(detail));
    for flag in &tls.flags {
        match flag {
            TlsOddity::LengthIntolerant => add(Code::LengthIntolerant, said(&tls.outcome)),
            TlsOddity::Injected => add(Code::StarttlsInjected, said(&tls.outcome)),
            _ => {}
        }
    }
    let is_old = matches!(
        tls.version,
        Some(TlsVersion::Tls10 | TlsVersion::Tls11 | TlsVersion::Ssl3 | TlsVersion::Ssl2)
    );
    if is_old && !is_newer_spoken(tls) {
        let version = tls.version.as_ref().map(ToString::to_string);
        add(Code::OldVersionsOnly, version.unwrap_or_default());
    }
    match (tls.completed, tls.negotiated) {
        _ if wants_client_certificate(tls) => {
            add(Code::ClientCertificateDemanded, said(&tls.outcome));
        }
        // A flight of the old hello is read, not finished: that it could be is not known, nor that it could not.
        (Some(false), Some(false)) => add(Code::HandshakeFails, said(&tls.outcome)),
        _ => {}
    }
    if let Some(inside) = &tls.inside
        && inside.starttls == Some(true)
    {
        found.push(Problem::new(Code::StarttlsOfferedInside));
    }
}

fn is_newer_spoken(tls: &Tls) -> bool {
    let Some(enumeration) = &tls.enumeration else {
        return false;
    };
    [TlsVersion::Tls12, TlsVersion::Tls13]
        .iter()
        .any(|version| enumeration.versions.get(version) == Some(&Some(true)))
}

/// What a weakness is called here; none for one that is worth a line of statistics only.
fn server_code(weakness: ServerWeakness) -> Option<Code> {
    use ServerWeakness as Weak;
    Some(match weakness {
        Weak::Ssl2 | Weak::Ssl3 => Code::SslSpoken,
        Weak::Tls10 | Weak::Tls11 => Code::OldVersionsSpoken,
        Weak::NullCipher | Weak::Export | Weak::SingleDes => Code::CipherBroken,
        Weak::Rc4 | Weak::TripleDes | Weak::Md5Mac => Code::CipherWeak,
        Weak::Anonymous => Code::AnonymousCipher,
        Weak::StaticRsa => Code::NoForwardSecrecy,
        Weak::WeakDh => Code::WeakDh,
        Weak::Compression => Code::CompressionOn,
        Weak::NoSecureRenegotiation => Code::RenegotiationInsecure,
        Weak::CbcSha1 | Weak::NoExtendedMasterSecret => return None,
    })
}

/// The same of a weakness of a certificate.
fn certificate_code(weakness: CertificateWeakness) -> Option<Code> {
    use CertificateWeakness as Weak;
    Some(match weakness {
        Weak::WeakRsa | Weak::WeakEc | Weak::DsaKey => Code::CertificateKeyWeak,
        Weak::Md5Signature | Weak::Sha1Signature => Code::CertificateSignatureWeak,
        Weak::NoAlternativeName | Weak::Version1 => return None,
    })
}

/// One problem for each code, with all its weaknesses in the detail.
fn weaknesses(server: ServerRecords<'_>, found: &mut Vec<Problem>) {
    let mut by_code: BTreeMap<Code, BTreeSet<&str>> = BTreeMap::new();
    let of_server = server.weaknesses.iter();
    let of_certificates = server.certificate_weaknesses.iter();
    let coded = of_server
        .map(|&weakness| (server_code(weakness), weakness.word()))
        .chain(of_certificates.map(|&weakness| (certificate_code(weakness), weakness.word())));
    for (code, word) in coded {
        if let Some(code) = code {
            by_code.entry(code).or_default().insert(word);
        }
    }
    // Nothing newer is spoken: that is told, and says this too.
    if found
        .iter()
        .any(|problem| problem.code == Code::OldVersionsOnly)
    {
        by_code.remove(&Code::OldVersionsSpoken);
    }
    for (code, words) in by_code {
        let words: Vec<&str> = words.into_iter().collect();
        found.push(Problem::new(code).with(words.join(", ")));
    }
}

/// What a chain's verdict is called here; none where it holds or is not known.
pub fn chain_code(reason: ChainReason) -> Option<Code> {
    Some(match reason {
        ChainReason::Valid
        | ChainReason::Unsupported
        | ChainReason::CaAsEndEntity
        | ChainReason::Unclassified
        | ChainReason::Other => return None,
        ChainReason::Expired => Code::CertificateExpired,
        ChainReason::NotYetValid => Code::CertificateNotYetValid,
        ChainReason::SelfSigned => Code::CertificateSelfSigned,
        ChainReason::IncompleteChain => Code::CertificateIncomplete,
        ChainReason::UnknownIssuer | ChainReason::Distrusted => Code::CertificateUnknownIssuer,
        _ => Code::CertificateBad,
    })
}

/// The certificate against the first named store, and its end.
fn certificate(tls: &Tls, soon: Duration, found: &mut Vec<Problem>) {
    let Some(verdict) = tls.verdicts.first() else {
        return;
    };
    let mut reasons: Vec<ChainReason> = vec![verdict.reason];
    reasons.extend(&verdict.also);
    // Both: the chain does not tell which of the two it is, and only the milder one is known to be so.
    if reasons.contains(&ChainReason::UnknownIssuer) {
        reasons.retain(|&reason| reason != ChainReason::IncompleteChain);
    }
    let is_judged = verdict.valid == Some(false);
    for reason in reasons.into_iter().filter(|_| is_judged) {
        if let Some(code) = chain_code(reason)
            && !found.iter().any(|problem| problem.code == code)
        {
            let named = format!("{reason} ({})", verdict.store);
            found.push(Problem::new(code).with(named));
        }
    }
    let ends = tls.leaf.as_ref().and_then(|leaf| leaf.not_after.as_deref());
    let read = |text: &str| {
        OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
    };
    let (Some(ends), Some(seen)) = (ends.and_then(read), read(&verdict.at)) else {
        return;
    };
    if ends >= seen && ends - seen <= soon {
        let days = (ends - seen).whole_days();
        found.push(
            Problem::new(Code::CertificateExpiresSoon)
                .with(format!("{} days left", days))
                .at_least(if days < 3 {
                    Severity::Serious
                } else {
                    Severity::Notice
                }),
        );
    }
}
