//! A DMARC record taken apart (RFC 9989 §4.7, §4.8): what a bad tag costs is the tag, not the record.

use super::report_uri::{ReportUri, report_uris};
use crate::policy::faults::Faults;
use crate::record::{DmarcAlignment, DmarcPolicy, DmarcPsd, DmarcTags, Fault, PolicyFault, Text};

/// Tags that are read of one record.
const TAG_LIMIT: usize = 64;
/// Octets of a tag that a fault shows.
const SHOWN: usize = 200;

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct DmarcRecord {
    /// The tags that hold.
    pub tags: DmarcTags,
    /// Where aggregate reports go.
    pub rua: Vec<ReportUri>,
    /// Where failure reports go.
    pub ruf: Vec<ReportUri>,
    /// p, sp or np is there and none of the three words.
    pub has_bad_policy: bool,
    /// The same of np alone, which RFC 7489 does not have.
    pub has_bad_np: bool,
    /// Nothing stands between the version and p, as RFC 7489 §6.4 wants it.
    pub is_p_second: bool,
    /// What is wrong, each with its place.
    pub faults: Vec<Fault>,
}

/// Whether a text begins as a record of this version does: `v`, `=`, `DMARC1` in exactly these capitals, and then a
/// semicolon or nothing, with blanks between but none in front (RFC 9989 §4.8).
///
/// ```
/// use mx_survey::policy::dmarc::record::is_record;
///
/// assert!(is_record(b"v=DMARC1; p=none") && is_record(b"v = DMARC1"));
/// assert!(!is_record(b" v=DMARC1") && !is_record(b"v=DMARC10"));
/// ```
pub fn is_record(text: &[u8]) -> bool {
    let version = || {
        let rest = text.strip_prefix(b"v").or(text.strip_prefix(b"V"))?;
        let rest = without_blanks(rest).strip_prefix(b"=")?;
        without_blanks(rest).strip_prefix(b"DMARC1")
    };
    version().is_some_and(|rest| matches!(without_blanks(rest).first(), None | Some(b';')))
}

fn without_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|octet| is_blank(octet)).count();
    &text[blanks..]
}

fn is_blank(octet: &u8) -> bool {
    b" \t".contains(octet)
}

fn trim(text: &[u8]) -> &[u8] {
    let text = without_blanks(text);
    let blanks = text
        .iter()
        .rev()
        .take_while(|octet| is_blank(octet))
        .count();
    &text[..text.len() - blanks]
}

impl DmarcRecord {
    /// Reads the text of a record, [`is_record`] having chosen it.
    ///
    /// ```
    /// use mx_survey::policy::dmarc::DmarcRecord;
    ///
    /// assert!(DmarcRecord::parse(b"v=DMARC1; p=reject; rua=mailto:d@a.test").is_p_second);
    /// assert!(!DmarcRecord::parse(b"v=DMARC1; p=perhaps").faults.is_empty());
    /// ```
    pub fn parse(text: &[u8]) -> Self {
        let mut parser = Parser::default();
        let mut offset = 0;
        let pieces = text.split(|&octet| octet == b';');
        let count = pieces.clone().count();
        for (position, piece) in pieces.enumerate() {
            let begin = offset + (piece.len() - without_blanks(piece).len());
            let tag = trim(piece);
            offset += piece.len() + 1;
            if position > 0 && !tag.is_empty() {
                // Nothing between two semicolons is ignored, as every error of syntax behind the version (RFC 7489 §6.3).
                let name = tag.split(|&octet| octet == b'=').next();
                let is_p = name.is_some_and(|name| trim(name).eq_ignore_ascii_case(b"p"));
                parser.is_p_second.get_or_insert(is_p);
            }
            match tag {
                // The version, which has been read, and what is behind the last separator.
                _ if position == 0 => {}
                [] if position + 1 == count => {}
                [] => parser.fault(PolicyFault::EmptyField, begin, b";"),
                _ if position > TAG_LIMIT => {
                    parser.fault(PolicyFault::TooManyFields, begin, b"");
                    break;
                }
                _ => parser.tag(tag, begin),
            }
        }
        if parser.tags.p.is_none() && !parser.seen.iter().any(|name| name == b"p") {
            parser.faults.push(Fault::new(PolicyFault::MissingPolicy));
        }
        Self {
            tags: parser.tags,
            rua: parser.rua,
            ruf: parser.ruf,
            has_bad_policy: parser.has_bad_policy || parser.has_bad_np,
            is_p_second: parser.is_p_second == Some(true),
            has_bad_np: parser.has_bad_np && !parser.has_bad_policy,
            faults: parser.faults.into(),
        }
    }

