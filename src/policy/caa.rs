//! Which authorities may issue certificates for a name (CAA, RFC 8659), and for its mailboxes (RFC 9495).

use super::fields;
use super::lookup::{CaaProperty, FoundRecords, Lookup, LookupAnswer};
use crate::dns::name::Name;
use crate::record::{
    Caa, CaaEffect, CaaRole, CaaSet, Fault, Outcome, Phase, PolicyFault, PolicyState, Reason, Text,
};

/// "Issuer critical": whoever does not know the property must not issue.
const CRITICAL: u8 = 0x80;
/// Names that are asked on one way up. Longer ones are nobody's host names.
const CLIMB_LIMIT: usize = 24;
/// Exchanges of a domain whose records are looked for.
const EXCHANGE_LIMIT: usize = 10;
/// Values that are kept of one set and kind.
const VALUE_LIMIT: usize = 32;

/// The part of the `policy` record: for the domain, for its first ten exchanges, and for its policy host.
pub async fn part<L: Lookup>(lookup: &L, domain: &Name, exchanges: &[Name]) -> Caa {
    let mut names = vec![set(lookup, domain, CaaRole::Domain).await];
    for exchange in exchanges.iter().take(EXCHANGE_LIMIT) {
        if exchange != domain {
            names.push(set(lookup, exchange, CaaRole::Exchange).await);
        }
    }
    if let Some(host) = domain.under(&["mta-sts"]) {
        names.push(set(lookup, &host, CaaRole::PolicyHost).await);
    }
    Caa {
        state: names[0].state,
        outcome: names[0].outcome.clone(),
        text: Vec::new(),
        faults: Vec::new(),
        names,
    }
}

/// The records that apply to `name`: its own, behind CNAMEs, or those of the nearest name above it that has any
/// (RFC 8659 §3). A question that fails on the way makes them unknown, since what it would have said may forbid.
pub async fn set<L: Lookup>(lookup: &L, name: &Name, role: CaaRole) -> CaaSet {
    let mut blank = CaaSet {
        name: name.to_string(),
        role,
        state: PolicyState::Absent,
        outcome: None,
        found_at: None,
        issue: Some(CaaEffect::Any),
        issuers: Vec::new(),
        issue_wild: Some(CaaEffect::Any),
        wild_issuers: Vec::new(),
        issue_mail: Some(CaaEffect::Any),
        mail_issuers: Vec::new(),
        report_to: Vec::new(),
        faults: Vec::new(),
    };
    let mut at = name.clone();
    for _ in 0..CLIMB_LIMIT {
        if at.is_root() {
            return blank;
        }
        let answer: LookupAnswer<CaaProperty> = lookup.caa(&at).await;
        match &answer.found {
            FoundRecords::Records(records) => {
                blank.found_at = Some(at.to_string());
                judge(records, &mut blank);
                return blank;
            }
            FoundRecords::Failed(outcome) => return unknown(blank, outcome.clone()),
            FoundRecords::NoData | FoundRecords::Nxdomain => at = at.above(1),
        }
    }
    if at.is_root() {
        return blank;
    }
    let outcome = Outcome::new(Phase::Dns, Reason::TooLong);
    unknown(blank, outcome.with("too many names on the way up"))
}

fn unknown(mut set: CaaSet, outcome: Outcome) -> CaaSet {
    set.state = PolicyState::Unknown;
    set.outcome = Some(outcome);
    (set.issue, set.issue_wild, set.issue_mail) = (None, None, None);
    set
}

