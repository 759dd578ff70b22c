//! Who gets a domain's DMARC reports, and whether they have said that they want them (RFC 9990 §4).

use super::record::is_record;
use super::walk::Walk;
use crate::dns::name::Name;
use crate::policy::lookup::{Found, Lookup};
use crate::record::{DmarcReceiver, PolicyFault, Text};

/// Addresses that are read of one tag.
const LISTED: usize = 32;
/// Domains of which it is asked whether they want the reports.
const ASKED: usize = 8;
/// Octets of an address that are kept.
const URI_LIMIT: usize = 512;

/// A place that reports go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportUri {
    /// As it stands in the tag, without a limit of size.
    pub uri: Vec<u8>,
    /// The domain of a mailto: address.
    pub domain: Option<Name>,
}

/// The addresses of a tag, and what is wrong with the others (RFC 9989 §4.8). At most 32 are read.
pub fn read(value: &[u8]) -> (Vec<ReportUri>, Vec<PolicyFault>) {
    let (mut uris, mut faults) = (Vec::new(), Vec::new());
    for (position, piece) in value.split(|&octet| octet == b',').enumerate() {
        if position == LISTED {
            faults.push(PolicyFault::TooManyFields);
            break;
        }
        let mut uri = piece.trim_ascii();
        if let Some(bare) = without_size(uri) {
            uri = bare;
            faults.push(PolicyFault::ObsoleteSize);
        }
        match report_uri(uri) {
            Some(found) => {
                if found.domain.is_none() {
                    faults.push(PolicyFault::UnsupportedScheme);
                }
                uris.push(found);
            }
            None => faults.push(PolicyFault::BadUri),
        }
    }
    faults.sort_unstable();
    faults.dedup();
    (uris, faults)
}

/// The address before a limit of size, if there is one: `!`, digits, and perhaps one of k, m, g, t (RFC 7489 §6.4).
fn without_size(uri: &[u8]) -> Option<&[u8]> {
    let mark = memchr::memrchr(b'!', uri)?;
    let size = &uri[mark + 1..];
    let digits = match size.split_last() {
        Some((unit, digits)) if b"kmgtKMGT".contains(unit) => digits,
        _ => size,
    };
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then(|| &uri[..mark])
}

fn report_uri(uri: &[u8]) -> Option<ReportUri> {
    let colon = memchr::memchr(b':', uri)?;
    let (scheme, rest) = (&uri[..colon], &uri[colon + 1..]);
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && (scheme.iter()).all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
    // "commas and exclamation points MUST be encoded" (RFC 9989 §4.8).
    let is_text =
        !rest.is_empty() && (rest.iter()).all(|octet| octet.is_ascii_graphic() && *octet != b'!');
    if !is_scheme || !is_text || uri.len() > URI_LIMIT {
        return None;
    }
    let domain = match scheme.eq_ignore_ascii_case(b"mailto") {
        true => {
            let end = memchr::memchr(b'?', rest).unwrap_or(rest.len());
            let at = memchr::memrchr(b'@', &rest[..end]).filter(|at| *at > 0)?;
            Some(Name::parse(&rest[at + 1..end]).ok()?)
        }
        false => None,
    };
    Some(ReportUri {
        uri: uri.to_vec(),
        domain,
    })
}

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
            domain: uri.domain.as_ref().map(Name::to_string),
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
    let own = Walk::of_domain(lookup, receiver).await.organization();
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
        Found::Failed(_) => None,
        Found::Records(records) => Some(records.iter().any(|text| is_record(text))),
        Found::NoData | Found::Nxdomain => Some(false),
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
