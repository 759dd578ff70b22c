//! What is wrong with how a domain lets its mail be told from forged mail: SPF, DMARC, DKIM, BIMI.

use super::fault::{first_fault, told};
use crate::judge::problem::{Problem, ProblemCode as Code};
use crate::record::{
    Bimi, Dkim, Dmarc, DmarcPolicy, Policy, PolicyFault, PolicyState, Spf, SpfResult,
};

/// More IPv4 addresses than this may send: that is a part of the Internet, and no set of mail servers.
const BROAD: u64 = 100_000;

/// The problems of the four parts, as far as they were asked; `takes_mail` tells parked domains apart.
pub(super) fn authentication(policy: &Policy, takes_mail: Option<bool>, found: &mut Vec<Problem>) {
    if let Some(part) = &policy.spf {
        spf(part, found);
    }
    if let Some(part) = &policy.dmarc {
        dmarc(&policy.domain, part, takes_mail, found);
    }
    if let Some(part) = &policy.dkim {
        dkim(part, takes_mail, found);
    }
    if is_unauthenticated(policy) {
        found.push(Problem::new(Code::DmarcWithoutAuthentication));
    }
    if let Some(part) = &policy.bimi {
        bimi(part, policy.dmarc.as_ref(), found);
    }
}

/// The part that was looked for and is not there; a text that only looks like one is told.
fn missing(code: Code, faults: &[crate::record::Fault]) -> Problem {
    let near = faults
        .iter()
        .find(|fault| fault.code == PolicyFault::NearMiss);
    match near {
        Some(fault) => Problem::new(code).with(told(fault)),
        None => Problem::new(code),
    }
}

fn spf(part: &Spf, found: &mut Vec<Problem>) {
    let mut is_told = false;
    match part.state {
        PolicyState::Absent => found.push(missing(Code::SpfMissing, &part.faults)),
        PolicyState::Multiple => {
            found.push(Problem::new(Code::SpfMultiple));
            is_told = true;
        }
        _ => {}
    }
    for fault in &part.faults {
        if let Some(code) = spf_code(fault.code) {
            is_told |= code.severity() > crate::judge::problem::Severity::Notice;
            found.push(Problem::new(code).with(told(fault)));
        }
    }
    if part.state == PolicyState::Invalid && !is_told {
        let detail = first_fault(&part.faults, part.state);
        found.push(Problem::new(Code::SpfInvalid).with(detail));
    }
    for dangling in &part.dangling {
        if dangling.registrable_free == Some(true) {
            let free = dangling.registrable.as_ref().unwrap_or(&dangling.name);
            let detail = format!("{free}, by {}", dangling.term.lossy());
            found.push(Problem::new(Code::SpfIncludeFree).with(detail));
        }
    }
    let passes_all = part.all == Some(SpfResult::Pass);
    if let Some(count) = part
        .ipv4_addresses
        .filter(|&count| count > BROAD && !passes_all)
    {
        found.push(Problem::new(Code::SpfTooBroad).with(format!("{count} IPv4 addresses")));
    }
}

/// What a fault of an SPF record is called here; none for what is only worth to be told beside another.
fn spf_code(fault: PolicyFault) -> Option<Code> {
    use PolicyFault as Is;
    Some(match fault {
        Is::Syntax
        | Is::UnknownMechanism
        | Is::BadIp
        | Is::BadPrefix
        | Is::BadMacro
        | Is::BadDomain
        | Is::DuplicateModifier => Code::SpfInvalid,
        Is::LookupLimit | Is::MxLimit => Code::SpfTooManyLookups,
        Is::VoidLimit => Code::SpfTooManyVoids,
        Is::IncludeNone | Is::IncludePermerror => Code::SpfIncludeBroken,
        Is::Loop => Code::SpfLoop,
        Is::TooLong => Code::SpfTooLong,
        Is::PtrUsed => Code::SpfDeprecated,
        Is::AllPlus => Code::SpfPassAll,
        Is::AllNeutral | Is::NoAll => Code::SpfNeutral,
        Is::RecordAfterAll => Code::SpfUnreachedTerms,
        _ => return None,
    })
}

/// How strict a policy is; none for a word of a later version.
fn strictness(policy: DmarcPolicy) -> Option<u8> {
    match policy {
        DmarcPolicy::Off | DmarcPolicy::None => Some(0),
        DmarcPolicy::Quarantine => Some(1),
        DmarcPolicy::Reject => Some(2),
        DmarcPolicy::Other => None,
    }
}

fn dmarc(domain: &str, part: &Dmarc, takes_mail: Option<bool>, found: &mut Vec<Problem>) {
    match part.state {
        PolicyState::Absent => found.push(missing(Code::DmarcMissing, &part.faults)),
        PolicyState::Multiple => found.push(Problem::new(Code::DmarcMultiple)),
        PolicyState::Invalid => {
            let detail = first_fault(&part.faults, part.state);
            found.push(Problem::new(Code::DmarcInvalid).with(detail));
        }
        PolicyState::Ok => dmarc_record(domain, part, takes_mail, found),
        _ => {}
    }
    // RFC 7489 knows no t: that is told with it.
    let tags = part.tags.as_ref().filter(|tags| tags.t);
    let by_testing = tags.is_some_and(|tags| part.effective_7489 == tags.p);
    if part.differ == Some(true)
        && !by_testing
        && let (Some(new), Some(old)) = (part.effective_9989, part.effective_7489)
    {
        let detail = format!("{new} by RFC 9989, {old} by RFC 7489");
        found.push(Problem::new(Code::DmarcRulesDiffer).with(detail));
    }
}

