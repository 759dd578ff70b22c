//! What an SPF record comes to whoever the client is: the look-ups and voids of a client that matches nothing, the
//! addresses that pass, the records it is made of, and what is wrong in any of them.

use super::grammar::LENGTH_ADVISED;
use super::walk::walk;
use super::{Selected, SettledRecords, select};
use crate::dns::name::Name;
use crate::policy::faults::Faults;
use crate::policy::lookup::{Lookup, LookupAnswer, Txt};
use crate::record::{Fault, PolicyFault, PolicyState, Spf, SpfResult, Text};

/// Reads the record of `domain` and all that it includes.
pub async fn survey<L: Lookup>(lookup: &L, domain: &Name) -> Spf {
    survey_among(lookup, domain, None).await
}

/// [`survey`] of one of many domains: what the records that they share come to is taken from `settled`, and kept there.
pub async fn survey_among<L: Lookup>(
    lookup: &L,
    domain: &Name,
    settled: Option<&SettledRecords>,
) -> Spf {
    let answer = lookup.txt(domain).await;
    let mut spf = Spf::new(PolicyState::Absent);
    match select(&answer) {
        Selected::Failed(outcome) => {
            spf.state = PolicyState::Unknown;
            spf.outcome = Some(outcome);
        }
        Selected::None => spf.faults = near_misses(&answer),
        Selected::Multiple(texts) => {
            spf.state = PolicyState::Multiple;
            spf.text = texts.iter().map(|text| Text::from(&text[..])).collect();
            spf.faults = vec![Fault::new(PolicyFault::Multiple)];
            spf.unmatched_ipv4 = Some(SpfResult::Permerror);
            spf.unmatched_ipv6 = Some(SpfResult::Permerror);
        }
        Selected::One(text) => {
            spf.text = vec![Text::from(&text[..])];
            walk(lookup, domain, text, settled, &mut spf).await;
        }
    }
    spf
}

/// Texts that would be records if they began exactly as one.
fn near_misses(answer: &LookupAnswer<Txt>) -> Vec<Fault> {
    let mut faults = Faults::default();
    for text in answer.records() {
        let begin: Vec<u8> = (text.iter().copied())
            .filter(|octet| !octet.is_ascii_whitespace() && !b"\"'".contains(octet))
            .take(6)
            .collect();
        let begin = begin.to_ascii_lowercase();
        if begin == b"v=spf1"
            || begin == b"v=spf2"
            || begin.starts_with(b"v=spf-")
            || begin == b"v=spf,"
        {
            let shown = &text[..text.len().min(LENGTH_ADVISED)];
            faults.push(Fault::new(PolicyFault::NearMiss).in_term(0, shown));
        }
    }
    faults.into()
}

impl Spf {
    fn new(state: PolicyState) -> Self {
        Self {
            state,
            outcome: None,
            text: Vec::new(),
            faults: Vec::new(),
            unmatched_ipv4: None,
            unmatched_ipv6: None,
            all: None,
            lookups_least: None,
            lookups_most: None,
            voids_ipv4: None,
            voids_ipv6: None,
            macros: None,
            ipv4_addresses: None,
            ipv6_networks: Vec::new(),
            includes: Vec::new(),
            dangling: Vec::new(),
            client: None,
        }
    }
}
