//! From what stands in an address field to the name of a mail domain: the addr-spec of RFC 5321 §4.1.2, the domain in
//! A-labels (RFC 5890, UTS #46), the last label checked against the public suffix list.
//!
//! Lists hold every mistake that people make in a form, and what a program wrote around them. What is taken off here is
//! wrapping (white space, quotes, angle brackets, a comma behind); what remains is a domain or has a [`NotCounted`].

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $text:literal;)*) => {
        /// Why a line, or what stands where its address should be, was not counted. Every line that is not counted has
        /// exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum NotCounted { $($(#[$doc])* $variant,)* }

        impl NotCounted {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the counts of the `run` record.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// For people, behind a number.
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

causes! {
    /// Nothing on the line.
    Blank = "blank", "blank";
    /// A line of the Adobe list that begins no record: a hint with a newline in it goes on.
    Continuation = "continuation", "the rest of a hint";
    /// The line does not have the shape of the format.
    NoRecord = "no_record", "do not fit the format";
    /// A JSON object without the field, or whose field holds no string.
    NoField = "no_field", "without the field";
    /// JSON that is none.
    BadJson = "bad_json", "not JSON";
    /// The address does not lie in the part of a very long line that is looked at.
    LineTooLong = "line_too_long", "too long";
    /// The field is empty, NULL or `\N`.
    Empty = "empty", "with an empty address";
    /// No `@`.
    NoAt = "no_at", "without @";
    /// Nothing before the `@`.
    NoLocalPart = "no_local_part", "without a local part";
    /// Nothing behind the `@`.
    NoDomain = "no_domain", "without a domain";
    /// `user@[192.0.2.1]`.
    AddressLiteral = "address_literal", "with an address literal";
    /// `user@localhost`.
    SingleLabel = "single_label", "with a domain of one label";
    /// A label that is empty, over 63 bytes, begins or ends with a hyphen, or holds more than letters, digits, hyphens.
    BadLabel = "bad_label", "with a bad label";
    /// Over 253 bytes.
    NameTooLong = "name_too_long", "with a domain that is too long";
    /// Beyond ASCII, and no internationalised name: not UTF-8, or against UTS #46.
    BadIdna = "bad_idna", "with a domain that is no IDN";
    /// The last label is not on the public suffix list.
    UnknownTld = "unknown_tld", "under an unknown top-level domain";
}

/// Top-level domains that were removed from the root, and so from the list, after the lists of their time were made:
/// Netherlands Antilles (2015), East Timor's first (2015), Yugoslavia (2010).
const RETIRED: [&[u8]; 3] = [b"an", b"tp", b"yu"];

/// Longest raw domain that is looked at. An A-label form of 253 bytes can be longer in UTF-8, never four times.
pub const RAW_LIMIT: usize = 1024;

/// An address field as its local part and its domain, both as written, without their wrapping. The domain stands behind
/// the last `@`, since a quoted local part may hold others.
pub fn split(field: &[u8]) -> Result<(&[u8], &[u8]), NotCounted> {
    let field = field.trim_ascii();
    if matches!(field, b"" | b"\"\"" | b"''" | b"\\N") || field.eq_ignore_ascii_case(b"null") {
        return Err(NotCounted::Empty);
    }
    let at = memchr::memrchr(b'@', field).ok_or(NotCounted::NoAt)?;
    let local = unwrap_local(&field[..at]);
    let domain = unwrap_domain(&field[at + 1..]);
    match (local, domain) {
        (b"", _) => Err(NotCounted::NoLocalPart),
        (_, b"") => Err(NotCounted::NoDomain),
        both => Ok(both),
    }
}

fn unwrap_local(mut local: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = local {
        match first {
            b' ' | b'\t' | b'<' | b'(' | b'[' | b'\'' => local = rest,
            // Not the quote of a quoted local part, which has its other half before the @.
            b'"' if !rest.ends_with(b"\"") => local = rest,
            _ => break,
        }
    }
    local
}

fn unwrap_domain(mut domain: &[u8]) -> &[u8] {
    while let [rest @ .., last] = domain {
        match last {
            b' ' | b'\t' | b'>' | b')' | b'"' | b'\'' | b',' | b';' => domain = rest,
            // Not the bracket of an address literal.
            b']' if domain.first() != Some(&b'[') => domain = rest,
            _ => break,
        }
    }
    domain
}

/// The one spelling of a domain: lower case, A-labels, no dot behind. The last label is not looked up yet:
/// [`has_known_tld`].
pub fn canonical(raw: &[u8]) -> Result<Cow<'_, [u8]>, NotCounted> {
    if raw.len() > RAW_LIMIT {
        return Err(NotCounted::NameTooLong);
    }
    if raw.starts_with(b"[") {
        return Err(NotCounted::AddressLiteral);
    }
    let mut name = if needs_idna(raw) {
        let text = Uts46::new()
            .to_ascii(raw, AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| NotCounted::BadIdna)?;
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    } else if raw.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(raw.to_ascii_lowercase())
    } else {
        Cow::Borrowed(raw)
    };
    if name.ends_with(b".") {
        name = match name {
            Cow::Borrowed(name) => Cow::Borrowed(&name[..name.len() - 1]),
            Cow::Owned(mut name) => {
                name.pop();
                Cow::Owned(name)
            }
        };
    }
    check_labels(&name)?;
    Ok(name)
}