/// What a record that holds asks for, and what it does not.
fn dmarc_record(domain: &str, part: &Dmarc, takes_mail: Option<bool>, found: &mut Vec<Problem>) {
    let own = part.record_at.as_deref() == Some(domain);
    let mut add = |code, detail: Option<String>| {
        let mut problem = Problem::new(code);
        if let Some(at) = part.record_at.as_ref().filter(|_| !own) {
            problem = problem.at_place(at);
        }
        found.push(match detail {
            Some(detail) => problem.with(detail),
            None => problem,
        });
    };
    let bad = |code| matches!(code, PolicyFault::BadPolicy | PolicyFault::MissingPolicy);
    let broken = part.faults.iter().find(|fault| bad(fault.code));
    let tags = part.tags.clone().unwrap_or_default();
    let asked = tags.p.and_then(strictness);
    if let Some(fault) = broken {
        add(Code::DmarcInvalid, Some(told(fault)));
    } else if tags.t && asked > Some(0) {
        add(Code::DmarcTesting, None);
    } else if part.effective_9989.and_then(strictness) == Some(0) {
        add(Code::DmarcNone, None);
    }
    let weaker = [("sp", tags.sp), ("np", tags.np)].into_iter();
    let weaker: Vec<String> = weaker
        .filter_map(|(tag, policy)| Some((tag, policy?, strictness(policy?)?)))
        .filter(|(.., level)| asked.is_some_and(|asked| *level < asked))
        .map(|(tag, policy, _)| format!("{tag}={policy}"))
        .collect();
    if own && !weaker.is_empty() {
        add(Code::DmarcSubdomainsWeaker, Some(weaker.join(", ")));
    }
    let mut receivers = part.receivers.iter();
    for receiver in receivers.clone() {
        if receiver.authorised == Some(false) {
            add(
                Code::DmarcReportsUnauthorised,
                Some(receiver.uri.lossy().into_owned()),
            );
        }
    }
    // A parked domain has no good mail that could fail.
    if receivers.all(|receiver| receiver.failure_reports) && takes_mail != Some(false) {
        add(Code::DmarcNoReports, None);
    }
    if part.np_effective == Some(false) {
        add(Code::DmarcNonexistentIneffective, None);
    }
}

/// DMARC asks to reject, and nothing can pass: no SPF record that can be used, and no DKIM key.
fn is_unauthenticated(policy: &Policy) -> bool {
    let (Some(spf), Some(dmarc), Some(dkim)) = (&policy.spf, &policy.dmarc, &policy.dkim) else {
        return false;
    };
    let is_spf_void = matches!(
        spf.state,
        PolicyState::Absent | PolicyState::Invalid | PolicyState::Multiple
    );
    dmarc.effective_9989 == Some(DmarcPolicy::Reject)
        && is_spf_void
        && dkim.state == PolicyState::Absent
}

fn dkim(part: &Dkim, takes_mail: Option<bool>, found: &mut Vec<Problem>) {
    if part.state == PolicyState::Absent && takes_mail == Some(true) {
        found.push(Problem::new(Code::DkimMissing));
    }
    for key in &part.keys {
        let mut add = |code, detail: String| {
            found.push(Problem::new(code).at_place(&key.selector).with(detail));
        };
        let bits = || {
            key.bits
                .map_or_else(String::new, |bits| format!("{bits} bits"))
        };
        let has = |code| key.faults.iter().any(|fault| fault.code == code);
        if has(PolicyFault::WeakKey) {
            add(Code::DkimKeyWeak, bits());
        } else if has(PolicyFault::ShortKey) {
            add(Code::DkimKeyShort, bits());
        } else if key.state == PolicyState::Invalid {
            add(Code::DkimKeyInvalid, first_fault(&key.faults, key.state));
        }
        if key.testing == Some(true) {
            add(Code::DkimTesting, "t=y".to_owned());
        }
    }
}

fn bimi(part: &Bimi, dmarc: Option<&Dmarc>, found: &mut Vec<Problem>) {
    if matches!(part.state, PolicyState::Invalid | PolicyState::Multiple) {
        let detail = first_fault(&part.faults, part.state);
        found.push(Problem::new(Code::BimiInvalid).with(detail));
    }
    let has_logo = part.indicator.as_ref().is_some_and(|it| !it.0.is_empty());
    let effective = dmarc.and_then(|dmarc| dmarc.effective_9989);
    if part.state == PolicyState::Ok && has_logo && effective.and_then(strictness) == Some(0) {
        found.push(Problem::new(Code::BimiUnenforced));
    }
}
