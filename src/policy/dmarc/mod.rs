//! DMARC (RFC 9989): the record that applies to a domain by the tree walk, what it makes a receiver do, and what the
//! public suffix list of RFC 7489 makes of the same records.

pub mod receivers;
pub mod record;
pub mod report_uri;
pub mod walk;

pub use record::{DmarcRecord, is_record};
pub use walk::TreeWalk;

use super::dkim::control_label;
use super::faults::Faults;
use super::lookup::{FoundRecords, Lookup};
use crate::dns::name::Name;
use crate::record::{
    Dmarc, DmarcPolicy, DmarcStep, Fault, Outcome, PolicyFault, PolicyState, Text,
};
use walk::{Records, records_at};

/// The part of the `policy` record: the walk for `domain` and all that hangs on it. Some 10 questions, 40 at most; those
/// of upper names are the same for many domains.
pub async fn part<L: Lookup>(lookup: &L, domain: &Name) -> Dmarc {
    let walk = TreeWalk::of_domain(lookup, domain).await;
    let mut part = empty(&walk);
    part.organizational_domain = walk.organization().map(|name| name.text());
    let mut existence = Existence::new(lookup, domain);
    let by_walk = match walk.applying() {
        Ok(applying) => effect(applying, domain, &mut existence, Rule::Walk).await,
        Err(outcome) => Err(outcome.clone()),
    };
    part.effective_9989 = by_walk.as_ref().ok().copied();
    if let Some(stopped) = walk.stopped() {
        part.effective_stopping = match stopped.applying() {
            // What stands above two records is not read by those who stop there; nor is the name's own.
            Ok(applying) => effect(applying, domain, &mut existence, Rule::Walk)
                .await
                .ok(),
            Err(_) => None,
        };
    }
    by_suffix_list(lookup, &walk, &mut existence, &mut part).await;
    part.differ = (part.effective_9989.zip(part.effective_7489)).map(|(one, other)| one != other);
    describe(lookup, &walk, &mut part).await;
    part.exists = existence.known();
    if let Err(outcome) = by_walk {
        part.outcome = Some(outcome);
    }
    part.state = state(&walk, &part);
    part
}

fn empty(walk: &TreeWalk) -> Dmarc {
    let steps = walk.steps.iter().map(|step| DmarcStep {
        name: step.name.text(),
        state: match &step.found {
            Records::None(_) => PolicyState::Absent,
            Records::One(record, _) if record.is_off() => PolicyState::Invalid,
            Records::One(..) => PolicyState::Ok,
            Records::Multiple(_) => PolicyState::Multiple,
            Records::Failed(_) => PolicyState::Unknown,
        },
    });
    Dmarc {
        state: PolicyState::Absent,
        outcome: None,
        text: Vec::new(),
        faults: Vec::new(),
        record_at: None,
        organizational_domain: None,
        organizational_domain_7489: None,
        effective_9989: None,
        effective_7489: None,
        effective_stopping: None,
        differ: None,
        exists: None,
        np_effective: None,
        tags: None,
        receivers: Vec::new(),
        walk: steps.collect(),
    }
}

/// Which RFC decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Walk,
    SuffixList,
}

/// What a record makes of a message from `domain`; off without one.
async fn effect<L: Lookup>(
    applying: Option<(&Name, &DmarcRecord)>,
    domain: &Name,
    existence: &mut Existence<'_, L>,
    rule: Rule,
) -> Result<DmarcPolicy, Outcome> {
    let Some((name, record)) = applying else {
        return Ok(DmarcPolicy::Off);
    };
    let is_own = name == domain;
    if rule == Rule::SuffixList {
        return Ok(record.policy_7489(is_own));
    }
    if is_own {
        return Ok(record.tested(record.own_policy()));
    }
    let there = record.tested(record.below_policy());
    let missing = record.tested(record.missing_policy());
    if there == missing {
        return Ok(there);
    }
    match existence.ask().await {
        Ok(true) => Ok(there),
        Ok(false) => Ok(missing),
        Err(outcome) => Err(outcome),
    }
}

/// RFC 7489 §6.6.3: the name itself, else its organisational domain by the public suffix list.
async fn by_suffix_list<L: Lookup>(
    lookup: &L,
    walk: &TreeWalk,
    existence: &mut Existence<'_, L>,
    part: &mut Dmarc,
) {
    let domain = &walk.start;
    let text = domain.text();
    let organization = psl::domain_str(&text)
        .and_then(|name| Name::from_octets(name.as_bytes()))
        .unwrap_or_else(|| domain.clone());
    part.organizational_domain_7489 = Some(organization.text());
    let mut found = walk.steps.first().map(|step| &step.found);
    let mut name = domain;
    let asked;
    if matches!(found, Some(Records::None(_))) && organization != *domain {
        let step = walk.steps.iter().find(|step| step.name == organization);
        found = Some(match step {
            Some(step) => &step.found,
            None => {
                asked = records_at(lookup, &organization).await;
                &asked
            }
        });
        name = &organization;
    }
    let applying = match found {
        Some(Records::One(record, _)) => Some((name, &**record)),
        Some(Records::Failed(_)) => return,
        // More than one: "policy discovery terminates and DMARC processing is not applied".
        _ => None,
    };
    part.effective_7489 = effect(applying, domain, existence, Rule::SuffixList)
        .await
        .ok();
}

