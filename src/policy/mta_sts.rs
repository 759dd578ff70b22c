//! The record by which a domain says that it has a policy for TLS (MTA-STS, RFC 8461 §3.1). The policy itself is in
//! [`super::mta_sts_policy`].

use super::fields::{self, Fields, RecordField};
use super::lookup::{FoundRecords, LookupAnswer, Txt};
use super::versioned::Versioned;
use crate::record::{Fault, LenientMtaSts, MtaSts, PolicyFault, PolicyState, Text};

const VERSION: &[u8] = b"v=STSv1";
/// The longest `id` of the grammar.
const ID_LIMIT: usize = 32;

/// The part of the `policy` record, from the answer to TXT at `_mta-sts` of the domain.
pub fn part(answer: &LookupAnswer<Txt>) -> MtaSts {
    let mut part = match &answer.found {
        FoundRecords::Failed(outcome) => MtaSts {
            state: PolicyState::Unknown,
            outcome: Some(outcome.clone()),
            ..read::<Txt>(&[])
        },
        _ => read(answer.records()),
    };
    part.cname = answer.cname.iter().map(ToString::to_string).collect();
    part
}

/// What these TXT records, each with its strings joined, say of MTA-STS.
///
/// By the letter a record that does not begin `v=STSv1;` is none, exactly one must be left, and it must be of the
/// grammar. Lax senders take a blank before the semicolon, an `id` of any octets, empty fields and fields of any shape;
/// two records are none to them as well.
pub fn read<R: AsRef<[u8]>>(records: &[R]) -> MtaSts {
    let chosen = Versioned::choose(records, VERSION);
    let mut part = MtaSts {
        state: PolicyState::Absent,
        outcome: None,
        text: fields::raw(chosen.meant()),
        faults: Vec::new(),
        id: None,
        lenient: None,
        cname: Vec::new(),
    };
    match chosen.strictly(first_term) {
        Ok(record) => read_strictly(record, &mut part),
        Err((state, fault)) => {
            part.state = state;
            part.faults.extend(fault);
        }
    }
    let lenient = read_leniently(chosen.leniently());
    let is_same = lenient.state == part.state
        && lenient.id.as_ref().map(Text::lossy).as_deref() == part.id.as_deref();
    if !is_same {
        if lenient.state == PolicyState::Ok {
            part.faults.iter_mut().for_each(|fault| fault.strict = true);
        }
        part.lenient = Some(lenient);
    }
    part
}

fn first_term(record: &[u8]) -> &[u8] {
    let end = memchr::memchr(b';', record).unwrap_or(record.len());
    fields::cut(&record[..end])
}

fn read_strictly(record: &[u8], part: &mut MtaSts) {
    let Fields { fields, faults } = Fields::read(record, VERSION.len());
    part.faults = faults;
    let mut is_invalid = !part.faults.is_empty();
    let mut id = None;
    for field in &fields {
        if field.name != b"id" {
            if let Some(fault) = fields::extension_fault(field) {
                fields::note(&mut part.faults, fault);
                is_invalid = true;
            }
        } else if id.is_some() {
            // RFC 8461 says of policies alone that the first one counts; the grammar lets a record repeat a field.
            fields::note(&mut part.faults, field.fault(PolicyFault::Duplicate));
        } else {
            id = Some(field);
        }
    }
    match id {
        Some(field) if is_id(field) => part.id = field.value.map(lossy),
        Some(field) => {
            fields::note(&mut part.faults, field.fault(PolicyFault::BadId));
            is_invalid = true;
        }
        None => {
            fields::note(&mut part.faults, Fault::new(PolicyFault::MissingId));
            is_invalid = true;
        }
    }
    part.state = match is_invalid {
        true => PolicyState::Invalid,
        false => PolicyState::Ok,
    };
    if is_invalid {
        part.id = None;
    }
}

fn is_id(field: &RecordField<'_>) -> bool {
    field.value.is_some_and(|value| {
        (1..=ID_LIMIT).contains(&value.len()) && value.iter().all(u8::is_ascii_alphanumeric)
    })
}

