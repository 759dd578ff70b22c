//! The addresses that DMARC reports go to, as the tags `rua` and `ruf` list them (RFC 9989 §4.8).

use crate::dns::name::Name;
use crate::record::PolicyFault;

/// Addresses that are read of one tag.
const LISTED: usize = 32;
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
pub fn report_uris(value: &[u8]) -> (Vec<ReportUri>, Vec<PolicyFault>) {
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
