//! Name constraints (RFC 5280 §4.2.1.10).

use std::cell::Cell;

use super::{der, dn};
use crate::record::ChainReason;

const EMAIL: u8 = 1;
const DNS: u8 = 2;
const DIRECTORY: u8 = 4;
const URI: u8 = 6;
const ADDRESS: u8 = 7;

/// A GeneralName: the number of its tag, and its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaggedName<'a> {
    kind: u8,
    contents: &'a [u8],
}

impl<'a> TaggedName<'a> {
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

    fn read(element: &der::Element<'a>) -> Option<Self> {
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
pub(super) fn general_names(value: &[u8]) -> Option<Vec<TaggedName<'_>>> {
    let names = der::read(value).filter(|it| it.tag == der::SEQUENCE && it.rest.is_empty())?;
    (der::elements(names.contents)?.iter())
        .map(TaggedName::read)
        .collect()
}

/// The values of every emailAddress in a Name, given its contents (RFC 2985 §5.2.1).
pub(super) fn mailboxes(name: &[u8]) -> Option<Vec<TaggedName<'_>>> {
    const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    let mut found = Vec::new();
    for relative in der::elements(name)? {
        for attribute in der::elements(relative.contents)? {
            let kind = der::read(attribute.contents)?;
            if kind.contents == EMAIL_ADDRESS {
                found.push(TaggedName::email(der::read(kind.rest)?.contents));
            }
        }
    }
    Some(found)
}

/// The comparisons that may still be made for one chain, so that what a server sends decides nobody's time. A
/// comparison costs one step, and one more for each 64 octets that it looks at.
#[derive(Debug)]
pub(super) struct ComparisonBudget {
    left: Cell<usize>,
}

impl ComparisonBudget {
    /// Some hundred subtrees held against some thousand names, many times over; a tenth of a second.
    const STEPS: usize = 1_000_000;

    /// The budget of one chain.
    pub(super) fn for_one_chain() -> Self {
        Self {
            left: Cell::new(Self::STEPS),
        }
    }

    /// Whether there was enough left for looking at so many octets.
    fn spend(&self, octets: usize) -> bool {
        let left = self.left.get().checked_sub(1 + octets / 64);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// A name that all those below a CA are held to, or held away from.
#[derive(Debug, PartialEq, Eq)]
struct Subtree<'a> {
    base: TaggedName<'a>,
    /// It has a minimum or a maximum, which RFC 5280 does not use.
    is_bounded: bool,
}

/// The subtrees that a CA is held to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Constraints<'a> {
    permitted: Vec<Subtree<'a>>,
    excluded: Vec<Subtree<'a>>,
}

impl<'a> Constraints<'a> {
    /// Reads the contents of NameConstraints.
    pub(super) fn read(contents: &'a [u8]) -> Option<Self> {
        let mut constraints = Self {
            permitted: Vec::new(),
            excluded: Vec::new(),
        };
        for trees in der::elements(contents)? {
            let subtrees = (der::elements(trees.contents)?.iter())
                .map(|tree| Subtree::read(tree.contents))
                .collect::<Option<Vec<_>>>()?;
            match trees.tag {
                0xa0 => constraints.permitted = subtrees,
                0xa1 => constraints.excluded = subtrees,
                _ => return None,
            }
        }
        Some(constraints)
    }

    /// What speaks against a name: `name_constraints`, also where name or subtree cannot be compared by the RFC's
    /// rules, which is to be rejected (RFC 5280 §4.2.1.10); or `unsupported` where the budget ends before that is
    /// known.
    pub(super) fn fault(
        &self,
        name: TaggedName<'_>,
        budget: &ComparisonBudget,
    ) -> Option<ChainReason> {
        let is_same_kind = |tree: &&Subtree<'_>| tree.base.kind == name.kind;
        for tree in self.excluded.iter().filter(is_same_kind) {
            if !budget.spend(name.contents.len() + tree.base.contents.len()) {
                return Some(ChainReason::Unsupported);
            }
            if tree.is_bounded || is_within(name, tree.base.contents, true) != Some(false) {
                return Some(ChainReason::NameConstraints);
            }
        }
        let mut is_held = false;
        for tree in self.permitted.iter().filter(is_same_kind) {
            if !budget.spend(name.contents.len() + tree.base.contents.len()) {
                return Some(ChainReason::Unsupported);
            }
            is_held = true;
            if tree.is_bounded {
                return Some(ChainReason::NameConstraints);
            }
            if is_within(name, tree.base.contents, false) == Some(true) {
                return None;
            }
        }
        is_held.then_some(ChainReason::NameConstraints)
    }
}

