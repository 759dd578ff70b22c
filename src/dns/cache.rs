//! A bounded cache that asks once: whoever wants what is being asked for already waits for that one answer.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt, Shared};
use hashbrown::HashMap;

/// Values by key, each made once while it is in here.
///
/// Two generations stand in for a list of uses: when the young one is full, the old one goes, and what is used again
/// moves from the old to the young.
pub struct Cache<K, V: Clone> {
    generations: Mutex<Generations<K, V>>,
    limit: usize,
    octets: Box<dyn Fn(&V) -> usize + Send + Sync>,
}

/// For each value of the limit so many octets may be in here, in all.
const OCTETS: usize = 512;

struct Generations<K, V: Clone> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
    /// Of the values in `young`; those of `old` are no more than half of what is allowed.
    octets: usize,
}

enum Entry<V: Clone> {
    /// Being made; every asker may drive it, so that none depends on another's patience.
    InFlight(Shared<BoxFuture<'static, V>>),
    Known(V),
}

impl<V: Clone> Clone for Entry<V> {
    fn clone(&self) -> Self {
        match self {
            Self::InFlight(flight) => Self::InFlight(flight.clone()),
            Self::Known(value) => Self::Known(value.clone()),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// A cache of at most `limit` values, and of half a KiB for each of them in all, measured by `octets`: what others choose
    /// the size of must not choose ours.
    pub fn new(limit: usize, octets: Box<dyn Fn(&V) -> usize + Send + Sync>) -> Self {
        Self {
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                octets: 0,
            }),
            limit,
            octets,
        }
    }

    /// The value of `key`, and whether this call is the one that had it made.
    pub async fn get_or_make(
        &self,
        key: &K,
        make: impl FnOnce() -> BoxFuture<'static, V>,
    ) -> (V, bool) {
        self.get_or_make_again(key, |_| false, |_| make()).await
    }

    /// The same, but a value that `is_stale` is made once more; `make` is given that value.
    pub async fn get_or_make_again(
        &self,
        key: &K,
        is_stale: impl FnOnce(&V) -> bool,
        make: impl FnOnce(Option<&V>) -> BoxFuture<'static, V>,
    ) -> (V, bool) {
        let (entry, is_new) = self.entry(key, is_stale, make);
        let value = match entry {
            Entry::Known(value) => return (value, false),
            Entry::InFlight(flight) => flight.await,
        };
        if is_new {
            let octets = (self.octets)(&value);
            let mut generations = self.lock();
            generations.settle(key, value.clone(), octets);
            if generations.octets > self.limit * OCTETS / 2 {
                generations.turn_over();
            }
        }
        (value, is_new)
    }

    /// The value of `key`, if it is in here and made.
    pub fn known(&self, key: &K) -> Option<V> {
        match self.lock().young.get(key)? {
            Entry::Known(value) => Some(value.clone()),
            Entry::InFlight(_) => None,
        }
    }

