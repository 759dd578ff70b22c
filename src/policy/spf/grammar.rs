//! An SPF record taken apart (RFC 7208 §4.6, §5, §6, §12), with the place of everything that is wrong in it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::{BadMacro, MacroPlace, MacroString};
use crate::policy::faults::Faults;
use crate::record::{Fault, PolicyFault, SpfResult};

/// What every record begins with, in whatever case.
pub const VERSION: &[u8] = b"v=spf1";

/// Octets that a record should not exceed (RFC 7208 §3.4).
pub(super) const LENGTH_ADVISED: usize = 450;

/// A record: terms in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpfRecord {
    /// The directives.
    pub directives: Vec<Directive>,
    /// `redirect=`.
    pub redirect: Option<Modifier>,
    /// `exp=`.
    pub explanation: Option<Modifier>,
    /// What breaks the grammar. A record with one of these is a permerror, whoever the client is (RFC 7208 §4.6).
    pub faults: Vec<Fault>,
}

/// A qualifier with a mechanism.
#[derive(Clone, Debug, PartialEq)]
pub struct Directive {
    /// What a match means: pass, fail, softfail or neutral.
    pub qualifier: SpfResult,
    /// What matches.
    pub mechanism: Mechanism,
    /// Where it stands.
    pub term: Term,
}

/// `redirect=` or `exp=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Modifier {
    /// Where it points.
    pub target: MacroString,
    /// Where it stands.
    pub term: Term,
}

/// A term as it stands in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Octet of the record at which it begins.
    pub offset: usize,
    /// Its text.
    pub text: Vec<u8>,
}

/// A mechanism (RFC 7208 §5). A target that is left out is the domain itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Whom another domain's record lets pass.
    Include(MacroString),
    /// The addresses of a name.
    A(Option<MacroString>, Prefixes),
    /// The addresses of the exchanges of a name.
    Mx(Option<MacroString>, Prefixes),
    /// Clients with a validated name below the target.
    Ptr(Option<MacroString>),
    /// An IPv4 network.
    Ip4(Ipv4Addr, u8),
    /// An IPv6 network.
    Ip6(Ipv6Addr, u8),
    /// Everybody, if the name has an A record.
    Exists(MacroString),
}

impl Mechanism {
    /// Whether it counts as one of the ten (RFC 7208 §4.6.4).
    pub fn asks(&self) -> bool {
        !matches!(self, Self::All | Self::Ip4(..) | Self::Ip6(..))
    }
}

/// Prefix lengths of `a` and `mx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// For IPv4.
    pub ipv4: u8,
    /// For IPv6.
    pub ipv6: u8,
}

/// Whether a TXT record is an SPF record: `v=spf1`, and then a space or nothing (RFC 7208 §4.5).
///
/// ```
/// use mx_survey::policy::spf::grammar::is_record;
///
/// assert!(is_record(b"v=spf1") && is_record(b"V=SPF1 -all"));
/// assert!(!is_record(b"v=spf10"));
/// ```
pub fn is_record(text: &[u8]) -> bool {
    let (version, rest) = text.split_at(VERSION.len().min(text.len()));
    version.eq_ignore_ascii_case(VERSION) && matches!(rest.first(), None | Some(b' '))
}

impl SpfRecord {
    /// Reads the text of a record, [`is_record`] having chosen it.
    ///
    /// ```
    /// use mx_survey::policy::spf::grammar::SpfRecord;
    ///
    /// let record = SpfRecord::parse(b"v=spf1 mx include:_spf.a.test -all");
    /// assert!(record.is_valid());
    /// assert_eq!(record.all(), Some(2));
    /// assert!(!SpfRecord::parse(b"v=spf1 ip4:300.0.2.1 -all").is_valid());
    /// ```
    pub fn parse(text: &[u8]) -> Self {
        let mut parser = Parser::default();
        let mut offset = VERSION.len().min(text.len());
        for term in text[offset..].split(|&octet| octet == b' ') {
            if !term.is_empty() {
                parser.term(offset, term);
            }
            offset += term.len() + 1;
        }
        parser.record.faults = parser.faults.into();
        parser.record
    }

    /// Whether the grammar allows all of it.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// The position of the first `all`, behind which nothing is read.
    pub fn all(&self) -> Option<usize> {
        let mut mechanisms = self.directives.iter();
        mechanisms.position(|directive| directive.mechanism == Mechanism::All)
    }
}

