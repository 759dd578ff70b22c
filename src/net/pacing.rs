//! Who may be connected to now: one connection at a time to an address, few to an operator and a network prefix,
//! a pause between two connections to one address, a rate over all, and a slower pace for an operator that defers.
//!
//! [`Scheduler`] is plain data: it is told the time and does no I/O. A target that cannot start waits at the one
//! thing it lacks (its address, operator, prefix, or a moment), so that it holds up no other.

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How gently to connect.
#[derive(Clone, Debug)]
pub struct PaceLimits {
    /// Connections at once to the servers of one operator.
    pub per_operator: usize,
    /// Connections at once into one /24 (IPv4) or /48 (IPv6).
    pub per_prefix: usize,
    /// Between the beginnings of two connections to one address.
    pub spacing: Duration,
    /// Connections a second in all; none: unlimited.
    pub rate: Option<f64>,
    /// How many times as long as the last connection to an operator took, the next begins after its beginning at the earliest. With one at
    /// once, anything up to 1 is no limit.
    pub stretch: f64,
}

impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            per_operator: 2,
            per_prefix: 4,
            spacing: Duration::from_secs(1),
            rate: Some(500.0),
            stretch: 0.0,
        }
    }
}

/// Where a target stands in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address that will be connected to.
    pub ip: IpAddr,
    /// Who runs it: the registered domain of the exchange.
    pub operator: Option<Arc<str>>,
    /// Not before this moment: an earlier stage has just been there.
    pub not_before: Option<Instant>,
}

impl Place {
    /// Loopback is nobody's: no prefix, operator or rate counts there.
    fn is_exempt(&self) -> bool {
        self.ip.to_canonical().is_loopback()
    }

    /// /24 of IPv4 or /48 of IPv6, as a number that tells the two apart.
    pub fn prefix(&self) -> u64 {
        match self.ip.to_canonical() {
            IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
            IpAddr::V6(ip) => 1 << 63 | (u128::from(ip) >> 80) as u64,
        }
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Connect to this one now.
    Start(T, Place),
    /// Nothing before this moment, unless something finishes.
    Wait(Instant),
    /// Nothing unless something finishes or is pushed.
    Idle,
}

/// Targets waiting for their turn.
#[derive(Debug)]
pub struct Scheduler<T> {
    limits: PaceLimits,
    rate: Rate,
    ready: VecDeque<Waiting<T>>,
    later: BinaryHeap<Later<T>>,
    addresses: HashMap<IpAddr, Slot<T>>,
    /// Addresses whose last connection is so near that the next must wait, oldest first.
    recent: VecDeque<(Instant, IpAddr)>,
    operators: HashMap<Arc<str>, Slot<T>>,
    /// Operators between two connections that are stretched apart, in the order in which they ended.
    resting: VecDeque<(Instant, Arc<str>)>,
    prefixes: HashMap<u64, Slot<T>>,
    waiting: usize,
    order: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    target: T,
    place: Place,
}

/// A resource with a number of places and a queue before it.
#[derive(Debug)]
struct Slot<T> {
    active: usize,
    /// When the last connection began.
    last: Option<Instant>,
    /// The pause that an operator which defers is given; grows by doubling, shrinks by steps.
    pause: Duration,
    /// Not before this moment: workers elsewhere have their turn.
    rests: Option<Instant>,
    queue: VecDeque<Waiting<T>>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            active: 0,
            last: None,
            pause: Duration::ZERO,
            rests: None,
            queue: VecDeque::new(),
        }
    }
}

impl<T> Slot<T> {
    fn is_forgettable(&self) -> bool {
        self.active == 0 && self.queue.is_empty() && self.pause.is_zero() && self.rests.is_none()
    }
}

/// An operator's first pause after a deferral, and the step by which it shrinks at each success.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_STEP: Duration = Duration::from_millis(250);
const PAUSE_LIMIT: Duration = Duration::from_secs(60);

impl<T> Scheduler<T> {
    /// An empty one. `rate` may be shared with connections that are made beside it.
    pub fn new(limits: PaceLimits, rate: Rate) -> Self {
        Self {
            limits,
            rate,
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            addresses: HashMap::new(),
            recent: VecDeque::new(),
            operators: HashMap::new(),
            resting: VecDeque::new(),
            prefixes: HashMap::new(),
            waiting: 0,
            order: 0,
        }
    }