/// The record that applies: its text, tags, faults, and who gets its reports.
async fn describe<L: Lookup>(lookup: &L, walk: &TreeWalk, part: &mut Dmarc) {
    let mut faults = Faults::default();
    describe_steps(walk, part, &mut faults);
    if let Some((name, record)) = walk.applying().ok().flatten() {
        describe_record(walk, name, record, part, &mut faults);
        describe_receivers(lookup, walk, (name, record), part, &mut faults).await;
        part.np_effective = np_effective(lookup, name, record).await;
    }
    part.faults = faults.into();
}

/// What stands at the names of the walk that is no record, or is one too many.
fn describe_steps(walk: &TreeWalk, part: &mut Dmarc, faults: &mut Faults) {
    for step in &walk.steps {
        let is_own = step.name == walk.start;
        match &step.found {
            Records::Multiple(texts) => {
                faults.push(placed(Fault::new(PolicyFault::Multiple), walk, &step.name));
                if is_own {
                    part.text = texts.iter().map(|text| Text::from(&text[..])).collect();
                }
            }
            Records::None(texts) if is_own => {
                for text in texts {
                    let shown = &text[..text.len().min(450)];
                    faults.push(Fault::new(PolicyFault::NearMiss).in_term(0, shown));
                }
            }
            _ => {}
        }
    }
}

/// The fault with the name at which it is, where that is not the domain itself.
fn placed(fault: Fault, walk: &TreeWalk, name: &Name) -> Fault {
    match *name == walk.start {
        true => fault,
        false => fault.under(name),
    }
}

/// What the record at `name` says of itself.
fn describe_record(
    walk: &TreeWalk,
    name: &Name,
    record: &DmarcRecord,
    part: &mut Dmarc,
    faults: &mut Faults,
) {
    for fault in &record.faults {
        faults.push(placed(fault.clone(), walk, name));
    }
    let text = walk.steps.iter().find_map(|step| match &step.found {
        Records::One(_, text) if step.name == *name => Some(text),
        _ => None,
    });
    if part.text.is_empty() {
        part.text = text.iter().map(|text| Text::from(&text[..])).collect();
    }
    part.record_at = Some(name.text());
    part.tags = Some(record.tags.clone());
    let has_below = record.tags.sp.is_some() || record.tags.np.is_some();
    let is_below_another = walk.organization().is_some_and(|other| other != *name);
    if *name == walk.start && has_below && is_below_another {
        // What is below has the same organisation, whose record decides.
        faults.push(Fault::new(PolicyFault::SpUnused));
    }
}

/// Who gets the reports, and who of them has not said that they want them.
async fn describe_receivers<L: Lookup>(
    lookup: &L,
    walk: &TreeWalk,
    (name, record): (&Name, &DmarcRecord),
    part: &mut Dmarc,
    faults: &mut Faults,
) {
    let organization = walk.organization();
    let (rua, ruf) = (&record.rua, &record.ruf);
    part.receivers = receivers::authorised(lookup, name, organization.as_ref(), rua, ruf).await;
    for receiver in &part.receivers {
        if receiver.authorised == Some(false) {
            let fault = Fault::new(PolicyFault::RuaUnauthorised).in_term(0, &receiver.uri.0);
            faults.push(fault.under(receiver.domain.as_deref().unwrap_or_default()));
        }
    }
}

/// Whether `np` can have an effect below a name: a name that nobody has chosen must be NXDOMAIN. A signer of compact
/// denial (RFC 9824) and a wildcard make it look as if it existed. Asked only where `np` says something of its own.
async fn np_effective<L: Lookup>(lookup: &L, name: &Name, record: &DmarcRecord) -> Option<bool> {
    if record.missing_policy() == record.below_policy() {
        return None;
    }
    let control = name.under(&[&control_label(name)])?;
    match lookup.txt_with_denial(&control).await.found {
        FoundRecords::Nxdomain => Some(true),
        FoundRecords::NoData | FoundRecords::Records(_) => Some(false),
        FoundRecords::Failed(_) => None,
    }
}

fn state(walk: &TreeWalk, part: &Dmarc) -> PolicyState {
    let own = walk.steps.first().map(|step| &step.found);
    if matches!(own, Some(Records::Multiple(_))) {
        return PolicyState::Multiple;
    }
    match part.effective_9989 {
        None => PolicyState::Unknown,
        Some(DmarcPolicy::Off) if part.record_at.is_some() => PolicyState::Invalid,
        Some(DmarcPolicy::Off) => PolicyState::Absent,
        Some(_) => PolicyState::Ok,
    }
}

/// Whether a domain exists, asked once and only where something hangs on it. Non-existent is NXDOMAIN as RFC 8020 means
/// it; a name with no records of this type exists (RFC 9989 §3.2).
struct Existence<'e, L> {
    lookup: &'e L,
    domain: &'e Name,
    answer: Option<Result<bool, Outcome>>,
}

impl<'e, L: Lookup> Existence<'e, L> {
    fn new(lookup: &'e L, domain: &'e Name) -> Self {
        Self {
            lookup,
            domain,
            answer: None,
        }
    }

    async fn ask(&mut self) -> Result<bool, Outcome> {
        if self.answer.is_none() {
            self.answer = Some(match self.lookup.txt(self.domain).await.found {
                FoundRecords::Nxdomain => Ok(false),
                FoundRecords::Failed(outcome) => Err(outcome),
                FoundRecords::NoData | FoundRecords::Records(_) => Ok(true),
            });
        }
        self.answer.clone().unwrap_or(Ok(true))
    }

    fn known(&self) -> Option<bool> {
        self.answer.as_ref()?.as_ref().ok().copied()
    }
}

#[cfg(test)]
mod tests;