impl<'a> Subtree<'a> {
    /// Reads the contents of a GeneralSubtree.
    fn read(contents: &'a [u8]) -> Option<Self> {
        let base = der::read(contents)?;
        let bounds = der::elements(base.rest)?;
        Some(Self {
            base: TaggedName::read(&base)?,
            // A minimum of 0, the default, is now and then spelled out.
            is_bounded: (bounds.iter()).any(|it| it.tag != 0x80 || it.contents != [0]),
        })
    }
}

/// Whether a name is in a subtree; `None` where name or subtree are not of the form that RFC 5280 §4.2.1.10 gives a
/// meaning to.
fn is_within(name: TaggedName<'_>, base: &[u8], is_excluded: bool) -> Option<bool> {
    match name.kind {
        DNS => {
            let name = name.contents;
            // A wildcard is in what is excluded, if one of the names that it stands for is.
            let stands_for = |wildcard: &[u8]| {
                strip_suffix(base, wildcard)
                    .is_some_and(|label| !label.is_empty() && !label.contains(&b'.'))
            };
            let covers = is_excluded && name.strip_prefix(b"*").is_some_and(stands_for);
            let is_in = is_below(name, base) || name.eq_ignore_ascii_case(base) || covers;
            // A name that is none is in no permitted subtree.
            Some(is_in && (is_excluded || is_dns_name(name)))
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

/// Whether a presented dNSName is one, or a wildcard in the place of its first label (RFC 5280 §4.2.1.6, RFC 1034
/// §3.5). Underscores are taken, as everywhere.
fn is_dns_name(name: &[u8]) -> bool {
    let host = name.strip_prefix(b"*.").unwrap_or(name);
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && (label.iter()).all(|&it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    };
    name.len() <= 253 && host.split(|&octet| octet == b'.').all(is_label)
}

/// Whether a host is the one that is named, or below a name with a leading dot.
fn is_host(host: &[u8], base: &[u8]) -> bool {
    host.eq_ignore_ascii_case(base) || base.starts_with(b".") && is_below(host, base)
}

/// Whether a name has labels before those of `base`, which may begin with a dot; everything is below nothing.
fn is_below(name: &[u8], base: &[u8]) -> bool {
    let base = base.strip_prefix(b".").unwrap_or(base);
    base.is_empty() || strip_suffix(name, base).is_some_and(|rest| rest.ends_with(b"."))
}

/// What stands before a suffix, whatever the case of its letters.
fn strip_suffix<'a>(name: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (start, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(
        kind: u8,
        permitted: &[&[u8]],
        excluded: &[&[u8]],
        name: &[u8],
    ) -> Option<ChainReason> {
        let names = |bases: &[&'static [u8]]| -> Vec<Subtree<'static>> {
            let subtree = |&contents: &&'static [u8]| Subtree {
                base: TaggedName { kind, contents },
                is_bounded: false,
            };
            bases.iter().map(subtree).collect()
        };
        // The tests live as long as the names in them.
        let leak = |bases: &[&[u8]]| -> Vec<&'static [u8]> {
            bases.iter().map(|base| &*base.to_vec().leak()).collect()
        };
        let constraints = Constraints {
            permitted: names(&leak(permitted)),
            excluded: names(&leak(excluded)),
        };
        let name = TaggedName {
            kind,
            contents: name,
        };
        constraints.fault(name, &ComparisonBudget::for_one_chain())
    }

    #[test]
    fn hosts_mailboxes_and_addresses_are_held_to_their_subtrees() {
        let bad = Some(ChainReason::NameConstraints);
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
        let net = [10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(faults(ADDRESS, &[&net], &[], &[10, 1, 2, 3]), None);
        assert_eq!(faults(ADDRESS, &[&net], &[], &[11, 1, 2, 3]), bad);
        assert_eq!(
            faults(ADDRESS, &[], &[&[0; 8], &[0; 32]], &[11, 1, 2, 3]),
            bad
        );
    }

    #[test]
    fn t7_what_is_malformed_is_in_no_permitted_subtree_and_rejected() {
        let bad = Some(ChainReason::NameConstraints);
        for name in [
            &b".example.com"[..],
            b"a..example.com",
            b"example.com.",
            b"a b.example.com",
            b"\xfc.example.com",
            b"x.*.example.com",
        ] {
            assert_eq!(faults(DNS, &[b"example.com"], &[], name), bad, "{name:?}");
        }
        for name in [&b"*.example.com"[..], b"_x.example.com", b"EXAMPLE.com"] {
            assert_eq!(faults(DNS, &[b"example.com"], &[], name), None, "{name:?}");
        }
        assert_eq!(faults(DNS, &[], &[b"example.com"], b".example.com"), bad);
        assert_eq!(faults(EMAIL, &[], &[b"test"], b"nobody"), bad);
        for uri in [
            &b"http://192.0.2.1/"[..],
            b"urn:x",
            b"http:///",
            b"http://[::1]/",
        ] {
            assert_eq!(faults(URI, &[b".test"], &[], uri), bad, "{uri:?}");
            assert_eq!(faults(URI, &[], &[b".test"], uri), bad, "{uri:?}");
        }
        let sparse = [10, 0, 0, 0, 255, 0, 255, 0];
        assert_eq!(faults(ADDRESS, &[&sparse], &[], &[10, 1, 0, 3]), bad);
        assert_eq!(faults(ADDRESS, &[], &[&sparse], &[11, 1, 0, 3]), bad);
        assert_eq!(faults(ADDRESS, &[&[10, 0, 0, 0]], &[], &[10, 1, 0, 3]), bad);
        let net = [10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(faults(ADDRESS, &[&net], &[], &[10, 1, 0]), bad);
        // registeredID: a form of name that is not compared here must not be let through.
        assert_eq!(faults(8, &[b"x"], &[], b"x"), bad);
        assert_eq!(faults(8, &[], &[b"x"], b"y"), bad);
    }

    #[test]
    fn subtrees_with_a_minimum_or_a_maximum_are_rejected_where_they_apply() {
        let tree = |bounds: &[u8]| {
            let tree = [&[0x82, 4][..], b"test", bounds].concat();
            let tree = [&[0x30, tree.len() as u8][..], &tree].concat();
            [&[0xa0, tree.len() as u8][..], &tree].concat()
        };
        for (bounds, expected) in [
            (&[][..], None),
            (&[0x80, 1, 0], None),
            (&[0x80, 1, 1], Some(ChainReason::NameConstraints)),
            (
                &[0x80, 1, 0, 0x81, 1, 3],
                Some(ChainReason::NameConstraints),
            ),
        ] {
            let tree = tree(bounds);
            let constraints = Constraints::read(&tree).unwrap();
            let name = |kind, contents| TaggedName { kind, contents };
            let budget = ComparisonBudget::for_one_chain();
            assert_eq!(constraints.fault(name(DNS, b"mx.test"), &budget), expected);
            assert_eq!(
                constraints.fault(name(EMAIL, b"a@b.example"), &budget),
                None
            );
        }
    }

    #[test]
    fn a2_comparisons_end_with_their_budget() {
        let subtree = || Subtree {
            base: TaggedName {
                kind: DNS,
                contents: b"excluded.test",
            },
            is_bounded: false,
        };
        let constraints = Constraints {
            permitted: Vec::new(),
            excluded: (0..28_000).map(|_| subtree()).collect(),
        };
        let name = TaggedName {
            kind: DNS,
            contents: b"mx.example",
        };
        let budget = ComparisonBudget::for_one_chain();
        let begun = std::time::Instant::now();
        let faults: Vec<_> = (0..4_000)
            .map(|_| constraints.fault(name, &budget))
            .collect();
        assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
        assert_eq!(faults[0], None);
        assert_eq!(faults[3_999], Some(ChainReason::Unsupported));
    }

    #[test]
    fn directory_names_are_held_to_the_beginning_of_a_name_whatever_the_string_type() {
        let country = |tag| vec![0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 6, tag, 2, b'N', b'L'];
        let common = [0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 12, 1, b'x'];
        let name = [&country(0x13)[..], &common].concat();
        assert_eq!(faults(DIRECTORY, &[&country(12)], &[], &name), None);
        assert_eq!(
            faults(DIRECTORY, &[&common], &[], &name),
            Some(ChainReason::NameConstraints)
        );
        assert_eq!(faults(DIRECTORY, &[], &[&common], &name), None);
        assert_eq!(
            faults(DIRECTORY, &[], &[&country(12)], &name),
            Some(ChainReason::NameConstraints)
        );
    }
}