    /// Whether the record is one without a policy that could be used, nor an address that would be told (RFC 9989
    /// §4.10.1): then there is no DMARC. A `p` that is missing counts as none (§4.7).
    pub fn is_off(&self) -> bool {
        self.has_bad_policy && self.rua.is_empty()
    }

    /// What holds for the domain whose record it is.
    pub fn own_policy(&self) -> DmarcPolicy {
        match (self.is_off(), self.has_bad_policy) {
            (true, _) => DmarcPolicy::Off,
            (_, true) => DmarcPolicy::None,
            _ => self.tags.p.unwrap_or(DmarcPolicy::None),
        }
    }

    /// What holds for a name below it that exists (`sp`, else `p`).
    pub fn below_policy(&self) -> DmarcPolicy {
        match self.has_bad_policy {
            true => self.own_policy(),
            false => self.tags.sp.unwrap_or(self.own_policy()),
        }
    }

    /// What holds for a name below it that does not (`np`, else `sp`, else `p`).
    pub fn missing_policy(&self) -> DmarcPolicy {
        match self.has_bad_policy {
            true => self.own_policy(),
            false => self.tags.np.unwrap_or(self.below_policy()),
        }
    }

    /// What RFC 7489 makes of it (§6.6.3), which knows neither np nor t, and wants a p right behind the version (§6.4): one that
    /// stands elsewhere is ignored. With `pct=0` no message is met by the policy, but by the one below it (§6.6.4); any other
    /// `pct` leaves the policy to some.
    pub fn policy_7489(&self, is_own: bool) -> DmarcPolicy {
        let policy = self.whole_policy_7489(is_own);
        match (self.tags.pct, policy) {
            (Some(0), DmarcPolicy::Reject) => DmarcPolicy::Quarantine,
            (Some(0), DmarcPolicy::Quarantine) => DmarcPolicy::None,
            _ => policy,
        }
    }

    fn whole_policy_7489(&self, is_own: bool) -> DmarcPolicy {
        let is_bad =
            self.tags.p.is_none() || !self.is_p_second || self.has_bad_policy && !self.has_bad_np;
        match self.tags.p {
            _ if is_bad && self.rua.is_empty() => DmarcPolicy::Off,
            Some(p) if !is_bad && is_own => p,
            Some(p) if !is_bad => self.tags.sp.unwrap_or(p),
            _ => DmarcPolicy::None,
        }
    }

    /// A policy as `t=y` leaves it: one level less (RFC 9989 §4.7).
    pub fn tested(&self, policy: DmarcPolicy) -> DmarcPolicy {
        match (self.tags.t, policy) {
            (true, DmarcPolicy::Reject) => DmarcPolicy::Quarantine,
            (true, DmarcPolicy::Quarantine) => DmarcPolicy::None,
            _ => policy,
        }
    }
}

#[derive(Default)]
struct Parser {
    tags: DmarcTags,
    seen: Vec<Vec<u8>>,
    is_p_second: Option<bool>,
    rua: Vec<ReportUri>,
    ruf: Vec<ReportUri>,
    /// Of p or sp.
    has_bad_policy: bool,
    has_bad_np: bool,
    faults: Faults,
}

impl Parser {
    fn fault(&mut self, code: PolicyFault, offset: usize, tag: &[u8]) {
        let shown = &tag[..tag.len().min(SHOWN)];
        self.faults.push(Fault::new(code).in_term(offset, shown));
    }

    fn tag(&mut self, tag: &[u8], offset: usize) {
        let Some(equals) = memchr::memchr(b'=', tag) else {
            return self.fault(PolicyFault::Syntax, offset, tag);
        };
        let name = trim(&tag[..equals]).to_ascii_lowercase();
        let value = trim(&tag[equals + 1..]);
        let is_name = !name.is_empty()
            && name
                .iter()
                .all(|octet| octet.is_ascii_alphanumeric() || *octet == b'_');
        let is_value = value
            .iter()
            .all(|octet| (b' '..=b'~').contains(octet) || *octet == b'\t');
        if !is_name || !is_value && !matches!(&name[..], b"p" | b"sp" | b"np") {
            return self.fault(PolicyFault::Syntax, offset, tag);
        }
        if self.seen.contains(&name) {
            return self.fault(PolicyFault::Duplicate, offset, tag);
        }
        self.value(&name, value, offset, tag);
        self.seen.push(name);
    }

