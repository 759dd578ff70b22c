//! Whether a domain has DKIM keys, without a message of it: by what its zone says of `_domainkey` (RFC 8020, RFC 9824)
//! beside a random name, and by the selectors of its operators.

use futures::future::{join, join_all};

use super::dkim_key;
use super::fields;
use super::lookup::{FoundRecords, Lookup, LookupAnswer, NXNAME, Txt};
use super::selectors;
use crate::dns::name::Name;
use crate::record::{Dkim, DkimEvidence, DkimKey, Fault, PolicyFault, PolicyState};
use crate::x509::sha256_hex;

/// The part of the `policy` record. `operators` are the selectors of the domain's operators, `listed` those of a list.
///
/// Four questions at least: `_domainkey` and a random name, both with DO, then the selectors. A selector that has no key
/// never shows that there is none.
pub async fn part<L: Lookup>(
    lookup: &L,
    domain: &Name,
    operators: &[&str],
    listed: &[String],
) -> Dkim {
    let control = control_label(domain);
    let mut part = Dkim {
        state: PolicyState::Unknown,
        outcome: None,
        text: Vec::new(),
        faults: Vec::new(),
        evidence: None,
        control: None,
        selectors: Vec::new(),
        keys: Vec::new(),
    };
    let names = (domain.under(&["_domainkey"])).zip(domain.under(&[control.as_str()]));
    let Some((own_name, control_name)) = names else {
        // A name so long has none below it.
        part.state = PolicyState::Absent;
        return part;
    };
    let (own, other) = join(
        lookup.txt_with_denial(&own_name),
        lookup.txt_with_denial(&control_name),
    )
    .await;
    part.control = Some(control_name.to_string());
    let shown = judge(&own_name, &own, &other);
    (part.state, part.evidence) = match shown {
        DkimShown::Some(evidence) => (PolicyState::Ok, Some(evidence)),
        DkimShown::None(evidence) => (PolicyState::Absent, Some(evidence)),
        DkimShown::Nothing => (PolicyState::Unknown, None),
    };
    part.outcome = match shown {
        DkimShown::Nothing => own.failure().or(other.failure()).cloned(),
        _ => None,
    };
    part.selectors = chosen(operators, listed, shown);
    ask_selectors(lookup, &own_name, &control, &other, &mut part).await;
    part
}

/// A label that nobody has chosen: made of the domain's name, so that a second look asks the same.
pub(super) fn control_label(domain: &Name) -> String {
    let mut label = sha256_hex(domain.wire());
    label.truncate(16);
    format!("_x{label}")
}

/// The selectors to ask: of the operators, of the list, and those of programs where nothing else is known.
fn chosen(operators: &[&str], listed: &[String], shown: DkimShown) -> Vec<String> {
    let programs = match shown {
        DkimShown::Nothing if operators.is_empty() => selectors::of_programs(),
        _ => Vec::new(),
    };
    let mut chosen: Vec<String> = Vec::new();
    let all = (operators.iter().take(selectors::OPERATOR_LIMIT).copied())
        .chain(
            listed
                .iter()
                .take(selectors::LIST_LIMIT)
                .map(String::as_str),
        )
        .chain(programs);
    for selector in all {
        if !chosen.iter().any(|known| known == selector) {
            chosen.push(selector.to_owned());
        }
    }
    chosen
}

async fn ask_selectors<L: Lookup>(
    lookup: &L,
    own_name: &Name,
    control: &str,
    other: &LookupAnswer<Txt>,
    part: &mut Dkim,
) {
    let ask = async |selector: &str| {
        let labels: Vec<&str> = selector.split('.').collect();
        match own_name.under(&labels) {
            Some(name) => lookup.txt(&name).await,
            None => LookupAnswer::new(FoundRecords::Nxdomain),
        }
    };
    let answers = join_all(part.selectors.iter().map(|selector| ask(selector))).await;
    let mut keys: Vec<DkimKey> = (part.selectors.iter().zip(&answers))
        .map(|(selector, answer)| key(selector, answer))
        .filter(|key| {
            key.state == PolicyState::Unknown || dkim_key::is_key(key) || dkim_key::is_meant(key)
        })
        .collect();
    if keys.iter().any(dkim_key::is_key) {
        let wild = ask(control).await;
        let is_wild = |key: &DkimKey| match &wild.found {
            FoundRecords::Records(records) => (records.iter())
                .any(|record| key.text == fields::raw([&record[..]].into_iter()).pop()),
            _ => false,
        };
        let mut wildcard = None;
        keys.retain(|key| {
            let is_wild = is_wild(key);
            if is_wild {
                wildcard.get_or_insert_with(|| key.clone());
            }
            !is_wild
        });
        // The answer of a wildcard at the domain itself says nothing of keys.
        let is_everywhere = wild.records() == other.records() && !other.records().is_empty();
        if let Some(mut key) = wildcard {
            part.faults.push(Fault::new(PolicyFault::WildcardKey));
            key.selector = "*".into();
            if !is_everywhere {
                keys.push(key);
            }
        }
        // Without the control a wildcard cannot be told from a key.
        let is_told = wild.failure().is_none();
        if is_told && keys.iter().any(dkim_key::is_key) && part.state != PolicyState::Ok {
            if part.state == PolicyState::Absent {
                part.faults.push(Fault::new(PolicyFault::NxdomainAboveKey));
            }
            part.state = PolicyState::Ok;
            part.evidence = Some(DkimEvidence::Selector);
            part.outcome = None;
        }
    }
    part.keys = keys;
}

