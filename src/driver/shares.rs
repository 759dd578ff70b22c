//! Whose targets wait: of one operator at most a share of the room; the rest waits packed, in its own line, until a place of that
//! share is free. So no operator keeps the reader from the targets of others.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::pacing::Place;

/// Of the room, one operator has at most one part in so many.
const PARTS: usize = 10;
/// The most octets that packed targets take in all; then reading stops for lack of room.
const OCTETS: usize = 128 << 20;
/// What a packed target takes beside its octets: its place in the line, and the allocator's word.
const OVERHEAD: usize = size_of::<Packed>() + 16;

/// Who has a share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// The registered domain of the exchange.
    Operator(Arc<str>),
    /// Where that is not known: the /24 or /48.
    Prefix(u64),
}

impl Holder {
    fn new(place: &Place) -> Self {
        match &place.operator {
            Some(operator) => Self::Operator(operator.clone()),
            None => Self::Prefix(place.prefix()),
        }
    }
}

/// A target that waits behind its share.
#[derive(Debug)]
struct Packed {
    ip: IpAddr,
    /// Not before so many milliseconds after the beginning of the run.
    due_ms: Option<u64>,
    job: Box<[u8]>,
}

#[derive(Debug, Default)]
struct Share {
    /// Targets that wait in the scheduler.
    waiting: usize,
    /// Those behind them.
    held: VecDeque<Packed>,
}

/// The shares of all operators that have targets waiting.
#[derive(Debug)]
pub(super) struct Shares {
    began: Instant,
    /// The most targets of one operator in the scheduler.
    most: usize,
    by: HashMap<Holder, Share>,
    /// Packed targets, and their octets.
    held: usize,
    octets: usize,
}

impl Shares {
    /// Of room for `backlog` targets.
    pub(super) fn new(backlog: usize) -> Self {
        Self {
            began: Instant::now(),
            most: (backlog / PARTS).max(1),
            by: HashMap::new(),
            held: 0,
            octets: 0,
        }
    }

    /// Targets that wait packed.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.octets < OCTETS
    }

    /// Whether a target at `place` has to wait behind the share of its operator.
    pub(super) fn is_full(&self, place: &Place) -> bool {
        let share = self.by.get(&Holder::new(place));
        share.is_some_and(|share| share.waiting >= self.most)
    }

    /// One more waits in the scheduler.
    pub(super) fn add(&mut self, place: &Place) {
        self.by.entry(Holder::new(place)).or_default().waiting += 1;
    }

    /// One less waits there.
    pub(super) fn remove(&mut self, place: &Place) {
        let holder = Holder::new(place);
        if let Some(share) = self.by.get_mut(&holder) {
            share.waiting = share.waiting.saturating_sub(1);
            if share.waiting == 0 && share.held.is_empty() {
                self.by.remove(&holder);
            }
        }
    }

    /// Lets a packed target wait behind the share of its operator.
    pub(super) fn hold(&mut self, place: &Place, job: Vec<u8>) {
        let wait = place
            .not_before
            .map(|due| due.saturating_duration_since(self.began));
        let packed = Packed {
            ip: place.ip,
            // Rounded up: never earlier.
            due_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX - 1) + 1),
            job: job.into(),
        };
        self.held += 1;
        self.octets += packed.job.len() + OVERHEAD;
        let share = self.by.entry(Holder::new(place)).or_default();
        share.held.push_back(packed);
    }

    /// The next target of the operator of `place`, if its share has room again.
    pub(super) fn take_up(&mut self, place: &Place) -> Option<(Place, Box<[u8]>)> {
        let share = self.by.get_mut(&Holder::new(place))?;
        if share.waiting >= self.most {
            return None;
        }
        let packed = share.held.pop_front()?;
        if share.held.len() < share.held.capacity() / 4 {
            share.held.shrink_to(share.held.len() * 2);
        }
        self.held -= 1;
        self.octets -= packed.job.len() + OVERHEAD;
        let due = |ms| self.began.checked_add(Duration::from_millis(ms));
        let place = Place {
            ip: packed.ip,
            operator: place.operator.clone(),
            not_before: packed.due_ms.and_then(due),
        };
        Some((place, packed.job))
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.by.clear();
        self.held = 0;
        self.octets = 0;
    }

    /// The operator for which most targets wait.
    pub(super) fn longest(&self) -> Option<&str> {
        let operators = self.by.iter().filter_map(|(holder, share)| match holder {
            Holder::Operator(name) => Some((share.waiting + share.held.len(), name)),
            Holder::Prefix(_) => None,
        });
        let longest = operators.max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        longest.map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ip: &str, operator: Option<&str>) -> Place {
        Place {
            ip: ip.parse().unwrap(),
            operator: operator.map(Arc::from),
            not_before: None,
        }
    }

    #[test]
    fn a_share_is_a_tenth_and_what_is_behind_it_comes_in_order() {
        let mut shares = Shares::new(20);
        let big = |last: usize| place(&format!("9.9.9.{last}"), Some("big.example"));
        for last in 0..7usize {
            assert_eq!(shares.is_full(&big(last)), last >= 2);
            if last < 2 {
                shares.add(&big(last));
            } else {
                shares.hold(&big(last), vec![last as u8; 40]);
            }
        }
        assert!(!shares.is_full(&place("9.9.9.9", Some("own.example"))));
        assert_eq!((shares.held(), shares.longest()), (5, Some("big.example")));
        assert_eq!(shares.octets, 5 * (40 + OVERHEAD));
        assert_eq!(shares.take_up(&big(0)), None);
        for last in 2..7u8 {
            shares.remove(&big(0));
            let (place, job) = shares.take_up(&big(0)).unwrap();
            assert_eq!((place, &job[..1]), (big(last.into()), &[last][..]));
            shares.add(&big(0));
            assert_eq!(shares.take_up(&big(0)), None);
        }
        shares.remove(&big(0));
        assert_eq!(shares.take_up(&big(0)), None);
        shares.remove(&big(0));
        assert!(shares.by.is_empty());
        assert_eq!((shares.held(), shares.octets), (0, 0));
    }

    #[test]
    fn without_an_operator_the_prefix_has_the_share() {
        let mut shares = Shares::new(1);
        shares.add(&place("9.9.9.1", None));
        assert!(shares.is_full(&place("9.9.9.2", None)));
        assert!(!shares.is_full(&place("9.9.8.2", None)));
        assert_eq!(shares.longest(), None);
    }

    #[test]
    fn what_waits_packed_is_due_no_earlier_than_before_and_is_bounded() {
        let mut shares = Shares::new(1);
        let due = Instant::now() + Duration::from_micros(1_234_567);
        let mut place = place("9.9.9.1", None);
        place.not_before = Some(due);
        shares.hold(&place, Vec::new());
        let (taken, _) = shares.take_up(&place).unwrap();
        let late = taken.not_before.unwrap() - due;
        assert!(late <= Duration::from_millis(2), "{late:?}");
        shares.hold(&place, vec![0; OCTETS]);
        assert!(!shares.has_room());
        shares.clear();
        assert!(shares.has_room());
    }
}