    fn value(&mut self, name: &[u8], value: &[u8], offset: usize, tag: &[u8]) {
        let lower = value.to_ascii_lowercase();
        let is_good = match name {
            b"p" | b"sp" | b"np" => {
                let policy = policy(&lower);
                if policy.is_none() {
                    match name {
                        b"np" => self.has_bad_np = true,
                        _ => self.has_bad_policy = true,
                    }
                    return self.fault(PolicyFault::BadPolicy, offset, tag);
                }
                match name {
                    b"p" => self.tags.p = policy,
                    b"sp" => self.tags.sp = policy,
                    _ => self.tags.np = policy,
                }
                true
            }
            b"adkim" => set(&mut self.tags.adkim, alignment(&lower)),
            b"aspf" => set(&mut self.tags.aspf, alignment(&lower)),
            b"t" => set(&mut self.tags.t, yes_or_no(&lower)),
            b"psd" => set(&mut self.tags.psd, psd(&lower)),
            b"fo" => {
                let is_good = matches!(&lower[..], b"0" | b"1" | b"d" | b"s" | b"d:s" | b"s:d");
                if is_good {
                    self.tags.fo = Some(Text::from(&lower[..]));
                }
                is_good
            }
            b"rua" | b"ruf" => {
                let (uris, faults) = report_uris(value);
                for code in faults {
                    self.fault(code, offset, tag);
                }
                match name {
                    b"rua" => self.rua = uris,
                    _ => self.ruf = uris,
                }
                true
            }
            b"pct" => {
                self.tags.pct = percent(value);
                return self.fault(PolicyFault::ObsoleteTag, offset, tag);
            }
            b"rf" | b"ri" => return self.fault(PolicyFault::ObsoleteTag, offset, tag),
            b"v" => return self.fault(PolicyFault::Duplicate, offset, tag),
            _ => return self.fault(PolicyFault::UnknownTag, offset, tag),
        };
        if !is_good {
            self.fault(PolicyFault::BadTag, offset, tag);
        }
    }
}

/// One to three digits, 100 at most (RFC 7489 §6.4). A number of Rust may have a sign.
fn percent(value: &[u8]) -> Option<u8> {
    let is_number = value.len() <= 3 && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number)?;
    text.parse().ok().filter(|percent| *percent <= 100)
}

/// Sets what has been read; whether there was something.
fn set<T>(slot: &mut T, value: Option<T>) -> bool {
    let is_good = value.is_some();
    if let Some(value) = value {
        *slot = value;
    }
    is_good
}

fn policy(value: &[u8]) -> Option<DmarcPolicy> {
    match value {
        b"none" => Some(DmarcPolicy::None),
        b"quarantine" => Some(DmarcPolicy::Quarantine),
        b"reject" => Some(DmarcPolicy::Reject),
        _ => None,
    }
}

fn alignment(value: &[u8]) -> Option<DmarcAlignment> {
    match value {
        b"r" => Some(DmarcAlignment::Relaxed),
        b"s" => Some(DmarcAlignment::Strict),
        _ => None,
    }
}

fn yes_or_no(value: &[u8]) -> Option<bool> {
    match value {
        b"y" => Some(true),
        b"n" => Some(false),
        _ => None,
    }
}

