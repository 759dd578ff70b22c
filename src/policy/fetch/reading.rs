//! What a fetch comes to for a sender by the letter and for a lax one: pure, from the facts in the record.

use crate::policy::{mta_sts, mta_sts_policy};
use crate::record::{
    Fault, Phase, PolicyFault, PolicyState, Reason, Sts, StsCover, StsError, StsMode, StsNameMatch,
    StsReading, StsStanding, TlsRptResult,
};

/// Fills the readings, the result, the standing and the covers of a record from its facts. An error that the fetch itself
/// noted (no address, nothing connected to) stands in `strict.error`.
pub fn conclude(sts: &mut Sts, exchanges: Option<&[String]>) {
    let noted = sts.strict.error.take();
    let strict_error = noted
        .or_else(|| transport_error(sts))
        .or_else(|| answer_error(sts, false));
    let lenient_error = noted
        .or_else(|| transport_error(sts))
        .or_else(|| answer_error(sts, true));
    let text = sts.text.as_ref().map(|text| &text.0[..]);
    let mut strict = reading(
        text,
        strict_error,
        sts.status,
        mta_sts_policy::read_strictly,
    );
    if text.is_some() && !is_plain(sts) {
        let fault = match &sts.media_type {
            Some(media_type) => Fault::new(PolicyFault::MediaType).in_term(0, &media_type.0),
            None => Fault::new(PolicyFault::MediaType),
        };
        strict.faults.push(fault.strict());
    }
    sts.lenient = reading(
        text,
        lenient_error,
        sts.status,
        mta_sts_policy::read_leniently,
    );
    sts.strict = strict;
    sts.result = sts.strict.error.and_then(result);
    sts.standing = standing(sts.record, sts.strict.state);
    sts.covers = exchanges.map(|exchanges| covers(sts, exchanges));
}

fn reading(
    text: Option<&[u8]>,
    error: Option<StsError>,
    status: Option<u16>,
    read: fn(&[u8]) -> StsReading,
) -> StsReading {
    let mut reading = match text {
        Some(text) => read(text),
        None => StsReading::without_text(PolicyState::Unknown, error.unwrap_or(StsError::Http)),
    };
    // A certificate that does not hold comes before what the text says.
    if let Some(error) = error {
        reading.error = Some(error);
        reading.state = state(error, status);
    }
    reading
}

/// What an error says of the policy: that there is none, that it is not to be used, or nothing.
fn state(error: StsError, status: Option<u16>) -> PolicyState {
    match error {
        StsError::DnsNone => PolicyState::Absent,
        StsError::Status => match status {
            Some(404 | 410) => PolicyState::Absent,
            // The host could not answer now.
            Some(408 | 429 | 500..=599) => PolicyState::Unknown,
            _ => PolicyState::Invalid,
        },
        StsError::CertUntrusted
        | StsError::CertExpired
        | StsError::CertName
        | StsError::Redirect
        | StsError::TooLarge
        | StsError::Syntax => PolicyState::Invalid,
        _ => PolicyState::Unknown,
    }
}

/// Why there is no answer, or the certificate it came with does not hold.
fn transport_error(sts: &Sts) -> Option<StsError> {
    let outcome = &sts.outcome;
    match (outcome.phase, outcome.reason) {
        (_, Reason::Timeout) if sts.certificate.is_none() => Some(StsError::Timeout),
        (_, Reason::Interrupted) => Some(StsError::Interrupted),
        (Phase::Connect, Reason::Local) => Some(StsError::Local),
        (Phase::Connect, _) => Some(StsError::Connect),
        (Phase::Handshake, _) if outcome.reason != Reason::Timeout => Some(StsError::TlsHandshake),
        _ => None,
    }
}

/// What speaks against what a host answered: the certificate first, then the answer itself.
fn answer_error(sts: &Sts, is_lax: bool) -> Option<StsError> {
    certificate_error(sts, is_lax).or(match sts.outcome.reason {
        Reason::TooLong => Some(StsError::TooLarge),
        Reason::Timeout => Some(StsError::Timeout),
        Reason::Ok => match sts.status {
            Some(200) => None,
            Some(300..=399) => Some(StsError::Redirect),
            _ => Some(StsError::Status),
        },
        _ => Some(StsError::Http),
    })
}

fn certificate_error(sts: &Sts, is_lax: bool) -> Option<StsError> {
    let Some(certificate) = &sts.certificate else {
        return Some(StsError::CertUnknown);
    };
    match certificate.verdict.valid {
        None => return Some(StsError::CertUnknown),
        Some(false) => {
            let is_expired = certificate.verdict.reason.to_string() == "expired";
            return Some(match is_expired {
                true => StsError::CertExpired,
                false => StsError::CertUntrusted,
            });
        }
        Some(true) => {}
    }
    match certificate.name_match {
        StsNameMatch::Yes => None,
        // Many a library takes the common name where there is no other.
        StsNameMatch::CommonNameOnly if is_lax => None,
        _ => Some(StsError::CertName),
    }
}

fn is_plain(sts: &Sts) -> bool {
    sts.media_type.as_ref().is_some_and(|media_type| {
        let kind = media_type.0.split(|&octet| octet == b';').next();
        kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/plain"))
    })
}

/// RFC 8460 §4.3.2.2.
fn result(error: StsError) -> Option<TlsRptResult> {
    match error {
        StsError::CertUntrusted | StsError::CertExpired | StsError::CertName => {
            Some(TlsRptResult::StsWebpkiInvalid)
        }
        StsError::Syntax => Some(TlsRptResult::StsPolicyInvalid),
        StsError::CertUnknown
        | StsError::Excluded
        | StsError::Interrupted
        | StsError::Local
        | StsError::Other => None,
        _ => Some(TlsRptResult::StsPolicyFetchError),
    }
}

fn standing(record: PolicyState, policy: PolicyState) -> StsStanding {
    match (record, policy) {
        (PolicyState::Unknown, _) | (_, PolicyState::Unknown) => StsStanding::Unknown,
        (PolicyState::Ok, PolicyState::Ok) => StsStanding::Both,
        (PolicyState::Ok, _) => StsStanding::RecordWithoutPolicy,
        (_, PolicyState::Ok) => StsStanding::PolicyWithoutRecord,
        _ => StsStanding::Neither,
    }
}

fn covers(sts: &Sts, exchanges: &[String]) -> Vec<StsCover> {
    let asks = |reading: &StsReading| {
        reading.state == PolicyState::Ok && reading.mode != Some(StsMode::None)
    };
    let is_covered = |reading: &StsReading, by: fn(&[u8], &str) -> bool, exchange: &str| {
        asks(reading).then(|| reading.mx.iter().any(|pattern| by(&pattern.0, exchange)))
    };
    (exchanges.iter())
        .map(|exchange| StsCover {
            exchange: exchange.clone(),
            strict: is_covered(&sts.strict, mta_sts::covers_strictly, exchange),
            lenient: is_covered(&sts.lenient, mta_sts::covers_leniently, exchange),
        })
        .collect()
}
