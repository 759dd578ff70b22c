//! Where a domain wants reports on TLS (TLS-RPT, RFC 8460 §3).

use super::fields::{self, Fields, RecordField};
use super::lookup::{FoundRecords, LookupAnswer, Txt};
use super::versioned::Versioned;
use crate::record::{Fault, LenientTlsRpt, PolicyFault, PolicyState, Text, TlsRpt};

const VERSION: &[u8] = b"v=TLSRPTv1";
/// Report addresses that are kept of one record.
const ADDRESS_LIMIT: usize = 64;

/// The part of the `policy` record, from the answer to TXT at `_smtp._tls` of the domain.
pub fn part(answer: &LookupAnswer<Txt>) -> TlsRpt {
    let mut part = match &answer.found {
        FoundRecords::Failed(outcome) => TlsRpt {
            state: PolicyState::Unknown,
            outcome: Some(outcome.clone()),
            ..read::<Txt>(&[])
        },
        _ => read(answer.records()),
    };
    part.cname = answer.cname.iter().map(ToString::to_string).collect();
    part
}

/// What these TXT records, each with its strings joined, say of TLS-RPT.
///
/// By the letter a record that does not begin `v=TLSRPTv1;` is none, exactly one must be left, and it must be of the
/// grammar, with one `rua` at least whose addresses are `mailto:` or `https:`. Lax senders take a blank before the
/// semicolon, and pass over what they cannot read while one address is left.
///
/// ```
/// use mx_survey::policy::tls_rpt::read;
/// use mx_survey::record::PolicyState;
///
/// let one = read(&["v=TLSRPTv1; rua=mailto:tls@a.test"]);
/// assert_eq!((one.state, one.rua.len()), (PolicyState::Ok, 1));
/// assert_eq!(read(&["v=spf1 -all"]).state, PolicyState::Absent);
/// ```
pub fn read<R: AsRef<[u8]>>(records: &[R]) -> TlsRpt {
    let chosen = Versioned::choose(records, VERSION);
    let mut part = TlsRpt {
        state: PolicyState::Absent,
        outcome: None,
        text: fields::raw(chosen.meant()),
        faults: Vec::new(),
        rua: Vec::new(),
        lenient: None,
        cname: Vec::new(),
    };
    match chosen.strictly(fields::cut) {
        Ok(record) => read_strictly(record, &mut part),
        Err((state, fault)) => {
            part.state = state;
            part.faults.extend(fault);
        }
    }
    let lenient = read_leniently(chosen.leniently());
    if lenient.state != part.state || lenient.rua != part.rua {
        if lenient.state == PolicyState::Ok {
            part.faults.iter_mut().for_each(|fault| fault.strict = true);
        }
        part.lenient = Some(lenient);
    }
    part
}

fn read_strictly(record: &[u8], part: &mut TlsRpt) {
    let Fields { fields, faults } = Fields::read(record, VERSION.len());
    let mut against = faults;
    let mut remarks = Vec::new();
    let mut rua = Vec::new();
    let mut has_rua = false;
    for field in &fields {
        if field.name != b"rua" {
            against.extend(fields::extension_fault(field));
            continue;
        }
        has_rua = true;
        for address in addresses(field) {
            match scheme(address) {
                Scheme::Known => rua.push(Text::from(address)),
                Scheme::Unsupported => {
                    remarks.push(field.fault(PolicyFault::UnsupportedScheme));
                }
                Scheme::NoUri => against.push(field.fault(PolicyFault::BadUri)),
            }
        }
    }
    if !has_rua {
        against.push(Fault::new(PolicyFault::MissingRua));
    }
    part.state = match against.is_empty() && !rua.is_empty() {
        true => PolicyState::Ok,
        false => PolicyState::Invalid,
    };
    if part.state == PolicyState::Ok {
        rua.truncate(ADDRESS_LIMIT);
        part.rua = rua;
    }
    against.append(&mut remarks);
    against.truncate(fields::FAULT_LIMIT);
    part.faults = against;
}

fn read_leniently(record: Result<&[u8], PolicyState>) -> LenientTlsRpt {
    let none = |state| LenientTlsRpt {
        state,
        rua: Vec::new(),
    };
    let record = match record {
        Ok(record) => record,
        Err(state) => return none(state),
    };
    let rua: Vec<_> = (Fields::read(record, VERSION.len()).fields.iter())
        .filter(|field| fields::trim(field.name) == b"rua")
        .flat_map(|field| addresses(field))
        .filter(|address| scheme(address) == Scheme::Known)
        .take(ADDRESS_LIMIT)
        .map(Text::from)
        .collect();
    LenientTlsRpt {
        state: match rua.is_empty() {
            true => PolicyState::Invalid,
            false => PolicyState::Ok,
        },
        rua,
    }
}

/// The addresses of a `rua`, blanks around the commas taken off.
fn addresses<'a>(field: &RecordField<'a>) -> impl Iterator<Item = &'a [u8]> {
    field
        .value
        .unwrap_or_default()
        .split(|&octet| octet == b',')
        .map(fields::trim)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// `mailto:` with an address, or `https:` with a host.
    Known,
    /// A URI of another scheme.
    Unsupported,
    /// No URI, or one with what RFC 8460 wants encoded.
    NoUri,
}