#[derive(Default)]
struct Parser {
    record: SpfRecord,
    faults: Faults,
}

/// What is wrong with a term, and how far into it.
type Wrong = (PolicyFault, usize);

impl Parser {
    fn term(&mut self, offset: usize, text: &[u8]) {
        let term = Term {
            offset,
            text: text.to_vec(),
        };
        let read = match modifier_name(text) {
            Some(name) => self.modifier(name, term),
            None => self.directive(term),
        };
        if let Err((code, inside)) = read {
            self.faults
                .push(Fault::new(code).in_term(offset + inside, text));
        }
    }

    fn modifier(&mut self, name: &[u8], term: Term) -> Result<(), Wrong> {
        let begin = name.len() + 1;
        let value = &term.text[begin..];
        let slot = match word(&mut [0; WORD], name) {
            b"redirect" => &mut self.record.redirect,
            b"exp" => &mut self.record.explanation,
            // RFC 7208 §6: unrecognised modifiers are ignored, but for their macros.
            _ => {
                return match MacroString::parse(value, MacroPlace::Term) {
                    Ok(_) => Ok(()),
                    Err(bad) => Err(macro_fault(bad, value, begin)),
                };
            }
        };
        if slot.is_some() {
            return Err((PolicyFault::DuplicateModifier, 0));
        }
        let target = domain_spec(value).map_err(|(code, inside)| (code, begin + inside))?;
        *slot = Some(Modifier { target, term });
        Ok(())
    }

    fn directive(&mut self, term: Term) -> Result<(), Wrong> {
        let (qualifier, skipped) = match term.text.first() {
            Some(b'+') => (SpfResult::Pass, 1),
            Some(b'-') => (SpfResult::Fail, 1),
            Some(b'~') => (SpfResult::Softfail, 1),
            Some(b'?') => (SpfResult::Neutral, 1),
            _ => (SpfResult::Pass, 0),
        };
        let mechanism =
            mechanism(&term.text[skipped..]).map_err(|(code, inside)| (code, skipped + inside))?;
        self.record.directives.push(Directive {
            qualifier,
            mechanism,
            term,
        });
        Ok(())
    }
}

/// `name "="`: what makes a term a modifier.
fn modifier_name(term: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'=', term)?;
    let (name, _) = term.split_at(end);
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
        && (name.iter()).all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(octet));
    is_name.then_some(name)
}

/// Octets of the longest name that is known, `redirect`.
const WORD: usize = 8;

/// A name in lower case, in `room`; nothing where it is longer than any that is known.
fn word<'r>(room: &'r mut [u8; WORD], name: &[u8]) -> &'r [u8] {
    let room = match room.get_mut(..name.len()) {
        Some(room) => room,
        None => return b"",
    };
    room.copy_from_slice(name);
    room.make_ascii_lowercase();
    room
}

fn mechanism(text: &[u8]) -> Result<Mechanism, Wrong> {
    let length = (text.iter()).position(|octet| b":/".contains(octet));
    let (name, rest) = text.split_at(length.unwrap_or(text.len()));
    let begin = name.len();
    let after = |(code, inside)| (code, begin + inside);
    match word(&mut [0; WORD], name) {
        b"all" if rest.is_empty() => Ok(Mechanism::All),
        b"all" => Err((PolicyFault::Syntax, begin)),
        b"include" => required(rest).map(Mechanism::Include).map_err(after),
        b"exists" => required(rest).map(Mechanism::Exists).map_err(after),
        b"ptr" if rest.is_empty() => Ok(Mechanism::Ptr(None)),
        b"ptr" => (required(rest).map(|target| Mechanism::Ptr(Some(target)))).map_err(after),
        b"a" => {
            let (target, prefixes) = target_and_prefixes(rest).map_err(after)?;
            Ok(Mechanism::A(target, prefixes))
        }
        b"mx" => {
            let (target, prefixes) = target_and_prefixes(rest).map_err(after)?;
            Ok(Mechanism::Mx(target, prefixes))
        }
        b"ip4" => {
            let (address, prefix) = network(rest, 32).map_err(after)?;
            Ok(Mechanism::Ip4(address, prefix))
        }
        b"ip6" => {
            let (address, prefix) = network(rest, 128).map_err(after)?;
            Ok(Mechanism::Ip6(address, prefix))
        }
        _ => Err((PolicyFault::UnknownMechanism, 0)),
    }
}

