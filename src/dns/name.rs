//! Domain names: read from a list, from a packet, and written for people and for the wire (RFC 1035 §2.3.4, §3.1,
//! RFC 5891 by way of UTS #46).
//!
//! A [`Name`] is kept as it goes over the wire, uncompressed and in lower case, so that two names are equal when
//! their bytes are, and a question is a copy.

use std::fmt;

use hickory_proto::rr;

/// The longest name without its last dot, octets of text (255 on the wire).
pub const NAME_LIMIT: usize = 253;
/// The longest label, octets.
pub const LABEL_LIMIT: usize = 63;

/// What no name holds, nor a character whose parts would: as STD3 has it, with underscores, which the DNS knows.
const DENIED: idna::AsciiDenyList =
    idna::AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// A domain name in wire form, lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

/// Why a text of the input is no domain name that could be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing there, or the root alone.
    #[error("empty")]
    Empty,
    /// Two dots in a row, or one in front.
    #[error("an empty label")]
    EmptyLabel,
    /// A label over [`LABEL_LIMIT`].
    #[error("a label of {0} octets, 63 is the limit")]
    LongLabel(usize),
    /// More than [`NAME_LIMIT`].
    #[error("{0} octets, 253 is the limit")]
    LongName(usize),
    /// A byte that is no letter, digit, hyphen or underscore.
    #[error("the character {0:?}")]
    Character(char),
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// UTS #46 has no A-label for it.
    #[error("no internationalised name (UTS #46)")]
    Idna,
    /// An IPv4 address, or another name whose last label is a number.
    #[error("its last label is a number")]
    Number,
}

impl Name {
    /// A name as lists have it: any case, with or without the last dot, U-labels or A-labels, underscores allowed.
    ///
    /// ```
    /// use mx_survey::dns::name::{InvalidName, Name};
    ///
    /// assert_eq!(Name::parse("Bücher.Example.".as_bytes()).unwrap().to_string(), "xn--bcher-kva.example");
    /// assert_eq!(Name::parse(b"192.0.2.1"), Err(InvalidName::Number));
    /// assert_eq!(Name::parse(b"a..test"), Err(InvalidName::EmptyLabel));
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, InvalidName> {
        let text = text.trim_ascii();
        if text.is_ascii() && !has_a_label(text) {
            return Self::from_ascii(text);
        }
        let text = std::str::from_utf8(text).map_err(|_| InvalidName::NotUtf8)?;
        // Lengths and characters are checked on the A-labels, below; hyphens are left to the DNS.
        let ascii = idna::uts46::Uts46::new()
            .to_ascii(
                text.as_bytes(),
                DENIED,
                idna::uts46::Hyphens::Allow,
                idna::uts46::DnsLength::Ignore,
            )
            .map_err(|_| InvalidName::Idna)?;
        // An A-label of what looks like one itself (UTS #46 §4.1, criterion 4), which the crate leaves to its caller.
        if ascii.split('.').any(|label| label.starts_with("xn--xn--")) {
            return Err(InvalidName::Idna);
        }
        Self::from_ascii(ascii.as_bytes())
    }

    fn from_ascii(text: &[u8]) -> Result<Self, InvalidName> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > NAME_LIMIT {
            return Err(InvalidName::LongName(text.len()));
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        let mut last: &[u8] = b"";
        for label in text.split(|&byte| byte == b'.') {
            if label.is_empty() {
                return Err(InvalidName::EmptyLabel);
            }
            if let Some(&byte) = label.iter().find(|byte| !is_name_byte(**byte)) {
                return Err(InvalidName::Character(char::from(byte)));
            }
            if label.len() > LABEL_LIMIT {
                return Err(InvalidName::LongLabel(label.len()));
            }
            wire.push(label.len() as u8);
            wire.extend(label.iter().map(u8::to_ascii_lowercase));
            last = label;
        }
        if last.iter().all(u8::is_ascii_digit) {
            return Err(InvalidName::Number);
        }
        wire.push(0);
        Ok(Self(wire.into()))
    }

