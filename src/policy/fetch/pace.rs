//! When a policy host may be connected to: few at once to an address, a pause between two beginnings, a rate over all.
//!
//! A policy host serves thousands of domains, so that its pace is another than that of a mail server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::net::pacing::Rate;

/// Addresses that are remembered without a connection to them; then those that nobody waits for are forgotten.
const IDLE_LIMIT: usize = 4096;

/// How gently to fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Connections at once to an address.
    pub per_address: usize,
    /// Between the beginnings of two connections to an address.
    pub spacing: Duration,
    /// Connections a second in all, loopback aside; none: unlimited.
    pub rate: Option<f64>,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            per_address: 2,
            spacing: Duration::from_millis(25),
            rate: Some(500.0),
        }
    }
}

/// Lets connections begin, in the order in which they asked for an address.
#[derive(Debug)]
pub struct FetchPace {
    limits: FetchLimits,
    rate: Rate,
    addresses: Mutex<HashMap<IpAddr, Address>>,
}

#[derive(Debug)]
struct Address {
    places: Arc<Semaphore>,
    /// When the next connection may begin.
    next: Instant,
}

/// A place at an address, until it is dropped.
#[derive(Debug)]
pub struct Permit(#[allow(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl FetchPace {
    /// A pace; nobody is connected to yet.
    pub fn new(limits: FetchLimits) -> Self {
        Self {
            limits,
            rate: Rate::new(limits.rate),
            addresses: Mutex::default(),
        }
    }

    /// Waits until a connection to `ip` may begin.
    pub async fn enter(&self, ip: IpAddr) -> Permit {
        let ip = ip.to_canonical();
        let places = self.places(ip);
        let permit = match places.acquire_owned().await {
            Ok(permit) => permit,
            // Nobody closes it.
            Err(_) => unreachable!("a semaphore of the pace is never closed"),
        };
        let due = self.due(ip);
        tokio::time::sleep_until(due.into()).await;
        Permit(permit)
    }

    fn places(&self, ip: IpAddr) -> Arc<Semaphore> {
        let mut addresses = self.lock();
        if addresses.len() > IDLE_LIMIT {
            let now = Instant::now();
            addresses
                .retain(|_, address| address.next > now || Arc::strong_count(&address.places) > 1);
        }
        let address = addresses.entry(ip).or_insert_with(|| Address {
            places: Arc::new(Semaphore::new(self.limits.per_address)),
            next: Instant::now(),
        });
        address.places.clone()
    }

    /// Takes the next moment at `ip`.
    fn due(&self, ip: IpAddr) -> Instant {
        let now = Instant::now();
        let rated = match ip.is_loopback() {
            true => now,
            false => self.rate.take(now),
        };
        let mut addresses = self.lock();
        match addresses.get_mut(&ip) {
            Some(address) => {
                let due = address.next.max(rated);
                address.next = due + self.limits.spacing;
                due
            }
            None => rated,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Address>> {
        // Every change is whole before anything can panic.
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn two_at_once_and_a_pause_between_beginnings() {
        let pace = Arc::new(FetchPace::new(FetchLimits::default()));
        let at_once = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let (pace, at_once, most, begun) =
                    (pace.clone(), at_once.clone(), most.clone(), begun.clone());
                tokio::spawn(async move {
                    let ip: IpAddr = ["127.0.0.1", "::ffff:127.0.0.1"][number % 2]
                        .parse()
                        .unwrap();
                    let permit = pace.enter(ip).await;
                    begun.lock().unwrap().push(std::time::Instant::now());
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(60)).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(begun.lock().unwrap().len(), 20);
    }

    #[tokio::test]
    async fn beginnings_are_spaced_at_one_address_and_not_between_two() {
        let pace = FetchPace::new(FetchLimits::default());
        let start = Instant::now();
        for _ in 0..5 {
            drop(pace.enter("127.0.0.1".parse().unwrap()).await);
        }
        assert!(start.elapsed() >= Duration::from_millis(100));
        let before = pace.due("127.0.0.1".parse().unwrap());
        let other = pace.due("127.0.0.2".parse().unwrap());
        assert!(other <= Instant::now() && before > other);
    }

    #[tokio::test]
    async fn idle_addresses_are_forgotten() {
        let pace = FetchPace::new(FetchLimits {
            spacing: Duration::ZERO,
            ..FetchLimits::default()
        });
        for number in 0..IDLE_LIMIT as u32 + 50 {
            let ip = IpAddr::from(std::net::Ipv4Addr::from(0x7f00_0000 + number));
            drop(pace.enter(ip).await);
        }
        assert!(pace.lock().len() <= IDLE_LIMIT + 1);
    }
}