    /// Targets that have not started.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Adds a target.
    pub fn push(&mut self, target: T, place: Place) {
        self.waiting += 1;
        let entry = Waiting { target, place };
        match entry.place.not_before {
            Some(due) => self.park_until(due, entry),
            None => self.ready.push_back(entry),
        }
    }

    /// The next target that may start.
    pub fn next(&mut self, now: Instant) -> Next<T> {
        self.forget_old(now);
        while self.later.peek().is_some_and(|later| later.due <= now) {
            self.ready.extend(self.later.pop().map(|later| later.entry));
        }
        while let Some(entry) = self.ready.pop_front() {
            if !entry.place.is_exempt()
                && let Err(due) = self.rate.peek(now)
            {
                self.ready.push_front(entry);
                return Next::Wait(due);
            }
            if let Some(entry) = self.admit(entry, now) {
                self.waiting -= 1;
                return Next::Start(entry.target, entry.place);
            }
        }
        self.later
            .peek()
            .map_or(Next::Idle, |later| Next::Wait(later.due))
    }

    /// What [`Scheduler::next`] started is over since `ended`: spacing counts from there.
    pub fn finished(&mut self, place: &Place, ended: Instant, end: ConnectionEnd) {
        let ip = place.ip.to_canonical();
        if let Some(slot) = self.addresses.get_mut(&ip) {
            slot.active = slot.active.saturating_sub(1);
            slot.last = slot.last.max(Some(ended));
            self.ready.extend(slot.queue.pop_front());
            self.recent.push_back((ended + self.limits.spacing, ip));
        }
        if place.is_exempt() {
            return;
        }
        release(&mut self.prefixes, &place.prefix(), &mut self.ready);
        if let Some(operator) = &place.operator {
            if let Some(slot) = self.operators.get_mut(operator) {
                slot.pause = match end {
                    ConnectionEnd::Answered => slot.pause.saturating_sub(PAUSE_STEP),
                    ConnectionEnd::Deferred => (slot.pause * 2).clamp(PAUSE, PAUSE_LIMIT),
                    ConnectionEnd::Silent => slot.pause,
                };
                if self.limits.stretch > 1.0
                    && let Some(began) = slot.last
                {
                    let took = ended.saturating_duration_since(began);
                    let due = began + took.mul_f64(self.limits.stretch);
                    slot.rests = Some(due);
                    self.resting.push_back((due, operator.clone()));
                }
            }
            release(&mut self.operators, operator, &mut self.ready);
        }
    }

