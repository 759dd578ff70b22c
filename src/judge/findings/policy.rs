//! What is wrong with a domain's policies, and with how its servers meet them.

use crate::judge::delivery::{Cause, Delivery, Fate};
use crate::judge::problem::{Problem, ProblemCode as Code};
use crate::record::{
    Caa, MtaSts, Policy, PolicyFault, PolicyState, Sts, StsError, StsMode, StsNameMatch,
    StsStanding, TlsRpt,
};

use super::authentication::authentication;
use super::fault::{first_fault, told};

/// A domain's policies, and what hangs on them.
#[derive(Clone, Copy, Debug)]
pub struct PolicyView<'a> {
    /// Its `policy` record.
    pub policy: &'a Policy,
    /// Its `sts` record.
    pub sts: Option<&'a Sts>,
    /// It takes mail.
    pub takes_mail: Option<bool>,
    /// An exchange of it has usable TLSA records.
    pub has_dane: bool,
    /// What becomes of mail from a sender that heeds MTA-STS to the letter; none where it is lost without a policy as
    /// well, or not looked at.
    pub delivery: Option<Delivery>,
    /// For each exchange that such a sender refuses although the policy covers it: its name and the cause.
    pub refused: &'a [(String, Cause)],
}

/// A policy is kept for less than this, in seconds: an attacker need only block one fetch.
const SHORT_MAX_AGE: u64 = 86_400;

/// What is wrong with the policies of a domain; worst first.
pub fn policy_problems(view: &PolicyView<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    let policy = view.policy;
    authentication(policy, view.takes_mail, &mut found);
    if let Some(part) = &policy.mta_sts {
        sts_record(part, &mut found);
    }
    if let Some(sts) = view.sts {
        sts_policy(sts, &mut found);
        sts_exchanges(view, sts, &mut found);
    }
    if let Some(part) = &policy.tls_rpt {
        tls_rpt(part, view, &mut found);
    }
    if let Some(part) = &policy.caa {
        caa(part, &mut found);
    }
    super::put_in_order(&mut found);
    found
}

fn sts_record(part: &MtaSts, found: &mut Vec<Problem>) {
    let code = match part.state {
        PolicyState::Invalid => Code::StsRecordInvalid,
        PolicyState::Multiple => Code::StsRecordMultiple,
        _ => return,
    };
    let detail = first_fault(&part.faults, part.state);
    found.push(Problem::new(code).with(detail));
}

fn sts_policy(sts: &Sts, found: &mut Vec<Problem>) {
    let mut add = |code, detail: Option<String>| {
        let problem = Problem::new(code).at_place(&sts.host);
        found.push(match detail {
            Some(detail) => problem.with(detail),
            None => problem,
        });
    };
    // A record that is not one is told as that.
    if sts.standing == StsStanding::PolicyWithoutRecord && sts.record == PolicyState::Absent {
        add(Code::StsPolicyWithoutRecord, None);
    }
    if sts.record == PolicyState::Ok
        && let Some(error) = sts.strict.error
    {
        policy_error(sts, error, &mut add);
    }
    if sts.strict.state != PolicyState::Ok {
        return;
    }
    match sts.strict.mode {
        Some(StsMode::Testing) => add(Code::StsTesting, None),
        Some(StsMode::Enforce) if sts.strict.max_age.is_some_and(|age| age < SHORT_MAX_AGE) => {
            add(
                Code::StsMaxAgeShort,
                sts.strict.max_age.map(|age| format!("{age} s")),
            );
        }
        _ => {}
    }
}

fn policy_error(sts: &Sts, error: StsError, add: &mut impl FnMut(Code, Option<String>)) {
    match error {
        StsError::CertUntrusted | StsError::CertExpired | StsError::CertName => {
            let by_common_name = (sts.certificate.as_ref())
                .is_some_and(|it| it.name_match == StsNameMatch::CommonNameOnly);
            let detail = match by_common_name {
                true => "named in the common name alone".to_owned(),
                false => error.to_string(),
            };
            add(Code::StsPolicyHostCertificate, Some(detail));
        }
        StsError::Syntax if sts.lenient.state == PolicyState::Ok => {
            add(
                Code::StsPolicyLax,
                Some(first_fault(&sts.strict.faults, sts.strict.state)),
            );
        }
        StsError::Syntax | StsError::TooLarge => {
            add(
                Code::StsPolicyInvalid,
                Some(first_fault(&sts.strict.faults, sts.strict.state)),
            );
        }
        StsError::Status => {
            let status = sts.status.map(|status| format!("status {status}"));
            add(Code::StsPolicyUnfetchable, status);
        }
        StsError::DnsNone
        | StsError::AddressForbidden
        | StsError::TlsHandshake
        | StsError::Http
        | StsError::Redirect => add(Code::StsPolicyUnfetchable, Some(error.to_string())),
        // Not learned, for what may be this side's fault: no problem of the domain.
        _ => {}
    }
}

/// How the exchanges meet the policy.
fn sts_exchanges(view: &PolicyView<'_>, sts: &Sts, found: &mut Vec<Problem>) {
    let is_in_force = sts.standing == StsStanding::Both
        && matches!(sts.strict.mode, Some(StsMode::Enforce | StsMode::Testing));
    if !is_in_force {
        return;
    }
    let uncovered = sts.covers.iter().flatten();
    for cover in uncovered.filter(|cover| cover.strict == Some(false)) {
        let problem = Problem::new(Code::StsExchangeUncovered).at_place(&cover.exchange);
        found.push(match cover.lenient {
            Some(true) => {
                problem.with("only senders that let a wildcard stand for more labels take it")
            }
            _ => problem,
        });
    }
    for (exchange, cause) in view.refused {
        let problem = Problem::new(Code::StsExchangeFails).at_place(exchange);
        found.push(problem.with(cause.word()));
    }
    if let Some(delivery) = &view.delivery
        && delivery.fate == Fate::Refused
        && delivery.would_lose_mail == Some(true)
        && sts.strict.mode == Some(StsMode::Enforce)
    {
        let problem = Problem::new(Code::StsWouldLoseMail);
        found.push(match delivery.cause {
            Some(cause) => problem.with(cause.word()),
            None => problem,
        });
    }
}

fn tls_rpt(part: &TlsRpt, view: &PolicyView<'_>, found: &mut Vec<Problem>) {
    let has_sts = view
        .sts
        .is_some_and(|sts| sts.standing == StsStanding::Both);
    match part.state {
        PolicyState::Absent if has_sts || view.has_dane => {
            found.push(Problem::new(Code::TlsRptMissing));
        }
        PolicyState::Invalid | PolicyState::Multiple => {
            let detail = first_fault(&part.faults, part.state);
            found.push(Problem::new(Code::TlsRptInvalid).with(detail));
        }
        _ => {}
    }
}

fn caa(part: &Caa, found: &mut Vec<Problem>) {
    for set in &part.names {
        let blocking = set.faults.iter().find(|fault| {
            matches!(
                fault.code,
                PolicyFault::UnknownCritical | PolicyFault::BadProperty
            )
        });
        if let Some(fault) = blocking {
            let problem = Problem::new(Code::CaaInvalid).at_place(&set.name);
            found.push(problem.with(told(fault)));
        }
    }
}
