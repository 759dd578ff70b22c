//! Who gets a domain's DMARC reports, and whether they have said that they want them (RFC 9990 §4).

use super::record::is_record;
use super::report_uri::ReportUri;
use super::walk::TreeWalk;
use crate::dns::name::Name;
use crate::policy::lookup::{FoundRecords, Lookup};
use crate::record::{DmarcReceiver, Text};

/// Domains of which it is asked whether they want the reports.
const ASKED: usize = 8;

/// Asks each receiver outside of the domain's own organisation whether it wants the reports: TXT at
/// `<domain>._report._dmarc.<receiver>` that begins as a record does. `policy_domain`: whose record it is.
pub async fn authorised<L: Lookup>(
    lookup: &L,
    policy_domain: &Name,
    organization: Option<&Name>,
    rua: &[ReportUri],
    ruf: &[ReportUri],
) -> Vec<DmarcReceiver> {
    let mut known: Vec<(Name, Option<bool>)> = Vec::new();
    let mut receivers = Vec::new();
    for (is_failure, uri) in rua
        .iter()
        .map(|uri| (false, uri))
        .chain(ruf.iter().map(|uri| (true, uri)))
    {
        let mut is_authorised = None;
        if let Some(domain) = &uri.domain {
            let found = known.iter().find(|(name, _)| name == domain);
            is_authorised = match found {
                Some((_, answer)) => *answer,
                None if known.len() < ASKED => {
                    let answer = is_wanted(lookup, policy_domain, organization, domain).await;
                    known.push((domain.clone(), answer));
                    answer
                }
                None => None,
            };
        }
        receivers.push(DmarcReceiver {
            uri: Text::from(&uri.uri[..]),
            domain: uri.domain.as_ref().map(Name::text),
            failure_reports: is_failure,
            authorised: is_authorised,
        });
    }
    receivers
}

async fn is_wanted<L: Lookup>(
    lookup: &L,
    policy_domain: &Name,
    organization: Option<&Name>,
    receiver: &Name,
) -> Option<bool> {
    if receiver == policy_domain {
        return Some(true);
    }
    let own = TreeWalk::of_domain(lookup, receiver).await.organization();
    match (organization, own) {
        (Some(one), Some(other)) if *one == other => return Some(true),
        (Some(_), Some(_)) => {}
        _ => return None,
    }
    let Some(name) = below(policy_domain, receiver) else {
        // No name could be as long, so nobody can have said yes.
        return Some(false);
    };
    match &lookup.txt(&name).await.found {
        FoundRecords::Failed(_) => None,
        FoundRecords::Records(records) => Some(records.iter().any(|text| is_record(text))),
        FoundRecords::NoData | FoundRecords::Nxdomain => Some(false),
    }
}

/// `<domain>._report._dmarc.<receiver>`.
fn below(domain: &Name, receiver: &Name) -> Option<Name> {
    let mut text = Vec::new();
    for label in domain
        .labels()
        .chain([&b"_report"[..], b"_dmarc"])
        .chain(receiver.labels())
    {
        text.extend_from_slice(label);
        text.push(b'.');
    }
    Name::from_octets(&text)
}