    /// Everything that has not started, in no particular order.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + '_ {
        self.waiting = 0;
        let queues = (self.addresses.values_mut())
            .chain(self.operators.values_mut())
            .chain(self.prefixes.values_mut());
        let parked = queues.flat_map(|slot| slot.queue.drain(..));
        let later = self.later.drain().map(|later| later.entry);
        self.ready
            .drain(..)
            .chain(later)
            .chain(parked)
            .map(|entry| entry.target)
    }

    /// Takes every resource for `entry`, or parks it before the first that it lacks.
    fn admit(&mut self, entry: Waiting<T>, now: Instant) -> Option<Waiting<T>> {
        let place = &entry.place;
        let ip = place.ip.to_canonical();
        let address = self.addresses.entry(ip).or_default();
        if address.active > 0 {
            let place = entry.place.clone();
            address.queue.push_back(entry);
            self.wake_others(&place);
            return None;
        }
        if let Some(due) = address
            .last
            .map(|last| last + self.limits.spacing)
            .filter(|&due| due > now)
        {
            let place = entry.place.clone();
            self.park_until(due, entry);
            self.wake_others(&place);
            return None;
        }
        if !place.is_exempt() {
            if let Some(name) = &place.operator {
                let operator = self.operators.entry(name.clone()).or_default();
                if operator.active >= self.limits.per_operator {
                    operator.queue.push_back(entry);
                    return None;
                }
                let paused = operator
                    .last
                    .filter(|_| !operator.pause.is_zero())
                    .map(|last| last + operator.pause);
                if let Some(due) = paused.max(operator.rests).filter(|&due| due > now) {
                    self.park_until(due, entry);
                    return None;
                }
            }
            let prefix = self.prefixes.entry(place.prefix()).or_default();
            if prefix.active >= self.limits.per_prefix {
                let place = entry.place.clone();
                prefix.queue.push_back(entry);
                self.wake_others(&place);
                return None;
            }
            prefix.active += 1;
            if let Some(operator) = place
                .operator
                .as_ref()
                .and_then(|name| self.operators.get_mut(name))
            {
                operator.active += 1;
                operator.last = Some(now);
            }
            self.rate.take(now);
        }
        let address = self.addresses.entry(ip).or_default();
        address.active += 1;
        address.last = Some(now);
        Some(entry)
    }

    /// What `place` was let through to and then did not use is offered to the next in line.
    fn wake_others(&mut self, place: &Place) {
        if place.is_exempt() {
            return;
        }
        if let Some(slot) = place
            .operator
            .as_ref()
            .and_then(|name| self.operators.get_mut(name))
            && slot.active < self.limits.per_operator
        {
            self.ready.extend(slot.queue.pop_front());
        }
        if let Some(slot) = self.prefixes.get_mut(&place.prefix())
            && slot.active < self.limits.per_prefix
        {
            self.ready.extend(slot.queue.pop_front());
        }
    }

    fn park_until(&mut self, due: Instant, entry: Waiting<T>) {
        self.order += 1;
        self.later.push(Later {
            due,
            order: self.order,
            entry,
        });
    }

    /// Forgets addresses whose spacing is over.
    fn forget_old(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|&(due, _)| due <= now) {
            if let Some((_, ip)) = self.recent.pop_front()
                && let Some(slot) = self.addresses.get(&ip)
                && slot.is_forgettable()
                && slot
                    .last
                    .is_none_or(|last| last + self.limits.spacing <= now)
            {
                self.addresses.remove(&ip);
            }
        }
        while self.resting.front().is_some_and(|&(due, _)| due <= now) {
            if let Some((_, operator)) = self.resting.pop_front()
                && let Some(slot) = self.operators.get_mut(&operator)
            {
                slot.rests = slot.rests.filter(|&due| due > now);
                if slot.is_forgettable() {
                    self.operators.remove(&operator);
                }
            }
        }
    }
}

fn release<K: Eq + Hash, T>(
    slots: &mut HashMap<K, Slot<T>>,
    key: &K,
    ready: &mut VecDeque<Waiting<T>>,
) {
    let Some(slot) = slots.get_mut(key) else {
        return;
    };
    slot.active = slot.active.saturating_sub(1);
    ready.extend(slot.queue.pop_front());
    if slot.is_forgettable() {
        slots.remove(key);
    }
}

/// How a connection went, as far as the pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The server answered.
    Answered,
    /// The server said 421 or another 4xx: its operator is given more time.
    Deferred,
    /// It did not come to an answer.
    Silent,
}

#[derive(Debug)]
struct Later<T> {
    due: Instant,
    order: u64,
    entry: Waiting<T>,
}

impl<T> PartialEq for Later<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl<T> Eq for Later<T> {}

impl<T> PartialOrd for Later<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Later<T> {
    /// The earliest is the greatest: [`BinaryHeap`] gives the greatest first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

/// Connections a second over everything that connects; clones share it.
#[derive(Clone, Debug)]
pub struct Rate {
    interval: Duration,
    next: Arc<Mutex<Option<Instant>>>,
}

/// How far behind its rate a burst may catch up: timers are no finer than this.
const BURST: Duration = Duration::from_millis(5);

impl Rate {
    /// `per_second` connections; none: unlimited.
    pub fn new(per_second: Option<f64>) -> Self {
        let interval =
            per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        Self {
            interval,
            next: Arc::default(),
        }
    }

    fn peek(&self, now: Instant) -> Result<(), Instant> {
        match *self.lock() {
            Some(next) if next > now => Err(next),
            _ => Ok(()),
        }
    }