/// `":" domain-spec`.
fn required(rest: &[u8]) -> Result<MacroString, Wrong> {
    let Some(spec) = rest.strip_prefix(b":") else {
        let code = match rest.is_empty() {
            true => PolicyFault::BadDomain,
            false => PolicyFault::Syntax,
        };
        return Err((code, 0));
    };
    domain_spec(spec).map_err(|(code, inside)| (code, 1 + inside))
}

/// `[ ":" domain-spec ] [ dual-cidr-length ]`.
fn target_and_prefixes(rest: &[u8]) -> Result<(Option<MacroString>, Prefixes), Wrong> {
    let (rest, ipv6) = match split_number(rest, b"//") {
        Some((rest, number)) => (rest, Some((number, rest.len()))),
        None => (rest, None),
    };
    let (rest, ipv4) = match split_number(rest, b"/") {
        Some((rest, number)) => (rest, Some((number, rest.len()))),
        None => (rest, None),
    };
    let length = |found: Option<(&[u8], usize)>, most| match found {
        Some((number, place)) => prefix(number, most).ok_or((PolicyFault::BadPrefix, place)),
        None => Ok(most),
    };
    let prefixes = Prefixes {
        ipv4: length(ipv4, 32)?,
        ipv6: length(ipv6, 128)?,
    };
    match rest {
        [] => Ok((None, prefixes)),
        [b':', ..] => Ok((Some(required(rest)?), prefixes)),
        _ => Err((PolicyFault::BadPrefix, 0)),
    }
}

/// Takes `slashes` and the digits behind them off the end.
fn split_number<'t>(text: &'t [u8], slashes: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let digits = (text.iter().rev())
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let (before, number) = text.split_at(text.len() - digits);
    let before = before.strip_suffix(slashes)?;
    (digits > 0).then_some((before, number))
}

/// A prefix length up to `most`: digits alone, without leading zeros.
fn prefix(number: &[u8], most: u8) -> Option<u8> {
    // A number of Rust may have a sign.
    let is_number = number.iter().all(u8::is_ascii_digit);
    if !is_number || number.len() > 1 && number[0] == b'0' {
        return None;
    }
    let number: u8 = std::str::from_utf8(number).ok()?.parse().ok()?;
    (number <= most).then_some(number)
}

/// `":" network [ "/" length ]`.
fn network<A: std::str::FromStr>(rest: &[u8], most: u8) -> Result<(A, u8), Wrong> {
    let Some(text) = rest.strip_prefix(b":") else {
        return Err((PolicyFault::BadIp, 0));
    };
    let end = memchr::memchr(b'/', text).unwrap_or(text.len());
    let (address, length) = text.split_at(end);
    let address = (std::str::from_utf8(address).ok()).and_then(|address| address.parse().ok());
    let address = address.ok_or((PolicyFault::BadIp, 1))?;
    let length = match length.strip_prefix(b"/") {
        Some(number) => prefix(number, most).ok_or((PolicyFault::BadPrefix, 1 + end))?,
        None => most,
    };
    Ok((address, length))
}

/// A macro-string that ends in a macro or in a dot and a toplabel (RFC 7208 §7.1).
fn domain_spec(text: &[u8]) -> Result<MacroString, Wrong> {
    if text.is_empty() {
        return Err((PolicyFault::BadDomain, 0));
    }
    let parsed =
        MacroString::parse(text, MacroPlace::Term).map_err(|bad| macro_fault(bad, text, 0))?;
    let tail = text.strip_suffix(b".").unwrap_or(text);
    match ends_in_macro(text)
        || memchr::memrchr(b'.', tail).is_some_and(|dot| is_toplabel(&tail[dot + 1..]))
    {
        true => Ok(parsed),
        false => Err((PolicyFault::BadDomain, 0)),
    }
}

