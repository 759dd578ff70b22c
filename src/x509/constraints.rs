//! Name constraints (RFC 5280 §4.2.1.10).

use super::{der, dn};

const EMAIL: u8 = 1;
const DNS: u8 = 2;
const DIRECTORY: u8 = 4;
const URI: u8 = 6;
const ADDRESS: u8 = 7;

/// A GeneralName: the number of its tag, and its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    kind: u8,
    contents: &'a [u8],
}

impl<'a> Name<'a> {
    /// A directoryName: the contents of a Name.
    pub(super) fn directory(contents: &'a [u8]) -> Self {
        Self {
            kind: DIRECTORY,
            contents,
        }
    }

    /// A mailbox.
    pub(super) fn email(contents: &'a [u8]) -> Self {
        Self {
            kind: EMAIL,
            contents,
        }
    }

    pub(super) fn is_email(&self) -> bool {
        self.kind == EMAIL
    }

    fn of(element: &der::Element<'a>) -> Option<Self> {
        let kind = element.tag & 0x1f;
        if element.tag & 0xc0 != 0x80 || kind > 8 {
            return None;
        }
        let contents = match kind {
            // The one type of name that is tagged explicitly.
            DIRECTORY => der::read(element.contents)?.contents,
            _ => element.contents,
        };
        Some(Self { kind, contents })
    }
}

/// The names of a subjectAltName, given the value of the extension.
pub(super) fn general_names(value: &[u8]) -> Option<Vec<Name<'_>>> {
    let names = der::read(value).filter(|it| it.tag == der::SEQUENCE && it.rest.is_empty())?;
    (der::elements(names.contents)?.iter())
        .map(Name::of)
        .collect()
}

/// The subtrees that a CA is held to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Constraints<'a> {
    permitted: Vec<Name<'a>>,
    excluded: Vec<Name<'a>>,
}

impl<'a> Constraints<'a> {
    /// Reads the contents of NameConstraints.
    pub(super) fn of(contents: &'a [u8]) -> Option<Self> {
        let mut constraints = Self {
            permitted: Vec::new(),
            excluded: Vec::new(),
        };
        for trees in der::elements(contents)? {
            let bases = (der::elements(trees.contents)?.iter())
                .map(|tree| Name::of(&der::read(tree.contents)?))
                .collect::<Option<Vec<_>>>()?;
            match trees.tag {
                0xa0 => constraints.permitted = bases,
                0xa1 => constraints.excluded = bases,
                _ => return None,
            }
        }
        Some(constraints)
    }

