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
        let (entry, is_new) = self.entry(key, make);
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

    /// How many values are in here.
    pub fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is in here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entry(&self, key: &K, make: impl FnOnce() -> BoxFuture<'static, V>) -> (Entry<V>, bool) {
        let mut generations = self.lock();
        if let Some(entry) = generations.young.get(key) {
            return (entry.clone(), false);
        }
        let kept = generations.old.remove(key);
        let is_new = kept.is_none();
        if let Some(Entry::Known(value)) = &kept {
            generations.octets += (self.octets)(value);
        }
        let entry = kept.unwrap_or_else(|| Entry::InFlight(make().shared()));
        if generations.young.len() >= self.limit.div_ceil(2)
            || generations.octets > self.limit * OCTETS / 2
        {
            generations.turn_over();
        }
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