fn key(selector: &str, answer: &LookupAnswer<Txt>) -> DkimKey {
    let mut key = match &answer.found {
        FoundRecords::Failed(outcome) => {
            let mut key = dkim_key::blank(selector);
            key.state = PolicyState::Unknown;
            key.outcome = Some(outcome.clone());
            key
        }
        _ => dkim_key::read(selector, answer.records()),
    };
    key.cname = answer.cname.iter().map(ToString::to_string).collect();
    key
}

/// What two answers show of the names below `_domainkey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DkimShown {
    /// There are some.
    Some(DkimEvidence),
    /// There is none.
    None(DkimEvidence),
    /// Neither.
    Nothing,
}

/// Compares the answer for `_domainkey` with that for a random name beside it, both asked with DO.
pub fn judge(own_name: &Name, own: &LookupAnswer<Txt>, control: &LookupAnswer<Txt>) -> DkimShown {
    // An alias says nothing of the names below it, nor does a record at the name itself.
    if !own.cname.is_empty() {
        return DkimShown::Nothing;
    }
    match own.found {
        FoundRecords::Failed(_) | FoundRecords::Records(_) => return DkimShown::Nothing,
        FoundRecords::Nxdomain => return DkimShown::None(DkimEvidence::Nxdomain),
        FoundRecords::NoData => {}
    }
    if own.is_compact_nxdomain() {
        return DkimShown::None(DkimEvidence::Nxname);
    }
    if names_one_below(own_name, own) {
        return DkimShown::Some(DkimEvidence::NextName);
    }
    let has_answered =
        matches!(control.found, FoundRecords::Records(_)) || !control.cname.is_empty();
    match &control.found {
        FoundRecords::Failed(_) => DkimShown::Nothing,
        // A wildcard, which stands back behind a name that exists (RFC 4592 §2.2.2).
        _ if has_answered => DkimShown::Some(DkimEvidence::WildcardBlocked),
        FoundRecords::Nxdomain => DkimShown::Some(DkimEvidence::NameExists),
        _ => match (bitmap(own), bitmap(control)) {
            (Some(own), Some(control)) if control.contains(&NXNAME) && !own.contains(&NXNAME) => {
                DkimShown::Some(DkimEvidence::NoNxname)
            }
            (Some(own), Some(control)) if own != control => {
                DkimShown::Some(DkimEvidence::OtherBitmap)
            }
            _ => DkimShown::Nothing,
        },
    }
}

/// The types of the NSEC or NSEC3 of the name that was asked for.
fn bitmap(answer: &LookupAnswer<Txt>) -> Option<&[u16]> {
    (answer.denial.iter())
        .find(|denial| denial.is_of_name)
        .map(|denial| &denial.types[..])
}

/// An NSEC of another name leads to a name below `_domainkey`, and not to the one that a signer makes up as the next
/// possible one (RFC 4470, RFC 9824: its first label begins with a zero octet).
fn names_one_below(own_name: &Name, own: &LookupAnswer<Txt>) -> bool {
    (own.denial.iter())
        .filter(|denial| !denial.is_of_name && !denial.is_hashed)
        .filter_map(|denial| denial.next.as_ref())
        .any(|next| {
            let is_made_up = next.labels().any(|label| label.starts_with(b"\0"));
            !is_made_up && next != own_name && next.is_within(own_name)
        })
}

#[cfg(test)]
mod tests {
    use super::super::lookup::Denial;
    use super::*;
    use crate::record::Reason;

    const NSEC: &[u16] = &[46, 47];
    const NSEC_NXNAME: &[u16] = &[46, 47, NXNAME];