    /// What speaks against a name: `name_constraints`, or `unsupported` where it cannot be compared here.
    pub(super) fn fault(&self, name: Name<'_>) -> Option<&'static str> {
        let compare = |bases: &[Name<'_>], is_excluded| -> Vec<Option<bool>> {
            (bases.iter().filter(|base| base.kind == name.kind))
                .map(|base| is_within(name, base.contents, is_excluded))
                .collect()
        };
        let permitted = compare(&self.permitted, false);
        let excluded = compare(&self.excluded, true);
        let is_permitted = permitted.is_empty() || permitted.contains(&Some(true));
        if excluded.contains(&Some(true)) || !is_permitted && !permitted.contains(&None) {
            Some("name_constraints")
        } else if excluded.contains(&None) || !is_permitted {
            Some("unsupported")
        } else {
            None
        }
    }
}

/// Whether a name is in a subtree; `None` where that cannot be told.
fn is_within(name: Name<'_>, base: &[u8], is_excluded: bool) -> Option<bool> {
    match name.kind {
        DNS => {
            let (name, base) = (
                name.contents.to_ascii_lowercase(),
                base.to_ascii_lowercase(),
            );
            // A wildcard is in what is excluded, if one of the names that it stands for is.
            let stands_for = |wildcard: &[u8]| {
                base.strip_suffix(wildcard)
                    .is_some_and(|label| !label.is_empty() && !label.contains(&b'.'))
            };
            let covers = name.strip_prefix(b"*").is_some_and(stands_for);
            Some(is_below(&name, &base) || name == base || is_excluded && covers)
        }
        EMAIL => {
            let at = memchr::memrchr(b'@', name.contents)?;
            let (user, host) = (&name.contents[..at], &name.contents[at + 1..]);
            Some(match memchr::memrchr(b'@', base) {
                Some(at) => user == &base[..at] && host.eq_ignore_ascii_case(&base[at + 1..]),
                None => is_host(host, base),
            })
        }
        URI => {
            let text = std::str::from_utf8(name.contents).ok()?;
            let (_, rest) = text.split_once("://")?;
            let authority = rest.split(['/', '?', '#']).next()?;
            let host = authority.rsplit('@').next()?;
            let host = host.split(':').next()?;
            let is_name = !host.is_empty() && host.parse::<std::net::Ipv4Addr>().is_err();
            (is_name && !host.starts_with('[')).then(|| is_host(host.as_bytes(), base))
        }
        ADDRESS => {
            if !matches!(base.len(), 8 | 32) || !matches!(name.contents.len(), 4 | 16) {
                return None;
            }
            let (network, mask) = base.split_at(base.len() / 2);
            let bits = mask
                .iter()
                .fold(0u128, |bits, &octet| bits << 8 | u128::from(octet));
            let bits = bits << (128 - mask.len() * 8);
            if bits.leading_ones() != bits.count_ones() {
                return None;
            }
            let mut octets = name.contents.iter().zip(network).zip(mask);
            Some(
                network.len() == name.contents.len()
                    && octets.all(|((a, b), mask)| a & mask == b & mask),
            )
        }
        DIRECTORY => {
            let name = dn::relative_names(name.contents)?;
            Some(name.starts_with(&dn::relative_names(base)?))
        }
        _ => None,
    }
}

/// Whether a host is the one that is named, or below a name with a leading dot.
fn is_host(host: &[u8], base: &[u8]) -> bool {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    host == base || base.starts_with(b".") && is_below(&host, &base)
}

/// Whether a name has labels before those of `base`, which may begin with a dot; everything is below nothing.
fn is_below(name: &[u8], base: &[u8]) -> bool {
    let base = base.strip_prefix(b".").unwrap_or(base);
    base.is_empty()
        || name
            .strip_suffix(base)
            .is_some_and(|rest| rest.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(
        kind: u8,
        permitted: &[&[u8]],
        excluded: &[&[u8]],
        name: &[u8],
    ) -> Option<&'static str> {
        let names = |bases: &[&'static [u8]]| -> Vec<Name<'static>> {
            bases
                .iter()
                .map(|&contents| Name { kind, contents })
                .collect()
        };
        // The tests live as long as the names in them.
        let leak = |bases: &[&[u8]]| -> Vec<&'static [u8]> {
            bases.iter().map(|base| &*base.to_vec().leak()).collect()
        };
        let constraints = Constraints {
            permitted: names(&leak(permitted)),
            excluded: names(&leak(excluded)),
        };
        constraints.fault(Name {
            kind,
            contents: name,
        })
    }

    #[test]
    fn hosts_mailboxes_and_addresses_are_held_to_their_subtrees() {
        let bad = Some("name_constraints");
        assert_eq!(faults(DNS, &[b"Test"], &[], b"mx.test"), None);
        assert_eq!(faults(DNS, &[b"test"], &[], b"mxtest"), bad);
        assert_eq!(
            faults(DNS, &[b"a.test", b"test"], &[b"b.test"], b"x.b.test"),
            bad
        );
        assert_eq!(faults(DNS, &[], &[b"mx.test"], b"*.test"), bad);
        assert_eq!(faults(DNS, &[], &[b"mx.test"], b"*.example"), None);
        assert_eq!(faults(EMAIL, &[b".test"], &[], b"a@mx.test"), None);
        assert_eq!(faults(EMAIL, &[b"test"], &[], b"a@mx.test"), bad);
        assert_eq!(
            faults(URI, &[b".test"], &[], b"http://u@mx.test:80/x"),
            None
        );
        assert_eq!(
            faults(URI, &[b".test"], &[], b"http://192.0.2.1/"),
            Some("unsupported")
        );
        let net = [10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(faults(ADDRESS, &[&net], &[], &[10, 1, 2, 3]), None);
        assert_eq!(faults(ADDRESS, &[&net], &[], &[11, 1, 2, 3]), bad);
        assert_eq!(
            faults(ADDRESS, &[], &[&[0; 8], &[0; 32]], &[11, 1, 2, 3]),
            bad
        );
        let sparse = [10, 0, 0, 0, 255, 0, 255, 0];
        assert_eq!(
            faults(ADDRESS, &[&sparse], &[], &[10, 1, 0, 3]),
            Some("unsupported")
        );
        assert_eq!(faults(8, &[b"x"], &[], b"x"), Some("unsupported"));
    }

    #[test]
    fn directory_names_are_held_to_the_beginning_of_a_name_whatever_the_string_type() {
        let country = |tag| vec![0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 6, tag, 2, b'N', b'L'];
        let common = [0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 12, 1, b'x'];
        let name = [&country(0x13)[..], &common].concat();
        assert_eq!(faults(DIRECTORY, &[&country(12)], &[], &name), None);
        assert_eq!(
            faults(DIRECTORY, &[&common], &[], &name),
            Some("name_constraints")
        );
        assert_eq!(faults(DIRECTORY, &[], &[&common], &name), None);
        assert_eq!(
            faults(DIRECTORY, &[], &[&country(12)], &name),
            Some("name_constraints")
        );
    }
}
