//! Sets of addresses as ranges that neither meet nor overlap: unions and differences at any size.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which of the two families, as the position of its half in every pair here.
pub const IPV4: usize = 0;
/// The other one.
pub const IPV6: usize = 1;

/// A set of addresses of one family, as first and last of each range, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space(Vec<(u128, u128)>);

/// The last address of a family.
pub const fn last(family: usize) -> u128 {
    match family {
        IPV4 => u32::MAX as u128,
        _ => u128::MAX,
    }
}

impl Space {
    /// Every address of a family.
    pub fn all(family: usize) -> Self {
        Self(vec![(0, last(family))])
    }

    /// The network of `prefix` bits around an address.
    pub fn network(address: IpAddr, prefix: u8) -> Self {
        let (number, bits, family) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32, IPV4),
            IpAddr::V6(address) => (u128::from(address), 128, IPV6),
        };
        let host = last(family).checked_shr(u32::from(prefix)).unwrap_or(0);
        debug_assert!(prefix <= bits);
        Self(vec![(number & !host, number | host)])
    }

    /// Many sets in one, at the cost of a sort.
    pub fn union(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut ranges: Vec<_> = parts.into_iter().flat_map(|part| part.0).collect();
        ranges.sort_unstable();
        let mut union: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, end) in ranges {
            match union.last_mut() {
                Some((_, before)) if first <= before.saturating_add(1) => {
                    *before = end.max(*before)
                }
                _ => union.push((first, end)),
            }
        }
        Self(union)
    }

    /// Puts what is in `other` into it.
    pub fn add(&mut self, other: Self) {
        match (self.0.last(), other.0.first()) {
            (_, None) => {}
            (None, _) => *self = other,
            // Behind all of it: nothing meets, and nothing needs a sort.
            (Some((_, end)), Some((first, _))) if end.saturating_add(1) < *first => {
                self.0.extend(other.0);
            }
            (Some((_, end)), Some((first, last))) if *first <= self.0[0].0 && end <= last => {
                // One range that covers all of it.
                *self = match other.0.len() {
                    1 => other,
                    _ => Self::union([std::mem::take(self), other]),
                };
            }
            _ => *self = Self::union([std::mem::take(self), other]),
        }
    }

    /// What is in it and not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        let mut holes = other.0.iter().peekable();
        for &(first, end) in &self.0 {
            let mut from = Some(first);
            while let Some(&&(hole, hole_end)) = holes.peek() {
                let Some(begin) = from else { break };
                if hole > end {
                    break;
                }
                if hole_end >= begin {
                    if hole > begin {
                        left.push((begin, hole - 1));
                    }
                    from = hole_end.checked_add(1).filter(|next| *next <= end);
                }
                if hole_end > end {
                    // It reaches into the next range.
                    break;
                }
                holes.next();
            }
            left.extend(from.map(|begin| (begin, end)));
        }
        Self(left)
    }

    /// Whether every address of the family is in it.
    pub fn is_all(&self, family: usize) -> bool {
        self.0 == [(0, last(family))]
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many addresses are in it; one too few for all of IPv6.
    pub fn count(&self) -> u128 {
        let count = |&(first, end): &(u128, u128)| (end - first).saturating_add(1);
        self.0.iter().map(count).fold(0, u128::saturating_add)
    }

    /// The fewest networks that make it up, ascending.
    pub fn networks(&self, family: usize) -> impl Iterator<Item = String> {
        let bits = if family == IPV4 { 32 } else { 128 };
        self.0.iter().flat_map(move |&(first, end)| {
            let mut next = Some(first);
            std::iter::from_fn(move || {
                let begin = next?;
                // As large as its alignment and what is left allow.
                let aligned = begin.trailing_zeros().min(bits);
                let room = match (end - begin).checked_add(1) {
                    Some(left) => 127 - left.leading_zeros(),
                    None => 128,
                };
                let size = aligned.min(room);
                let host = u128::MAX.checked_shr(128 - size).unwrap_or(0);
                next = (begin | host).checked_add(1).filter(|next| *next <= end);
                Some(format!("{}/{}", address(begin, family), bits - size))
            })
        })
    }
}

fn address(number: u128, family: usize) -> IpAddr {
    match family {
        IPV4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(ranges: &[(u128, u128)]) -> Space {
        Space::union(ranges.iter().map(|&range| Space(vec![range])))
    }

    #[test]
    fn networks_come_back_as_they_went_in() {
        for (text, prefix) in [
            ("192.0.2.0", 24),
            ("0.0.0.0", 0),
            ("192.0.2.1", 32),
            ("2001:db8::", 32),
            ("::", 0),
            ("::1", 128),
        ] {
            let address: IpAddr = text.parse().unwrap();
            let family = if address.is_ipv4() { IPV4 } else { IPV6 };
            let space = Space::network(address, prefix);
            assert_eq!(
                space.networks(family).collect::<Vec<_>>(),
                [format!("{text}/{prefix}")]
            );
        }
        assert_eq!(
            Space::network("10.0.0.0".parse().unwrap(), 8).count(),
            1 << 24
        );
        assert_eq!(Space::all(IPV4).count(), 1 << 32);
        assert!(Space::all(IPV6).is_all(IPV6));
    }

    proptest! {
        #[test]
        fn sets_are_what_a_list_of_numbers_says(
            one in proptest::collection::vec((0u128..64, 0u128..64), 0..8),
            two in proptest::collection::vec((0u128..64, 0u128..64), 0..8),
        ) {
            let ordered = |ranges: &[(u128, u128)]| -> Vec<_> {
                ranges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect()
            };
            let has = |ranges: &[(u128, u128)], number| ranges.iter().any(|&(a, b)| (a..=b).contains(&number));
            let (one, two) = (ordered(&one), ordered(&two));
            let (left, right) = (set(&one), set(&two));
            let expected = (0..64).filter(|&number| has(&one, number) && !has(&two, number));
            let difference = left.without(&right);
            let found: Vec<u128> = difference.0.iter().flat_map(|&(a, b)| a..=b).collect();
            prop_assert_eq!(&found, &expected.collect::<Vec<_>>());
            prop_assert_eq!(difference.count(), found.len() as u128);
            let mut added = left.clone();
            added.add(right.clone());
            let both = Space::union([left, right]);
            prop_assert_eq!(&added, &both);
            let expected = (0..64).filter(|&number| has(&one, number) || has(&two, number));
            prop_assert_eq!(both.0.iter().flat_map(|&(a, b)| a..=b).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