    fn name(text: &str) -> Name {
        Name::parse(text.as_bytes()).unwrap()
    }

    fn empty(types: Option<&[u16]>) -> LookupAnswer<Txt> {
        let mut answer = LookupAnswer::new(FoundRecords::NoData);
        answer.denial.extend(types.map(|types| Denial {
            owner: name("any.example"),
            types: types.to_vec(),
            is_hashed: false,
            is_of_name: true,
            next: None,
        }));
        answer
    }

    fn text(text: &str) -> LookupAnswer<Txt> {
        LookupAnswer::new(vec![Txt::from(text.as_bytes())].into())
    }

    fn aliased(mut answer: LookupAnswer<Txt>) -> LookupAnswer<Txt> {
        answer.cname.push(name("elsewhere.test"));
        answer
    }

    fn shown(control: LookupAnswer<Txt>, own: LookupAnswer<Txt>) -> DkimShown {
        judge(&name("_domainkey.x.example"), &own, &control)
    }

    #[test]
    fn what_two_answers_show() {
        use DkimEvidence as By;
        let none = || LookupAnswer::new(FoundRecords::Nxdomain);
        let lost = || LookupAnswer::failed(Reason::Servfail);
        let all_types: Vec<u16> = (1..=15).chain([28, 46, 47]).collect();
        for (control, own, expected) in [
            (none(), empty(None), DkimShown::Some(By::NameExists)),
            (none(), none(), DkimShown::None(By::Nxdomain)),
            (lost(), none(), DkimShown::None(By::Nxdomain)),
            (
                empty(Some(NSEC_NXNAME)),
                empty(Some(NSEC)),
                DkimShown::Some(By::NoNxname),
            ),
            (
                empty(Some(NSEC_NXNAME)),
                empty(Some(NSEC_NXNAME)),
                DkimShown::None(By::Nxname),
            ),
            (empty(Some(NSEC_NXNAME)), empty(None), DkimShown::Nothing),
            (
                empty(Some(NSEC)),
                empty(Some(&all_types)),
                DkimShown::Some(By::OtherBitmap),
            ),
            (empty(Some(NSEC)), empty(Some(NSEC)), DkimShown::Nothing),
            (empty(None), empty(None), DkimShown::Nothing),
            (empty(None), empty(Some(NSEC)), DkimShown::Nothing),
            (text("v=spf1 -all"), text("v=spf1 -all"), DkimShown::Nothing),
            (
                text("v=spf1 -all"),
                empty(None),
                DkimShown::Some(By::WildcardBlocked),
            ),
            (aliased(none()), aliased(none()), DkimShown::Nothing),
            (
                aliased(none()),
                empty(None),
                DkimShown::Some(By::WildcardBlocked),
            ),
            (none(), aliased(empty(None)), DkimShown::Nothing),
            (none(), text("o=-"), DkimShown::Nothing),
            (lost(), empty(None), DkimShown::Nothing),
            (none(), lost(), DkimShown::Nothing),
            (lost(), lost(), DkimShown::Nothing),
        ] {
            assert_eq!(
                shown(control.clone(), own.clone()),
                expected,
                "{control:?} {own:?}"
            );
        }
    }

    #[test]
    fn an_honest_nsec_may_name_a_name_below() {
        let own_name = name("_domainkey.x.example");
        let leading_to = |next: Name| {
            let mut answer = empty(None);
            answer.denial.push(Denial {
                owner: name("_dmarc.x.example"),
                types: vec![16, 46, 47],
                is_hashed: false,
                is_of_name: false,
                next: Some(next),
            });
            answer
        };
        let below = leading_to(name("s1._domainkey.x.example"));
        let shown = DkimShown::Some(DkimEvidence::NextName);
        assert_eq!(judge(&own_name, &below, &empty(None)), shown);
        let beside = leading_to(name("_smtp.x.example"));
        assert_eq!(judge(&own_name, &beside, &empty(None)), DkimShown::Nothing);
        let made_up = Name::from_wire(b"\x01\0\x0a_domainkey\x01x\x07example\0").unwrap();
        assert_eq!(
            judge(&own_name, &leading_to(made_up), &empty(None)),
            DkimShown::Nothing
        );
    }

    #[test]
    fn the_control_is_the_same_each_time_and_another_for_each_domain() {
        let one = control_label(&name("a.example"));
        assert_eq!(one, control_label(&name("a.example")));
        assert_ne!(one, control_label(&name("b.example")));
        assert_eq!(one.len(), 18);
    }
}