fn scheme(uri: &[u8]) -> Scheme {
    let Some(colon) = memchr::memchr(b':', uri) else {
        return Scheme::NoUri;
    };
    let (scheme, rest) = (&uri[..colon], &uri[colon + 1..]);
    // RFC 3986 §3.1, and the characters of §2; `!` is to be encoded as well (RFC 8460 §3).
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && (scheme.iter()).all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
    if !is_scheme || !is_of_uri(rest) {
        return Scheme::NoUri;
    }
    let is_known = if scheme.eq_ignore_ascii_case(b"mailto") {
        is_mailbox(rest)
    } else if scheme.eq_ignore_ascii_case(b"https") {
        rest.strip_prefix(b"//").is_some_and(|rest| {
            let end = rest.iter().position(|octet| b"/?#".contains(octet));
            !rest[..end.unwrap_or(rest.len())].is_empty()
        })
    } else {
        return Scheme::Unsupported;
    };
    if is_known {
        Scheme::Known
    } else {
        Scheme::NoUri
    }
}

/// Characters of a URI, and percent signs before two hex digits alone (RFC 3986 §2).
fn is_of_uri(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = tail;
        match octet {
            b'%' => match tail {
                [a, b, more @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest = more,
                _ => return false,
            },
            b'!' | b',' | b';' => return false,
            _ if octet.is_ascii_alphanumeric() => {}
            _ if b"-._~:/?#[]@$&'()*+=".contains(&octet) => {}
            _ => return false,
        }
    }
    true
}

/// A local part, `@` and a domain, before the headers that RFC 6068 lets follow.
fn is_mailbox(text: &[u8]) -> bool {
    let end = memchr::memchr(b'?', text).unwrap_or(text.len());
    match memchr::memrchr(b'@', &text[..end]) {
        Some(split) => split > 0 && split + 1 < end,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_by_the_letter_and_as_lax_senders_take_them() {
        use PolicyState::{Absent, Invalid, Multiple, Ok};
        for (records, strict, lenient, count) in [
            (&["v=TLSRPTv1; rua=mailto:a@x.example;"][..], Ok, Ok, 1),
            (&["v=TLSRPTv1;rua=mailto:a@x.example"], Ok, Ok, 1),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example , \t https://x.example/r"],
                Ok,
                Ok,
                2,
            ),
            (&["v=TLSRPTv1; rua=mailto:a@x.example; ext=yes"], Ok, Ok, 1),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example; rua=mailto:b@x.example"],
                Ok,
                Ok,
                2,
            ),
            (&["v=TLSRPTv1; rua=MAILTO:a@x.example"], Ok, Ok, 1),
            (
                &["v=TLSRPTv1; rua=mailto:a%2Cb@x.example?subject=a"],
                Ok,
                Ok,
                1,
            ),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example,ftp://x.example"],
                Ok,
                Ok,
                1,
            ),
            (&["v=TLSRPTv1 ; rua=mailto:a@x.example"], Absent, Ok, 0),
            (&["v=TLSRPTv1; rua=mailto:a@x.example;;"], Invalid, Ok, 0),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example; more="],
                Invalid,
                Ok,
                0,
            ),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example; 1%=a"],
                Invalid,
                Ok,
                0,
            ),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example; test=="],
                Invalid,
                Ok,
                0,
            ),
            (&["v=TLSRPTv1; rua=mailto:a@x.example, "], Invalid, Ok, 0),
            (&["v=TLSRPTv1; rua = mailto:a@x.example"], Invalid, Ok, 0),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example other"],
                Invalid,
                Invalid,
                0,
            ),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example!10m"],
                Invalid,
                Invalid,
                0,
            ),
            (&["v=TLSRPTv1; rua=http://x.example/r"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=https://"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=https://bad/%"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=mailto:"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=mailto:0"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=a@x.example"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua=,, ,"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; rua="], Invalid, Invalid, 0),
            (&["v=TLSRPTv1; ext=1"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1;"], Invalid, Invalid, 0),
            (&["v=TLSRPTv1"], Absent, Invalid, 0),
            (&["v=TLSRPTv10; rua=mailto:a@x.example"], Absent, Absent, 0),
            (&["V=TLSRPTv1; rua=mailto:a@x.example"], Absent, Absent, 0),
            (&["v=tlsrptv1; rua=mailto:a@x.example"], Absent, Absent, 0),
            (
                &["v=TLSRPTv1; rua=mailto:a@x.example", "v=spf1 -all"],
                Ok,
                Ok,
                1,
            ),
            (
                &[
                    "v=TLSRPTv1; rua=mailto:a@x.example",
                    "v=TLSRPTv1; rua=mailto:b@x.example",
                ],
                Multiple,
                Multiple,
                0,
            ),
            (&[], Absent, Absent, 0),
        ] {
            let part = read(records);
            let lax = part
                .lenient
                .as_ref()
                .map_or(part.state, |lenient| lenient.state);
            assert_eq!(
                (part.state, lax, part.rua.len()),
                (strict, lenient, count),
                "{records:?}"
            );
            let must_say = strict == Invalid || strict == Multiple;
            assert!(!must_say || !part.faults.is_empty(), "{records:?}");
        }
    }

    #[test]
    fn a_failed_question_is_unknown() {
        let failed = LookupAnswer::failed(crate::record::Reason::Timeout);
        assert_eq!(part(&failed).state, PolicyState::Unknown);
    }
}