/// Whether a name is more than plain ASCII: U-labels, or A-labels whose punycode has to be right.
fn needs_idna(raw: &[u8]) -> bool {
    !raw.is_ascii()
        || raw
            .split(|&byte| byte == b'.')
            .any(|label| label.len() >= 4 && label[..4].eq_ignore_ascii_case(b"xn--"))
}

/// The limits of RFC 1035 §2.3.4 and the letters, digits and hyphens of RFC 5321 §4.1.2.
fn check_labels(name: &[u8]) -> Result<(), NotCounted> {
    if name.is_empty() {
        return Err(NotCounted::NoDomain);
    }
    if name.len() > 253 {
        return Err(NotCounted::NameTooLong);
    }
    let mut labels = 0;
    for label in name.split(|&byte| byte == b'.') {
        labels += 1;
        let is_good = (1..=63).contains(&label.len())
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label
                .iter()
                .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_good {
            return Err(NotCounted::BadLabel);
        }
    }
    if labels < 2 {
        return Err(NotCounted::SingleLabel);
    }
    Ok(())
}

/// Whether the last label of a canonical name is, or was, a top-level domain.
pub fn has_known_tld(name: &[u8]) -> bool {
    psl::suffix(name).is_some_and(|suffix| suffix.is_known())
        || name
            .rsplit(|&byte| byte == b'.')
            .next()
            .is_some_and(|last| RETIRED.contains(&last))
}

/// A domain that counts: [`canonical`], under a known top-level domain.
pub fn domain(raw: &[u8]) -> Result<Cow<'_, [u8]>, NotCounted> {
    let name = canonical(raw)?;
    if has_known_tld(&name) {
        Ok(name)
    } else {
        Err(NotCounted::UnknownTld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain_of(field: &[u8]) -> Result<String, NotCounted> {
        let (_, raw) = split(field)?;
        domain(raw).map(|name| String::from_utf8(name.into_owned()).unwrap())
    }

    #[test]
    fn a_domain_has_one_spelling() {
        for (field, name) in [
            (&b"a@example.org"[..], "example.org"),
            (b"a@EXAMPLE.Org.", "example.org"),
            (b"  <a@example.org>, ", "example.org"),
            (b"\"a@example.org\"", "example.org"),
            (b"\"a b@c\"@example.org", "example.org"),
            (b"a@b@example.org", "example.org"),
            (b"li@163.com", "163.com"),
            ("a@müller.de".as_bytes(), "xn--mller-kva.de"),
            ("a@MÜLLER.DE".as_bytes(), "xn--mller-kva.de"),
            (b"a@XN--MLLER-KVA.de", "xn--mller-kva.de"),
            ("a@почта.рф".as_bytes(), "xn--80a1acny.xn--p1ai"),
            (b"a@co.uk", "co.uk"),
            (b"a@mail.com.np", "mail.com.np"),
            (b"a@curinfo.an", "curinfo.an"),
            (b"a@r3---x.example.org", "r3---x.example.org"),
        ] {
            assert_eq!(domain_of(field).as_deref(), Ok(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_domain_has_its_cause() {
        let long_label = [b"a@".as_slice(), &[b'x'; 64], b".org"].concat();
        let long_name = [b"a@".as_slice(), &b"abcdefg.".repeat(32), b"org"].concat();
        let longest = [b"a@".as_slice(), &b"abcdefghi.".repeat(25), b"org"].concat();
        for (field, cause) in [
            (&b" "[..], NotCounted::Empty),
            (b"NULL", NotCounted::Empty),
            (b"\"\"", NotCounted::Empty),
            (b"someone", NotCounted::NoAt),
            (b"@example.org", NotCounted::NoLocalPart),
            (b"\"@example.org\"", NotCounted::NoLocalPart),
            (b"a@", NotCounted::NoDomain),
            (b"a@>", NotCounted::NoDomain),
            (b"a@.", NotCounted::NoDomain),
            (b"a@[192.0.2.1]", NotCounted::AddressLiteral),
            (b"a@localhost", NotCounted::SingleLabel),
            (b"a@example..org", NotCounted::BadLabel),
            (b"a@example.org..", NotCounted::BadLabel),
            (b"a@-example.org", NotCounted::BadLabel),
            (b"a@exa_mple.org", NotCounted::BadLabel),
            (b"a@exa mple.org", NotCounted::BadLabel),
            (b"a@example\0.org", NotCounted::BadLabel),
            (&long_label, NotCounted::BadLabel),
            (&long_name, NotCounted::NameTooLong),
            (b"a@m\xfcller.de", NotCounted::BadIdna),
            (b"a@xn--.de", NotCounted::BadIdna),
            (b"a@example.c0m", NotCounted::UnknownTld),
            (b"a@192.0.2.1", NotCounted::UnknownTld),
        ] {
            assert_eq!(
                domain_of(field),
                Err(cause),
                "{}",
                String::from_utf8_lossy(field)
            );
        }
        assert!(domain_of(&longest).is_ok());
    }
}
