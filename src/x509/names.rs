//! Whether a certificate is for a name (RFC 9525 §6.3; the common name by RFC 6125 §6.4.4, told apart).

use crate::record::Text;

/// How a name is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// A dNSName of the subject alternative name meets it.
    AlternativeName,
    /// There is no dNSName, and a common name meets it: enough in 2014, not today.
    CommonNameOnly,
    /// Nothing does.
    No,
}

impl NameMatch {
    /// The word for the database: `san`, `cn_only`, `no`.
    pub fn word(self) -> &'static str {
        match self {
            Self::AlternativeName => "san",
            Self::CommonNameOnly => "cn_only",
            Self::No => "no",
        }
    }
}

/// Compares the dNSNames and common names of a certificate with a name in A-labels.
pub fn matches(names: &[Text], common_names: &[Text], reference: &str) -> NameMatch {
    if names.iter().any(|name| is_for(&name.0, reference)) {
        NameMatch::AlternativeName
    } else if names.is_empty() && common_names.iter().any(|name| is_for(&name.0, reference)) {
        NameMatch::CommonNameOnly
    } else {
        NameMatch::No
    }
}

/// Whether a presented name, maybe with a wildcard for its whole left-most label, covers a reference name.
///
/// ```
/// use mx_survey::x509::names::is_for;
///
/// assert!(is_for(b"*.a.test", "mx.a.test."));
/// assert!(!is_for(b"*.a.test", "a.test") && !is_for(b"*.a.test", "1.mx.a.test"));
/// ```
pub fn is_for(presented: &[u8], reference: &str) -> bool {
    let reference = reference.strip_suffix('.').unwrap_or(reference).as_bytes();
    if reference.is_empty() || reference.contains(&b'*') {
        return false;
    }
    match presented.strip_prefix(b"*.") {
        None => presented.eq_ignore_ascii_case(reference),
        Some(parent) => {
            // The wildcard stands for exactly one label, and only in names, not in addresses.
            let Some(dot) = memchr::memchr(b'.', reference) else {
                return false;
            };
            dot > 0
                && !parent.contains(&b'*')
                && parent.eq_ignore_ascii_case(&reference[dot + 1..])
                && !is_address(reference)
        }
    }
}

fn is_address(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_whole_label() {
        let covers = |presented: &str, reference| is_for(presented.as_bytes(), reference);
        assert!(covers("mx.example.org", "MX.example.org"));
        assert!(covers("mx.example.org", "mx.example.org."));
        assert!(covers("*.example.org", "mx.example.org"));
        assert!(!covers("*.example.org", "a.mx.example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(!covers("m*.example.org", "mx.example.org"));
        assert!(!covers("*.*.org", "mx.example.org"));
        assert!(!covers("*", "org"));
        assert!(!covers("mx.example.org.evil.test", "mx.example.org"));
        assert!(!covers("*.0.2.1", "192.0.2.1"));
        assert!(!covers("", ""));
        assert!(!covers("mx.example.org\0.evil.test", "mx.example.org"));
    }

    #[test]
    fn the_common_name_counts_only_without_alternative_names() {
        let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect::<Vec<Text>>();
        let of = |san: &[&str], cn: &[&str]| matches(&names(san), &names(cn), "mx.test");
        assert_eq!(of(&["a.test", "mx.test"], &[]), NameMatch::AlternativeName);
        assert_eq!(of(&[], &["mx.test"]), NameMatch::CommonNameOnly);
        assert_eq!(of(&["a.test"], &["mx.test"]), NameMatch::No);
        assert_eq!(of(&[], &[]), NameMatch::No);
    }
}