    /// A name as a policy builds it: labels of any octets between dots, with or without the last dot. `None` where that
    /// is no name: an empty label, one over [`LABEL_LIMIT`], more than [`NAME_LIMIT`], nothing.
    pub fn from_octets(text: &[u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() || text.len() > NAME_LIMIT {
            return None;
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split(|&byte| byte == b'.') {
            if label.is_empty() || label.len() > LABEL_LIMIT {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        wire.push(0);
        Some(Self(wire.into()))
    }

    /// The name without its first `count` labels; the root where it has no more.
    pub fn above(&self, count: usize) -> Self {
        let skipped: usize = (self.labels().take(count))
            .map(|label| label.len() + 1)
            .sum();
        Self(self.0[skipped..].into())
    }

    /// Whether it is `other`, or stands below it.
    pub fn is_within(&self, other: &Self) -> bool {
        let Some(before) = self.0.len().checked_sub(other.0.len()) else {
            return false;
        };
        // What is before it must be whole labels.
        let mut begin = 0;
        for label in self.labels() {
            if begin >= before {
                break;
            }
            begin += label.len() + 1;
        }
        begin == before && self.0[before..] == other.0[..]
    }

    /// The root.
    pub fn root() -> Self {
        Self([0].into())
    }

    /// The name with the labels of `prefix` (`_25._tcp`) in front; `None` if that is too long.
    pub fn under(&self, prefix: &[&str]) -> Option<Self> {
        let mut wire = Vec::with_capacity(self.0.len() + 16);
        for label in prefix {
            debug_assert!(!label.is_empty() && label.len() <= LABEL_LIMIT);
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.extend_from_slice(&self.0);
        (wire.len() <= NAME_LIMIT + 2).then(|| Self(wire.into()))
    }

    /// The presentation form, as `to_string` has it, without the detour by way of a formatter.
    pub fn text(&self) -> String {
        let mut room = [0; NAME_LIMIT + 2];
        match self.plain(&mut room) {
            Some(plain) if !plain.is_empty() => plain.to_owned(),
            _ => self.to_string(),
        }
    }

    /// Wire form: length and bytes of each label, then a zero.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The labels from left to right, without the root's.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            let label = tail
                .get(..usize::from(length))
                .filter(|label| !label.is_empty())?;
            rest = &tail[label.len()..];
            Some(label)
        })
    }
}

impl Name {
    /// A name in wire form that is not compressed: labels, then a zero, and nothing behind it.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let mut rest = wire;
        loop {
            let (&length, tail) = rest.split_first()?;
            if length == 0 {
                let is_name = tail.is_empty() && wire.len() <= NAME_LIMIT + 2;
                return is_name.then(|| Self(wire.to_ascii_lowercase().into()));
            }
            rest =
                (usize::from(length) <= LABEL_LIMIT).then(|| tail.get(usize::from(length)..))??;
        }
    }
}

impl From<&rr::Name> for Name {
    fn from(name: &rr::Name) -> Self {
        let mut wire = Vec::with_capacity(name.len() + 1);
        // hickory-proto bounds labels and names as it reads them.
        for label in name.iter() {
            wire.push(label.len() as u8);
            wire.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        wire.push(0);
        Self(wire.into())
    }
}

impl PartialEq<rr::Name> for Name {
    fn eq(&self, other: &rr::Name) -> bool {
        let mut labels = self.labels();
        other.iter().all(|label| {
            labels
                .next()
                .is_some_and(|own| own.eq_ignore_ascii_case(label))
        }) && labels.next().is_none()
    }
}

/// Presentation form (RFC 1035 §5.1) without the last dot; the root is `.`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        let mut room = [0; NAME_LIMIT + 2];
        if let Some(plain) = self.plain(&mut room) {
            return f.write_str(plain);
        }
        for (position, label) in self.labels().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            match std::str::from_utf8(label) {
                Ok(plain) if label.iter().all(|&byte| is_name_byte(byte)) => f.write_str(plain)?,
                _ => label.iter().try_for_each(|&byte| escape(byte, f))?,
            }
        }
        Ok(())
    }
}

impl Name {
    /// The text of a name in which nothing needs an escape, as nearly all are, in `room`.
    fn plain<'r>(&self, room: &'r mut [u8; NAME_LIMIT + 2]) -> Option<&'r str> {
        let text = room.get_mut(..self.0.len() - 1)?;
        text.copy_from_slice(&self.0[..self.0.len() - 1]);
        let mut dot = 0;
        for label in self.labels() {
            if !label.iter().all(|&byte| is_name_byte(byte)) {
                return None;
            }
            // Where the length of the label stood.
            *text.get_mut(dot)? = b'.';
            dot += label.len() + 1;
        }
        std::str::from_utf8(text.get(1..)?).ok()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether a label says that it is an A-label, which has to be one then (RFC 5891 §5.4).