    /// Takes the next place and says when it is.
    pub fn take(&self, now: Instant) -> Instant {
        if self.interval.is_zero() {
            return now;
        }
        let mut next = self.lock();
        let floor = now.checked_sub(BURST).unwrap_or(now);
        let due = next.map_or(now, |next| next.max(floor));
        *next = Some(due + self.interval);
        due
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // The guarded value is one word, whole at any moment: a poisoned lock guards nothing broken.
        self.next
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn scheduler(limits: PaceLimits) -> Scheduler<u32> {
        let rate = Rate::new(limits.rate);
        Scheduler::new(limits, rate)
    }

    fn place(ip: &str, operator: &str) -> Place {
        Place {
            ip: ip.parse().unwrap(),
            operator: Some(operator.into()),
            not_before: None,
        }
    }

    /// Starts all that may start now.
    fn start_all(scheduler: &mut Scheduler<u32>, now: Instant) -> Vec<(u32, Place)> {
        let mut started = Vec::new();
        while let Next::Start(target, place) = scheduler.next(now) {
            started.push((target, place));
        }
        started
    }

    #[test]
    fn an_address_is_connected_to_once_at_a_time_and_with_spacing() {
        let mut scheduler = scheduler(PaceLimits::default());
        let now = Instant::now();
        for target in 0..3 {
            scheduler.push(target, place("127.0.0.1", "a.example"));
        }
        let first = start_all(&mut scheduler, now);
        assert_eq!(first.len(), 1);
        assert_eq!(scheduler.next(now + 5 * SECOND), Next::Idle);
        scheduler.finished(&first[0].1, now, ConnectionEnd::Answered);
        assert_eq!(scheduler.next(now + SECOND / 2), Next::Wait(now + SECOND));
        let second = start_all(&mut scheduler, now + SECOND);
        assert_eq!(second.len(), 1);
        scheduler.finished(&second[0].1, now + SECOND, ConnectionEnd::Answered);
        assert_eq!(start_all(&mut scheduler, now + 2 * SECOND).len(), 1);
        assert!(scheduler.is_empty());
    }

    #[test]
    fn an_operator_and_a_prefix_have_their_places_and_hold_up_nobody_else() {
        let mut scheduler = scheduler(PaceLimits {
            rate: None,
            ..PaceLimits::default()
        });
        let now = Instant::now();
        for target in 0..10u32 {
            scheduler.push(target, place(&format!("9.9.{target}.1"), "big.example"));
        }
        for target in 10..20u32 {
            scheduler.push(
                target,
                place(&format!("8.8.8.{target}"), &format!("own{target}.example")),
            );
        }
        let started = start_all(&mut scheduler, now);
        let of = |range: std::ops::Range<u32>| {
            started
                .iter()
                .filter(|(target, _)| range.contains(target))
                .count()
        };
        assert_eq!((of(0..10), of(10..20)), (2, 4));
        let mut done = 0;
        let mut running = started;
        let mut at = now;
        while !running.is_empty() {
            at += SECOND;
            for (_, place) in running.drain(..) {
                scheduler.finished(&place, at, ConnectionEnd::Answered);
                done += 1;
            }
            running = start_all(&mut scheduler, at);
            assert!(running.len() <= 6);
        }
        assert_eq!((done, scheduler.len()), (20, 0));
        assert!(scheduler.operators.is_empty() && scheduler.prefixes.is_empty());
    }

    #[test]
    fn workers_that_share_an_operator_begin_no_more_often_than_one_process() {
        let mut scheduler = scheduler(PaceLimits {
            per_operator: 1,
            stretch: 4.0,
            rate: None,
            ..PaceLimits::default()
        });
        let mut now = Instant::now();
        for target in 0..10u32 {
            scheduler.push(target, place(&format!("9.9.{target}.1"), "big.example"));
        }
        let mut begun = Vec::new();
        while !scheduler.is_empty() {
            match scheduler.next(now) {
                Next::Start(_, place) => {
                    begun.push(now);
                    assert_eq!(scheduler.next(now), Next::Idle);
                    now += SECOND;
                    scheduler.finished(&place, now, ConnectionEnd::Answered);
                }
                Next::Wait(due) => now = due,
                Next::Idle => panic!("stalled"),
            }
        }
        assert!(begun.windows(2).all(|pair| pair[1] - pair[0] == 4 * SECOND));
        // The last connection is over, and so is the rest behind it: nothing is remembered.
        assert_eq!(scheduler.next(now + 10 * SECOND), Next::Idle);
        assert!(scheduler.operators.is_empty() && scheduler.resting.is_empty());
    }

    #[test]
    fn an_operator_that_defers_is_given_more_time_and_recovers_by_steps() {
        let mut scheduler = scheduler(PaceLimits {
            rate: None,
            ..PaceLimits::default()
        });
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for target in 0..12u32 {
            scheduler.push(target, place(&format!("9.9.{target}.1"), "big.example"));
        }
        for turn in 0..12 {
            let Next::Start(_, place) = (match scheduler.next(now) {
                Next::Wait(due) => {
                    pauses.push((due - now).as_millis());
                    now = due;
                    scheduler.next(now)
                }
                next => next,
            }) else {
                panic!("stalled at {turn}")
            };
            scheduler.finished(
                &place,
                now,
                if turn < 3 {
                    ConnectionEnd::Deferred
                } else {
                    ConnectionEnd::Answered
                },
            );
        }
        assert_eq!(
            pauses,
            [
                1000, 2000, 4000, 3750, 3500, 3250, 3000, 2750, 2500, 2250, 2000
            ]
        );
    }

    #[test]
    fn the_rate_bounds_everything_but_loopback() {
        let mut scheduler = scheduler(PaceLimits {
            rate: Some(100.0),
            ..PaceLimits::default()
        });
        let mut now = Instant::now();
        let end = now + SECOND;
        for target in 0..1000u32 {
            let (high, low) = (target / 200, target % 200);
            scheduler.push(
                target,
                place(&format!("9.{high}.{low}.1"), &format!("o{target}.example")),
            );
        }
        let mut started = 0;
        while now < end {
            match scheduler.next(now) {
                Next::Start(..) => started += 1,
                Next::Wait(due) => now = due,
                Next::Idle => break,
            }
        }
        assert!((95..=105).contains(&started), "{started}");
    }

    #[test]
    fn nothing_is_lost_and_no_limit_is_broken_in_any_order() {
        use proptest::prelude::*;
        proptest!(|(targets in prop::collection::vec((0u8..6, 0u8..4, 0u8..3), 1..120), seed in any::<u64>())| {
            let limits = PaceLimits { rate: None, ..PaceLimits::default() };
            let mut scheduler = scheduler(limits);
            let mut now = Instant::now();
            for (index, (net, host, operator)) in targets.iter().enumerate() {
                scheduler.push(index as u32, place(&format!("9.9.{net}.{host}"), &format!("o{operator}.example")));
            }
            let mut running: Vec<(u32, Place, Instant)> = Vec::new();
            let mut last: HashMap<IpAddr, Instant> = HashMap::new();
            let mut seen = vec![false; targets.len()];
            let mut random = seed;
            loop {
                match scheduler.next(now) {
                    Next::Start(target, place) => {
                        prop_assert!(!std::mem::replace(&mut seen[target as usize], true));
                        prop_assert!(running.iter().all(|(_, other, _)| other.ip != place.ip));
                        prop_assert!(running.iter().filter(|(_, other, _)| other.operator == place.operator).count() < 2);
                        prop_assert!(running.iter().filter(|(_, other, _)| other.prefix() == place.prefix()).count() < 4);
                        if let Some(earlier) = last.insert(place.ip, now) {
                            prop_assert!(now - earlier >= SECOND);
                        }
                        running.push((target, place, now));
                    }
                    next if !running.is_empty() => {
                        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                        if let (Next::Wait(due), true) = (&next, random >> 60 < 4) { now = *due; }
                        let (_, place, began) = running.swap_remove((random >> 33) as usize % running.len());
                        scheduler.finished(&place, began, ConnectionEnd::Answered);
                    }
                    Next::Wait(due) => now = due,
                    Next::Idle => break,
                }
            }
            prop_assert!(seen.iter().all(|&seen| seen), "lost {:?}", seen);
            prop_assert!(scheduler.is_empty());
        });
    }

    #[test]
    fn what_waits_can_be_taken_out() {
        let mut scheduler = scheduler(PaceLimits::default());
        let now = Instant::now();
        for target in 0..50u32 {
            scheduler.push(
                target,
                place(&format!("9.9.{}.1", target % 5), "big.example"),
            );
        }
        let started = start_all(&mut scheduler, now).len();
        let rest = scheduler.drain().count();
        assert_eq!((started + rest, scheduler.len()), (50, 0));
    }
}