    /// How many values are in here.
    pub fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is in here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entry(
        &self,
        key: &K,
        is_stale: impl FnOnce(&V) -> bool,
        make: impl FnOnce(Option<&V>) -> BoxFuture<'static, V>,
    ) -> (Entry<V>, bool) {
        let mut generations = self.lock();
        let (mut stale, mut moved) = (None, 0);
        let young = generations.young.get(key).cloned();
        let is_young = young.is_some();
        let mut kept = young.or_else(|| generations.old.remove(key));
        if let Some(Entry::Known(value)) = &kept {
            let octets = (self.octets)(value);
            if is_stale(value) {
                if is_young {
                    generations.young.remove(key);
                    generations.octets -= octets;
                }
                stale = Some(value.clone());
                kept = None;
            } else if !is_young {
                moved = octets;
            }
        }
        if is_young && let Some(entry) = kept {
            return (entry, false);
        }
        let is_new = kept.is_none();
        let entry = kept.unwrap_or_else(|| Entry::InFlight(make(stale.as_ref()).shared()));
        if generations.young.len() >= self.limit.div_ceil(2)
            || generations.octets + moved > self.limit * OCTETS / 2
        {
            generations.turn_over();
        }
        generations.octets += moved;
        generations.young.insert(key.clone(), entry.clone());
        (entry, is_new)
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        // Whole at every step: `make` only builds a future.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Generations<K, V> {
    /// The young ones are the old ones now, and what was old is gone.
    fn turn_over(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.octets = 0;
    }

    fn settle(&mut self, key: &K, value: V, octets: usize) {
        // It may have been dropped to make room.
        if let Some(entry) = self.young.get_mut(key) {
            *entry = Entry::Known(value);
            self.octets += octets;
        } else if self.old.remove(key).is_some() {
            // Young again, and weighed there.
            self.young.insert(key.clone(), Entry::Known(value));
            self.octets += octets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn slow(made: &Arc<AtomicUsize>, value: u32) -> BoxFuture<'static, u32> {
        let made = Arc::clone(made);
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            made.fetch_add(1, Ordering::Relaxed);
            value
        }
        .boxed()
    }

    #[tokio::test]
    async fn concurrent_askers_share_one_question() {
        let (cache, made) = (Cache::new(10, Box::new(|_| 1)), Arc::default());
        let ask = || cache.get_or_make(&1, || slow(&made, 7));
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert_eq!([one.0, two.0, three.0], [7; 3]);
        assert_eq!(
            [one.1, two.1, three.1]
                .iter()
                .filter(|first| **first)
                .count(),
            1
        );
        assert_eq!(ask().await, (7, false));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn who_gives_up_does_not_leave_the_others_waiting() {
        let (cache, made) = (Arc::new(Cache::new(10, Box::new(|_| 1))), Arc::default());
        let impatient = tokio::time::timeout(
            Duration::from_millis(1),
            cache.get_or_make(&1, || slow(&made, 7)),
        );
        assert!(impatient.await.is_err());
        assert_eq!(cache.get_or_make(&1, || slow(&made, 8)).await, (7, false));
    }

    #[tokio::test]
    async fn what_is_stale_is_made_once_more_and_weighed_once() {
        let cache = Cache::new(10, Box::new(|_: &u32| 100));
        let count_up = |stale: Option<&u32>| {
            let next = stale.map_or(0, |value| value + 1);
            async move { next }.boxed()
        };
        for round in 0..20 {
            let again = || cache.get_or_make_again(&1, |_| true, count_up);
            assert_eq!(again().await, (round, true));
            let fresh = cache.get_or_make_again(&1, |_| false, count_up);
            assert_eq!(fresh.await, (round, false));
            assert_eq!(cache.lock().octets, 100, "one value is in here");
        }
    }

    #[tokio::test]
    async fn it_stays_within_its_bound_and_keeps_what_is_used() {
        let (cache, made) = (
            Cache::new(10, Box::new(|_| 1)),
            Arc::new(AtomicUsize::new(0)),
        );
        for key in 0..1000 {
            let make = |value| move || async move { value }.boxed();
            cache.get_or_make(&key, make(key)).await;
            cache.get_or_make(&0, || slow(&made, 0)).await;
            assert!(cache.len() <= 10);
        }
        assert_eq!(made.load(Ordering::Relaxed), 0, "0 was used all the time");
    }

    #[tokio::test]
    async fn a7_it_stays_within_its_octets_whatever_the_size_of_its_values() {
        const LIMIT: usize = 100;
        let cache = Cache::new(LIMIT, Box::new(|value: &Arc<Vec<u8>>| value.len()));
        for key in 0..1000_usize {
            let length = if key.is_multiple_of(7) { 10_000 } else { 10 };
            let value = Arc::new(vec![0; length]);
            let mut asked = key;
            // Old ones are asked for again, in no order.
            for _ in 0..3 {
                let value = value.clone();
                cache
                    .get_or_make(&asked, || async move { value }.boxed())
                    .await;
                asked = asked * 7919 % (key + 1);
            }
            let generations = cache.lock();
            let entries = generations.young.values().chain(generations.old.values());
            let octets: usize = entries
                .map(|entry| match entry {
                    Entry::Known(value) => value.len(),
                    Entry::InFlight(_) => 0,
                })
                .sum();
            assert!(octets <= LIMIT * OCTETS + 10_000, "{octets}");
        }
    }
}