fn read_leniently(record: Result<&[u8], PolicyState>) -> LenientMtaSts {
    let none = |state| LenientMtaSts { state, id: None };
    let record = match record {
        Ok(record) => record,
        Err(state) => return none(state),
    };
    let id = (Fields::read(record, VERSION.len()).fields.iter())
        .filter(|field| fields::trim(field.name) == b"id")
        .find_map(|field| field.value.map(fields::trim))
        .filter(|id| !id.is_empty());
    match id {
        Some(id) => LenientMtaSts {
            state: PolicyState::Ok,
            id: Some(fields::cut(id).into()),
        },
        None => none(PolicyState::Invalid),
    }
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// Whether a pattern of a policy covers an exchange, by the letter (RFC 8461 §4.1): `*.` stands for exactly one label.
///
/// ```
/// use mx_survey::policy::mta_sts::covers_strictly;
///
/// assert!(covers_strictly(b"*.a.test", "mx.a.test."));
/// assert!(!covers_strictly(b"*.a.test", "1.mx.a.test"));
/// ```
pub fn covers_strictly(pattern: &[u8], exchange: &str) -> bool {
    covers(pattern, exchange, |labels| !labels.contains(&b'.'))
}

/// The same as lax senders do it: `*.` stands for one label or more.
///
/// ```
/// use mx_survey::policy::mta_sts::covers_leniently;
///
/// assert!(covers_leniently(b"*.a.test", "1.mx.a.test"));
/// assert!(!covers_leniently(b"*.a.test", "a.test"));
/// ```
pub fn covers_leniently(pattern: &[u8], exchange: &str) -> bool {
    covers(pattern, exchange, |_| true)
}

fn covers(pattern: &[u8], exchange: &str, may_stand: impl Fn(&[u8]) -> bool) -> bool {
    let exchange = exchange.strip_suffix('.').unwrap_or(exchange).as_bytes();
    let Some(parent) = pattern.strip_prefix(b"*.") else {
        return !exchange.is_empty() && pattern.eq_ignore_ascii_case(exchange);
    };
    let Some(split) = exchange.len().checked_sub(parent.len() + 1) else {
        return false;
    };
    let (labels, rest) = exchange.split_at(split);
    !parent.is_empty()
        && !labels.is_empty()
        && rest[0] == b'.'
        && rest[1..].eq_ignore_ascii_case(parent)
        && may_stand(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(records: &[&str]) -> (PolicyState, Option<String>, PolicyState) {
        let part = read(records);
        let lenient = part.lenient.map_or(part.state, |lenient| lenient.state);
        (part.state, part.id, lenient)
    }

    #[test]
    fn records_by_the_letter_and_as_lax_senders_take_them() {
        use PolicyState::{Absent, Invalid, Multiple, Ok};
        let id33 = format!("v=STSv1; id={}", "a".repeat(33));
        let id32 = format!("v=STSv1; id={}", "a".repeat(32));
        for (record, strict, lenient) in [
            ("v=STSv1; id=1;", Ok, Ok),
            ("v=STSv1;id=1; x=y", Ok, Ok),
            ("v=STSv1; \t id=20160831085700Z  \t;", Ok, Ok),
            ("v=STSv1; x=y;id=1 ; ", Ok, Ok),
            ("v=STSv1; id=1; id=2", Ok, Ok),
            (&id32, Ok, Ok),
            (&id33, Invalid, Ok),
            ("v=STSv1; id=a-b", Invalid, Ok),
            ("v=STSv1; id=", Invalid, Invalid),
            ("v=STSv1; ID=1", Invalid, Invalid),
            ("v=STSv1; id = 1", Invalid, Ok),
            ("v=STSv1; id=1;;", Invalid, Ok),
            ("v=STSv1; id=1 ", Invalid, Ok),
            ("v=STSv1; id=1; more=", Invalid, Ok),
            ("v=STSv1; id=1; test==", Invalid, Ok),
            ("v=STSv1; id=1; 1%=a", Invalid, Ok),
            ("v=STSv1; id=1; word", Invalid, Ok),
            ("v=STSv1;", Invalid, Invalid),
            ("v=STSv1; ext=1", Invalid, Invalid),
            ("v=STSv1", Absent, Invalid),
            ("v=STSv1 ; id=1", Absent, Ok),
            ("V=STSv1; id=1", Absent, Absent),
            ("v=stsv1; id=1", Absent, Absent),
            ("v=STSv10; id=1", Absent, Absent),
            (" v=STSv1; id=1", Absent, Absent),
            ("v=STSv1, id=1", Absent, Absent),
            ("id=1; v=STSv1", Absent, Absent),
            ("v=spf1 -all", Absent, Absent),
            ("", Absent, Absent),
        ] {
            let (state, id, lax) = reading(&[record]);
            assert_eq!((state, lax), (strict, lenient), "{record}");
            assert_eq!(id.is_some(), strict == Ok, "{record}");
        }
        assert_eq!(reading(&["v=STSv1; id=1; id=2"]).1.as_deref(), Some("1"));
        let two = ["v=STSv1; id=1", "v=STSv1; id=2"];
        assert_eq!(reading(&two), (Multiple, None, Multiple));
        let beside = ["v=spf1 -all", "v=STSv1; id=1", "V=STSv1; id=2"];
        assert_eq!(reading(&beside), (Ok, Some("1".into()), Ok));
        let lax = ["v=STSv1 ; id=2", "v=STSv1; id=1"];
        assert_eq!(reading(&lax), (Ok, Some("1".into()), Multiple));
        assert_eq!(reading(&[]), (Absent, None, Absent));
    }

    #[test]
    fn a_fault_says_where_it_is_and_whether_it_matters_to_the_lax() {
        let part = read(&["v=STSv1; id=a-b; 1%=a"]);
        let seen: Vec<_> = (part.faults.iter())
            .map(|fault| (fault.code, fault.offset, fault.strict))
            .collect();
        assert_eq!(
            seen,
            [
                (PolicyFault::Syntax, Some(17), true),
                (PolicyFault::BadId, Some(9), true)
            ]
        );
        let near = read(&["V=STSv1; id=1"]);
        assert_eq!(near.faults[0].code, PolicyFault::NearMiss);
        assert_eq!(near.text.len(), 1);
        assert!(read(&["v=spf1 -all"]).text.is_empty());
    }

    #[test]
    fn a_failed_question_is_unknown() {
        let failed = LookupAnswer::failed(crate::record::Reason::Servfail);
        assert_eq!(part(&failed).state, PolicyState::Unknown);
        let none: LookupAnswer<Txt> = LookupAnswer::new(FoundRecords::Nxdomain);
        assert_eq!(part(&none).state, PolicyState::Absent);
    }

    #[test]
    fn a_wildcard_stands_for_one_label_by_the_letter_and_for_any_depth_to_the_lax() {
        for (pattern, exchange, strict, lenient) in [
            ("mx.example.org", "mx.example.org", true, true),
            ("mx.example.org", "MX.Example.ORG.", true, true),
            ("*.example.org", "mx.example.org", true, true),
            ("*.mx.microsoft", "x.h-v1.mx.microsoft", false, true),
            ("*.example.org", "example.org", false, false),
            ("*.example.org", ".example.org", false, false),
            ("*.example.org", "badexample.org", false, false),
            (
                "mail.example.com",
                "mail.example.com.evil.net",
                false,
                false,
            ),
            ("*.example.org", "mx.example.org.evil.net", false, false),
            (".example.org", "mx.example.org", false, false),
            ("*", "mx", false, false),
            ("*.", "mx.", false, false),
            ("", "", false, false),
        ] {
            let pattern = pattern.as_bytes();
            assert_eq!(covers_strictly(pattern, exchange), strict, "{exchange}");
            assert_eq!(covers_leniently(pattern, exchange), lenient, "{exchange}");
        }
    }
}