fn psd(value: &[u8]) -> Option<DmarcPsd> {
    match value {
        b"y" => Some(DmarcPsd::Yes),
        b"n" => Some(DmarcPsd::No),
        b"u" => Some(DmarcPsd::Unknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_with_its_version() {
        for text in [
            "v=DMARC1",
            "v=DMARC1;",
            "V = DMARC1;p=Reject",
            "v\t=\tDMARC1 ; p=none",
            "v=DMARC1 ",
        ] {
            assert!(is_record(text.as_bytes()), "{text:?}");
        }
        for text in [
            " v=DMARC1; p=none",
            "v=dmarc1; p=none",
            "v=DMARC10",
            "v=DMARC1 p=none",
            "p=none; v=DMARC1",
            "v=DMARC2",
            "",
        ] {
            assert!(!is_record(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn what_a_record_says_of_its_own_domain() {
        use DmarcPolicy::{None, Off, Quarantine, Reject};
        for (text, policy, faults) in [
            ("v=DMARC1; p=reject", Reject, &[][..]),
            ("v=DMARC1; rua=mailto:a@x.example; p=reject", Reject, &[]),
            ("V = DMARC1;p=Reject", Reject, &[]),
            ("v=DMARC1; P=quarantine;", Quarantine, &[]),
            ("v=DMARC1", None, &["missing_policy"]),
            ("v=DMARC1; adkim=s", None, &["missing_policy"]),
            (
                "v=DMARC1; p=bad; rua=mailto:a@x.example",
                None,
                &["bad_policy"],
            ),
            ("v=DMARC1; p=bad", Off, &["bad_policy"]),
            (
                "v=DMARC1; p=bad; rua=mailto:0",
                Off,
                &["bad_policy", "bad_uri"],
            ),
            ("v=DMARC1; p=reject; sp=bad", Off, &["bad_policy"]),
            (
                "v=DMARC1; p=reject; np=bad; rua=mailto:a@x.example",
                None,
                &["bad_policy"],
            ),
            ("v=DMARC1; p=reject; t=yes", Reject, &["bad_tag"]),
            ("v=DMARC1; p=reject; psd=maybe", Reject, &["bad_tag"]),
            ("v=DMARC1;; p=reject", Reject, &["empty_field"]),
            ("v=DMARC1; p=reject; p=none", Reject, &["duplicate"]),
            ("v=DMARC1; p=reject; pct=0", Reject, &["obsolete_tag"]),
            ("v=DMARC1; p=reject; x=y", Reject, &["unknown_tag"]),
            ("v=DMARC1; p=reject; fo=0:1", Reject, &["bad_tag"]),
            ("v=DMARC1; p=reject; fo=d:s", Reject, &[]),
            (
                "v=DMARC1; p=reject; rua=mailto:a@x.example!10m",
                Reject,
                &["obsolete_size"],
            ),
            ("v=DMARC1; reject", None, &["syntax", "missing_policy"]),
        ] {
            let record = DmarcRecord::parse(text.as_bytes());
            let codes: Vec<_> = record
                .faults
                .iter()
                .map(|fault| fault.code.word())
                .collect();
            assert_eq!(
                (record.own_policy(), &codes[..]),
                (policy, faults),
                "{text}"
            );
        }
    }

    #[test]
    fn the_older_rule_wants_p_right_behind_the_version() {
        for (text, policy) in [
            ("v=DMARC1; p=reject", DmarcPolicy::Reject),
            ("v=DMARC1;; P = reject", DmarcPolicy::Reject),
            ("v=DMARC1; sp=none; p=reject", DmarcPolicy::Off),
            (
                "v=DMARC1; rua=mailto:a@x.example; p=reject",
                DmarcPolicy::None,
            ),
            ("v=DMARC1", DmarcPolicy::Off),
        ] {
            let record = DmarcRecord::parse(text.as_bytes());
            assert_eq!(record.policy_7489(true), policy, "{text}");
        }
    }

    #[test]
    fn a_percentage_is_one_to_three_digits() {
        for (value, percent) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("100", Some(100)),
            ("101", None),
            ("0007", None),
            ("+5", None),
            ("-0", None),
            ("5%", None),
            ("", None),
        ] {
            let text = format!("v=DMARC1; p=reject; pct={value}");
            assert_eq!(
                DmarcRecord::parse(text.as_bytes()).tags.pct,
                percent,
                "{text}"
            );
        }
    }

    #[test]
    fn a_test_takes_one_level_off() {
        let record = DmarcRecord::parse(b"v=DMARC1; p=reject; sp=quarantine; np=none; t=y");
        assert_eq!(record.tested(record.own_policy()), DmarcPolicy::Quarantine);
        assert_eq!(record.tested(record.below_policy()), DmarcPolicy::None);
        assert_eq!(record.tested(record.missing_policy()), DmarcPolicy::None);
    }
}