/// What a set of properties comes to. A critical property that is unknown forbids everything.
pub fn judge(records: &[CaaProperty], set: &mut CaaSet) {
    set.state = PolicyState::Ok;
    let issue = Grant::read(records, b"issue", set);
    let wild = Grant::read(records, b"issuewild", set);
    let mail = Grant::read(records, b"issuemail", set);
    let mut is_forbidden = false;
    for record in records {
        if record.tag.eq_ignore_ascii_case(b"iodef") && set.report_to.len() < VALUE_LIMIT {
            set.report_to.push(fields::cut(&record.value).into());
        }
        if record.flags & CRITICAL != 0 && !is_known(&record.tag) {
            is_forbidden = true;
            let fault = Fault::new(PolicyFault::UnknownCritical);
            fields::note(&mut set.faults, fault.in_term(0, fields::cut(&record.tag)));
        }
    }
    let wild = if wild.is_present { wild } else { issue.clone() };
    let effect = |grant: &Grant| match grant.effect() {
        _ if is_forbidden => CaaEffect::Nobody,
        effect => effect,
    };
    set.issue = Some(effect(&issue));
    set.issue_wild = Some(effect(&wild));
    set.issue_mail = Some(effect(&mail));
    (set.issuers, set.wild_issuers, set.mail_issuers) = (issue.names, wild.names, mail.names);
}

/// The properties that authorities of web and mail certificates know (the IANA registry).
fn is_known(tag: &[u8]) -> bool {
    [
        b"issue".as_slice(),
        b"issuewild",
        b"issuemail",
        b"issuevmc",
        b"iodef",
        b"contactemail",
        b"contactphone",
    ]
    .iter()
    .any(|known| tag.eq_ignore_ascii_case(known))
}

/// What all properties of one tag grant.
#[derive(Clone, Debug, Default)]
struct Grant {
    is_present: bool,
    names: Vec<Text>,
}

impl Grant {
    fn read(records: &[CaaProperty], tag: &[u8], set: &mut CaaSet) -> Self {
        let mut grant = Self::default();
        for record in records {
            if !record.tag.eq_ignore_ascii_case(tag) {
                continue;
            }
            grant.is_present = true;
            match issuer(&record.value) {
                Some(b"") => {}
                Some(name) => {
                    let name = Text::from(name.to_ascii_lowercase().as_slice());
                    if !grant.names.contains(&name) && grant.names.len() < VALUE_LIMIT {
                        grant.names.push(name);
                    }
                }
                None => {
                    let fault = Fault::new(PolicyFault::BadProperty);
                    fields::note(
                        &mut set.faults,
                        fault.in_term(0, fields::cut(&record.value)),
                    );
                }
            }
        }
        grant
    }

    fn effect(&self) -> CaaEffect {
        match (self.is_present, self.names.is_empty()) {
            (false, _) => CaaEffect::Any,
            (true, true) => CaaEffect::Nobody,
            (true, false) => CaaEffect::Named,
        }
    }
}

/// The authority that an `issue` value names, empty where it names none; `None` where it is against the grammar, which
/// is then read as if it named none (RFC 8659 §4.2).
fn issuer(value: &[u8]) -> Option<&[u8]> {
    let mut parts = value.splitn(2, |&octet| octet == b';');
    let name = fields::trim(parts.next()?);
    let is_label = |label: &[u8]| {
        !label.is_empty()
            && (label.iter()).all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let is_name = name.is_empty() || name.split(|&octet| octet == b'.').all(is_label);
    let is_good = is_name && parts.next().is_none_or(are_parameters);
    is_good.then_some(name)
}

/// `tag=value` pairs between semicolons, or nothing at all.
fn are_parameters(text: &[u8]) -> bool {
    let text = fields::trim(text);
    text.is_empty()
        || text.split(|&octet| octet == b';').all(|parameter| {
            let parameter = fields::trim(parameter);
            let Some(equals) = memchr::memchr(b'=', parameter) else {
                return false;
            };
            let (tag, value) = (
                fields::trim(&parameter[..equals]),
                fields::trim(&parameter[equals + 1..]),
            );
            !tag.is_empty()
                && tag.iter().all(u8::is_ascii_alphanumeric)
                && (value.iter()).all(|octet| matches!(octet, 0x21..=0x3a | 0x3c..=0x7e))
        })
}