/// Whether the last thing in a macro-string is a macro. It has been read once, so that every `%` begins one.
fn ends_in_macro(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(begin) = memchr::memchr(b'%', rest) {
        let length = match rest.get(begin + 1) {
            Some(b'{') => memchr::memchr(b'}', &rest[begin..]).unwrap_or(1) + 1,
            _ => 2,
        };
        rest = &rest[(begin + length).min(rest.len())..];
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// Letters, digits and hyphens; not digits alone, and no hyphen at either end.
fn is_toplabel(label: &[u8]) -> bool {
    let is_inner = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'-';
    let ends = [label.first(), label.last()];
    label.iter().all(is_inner)
        && (ends.iter()).all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && !label.iter().all(u8::is_ascii_digit)
}

/// A macro gone wrong, or an octet that no term may have.
fn macro_fault(BadMacro(inside): BadMacro, text: &[u8], begin: usize) -> Wrong {
    let code = match text.get(inside) {
        Some(b'%') => PolicyFault::BadMacro,
        _ => PolicyFault::Syntax,
    };
    (code, begin + inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(&'static str, u32, String)> {
        let record = SpfRecord::parse(text.as_bytes());
        let place = |fault: &Fault| {
            let term = fault.term.as_ref().unwrap().lossy().into_owned();
            (fault.code.word(), fault.offset.unwrap(), term)
        };
        record.faults.iter().map(place).collect()
    }

    fn is_valid(text: &str) -> bool {
        faults(text).is_empty()
    }

    #[test]
    fn a_record_begins_exactly_so() {
        for text in ["v=spf1", "V=SPF1 -all", "v=spf1 "] {
            assert!(is_record(text.as_bytes()), "{text:?}");
        }
        for text in [
            " v=spf1 -all",
            "v=spf10",
            "v=spf1\t-all",
            "v=spf",
            "",
            "v = spf1",
        ] {
            assert!(!is_record(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "v=spf1  ip4:192.0.2.300 ipv4:192.0.2.1 a/33 a:%{x}.example exp=a.example exp=b.example mx:example -all:x";
        let expected = [
            ("bad_ip", 12, "ip4:192.0.2.300"),
            ("unknown_mechanism", 24, "ipv4:192.0.2.1"),
            ("bad_prefix", 40, "a/33"),
            ("bad_macro", 46, "a:%{x}.example"),
            ("duplicate_modifier", 73, "exp=b.example"),
            ("bad_domain", 90, "mx:example"),
            ("syntax", 102, "-all:x"),
        ];
        let expected = expected.map(|(code, offset, term)| (code, offset, term.to_owned()));
        assert_eq!(faults(text), expected);
    }

    #[test]
    fn names_of_mechanisms_and_modifiers_are_in_whatever_case() {
        let record = SpfRecord::parse(b"v=spf1 A MX:Example.ORG IP4:192.0.2.1 ReDirect=x.example");
        assert!(record.is_valid());
        assert_eq!(record.directives.len(), 3);
        assert!(record.redirect.is_some());
    }

    #[test]
    fn prefix_lengths_are_of_their_family_and_without_leading_zeros() {
        for term in [
            "a/0",
            "a//0",
            "a/32//128",
            "mx:x.example/24//64",
            "a:%{d}/24",
            "ip4:1.2.3.4/0",
            "ip6:::/128",
        ] {
            assert!(is_valid(&format!("v=spf1 {term}")), "{term}");
        }
        for term in [
            "a/024",
            "a/",
            "a//",
            "a/24/64",
            "a//129",
            "a/33",
            "ip4:1.2.3.4//32",
            "ip4:1.2.3.4/",
            "ip4:1.2.3.4/+24",
            "ip6:::/+64",
            "ip6:::/129",
            "a/-1",
        ] {
            assert!(!is_valid(&format!("v=spf1 {term}")), "{term}");
        }
    }

    #[test]
    fn a_target_ends_in_a_macro_or_in_a_label_that_could_be_a_top_level_domain() {
        for term in [
            "a:x.example.",
            "a:foo:bar/baz.example",
            "a:%{h}",
            "a:x.%%",
            "include:_x.example",
            "a:x.xn--p1ai",
            "exists:a..example",
        ] {
            assert!(is_valid(&format!("v=spf1 {term}")), "{term}");
        }
        for term in [
            "a:museum",
            "a:museum.",
            "a:x.123",
            "a:x.-com",
            "a:x.com-",
            "a:x.example/b",
            "a:",
            "include",
            "include:",
            "a:%{d}com",
            "a:x.ex\u{e9}",
        ] {
            assert!(!is_valid(&format!("v=spf1 {term}")), "{term}");
        }
    }

    #[test]
    fn modifiers_that_nobody_knows_are_ignored_but_for_their_macros() {
        assert!(is_valid("v=spf1 ra=x rp=10 foo=%{d} x-y_z.1= -all"));
        for term in ["foo=%{", "1up=x", "=x", "foo=%{c}"] {
            assert!(!is_valid(&format!("v=spf1 {term}")), "{term}");
        }
    }
}