fn has_a_label(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'.')
        .any(|label| label.len() >= 4 && label[..4].eq_ignore_ascii_case(b"xn--"))
}

fn escape(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match byte {
        b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
            write!(f, "\\{}", char::from(byte))
        }
        0x21..=0x7e => write!(f, "{}", char::from(byte)),
        _ => write!(f, "\\{byte:03}"),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, InvalidName> {
        Name::parse(text.as_bytes()).map(|name| name.to_string())
    }

    #[test]
    fn names_of_lists_become_lower_case_a_labels_without_the_last_dot() {
        for (text, name) in [
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            (" example.org\r", "example.org"),
            ("_dmarc.example.org", "_dmarc.example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER。example", "xn--bcher-kva.example"),
            ("faß.example", "xn--fa-hia.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("ai", "ai"),
            ("1and1.com", "1and1.com"),
            ("-a-.example", "-a-.example"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        for (text, why) in [
            ("", InvalidName::Empty),
            (".", InvalidName::Empty),
            ("a..b", InvalidName::EmptyLabel),
            (".a", InvalidName::EmptyLabel),
            ("a b.org", InvalidName::Character(' ')),
            ("user@example.org", InvalidName::Character('@')),
            ("https://example.org/", InvalidName::Character(':')),
            ("192.0.2.1", InvalidName::Number),
            ("\u{ad}", InvalidName::Empty),
            ("\u{202e}a.example", InvalidName::Idna),
            ("xn--example.com", InvalidName::Idna),
            ("XN--\u{fc}.com", InvalidName::Idna),
        ] {
            assert_eq!(parsed(text), Err(why), "{text}");
        }
        assert_eq!(Name::parse(b"\xff.org"), Err(InvalidName::NotUtf8));
    }

    #[test]
    fn a_name_stands_within_itself_and_what_is_above_it() {
        let name = |text: &str| Name::from_octets(text.as_bytes()).unwrap();
        for (own, other, is_within) in [
            ("a.b.test", "a.b.test", true),
            ("a.b.test", "b.test", true),
            ("a.b.test", "test", true),
            ("b.test", "a.b.test", false),
            ("ab.test", "b.test", false),
            ("a.b.test", "a.test", false),
            // The wire form of the one ends as that of the other, within a label.
            ("x\u{1}b.test", "b.test", false),
        ] {
            assert_eq!(
                name(own).is_within(&name(other)),
                is_within,
                "{own} {other}"
            );
        }
        assert!(name("test").is_within(&Name::root()) && Name::root().is_within(&Name::root()));
        assert!(!Name::root().is_within(&name("test")));
    }

    #[test]
    fn the_limits_are_63_and_253() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), 253);
        assert_eq!(parsed(&longest), Ok(longest.clone()));
        assert_eq!(parsed(&format!("{longest}.")), Ok(longest.clone()));
        assert_eq!(
            parsed(&format!("{longest}b")),
            Err(InvalidName::LongName(254))
        );
        assert_eq!(
            parsed(&format!("{label}a.org")),
            Err(InvalidName::LongLabel(64))
        );
        let name = Name::parse(longest.as_bytes()).unwrap();
        assert_eq!(name.wire().len(), 255);
        assert_eq!(name.under(&["_25", "_tcp"]), None);
    }

    #[test]
    fn odd_labels_of_packets_are_escaped() {
        let name = Name(b"\x04a.b\x1b\x02\xc3\xa4\x00".as_slice().into());
        assert_eq!(name.to_string(), r"a\.b\027.\195\164");
        assert_eq!(Name(b"\0".as_slice().into()).to_string(), ".");
        for name in [name, Name::root(), Name::parse(b"mx.example.org").unwrap()] {
            assert_eq!(name.text(), name.to_string());
        }
        let host = Name::parse(b"mx.example.org").unwrap();
        assert_eq!(
            host.under(&["_25", "_tcp"]).unwrap().to_string(),
            "_25._tcp.mx.example.org"
        );
    }
}
