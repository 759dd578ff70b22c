//! The record that names a domain's brand indicator (BIMI, draft-brand-indicators-for-message-identification). The
//! image and its evidence are not fetched.

use super::fields;
use super::lookup::{FoundRecords, LookupAnswer, Txt};
use super::tag_list::TagList;
use crate::record::{Bimi, Fault, PolicyFault, PolicyState, Text};

/// The part of the `policy` record, from the answer to TXT at `default._bimi` of the domain.
pub fn part(answer: &LookupAnswer<Txt>) -> Bimi {
    match &answer.found {
        FoundRecords::Failed(outcome) => Bimi {
            state: PolicyState::Unknown,
            outcome: Some(outcome.clone()),
            ..read::<Txt>(&[])
        },
        _ => read(answer.records()),
    }
}

/// What these TXT records say. Those that do not begin with `v=BIMI1` are passed over, and one must be left.
///
/// `l` must be there, empty where the domain declines to have an indicator; `a` may be. Both are `https:` addresses.
pub fn read<R: AsRef<[u8]>>(records: &[R]) -> Bimi {
    let ours: Vec<&[u8]> = (records.iter().map(AsRef::as_ref))
        .filter(|record| is_bimi(record))
        .collect();
    let mut part = Bimi {
        state: PolicyState::Absent,
        outcome: None,
        text: fields::raw(ours.iter().copied()),
        faults: Vec::new(),
        indicator: None,
        evidence: None,
    };
    match ours[..] {
        [] => {}
        [record] => read_one(record, &mut part),
        _ => {
            part.state = PolicyState::Multiple;
            part.faults.push(Fault::new(PolicyFault::Multiple));
        }
    }
    part
}

/// Whether a record begins with this version, with no blank before it.
fn is_bimi(record: &[u8]) -> bool {
    if record.first() != Some(&b'v') {
        return false;
    }
    let first = record
        .split(|&octet| octet == b';')
        .next()
        .unwrap_or(record);
    first
        .split(|&octet| octet == b'=')
        .map(<[u8]>::trim_ascii)
        .eq([b"v".as_slice(), b"BIMI1"])
}

fn read_one(record: &[u8], part: &mut Bimi) {
    let list = TagList::read(record);
    part.faults = list.faults.clone();
    let location = |name: &[u8]| list.find(name).map(|(_, tag)| tag);
    match location(b"l") {
        None => part.faults.push(Fault::new(PolicyFault::MissingLocation)),
        Some(tag) => {
            let is_good = is_https(tag.value) && may_be_svg(tag.value);
            if !tag.value.is_empty() && !is_good {
                part.faults.push(tag.fault(PolicyFault::BadLocation));
            }
        }
    }
    if let Some(tag) = location(b"a")
        && !tag.value.is_empty()
        && !is_https(tag.value)
    {
        part.faults.push(tag.fault(PolicyFault::BadLocation));
    }
    part.state = match part.faults.is_empty() {
        true => PolicyState::Ok,
        false => PolicyState::Invalid,
    };
    if part.state == PolicyState::Ok {
        let text = |name| location(name).map(|tag| Text::from(tag.value));
        part.indicator = text(b"l");
        part.evidence = text(b"a").filter(|text| !text.0.is_empty());
    }
}

fn is_https(location: &[u8]) -> bool {
    const SCHEME: &[u8] = b"https://";
    location.len() > SCHEME.len()
        && location[..SCHEME.len()].eq_ignore_ascii_case(SCHEME)
        // "commas within a URI MUST be encoded".
        && (location.iter()).all(|octet| octet.is_ascii_graphic() && *octet != b',')
}

/// Whether a location does not end as another format of images does, which is a permanent error.
fn may_be_svg(location: &[u8]) -> bool {
    const OTHERS: [&[u8]; 7] = [b"png", b"jpg", b"jpeg", b"gif", b"webp", b"bmp", b"ico"];
    let suffix =
        (location.iter().rposition(|octet| *octet == b'.')).map(|dot| &location[dot + 1..]);
    !suffix.is_some_and(|suffix| {
        OTHERS
            .iter()
            .any(|other| suffix.eq_ignore_ascii_case(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_as_the_draft_has_them() {
        use PolicyState::{Absent, Invalid, Multiple, Ok};
        for (records, state, indicator) in [
            (
                &["v=BIMI1; l=https://x.example/a.svg; a=https://x.example/a.pem"][..],
                Ok,
                Some("https://x.example/a.svg"),
            ),
            (
                &["v=BIMI1;l=https://x.example/a.svg;a=;"],
                Ok,
                Some("https://x.example/a.svg"),
            ),
            (&["v=BIMI1; l=; a=;"], Ok, Some("")),
            (
                &["v=BIMI1; l=https://x.example/a.svg; avp=brand; lps=a"],
                Ok,
                Some("https://x.example/a.svg"),
            ),
            (&["v=BIMI1;"], Invalid, None),
            (&["v=BIMI1; l=http://x.example/a.svg"], Invalid, None),
            (&["v=BIMI1; l=https://x.example/a.svg; l="], Invalid, None),
            (
                &["v=BIMI1; l=https://x.example/a.svg; a=ftp://x"],
                Invalid,
                None,
            ),
            (&["v=BIMI1; l=https://x.example/a,b.svg"], Invalid, None),
            (
                &["v=BIMI1; l=https://x.example/a%2Cb.svg"],
                Ok,
                Some("https://x.example/a%2Cb.svg"),
            ),
            (&["v=BIMI1; l=https://x.example/a.PNG"], Invalid, None),
            (
                &["v=BIMI1; l=https://x.example/a.svg; a=self"],
                Invalid,
                None,
            ),
            (&[" v=BIMI1; l=;"], Absent, None),
            (&["V=BIMI1; l=;"], Absent, None),
            (&["v=bimi1; l=;"], Absent, None),
            (&["v=BIMI10; l=;"], Absent, None),
            (&["l=; v=BIMI1"], Absent, None),
            (&["v=BIMI1; l=;", "v=BIMI1; l=;"], Multiple, None),
            (&["v=spf1 -all", "v=BIMI1; l=;"], Ok, Some("")),
            (&[], Absent, None),
        ] {
            let part = read(records);
            assert_eq!(part.state, state, "{records:?}");
            let found = part.indicator.as_ref().map(Text::lossy);
            assert_eq!(found.as_deref(), indicator, "{records:?}");
        }
    }
}
